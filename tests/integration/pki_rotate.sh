#!/usr/bin/env bash
# A CA's key is replaced: who trusts the old, the new or both gets through at each step, and no step shuts anybody out.
# time: 600
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
# shellcheck source=tests/integration/postgres.sh
. "$here/postgres.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${here%/tests/integration}/build}
work=$(mktemp -d)
chmod 711 "$work"
trap 'stop_postgres immediate 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

ca()
{
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" "$@"
}

# verifies TRUST LEAF PURPOSE: with what the leaf's file brings along, and nothing else
verifies()
{
    openssl verify -x509_strict -purpose "$3" -CAfile "$1" -untrusted "$2" "$2" >/dev/null &&
        certtool --verify --load-ca-certificate "$1" --infile "$2" >/dev/null
}

refused()
{
    ! openssl verify -x509_strict -CAfile "$1" -untrusted "$2" "$2" >/dev/null 2>&1
}

# fails CODE WORDS COMMAND...: exits with CODE and says WORDS
fails()
{
    local want=$1 words=$2 status=0 said
    shift 2
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq "$want" ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

# server: deploys what the CA's folder holds now into the server, which trusts and checks it
server_takes_over()
{
    local file
    for file in server.crt server.key; do
        install -o postgres -m 600 "$work/ca/$file" "$PG_DATA/$file" || return 1
    done
    install -o postgres -m 644 "$work/ca/trust.crt" "$PG_DATA/trust.crt" &&
        install -o postgres -m 644 "$work/ca/crl.pem" "$PG_DATA/crl.pem" &&
        pg_sql "SELECT pg_reload_conf()" >/dev/null
}

# logs_in TRUST KEY-FILES: by certificate, the server's own verified against TRUST
logs_in()
{
    local tries=0 said
    until said=$("$PG_BIN/psql" -X -A -t "host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=postgres user=app \
sslmode=verify-full sslrootcert=$1 sslcert=$2.crt sslkey=$2.key" -c 'SELECT session_user' 2>&1) && [ "$said" = app ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || { echo "$said"; return 1; } # a reload takes a moment
        sleep 0.1
    done
}

refuses_login()
{
    local tries=0
    while "$PG_BIN/psql" -X -A -t "host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=postgres user=app \
sslmode=verify-full sslrootcert=$1 sslcert=$2.crt sslkey=$2.key" -c 'SELECT 1' >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.1
    done
}

# --- before ----------------------------------------------------------------------------------------

ca --quiet init >/dev/null || exit 1
ca --quiet issue server localhost --san 127.0.0.1 >/dev/null && ca --quiet issue client app >/dev/null || exit 1
mkdir "$work/pg" && start_postgres "$work/pg" || exit 1
pg_sql "CREATE ROLE app LOGIN; ALTER SYSTEM SET listen_addresses = '127.0.0.1';
    ALTER SYSTEM SET ssl = on; ALTER SYSTEM SET ssl_cert_file = 'server.crt'; ALTER SYSTEM SET ssl_key_file = 'server.key';
    ALTER SYSTEM SET ssl_ca_file = 'trust.crt'; ALTER SYSTEM SET ssl_crl_file = 'crl.pem'" >/dev/null || exit 1
pg_hba "local all all trust" "hostssl all all 127.0.0.1/32 cert"
server_takes_over && restart_postgres || exit 1
conninfo="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
mkdir "$work/old" && cp "$work/ca/trust.crt" "$work/old/" && cp "$work/ca/clients/app.crt" "$work/ca/clients/app.key" "$work/old/"
cp "$work/ca/server.crt" "$work/old/"
check "a client logs in by its certificate" logs_in "$work/old/trust.crt" "$work/old/app"
check "nothing is under way: steps out of turn are refused, each with what comes next" eval \
    'fails 1 "rotate start" ca rotate issue && fails 1 "rotate start" ca rotate drop && fails 1 "no rotation" ca rotate abort'

# --- trust -----------------------------------------------------------------------------------------

check "a dry run changes nothing" eval 'ca --quiet rotate start --dry-run && [ ! -e "$work/ca/ca-g2.crt" ] &&
    cmp "$work/ca/trust.crt" "$work/old/trust.crt"'
check "start makes a second CA of another name, with a CRL, and trusts both" eval 'ca --quiet rotate start &&
    [ "$(grep -c BEGIN "$work/ca/trust.crt")" = 2 ] && [ "$(grep -c BEGIN "$work/ca/crl.pem")" = 2 ] &&
    grep -q "G2" <<<"$(openssl x509 -in "$work/ca/ca-g2.crt" -noout -subject)" && [ "$(stat -c %a "$work/ca/ca-g2.key")" = 600 ]'
openssl x509 -in "$work/ca/ca-g2.crt" >"$work/new.crt"
check "the old CA still signs" eval 'ca --quiet issue client second >/dev/null &&
    verifies "$work/old/trust.crt" "$work/ca/clients/second.crt" sslclient'
check "... and what it signs now gets to who trusts the new one alone" verifies "$work/new.crt" "$work/ca/clients/second.crt" sslclient
check "issue is refused while a server does not trust the new CA, and the server is named" eval \
    'fails 1 "a server refuses" ca rotate issue --postgres "$conninfo" && grep -q "refuses it" <<<"$(ca rotate issue --postgres "$conninfo" 2>/dev/null)"'
check "force does not pass over that" fails 1 "a server refuses" ca rotate issue --force --postgres "$conninfo"
check "a server that cannot be asked stops it too, unless forced" fails 1 "could not be asked" ca rotate issue --postgres "host=$work/nowhere"
check "abort takes the new CA back" eval 'ca --quiet rotate abort && [ "$(grep -c BEGIN "$work/ca/trust.crt")" = 1 ] &&
    grep -q "State: idle" <<<"$(ca rotate status)"'
check "start after it makes a third generation" eval 'ca --quiet rotate start && [ -e "$work/ca/ca-g3.crt" ] &&
    [ "$(grep -c BEGIN "$work/ca/trust.crt")" = 2 ]'
openssl x509 -in "$work/ca/ca-g3.crt" >"$work/new.crt"
check "the server takes over bundle and CRLs: the client goes on" eval 'server_takes_over && logs_in "$work/old/trust.crt" "$work/old/app"'
reaches_issue()
{
    local tries=0
    until ca --quiet rotate issue --postgres "$conninfo"; do
        tries=$((tries + 1))
        [ "$tries" -lt 50 ] || return 1
        sleep 0.1
    done 2>/dev/null
}
check "now issue is taken" reaches_issue

# --- issue -----------------------------------------------------------------------------------------

check "status names what waits" eval 'grep -q "app .*waits" <<<"$(ca rotate status)" && ca --json rotate status | jq -e ".state == \"issue\" and (.leaves | length) == 3" >/dev/null'
check "drop is refused while one waits, forced or not" eval 'fails 1 "no successor" ca rotate drop && fails 1 "no successor" ca rotate drop --force'
check "there is no way back" fails 1 "has signed" ca rotate abort
check "renew --all-due renews what the old CA has signed" eval 'ca --quiet renew --all-due && said=$(ca rotate status) && ! grep -q "waits to be" <<<"$said"'
for trust in "$work/old/trust.crt" "$work/new.crt" "$work/ca/trust.crt"; do
    check "a renewed client certificate is good for who trusts ${trust##*/} (${trust#"$work"/})" verifies "$trust" "$work/ca/clients/app.crt" sslclient
    check "a renewed server certificate too" verifies "$trust" "$work/ca/server.crt" sslserver
done
check "old client, new client, and who trusts the old CA alone: all log in to the server with the new certificate" eval \
    'server_takes_over && logs_in "$work/old/trust.crt" "$work/old/app" && logs_in "$work/ca/trust.crt" "$work/ca/clients/app" &&
     logs_in "$work/new.crt" "$work/ca/clients/app"'
names_serials()
{
    local serial
    serial=$(openssl x509 -in "$work/old/app.crt" -noout -serial) && ca rotate status >"$work/said" && cat "$work/said" &&
        grep -q "^app .*client .*${serial#*=} .*renewed" "$work/said" && grep -q 'revoke SERIAL --reason superseded' "$work/said" &&
        ca --json rotate status | jq -e --arg serial "${serial#*=}" 'any(.leaves[]; .serial == $serial)'
}
check "status names the old ones by their serials: a name would mean the new ones too" names_serials
install -d -o postgres "$work/deployed" && ca --quiet deploy localhost --to "$work/deployed" --owner postgres 2>/dev/null
check "drop is refused while old certificates may be in use" fails 1 "may still be in use" ca rotate drop
check "... and taken when it is told to, with a warning to whom that matters" eval 'ca --quiet rotate drop --force 2>"$work/said" &&
    grep -q "trust ca.crt alone are refused from the next deploy on" "$work/said"'
check "... and in that deploy" eval '[ "$(grep -c BEGIN "$work/deployed/server.crt")" = 2 ] &&
    grep -q "server.crt sends along what leads from ca.crt to its successor, and will no more" <<<"$(ca --quiet deploy localhost --to "$work/deployed" --owner postgres --dry-run 2>&1)" &&
    ca --quiet deploy localhost --to "$work/deployed" --owner postgres 2>/dev/null && ! ca --quiet deploy localhost --to "$work/deployed" --owner postgres 2>&1 | grep "sends along"'

# --- after -----------------------------------------------------------------------------------------

check "the bundle holds the new CA alone, and so do the CRLs" eval '[ "$(grep -c BEGIN "$work/ca/trust.crt")" = 1 ] &&
    [ "$(grep -c BEGIN "$work/ca/crl.pem")" = 1 ] && cmp -s <(openssl x509 -in "$work/ca/trust.crt") "$work/new.crt"'
check "the server with it refuses the old certificate, also with the path by which the CAs vouched for each other" eval \
    'server_takes_over && refuses_login "$work/ca/trust.crt" "$work/old/app" && logs_in "$work/ca/trust.crt" "$work/ca/clients/app"'
check "what vouched for a CA that was dropped is revoked" eval 'ca list --kind cross --all --json | jq -e "[.certificates[] |
    select(.name == \"pgsignet CA G2\" and .ca == \"ca.crt\" or .name == \"pgsignet CA\" and .ca == \"ca-g3.crt\")] |
    length == 2 and all(.state == \"revoked\")" >/dev/null'
out_of_trust()
{
    local serial said
    serial=$(openssl x509 -in "$work/old/app.crt" -noout -serial) && said=$(ca "$1" "${serial#*=}" "${@:2}" --postgres "$conninfo" 2>&1) || { echo "$said"; return 1; }
    grep -q 'its CA is out of trust: refused' <<<"$said" || { echo "$said"; return 1; }
}
check "what the dropped CA has signed is held without a proof that would put it back into trust" out_of_trust revoke --reason certificateHold
check "... and released alike" out_of_trust release
nothing_begun()
{
    local said
    mv "$work/ca/ca-g3.key" "$work/away" || return 1
    said=$(ca rotate start 2>&1) && return 1
    mv "$work/away" "$work/ca/ca-g3.key"
    grep -q 'ca-g3.key' <<<"$said" && ! grep 'not finished' <<<"$said"
}
check "where nothing was begun, nothing is said to be unfinished" nothing_begun
# --- once more --------------------------------------------------------------------------------------

rows()
{
    ca --json list --all | jq '.certificates | length'
}
check "a second rotation sends the path of its own two CAs along" eval 'ca --quiet rotate start && ca --quiet rotate issue && ca --quiet renew --all-due &&
    verifies "$work/new.crt" "$work/ca/server.crt" sslserver && openssl x509 -in "$work/ca/ca-g4.crt" >"$work/newest.crt" &&
    verifies "$work/newest.crt" "$work/ca/server.crt" sslserver'
dry_run_signs_nothing()
{
    local before
    ca --quiet rotate drop --force && ca --quiet rotate start || return 1
    before=$(rows)
    [ "$before" -gt 5 ] && ca --quiet rotate issue --dry-run --postgres "$conninfo" 2>/dev/null && [ "$(rows)" = "$before" ] && ca --quiet rotate abort
}
check "a dry run signs nothing, also where a server would be shown a certificate" dry_run_signs_nothing
under_a_root()
{
    local root=$work/under-root
    under() { "$PGSIGNET_BUILD/pgsignet-ca" --dir "$root" "$@"; }
    under --quiet init --intermediate >/dev/null && under --quiet issue client app >/dev/null && cp "$root/clients/app.crt" "$work/app.old" &&
        cp "$root/trust.crt" "$work/trust.old" && under --quiet rotate start && under --quiet rotate issue && under --quiet renew --all-due &&
        openssl verify -CAfile <(openssl x509 -in "$root/root.crt") -untrusted "$root/clients/app.crt" "$root/clients/app.crt" >/dev/null &&
        under --quiet rotate drop --force &&
        grep -q "$(openssl x509 -in "$root/ca.crt" -noout -serial | cut -d= -f2)" <(openssl crl -in "$root/crl/root.crl" -noout -text) &&
        ! openssl verify -crl_check_all -CRLfile "$root/crl.pem" -CAfile <(openssl x509 -in "$root/root.crt") -untrusted "$work/app.old" "$work/app.old" >/dev/null 2>&1
}
check "under a root, who trusts the root goes on, and the old CA is revoked by it when it is dropped" under_a_root

# killed WHEN STEP...: the step is killed at its WHENth rename; the next command finishes what is to be trusted
killed()
{
    local when=$1 root=$work/killed
    shift
    rm -rf "$root" && cp -a "$work/ca" "$root"
    strace -o /dev/null -e trace=renameat,renameat2,rename -e inject=renameat,renameat2,rename:signal=KILL:when="$when" \
        "$PGSIGNET_BUILD/pgsignet-ca" --dir "$root" --quiet rotate "$@" >/dev/null 2>&1
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$root" --quiet crl --due >/dev/null || { echo "rename $when: crl failed"; return 1; }
    [ "$(grep -c BEGIN "$root/trust.crt")" = "$(sqlite3 "$root/ledger.db" 'SELECT count(*) FROM authority WHERE state <> 3')" ] ||
        { echo "rename $when: trust.crt does not hold what the ledger trusts"; return 1; }
    [ "$(grep -c BEGIN "$root/crl.pem")" = "$(grep -c BEGIN "$root/trust.crt")" ] || { echo "rename $when: a CRL is missing in crl.pem"; return 1; }
    [ -z "$(find "$root" -name '.*.part')" ] || { echo "rename $when: $(find "$root" -name '.*.part')"; return 1; }
}
killed_at_every_rename()
{
    local when
    for when in 1 2 3 4 5 6 7 8; do
        killed "$when" "$@" || return 1
    done
}
check "start killed at any rename: the next command leaves bundle, CRLs and folder right" killed_at_every_rename start
ca --quiet rotate start && ca --quiet rotate issue && ca --quiet renew --all-due >/dev/null
check "drop killed at any rename: the same" killed_at_every_rename drop --force

# --- two at once, and a stolen key ------------------------------------------------------------------

# slow DELAY-SYSCALL STEP...: the step, held up for 2 seconds at its first such call
slow()
{
    local call=$1
    shift
    exec strace -o /dev/null -e trace="$call" -e inject="$call":delay_enter=2000000:when=1 \
        "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/two" --quiet rotate "$@" >/dev/null 2>&1
}
key_fits()
{
    cmp -s <(openssl x509 -in "$1.crt" -noout -pubkey) <(openssl pkey -in "$1.key" -pubout)
}
two_starts()
{
    local pid
    rm -rf "$work/two" && "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/two" --quiet init >/dev/null || return 1
    (slow renameat start) &
    pid=$!
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/two" --quiet rotate start >/dev/null 2>&1
    wait "$pid"
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/two" --quiet crl || return 1
    [ "$(sqlite3 "$work/two/ledger.db" 'SELECT count(*) FROM authority')" = 2 ] && key_fits "$work/two/ca-g2"
}
check "of two starts at once one makes the new CA, whole" two_starts
stolen()
{
    local root=$work/stolen
    theft() { "$PGSIGNET_BUILD/pgsignet-ca" --dir "$root" --quiet "$@"; }
    theft init >/dev/null && theft rotate start --reason cACompromise && theft rotate issue &&
        [ "$(sqlite3 "$root/ledger.db" "SELECT count(*) FROM certificate WHERE kind = 3 AND name NOT LIKE '%G2'")" = 0 ]
}
check "nothing vouches for a CA whose key was stolen" stolen
clients_apart()
{
    local root=$work/apart
    apart() { "$PGSIGNET_BUILD/pgsignet-ca" --dir "$root" --quiet "$@"; }
    apart init --client-ca >/dev/null && apart rotate start --kind client && apart rotate issue --kind client &&
        [ "$(sqlite3 "$root/ledger.db" "SELECT count(*) FROM certificate WHERE kind = 3 AND name NOT LIKE '%G2'")" = 0 ]
}
check "nothing vouches for an old CA of clients: servers trust both before the new one signs" clients_apart

check "the record is whole" ca events --verify

report_end
