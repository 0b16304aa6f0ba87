# Roles and verifiers: common/role, authd/scram, common/pgconn; and the throw-away PostgreSQL.
check_PROGRAMS += tests/unit/scram_test tests/unit/role_test tests/integration/role_probe
TESTS += tests/unit/scram_test tests/unit/role_test

tests_unit_scram_test_SOURCES = tests/unit/scram_test.c tests/unit/scram_vectors.h
tests_unit_scram_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_scram_test_LDADD = librole.la libcommon.la $(CMOCKA_LIBS)

tests_unit_role_test_SOURCES = tests/unit/role_test.c
tests_unit_role_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_role_test_LDADD = librole.la libcommon.la $(CMOCKA_LIBS)

tests_integration_role_probe_SOURCES = tests/integration/role_probe.c
tests_integration_role_probe_LDADD = librole.la libcommon.la

EXTRA_DIST += \
	tests/integration/postgres.sh \
	tests/integration/report.sh \
	tests/integration/role.sh
