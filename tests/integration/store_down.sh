#!/usr/bin/env bash
# Proves that logins survive a shared store that is down, hangs, or comes later than the daemon.
# time: 400
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/report.sh"
# shellcheck source=tests/integration/stack.sh
. "$here/stack.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/store-down.XXXXXX")
chmod a+x "$work"
stopped=

# The store's server is another than the one that logins go to: its variables are kept apart.
store()
{
    (
        unset PG_SUPERUSER_AUTH
        [ ! -e "$work/store" ] || . "$work/store"
        "$@"
    )
}
remember()
{
    start_postgres "$1" && declare -p PG_BIN PG_DIR PG_DATA PG_SOCKET_DIR PG_PORT PG_LOG >"$work/store"
}

finish()
{
    [ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null
    stack_stop
    [ ! -e "$work/store" ] || store stop_postgres immediate
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

mkdir "$work/server"
store remember "$work/server" || exit 1
base="host=$(. "$work/store" && echo "$PG_SOCKET_DIR port=$PG_PORT") dbname=postgres"
# So long that a slow machine's login is told from one that waits, and comes while the store is left alone.
# shellcheck disable=SC2034 # read by stack.sh
STACK_STORE_YAML="{engine: postgresql, conninfo: \"$base user=pgsignet_store\", admin_conninfo: \"$base user=postgres\", timeout: 6s, retry_after: 20s}"
mkdir "$work/stack"
stack_start "$work/stack" || exit 1
for user in nina omar petra quinn; do
    stack_role "$user" && stack_person "$user" "PW-$user" dba && stack_enroll "$user" || exit 1
done

login()
{
    stack_code "$1"
    stack_psql "$1" "PW-$1$STACK_CODE" 'SELECT 1' >/dev/null 2>&1
}
# expect NAME USER REASON: a login of USER ends with that reason, which the daemon has come to before the module's
# patience (10 s) ended; and nothing hangs.
expect()
{
    local began=$SECONDS
    login "$2"
    if [ "$(stack_last_reason)" = "$3" ] && [ $((SECONDS - began)) -le 20 ]; then
        ok "$1"
    else
        not_ok "$1" "after $((SECONDS - began)) s: $(stack_last_event)"
    fi
}

expect "a login with the store in PostgreSQL" nina granted
stack_psql nina "PW-nina$STACK_CODE" 'SELECT 1' >/dev/null 2>&1
check "its code counts once" test "$(stack_last_reason)" = code-used

store stop_postgres
expect "a store that is stopped is UNAVAILABLE, no more" omar store-unavailable
store pg_start
expect "the moment it is back, so are logins" omar granted

# Everything of that server hangs: postmaster and the workers' backends.
stopped=$(. "$work/store" && ps -o pid= --ppid "$(head -n 1 "$PG_DATA/postmaster.pid")" -p "$(head -n 1 "$PG_DATA/postmaster.pid")" | tr '\n' ' ')
kill -STOP $stopped
expect "a store that hangs ends a login by its timeout" petra store-unavailable
# Nobody looks at the code, nor is any to be had: enrolling needs the store.
hung_login()
{
    stack_psql petra PW-petra123456 'SELECT 1' >/dev/null 2>&1
}
# Until a login gets another answer than that the store is unavailable.
until_served()
{
    local tries=0
    until hung_login; [ "$(stack_last_reason)" != store-unavailable ] || [ "$tries" -ge 100 ]; do
        tries=$((tries + 1))
        sleep 0.5
    done
}
for _ in 1 2 3 4; do
    hung_login
done
began=$(date +%s%3N)
hung_login
took=$(($(date +%s%3N) - began))
check "then it is left alone by all workers: no login waits for it" test "$took" -lt 5500
check "... which the log says" grep -q "left alone" "$STACK_AUDIT" "$STACK_DAEMON_LOG"
kill -CONT $stopped
stopped=
until_served
expect "when it goes on, logins succeed again" omar granted

store stop_postgres
stack_daemon_restart
check "the daemon starts without its store" kill -0 "$STACK_DAEMON"
expect "... and says UNAVAILABLE" quinn store-unavailable
store pg_start
until_served
expect "... and opens it when it is there" quinn granted
report_end
