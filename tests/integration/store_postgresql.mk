# The shared store on a real PostgreSQL: races, losses, a failover, and what its role may not do.
check_PROGRAMS += tests/integration/store_load tests/integration/store_raw
tests_integration_store_load_SOURCES = tests/integration/store_load.c
tests_integration_store_load_LDADD = $(ENGINE_TEST_LIBS)
tests_integration_store_load_CFLAGS = $(ENGINE_TEST_FLAGS)
tests_integration_store_raw_SOURCES = tests/integration/store_raw.c
tests_integration_store_raw_LDADD = $(ENGINE_TEST_LIBS) $(PQ_LIBS)
tests_integration_store_raw_CFLAGS = $(ENGINE_TEST_FLAGS) $(PQ_CFLAGS)
EXTRA_DIST += tests/integration/cluster.sh
dist_check_SCRIPTS += tests/integration/store_postgresql.sh tests/integration/failover.sh tests/integration/store_down.sh
