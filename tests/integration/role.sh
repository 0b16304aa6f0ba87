#!/bin/sh
# Proves what the daemon learns of roles from a real PostgreSQL: right, only for it, and within its limits.
# time: 300
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/report.sh"
. "$here/postgres.sh"
src=${PGSIGNET_SRC:-${here%/tests/integration}}
probe=${PGSIGNET_BUILD:-$src/build}/tests/integration/role_probe
work=$(mktemp -d "${TMPDIR:-/tmp}/role.XXXXXX")
stopped=

finish() {
    [ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null
    exec 3>&- 4<&- 5>&-
    stop_postgres immediate
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# --- talking to the probe -----------------------------------------------------------------------
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }

open_probe() {
    rm -f "$work/in" "$work/out"
    mkfifo "$work/in" "$work/out"
    "$probe" "$1" "$2" "$3" <"$work/in" >"$work/out" 2>"$work/probe.log" &
    probe_pid=$!
    exec 3>"$work/in" 4<"$work/out"
}

close_probe() {
    exec 3>&- 4<&-
    wait "$probe_pid"
}

ask() {
    printf '%s\n' "$*" >&3
    IFS= read -r answer <&4 || answer="the probe ended: $(cat "$work/probe.log")"
}

# expect NAME PATTERN COMMAND...: the answer matches the shell pattern.
expect() {
    expect_name=$1
    expect_pattern=$2
    shift 2
    ask "$@"
    # shellcheck disable=SC2254 # a pattern, on purpose
    case $answer in
    $expect_pattern) ok "$expect_name" ;;
    *) not_ok "$expect_name" "asked: $*
wanted: $expect_pattern
got: $answer" ;;
    esac
}

took_at_most() {
    took=${answer##*ms=}
    if [ "$took" -le "$2" ] 2>/dev/null; then
        ok "$1"
    else
        not_ok "$1" "took $took ms, at most $2 were wanted"
    fi
}

refused() {
    refused_name=$1
    shift
    if said=$("$@" 2>&1); then
        not_ok "$refused_name" "it was allowed: $said"
    else
        case $said in
        *"permission denied"*) ok "$refused_name" ;;
        *) not_ok "$refused_name" "$said" ;;
        esac
    fi
}

install() {
    pg_as postgres '' -f "$src/authd/pgsignet.sql" "$@"
}

# --- the server ---------------------------------------------------------------------------------
start_postgres "$work" || exit 1
check "pgsignet.sql installs" install
check "pgsignet.sql installs again" install
if said=$(install -v superusers=yes 2>&1); then
    not_ok "a wrong value of superusers is refused" "$said"
else
    ok "a wrong value of superusers is refused"
fi

long=$(printf '%063d' 0 | tr 0 n)
pg_sql "
CREATE ROLE alice LOGIN PASSWORD 'password';
CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'password';
CREATE ROLE nologin PASSWORD 'password';
CREATE ROLE past LOGIN VALID UNTIL '2020-01-01';
CREATE ROLE future LOGIN VALID UNTIL '2999-01-01';
CREATE ROLE forever LOGIN VALID UNTIL 'infinity';
CREATE ROLE never LOGIN VALID UNTIL '-infinity';
CREATE ROLE ancient LOGIN VALID UNTIL '1900-01-01';
CREATE ROLE bare LOGIN;
SET password_encryption = md5;
CREATE ROLE old LOGIN PASSWORD 'password';
RESET password_encryption;
CREATE ROLE \"x'; DROP ROLE alice; --\" LOGIN;
CREATE ROLE \"a\"\"b\\c\" LOGIN;
CREATE ROLE \"Zoë 李\" LOGIN PASSWORD 'ﬁ';
CREATE ROLE \"two
lines\" LOGIN;
CREATE ROLE \"$long\" LOGIN;
CREATE ROLE stranger LOGIN;" || exit 1

# --- who may ask --------------------------------------------------------------------------------
refused "another role may not read verifiers" pg_as stranger "SELECT * FROM pgsignet.role_for_login('alice')"
refused "another role may not read states" pg_as stranger "SELECT * FROM pgsignet.role_state('alice')"
refused "pgsignet may not read pg_authid itself" pg_as pgsignet "SELECT * FROM pg_authid"
check "pgsignet may ask" pg_as pgsignet "SELECT * FROM pgsignet.role_for_login('alice')"
pg_sql "CREATE DATABASE theirs; CREATE ROLE mallory; ALTER DATABASE theirs OWNER TO mallory;"
pg_sql "CREATE SCHEMA pgsignet AUTHORIZATION mallory" -d theirs
if said=$(install -d theirs 2>&1); then
    not_ok "a schema that a stranger made first is refused" "$said"
else
    case $said in
    *mallory*) ok "a schema that a stranger made first is refused" ;;
    *) not_ok "a schema that a stranger made first is refused" "$said" ;;
    esac
fi

# --- what it learns -----------------------------------------------------------------------------
open_probe "host=127.0.0.1 port=$PG_PORT dbname=postgres user=pgsignet password=canary sslmode=verify-full sslrootcert=$PG_CA" 3 30
expect "a wrong password for the daemon is unavailable" "postgres-unavailable*" state "$(hex alice)"
ask error
case $answer in
*canary*) not_ok "the error does not show the password" "$answer" ;;
*127.0.0.1*"port $PG_PORT"*pgsignet*pg_hba.conf*) ok "the error says where, what and what to do, without the password" ;;
*) not_ok "the error says where, what and what to do" "$answer" ;;
esac
close_probe

pg_sql "ALTER ROLE pgsignet PASSWORD 'sesame'"
open_probe "host=127.0.0.1 port=$PG_PORT dbname=postgres user=pgsignet password=sesame sslmode=verify-full sslrootcert=$PG_CA" 3 30
expect "a role over TLS" "role login=1 super=0 until=no verifier=SCRAM-SHA-256 *" login "$(hex alice)"
close_probe

# A host that takes connections and never says a word, as one that is frozen or cut off.
mkfifo "$work/silent"
python3 -c 'import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()' <"$work/silent" >"$work/silent.port" &
silent_pid=$!
exec 5>"$work/silent"
while [ ! -s "$work/silent.port" ]; do kill -0 "$silent_pid" || exit 1; sleep 0.1; done
silent=$(cat "$work/silent.port")
# Half of 20 s is the silent one's, and the rest enough for a slow machine.
open_probe "host=127.0.0.1,localhost port=$silent,$PG_PORT dbname=postgres user=pgsignet password=sesame" 20 30
expect "a host that says nothing leaves time for the next one" "role login=1 *" login "$(hex alice)" 40000
expect "... and is not what the server is marked for" no down
expect "a peer that is switched off is found out in half the time" 10000 unheard
restart_postgres 3>&- 4<&- 5>&-
expect "the next connection begins with the host that answers" "role login=1 *" login "$(hex alice)" 40000
took_at_most "... and does not wait for the silent one" 9900
close_probe
open_probe "host=127.0.0.1,127.0.0.1 port=$silent,$silent dbname=postgres user=pgsignet" 2 30
expect "where none says a word it ends by the timeout" "postgres-unavailable ms=*" login "$(hex alice)" 20000
close_probe
open_probe "host=127.0.0.1,$work/nowhere port=$silent,$PG_PORT dbname=postgres user=pgsignet" 2 30
expect "where one says nothing and the other is not there ..." "postgres-unavailable ms=*" login "$(hex alice)" 20000
expect "... the error tells of both" "*$work/nowhere*127.0.0.1 did not answer at all*" error
close_probe
exec 5>&-
wait "$silent_pid"

# postgres.timeout is 3 s, and a server that failed is left alone for 30 s: limits below are far enough from those
# for a slow machine, and still tell which of them ended a question.
open_probe "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=pgsignet" 3 30
expect "state alone has no verifier" "role login=1 super=0 until=no verifier=none *" state "$(hex alice)"
expect "the right password" match check "$(hex alice)" "$(hex password)"
expect "a wrong password" mismatch check "$(hex alice)" "$(hex Password)"
expect "a password in UTF-8, as typed" match check "$(hex 'Zoë 李')" "$(hex 'ﬁ')"
expect "a password in UTF-8, prepared" match check "$(hex 'Zoë 李')" "$(hex "fi")"
expect "a superuser's verifier is not shown" "role login=1 super=1 until=no verifier=none *" login "$(hex boss)"
expect "an md5 verifier is not shown" "role * verifier=none *" login "$(hex old)"
expect "a role without a password" "role * verifier=none *" login "$(hex bare)"
check "pgsignet.sql installs with superusers under a running daemon" install -v superusers=include
expect "a superuser's verifier is shown when asked for" "role login=1 super=1 until=no verifier=SCRAM-SHA-256 *" login "$(hex boss)"
check "pgsignet.sql installs without them again" install
expect "and then not any more" "role login=1 super=1 until=no verifier=none *" login "$(hex boss)"

while read -r role verdict; do
    expect "judged: $role is $verdict" "$verdict" judge "$(hex "$role")"
done <<'END'
alice granted
nologin role-nologin
past role-expired
future granted
forever granted
never role-expired
ancient role-expired
ALICE no-role
nobody no-role
pg_monitor role-nologin
END

for name in "x'; DROP ROLE alice; --" 'a"b\c' 'Zoë 李' 'two
lines' "$long"; do
    expect "name: $(printf '%.30s' "$name" | tr '\n' ' ')" granted judge "$(hex "$name")"
done
expect "one byte over 63 is nobody, not the role it would be cut to" no-role judge "$(hex "${long}n")"
check "the server does not cut a name either" test -z "$(pg_as pgsignet "SELECT * FROM pgsignet.role_state('${long}n')")"
expect "invalid UTF-8 is nobody" no-role judge ff616c
expect "a cut UTF-8 sequence is nobody" no-role judge 616c696365c3
expect "NUL inside is nobody" no-role judge 616c69636500
expect "empty is nobody" no-role judge ""
for name in "alice' OR '1'='1" 'alice"' "%" "alice " '$1' 'pgsignet.alice' '*)(uid=*' '../x'; do
    expect "nobody: $name" no-role judge "$(hex "$name")"
done
expect "none of it counted as an outage" no down
check "the daemon kept to one connection" test 1 = \
    "$(pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgsignet'")"
pg_sql "SELECT application_name FROM pg_stat_activity WHERE usename = 'pgsignet'" >"$work/name"
check "it says who it is" grep -qx pgsignetd "$work/name"

# --- when the server goes away --------------------------------------------------------------------
# Without the probe's pipes, which the server would keep open.
check "the server restarts" restart_postgres 3>&- 4<&-
expect "the dead connection is re-made within the same question" granted judge "$(hex alice)"
pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgsignet'" >/dev/null
expect "so is one that an administrator ended" granted judge "$(hex alice)"

stop_postgres
expect "a stopped server is unavailable" "postgres-unavailable ms=*" login "$(hex alice)" 5000
took_at_most "... at once" 2500
expect "... and not marked, for its no costs nothing" no down
pg_start 3>&- 4<&-
expect "the moment it is back it is right again" "role login=1 *" login "$(hex alice)" 5000

# --- when the server is stuck -----------------------------------------------------------------------
backend=$(pg_sql "SELECT pid FROM pg_stat_activity WHERE usename = 'pgsignet'")
stopped=$backend
kill -STOP "$backend"
expect "a stuck backend ends at the login's deadline" "deadline ms=*" login "$(hex alice)" 400
took_at_most "... not later" 2500
kill -CONT "$backend"
stopped=
expect "the next login gets a new connection" "role login=1 *" login "$(hex alice)" 5000

stopped="$(pg_postmaster) $(pg_sql "SELECT pid FROM pg_stat_activity WHERE usename = 'pgsignet'")"
kill -STOP $stopped
expect "a stuck server with a kept connection ends at the deadline" "deadline ms=*" login "$(hex alice)" 400
took_at_most "... not later" 2500
expect "a stuck postmaster that must be connected to ends at the deadline" "deadline ms=*" login "$(hex alice)" 400
took_at_most "... not later" 2500
expect "without a nearer deadline it ends by postgres.timeout" "postgres-unavailable ms=*" login "$(hex alice)" 20000
took_at_most "... not later" 10000
expect "... and is marked" yes down
expect "while it is marked nobody waits for it" "postgres-unavailable ms=*" login "$(hex alice)" 5000
took_at_most "... at all" 2000
expect "... which the error says" "*left alone*" error
kill -CONT $stopped
stopped=
ask up
expect "when it goes on, logins are right again" "role login=1 * verifier=SCRAM-SHA-256 *" login "$(hex alice)" 5000

# Nobody can connect meanwhile, so the holder says when it has the lock, and waits to be told to let go.
mkfifo "$work/locked" "$work/release"
pg_sql "BEGIN;
LOCK pg_authid IN ACCESS EXCLUSIVE MODE;
\\! echo yes >$work/locked; cat $work/release
ROLLBACK;" >/dev/null 2>&1 3>&- 4<&- &
locker=$!
cat "$work/locked" >/dev/null
expect "a locked catalogue ends at the deadline" "deadline ms=*" login "$(hex alice)" 400
echo "done" >"$work/release"
wait "$locker"
expect "and is right when the lock is gone" "role login=1 *" login "$(hex alice)" 5000

# --- when it was not installed ----------------------------------------------------------------------
pg_sql "DROP SCHEMA pgsignet CASCADE" 2>/dev/null
expect "without pgsignet.sql it is unavailable" "postgres-unavailable*" login "$(hex alice)" 5000
expect "... and the error names the file" "*pgsignet.sql*" error
expect "... but the server is not marked as down" no down
install
expect "installed, it works over the same connection" "role login=1 *" login "$(hex alice)" 5000
ask time "$(hex alice)" 200
echo "# microseconds: $answer"
close_probe
report_end
