# The LDAP client against a real slapd: libraries of shell functions, scripts, their programs.
EXTRA_DIST += tests/integration/slapd.sh
