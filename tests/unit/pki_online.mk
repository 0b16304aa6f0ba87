# What is asked of networks, from the side that asks; the lines that deploy prints.
check_PROGRAMS += tests/unit/pki_online_test tests/unit/pki_online_child_test tests/unit/pki_deploy_test
TESTS += tests/unit/pki_online_test tests/unit/pki_online_child_test tests/unit/pki_deploy_test
ONLINE_TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
ONLINE_TEST_LIBS = libca.la $(GLIB_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_pki_online_test_SOURCES = tests/unit/pki_online_test.c pki/online_dn.c \
	tests/unit/pki_online_mock.c tests/unit/pki_online_mock.h
tests_unit_pki_online_test_CFLAGS = $(ONLINE_TEST_FLAGS)
tests_unit_pki_online_test_LDADD = $(ONLINE_TEST_LIBS)
tests_unit_pki_online_child_test_SOURCES = tests/unit/pki_online_child_test.c \
	tests/unit/pki_online_mock.c tests/unit/pki_online_mock.h
tests_unit_pki_online_child_test_CFLAGS = $(ONLINE_TEST_FLAGS)
tests_unit_pki_online_child_test_LDADD = $(ONLINE_TEST_LIBS)
tests_unit_pki_deploy_test_SOURCES = tests/unit/pki_deploy_test.c
tests_unit_pki_deploy_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_pki_deploy_test_LDADD = libca.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
