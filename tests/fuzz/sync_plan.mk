# What the planner writes of names and texts.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_sync_plan
tests_fuzz_fuzz_sync_plan_SOURCES = tests/fuzz/fuzz_sync_plan.c
tests_fuzz_fuzz_sync_plan_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
tests_fuzz_fuzz_sync_plan_LDADD = libsyncplan.la libcommon.la $(GLIB_LIBS)
tests_fuzz_fuzz_sync_plan_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/sync_plan
