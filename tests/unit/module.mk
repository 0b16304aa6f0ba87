# The codec and the PAM module.
check_PROGRAMS += tests/unit/wire_test tests/unit/pam_args_test $(pam_module_tests)
TESTS += tests/unit/wire_test tests/unit/pam_args_test $(pam_module_tests) \
	tests/unit/pam_exports.sh tests/unit/pam_valgrind.sh
dist_check_SCRIPTS += tests/unit/pam_exports.sh tests/unit/pam_valgrind.sh
if SANITIZERS
AM_TESTS_ENVIRONMENT += SANITIZED=yes; export SANITIZED;
with_sanitizers = 1
else
with_sanitizers = 0
endif

tests_unit_wire_test_SOURCES = tests/unit/wire_test.c
tests_unit_wire_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_test_LDADD = libcommon.la $(CMOCKA_LIBS)

tests_unit_pam_args_test_SOURCES = tests/unit/pam_args_test.c \
	pam_module/args.c pam_module/exchange.c pam_module/outcome.c pam_module/prompt.c
tests_unit_pam_args_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_pam_args_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(PAM_LIBS)

# These drive the built pam_pgsignet.so through libpam, against a mock of the daemon.
pam_module_tests = tests/unit/pam_endings_test tests/unit/pam_socket_test \
	tests/unit/pam_stack_test tests/unit/pam_threads_test tests/unit/pam_wipe_test
EXTRA_DIST += tests/pam_driver.c tests/pam_driver.h
pam_test_common = tests/unit/pam_fixture.c tests/unit/pam_fixture.h \
	tests/fake_daemon.c tests/fake_daemon.h tests/pam_driver.c tests/pam_driver.h \
	tests/syslog_capture.c tests/syslog_capture.h
pam_test_cppflags = $(AM_CPPFLAGS) \
	-DMODULE_PATH='"$(abs_top_builddir)/.libs/pam_pgsignet.so"' \
	-DTESTTOK_PATH='"$(abs_top_builddir)/tests/.libs/pam_testtok.so"'
pam_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
pam_test_ldadd = libcommon.la $(CMOCKA_LIBS) $(PAM_LIBS) -lpthread

tests_unit_pam_endings_test_SOURCES = tests/unit/pam_endings_test.c $(pam_test_common)
tests_unit_pam_endings_test_CPPFLAGS = $(pam_test_cppflags)
tests_unit_pam_endings_test_CFLAGS = $(pam_test_cflags)
tests_unit_pam_endings_test_LDADD = $(pam_test_ldadd)

tests_unit_pam_socket_test_SOURCES = tests/unit/pam_socket_test.c $(pam_test_common)
tests_unit_pam_socket_test_CPPFLAGS = $(pam_test_cppflags)
tests_unit_pam_socket_test_CFLAGS = $(pam_test_cflags)
tests_unit_pam_socket_test_LDADD = $(pam_test_ldadd)

tests_unit_pam_stack_test_SOURCES = tests/unit/pam_stack_test.c $(pam_test_common)
tests_unit_pam_stack_test_CPPFLAGS = $(pam_test_cppflags)
tests_unit_pam_stack_test_CFLAGS = $(pam_test_cflags)
tests_unit_pam_stack_test_LDADD = $(pam_test_ldadd)

tests_unit_pam_threads_test_SOURCES = tests/unit/pam_threads_test.c $(pam_test_common)
tests_unit_pam_threads_test_CPPFLAGS = $(pam_test_cppflags)
tests_unit_pam_threads_test_CFLAGS = $(pam_test_cflags)
tests_unit_pam_threads_test_LDADD = $(pam_test_ldadd)

tests_unit_pam_wipe_test_SOURCES = tests/unit/pam_wipe_test.c $(pam_test_common)
tests_unit_pam_wipe_test_CPPFLAGS = $(pam_test_cppflags) -DWITH_SANITIZERS=$(with_sanitizers)
tests_unit_pam_wipe_test_CFLAGS = $(pam_test_cflags)
tests_unit_pam_wipe_test_LDADD = $(pam_test_ldadd)

check_LTLIBRARIES += tests/pam_testtok.la
tests_pam_testtok_la_SOURCES = tests/pam_testtok.c
tests_pam_testtok_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_pam_testtok_la_LIBADD = $(PAM_LIBS)
