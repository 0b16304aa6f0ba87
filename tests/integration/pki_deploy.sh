#!/usr/bin/env bash
# deploy puts a server's files where PostgreSQL takes them, refuses before it writes, reloads, and proves what is served.
# time: 600
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
# shellcheck source=tests/integration/postgres.sh
. "$here/postgres.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${here%/tests/integration}/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-deploy.XXXXXX") || exit 1
stopped=
trap '[ -z "$stopped" ] || kill -KILL "$stopped" 2>/dev/null; stop_postgres immediate 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
[ "$(id -u)" -eq 0 ] || { skip deploy "needs root"; report_end; }

ca()
{
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" "$@"
}

# fails CODE WORDS COMMAND...: exits with CODE and says WORDS
fails()
{
    local want=$1 words=$2 status=0 said
    shift 2
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq "$want" ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

# owner and mode of a file
of() { stat -c '%U:%G %a' "$1"; }
# everything about a folder that deploy could change
picture() { find "$1" -printf '%P %y %u:%g %m %T@\n' -type f -exec sha256sum {} + | sort; }
unchanged() { [ "$(picture "$1")" = "$2" ] || { diff <(echo "$2") <(picture "$1"); return 1; }; }
serial() { openssl x509 -noout -serial -in "$1"; }
serves()
{
    openssl s_client -starttls postgres -connect "127.0.0.1:$PG_PORT" </dev/null 2>/dev/null | openssl x509 -noout -serial
}

start_postgres "$work" || exit 1
super="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
place=$work/place
install -d -o postgres -m 700 "$place"
ca init >/dev/null || exit 1
ca issue server db1 --san localhost --san 127.0.0.1 >/dev/null || exit 1
crt=$work/ca/server.crt key=$work/ca/server.key

# --- before anything is written --------------------------------------------------------------------

ca issue client app >/dev/null || exit 1
before=$(picture "$place")
ledger() { sqlite3 "$work/ca/ledger.db" .dump | sha256sum; } # what is in it: where, file or log, is SQLite's
ledger_before=$(ledger)
check "a dry run says what it would write, and exits 0" fails 0 "would write" ca deploy db1 --to "$place" --dry-run --postgres "$super"
check "and changes nothing" unchanged "$place" "$before"
check "not even the ledger" test "$(ledger)" = "$ledger_before"
check "an unknown name is refused" fails 1 "nobody" ca deploy nobody --to "$place"
check "a client's certificate is refused" fails 1 "no server certificate" ca deploy app --to "$place"
check "a folder that is not there is refused" fails 1 "No such file" ca deploy db1 --to "$work/none"
check "the CA's own folder is refused" fails 1 "own folder" ca deploy db1 --to "$work/ca"
check "an owner that does not exist is refused" fails 1 "no user" ca deploy db1 --to "$place" --owner nobody-of-that-name
check "a key of root alone, which no server could read, is refused" fails 1 "--group-key" ca deploy db1 --to "$place" --owner root
check "--owner and --group-key do not go together" fails 64 "" ca deploy db1 --to "$place" --owner postgres --group-key postgres
check "--to is needed" fails 64 "--to" ca deploy db1
cp -p "$key" "$work/key.kept"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null >"$key"
check "a key that does not fit the certificate is refused" fails 1 "not the key of this certificate" ca deploy db1 --to "$place"
cp -p "$work/key.kept" "$key"
ln -s /nonexistent/elsewhere "$place/server.key"
check "a symbolic link at the place is refused" fails 1 "symbolic link" ca deploy db1 --to "$place"
rm "$place/server.key"
mkfifo "$place/server.crt"
check "a FIFO at the place is refused" fails 1 "not a file" timeout 20 "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" deploy db1 --to "$place"
rm "$place/server.crt"
check "none of these wrote anything" test -z "$(ls -A "$place")"
# PostgreSQL's user makes its folder a link to one of root's.
install -d -m 700 "$work/etcd"
install -d -o postgres -m 755 "$work/lib"
echo "etcd's own" | tee "$work/etcd/server.crt" "$work/etcd/ca.crt" "$work/etcd/server.key" >/dev/null
ln -s "$work/etcd" "$work/lib/main"
mkdir "$work/etcd/sub"
chown -h postgres "$work/lib/main"
before=$(picture "$work/etcd")
check "a link that PostgreSQL's user has set is not followed" fails 1 "symbolic link" ca deploy db1 --to "$work/lib/main"
check "not on the way either" fails 1 "symbolic link" ca deploy db1 --to "$work/lib/main/sub"
check "not by a path from here" fails 1 "symbolic link" sh -c 'cd "$1" && exec "$2" --dir "$3" deploy db1 --to main' \
    sh "$work/lib" "$PGSIGNET_BUILD/pgsignet-ca" "$work/ca"
chown -h root "$work/lib/main"
check "nor one of root's in a folder of that user, who can exchange it" fails 1 "symbolic link" ca deploy db1 --to "$work/lib/main"
check "nothing was written or given away there" unchanged "$work/etcd" "$before"

# --- files, modes, owners --------------------------------------------------------------------------

check "a server that reads its files from elsewhere: exit 1, with the statements for it" \
    fails 1 "ALTER SYSTEM SET ssl_cert_file = '$place/server.crt';" ca deploy db1 --to "$place" --postgres "$super"
check "the files are in place" test "$(serial "$place/server.crt")" = "$(serial "$crt")"
check "the key is the server's, 0600" test "$(of "$place/server.key")" = 'postgres:postgres 600'
check "the certificate is 0644" test "$(of "$place/server.crt")" = 'postgres:postgres 644'
check "ca.crt is what ssl_ca_file needs" cmp "$place/ca.crt" "$work/ca/trust.crt"
check "crl.pem is what ssl_crl_file needs" cmp "$place/crl.pem" "$work/ca/crl.pem"
check "no part is left" test -z "$(find "$place" -name '.*.part')"
check "the event is in the ledger" sh -c 'grep -q "\"event\":\"deploy\".*\"object\":\"$1\""' sh "$place" < <(ca events)
for mask in 000 077; do
    rm -rf "$place"
    install -d -o postgres -m 700 "$place"
    (umask "$mask" && ca deploy db1 --to "$place" >/dev/null 2>&1)
    check "umask $mask has no effect" test "$(of "$place/server.key") $(of "$place/ca.crt")" = 'postgres:postgres 600 postgres:postgres 644'
done
before=$(picture "$place")
check "again: everything is as it is" fails 0 "as it is" ca deploy db1 --to "$place"
check "and was not touched" unchanged "$place" "$before"
chmod 644 "$place/server.key"
check "a mode that was opened is set right" ca deploy db1 --to "$place"
check "to 0600" test "$(of "$place/server.key")" = 'postgres:postgres 600'
check "no server named: said, exit 0" fails 0 "no server was told" ca deploy db1 --to "$place"

# --- two at once ------------------------------------------------------------------------------------

fits() { [ "$(openssl x509 -noout -pubkey -in "$place/server.crt")" = "$(openssl pkey -pubout -in "$place/server.key")" ]; }
# stops CALL: runs a deploy up to this system call
stops()
{
    local i
    strace -qq -o "$work/strace" -e "trace=$1" -e "inject=$1:signal=STOP:when=1" \
        "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" deploy db1 --to "$place" >"$work/said" 2>&1 </dev/null &
    traced=$!
    for ((i = 0; i < 600; i++)); do
        stopped=$(ps -o pid= --ppid "$traced" | tr -d ' ')
        case $(ps -o stat= -p "${stopped:-1}") in [tT]*) grep -q "SIGSTOP" "$work/strace" && return 0 ;; esac
        sleep 0.1
    done
    not_ok "deploy was not seen to stop at $1" "$(cat "$work/said")"
    report_end
}
goes_on() { kill -CONT "$stopped"; status=0; wait "$traced" || status=$?; stopped=; }
if command -v strace >/dev/null && strace -qq -o "$work/strace" true 2>/dev/null; then
    before=$(picture "$place")
    stops flock # before it writes
    ca rekey db1 >/dev/null 2>&1 || not_ok rekey
    goes_on
    check "what was renewed meanwhile is not put into place" test "$status" -eq 1
    check "and it says so" grep -q 'replaced meanwhile' "$work/said"
    check "nothing was written" unchanged "$place" "$before"
    stops renameat
    check "nobody else deploys or renews then" grep -q locked <<<"$(sqlite3 "$work/ca/ledger.db" 'BEGIN IMMEDIATE; ROLLBACK' 2>&1)"
    goes_on
    check "it ends well" test "$status" -eq 0
    check "with key and certificate that fit" fits
else
    skip "two at once" "strace is not installed, or may not trace"
fi
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null >"$place/server.key"
check "a key there that does not fit is said" fails 0 "is not the key of" ca deploy db1 --to "$place" --dry-run
check "and mended" ca deploy db1 --to "$place"
check "so that it fits" fits

# --- reload and proof ------------------------------------------------------------------------------

# The printed statements, run as they are.
ca deploy db1 --to "$place" --postgres "$super" 2>/dev/null | grep -E '^(ALTER|SELECT)' >"$work/statements"
check "the statements are five and a reload" test "$(wc -l <"$work/statements")" -ge 5
check "the server takes them" pg_sql "$(cat "$work/statements")"
check "then: reload, and a handshake that proves it" fails 0 "proved by a handshake" ca deploy db1 --to "$place" --postgres "$super"
ln -s "$place" "$work/linked"
check "a link of root's in root's folder is followed, and the server's settings are known by it" fails 0 "proved by a handshake" \
    ca deploy db1 --to "$work/linked" --postgres "$super"
check "the server serves it" test "$(serves)" = "$(serial "$crt")"
ca renew db1 >/dev/null || not_ok "renew"
check "a renewed one is proved to be served" test \
    "$(ca deploy db1 --to "$place" --postgres "$super" --json | jq -r '.servers[0].proof')" = served
check "by a handshake of openssl's as well" test "$(serves)" = "$(serial "$crt")"
pg_sql "CREATE ROLE pgsignet_ca LOGIN; GRANT pg_monitor TO pgsignet_ca; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO pgsignet_ca" >/dev/null
check "no superuser is needed: pg_monitor, and pg_reload_conf()" fails 0 "proved by a handshake" \
    ca deploy db1 --to "$place" --postgres "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=pgsignet_ca"
with_servers()
{
    printf 'ca:\n  dir: %s\n  postgres: [%s]\n' "$work/ca" "$1" >"$work/config.yaml"
    "$PGSIGNET_BUILD/pgsignet-ca" --config "$work/config.yaml" deploy db1 --to "$place"
}
dead="\"host=127.0.0.1 port=1 dbname=postgres user=postgres\""
check "of ca.postgres the one that is here is enough" fails 0 "proved by a handshake" with_servers "$dead, \"$super\""
check "if there is one" fails 1 "no server of ca.postgres" with_servers "$dead"
for owner in postgres root; do
    rm -f "$place/server.key"
    if [ "$owner" = root ]; then
        check "--group-key: the server takes it" fails 0 "proved by" ca deploy db1 --to "$place" --postgres "$super" --group-key postgres
        check "it is root's and the group's, 0640" test "$(of "$place/server.key")" = 'root:postgres 640'
    else
        check "--owner: the server takes it" fails 0 "proved by" ca deploy db1 --to "$place" --postgres "$super" --owner postgres
    fi
    check "also at a start ($owner)" restart_postgres
done
rm -f "$place/server.key"
ca rekey db1 >/dev/null || not_ok "rekey"
check "by signal and pid file: proved at the address in it" fails 0 "127.0.0.1:$PG_PORT" \
    ca deploy db1 --to "$place" --pid-file "$PG_DATA/postmaster.pid" --probe "127.0.0.1:$PG_PORT"
ca rekey db1 >/dev/null
check "without --probe as well" ca deploy db1 --to "$place" --pid-file "$PG_DATA/postmaster.pid"
check "that is what is served" test "$(serves)" = "$(serial "$crt")"
other_program()
{
    install -d "$work/bouncer"
    fails 1 "another program's (PgBouncer), name that one: --probe" ca deploy db1 --to "$work/bouncer" --postgres "$super" || return 1
    fails 2 "not every server has reloaded" ca check --postgres "$super" || return 1
    ca deploy db1 --to "$work/bouncer" --probe "127.0.0.1:$PG_PORT" >/dev/null 2>&1 && ! fails 2 "not every server has reloaded" ca check --postgres "$super" >"$work/found"
}
check "a folder of another program: said, and --probe settles it" other_program
echo "$$" >"$work/pid"
check "a pid file of something else: nothing is signalled" fails 1 "left alone" ca deploy db1 --to "$place" --pid-file "$work/pid"

# --- what goes wrong -------------------------------------------------------------------------------

# Files changed and nobody told the server.
ca rekey db1 >/dev/null
ca deploy db1 --to "$place" >/dev/null 2>&1
check "a reload that was forgotten is found by check" fails 2 "" ca check --postgres "$super"
check "by its word" sh -c 'grep -q "$1"' sh served < <(ca check --postgres "$super" 2>&1)
check "deploy again mends it" ca deploy db1 --to "$place" --postgres "$super"
# A server that does not take the reload: the old certificate stays, and only the handshake tells.
pg_run sh -c 'echo "no certificate" >"$1"' sh "$PG_DATA/broken.crt"
pg_sql "ALTER SYSTEM SET ssl_crl_file = '$PG_DATA/broken.crt'" >/dev/null
old=$(serves)
ca rekey db1 >/dev/null
check "a reload that the server does not take is found" fails 1 "SSL configuration was not reloaded" \
    ca deploy db1 --to "$place" --postgres "$super"
check "for it serves the old one" test "$(serves)" = "$old"
pg_sql "ALTER SYSTEM SET ssl_crl_file = '$place/crl.pem'" >/dev/null
check "mended, it is proved" ca deploy db1 --to "$place" --postgres "$super"
ca rekey db1 >/dev/null
stop_postgres
check "server down: exit 1, and what to do" fails 1 "the files are in place" ca deploy db1 --to "$place" --postgres "$super"
check "the files are in place all the same" test "$(serial "$place/server.crt")" = "$(serial "$crt")"
check "the server starts with them" pg_start
check "and serves them" test "$(serves)" = "$(serial "$crt")"

# --- a key that never was in the CA's folder --------------------------------------------------------

install -d -o postgres -m 700 "$work/signed"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db2 -keyout "$work/db2.key" -out "$work/db2.csr" 2>/dev/null
ca sign server "$work/db2.csr" --name db2 --san localhost >/dev/null || not_ok "sign"
check "a certificate whose key is not there yet is refused" fails 1 "made elsewhere" ca deploy db2 --to "$work/signed"
check "and nothing was written" test -z "$(ls -A "$work/signed")"
install -o postgres -m 600 "$key" "$work/signed/server.key"
check "a key that is there and does not fit as well" fails 1 "not the key of this certificate" ca deploy db2 --to "$work/signed"
install -o postgres -m 600 "$work/db2.key" "$work/signed/server.key"
check "the right one stays where it was made" ca deploy db2 --to "$work/signed"
check "as it was" cmp "$work/signed/server.key" "$work/db2.key"

# --- the process that asks -------------------------------------------------------------------------

: >"$work/port"
"$PGSIGNET_BUILD/tests/integration/pki_mock_server" silent >"$work/port" &
mock=$!
until read -r mock_port <"$work/port" || ! kill -0 "$mock"; do sleep 0.01; done
"$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" deploy db1 --to "$place" --probe "127.0.0.1:$mock_port" >/dev/null 2>&1 &
parent=$!
child_of() { pgrep -P "$1" -f pgsignet-ca-online; }
tries=0
until child=$(child_of "$parent") || [ $((tries += 1)) -gt 3000 ]; do sleep 0.01; done
kill -KILL "$parent"
{ wait "$parent"; } 2>/dev/null
tries=0
while kill -0 "$child" 2>/dev/null && [ $((tries += 1)) -le 3000 ]; do sleep 0.01; done
check "pgsignet-ca-online does not outlive who asked" sh -c '[ -n "$1" ] && ! kill -0 "$1" 2>/dev/null' sh "$child"
kill "$mock"
wait "$mock" 2>/dev/null
check "with --json a failure is one document as well" test "$(ca deploy db1 --to "$place" --probe "127.0.0.1:$mock_port" --json 2>/dev/null |
    jq -s -r 'length, .[0].servers[0].proof' | tr '\n' ' ')" = '1 no-handshake '

# --- a chain ---------------------------------------------------------------------------------------

mv "$work/ca" "$work/ca.first"
ca init --intermediate >/dev/null && ca issue server db1 --san localhost --san 127.0.0.1 >/dev/null
check "that another CA is trusted no more is said" fails 0 'trusts "CN=pgsignet CA,O=pgsignet"' ca deploy db1 --to "$place" --dry-run
check "with an intermediate CA: proved" fails 0 "proved by a handshake" ca deploy db1 --to "$place" --postgres "$super"
check "who trusts the root alone verifies what is served" sh -c 'echo | openssl s_client -starttls postgres -connect "127.0.0.1:$1" \
    -CAfile "$2" -no-CApath -verify_return_error >/dev/null 2>&1' sh "$PG_PORT" "$work/ca/root.crt"
check "the root itself is not served" test "$(grep -c BEGIN "$place/server.crt")" = 2
mv "$work/ca" "$work/ca.second" && mv "$work/ca.first" "$work/ca"

# --- without root, by the server's own user --------------------------------------------------------

install -d -m 755 "$work/bin"
for program in pgsignet-ca pgsignet-ca-online; do
    "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 "$PGSIGNET_BUILD/$program" "$work/bin/$program"
done
install -d -o postgres -m 700 "$work/own"
as_postgres() { pg_run "$work/bin/pgsignet-ca" --dir "$work/own/ca" "$@"; }
as_postgres init >/dev/null && as_postgres issue server db1 --san localhost --san 127.0.0.1 >/dev/null
check "without root: the server's user deploys to itself" fails 0 "proved by a handshake" \
    as_postgres deploy db1 --to "$place" --owner postgres --postgres "$super"
check "somebody else cannot" fails 1 "root" as_postgres deploy db1 --to "$place" --group-key postgres
# --- and from then on -------------------------------------------------------------------------------------

# The README's commands name no ca.crl_file: what was deployed is kept fresh all the same.
kept_fresh()
{
    local before loaded tries=0
    ca deploy db1 --to "$PG_DATA" --owner postgres --postgres "$super" >/dev/null 2>&1 # exits 1: other files are served
    before=$(sha256sum <"$PG_DATA/crl.pem") && loaded=$(pg_sql 'SELECT pg_conf_load_time()') || return 1
    ca crl --publish >/dev/null && [ "$(sha256sum <"$PG_DATA/crl.pem")" != "$before" ] || { echo "crl.pem is as it was"; return 1; }
    cmp "$PG_DATA/crl.pem" "$work/ca/crl.pem" && [ "$(stat -c %U "$PG_DATA/crl.pem")" = postgres ] || return 1
    until [ "$(pg_sql 'SELECT pg_conf_load_time()')" != "$loaded" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "the server was not told"; return 1; }
        sleep 0.1
    done
}
check "a CRL that was deployed is kept fresh by crl --publish, and its server told, without any configuration" kept_fresh
older_is_found()
{
    local status=0
    cp -p "$PG_DATA/crl.pem" "$work/older.pem" && ca crl >/dev/null && ca check >"$work/found" 2>&1 || status=$?
    [ "$status" -eq 2 ] && grep -q "crl-not-published.*$PG_DATA/crl.pem" "$work/found"
}
check "check finds one that is older than the folder's" older_is_found
forgotten()
{
    rm "$PG_DATA/crl.pem" && ca crl --publish >/dev/null 2>"$work/first" && ca crl --publish >/dev/null 2>"$work/second"
    grep -q "is there no more" "$work/first" && ! grep -q "is there no more" "$work/second"
}
check "one that is gone is said once, and forgotten" forgotten
report_end
