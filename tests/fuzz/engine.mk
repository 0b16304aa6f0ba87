if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_split
tests_fuzz_fuzz_split_SOURCES = tests/fuzz/fuzz_split.c
tests_fuzz_fuzz_split_LDADD = libmfa.la libcommon.la
tests_fuzz_fuzz_split_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/split
