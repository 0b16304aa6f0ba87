#!/usr/bin/env bash
# list, show, expiring, events, metrics answer for the ledger; check finds each thing that can be wrong, exits 2, and changes nothing.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
# shellcheck source=tests/integration/postgres.sh
. "$here/postgres.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${here%/tests/integration}/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
work=$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-check.XXXXXX") || exit 1
trap 'stop_postgres immediate 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
[ "$(id -u)" -eq 0 ] || { skip check "needs root"; report_end; }
chmod 755 "$work"
dir=$work/ca
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
days=0 # that the clock is ahead

cat >"$work/ca.yaml" <<END
ca:
  dir: $dir
  audit: $work/audit.jsonl
END

ca()
{
    local -a clock=()
    [ "$days" -eq 0 ] || clock=(env LD_PRELOAD="$library" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="+${days}d")
    "${clock[@]}" "$tool" --config "$work/ca.yaml" "$@" </dev/null
}

# says CODE PATTERN COMMAND...: the exit code, and a line of what it printed
says()
{
    local wanted=$1 pattern=$2 got=0 out
    shift 2
    out=$("$@" 2>&1) || got=$?
    printf 'exit %s\n%s\n' "$got" "$out"
    [ "$got" -eq "$wanted" ] && grep -qe "$pattern" <<<"$out"
}
is_silent_on() { local out; out=$("${@:2}" 2>&1); printf '%s\n' "$out"; ! grep -qe "$1" <<<"$out"; }

# found "WORD OBJECT..." [ARGUMENT...]: check --json exits 2 with exactly these findings (one a line, in any order)
found()
{
    local wanted=$1 got=0 out
    shift
    out=$(ca check --json "$@" 2>"$work/stderr") || got=$?
    printf 'exit %s\n%s\n' "$got" "$out"
    cat "$work/stderr"
    [ "$got" -eq 2 ] && [ "$(jq -r '.findings[] | "\(.finding) \(.object)"' <<<"$out" | sort -u)" = "$(sort <<<"$wanted")" ]
}
finds_nothing() { says 0 'Nothing was found' ca check "$@"; }
# All of the folder; SQLite touches the time of the ledger's file when it takes its log away.
picture()
{
    find "$dir" -mindepth 1 ! -name 'ledger.db*' -printf '%P %y %U:%G %m %T@\n' -type f -exec sha256sum {} + | sort
    stat -c '%U:%G %a' "$dir/ledger.db"
    sha256sum <"$dir/ledger.db"
}
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//'; }
# one JSON document and nothing behind it
is_one() { { "$@" 2>/dev/null || :; } | jq -se 'length == 1'; }
names() { "$@" --json | jq -r '[.certificates[].name] | sort | join(" ")'; }

# --- list, show, expiring --------------------------------------------------------------------------------

{
    ca init && ca issue server db1 --san localhost --san 127.0.0.1 && ca issue client app bob eve 'Zoë "x" \y' &&
        ca issue client brief --lasts 130h && ca issue client given --out "$work/given" && ca renew bob &&
        ca revoke eve --no-publish && ca crl
} >"$work/made.log" 2>&1 || { cat "$work/made.log"; exit 1; }
app=$(serial_of "$dir/clients/app.crt")

check "list shows what is live and was not replaced" test "$(names ca list)" = 'Zoë "x" \y app bob brief db1 given'
check "list --kind takes one kind" test "$(names ca list --kind server)" = db1
check "list --name takes one name" test "$(names ca list --name bob)" = bob
check "list --revoked takes the revoked" test "$(names ca list --revoked)" = eve
check "list --all has each certificate once, replaced ones too" test "$(names ca list --all)" = 'Zoë "x" \y app bob bob brief db1 eve given'
check "states are told" test "$(ca list --all --json | jq -r '[.certificates[] | select(.name == "bob" or .name == "eve") | .state] | sort | join(" ")')" = "live replaced revoked"
check "people get a table" says 0 "^client  app .*$app .*live .*clients/app.crt" ca list
check "names cannot drive a terminal" says 0 'Zoë "x"' ca list
check "what there is none of is said" says 0 'no such certificate' ca list --kind other
check "expiring has what ends within the window" test "$(names ca expiring)" = brief
check "a window may be told" test "$(names ca expiring --window 400d | wc -w)" = 8
check "and leaves out what was replaced or revoked" is_silent_on eve ca expiring --window 400d
check "days left are whole ones" test "$(ca expiring --json | jq '.certificates[0].days_left')" = 5
check "a certificate is shown by its name" says 0 "serial *$app" ca show app
check "by its serial" says 0 'client "app"' ca show "$app"
check "by its serial in decimal" says 0 'client "app"' ca show "decimal:$(ca show app --json | jq -r '.certificates[0].serial_decimal')"
check "by its file" says 0 'client "app"' ca show "$dir/clients/app.crt"
check "with strings to connect by" says 0 'host=db1 dbname=shop user=app sslmode=verify-full' ca show app --host db1 --dbname shop
check "its PEM is the one of the file" test "$(ca show app --json | jq -r '.certificates[0].pem' | openssl x509 -noout -fingerprint)" = "$(openssl x509 -in "$dir/clients/app.crt" -noout -fingerprint)"
check "a renewal names both sides" test "$(ca show bob --json | jq -r '.certificates[0].replaces')" = "$(ca list --all --json | jq -r '.certificates[] | select(.state == "replaced") | .serial')"
check "one who is not there is not found" says 1 'no serial and no name' ca show nobody
check "a revoked one is told from none" says 1 'live and not replaced; 1 other' ca show eve
check "a file of another CA is told" says 1 'another CA' sh -c '
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=x -out "$0/other.crt" 2>/dev/null
    "$1" --dir "$0/ca" show "$0/other.crt"' "$work" "$tool"
check "a file without a certificate is told" says 1 'no certificate' ca show "$work/ca.yaml"
for query in "list" "list --all" "expiring" "show app" "check" "events" "events --verify" "metrics"; do
    # shellcheck disable=SC2086
    check "$query --json is one document" is_one ca $query --json
done

# --- events ----------------------------------------------------------------------------------------------

check "events are lines of JSON, in order" test "$(ca events | jq -s '[.[].seq] == [range(1; length + 1)]')" = true
check "the trail has the same lines" diff <(ca events) "$work/audit.jsonl"
check "the chain is whole" says 0 'the chain is whole' ca events --verify
check "another hand comes to the same hash" python3 - "$work/audit.jsonl" <<'END'
import hashlib, json, sys
before = "0" * 64
for line in open(sys.argv[1], "rb"):
    line = line.rstrip(b"\n")
    event = json.loads(line)
    assert event["prev"] == before
    before = hashlib.sha256(line[:-75]).hexdigest()
    assert event["hash"] == before
END

# --- metrics ---------------------------------------------------------------------------------------------

sample() { grep -F "pgsignet_ca_$1 " "$work/ca.prom" | sed 's/.* //'; }
check "metrics go to standard output" says 0 '^pgsignet_ca_certificates{kind="client",state="live"} 6$' ca metrics
check "or to a file, readable for the collector" sh -c '"$@" && [ "$(stat -c %a "$0/ca.prom")" = 644 ]' "$work" "$tool" --config "$work/ca.yaml" metrics "$work/ca.prom"
check "the file replaced nothing but itself" test "$(find "$work" -maxdepth 1 -name '*.part' | wc -l)" = 0
check "the soonest end is there" test "$(sample 'certificate_days_left{kind="client"}' | cut -d. -f1)" = 5
check "and the CRL" test "$(sample 'crl_entries{ca="ca.crt"}') $(sample 'crl_number{ca="ca.crt"}') $(sample 'crl_due{ca="ca.crt"}')" = "1 3 0"
check "each metric is described once" test "$(grep -c '^# TYPE' "$work/ca.prom")" = "$(sed -n 's/^\(pgsignet[a-z_]*\).*/\1/p' "$work/ca.prom" | sort -u | wc -l)"
if command -v promtool >/dev/null; then check "promtool takes it" promtool check metrics <"$work/ca.prom"; fi
check "a dry run says where it would go, and writes nothing" eval 'says 0 "Would write .*dry.prom; nothing was written" ca metrics --dry-run "$work/dry.prom" && [ ! -e "$work/dry.prom" ]'
check "and that it could not" says 1 'cannot write the metrics' ca metrics --dry-run "$work/nowhere/ca.prom"
check "a file that the collector would not read is refused" says 64 'end in .prom' ca metrics "$work/ca.txt"
ln -s /nonexistent/elsewhere "$work/link.prom"
check "a symbolic link is not written through" says 1 'symbolic link' ca metrics "$work/link.prom"
check "a dry run knows that too" says 1 'symbolic link' ca metrics --dry-run "$work/link.prom"

# --- check, without a server -----------------------------------------------------------------------------

ca renew brief >>"$work/made.log" 2>&1
before=$(picture)
check "a sound CA has nothing to be found" finds_nothing
check "looking changes nothing" diff <(echo "$before") <(picture)
check "what ends within the window is found" says 2 '^expiring .*clients/app.crt' ca check --window 400d
check "and what to do about it is said once" test "$(ca check --window 400d | grep -c '^expiring: ')" = 1

# undone COMMAND FINDINGS NAME: breaks something, looks, and puts it back
undone()
{
    cp -a "$dir" "$work/kept"
    sh -c "cd '$dir' && $1" >"$work/broken.log" 2>&1 || cat "$work/broken.log"
    check "$3" found "$2"
    rm -rf "$dir"
    mv "$work/kept" "$dir"
}
undone 'chmod 640 clients/app.key' 'modes clients/app.key' "a key that others can read is found"
undone 'chmod 644 ca.key' 'modes ca.key' "the CA's too"
undone 'chown nobody clients/app.key' 'modes clients/app.key' "a key that belongs to somebody else"
undone 'chmod 750 .' 'modes .' "an open folder"
undone 'chmod 644 ledger.db' 'modes ledger.db' "an open ledger"
undone 'cp clients/bob.key clients/app.key' 'key-mismatch clients/app.key' "a key that is not the certificate's"
undone 'cp clients/bob.crt clients/app.crt' 'file-differs clients/app.crt' "a certificate that is another one's"
undone 'rm clients/app.crt clients/bob.key' 'file-differs clients/app.crt
file-differs clients/bob.key' "files that are not there"
undone 'echo x >clients/app.crt' 'file-differs clients/app.crt' "a file that is no certificate"
undone 'ln -sf bob.crt clients/app.crt' 'file-differs clients/app.crt' "a symbolic link in a file's place"
undone 'cat clients/app.crt >>trust.crt' 'file-differs trust.crt' "somebody else who is trusted"
undone 'rm ca.key' 'key-away ca.key' "a key of the CA that is not there"
root_away()
{
    "$tool" --dir "$work/below" --quiet init --intermediate && mv "$work/below/root.key" "$work/safe.key" &&
        says 0 'Nothing was found' "$tool" --dir "$work/below" check
}
check "a root's key may be in a safe" root_away
undone 'rm crl/ca.crl crl/ca.crl.der' 'crl-missing crl/ca.crl' "a CRL that is not there"
undone 'echo x >crl/ca.crl; cp crl/ca.crl crl/ca.crl.der' 'crl-missing crl/ca.crl' "a CRL that is none"
undone "$tool --dir . revoke app --no-publish --yes; cp -a '$work/kept/crl/'* crl/" 'crl-not-published crl/ca.crl' "somebody who was revoked since the CRL"
if command -v sqlite3 >/dev/null; then
    ledger() { printf 'sqlite3 ledger.db "%s"' "$1"; }
    undone "$(ledger "UPDATE certificate SET name = 'boss' WHERE name = 'app'")" 'ledger-damaged ledger.db' "a row that was changed"
    undone "$(ledger 'DELETE FROM event WHERE seq = 3')" 'ledger-damaged ledger.db' "an event that was taken away"
    cp -a "$dir" "$work/kept"
    sqlite3 "$dir/ledger.db" "UPDATE event SET line = replace(line, '\"app\"', '\"bpp\"')"
    check "events --verify finds the first that was changed" says 2 'event [0-9]* was changed' ca events --verify
    rm -rf "$dir" && mv "$work/kept" "$dir"
else
    skip "a ledger that was changed" "no sqlite3: apt-get install sqlite3"
fi
undone 'rm -f ledger.db-*; dd if=/dev/zero of=ledger.db bs=4096 seek=1 count=200 conv=notrunc' 'ledger-damaged ledger.db' "a ledger that was overwritten"
undone 'rm -f ledger.db-*; echo garbage >ledger.db' 'ledger-damaged ledger.db' "a ledger that is none"
check "a folder that is not there is a failure, not a finding" says 1 'cannot open' "$tool" --dir "$work/none" check

# Killed between the reservation and the end, wherever that is in this build.
half_done()
{
    local at
    for ((at = 1; at < 200; at++)); do
        { LD_PRELOAD=$fault PKI_FAULT_AT=$at PKI_FAULT_HOW='kill' "$tool" --config "$work/ca.yaml" issue client half; } </dev/null
        { ca check --json || :; } | jq -e 'any(.findings[]; .finding == "half-done")' && return
        ca show half && break # it was not killed any more
    done >"$work/half.log" 2>&1
    grep -v "^[{ ]" "$work/half.log"
    return 1
}
fault=$PGSIGNET_BUILD/tests/integration/.libs/pki_fault.so
if [ -e "$fault" ]; then
    cp -a "$dir" "$work/kept"
    check "a certificate that a killed program left half done is found" half_done
    check "and said by who looks" says 0 'left half done' ca list
    check "the next command that changes something mends it" ca crl
    check "and then there is nothing to be found" finds_nothing
    rm -rf "$dir" && mv "$work/kept" "$dir"
else
    skip "half done" "pki_fault.so is not built"
fi

mkdir "$work/crls" && chown postgres "$work/crls"
check "CRLs that are not where they should be are found" found "crl-not-published $work/crls/crl.pem" --crl-file "$work/crls/crl.pem"
ca crl --publish --crl-file "$work/crls/crl.pem" >>"$work/made.log" 2>&1
sed -i '/^  audit/a\  crl_file: '"$work/crls/crl.pem" "$work/ca.yaml"
check "and not when they are" finds_nothing
cp "$work/crls/crl.pem" "$work/old.pem"
ca crl >>"$work/made.log" 2>&1
check "an older one is" found "crl-not-published $work/crls/crl.pem"
sed -i '/crl_file/d' "$work/ca.yaml"

if [ -n "$library" ]; then
    days=22 # of 30, renewed with 20 left by a timer that does not run
    check "a CRL that is near its end is found" found 'crl-near-end crl/ca.crl'
    days=31
    check "and one that has ended" says 2 'crl-near-end .* ended ' ca check
    days=397
    check "certificates that end soon" says 2 '^expiring .*server.crt' ca check
    days=400
    check "and that have ended" says 2 '^expired .*server.crt' ca check
    days=3600
    check "the CA, while it can be replaced" says 2 '^ca-expiring .*ca.crt' ca check
    days=0
else
    skip "dates" "no libfaketime: apt-get install libfaketime"
fi

# --- check, with a server --------------------------------------------------------------------------------

mkdir "$work/server" && start_postgres "$work/server" || exit 1
super="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
label=$PG_SOCKET_DIR:$PG_PORT
port=127.0.0.1:$PG_PORT
for role in app bob 'Zoë ""x"" \y' brief given; do pg_sql "CREATE ROLE \"$role\" LOGIN" >/dev/null; done
check "a server that serves what ends soon is found" says 2 'expiring .*the certificate that it serves' ca check --postgres "$super"
ca crl --publish --crl-file "$work/crls/crl.pem" --postgres "host=$work/nowhere" >>"$work/made.log" 2>&1
check "a reload that a server has not done is found" says 2 'crl-not-published .*not every server has reloaded' ca check --postgres "$super"
ca crl --publish --crl-file "$work/crls/crl.pem" --postgres "$super" >>"$work/made.log" 2>&1
pg_sql "ALTER SYSTEM SET ssl = off" >/dev/null && restart_postgres || exit 1
check "a server without TLS is found" says 2 'server-silent .*ssl is off' ca check --postgres "$super"
pg_sql "ALTER SYSTEM SET ssl = on" >/dev/null && restart_postgres || exit 1
ca deploy db1 --to "$PG_DATA" --postgres "$super" 2>/dev/null | grep -E '^(ALTER|SELECT)' >"$work/statements"
pg_sql "$(cat "$work/statements")" >/dev/null
ca deploy db1 --to "$PG_DATA" --postgres "$super" >"$work/deploy.log" 2>&1
check "with all in order nothing is" finds_nothing --postgres "$super" --probe "$port"
pg_sql 'DROP ROLE app' >/dev/null
check "a certificate of a role that was dropped is found" found 'no-role clients/app.crt' --postgres "$super"
pg_sql 'CREATE ROLE app; CREATE ROLE "Db1" LOGIN' >/dev/null
check "a host name that folds to a role is found" says 2 'san-is-role .*server.crt .*"Db1"' ca check --postgres "$super"
pg_sql 'DROP ROLE "Db1"' >/dev/null

cp -p "$PG_DATA/server.crt" "$PG_DATA/server.key" "$work/"
ca renew db1 >>"$work/made.log" 2>&1
check "a server that serves what was replaced is found" says 2 'served-differs .*replaced by a newer one' ca check --postgres "$super"
check "by a handshake alone, too" found "served-differs $port" --probe "$port"
cat "$dir/server.crt" >"$PG_DATA/server.crt"
check "a reload that was forgotten is found" says 2 'served-differs .*but .*/server.crt holds serial' ca check --postgres "$super"
cp -p "$work/server.crt" "$PG_DATA/server.crt"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 >"$PG_DATA/server.key" 2>/dev/null
check "a key that would fail the next start is found" says 2 "key-mismatch  *$PG_DATA/server.key" ca check --postgres "$super"
chmod 644 "$PG_DATA/server.key"
check "and one that the server would refuse" says 2 "modes  *$PG_DATA/server.key" ca check --postgres "$super"
cp -p "$work/server.key" "$PG_DATA/server.key"
pg_sql "ALTER SYSTEM SET ssl_crl_file = ''" >/dev/null
pg_sql 'SELECT pg_reload_conf()' >/dev/null
tries=0
until [ -z "$(pg_sql 'SHOW ssl_crl_file')" ] || [ $((tries += 1)) -gt 1000 ]; do sleep 0.02; done
check "a server that reads no CRL is found" says 2 'crl-not-published .*reads no CRL' ca check --postgres "$super"
pg_sql 'CREATE ROLE watcher LOGIN' >/dev/null
watcher="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=watcher"
pg_sql "ALTER SYSTEM SET ssl_crl_file = 'below.crl'" >/dev/null
pg_hba "local all all trust"
check "a server that may not tell the role is not called silent" says 2 'server-refuses .*pg_monitor' ca check --postgres "$watcher"
pg_hba "local all all peer"
check "nor one that lets nobody in; for peer it is said who we are" says 2 'server-refuses .*OS user root: peer needs map=' ca check --postgres "$watcher"
stop_postgres immediate
check "a server that does not answer is found, and nothing is said of its roles" found "server-silent $label" --postgres "$super"
check "nor a port" found "server-silent $port" --probe "$port"

# --- many ------------------------------------------------------------------------------------------------

many=500
[ -z "${PGSIGNET_SOAK-}" ] || many=100000
if [ -x "$PGSIGNET_BUILD/tests/bench/pki_seed" ]; then
    "$tool" --dir "$work/many" init >/dev/null && "$PGSIGNET_BUILD/tests/bench/pki_seed" "$work/many" "$many" >/dev/null 2>&1
    check "expiring lists $many" test "$("$tool" --dir "$work/many" expiring --window 400d --json | jq '.certificates | length')" = "$many"
    check "and in a table" test "$("$tool" --dir "$work/many" expiring --window 400d | wc -l)" = $((many + 1))
    check "in the order of their ends" sh -c '"$@" --json | jq -e "[.certificates[].not_after] | . == sort"' sh "$tool" --dir "$work/many" list
else
    skip "many" "pki_seed is not built"
fi

report_end
