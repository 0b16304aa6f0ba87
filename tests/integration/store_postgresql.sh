#!/usr/bin/env bash
# Proves that the engine does on PostgreSQL what it does on SQLite: its tests, races, losses, least privilege.
# time: 800
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/report.sh"
. "$here/postgres.sh"
PGSIGNET_SRC=${PGSIGNET_SRC:-${here%/tests/integration}}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
# shellcheck source=tests/integration/cluster.sh
. "$here/cluster.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/store-pg.XXXXXX")
tests=$PGSIGNET_BUILD/tests

finish()
{
    load_stop
    stop_postgres immediate
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

start_postgres "$work" || exit 1
pg_sql "ALTER SYSTEM SET max_connections = 120" && restart_postgres || exit 1
base="host=$PG_SOCKET_DIR port=$PG_PORT"
export PGSIGNET_TEST_CONNINFO="$base dbname=postgres"

# --- what the engine's tests prove on a file, on a server ------------------------------------------
for program in attempt_test attempt_failures_test burst_test kinds_test life_test breakglass_test \
    rekey_test rekey_beside_test fsck_test migrate_test migrate_beside_test; do
    [ -x "$tests/unit/$program" ] || continue
    check "unit tests: $program" "$tests/unit/$program"
done
check "the race: of 16 processes with one code one is let in" "$tests/integration/token_race"
check "burns and counts are right without any lock, at any isolation level" "$tests/integration/store_raw"

# --- many at once, and what may break meanwhile ----------------------------------------------------
load_start 64 64
load_until granted 128 "64 users, 64 processes at once: logins go on"
zero unavailable "... none of them unavailable"
zero twice "... no code counted twice"
load_stop

load_start 40 8
load_until granted 40 "logins before the killing"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    load_ask kill
    pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgsignet_store'
        ORDER BY random() LIMIT 4" >/dev/null
    load_ask report
done
load_ask mark
load_until since 40 "logins go on while clients and backends are killed"
zero twice "... no code counted twice"
zero other "... nothing but right answers"
check "no transaction was left open by the killed" test 0 = "$(pg_sql "SELECT count(*) FROM pg_stat_activity
    WHERE state LIKE 'idle in transaction%' AND now() - state_change > interval '5 s'")"
restart_postgres 3>&- 4>&-
load_ask mark
load_until since 20 "after a restart of the server as well"
zero twice "... no code counted twice"
load_stop

# --- what the daemon's role may not do -------------------------------------------------------------
# The schema of the last load is gone with its fixture: a new store, as an operator makes it.
cat >"$work/pgsignet.yaml" <<END
daemon: {user: $(id -un)}
audit: {file: $work/audit.jsonl}
store: {engine: postgresql, conninfo: "$base dbname=store user=pgsignet_store", admin_conninfo: "$base dbname=store user=pgsignet_admin"}
keys: {path: $work/kek}
policies: {default: {password: none}}
END
mfa()
{
    "$PGSIGNET_BUILD/pgsignet-mfa" --config "$work/pgsignet.yaml" "$@"
}
says()
{
    local name=$1 words=$2 output
    shift 2
    if output=$("$@" 2>&1); then
        not_ok "$name" "it was allowed: $output"
    elif [[ $output == *$words* ]]; then
        ok "$name"
    else
        not_ok "$name" "$output"
    fi
}
pg_sql "CREATE DATABASE store"
pg_sql "DROP SCHEMA IF EXISTS pgsignet_mfa CASCADE" 2>/dev/null
says "init says who makes the schema where we may not" "--print-sql" mfa init
check "init --print-sql prints it" sh -c "'$PGSIGNET_BUILD/pgsignet-mfa' --config '$work/pgsignet.yaml' init --print-sql >'$work/schema.sql'"
check "... for psql" pg_sql "\\i $work/schema.sql" -d store
says "a schema without a store is no store" "pgsignet-mfa init" mfa list
check "init fills the schema" mfa init
says "init never makes a second store" "already" mfa init
check "init prints that it changed nothing, and it did not" test 1 = "$(pg_sql "SELECT count(*) FROM pgsignet_mfa.store" -d store)"
check "enroll as the administrator's role" mfa enroll --no-confirm alice
pg_sql "CREATE SCHEMA secrets; CREATE TABLE secrets.t (x int)" -d store

refused()
{
    says "pgsignet_store may not: $1" "permission denied" pg_as pgsignet_store "$1" -d store
}
m=pgsignet_mfa
refused "UPDATE $m.token SET secret = ''"
refused "UPDATE $m.token SET user_id = 1"
refused "UPDATE $m.token SET period = 1"
refused "INSERT INTO $m.token SELECT * FROM $m.token"
refused "DELETE FROM $m.token"
refused "TRUNCATE $m.token"
refused "UPDATE $m.user SET locked_s = 0"
refused "UPDATE $m.user SET floor_s = 0"
refused "INSERT INTO $m.user VALUES (1, 'x', 0, 0, '')"
refused "DELETE FROM $m.user"
refused "UPDATE $m.user_key SET sealed = ''"
refused "DELETE FROM $m.user_key"
refused "UPDATE $m.store SET audit = ''"
refused "UPDATE $m.data_key_wrap SET wrapped = ''"
refused "UPDATE $m.state SET moved = 1"
refused "UPDATE $m.recovery_code SET hash = ''"
refused "INSERT INTO $m.break_glass SELECT * FROM $m.break_glass"
refused "UPDATE $m.break_glass SET armed_until_s = 0"
refused "UPDATE $m.guard SET id = id + 1"
refused "UPDATE $m.schema_version SET version = 9"
refused "CREATE TABLE $m.mine (x int)"
refused "SELECT * FROM secrets.t"
refused "SELECT * FROM pg_authid"
says "pgsignet_admin may not change the schema" "must be owner" pg_as pgsignet_admin "DROP TABLE $m.token" -d store
says "pgsignet_admin may not change its version" "permission denied" pg_as pgsignet_admin \
    "UPDATE $m.schema_version SET version = 9" -d store

# --- a dump that comes back into the same database -------------------------------------------------
printf 'user,type,secret,encoding,counter\nhelen,hotp,%s,hex,0\n' 3132333435363738393031323334353637383930 >"$work/hotp.csv"
check "a button token is imported" mfa import "$work/hotp.csv" --format csv
"$PG_BIN/pg_dump" -Fc -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres store >"$work/store.dump"
verify() { echo 755224 | mfa verify helen --code-stdin; }
check "its first code counts" verify
says "... once" "code-used" verify
check "the dump is restored" "$PG_BIN/pg_restore" --clean --if-exists -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres \
    -d store "$work/store.dump"
says "... and the code counts no more" "needs-resync" verify

# --- a host with a wrong clock that comes first after a failover -------------------------------------
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
floor_is_past()
{
    test t = "$(pg_sql "SELECT floor_s < extract(epoch FROM now()) + 3600 FROM $m.state" -d store)"
}
at_clock()
{
    LD_PRELOAD=$library FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME=$1 mfa list
}
if [ -n "$library" ]; then
    for clock in +2000d -2000d; do
        pg_sql "UPDATE $m.state SET home = 'another/1.2.3/00000001'" -d store
        says "a clock that is 2000 days off ($clock) is said" "hours" at_clock "$clock"
        check "... and sets no floor" floor_is_past
    done
    check "a host whose clock is right notes the failover" mfa list
    check "... and its time" floor_is_past
else
    skip "a host with a wrong clock" "no libfaketime: apt-get install libfaketime"
fi

# --- what an operator can get wrong ----------------------------------------------------------------
pg_sql "UPDATE $m.schema_version SET version = 2" -d store
says "a newer schema is refused" "upgrade pgsignet" mfa list
pg_sql "UPDATE $m.schema_version SET version = 1" -d store
pg_sql "UPDATE $m.token SET digits = 99" -d store
says "a damaged row is an error" "damaged" mfa list
pg_sql "UPDATE $m.token SET digits = 6" -d store
check "and it was only that" mfa list
sed "s|^store:.*|store: {engine: postgresql, conninfo: \"$base dbname=postgres user=pgsignet_store\"}|" \
    "$work/pgsignet.yaml" >"$work/other.yaml"
says "a database without a store says what to do" "pgsignet-mfa init" \
    "$PGSIGNET_BUILD/pgsignet-mfa" --config "$work/other.yaml" list
stop_postgres
began=$SECONDS
says "a server that is down is said, and where" "port $PG_PORT" mfa list
check "... at once" test $((SECONDS - began)) -le 10
report_end
