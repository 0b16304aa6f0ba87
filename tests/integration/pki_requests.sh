#!/usr/bin/env bash
# Over 200 hostile signing requests are refused, each for its fault, with nothing written; good ones are signed.
# time: 600
# shellcheck disable=SC2016,SC2034,SC2317 # eval gets its text unexpanded
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"

build=${PGSIGNET_BUILD:-$here/../../build}
samples=$here/../fuzz/corpus/pki_request
list=$here/../unit/pki_request_samples.tsv
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-requests.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
printf 'ca: {dir: "%s/ca", audit: "%s/audit.jsonl"}\n' "$work" "$work" >pgsignet.yaml
ca() { "$build/pgsignet-ca" --config "$work/pgsignet.yaml" "$@"; }
rows() { sqlite3 ca/ledger.db "SELECT count(*) FROM certificate $*"; }
# All that a refusal might have touched; of the ledger its content: SQLite moves pages when it likes.
state() {
    find ca -printf '%p %m %s %T@\n' | grep -v -e 'ledger.db' -e '^ca [0-9]' | sort
    sqlite3 ca/ledger.db .dump | sha256sum
}
# refused PHRASE ARGUMENT...: exit 1, nothing on standard output, the phrase in one message.
refused() {
    local phrase=$1 code
    shift
    ca sign "$@" >out 2>err
    code=$?
    [ "$code" -eq 1 ] && [ ! -s out ] && grep -qF -e "$phrase" err && return
    echo "exit $code; wanted: $phrase"
    cat out err
    return 1
}

check "a CA for servers and clients" ca init

# --- hostile ones ----------------------------------------------------------------------------------

state >before
hostile=0
while IFS=$'\t' read -r name use phrase; do
    [ "$phrase" != - ] || continue
    hostile=$((hostile + 1))
    check "refused: $name" refused "$phrase" "$use" "$samples/$name" --take-names
    # ... and giving a name does not make it better.
    [ $((hostile % 10)) -ne 0 ] ||
        check "refused: $name, with --name" refused "$phrase" "$use" "$samples/$name" --name fine
done <"$list"
{ yes '# a comment' | head -c 65536; cat "$samples/good-pem"; } >large.pem
{ head -c 4 "$samples/good-server"; head -c 70000 /dev/zero; } >large.der
mkfifo fifo
check "refused: more than 64 KiB of text" refused "64 KiB" server large.pem --take-names
check "refused: more than 64 KiB of DER" refused "64 KiB" server large.der --take-names
check "refused: standard input without an end" eval 'refused "64 KiB" server - --take-names < <(yes)'
check "refused: a FIFO, without waiting for its writer" refused "no regular file" server fifo --take-names
check "refused: a folder" refused "no regular file" server ca --take-names
check "refused: a file that is not there" refused "No such file" server gone --take-names
cp ca/ca.crt certificate.pem
check "refused: a certificate" refused 'holds "CERTIFICATE"' server certificate.pem --take-names
check "refused: a private key" refused "private key" server ca/ca.key --take-names
state >after
check "at least 62 were hostile: $hostile" test "$hostile" -ge 62
check "not one of them left a row, an event or a file" diff before after
check "no message holds a byte that drives a terminal" eval '
    refused "control" client "$samples/bad-cn-escape" --take-names && ! grep -q "$(printf "\033")" err'

# --- good ones, of the tools that make them --------------------------------------------------------

new_key() { # ALGORITHM FILE
    case $1 in
        rsa*) openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${1#rsa}" -out "$2" 2>/dev/null ;;
        ed25519) openssl genpkey -algorithm ED25519 -out "$2" ;;
        *) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2" ;;
    esac
}
# Is FILE a certificate of this CA for the request's key?
is_of() { # CERTIFICATE REQUEST [DER]
    openssl verify -x509_strict -CAfile ca/trust.crt "$1" >/dev/null &&
        [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl req -in "$2" ${3:+-inform DER} -noout -pubkey)" ]
}
has() { local text; text=$(openssl x509 -in "$1" -noout -text) && grep -q -e "$2" <<<"$text"; }

for algorithm in rsa2048 rsa3072 rsa4096 P-256 P-384 P-521 ed25519; do
    host=$(echo "$algorithm" | tr -d - | tr '[:upper:]' '[:lower:]')
    new_key "$algorithm" "$host.key"
    openssl req -new -key "$host.key" -subj "/O=Example/CN=$host.example.com" \
        -addext "subjectAltName=DNS:$host.example.com,IP:192.0.2.1" -out "$host.csr" 2>/dev/null
    check "signed: $algorithm of openssl" eval '
        ca sign server "$host.csr" --take-names --out "$work/$host" && is_of "$host.crt" "$host.csr" &&
        has "$host.crt" "DNS:$host.example.com, IP Address:192.0.2.1" && ! has "$host.crt" "O = Example"'
done
new_key P-256 form.key
openssl req -new -key form.key -subj /CN=form.example.com -addext subjectAltName=DNS:form.example.com \
    -out form.csr
openssl req -in form.csr -outform DER -out form.der
openssl req -in form.csr -text >form.text
sed 's/$/\r/' form.csr >form.crlf
for form in csr der text crlf; do
    check "signed: as $form" eval '
        ca sign server "form.$form" --take-names --out "form-$form" --second && is_of "form-$form.crt" form.csr'
done
check "signed: from standard input" eval '
    ca sign server - --take-names --out - <form.csr >form-stdin.crt && is_of form-stdin.crt form.csr'
check "signed: GnuTLS, with its extensions" eval '
    certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile gnutls.key 2>/dev/null
    printf "cn = \"gnutls.example.com\"\ndns_name = \"gnutls.example.com\"\ntls_www_server\nsigning_key\n" >template
    certtool --generate-request --load-privkey gnutls.key --template template --outfile gnutls.csr 2>/dev/null
    ca sign server gnutls.csr --take-names --out gnutls && is_of gnutls.crt gnutls.csr'
if command -v keytool >/dev/null; then
    check "signed: Java keytool" eval '
        keytool -genkeypair -keystore java.p12 -storepass changeit -alias a -keyalg EC -groupname secp256r1 \
            -dname CN=java.example.com >/dev/null 2>&1 &&
        keytool -certreq -keystore java.p12 -storepass changeit -alias a -ext san=dns:java.example.com >java.csr \
            2>/dev/null &&
        ca sign server java.csr --take-names --out java && is_of java.crt java.csr'
else
    skip "signed: Java keytool" "no keytool here"
fi

# --- nothing is taken but the key, and names if they are asked for --------------------------------------

new_key P-256 names.key
openssl req -new -key names.key -subj "/O=Evil/CN=boss" -out names.csr \
    -addext "subjectAltName=DNS:boss.example.com" -addext keyUsage=keyAgreement -addext 1.2.3.4=ASN1:NULL
check "with --name and --san nothing of the request's names is in the certificate" eval '
    ca sign server names.csr --name db9 --san db9.example.com --out names && is_of names.crt names.csr &&
    has names.crt "DNS:db9, DNS:db9.example.com" && ! has names.crt boss && ! has names.crt Evil &&
    ! has names.crt "1.2.3.4" && ! has names.crt "Key Agreement"'
check "a server gets serverAuth and clientAuth, whatever it asked for" has names.crt \
    "TLS Web Server Authentication, TLS Web Client Authentication"
new_key P-256 app.key
openssl req -new -key app.key -subj "/OU=x/CN=app" -addext extendedKeyUsage=clientAuth -out app.csr
check "a client gets its role as the one CN, a URI, clientAuth alone, and no dNSName" eval '
    ca sign client app.csr --take-names && is_of ca/clients/app.crt app.csr &&
    [ "$(openssl x509 -in ca/clients/app.crt -noout -subject)" = "subject=CN = app" ] &&
    has ca/clients/app.crt "URI:urn:pgrole:app" && ! has ca/clients/app.crt DNS: &&
    ! has ca/clients/app.crt "Server Authentication"'
check "neither --name nor --take-names: wrong use" eval '
    ca sign server names.csr >/dev/null 2>&1; [ $? -eq 64 ]'
check "--json is one document, with the serial that the ledger has" eval '
    new_key P-256 j.key; openssl req -new -key j.key -subj /CN=j.example.com -out j.csr
    serial=$(ca sign server j.csr --take-names --json | jq -er ".certificates[0].serial") &&
    [ "$(rows "WHERE hex(serial) = \"$serial\"")" = 1 ]'

# --- what the ledger knows of keys ---------------------------------------------------------------------

state >before
check "refused: a key that another name has" refused "its key is that of" client app.csr --name boss
check "refused: the same, for a server" refused "its key is that of" server app.csr --name db5.example.com
openssl req -new -key ca/ca.key -subj /CN=db6.example.com -out ca.csr
check "refused: the CA's own key" refused "its key is the CA's own" server ca.csr --take-names
check "refused: a second live certificate for a role" eval '
    new_key P-256 app2.key; openssl req -new -key app2.key -subj /CN=APP -out app2.csr
    refused "the role has the client certificate" client app2.csr --take-names'
check "refused: a host name that asks to be a role" eval '
    openssl req -new -key app2.key -subj /CN=db7.example.com -addext subjectAltName=DNS:App -out svc.csr
    refused "one of its host names is a login for" server svc.csr --take-names'
check "refused: one key under two names in one go" eval '
    new_key P-256 one.key
    openssl req -new -key one.key -subj /CN=one -out one.csr; openssl req -new -key one.key -subj /CN=two -out two.csr
    refused "its key is that of" client one.csr two.csr --take-names'
check "a dry run says what would be, and writes nothing" eval '
    ca sign client one.csr --take-names --dry-run >out && grep -q one out &&
    ca sign client one.csr --take-names --dry-run --json | jq -e .dry_run'
check "one hostile request among three: nothing is signed" eval '
    new_key P-256 three.key; openssl req -new -key three.key -subj /CN=three -out three.csr
    refused "nothing was signed" client one.csr "$samples/bad-ca-true-client" three.csr --take-names'
state >after
check "none of these left a row, an event or a file" diff before after
check "--keep-going signs the others, says the one, and exits 1" eval '
    ca sign client one.csr "$samples/bad-ca-true-client" three.csr --take-names --keep-going >out 2>err
    [ $? -eq 1 ] && grep -q "asks to be a CA" err && is_of ca/clients/one.crt one.csr &&
    is_of ca/clients/three.crt three.csr'
check "refused: a key that was revoked, under its own name as well" eval '
    ca revoke three --reason keyCompromise --no-publish --yes >/dev/null &&
    refused "its key was revoked" client three.csr --take-names --second &&
    refused "its key was revoked" client three.csr --name four'
check "no row is left reserved" test "$(rows 'WHERE state = 0')" = 0

report_end
