# Benchmarks: no tests, but built with everything, so that they do not rot.
noinst_LTLIBRARIES += libbench.la
libbench_la_SOURCES = \
	tests/bench/cpu.c tests/bench/cpu.h \
	tests/bench/fixture.c tests/bench/fixture.h \
	tests/bench/fixture_pg.c \
	tests/bench/fixture_store.c \
	tests/bench/pool.c tests/bench/pool.h \
	tests/bench/runner.c tests/bench/runner.h \
	tests/bench/runner_options.c
libbench_la_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS) $(PQ_CFLAGS)
libbench_la_LIBADD = libmfa.la libcommon.la $(OATH_LIBS) $(PQ_LIBS)

noinst_PROGRAMS += tests/bench/seed tests/bench/pam_driver tests/bench/login_client
tests_bench_seed_SOURCES = tests/bench/seed.c
tests_bench_seed_LDADD = libbench.la
tests_bench_pam_driver_SOURCES = tests/bench/pam_driver.c
tests_bench_pam_driver_LDADD = libbench.la $(PAM_LIBS)
tests_bench_login_client_SOURCES = tests/bench/login_client.c
tests_bench_login_client_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_bench_login_client_LDADD = libbench.la $(PQ_LIBS)

noinst_PROGRAMS += tests/bench/pki_seed
tests_bench_pki_seed_SOURCES = tests/bench/pki_seed.c
tests_bench_pki_seed_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_pki_seed_LDADD = libcaledger.la libcakeys.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS)

noinst_LTLIBRARIES += tests/bench/pam_prompt.la
tests_bench_pam_prompt_la_SOURCES = tests/bench/pam_prompt.c
tests_bench_pam_prompt_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_bench_pam_prompt_la_LIBADD = $(PAM_LIBS)

EXTRA_DIST += \
	tests/bench/common.sh tests/bench/ldap_sync tests/bench/login tests/bench/pam tests/bench/pki \
	tests/bench/table.awk \
	tests/integration/bench.sh

# Takes about ten minutes, as root, on a machine that does nothing else.
bench: all
	PGSIGNET_BUILD=$(abs_builddir) $(srcdir)/tests/bench/pam
	PGSIGNET_BUILD=$(abs_builddir) $(srcdir)/tests/bench/login
	PGSIGNET_BUILD=$(abs_builddir) $(srcdir)/tests/bench/ldap_sync
	PGSIGNET_BUILD=$(abs_builddir) $(srcdir)/tests/bench/pki
.PHONY: bench
