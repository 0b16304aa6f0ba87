# Settings, numbers, texts, messages, audit events, writing, and the documents that must name them all.
check_PROGRAMS += tests/unit/settings_test tests/unit/audit_test tests/unit/audit_trail_test tests/unit/text_test \
	tests/unit/documents_test tests/unit/address_test tests/unit/write_all_test
TESTS += tests/unit/settings_test tests/unit/audit_test tests/unit/audit_trail_test tests/unit/text_test \
	tests/unit/documents_test tests/unit/address_test tests/unit/write_all_test

tests_unit_write_all_test_SOURCES = tests/unit/write_all_test.c
tests_unit_write_all_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_write_all_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=write
tests_unit_write_all_test_LDADD = libcommon.la $(CMOCKA_LIBS)

TESTS += tests/unit/documents_links.sh
dist_check_SCRIPTS += tests/unit/documents_links.sh

tests_unit_address_test_SOURCES = tests/unit/address_test.c
tests_unit_address_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_address_test_LDADD = libcommon.la $(CMOCKA_LIBS)

tests_unit_settings_test_SOURCES = tests/unit/settings_test.c
tests_unit_settings_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_test_LDADD = libcommon.la $(CMOCKA_LIBS)

tests_unit_audit_test_SOURCES = tests/unit/audit_test.c
tests_unit_audit_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_audit_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(JANSSON_LIBS)

tests_unit_audit_trail_test_SOURCES = tests/unit/audit_trail_test.c tests/syslog_capture.c tests/syslog_capture.h
tests_unit_audit_trail_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_audit_trail_test_LDADD = libcommon.la $(CMOCKA_LIBS)

tests_unit_text_test_SOURCES = tests/unit/text_test.c
tests_unit_text_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_text_test_LDADD = libcommon.la $(CMOCKA_LIBS)

tests_unit_documents_test_SOURCES = tests/unit/documents_test.c
tests_unit_documents_test_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_documents_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_documents_test_LDADD = libcommon.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/ca_settings_test
TESTS += tests/unit/ca_settings_test
tests_unit_ca_settings_test_SOURCES = tests/unit/ca_settings_test.c
tests_unit_ca_settings_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ca_settings_test_LDADD = libcommon.la $(CMOCKA_LIBS)
