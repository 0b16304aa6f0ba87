# Break glass: the engine's part.
check_PROGRAMS += tests/unit/breakglass_test
TESTS += tests/unit/breakglass_test
tests_unit_breakglass_test_SOURCES = tests/unit/breakglass_test.c $(ATTEMPT_FIXTURE)
tests_unit_breakglass_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_breakglass_test_CFLAGS = $(ENGINE_TEST_FLAGS)
