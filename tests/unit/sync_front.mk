# The front of pgsignet-ldap-sync: its section, its options, what it says.
check_PROGRAMS += tests/unit/sync_settings_test
TESTS += tests/unit/sync_settings_test
tests_unit_sync_settings_test_SOURCES = tests/unit/sync_settings_test.c
tests_unit_sync_settings_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_settings_test_LDADD = libcommon.la $(CMOCKA_LIBS)

# What a run says of itself.
check_PROGRAMS += tests/unit/sync_output_test
TESTS += tests/unit/sync_output_test
tests_unit_sync_output_test_SOURCES = tests/unit/sync_output_test.c
tests_unit_sync_output_test_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sync_output_test_LDADD = libsyncprogram.la $(GLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

# The manual page and the guide against the program.
TESTS += tests/unit/sync_man.sh
dist_check_SCRIPTS += tests/unit/sync_man.sh tests/integration/ldap_sync.sh
