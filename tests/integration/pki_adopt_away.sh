#!/usr/bin/env bash
# A CA is taken over whose key is in a PKCS#11 token, and one below a root whose key is away.
# time: 600
# shellcheck disable=SC2015,SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-away.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
cd "$work" || exit 1
printf 'ca: {audit: ""}\n' >ca.yaml

ca() { timeout 60 "$program" --config ca.yaml --dir "$work/$folder" "$@" </dev/null; }
# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}
judged() { openssl verify -x509_strict -crl_check_all -CAfile "$folder/trust.crt" -CRLfile "$folder/crl.pem" -untrusted "$1" "$1"; }
found() { jq -r ".findings[] | select(.finding == \"$1\") | .object" said; }

# --- below a root whose key is away ---

# tree FOLDER: root.crt, ca.crt and ca.key there, made by openssl; the root's key and newest CRL in FOLDER.away
tree()
{
    mkdir -m 700 "$1" "$1.away" && mkdir "$1.away/db" && : >"$1.away/db/index.txt" && echo 07 >"$1.away/db/number" || return 1
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s.away/db/index.txt\ncrlnumber=%s.away/db/number\ndefault_md=sha256\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n' \
        "$1" "$1" >crl.cnf
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=root -keyout "$1.away/root.key" -out "$1/root.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null &&
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout "$1/ca.key" -out ca.csr 2>/dev/null || return 1
    printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=critical,keyCertSign,cRLSign subjectKeyIdentifier=hash authorityKeyIdentifier=keyid >ca.ext
    openssl x509 -req -in ca.csr -CA "$1/root.crt" -CAkey "$1.away/root.key" -set_serial 0x4711 -days 1000 -extfile ca.ext -out "$1/ca.crt" 2>/dev/null &&
        openssl ca -config crl.cnf -cert "$1/root.crt" -keyfile "$1.away/root.key" -gencrl -crldays 300 -out "$1.away/newest.pem" 2>/dev/null &&
        chmod 600 "$1/ca.key" "$1.away/root.key"
}

folder=below
tree below || exit 1
cp below.away/newest.pem below/root-crl.pem
check "without the root's key the CA below it is adopted" eval 'ca --json adopt >said && jq -e "[.authorities[].purpose] == [\"root\", \"all\"]" said'
check "with the root's CRL that lay in the tree" eval '[ -z "$(found crl-missing)" ] && [ "$(grep -c BEGIN below/crl.pem)" -eq 2 ] && openssl crl -in below/root-crl.pem -outform DER | cmp - below/crl/root.crl.der'
check "it issues what judges take" eval 'ca --quiet issue client app && judged below/clients/app.crt'
check "the timer makes its CRL, and does not ask for the root's key" eval 'ca --quiet revoke app --no-publish && ca --quiet crl --due && said=$(judged below/clients/app.crt 2>&1); grep -q "certificate revoked" <<<"$said"'
check "check finds no fault with that" eval 'ca --json check >said; [ -z "$(jq -r ".findings[] | select(.object | contains(\"root\")) | .finding" said)" ] || { cat said; false; }'
check "with its key the root goes on from that number" eval 'cp below.away/root.key below/root.key && ca --quiet crl && [ "$(openssl crl -in below/crl/root.crl -noout -crlnumber)" = "crlNumber=0x08" ]'

folder=bare
tree bare || exit 1
check "without any CRL of the root that is a finding" eval 'ca --json adopt >said && [ "$(found crl-missing)" = crl/root.crl ]'
check "it issues meanwhile" ca --quiet issue client app
check "nothing is published without it: PostgreSQL would refuse every client" fails "PostgreSQL wants one of every CA" ca crl --due --publish --crl-file "$work/published.pem"
check "once the key is there, crl makes it" eval 'cp bare.away/root.key bare/root.key && ca --quiet crl && rm bare/root.key && judged bare/clients/app.crt'

folder=rootless
tree rootless || exit 1
rm rootless/root.crt
check "without the root's certificate it is not adopted" fails "whose certificate has to be there as root.crt" ca adopt
check "and nothing is made" test ! -e rootless/ledger.db

# --- in a token ---

module=
for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ -e "$path" ] && module=$path && break
done
if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null; then
    skip "a CA whose key is in a PKCS#11 token" "no softhsm2"
    report_end
fi
export SOFTHSM2_CONF=$work/softhsm2.conf
mkdir tokens
printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$work" >softhsm2.conf
softhsm2-util --init-token --free --label "the CA" --pin 1234 --so-pin 5678 >/dev/null || exit 1
printf '1234\n' >pin && printf '4321\n' >wrong && chmod 400 pin wrong
uri() { echo "pkcs11:token=the%20CA;object=$1?module-path=$module&pin-source=file:$work/${2:-pin}"; }

folder=token
ca --quiet init --client-ca --pkcs11 "$(uri token)" && ca --quiet issue client app && rm token/ledger.db* || exit 1
find token -type f -exec sha256sum {} + | sort >before
check "without --pkcs11 it is said what is missing" eval 'fails "--pkcs11" ca adopt && [ ! -e token/ledger.db ]'
check "a wrong PIN adopts nothing" eval 'fails "refuses the login" ca adopt --pkcs11 "$(uri token wrong)" && [ ! -e token/ledger.db ]'
softhsm2-util --show-slots >/dev/null
pkcs11-tool --module "$module" --token-label "the CA" --login --pin 1234 --list-objects >/dev/null 2>&1 || rm -rf tokens # the mark of the wrong PIN goes
check "another key of the token is not the CA's" eval 'fails "not the one" ca adopt --pkcs11 "$(uri token-clients)" || fails "no such" ca adopt --pkcs11 "$(uri token-clients)"'
check "with the URI the CA and the one of its clients are adopted" eval 'ca --json adopt --pkcs11 "$(uri token)" >said && jq -e "[.authorities[].key | startswith(\"pkcs11:\")] == [true, true] and .certificates == 1" said'
check "no file has changed" eval 'find token -type f ! -name "ledger.db*" -exec sha256sum {} + | sort | cmp - before'
check "both sign" eval 'ca --quiet issue client bob && ca --quiet issue server db1.example.com && ca --quiet crl &&
    openssl verify -x509_strict -crl_check_all -CAfile token/client-trust.crt -CRLfile token/crl.pem token/clients/bob.crt && judged token/server.crt'
folder=both
ca --quiet init || exit 1
rm both/ledger.db*
check "a key that is in a file as well is not passed over" fails "move the" ca adopt --pkcs11 "$(uri token)"
report_end
