#!/usr/bin/env bash
# pg_dump -j8 and psql's \c fail with one code, work in a burst, and not a connection longer than configured.
# time: 400
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap burst_stop EXIT
trap 'exit 130' INT TERM HUP

tmux_socket=

burst_stop()
{
    [ -z "$tmux_socket" ] || tmux -S "$tmux_socket" kill-server 2>/dev/null
    stack_stop
}

# Long enough that a slow machine opens them all; that the time ends is tried by itself.
burst='burst: {connections: 8, seconds: 60}'

# client PROGRAM ARGUMENT...: as stack_psql; the string in $STACK_STRING.
client()
{
    PGPASSWORD=$STACK_STRING PGHOST=127.0.0.1 PGPORT=$PG_PORT PGSSLMODE=verify-full PGSSLROOTCERT=$PG_CA \
        PGCONNECT_TIMEOUT=60 "$@"
}

# Sets STACK_STRING to a string of USER that no login has used, whose code is known as such for half a minute: later
# it would be a wrong one, not a used one.
fresh()
{
    stack_code "$1" 30 && STACK_STRING=PW-$1$STACK_CODE
}

# Granted logins since line FROM, by what stood for the code: "ok 1 burst 8".
code_factors()
{
    abuse_events "$1" 'select(.verdict == "granted") | .factors.code' | sort | uniq -c | awk '{print $2, $1}' |
        paste -sd ' '
}

dump()
{
    rm -rf "$STACK_DIR/dump"
    client "$PG_BIN/pg_dump" -U anna -Fd -j8 -f "$STACK_DIR/dump" postgres
}

test_dump_fails()
{
    fresh anna || return 1
    # Which of its many connections comes last, and whether they are being refused by then, is chance.
    ! dump && [[ $(stack_last_reason) == @(code-used|throttled) ]]
}

test_dump()
{
    local from factors
    from=$(abuse_mark)
    fresh anna && dump || return 1
    factors=$(code_factors "$from")
    echo "$factors"
    [ "$factors" = "burst 8 ok 1" ] || return 1
    [ "$(find "$STACK_DIR/dump" -name '*.dat*' | wc -l)" -ge 12 ]
}

# The string opened 1 + 8 connections; the tenth is refused.
test_one_more()
{
    ! stack_psql anna "$STACK_STRING" && [ "$(stack_last_reason)" = code-used ]
}

# wait_screen TEXT: until psql in the terminal shows it
wait_screen()
{
    local tries=0
    until [[ $(tmux -S "$tmux_socket" capture-pane -p -J) == *"$1"* ]]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || { tmux -S "$tmux_socket" capture-pane -p; return 1; }
        sleep 0.05
    done
}

# reconnect USER: psql in a terminal, the string typed once, then \c to the same server again
reconnect()
{
    tmux_socket=$STACK_DIR/tmux
    fresh "$1" || return 1
    tmux -S "$tmux_socket" -f /dev/null new-session -d -x 150 -y 30 \
        "PGSSLMODE=verify-full PGSSLROOTCERT=$PG_CA $PG_BIN/psql -X -h 127.0.0.1 -p $PG_PORT -U $1 postgres; echo ended; read" &&
        wait_screen 'Password for user' && tmux -S "$tmux_socket" send-keys -l "$STACK_STRING" &&
        tmux -S "$tmux_socket" send-keys Enter && wait_screen 'postgres=>' &&
        tmux -S "$tmux_socket" send-keys -l '\c template1' && tmux -S "$tmux_socket" send-keys Enter
}

test_reconnect_fails()
{
    reconnect bert && wait_screen 'Previous connection kept' && [ "$(stack_last_reason)" = code-used ]
    local result=$?
    tmux -S "$tmux_socket" kill-server
    return $result
}

test_reconnect()
{
    reconnect bert && wait_screen 'You are now connected to database "template1"'
    local result=$?
    tmux -S "$tmux_socket" kill-server
    return $result
}

# expect STRING-OF ADDRESS CODE-AND-REASON: through PAM alone, which lets the address be chosen
expect()
{
    local from tried
    from=$(abuse_mark)
    tried="$(printf '%s\t%s\t%s\n' "$1" "$2" "$STACK_STRING" | abuse_pam "${4:-default}") $(abuse_events "$from" .reason)"
    [ "$tried" = "$3" ] || { echo "$1 from $2: $tried, expected $3"; return 1; }
}

test_other_address()
{
    fresh carl && expect carl 192.0.2.1 "0 granted" && expect carl 192.0.2.2 "7 code-used" &&
        expect carl '' "7 code-used" && expect carl 192.0.2.1 "0 granted" &&
        expect carl 192.0.2.1 "0 granted"
}

test_proxy()
{
    fresh dora && expect dora 10.1.2.3 "0 granted" && expect dora 10.1.2.3 "7 code-used"
}

test_strict()
{
    fresh dora && expect dora 192.0.2.1 "0 granted" strict && expect dora 192.0.2.1 "7 code-used" strict
}

test_changes_hold()
{
    fresh emil && expect emil 192.0.2.1 "0 granted" && expect emil 192.0.2.1 "0 granted" || return 1
    stack_mfa remove --yes emil >/dev/null || return 1
    expect emil 192.0.2.1 "7 not-enrolled"
}

# The uses end with the time, not before it and not by their number (two a second at most).
test_time()
{
    local began=$EPOCHREALTIME took uses=0
    fresh fred && expect fred 192.0.2.1 "0 granted" || return 1
    while expect fred 192.0.2.1 "0 granted" >/dev/null; do
        uses=$((uses + 1))
        [ "$uses" -lt 32 ] || { echo "$uses uses"; return 1; }
        sleep 0.5
    done
    took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
    echo "$uses uses in $took ms, then $(stack_last_reason)"
    [ "$uses" -ge 1 ] && [ "$took" -ge 10000 ] && [ "$took" -lt 25000 ] &&
        [ "$(stack_last_reason)" = code-used ]
}

# 16 processes at one instant, the first with the code, then all of them with the string.
test_race()
{
    local i codes user
    user=gina
    fresh $user && expect $user 192.0.2.1 "0 granted" || return 1
    codes=$({ for ((i = 0; i < 16; i++)); do printf '%s\t192.0.2.1\t%s\n' $user "$STACK_STRING"; done; echo; } |
        abuse_pam default | tr ' ' '\n' | sort -n | uniq -c | awk '{print $2, $1}' | paste -sd ' ')
    echo "$codes"
    [ "$codes" = "0 8 7 8" ]
}

exec 3>&1
abuse_start || exit 1
for user in anna bert carl dora emil fred gina; do
    stack_role $user && stack_person $user PW-$user dba && stack_enroll $user || exit 1
done
# Enough tables that each of the eight workers is wanted.
pg_sql "DO \$\$ BEGIN FOR i IN 1..12 LOOP
    EXECUTE format('CREATE TABLE t%s AS SELECT g FROM generate_series(1, 1000) g', i);
    EXECUTE format('GRANT SELECT ON t%s TO PUBLIC', i); END LOOP; END \$\$" || exit 1

check_here "without a burst pg_dump -j8 fails with one code" test_dump_fails
check_here "and so does psql's \\c" test_reconnect_fails

STACK_EXTRA="$burst
throttle: {proxies: [10.0.0.0/8], after: 20}"
abuse_service strict policy=strict || exit 1
printf 'password: ldap\nstrict: true\n' >"$STACK_DIR/policies/strict" && : >"$STACK_DIR/hba-strict"
stack_apply || exit 1
check_here "with one pg_dump -j8 works, and each connection is an event" test_dump
check_here "one connection more is refused" test_one_more
check_here "psql's \\c works" test_reconnect
check_here "from another address the string is a used one" test_other_address
check_here "so it is through a proxy" test_proxy
check_here "and for a strict policy" test_strict
check_here "removing the tokens holds at once" test_changes_hold
check_here "16 at one instant: eight are granted" test_race

STACK_EXTRA="burst: {connections: 32, seconds: 10}
throttle: {after: 20}"
stack_apply || exit 1
check_here "it ends by time" test_time
report_end
