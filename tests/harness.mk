# What ./setup check and ./setup demo run on top of `make check`.
EXTRA_DIST += .ci/run tests/check.sh tests/integration/run tests/demo.sh tests/integration/login.sh tests/integration/stack.sh
