# The intake of certificate requests.
check_PROGRAMS += tests/unit/pki_request_test
TESTS += tests/unit/pki_request_test
tests_unit_pki_request_test_SOURCES = tests/unit/pki_request_test.c
tests_unit_pki_request_test_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_pki_request_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_request_test_LDADD = libcarequest.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
EXTRA_DIST += tests/unit/pki_request_samples.tsv tests/samples/pki_requests
dist_check_SCRIPTS += tests/integration/pki_requests.sh tests/integration/pki_judges.sh
EXTRA_DIST += tests/integration/pki_judges
