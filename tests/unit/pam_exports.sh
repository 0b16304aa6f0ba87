#!/bin/sh
# Proves that pam_pgsignet.so shows pam_sm_* only, needs libc and libpam only, keeps nothing per
# thread, and calls none of what a guest in another process must not call.
# Usage: pam_exports.sh (in the build folder; MODULE=path otherwise)
set -u
module=${MODULE:-.libs/pam_pgsignet.so}
sanitized=${SANITIZED:-no}
status=0

fail() {
    echo "FAIL: $1"
    status=1
}

[ -r "$module" ] || { echo "FAIL: no $module; run make first"; exit 1; }

exported=$(nm -D --defined-only "$module" | awk '{ print $3 }' | sort | tr '\n' ' ')
[ "$exported" = "pam_sm_acct_mgmt pam_sm_authenticate pam_sm_setcred " ] ||
    fail "it exports: $exported"

called=$(nm -D --undefined-only "$module" | awk '{ sub(/@.*/, "", $2); print $2 }')
for name in openlog closelog umask signal sigaction bsd_signal sigprocmask pthread_sigmask setenv \
    putenv unsetenv setlocale chdir atexit on_exit __cxa_atexit __cxa_thread_atexit_impl fork vfork \
    system popen execve pthread_create alarm setitimer sleep usleep nanosleep pam_fail_delay printf \
    puts fputs setuid seteuid setfsuid exit _exit abort pam_get_user pam_prompt pam_get_authtok \
    __tls_get_addr strerror; do
    for undefined in $called; do
        [ "$undefined" != "$name" ] || [ "$sanitized" = yes ] || fail "it calls $name"
    done
done

if [ "$sanitized" = yes ]; then
    [ $status -eq 0 ] || exit 1
    echo "SKIP: under sanitizers the module needs their libraries too"
    exit 77
fi
needed=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
[ "$needed" = "libc.so.6 libpam.so.0 " ] || fail "it needs: $needed"
! readelf -lW "$module" | grep -q ' TLS ' || fail "it has variables per thread"
exit $status
