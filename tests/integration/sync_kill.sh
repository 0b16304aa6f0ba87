#!/usr/bin/env bash
# kill -9 of the sync, and of the server's backend, at random instants of the apply: all or nothing, no lock left.
# time: 600
set -u
PGSIGNET_SRC=${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
here=$PGSIGNET_SRC/tests/integration
. "$here/report.sh"
. "$here/postgres.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/sync-kill.XXXXXX")
trap 'stop_postgres immediate; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

rounds=${KILL_ROUNDS:-50}
[ -z "${PGSIGNET_SOAK-}" ] || rounds=500
PGSIGNET_KILL_SEED=${PGSIGNET_KILL_SEED:-$((EPOCHSECONDS % 32768))}
RANDOM=$PGSIGNET_KILL_SEED
people=1800 # so many comments still go in one transaction

start_postgres "$work" || exit 1
pg_sql 'CREATE ROLE pgsignet_managed; CREATE ROLE dbrole_readonly'
conninfo="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"

# Everybody joins; then everybody leaves: two plans, turn about.
join_plan()
{
    seq -f $'create\tperson%.0f\tpgsignet_managed' "$people"
    seq -f $'grant\tperson%.0f\tdbrole_readonly' "$people"
}
leave_plan()
{
    seq -f $'lock\tperson%.0f' "$people"
    seq -f $'revoke\tperson%.0f\tdbrole_readonly' "$people"
    seq -f $'comment\tperson%.0f\t\\N\tpgsignet: left 2020-01-02T03:04:05Z' "$people"
}
return_plan()
{
    seq -f $'unlock\tperson%.0f' "$people"
    seq -f $'comment\tperson%.0f' "$people"
    seq -f $'grant\tperson%.0f\tdbrole_readonly' "$people"
}
join_plan >"$work/join"
leave_plan >"$work/leave"
return_plan >"$work/return"

# What there is: roles, who may log in, memberships, comments, advisory locks.
state()
{
    pg_sql "SELECT count(*), count(*) FILTER (WHERE rolcanlogin), count(shobj_description(oid, 'pg_authid')),
        (SELECT count(*) FROM pg_auth_members WHERE roleid = 'dbrole_readonly'::regrole)
        FROM pg_roles WHERE rolname LIKE 'person%'"
}
nobody='0|0|0|0'
present="$people|$people|0|$people"
absent="$people|0|$people|0"

# The sessions of the sync have come to their end, and the lock with them.
wait_until_gone()
{
    local tries=0
    while [ "$(pg_sql "SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgsignet-ldap-sync')
            + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')")" != 0 ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1000 ] || return 1
        sleep 0.02
    done
}
random_pause()
{
    local now=${EPOCHREALTIME/./}
    local until=$((now + (RANDOM * 32768 + RANDOM) % $1))
    while [ "${EPOCHREALTIME/./}" -lt "$until" ]; do :; done
}
start_apply()
{
    : >"$work/out" # here: a kill may come before the process below has emptied it
    "$PGSIGNET_BUILD/tests/integration/sync_server_probe" "$conninfo" plan="$work/$1" apply \
        >"$work/out" 2>>"$work/stderr" &
    pid=$!
}

# What each state may become, and by which plan.
now=$nobody
next_plan()
{
    case $now in
        "$nobody") plan=join wanted=$present ;;
        "$present") plan=leave wanted=$absent ;;
        *) plan=return wanted=$present ;;
    esac
}
took()
{
    local began=${EPOCHREALTIME/./}
    start_apply "$1"
    wait "$pid"
    echo $((${EPOCHREALTIME/./} - began))
}

# How long it takes when nobody is killed: the kills fall anywhere in that, and a little after.  The machine may be
# slower or faster now than later: after a round that was too late the next is sooner, and the other way round.
span=$(took join)
check "the plan is applied when nobody kills" test "$(state)" = "$present"
now=$present
leave=$(took leave)
now=$(state)
[ "$leave" -le "$span" ] || span=$leave
full=$span

halves=0 locks=0 undone=0 whole=0 lies=0
for ((round = 0; round < rounds; round++)); do
    next_plan
    start_apply "$plan"
    random_pause $((span * 11 / 10))
    if [ $((round % 5)) -eq 4 ]; then
        # Of the server's side: the backend is ended as an admin would; the sync says how it ended.
        pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'pgsignet-ldap-sync'" >/dev/null
    else
        kill -KILL "$pid" 2>/dev/null
    fi
    wait "$pid" 2>/dev/null
    wait_until_gone || locks=$((locks + 1))
    is=$(state)
    case $is in
        "$now")
            undone=$((undone + 1))
            span=$((span * 10 / 9 < full ? span * 10 / 9 : full))
            ;;
        "$wanted")
            whole=$((whole + 1))
            span=$((span * 9 / 10))
            ;;
        *) halves=$((halves + 1)) && printf 'round %s: %s %s -> %s\n' "$round" "$plan" "$now" "$is" ;;
    esac
    # What it could still say must be true.
    case $(tail -n 1 "$work/out") in
        'result ok'*) [ "$is" = "$wanted" ] || lies=$((lies + 1)) ;;
        'result failed'*) [ "$is" = "$now" ] || lies=$((lies + 1)) ;;
    esac
    now=$is
done
printf '%s rounds (seed %s): %s undone, %s whole, of %s us each\n' \
    "$rounds" "$PGSIGNET_KILL_SEED" "$undone" "$whole" "$full"
check "every time all of it or nothing" test "$halves" -eq 0
check "no session and no lock is left" test "$locks" -eq 0
check "what the sync said was true" test "$lies" -eq 0
check "some were killed in the middle" test "$undone" -gt 0
next_plan
took "$plan" >/dev/null
check "the next run goes through" test "$(state)" = "$wanted"
check "nothing was written to standard error" test ! -s "$work/stderr"
report_end
