# The sync's PostgreSQL side, as far as it needs no server.
check_PROGRAMS += tests/unit/sync_server_rows_test tests/unit/sync_turns_test
TESTS += tests/unit/sync_server_rows_test tests/unit/sync_turns_test
tests_unit_sync_server_rows_test_SOURCES = tests/unit/sync_server_rows_test.c
tests_unit_sync_server_rows_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(PQ_CFLAGS)
tests_unit_sync_server_rows_test_LDADD = libsyncserver.la libsyncplan.la libcommon.la \
	$(GLIB_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_turns_test_SOURCES = tests/unit/sync_turns_test.c
tests_unit_sync_turns_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS)
tests_unit_sync_turns_test_LDADD = libsyncserver.la libsyncplan.la libcommon.la \
	$(GLIB_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
