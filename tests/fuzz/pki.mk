# Certificate requests; certificates, CRLs and names under the CA's own judge.
if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_pki_request tests/fuzz/fuzz_pki_lint
tests_fuzz_fuzz_pki_request_SOURCES = tests/fuzz/fuzz_pki_request.c
tests_fuzz_fuzz_pki_request_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_pki_request_LDADD = libcarequest.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS)
tests_fuzz_fuzz_pki_request_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_pki_lint_SOURCES = tests/fuzz/fuzz_pki_lint.c
tests_fuzz_fuzz_pki_lint_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_fuzz_pki_lint_LDADD = libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS)
tests_fuzz_fuzz_pki_lint_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
EXTRA_DIST += tests/fuzz/corpus/pki_request tests/fuzz/corpus/pki_lint
