#!/usr/bin/env bash
# A pg_hba line that sends the daemon's own role to pam is refused and explained, and nothing hangs.
# time: 400
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

# Everybody but the superuser by pam, the daemon as well.
hba_all_pam()
{
    local before tries=0
    before=$(pg_sql 'SELECT pg_conf_load_time()') || return 1
    pg_hba "local all all pam pamservice=$STACK_SERVICE" \
        "hostssl all all 127.0.0.1/32 pam pamservice=$STACK_SERVICE" || return 1
    until [ "$(pg_sql 'SELECT pg_conf_load_time()')" != "$before" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || return 1
    done
}

own_role_events()
{
    jq -r 'select(.reason == "own-role") | .user // "hidden"' "$STACK_AUDIT" | wc -l
}

# login_fails MOST-MS: anna's login ends as unavailable, in time.
login_fails()
{
    local began=$EPOCHREALTIME took reason
    stack_code anna || return 1
    if stack_psql anna "PW-anna$STACK_CODE"; then
        echo "the login was granted"
        return 1
    fi
    took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
    # Of the two events of this login, that of anna.
    reason=$(jq -r 'select(.user == "anna") | .reason' "$STACK_AUDIT" | tail -n 1)
    [ "$reason" = postgres-unavailable ] || { echo "reason: $reason"; return 1; }
    [ "$took" -le "$1" ] || { echo "took $took ms"; return 1; }
    echo "# $took ms"
}

test_message()
{
    local line
    line=$(grep 'refused a login as role pgsignet' "$STACK_DAEMON_LOG" | tail -n 1)
    [[ $line == *"local all pgsignet peer"*"scram-sha-256"* ]] || { echo "$line"; tail "$STACK_DAEMON_LOG"; return 1; }
    # The login that needed the look-up says it as well, in its own event.
    [ -n "${1-}" ] || grep -q 'pg_hba.conf sends this user to pam' \
        <<<"$(jq -r 'select(.user == "anna") | .detail' "$STACK_AUDIT" | tail -n 1)"
}

# Nobody has to ask the daemon itself: a stranger who tries the role is refused and not counted.
test_stranger()
{
    local before after
    before=$(own_role_events)
    for _ in 1 2 3 4 5; do
        stack_psql pgsignet whatever123456 && return 1
    done
    after=$(own_role_events)
    [ $((after - before)) -ge 5 ] || { echo "$before events, then $after"; return 1; }
}

test_log_is_quiet()
{
    local lines began=$EPOCHREALTIME seconds
    lines=$(grep -c 'refused a login as role pgsignet' "$STACK_DAEMON_LOG")
    for _ in {1..30}; do
        stack_psql pgsignet whatever123456 2>/dev/null && return 1
    done
    seconds=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000000 + 2))
    lines=$(($(grep -c 'refused a login as role pgsignet' "$STACK_DAEMON_LOG") - lines))
    # At most one a second a worker, of one worker.
    [ "$lines" -le "$seconds" ] || { echo "$lines lines in $seconds s"; return 1; }
}

check_here()
{
    local name=$1 output
    shift
    output=$STACK_DIR/log/check
    if "$@" >"$output" 2>&1; then
        ok "$name"
    else
        not_ok "$name" "$(tail -n 40 "$output")"
    fi
}

# The line goes on with the section before it: so long that what ends by it is told from what does not, and still
# less than the module waits.
STACK_EXTRA='  timeout: 15s'
STACK_PAM_LINES=$'auth required @MODULE@ timeout=40\naccount required @MODULE@ timeout=40'
stack_start || exit 1
stack_role anna && stack_person anna PW-anna dba && stack_enroll anna || exit 1
stack_code anna
check "a login works while the daemon's role has a line of its own" stack_psql anna "PW-anna$STACK_CODE"

hba_all_pam || exit 1
# Without a password of its own libpq gives up before PostgreSQL asks PAM.
printf '*:*:*:pgsignet:sesame\n' >"$STACK_DIR/etc/pgpass" && chown pgsignet "$STACK_DIR/etc/pgpass" &&
    chmod 600 "$STACK_DIR/etc/pgpass" || exit 1
export PGPASSFILE=$STACK_DIR/etc/pgpass
stack_daemon_restart || exit 1
check_here "its role sent to pam: a login fails at once, not at a time limit" login_fails 13000
check_here "log and event say what line is missing" test_message
check "logins as that role are refused and recorded" test_stranger

# One worker alone waits for itself, no longer than postgres.timeout.
STACK_WORKERS=1
stack_apply || exit 1
: >"$STACK_DAEMON_LOG"
check_here "with a single worker it ends as well" login_fails 28000
tries=0
until test_message single >/dev/null || [ "$tries" -ge 3000 ]; do
    tries=$((tries + 1))
    sleep 0.01
done
check_here "and says the same" test_message single
check_here "with a line a second at most" test_log_is_quiet

unset PGPASSFILE
stack_hba && stack_daemon_restart || exit 1
stack_enroll anna && stack_code anna
check "with the line in place logins work again" stack_psql anna "PW-anna$STACK_CODE"
report_end
