# Keys and certificates of the CA.
check_PROGRAMS += tests/unit/pki_key_test tests/unit/pki_certificate_test
TESTS += tests/unit/pki_key_test tests/unit/pki_certificate_test
tests_unit_pki_key_test_SOURCES = tests/unit/pki_key_test.c
tests_unit_pki_key_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_key_test_LDADD = $(CA_KEYS_TEST_LIBS)
tests_unit_pki_certificate_test_SOURCES = tests/unit/pki_certificate_test.c
tests_unit_pki_certificate_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_certificate_test_LDADD = $(CA_KEYS_TEST_LIBS)
dist_check_SCRIPTS += tests/integration/pki_init.sh tests/integration/pki_pkcs11.sh tests/integration/pki_adopt.sh \
	tests/integration/pki_adopt_away.sh tests/integration/pki_sslrootcert.sh
