# The planner: cases in a table, random worlds, its SQL and its words.
check_PROGRAMS += tests/unit/sync_plan_test tests/unit/sync_plan_property_test \
	tests/unit/sync_plan_words_test tests/unit/sync_plan_guards_test
TESTS += tests/unit/sync_plan_test tests/unit/sync_plan_property_test \
	tests/unit/sync_plan_words_test tests/unit/sync_plan_guards_test
sync_plan_world = tests/unit/sync_plan_world.c tests/unit/sync_plan_world.h
tests_unit_sync_plan_test_SOURCES = tests/unit/sync_plan_test.c $(sync_plan_world)
tests_unit_sync_plan_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS)
tests_unit_sync_plan_test_LDADD = libsyncplan.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_plan_property_test_SOURCES = tests/unit/sync_plan_property_test.c \
	tests/unit/sync_plan_apply.c tests/unit/sync_plan_random.c $(sync_plan_world)
tests_unit_sync_plan_property_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS)
tests_unit_sync_plan_property_test_LDADD = libsyncplan.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_plan_words_test_SOURCES = tests/unit/sync_plan_words_test.c $(sync_plan_world)
tests_unit_sync_plan_words_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) \
	$(JANSSON_CFLAGS)
tests_unit_sync_plan_words_test_LDADD = libsyncplan.la $(GLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_plan_guards_test_SOURCES = tests/unit/sync_plan_guards_test.c $(sync_plan_world)
tests_unit_sync_plan_guards_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS)
tests_unit_sync_plan_guards_test_LDADD = libsyncplan.la $(GLIB_LIBS) $(CMOCKA_LIBS)
