#!/usr/bin/env bash
# authentication_timeout and clients that hang up: the backend ends in time, and an abandoned request does no harm.
# time: 300
# alone: it holds backends to times
#
# The directory is frozen, the module would wait 30 s and the daemon lets one operation take as long: what
# ends before 15 s was ended by something else.  authentication_timeout is so long that a slow machine's login
# does not come to it.
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/faults.sh
. "$(dirname "$0")/faults.sh"
trap faults_stop EXIT
trap 'exit 130' INT TERM HUP

# Backends of clients, from the first packet to the last; those of the daemon's own connections are not.
backends()
{
    # shellcheck disable=SC2009 # pgrep cannot match the title and the parent at once
    ps -o pid=,args= --ppid "$(pg_postmaster)" | grep -F ' 127.0.0.1(' | awk '{ print $1 }'
}

no_backend()
{
    [ -z "$(backends)" ]
}

login()
{
    stack_psql "$1" "$2" 'SELECT session_user'
}

logged_in()
{
    [ "$(login "$1" "$2")" = "$1" ]
}

freeze()
{
    kill -STOP "$SLAPD_PID"
}

thaw()
{
    kill -CONT "$SLAPD_PID"
}

# hanging_login USER SECRET: sets client; returns once the daemon has the request in hand.
hanging_login()
{
    login "$1" "$2" >"$STACK_DIR/hanging.out" 2>&1 &
    client=$!
    eventually requests_in_hand_are 1
}

timeout_is()
{
    [ "$(pg_sql 'SHOW authentication_timeout')" = "$1" ]
}

# set_timeout TIME: returns when new backends go by it
set_timeout()
{
    pg_sql "ALTER SYSTEM SET authentication_timeout = '$1'" && pg_sql 'SELECT pg_reload_conf()' >/dev/null &&
        eventually timeout_is "$1" || not_ok "authentication_timeout is $1"
}

test_authentication_timeout()
{
    local code before
    stack_code alice
    code=$STACK_CODE
    before=$(events)
    freeze
    timed login alice "PW-alice$code"
    check "authentication_timeout 4 s: the client is told after $TOOK_MS ms" test "$TOOK_MS" -ge 3500 -a "$TOOK_MS" -lt 15000
    check "authentication_timeout 4 s: psql was not let in" grep -q FATAL <<<"$OUTPUT"
    check "authentication_timeout 4 s: no backend stays" eventually no_backend
    check "the request whose asker has gone is still in hand (control)" test "$(events)" -eq "$before"

    stack_code sam
    STACK_DB=scram timed login sam "PW-sam$STACK_CODE"
    check "meanwhile another logs in, $TOOK_MS ms" test "$OUTPUT" = sam -a "$TOOK_MS" -lt 15000
    thaw
    check "the request whose asker has gone ends with one event" eventually more_events_than $((before + 1))
    check "no login came of it" no_backend
    stack_code alice
    check "the next login of the same user is judged as ever" eventually logged_in alice "PW-alice$STACK_CODE"
}

# The worker's own end (30 s) is not waited for: the directory comes back before.
test_client_killed()
{
    local before
    stack_code alice
    before=$(events)
    freeze
    hanging_login alice "PW-alice$STACK_CODE" || not_ok "a login hangs in the directory"
    pkill -KILL -P "$client"
    now_ms && began=$NOW_MS
    check "a client killed in mid-login: its backend ends by authentication_timeout" eventually no_backend
    now_ms
    check "a client killed in mid-login: in $((NOW_MS - began)) ms" test $((NOW_MS - began)) -lt 15000
    thaw
    check "a client killed in mid-login: one event is written" eventually more_events_than "$before"
    stack_code alice
    check "a client killed in mid-login: the next login is judged as ever" \
        eventually logged_in alice "PW-alice$STACK_CODE"
    wait "$client" 2>/dev/null
}

test_client_hangs_up_at_the_prompt()
{
    local before
    before=$(events)
    # psql is asked for a password, has none, and hangs up.
    PGUSER=alice PGHOST=127.0.0.1 PGPORT=$PG_PORT PGDATABASE=postgres PGSSLMODE=verify-full PGSSLROOTCERT=$PG_CA \
        "$PG_BIN/psql" -X -w -c 'SELECT 1' >/dev/null 2>&1
    check "a client that hangs up at the prompt: its backend ends" eventually no_backend
    check "a client that hangs up at the prompt: the daemon is not asked" test "$(events)" -eq "$before"
}

# pg_terminate_backend sends SIGTERM: the module's wait ends with it.
test_terminated()
{
    local backend
    stack_code alice
    freeze
    hanging_login alice "PW-alice$STACK_CODE" || not_ok "a login hangs in the directory"
    backend=$(backends)
    now_ms && began=$NOW_MS
    pg_sql "SELECT pg_terminate_backend($backend)" >/dev/null
    wait "$client"
    now_ms
    check "pg_terminate_backend ends a hanging login in $((NOW_MS - began)) ms" test $((NOW_MS - began)) -lt 15000
    check "pg_terminate_backend: nobody was let in" test "$(cat "$STACK_DIR/hanging.out")" != alice
    check "pg_terminate_backend: no backend stays" eventually no_backend
    thaw
    stack_code alice
    check "pg_terminate_backend: the next login is judged as ever" \
        eventually logged_in alice "PW-alice$STACK_CODE"
}

# A whole server that is shut down while logins hang.
test_shutdown()
{
    stack_code alice
    freeze
    hanging_login alice "PW-alice$STACK_CODE" || not_ok "a login hangs in the directory"
    timed stop_postgres fast
    check "a fast shutdown is not held up by a hanging login, $TOOK_MS ms" test "$TOOK_MS" -lt 15000
    wait "$client"
    thaw
    restart_postgres >/dev/null 2>&1
    stack_code alice
    check "after a shutdown: the next login is judged as ever" eventually logged_in alice "PW-alice$STACK_CODE"
}

test_client_of_the_socket()
{
    local probe=$PGSIGNET_BUILD/tests/integration/peer_probe _ before
    before=$(events)
    freeze
    stack_code alice
    for _ in {1..40}; do
        "$probe" "$STACK_SOCKET" leave sam "PW-sam000000" scram 3000
    done
    thaw
    stack_code sam
    STACK_DB=scram check "40 askers who left at once do no harm" test "$(STACK_DB=scram login sam "PW-sam$STACK_CODE")" = sam
    check "40 askers who left at once: their requests were dropped or judged" \
        test "$(events)" -le $((before + 41))
}

STACK_CLIENTS='root, postgres'
STACK_PAM_LINES=$'auth required @MODULE@ timeout=30\naccount required @MODULE@ timeout=30'
STACK_LDAP_EXTRA=$'timeout: 30s\nretry_after: 1s'
faults_start || { not_ok "the stack starts"; report_end; }
stack_role alice && stack_enroll alice || exit 1
stack_role sam "PASSWORD 'PW-sam'" && stack_enroll sam || exit 1
stack_policy scram <<<'password: scram' || exit 1
set_timeout 4s
[ -z "${ONLY-}" ] || { "$ONLY"; report_end; }
test_authentication_timeout
test_client_killed
test_client_hangs_up_at_the_prompt
test_client_of_the_socket
# Without a limit of its own near by, what ends the login is the signal.
set_timeout 1min
test_terminated
test_shutdown
report_end
