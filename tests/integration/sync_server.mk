# The sync's PostgreSQL side against a real server.
check_PROGRAMS += tests/integration/sync_server_probe
tests_integration_sync_server_probe_SOURCES = tests/integration/sync_server_probe.c
tests_integration_sync_server_probe_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(PQ_CFLAGS)
tests_integration_sync_server_probe_LDADD = libsyncserver.la libsyncplan.la libcommon.la \
	$(GLIB_LIBS) $(PQ_LIBS)
dist_check_SCRIPTS += tests/integration/sync_server.sh tests/integration/sync_kill.sh
