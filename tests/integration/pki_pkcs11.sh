#!/usr/bin/env bash
# A CA whose keys never leave a PKCS#11 token: init, issue, sign, CRLs; wrong PINs, names that are taken, a token that is gone.
# time: 600
# shellcheck disable=SC2015,SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-pkcs11.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
cd "$work" || exit 1

module=
for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
    [ -e "$path" ] && module=$path && break
done
if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null || ! command -v pkcs11-tool >/dev/null; then
    skip "keys in a PKCS#11 token" "no softhsm2 or pkcs11-tool (opensc)"
    report_end
fi
export SOFTHSM2_CONF=$work/softhsm2.conf
mkdir tokens
printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$work" >softhsm2.conf
softhsm2-util --init-token --free --label "the CA" --pin 1234 --so-pin 5678 >/dev/null || exit 1
printf '1234\n' >pin
chmod 400 pin
printf 'ca: {audit: ""}\n' >ca.yaml

folder=one
ca() { timeout 300 "$program" --config "$work/ca.yaml" --dir "$work/$folder" "$@" </dev/null; }
uri() { echo "pkcs11:token=the%20CA;object=$1?module-path=$module&pin-source=file:$work/${2:-pin}"; }
tool() { pkcs11-tool --module "$module" --token-label "the CA" --login --pin 1234 "$@"; }
labels() { tool --list-objects 2>/dev/null | sed -n 's/^ *label: *//p' | sort -u; }

# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

judged() { openssl verify -x509_strict -crl_check_all -purpose "$1" -CAfile "$folder/trust.crt" -CRLfile "$folder/crl.pem" -untrusted "$2" "$2"; }

for algorithm in p256 p384 rsa3072; do
    folder=$algorithm
    check "a CA of $algorithm begins in the token" eval 'ca --quiet init --algorithm $algorithm --pkcs11 "$(uri $algorithm)" &&
        [ -z "$(find $folder -name "*.key")" ]'
    check "it issues for servers and clients what judges take" eval 'ca --quiet issue client app && ca --quiet issue server db1.example.com &&
        judged sslclient $folder/clients/app.crt && judged sslserver $folder/server.crt'
    check "its CRL shows who was revoked" eval 'ca --quiet revoke app --no-publish --yes &&
        said=$(judged sslclient $folder/clients/app.crt 2>&1); grep -q "certificate revoked" <<<"$said"'
done
folder=p256
check "it signs requests" eval 'openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -subj /CN=x -out own.csr 2>/dev/null &&
    ca --quiet sign client own.csr --name other && judged sslclient $folder/clients/other.crt'
check "it renews, and makes CRLs anew" eval 'ca --quiet renew other && ca --quiet crl && judged sslclient $folder/clients/other.crt'
check "its keys cannot be read out" eval 'tool --read-object --type privkey --label p256 -o out >/dev/null 2>&1; [ ! -s out ] &&
    tool --list-objects --type privkey 2>/dev/null | grep -A5 "label: *p256$" >listed; grep -q "never extractable" listed'
folder=many
check "every CA has a key of its own" eval 'ca --quiet init --intermediate --client-ca --pkcs11 "$(uri many)" &&
    ca --quiet issue client app && ca --quiet issue server db1.example.com && judged sslserver $folder/server.crt &&
    [ "$(labels | grep -c "^many")" -eq 3 ]'
check "twenty at once are twenty" eval 'for i in $(seq 20); do ca --quiet issue client "role$i" 2>err.$i & done; wait
    [ "$(ls $folder/clients/role*.crt | wc -l)" -eq 20 ] || { cat err.*; false; }'

folder=two
before=$(labels)
check "a name that is taken is refused, with nothing left" eval 'fails "already" ca init --pkcs11 "$(uri p256)" && [ ! -e two ]'
check "nor is a key left of the CA that was first of two" eval 'fails "already" ca init --intermediate --pkcs11 "$(uri p256)" && [ ! -e two ] && [ "$(labels)" = "$before" ]'
printf '4321\n' >wrong
chmod 400 wrong
check "a wrong PIN is refused, and nothing is left" eval 'fails "refuses the login" ca init --pkcs11 "$(uri new wrong)" && [ ! -e two ]'
check "with a PIN from a file no second one is tried" eval 'fails "nothing is tried" ca init --pkcs11 "$(uri new wrong)"'
check "until somebody has logged in by hand" eval 'tool --list-objects >/dev/null 2>&1 && folder=p256 && ca --quiet issue client again'
chmod 644 wrong
check "a PIN that others can read is refused" fails "open to others" ca init --pkcs11 "$(uri new wrong)"
check "a PIN in the URI is refused" fails "holds a PIN" ca init --pkcs11 "pkcs11:token=the%20CA;object=new?module-path=$module&pin-value=1234"
check "without a PIN nobody is asked where there is no terminal" fails "terminal" ca init --pkcs11 "pkcs11:token=the%20CA;object=new?module-path=$module"
check "the PIN may be the passphrase" eval 'printf "1234\n" >pass && chmod 600 pass && folder=three &&
    ca --quiet init --pkcs11 "pkcs11:token=the%20CA;object=three?module-path=$module" --passphrase-file pass &&
    ca --quiet issue client app --passphrase-fd 5 5<pass && judged sslclient $folder/clients/app.crt'
folder=sealed
one_try()
{
    local said
    said=$(ca crl --passphrase-file badpass 2>&1) && return 1
    [ "$(grep -c 'refuses the login' <<<"$said")" -eq 1 ] && grep -q 'has refused the PIN in' <<<"$said" || { echo "$said"; return 1; }
}
check "of two CAs in one token" eval 'ca --quiet init --client-ca --pkcs11 "pkcs11:token=the%20CA;object=sealed?module-path=$module" --passphrase-file pass &&
    printf "9999\n" >badpass && chmod 600 badpass'
check "a wrong PIN is tried once, not once for each: three would lock a token" one_try
check "and the right one opens both" ca --quiet crl --passphrase-file pass
# As a timer runs: the PIN in ca.passphrase_file.
printf 'NotThePin\n' >timer && chmod 600 timer
printf 'ca: {audit: "", passphrase_file: %s/timer}\n' "$work" >timer.yaml
timer() { timeout 60 "$program" --config "$work/timer.yaml" --dir "$work/$folder" "$@" </dev/null; }
check "a timer's wrong PIN is refused by the token" fails "refuses the login" timer crl
check "the next run does not try it again, and says why" eval 'fails "not tried again until the file is written anew" timer crl && said=$(timer crl 2>&1); ! grep -q "refuses the login" <<<"$said"'
check "no command does" eval 'fails "not tried again until" timer issue client later && fails "not tried again until" timer issue server later.example.com'
check "what is remembered is not the PIN" eval '[ "$(stat -c %a $folder/pin-refused)" = 600 ] && ! grep -q NotThePin $folder/pin-refused'
check "another file is tried meanwhile" ca --quiet crl --passphrase-file pass
check "the same octets written anew are tried again" eval 'cp timer again && mv again timer && chmod 600 timer && fails "refuses the login" timer crl'
check "and so is the right PIN" eval 'printf "1234\n" >timer && timer --quiet crl && timer --quiet crl'
folder=two
check "a PIN is given once" eval 'ca init --pkcs11 "$(uri new)" --passphrase-file pass >/dev/null 2>&1; [ $? -eq 64 ]'
check "what is no URI is refused" eval 'fails "URI" ca init --pkcs11 "pkcs11:no=such&thing" && fails "module-path" ca init --pkcs11 "pkcs11:object=x" &&
    fails "object" ca init --pkcs11 "pkcs11:token=the%20CA?module-path=$module&pin-source=file:$work/pin"'
check "a module that is none is refused" fails "cannot load" ca init --pkcs11 "pkcs11:object=x?module-path=/dev/null&pin-source=file:$work/pin"
check "ed25519 is not made in tokens" eval 'ca init --algorithm ed25519 --pkcs11 "$(uri new)" >/dev/null 2>&1; [ $? -eq 64 ]'
check "a dry run makes no key" eval 'ca --quiet init --dry-run --pkcs11 "$(uri new)" && ! grep -qx new <<<"$(labels)"'
folder=p256
check "a key that is another one does not sign" eval 'tool --delete-object --type privkey --label p256 >/dev/null 2>&1 && tool --delete-object --type pubkey --label p256 >/dev/null 2>&1 &&
    tool --keypairgen --key-type EC:prime256v1 --label p256 --id 77 >/dev/null 2>&1 && fails "not the one" ca issue client third && [ ! -e $folder/clients/third.crt ]'
mv tokens gone
mkdir tokens
check "without its token nothing is issued" eval 'fails "no token" ca issue client fourth && [ ! -e $folder/clients/fourth.crt ]'
report_end
