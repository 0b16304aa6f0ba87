# The files a certificate is given away in, and the lists of who gets one.
check_PROGRAMS += tests/unit/pki_output_test tests/unit/pki_wishes_test
TESTS += tests/unit/pki_output_test tests/unit/pki_wishes_test
tests_unit_pki_output_test_SOURCES = tests/unit/pki_output_test.c
tests_unit_pki_output_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(PQ_CFLAGS)
tests_unit_pki_output_test_LDADD = libcakeys.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
tests_unit_pki_wishes_test_SOURCES = tests/unit/pki_wishes_test.c
tests_unit_pki_wishes_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_pki_wishes_test_LDADD = libca.la $(CMOCKA_LIBS)
dist_check_SCRIPTS += tests/integration/pki_issue.sh

check_PROGRAMS += tests/unit/pki_encoding_test
TESTS += tests/unit/pki_encoding_test
tests_unit_pki_encoding_test_SOURCES = tests/unit/pki_encoding_test.c
# EC_KEY is how compressed points and explicit curves are made; OpenSSL 3 calls it old.
tests_unit_pki_encoding_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) -Wno-deprecated-declarations
tests_unit_pki_encoding_test_LDADD = libcakeys.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
