# The LDAP client against a real slapd: libraries of shell functions, scripts, their programs.
EXTRA_DIST += tests/integration/slapd.sh tests/integration/samba.sh
check_PROGRAMS += tests/integration/directory_probe
tests_integration_directory_probe_SOURCES = tests/integration/directory_probe.c
tests_integration_directory_probe_LDADD = libldapc.la libcommon.la
check_PROGRAMS += tests/integration/fault_proxy
tests_integration_fault_proxy_SOURCES = tests/integration/fault_proxy.c
tests_integration_fault_proxy_LDADD = libcommon.la
dist_check_SCRIPTS += tests/integration/directory.sh tests/integration/ad.sh tests/integration/ds389.sh
