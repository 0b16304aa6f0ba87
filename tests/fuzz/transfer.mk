# Files to import.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_transfer tests/fuzz/fuzz_pskc
tests_fuzz_fuzz_transfer_SOURCES = tests/fuzz/fuzz_transfer.c
tests_fuzz_fuzz_transfer_LDADD = libmfacli.la libcommon.la
tests_fuzz_fuzz_transfer_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_pskc_SOURCES = tests/fuzz/fuzz_pskc.c
tests_fuzz_fuzz_pskc_LDADD = libmfacli.la libcommon.la
tests_fuzz_fuzz_pskc_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/transfer tests/fuzz/corpus/pskc
