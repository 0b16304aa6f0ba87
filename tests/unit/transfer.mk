# Import and export: readers, writers.
check_PROGRAMS += tests/unit/transfer_test tests/unit/transfer_pskc_test
TESTS += tests/unit/transfer_test tests/unit/transfer_pskc_test
tests_unit_transfer_test_SOURCES = tests/unit/transfer_test.c
tests_unit_transfer_test_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_transfer_test_LDADD = libmfacli.la libcommon.la $(CMOCKA_LIBS)
tests_unit_transfer_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_transfer_pskc_test_SOURCES = tests/unit/transfer_pskc_test.c
tests_unit_transfer_pskc_test_CPPFLAGS = $(AM_CPPFLAGS) -DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_unit_transfer_pskc_test_LDADD = libmfacli.la libcommon.la $(CMOCKA_LIBS)
tests_unit_transfer_pskc_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
EXTRA_DIST += tests/samples/transfer
dist_check_SCRIPTS += tests/integration/transfer.sh
