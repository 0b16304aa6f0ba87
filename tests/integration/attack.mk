# What an attacker on the host, on the wire or in the directory tries.
check_PROGRAMS += tests/integration/attack_probe
tests_integration_attack_probe_SOURCES = tests/integration/attack_probe.c
tests_integration_attack_probe_LDADD = libcommon.la
dist_check_SCRIPTS += tests/integration/attack.sh
