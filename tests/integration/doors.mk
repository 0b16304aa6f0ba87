# Doors: networks and proxies, the daemon's own role, bursts, break glass, floods.
check_PROGRAMS += tests/integration/flood_client
tests_integration_flood_client_SOURCES = tests/integration/flood_client.c
tests_integration_flood_client_LDADD = libcommon.la
dist_check_SCRIPTS += tests/integration/breakglass.sh tests/integration/burst.sh \
	tests/integration/flood.sh tests/integration/recursion.sh
