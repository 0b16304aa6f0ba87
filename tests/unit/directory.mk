# The LDAP client without a server.
check_PROGRAMS += tests/unit/ldap_test tests/unit/ldap_addresses_test tests/unit/directory_test
TESTS += tests/unit/ldap_test tests/unit/ldap_addresses_test tests/unit/directory_test
tests_unit_ldap_test_SOURCES = tests/unit/ldap_test.c
tests_unit_ldap_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDAP_CFLAGS)
tests_unit_ldap_test_LDADD = libldapc.la libcommon.la $(LDAP_LIBS) $(CMOCKA_LIBS)
tests_unit_directory_test_SOURCES = tests/unit/directory_test.c
tests_unit_directory_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDAP_CFLAGS)
tests_unit_directory_test_LDADD = libldapc.la libcommon.la $(CMOCKA_LIBS)
tests_unit_ldap_addresses_test_SOURCES = tests/unit/ldap_addresses_test.c
tests_unit_ldap_addresses_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(LDAP_CFLAGS)
tests_unit_ldap_addresses_test_LDADD = libldapc.la libcommon.la $(LDAP_LIBS) $(CMOCKA_LIBS)
