# CRLs, and the proof of a revocation.
check_PROGRAMS += tests/unit/pki_crl_test tests/unit/pki_crl_folder_test tests/unit/pki_proof_test
TESTS += tests/unit/pki_crl_test tests/unit/pki_crl_folder_test tests/unit/pki_proof_test
CRL_TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
CRL_TEST_LIBS = libca.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_pki_crl_test_SOURCES = tests/unit/pki_crl_test.c \
	tests/unit/pki_crl_fixture.c tests/unit/pki_crl_fixture.h
tests_unit_pki_crl_test_CFLAGS = $(CRL_TEST_FLAGS)
tests_unit_pki_crl_test_LDADD = $(CRL_TEST_LIBS)
tests_unit_pki_crl_folder_test_SOURCES = tests/unit/pki_crl_folder_test.c \
	tests/unit/pki_crl_fixture.c tests/unit/pki_crl_fixture.h
tests_unit_pki_crl_folder_test_CFLAGS = $(CRL_TEST_FLAGS)
tests_unit_pki_crl_folder_test_LDADD = $(CRL_TEST_LIBS)
tests_unit_pki_proof_test_SOURCES = tests/unit/pki_proof_test.c
tests_unit_pki_proof_test_CFLAGS = $(CRL_TEST_FLAGS)
tests_unit_pki_proof_test_LDADD = $(CRL_TEST_LIBS)
dist_check_SCRIPTS += tests/integration/pki_crl.sh tests/integration/pki_revoke.sh
