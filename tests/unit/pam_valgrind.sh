#!/bin/sh
# Proves that logins through pam_pgsignet.so, good and bad, leave no memory and touch none that is
# not theirs (valgrind, all kinds of definite and possible loss).
set -u
if [ "${SANITIZED:-no}" = yes ]; then
    echo "SKIP: valgrind and AddressSanitizer do not go together; the sanitizer looks for leaks itself"
    exit 77
fi
if ! command -v valgrind >/dev/null 2>&1; then
    echo "SKIP: valgrind is not installed (Debian: apt-get install valgrind)"
    exit 77
fi
status=0
for program in pam_threads_test pam_endings_test pam_stack_test; do
    echo "== $program"
    PGSIGNET_TEST_LOGINS=25 valgrind --quiet --error-exitcode=9 --leak-check=full \
        --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --track-fds=no \
        "tests/unit/$program" || status=1
done
exit $status
