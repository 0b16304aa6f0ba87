# Progress, QR files and pages: pure pieces of pgsignet-mfa.
check_PROGRAMS += tests/unit/progress_test
TESTS += tests/unit/progress_test

tests_unit_progress_test_SOURCES = tests/unit/progress_test.c
tests_unit_progress_test_LDADD = libcommon.la $(CMOCKA_LIBS) -lutil
tests_unit_progress_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/page_test
TESTS += tests/unit/page_test
tests_unit_page_test_SOURCES = tests/unit/page_test.c
tests_unit_page_test_LDADD = libmfacli.la libcommon.la $(CMOCKA_LIBS)
tests_unit_page_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/roster_test
TESTS += tests/unit/roster_test
tests_unit_roster_test_SOURCES = tests/unit/roster_test.c \
	mfa/enroll.c mfa/page_folder.c mfa/roster.c
tests_unit_roster_test_LDADD = libmfacli.la libldapc.la libmfa.la libcommon.la $(CMOCKA_LIBS)
tests_unit_roster_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
dist_check_SCRIPTS += tests/integration/enroll_many.sh
