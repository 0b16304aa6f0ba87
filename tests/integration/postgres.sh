# shellcheck shell=sh
# postgres.sh - a throw-away PostgreSQL for tests and the demo.  Sourced, POSIX sh.
#
#   start_postgres DIR [PORT]   makes DIR/pg (certificate, data, socket) and starts the server in it.
#                               Without PORT a free one is found.  DIR must exist; it is made passable
#                               (a+x) because the server does not run as root.
#                               Sets PG_BIN PG_DIR PG_DATA PG_SOCKET_DIR PG_PORT PG_CA PG_LOG.
#   pg_hba LINE...              the lines of pg_hba.conf (the superuser on the socket stays), reloaded
#                               With PG_SUPERUSER_AUTH='peer map=superuser' the socket is closed to all but
#                               the OS users root and postgres, from the first moment.
#   pg_sql SQL [PSQL-OPTION...] as superuser postgres over the socket; rows unaligned, tuples only
#   pg_as ROLE SQL [OPTION...]  the same as another role
#   stop_postgres [MODE]        fast unless told otherwise; no error when it does not run
#   restart_postgres            on the same port
#   pg_postmaster               prints the postmaster's process id
#
# TLS is on with a self-signed certificate for 127.0.0.1 and localhost ($PG_CA verifies it).  The
# superuser is `postgres` whoever runs this; trust on the socket is only for servers like this one.

# Runs a command as the OS user of the server: PostgreSQL refuses to run as root.
pg_run() {
    if [ "$(id -u)" -eq 0 ]; then
        # From / because the caller's folder may be closed to that user.
        (cd / && exec runuser -u postgres -- env LC_ALL=C.UTF-8 "$@")
    else
        env LC_ALL=C.UTF-8 "$@"
    fi
}

pg_find_bin() {
    [ -n "${PG_BIN-}" ] && return 0
    for PG_BIN in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)"; do
        [ -x "$PG_BIN/initdb" ] && return 0
    done
    echo "postgres.sh: no initdb below /usr/lib/postgresql (Debian: apt-get install postgresql)" >&2
    PG_BIN=
    return 1
}

pg_make_certificate() {
    PG_CA=$PG_DIR/server.crt
    pg_run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -keyout "$PG_DIR/server.key" -out "$PG_CA" 2>"$PG_DIR/openssl.log" &&
        pg_run chmod 600 "$PG_DIR/server.key"
}

pg_write_settings() {
    pg_run sh -c 'cat >>"$1"' sh "$PG_DATA/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$PG_SOCKET_DIR'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 60
max_wal_senders = 0
wal_level = minimal
autovacuum = off
password_encryption = scram-sha-256
log_connections = on
log_line_prefix = '%m [%p] %u@%d '
ssl = on
ssl_cert_file = '$PG_CA'
ssl_key_file = '$PG_DIR/server.key'
END
}

pg_hba() {
    {
        echo "local all postgres ${PG_SUPERUSER_AUTH:-trust}"
        for pg_line in "$@"; do
            printf '%s\n' "$pg_line"
        done
    } | pg_run sh -c 'cat >"$1"' sh "$PG_DATA/pg_hba.conf" || return 1
    if [ -e "$PG_DATA/postmaster.pid" ]; then
        pg_run "$PG_BIN/pg_ctl" -s -D "$PG_DATA" reload
    fi
}

pg_start() {
    pg_run "$PG_BIN/pg_ctl" -s -D "$PG_DATA" -l "$PG_LOG" -w -t 60 -o "-p $PG_PORT" start >/dev/null
}

# A port that nobody listens on, below the ephemeral range: no outgoing connection takes it between two starts.
pg_random_port() {
    pg_port_tries=0
    while :; do
        pg_port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        pg_port_tries=$((pg_port_tries + 1))
        [ "$pg_port_tries" -lt 50 ] && [ -n "$(ss -Htln "sport = :$pg_port" 2>/dev/null)" ] || break
    done
    echo "$pg_port"
}

start_postgres() {
    pg_find_bin || return 1
    PG_DIR=$1/pg
    PG_DATA=$PG_DIR/data
    PG_SOCKET_DIR=$PG_DIR/socket
    PG_LOG=$PG_DIR/postgres.log
    chmod a+x "$1" && mkdir -p "$PG_DIR" "$PG_SOCKET_DIR" || return 1
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres "$PG_DIR" "$PG_SOCKET_DIR" || return 1
    fi
    chmod 755 "$PG_DIR" "$PG_SOCKET_DIR"
    pg_make_certificate || { cat "$PG_DIR/openssl.log" >&2; return 1; }
    pg_run "$PG_BIN/initdb" -D "$PG_DATA" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N \
        >"$PG_DIR/initdb.log" 2>&1 || { cat "$PG_DIR/initdb.log" >&2; return 1; }
    pg_write_settings || return 1
    if [ -n "${PG_SUPERUSER_AUTH-}" ]; then
        pg_run sh -c 'printf "superuser %s postgres\n" root postgres >"$1"' sh "$PG_DATA/pg_ident.conf" &&
            pg_hba || return 1
    else
        pg_hba "local all all trust" "hostssl all all 127.0.0.1/32 scram-sha-256" || return 1
    fi
    pg_tries=0
    while :; do
        PG_PORT=${2:-$(pg_random_port)}
        pg_start 2>"$PG_DIR/pg_ctl.log" && break
        pg_tries=$((pg_tries + 1))
        # A random port may be taken: another one.  A port that was asked for is the caller's matter.
        if [ -n "${2-}" ] || [ "$pg_tries" -ge 5 ]; then
            cat "$PG_DIR/pg_ctl.log" "$PG_LOG" >&2
            return 1
        fi
    done
    export PG_BIN PG_DIR PG_DATA PG_SOCKET_DIR PG_PORT PG_CA PG_LOG
}

stop_postgres() {
    [ -n "${PG_DATA-}" ] && [ -e "$PG_DATA/postmaster.pid" ] || return 0
    pg_run "$PG_BIN/pg_ctl" -s -D "$PG_DATA" -w -t 60 -m "${1:-fast}" stop
}

restart_postgres() {
    stop_postgres && pg_start
}

pg_postmaster() {
    pg_run head -n 1 "$PG_DATA/postmaster.pid"
}

pg_as() {
    pg_role=$1
    pg_text=$2
    shift 2
    # Through standard input: psql's -c sends several statements as one transaction.
    printf '%s\n' "$pg_text" | PGCLIENTENCODING=UTF8 "$PG_BIN/psql" -X -q -A -t \
        -v ON_ERROR_STOP=1 -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U "$pg_role" -d postgres "$@"
}

pg_sql() {
    pg_as postgres "$@"
}
