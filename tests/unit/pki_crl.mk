# CRLs, and the proof of a revocation.
check_PROGRAMS += tests/unit/pki_crl_test
TESTS += tests/unit/pki_crl_test
tests_unit_pki_crl_test_SOURCES = tests/unit/pki_crl_test.c
tests_unit_pki_crl_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_pki_crl_test_LDADD = libca.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
dist_check_SCRIPTS += tests/integration/pki_crl.sh tests/integration/pki_revoke.sh tests/integration/pki_twins.sh
