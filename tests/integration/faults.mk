# What goes wrong around a login: the directory, the daemon's life, time limits, a hostile superuser.
check_PROGRAMS += tests/integration/peer_probe
tests_integration_peer_probe_SOURCES = tests/integration/peer_probe.c
tests_integration_peer_probe_LDADD = libcommon.la

check_PROGRAMS += tests/unit/guard_test
TESTS += tests/unit/guard_test
tests_unit_guard_test_SOURCES = tests/unit/guard_test.c
tests_unit_guard_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_guard_test_LDADD = libcommon.la $(CMOCKA_LIBS)

EXTRA_DIST += tests/integration/faults.sh
dist_check_SCRIPTS += tests/integration/ldap_faults.sh tests/integration/daemon.sh \
	tests/integration/timeout.sh tests/integration/superuser.sh
