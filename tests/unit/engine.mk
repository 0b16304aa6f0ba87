# The token engine's tests.
check_LTLIBRARIES += tests/unit/libenginefixture.la
tests_unit_libenginefixture_la_SOURCES = \
	tests/unit/engine_fixture.c tests/unit/engine_fixture.h
tests_unit_libenginefixture_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_libenginefixture_la_LIBADD = libmfa.la libcommon.la $(SQLITE_LIBS)
ENGINE_TEST_LIBS = tests/unit/libenginefixture.la libmfa.la libcommon.la $(CMOCKA_LIBS)
ENGINE_TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS) $(CRYPTO_CFLAGS)

check_PROGRAMS += tests/unit/attempt_test
TESTS += tests/unit/attempt_test
tests_unit_attempt_test_SOURCES = tests/unit/attempt_test.c
tests_unit_attempt_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_attempt_test_CFLAGS = $(ENGINE_TEST_FLAGS)
