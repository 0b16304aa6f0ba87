# A disk that fails, and a process that is killed, between any two calls: for pki_kill.sh and pki_disk.sh.
check_LTLIBRARIES += tests/integration/pki_fault.la
tests_integration_pki_fault_la_SOURCES = tests/integration/pki_fault.c
tests_integration_pki_fault_la_CFLAGS = $(WARN_CFLAGS)
tests_integration_pki_fault_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

dist_check_SCRIPTS += tests/integration/pki_kill.sh tests/integration/pki_disk.sh \
	tests/integration/pki_race.sh tests/integration/pki_clock.sh tests/integration/pki_meanwhile.sh
EXTRA_DIST += tests/integration/pki_kill.py
