# The sync's reader of the directory: without a server here, with real ones in tests/integration.
check_PROGRAMS += tests/integration/sync_directory_probe
tests_integration_sync_directory_probe_SOURCES = tests/integration/sync_directory_probe.c
tests_integration_sync_directory_probe_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
tests_integration_sync_directory_probe_LDADD = libsyncdir.la libsyncplan.la libldapc.la libcommon.la $(GLIB_LIBS)
dist_check_SCRIPTS += tests/integration/sync_directory.sh

check_PROGRAMS += tests/unit/sync_template_test tests/unit/sync_rules_test
TESTS += tests/unit/sync_template_test tests/unit/sync_rules_test
tests_unit_sync_template_test_SOURCES = tests/unit/sync_template_test.c
tests_unit_sync_template_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS)
tests_unit_sync_template_test_LDADD = libsyncdir.la libsyncplan.la libldapc.la libcommon.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_sync_rules_test_SOURCES = tests/unit/sync_rules_test.c
tests_unit_sync_rules_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(GLIB_CFLAGS) $(LDAP_CFLAGS)
tests_unit_sync_rules_test_LDADD = libsyncdir.la libsyncplan.la libldapc.la libcommon.la $(GLIB_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/integration/sync_fake_ldap
tests_integration_sync_fake_ldap_SOURCES = tests/integration/sync_fake_ldap.c
tests_integration_sync_fake_ldap_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(LBER_CFLAGS)
tests_integration_sync_fake_ldap_LDADD = $(LDAP_LIBS) $(LBER_LIBS)
dist_check_SCRIPTS += tests/integration/sync_directory_faults.sh
dist_check_SCRIPTS += tests/integration/sync_directory_watch.sh
dist_check_SCRIPTS += tests/integration/sync_ad.sh
