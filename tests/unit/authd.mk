# The decision, with stand-ins for store, directory and PostgreSQL: burst.c, decide.c, returns.c and
# verifier.c are ours here, so they are compiled in instead of libauthd.
DECIDE_TEST_SOURCES = tests/unit/decide_scene.c tests/unit/decide_scene.h \
	tests/unit/decide_fakes.c tests/unit/decide_fakes.h \
	authd/burst.c authd/decide.c authd/returns.c authd/verifier.c
check_PROGRAMS += tests/unit/decide_test tests/unit/decide_burst_test
TESTS += tests/unit/decide_test tests/unit/decide_burst_test
tests_unit_decide_test_SOURCES = tests/unit/decide_test.c $(DECIDE_TEST_SOURCES)
tests_unit_decide_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_decide_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
tests_unit_decide_burst_test_SOURCES = tests/unit/decide_burst_test.c $(DECIDE_TEST_SOURCES)
tests_unit_decide_burst_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_decide_burst_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/burst_test
TESTS += tests/unit/burst_test
tests_unit_burst_test_SOURCES = tests/unit/burst_test.c authd/burst.c
tests_unit_burst_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_burst_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += tests/unit/named_files_test
TESTS += tests/unit/named_files_test
tests_unit_named_files_test_SOURCES = tests/unit/named_files_test.c
tests_unit_named_files_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_named_files_test_LDADD = libauthd.la $(CMOCKA_LIBS)
