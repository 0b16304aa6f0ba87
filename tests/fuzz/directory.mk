# What the LDAP client does to names.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_ldap
tests_fuzz_fuzz_ldap_SOURCES = tests/fuzz/fuzz_ldap.c
tests_fuzz_fuzz_ldap_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS)
tests_fuzz_fuzz_ldap_LDADD = libldapc.la libcommon.la $(LDAP_LIBS)
tests_fuzz_fuzz_ldap_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/ldap
