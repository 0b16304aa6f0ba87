# What ./setup check and ./setup demo run on top of `make check`.
EXTRA_DIST += .ci/run tests/check.sh tests/integration/run examples/pam.d-pgsignet
