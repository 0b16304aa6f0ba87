# The daemon under abuse: races, kill -9, full disks, clocks, floods.
check_PROGRAMS += tests/integration/race_pam
tests_integration_race_pam_SOURCES = tests/integration/race_pam.c \
	tests/pam_driver.c tests/pam_driver.h
tests_integration_race_pam_LDADD = $(PAM_LIBS)
EXTRA_DIST += tests/integration/abuse.sh
dist_check_SCRIPTS += tests/integration/race.sh tests/integration/throttle.sh tests/integration/kill.sh tests/integration/state.sh tests/integration/clock.sh tests/integration/restore.sh
