#!/usr/bin/env bash
# Clients of a CA that signs logins alone are told the CA of their servers, and get in with what is printed.
# time: 600
# shellcheck disable=SC2015,SC2016 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
# shellcheck source=tests/integration/postgres.sh
. "$here/postgres.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-sslrootcert.XXXXXX") || exit 1
trap 'stop_postgres immediate; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
start_postgres "$work" || exit 1
cd "$work" || exit 1
printf 'ca: {audit: ""}\n' >ca.yaml
printf 'ca: {audit: "", sslrootcert: %s/servers/trust.crt}\n' "$work" >named.yaml

config=ca.yaml
ca() { timeout 60 "$program" --config "$config" --dir "$work/$folder" "$@" </dev/null; }
# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}
reload()
{
    local before tries=0
    before=$(pg_sql 'SELECT pg_conf_load_time()')
    pg_hba "hostssl all all 127.0.0.1/32 cert" || return 1
    until [ "$(pg_sql 'SELECT pg_conf_load_time()')" != "$before" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || return 1
    done
}
enters() { [ "$(PGHOSTADDR=127.0.0.1 PGPORT=$PG_PORT "$PG_BIN/psql" -X -A -t -w -c 'SELECT session_user' "$1" 2>psql.err)" = app ] || { cat psql.err; return 1; }; }

# The server's certificate is of one CA, and logins are judged by another.
folder=servers
ca --quiet init && ca --quiet issue server localhost --san 127.0.0.1 || exit 1
folder=logins
ca --quiet init --name logins || exit 1
install -o postgres -m 0600 servers/server.crt servers/server.key logins/trust.crt logins/crl.pem "$PG_DATA"
pg_sql "CREATE ROLE app LOGIN; ALTER SYSTEM SET ssl_cert_file = 'server.crt'; ALTER SYSTEM SET ssl_key_file = 'server.key';
    ALTER SYSTEM SET ssl_ca_file = 'trust.crt'; ALTER SYSTEM SET ssl_crl_file = 'crl.pem'" && reload || exit 1

check "a CA that has signed no server says that its own trust.crt may be the wrong one" eval 'ca issue client app --host localhost --json >said 2>err && grep -q -- "--sslrootcert" err'
check "which it is here" eval '! enters "$(jq -r ".certificates[0].libpq" said)" && grep -q "certificate verify failed" psql.err'
check "show says so too" eval 'ca show app >/dev/null 2>err && grep -q -- "--sslrootcert" err'
check "with --sslrootcert the strings name that file" eval 'ca show app --host localhost --sslrootcert servers/trust.crt --json >said 2>err && [ ! -s err ] &&
    jq -r ".certificates[0].libpq" said | grep -q "sslrootcert=$work/servers/trust.crt"'
check "and psql gets in" eval 'enters "$(jq -r ".certificates[0].libpq" said)"'
check "a bundle has that CA as root.crt" eval 'ca --quiet issue client bob --bundle --sslrootcert servers/trust.crt && tar xOf logins/clients/bob.tar bob/root.crt >root && cmp root servers/trust.crt'
cat servers/ca.key servers/trust.crt >both && chmod 600 both
check "of a file with a key in it the certificates alone" eval 'ca --quiet issue client carl --bundle --sslrootcert both && tar xOf logins/clients/carl.tar carl/root.crt >root && cmp root servers/trust.crt'
check "a file that cannot be read is said before anything is made" eval 'fails "cannot read the servers" ca issue client dora --bundle --sslrootcert none &&
    fails "holds no certificate" ca issue client dora --bundle --sslrootcert ca.yaml && ca list --json --all --name dora >said && [ "$(jq ".certificates | length" said)" -eq 0 ]'
config=named.yaml
check "the setting does the same" eval 'ca issue client eve --host localhost --bundle --json >said 2>err && [ ! -s err ] && tar xOf logins/clients/eve.tar eve/root.crt >root && cmp root servers/trust.crt &&
    jq -r ".certificates[0].libpq" said | grep -q "sslrootcert=$work/servers/trust.crt"'
check "a renewal keeps it" eval 'ca --quiet renew eve --bundle && tar xOf logins/clients/eve.tar eve/root.crt >root && cmp root servers/trust.crt'
config=ca.yaml
folder=servers
check "a CA that has signed a server says nothing" eval 'ca issue client app --json >said 2>err && [ ! -s err ] && jq -r ".certificates[0].libpq" said | grep -q "sslrootcert=$work/servers/trust.crt"'
report_end
