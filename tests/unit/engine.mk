# The token engine's tests.
check_LTLIBRARIES += tests/unit/libenginefixture.la
tests_unit_libenginefixture_la_SOURCES = \
	tests/unit/engine_fixture.c tests/unit/engine_fixture.h
tests_unit_libenginefixture_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(PQ_CFLAGS)
tests_unit_libenginefixture_la_LIBADD = libmfa.la libcommon.la $(SQLITE_LIBS) $(PQ_LIBS)
ENGINE_TEST_LIBS = tests/unit/libenginefixture.la libmfa.la libcommon.la $(CMOCKA_LIBS)
ENGINE_TEST_FLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS) $(CRYPTO_CFLAGS)
ATTEMPT_FIXTURE = tests/unit/attempt_fixture.c tests/unit/attempt_fixture.h
MIGRATE_SCENE = $(ATTEMPT_FIXTURE) tests/unit/migrate_scene.c tests/unit/migrate_scene.h

check_PROGRAMS += tests/unit/attempt_test
TESTS += tests/unit/attempt_test
tests_unit_attempt_test_SOURCES = tests/unit/attempt_test.c $(ATTEMPT_FIXTURE)
tests_unit_attempt_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_attempt_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/attempt_failures_test
TESTS += tests/unit/attempt_failures_test
tests_unit_attempt_failures_test_SOURCES = tests/unit/attempt_failures_test.c $(ATTEMPT_FIXTURE)
tests_unit_attempt_failures_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_attempt_failures_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/otp_test
TESTS += tests/unit/otp_test
tests_unit_otp_test_SOURCES = tests/unit/otp_test.c
tests_unit_otp_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_otp_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/split_test
TESTS += tests/unit/split_test
tests_unit_split_test_SOURCES = tests/unit/split_test.c
tests_unit_split_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_split_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/throttle_test
TESTS += tests/unit/throttle_test
tests_unit_throttle_test_SOURCES = tests/unit/throttle_test.c
tests_unit_throttle_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_throttle_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/seal_test
TESTS += tests/unit/seal_test
tests_unit_seal_test_SOURCES = tests/unit/seal_test.c
tests_unit_seal_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_seal_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/queue_test
TESTS += tests/unit/queue_test
tests_unit_queue_test_SOURCES = tests/unit/queue_test.c
tests_unit_queue_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_queue_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/store_log_test
TESTS += tests/unit/store_log_test
tests_unit_store_log_test_SOURCES = tests/unit/store_log_test.c
tests_unit_store_log_test_LDADD = $(ENGINE_TEST_LIBS) $(SQLITE_LIBS)
tests_unit_store_log_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/store_test
TESTS += tests/unit/store_test
tests_unit_store_test_SOURCES = tests/unit/store_test.c
tests_unit_store_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_store_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/integration/token_race
TESTS += tests/integration/token_race
tests_integration_token_race_SOURCES = tests/integration/token_race.c
tests_integration_token_race_LDADD = $(ENGINE_TEST_LIBS)
tests_integration_token_race_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/integration/token_kill
TESTS += tests/integration/token_kill
tests_integration_token_kill_SOURCES = tests/integration/token_kill.c
tests_integration_token_kill_LDADD = $(ENGINE_TEST_LIBS)
tests_integration_token_kill_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/integration/token_full_disk
TESTS += tests/integration/token_full_disk
tests_integration_token_full_disk_SOURCES = tests/integration/token_full_disk.c
tests_integration_token_full_disk_LDADD = $(ENGINE_TEST_LIBS)
tests_integration_token_full_disk_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/migrate_test
TESTS += tests/unit/migrate_test
tests_unit_migrate_test_SOURCES = tests/unit/migrate_test.c $(MIGRATE_SCENE)
tests_unit_migrate_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_migrate_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/migrate_beside_test
TESTS += tests/unit/migrate_beside_test
tests_unit_migrate_beside_test_SOURCES = tests/unit/migrate_beside_test.c $(MIGRATE_SCENE)
tests_unit_migrate_beside_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_migrate_beside_test_CFLAGS = $(ENGINE_TEST_FLAGS)
