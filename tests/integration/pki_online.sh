#!/usr/bin/env bash
# pgsignet-ca-online against servers that are silent, stop halfway or flood, and against a real PostgreSQL.
# time: 600
set -uo pipefail
# shellcheck source=tests/integration/postgres.sh
. "$(dirname "$0")/postgres.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}/build}
online=$PGSIGNET_BUILD/pgsignet-ca-online
dir=$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-online.XXXXXX") || exit 1
mock_pid=
trap 'end_mock; stop_postgres immediate; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

end_mock()
{
    [ -n "$mock_pid" ] || return 0
    kill "$mock_pid" 2>/dev/null
    wait "$mock_pid" 2>/dev/null
    mock_pid=
}

# mock HOW: sets mock_port; it is a mock of a server, nothing else here is
mock()
{
    end_mock
    : >"$dir/port"
    "$PGSIGNET_BUILD/tests/integration/pki_mock_server" "$1" >"$dir/port" &
    mock_pid=$!
    until read -r mock_port <"$dir/port"; do
        kill -0 "$mock_pid" || return 1
        sleep 0.01
    done
}

# ask JQ-PROGRAM [JQ-OPTION...]: sets answer; false when the child failed, or took over five minutes
ask()
{
    local program=$1
    shift
    answer=$(jq -cn "$@" "$program" | timeout 300 "$online") || return 1
    jq -e . >/dev/null <<<"$answer"
}

probe() { ask '{ask: "probe", timeout: $t, host: "127.0.0.1", name: "localhost", port: $p}' --argjson p "$1" --argjson t "${2:-10}"; }
# shellcheck disable=SC2016 # jq's variables
by_sql() { ask '{ask: $ask, timeout: $t, conninfo: $c}' --arg ask "$1" --arg c "$2" --argjson t "${3:-10}"; }

# says NAME ANSWER-TEST COMMAND...
says()
{
    local name=$1 test=$2
    shift 2
    if "$@" && jq -e "$test" >/dev/null <<<"$answer"; then
        ok "$name"
    else
        not_ok "$name" "${answer:0:600}"
    fi
}

# --- against the mock ------------------------------------------------------------------------------

error='.ok == false and (.error | length > 20)'
mock silent
says "a probe of a silent port ends by its time" "$error and (.error | contains(\"within 2 s\"))" probe "$mock_port" 2
says "so does a question by SQL" "$error and (.error | contains(\"within 2 s\"))" \
    by_sql roles "host=127.0.0.1 port=$mock_port dbname=x user=x" 2
mock closes
says "a port that hangs up is said" "$error and (.error | contains(\"without a word\"))" probe "$mock_port"
says "also by SQL" "$error" by_sql roles "host=127.0.0.1 port=$mock_port dbname=x user=x"
mock half
says "a server that hangs up before the handshake" "$error and (.error | contains(\"without a word\"))" probe "$mock_port"
mock tls-half
says "a third of a handshake ends by its time" "$error and (.error | contains(\"within 2 s\"))" probe "$mock_port" 2
mock garbage
says "bytes that are no TLS" "$error" probe "$mock_port"
mock http
says "a web server" "$error and (.error | contains(\"neither S nor N\"))" probe "$mock_port"
mock no
says "a server without TLS is told from one that refuses" '.ok and .verdict == "no-tls" and .served == null' probe "$mock_port"
mock notices
says "a flood of notices ends by its time" "$error" by_sql roles "host=127.0.0.1 port=$mock_port dbname=x user=x sslmode=prefer gssencmode=disable" 2
mock rows
by_sql roles "host=127.0.0.1 port=$mock_port dbname=x user=x sslmode=prefer gssencmode=disable" 5 || answer='{"ok":false,"error":"was ended for its memory"}'
says "a flood of rows ends by its time, or by the limit of memory" "$error" true
end_mock
says "a port that nobody listens on" "$error and (.error | contains(\"refused\"))" probe "$mock_port"
says "a name that does not exist" "$error" ask '{ask: "probe", timeout: 20, host: "none.invalid", name: "x", port: 1}'
says "a conninfo that is none keeps its password to itself" "$error and (.error | contains(\"geheim\") | not)" \
    by_sql roles "password=geheim x"

# --- against PostgreSQL ----------------------------------------------------------------------------

start_postgres "$dir" || exit 1
super="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
pg_sql 'CREATE ROLE watcher LOGIN; CREATE ROLE "a ""b"" c"' >/dev/null
says "roles, those without LOGIN included" '.ok and (.roles | index("watcher") and index("a \"b\" c"))' by_sql roles "$super"
# A role's name is kept as the bytes it came in, whatever database it was made from.
pg_sql "CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'" >/dev/null
printf 'CREATE ROLE "caf\xe9"' | PGCLIENTENCODING=SQL_ASCII "$PG_BIN/psql" -X -q -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres -d raw
says "a role whose name is no UTF-8" '.ok and (.roles | index({"base64": "Y2Fm6Q=="}))' by_sql roles "$super"
pg_sql 'DROP DATABASE raw' >/dev/null
says "settings, with whole paths" ".ok and .ssl and .local and .port == $PG_PORT and .host == \"127.0.0.1\" and .ssl_key_file == \"$PG_DIR/server.key\" and .ssl_ca_file == \"\"" \
    by_sql server "$super"
# A connection that is made the moment after has to find it, each time.
for round in 1 2 3 4 5 6 7 8 9 10; do
    pg_sql "ALTER SYSTEM SET ssl_crl_file = 'x$round.crl'" >/dev/null
    by_sql reload "$super" && [ "$(pg_sql 'SHOW ssl_crl_file')" = "x$round.crl" ] || break
done
check "a reload that was answered is in force" test "$(pg_sql 'SHOW ssl_crl_file')" = x10.crl
says "a path below the data directory is made whole" ".ssl_crl_file == \"$PG_DATA/x10.crl\"" by_sql server "$super"
says "who may not know the data directory is told what to grant" "$error and (.error | contains(\"pg_monitor\"))" \
    by_sql server "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=watcher"
says "who may not reload is told what to grant" "$error and (.error | contains(\"pg_reload_conf\"))" \
    by_sql reload "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=watcher"
says "who may not see sessions is told, instead of seeing none" "$error and (.error | contains(\"pg_read_all_stats\"))" \
    ask '{ask: "sessions", timeout: 5, serial: "1", issuer: {base64: "MAA="}, terminate: false, conninfo: $c}' \
    --arg c "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=watcher"
pg_sql "ALTER SYSTEM RESET ssl_crl_file" >/dev/null
pg_run sh -c 'echo "what is this" >>"$1"' sh "$PG_DATA/postgresql.conf"
# A busy machine may have no time left for the last question, which is that for the line.
not_taken()
{
    for _ in 1 2 3 4 5; do
        by_sql reload "$super" 4 || return 1
        [[ $answer != *postgresql.conf* ]] || return 0
    done
}
says "a reload that the server does not take is said, with the line" "$error and (.error | contains(\"postgresql.conf\"))" not_taken
served=$(openssl x509 -in "$PG_CA" -outform DER | base64 -w0)
says "a probe gets the certificate that is served" ".ok and .verdict == \"accepted\" and .served.base64 == \"$served\" and .asked == false" \
    probe "$PG_PORT"
check "nobody logged in for it" grep -q "no PostgreSQL user name specified" "$PG_LOG"
report_end
