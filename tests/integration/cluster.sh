# shellcheck shell=bash
# cluster.sh - a PostgreSQL with a streaming standby, and logins that go on meanwhile.  Sourced (bash) after
# report.sh and postgres.sh.
#
#   cluster_start DIR MODE    a primary and a standby; MODE: asynchronous or synchronous.  Sets
#                             CLUSTER_CONNINFO (both hosts, target_session_attrs=read-write)
#   cluster_stop
#   cluster_cut               the standby gets no more of the log, and does not know that it does not
#   cluster_promote           the primary dies at once (immediate), the standby takes over
#   cluster_sql SQL           on the standby (or what became of it), as superuser
#   load_start USERS N [VAR=VALUE...]   tests/integration/store_load on PGSIGNET_TEST_CONNINFO
#   load_ask WORD             sets LOAD to its answer and each number in it to LOAD_name
#   load_until NAME N WHAT    waits until LOAD_name is at least N: ok or, after 90 seconds, not ok
#   load_stop

: "${PGSIGNET_BUILD:?}" "${work=}"
CLUSTER_STANDBY=

cluster_sql()
{
    printf '%s\n' "$1" | "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG_SOCKET_DIR" \
        -p "$CLUSTER_PORT" -U postgres -d postgres
}

cluster_standby_ctl()
{
    pg_run "$PG_BIN/pg_ctl" -s -D "$CLUSTER_STANDBY" "$@" >/dev/null 3>&- 4>&-
}

# cluster_wait SQL VALUE: until the standby says so.
cluster_wait()
{
    local tries=0
    until [ "$(cluster_sql "$1" 2>/dev/null)" = "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "the standby never said $2 to: $1" >&2; return 1; }
        sleep 0.1
    done
}

cluster_start()
{
    start_postgres "$1" || return 1
    pg_hba "local all all trust" "local replication all trust"
    pg_sql "ALTER SYSTEM SET wal_level = replica;
        ALTER SYSTEM SET max_wal_senders = 4;
        ALTER SYSTEM SET max_connections = 100;
        ALTER SYSTEM SET hot_standby = on;" || return 1
    restart_postgres || return 1
    CLUSTER_STANDBY=$PG_DIR/standby
    pg_run "$PG_BIN/pg_basebackup" -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres -D "$CLUSTER_STANDBY" \
        -R -X stream -c fast || return 1
    # A random port may be taken: another one.
    for _ in 1 2 3 4 5; do
        CLUSTER_PORT=$(pg_random_port)
        ! cluster_standby_ctl -w -l "$PG_DIR/standby.log" -o "-p $CLUSTER_PORT" start || break
        CLUSTER_PORT=
    done
    [ -n "$CLUSTER_PORT" ] || { tail -n 20 "$PG_DIR/standby.log" >&2; return 1; }
    if [ "$2" = synchronous ]; then
        pg_sql "ALTER SYSTEM SET synchronous_standby_names = '*'" || return 1
        pg_sql "SELECT pg_reload_conf()" >/dev/null
    fi
    cluster_wait "SELECT status FROM pg_stat_wal_receiver" streaming || return 1
    CLUSTER_CONNINFO="host=$PG_SOCKET_DIR,$PG_SOCKET_DIR port=$PG_PORT,$CLUSTER_PORT dbname=postgres"
    CLUSTER_CONNINFO="$CLUSTER_CONNINFO target_session_attrs=read-write"
}

cluster_stop()
{
    [ -z "$CLUSTER_STANDBY" ] || cluster_standby_ctl -w -m immediate stop 2>/dev/null
    CLUSTER_STANDBY=
    stop_postgres immediate
}

cluster_cut()
{
    cluster_sql "ALTER SYSTEM SET primary_conninfo = ''" && cluster_sql "SELECT pg_reload_conf()" >/dev/null &&
        cluster_wait "SELECT count(*) FROM pg_stat_wal_receiver" 0
}

cluster_promote()
{
    stop_postgres immediate && cluster_standby_ctl -w promote
}

# --- logins ----------------------------------------------------------------------------------------

load_start()
{
    local users=$1 processes=$2
    shift 2
    unset "${!LOAD_@}" # what the last load counted says nothing of this one
    coproc LOADER { exec env "$@" "$PGSIGNET_BUILD/tests/integration/store_load" "$users" "$processes" \
        2>"$work/load.log"; }
    load_pid=$LOADER_PID
    exec 3>&"${LOADER[1]}" 4<&"${LOADER[0]}"
    eval "exec ${LOADER[1]}>&- ${LOADER[0]}<&-" # the end of input must reach it
}

load_ask()
{
    local word
    printf '%s\n' "$1" >&3 2>/dev/null
    if ! IFS= read -r -t 60 LOAD <&4; then
        LOAD="the load ended: $(cat "$work/load.log")"
        return 1
    fi
    for word in ${LOAD%%#*}; do
        printf -v "LOAD_${word%%=*}" '%s' "${word#*=}"
    done
}

load_until()
{
    local name=LOAD_$1 until=$((SECONDS + 90))
    while load_ask report && [ "${!name:-0}" -lt "$2" ]; do
        [ "$SECONDS" -lt "$until" ] || break
        sleep 0.1
    done
    if [ "${!name:-0}" -ge "$2" ]; then
        ok "$3"
    else
        not_ok "$3" "$LOAD"
    fi
}

load_stop()
{
    [ -n "${load_pid-}" ] || return 0
    exec 3>&- 4<&-
    wait "$load_pid" 2>/dev/null
    load_pid=
}

# zero NAME WHAT: that number of the last answer is 0.
zero()
{
    local name=LOAD_$1
    if [ "${!name-}" = 0 ]; then
        ok "$2"
    else
        not_ok "$2" "$LOAD"
    fi
}
