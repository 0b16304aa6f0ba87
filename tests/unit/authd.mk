# The decision, with stand-ins for store, directory and PostgreSQL: only decide.c and verifier.c are
# ours here, so they are compiled in instead of libauthd.
check_PROGRAMS += tests/unit/decide_test
TESTS += tests/unit/decide_test
tests_unit_decide_test_SOURCES = tests/unit/decide_test.c \
	tests/unit/decide_fakes.c tests/unit/decide_fakes.h \
	authd/decide.c authd/returns.c authd/verifier.c
tests_unit_decide_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_decide_test_LDADD = libcommon.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/named_files_test
TESTS += tests/unit/named_files_test
tests_unit_named_files_test_SOURCES = tests/unit/named_files_test.c
tests_unit_named_files_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_named_files_test_LDADD = libauthd.la $(CMOCKA_LIBS)
