# Logins through a real PgBouncer.
check_PROGRAMS += tests/integration/bouncer_client
tests_integration_bouncer_client_SOURCES = tests/integration/bouncer_client.c
tests_integration_bouncer_client_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_integration_bouncer_client_LDADD = libcommon.la $(PQ_LIBS)
dist_check_SCRIPTS += tests/integration/pgbouncer.sh
