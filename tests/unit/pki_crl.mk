# CRLs, and the proof of a revocation.
check_PROGRAMS += tests/unit/pki_crl_test tests/unit/pki_crl_folder_test tests/unit/pki_proof_test
TESTS += tests/unit/pki_crl_test tests/unit/pki_crl_folder_test tests/unit/pki_proof_test
tests_unit_pki_crl_test_SOURCES = tests/unit/pki_crl_test.c \
	tests/unit/pki_crl_fixture.c tests/unit/pki_crl_fixture.h
tests_unit_pki_crl_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_crl_test_LDADD = $(CA_TEST_LIBS)
tests_unit_pki_crl_folder_test_SOURCES = tests/unit/pki_crl_folder_test.c \
	tests/unit/pki_crl_fixture.c tests/unit/pki_crl_fixture.h
tests_unit_pki_crl_folder_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_crl_folder_test_LDADD = $(CA_TEST_LIBS)
tests_unit_pki_proof_test_SOURCES = tests/unit/pki_proof_test.c
tests_unit_pki_proof_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_proof_test_LDADD = $(CA_TEST_LIBS)
dist_check_SCRIPTS += tests/integration/pki_crl.sh tests/integration/pki_revoke.sh tests/integration/pki_twins.sh
