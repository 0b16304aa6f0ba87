# The files a certificate is given away in, and the lists of who gets one.
check_PROGRAMS += tests/unit/pki_output_test tests/unit/pki_wishes_test
TESTS += tests/unit/pki_output_test tests/unit/pki_wishes_test
tests_unit_pki_output_test_SOURCES = tests/unit/pki_output_test.c
tests_unit_pki_output_test_CFLAGS = $(CA_TEST_FLAGS) $(PQ_CFLAGS)
tests_unit_pki_output_test_LDADD = $(CA_KEYS_TEST_LIBS) $(PQ_LIBS)
tests_unit_pki_wishes_test_SOURCES = tests/unit/pki_wishes_test.c
tests_unit_pki_wishes_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_wishes_test_LDADD = $(CA_TEST_LIBS)
dist_check_SCRIPTS += tests/integration/pki_issue.sh

check_PROGRAMS += tests/unit/pki_encoding_test
TESTS += tests/unit/pki_encoding_test
tests_unit_pki_encoding_test_SOURCES = tests/unit/pki_encoding_test.c
# EC_KEY is how compressed points and explicit curves are made; OpenSSL 3 calls it old.
tests_unit_pki_encoding_test_CFLAGS = $(CA_TEST_FLAGS) -Wno-deprecated-declarations
tests_unit_pki_encoding_test_LDADD = $(CA_KEYS_TEST_LIBS)
