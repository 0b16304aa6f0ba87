# pgsignet-mfa's pure pieces.
check_PROGRAMS += tests/unit/arguments_test
TESTS += tests/unit/arguments_test
tests_unit_arguments_test_SOURCES = tests/unit/arguments_test.c
tests_unit_arguments_test_LDADD = libmfacli.la libcommon.la $(CMOCKA_LIBS)
tests_unit_arguments_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

check_PROGRAMS += tests/unit/otpauth_test tests/unit/qr_test tests/unit/display_test
TESTS += tests/unit/otpauth_test tests/unit/qr_test tests/unit/display_test

tests_unit_otpauth_test_SOURCES = tests/unit/otpauth_test.c
tests_unit_otpauth_test_LDADD = libmfacli.la libcommon.la $(CMOCKA_LIBS)
tests_unit_otpauth_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

tests_unit_qr_test_SOURCES = tests/unit/qr_test.c
tests_unit_qr_test_LDADD = libmfacli.la libcommon.la $(QRENCODE_LIBS) $(CMOCKA_LIBS)
tests_unit_qr_test_CFLAGS = $(AM_CFLAGS) $(QRENCODE_CFLAGS) $(CMOCKA_CFLAGS)

tests_unit_display_test_SOURCES = tests/unit/display_test.c
tests_unit_display_test_LDADD = libmfacli.la libcommon.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_display_test_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)

# The manual page against the program.
TESTS += tests/unit/mfa_man.sh
dist_check_SCRIPTS += tests/unit/mfa_man.sh tests/integration/mfa_cli.sh \
	tests/integration/mfa_life.sh
