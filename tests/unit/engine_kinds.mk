# Kinds of tokens, their life, recovery codes, the witness, and the upgrade of a store.
check_PROGRAMS += tests/unit/kinds_test
TESTS += tests/unit/kinds_test
tests_unit_kinds_test_SOURCES = tests/unit/kinds_test.c $(ATTEMPT_FIXTURE)
tests_unit_kinds_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_kinds_test_CFLAGS = $(ENGINE_TEST_FLAGS)

WITNESS_FIXTURE = $(ATTEMPT_FIXTURE) tests/unit/witness_fixture.c tests/unit/witness_fixture.h
check_PROGRAMS += tests/unit/witness_test
TESTS += tests/unit/witness_test
tests_unit_witness_test_SOURCES = tests/unit/witness_test.c $(WITNESS_FIXTURE)
tests_unit_witness_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_witness_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/witness_lasting_test
TESTS += tests/unit/witness_lasting_test
tests_unit_witness_lasting_test_SOURCES = tests/unit/witness_lasting_test.c $(WITNESS_FIXTURE)
tests_unit_witness_lasting_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_witness_lasting_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/life_test
TESTS += tests/unit/life_test
tests_unit_life_test_SOURCES = tests/unit/life_test.c $(ATTEMPT_FIXTURE)
tests_unit_life_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_life_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/upgrade_test
TESTS += tests/unit/upgrade_test
tests_unit_upgrade_test_SOURCES = tests/unit/upgrade_test.c $(ATTEMPT_FIXTURE)
tests_unit_upgrade_test_LDADD = $(ENGINE_TEST_LIBS) $(SQLITE_LIBS)
tests_unit_upgrade_test_CFLAGS = $(ENGINE_TEST_FLAGS)

