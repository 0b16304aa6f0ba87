#!/usr/bin/env bash
# CRLs: numbers, order, pruning; worse ones are refused, foreign ones kept; a timer's --due; five judges; speed.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
dir=$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-crl.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
cd "$dir" || exit 1
chmod 755 "$dir"

cat >"$dir/ca.yaml" <<END
ca:
  dir: $dir/ca
  audit: $dir/audit.jsonl
END
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
days=0 # that the clock is ahead

# ahead COMMAND...: with that clock
ahead()
{
    if [ "$days" -gt 0 ]; then
        LD_PRELOAD=$library FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="+${days}d" "$@"
    else
        "$@"
    fi
}
ca() { ahead "$tool" --config "$dir/ca.yaml" "$@" </dev/null; }

# says CODE PATTERN COMMAND...: the exit code, and a line of what it printed
says()
{
    local wanted=$1 pattern=$2 got=0
    shift 2
    "$@" >"$dir/out" 2>&1 || got=$?
    cat "$dir/out"
    [ "$got" -eq "$wanted" ] && grep -qe "$pattern" "$dir/out"
}

crl_number() { openssl crl -in "${1:-$dir/ca/crl/ca.crl}" -noout -crlnumber | sed 's/.*=0x//'; }
number() { printf '%d\n' "0x$(crl_number "$@")"; }
text_of() { openssl crl -in "$1" -noout -text; }
entries() { text_of "${1:-$dir/ca/crl/ca.crl}" | grep -c '^ *Serial Number:'; }
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//'; }
is_on() { local text; text=$(text_of "${2:-$dir/ca/crl/ca.crl}") && grep -q "Serial Number: $1\$" <<<"$text"; }
state_of() { stat -c '%i %Y %Z %a %U' "$1" && sha256sum <"$1"; }

# --- made ------------------------------------------------------------------------------------------------

check "init makes a root, an intermediate and their CRLs" ca init --intermediate
for name in app bob eve; do ca issue client "$name" || exit 1; done >"$dir/issue.log" 2>&1
ca issue client brief --lasts 1d >>"$dir/issue.log" 2>&1
app=$(serial_of ca/clients/app.crt)
bob=$(serial_of ca/clients/bob.crt)
brief=$(serial_of ca/clients/brief.crt)

both_have_a_number()
{
    [ "$(number ca/crl/ca.crl)" -ge 1 ] && [ "$(number ca/crl/root.crl)" -ge 1 ]
}
check "every CA of the chain has a CRL with a number, the root too" both_have_a_number

# After the two times come the extensions, [0], at once.
no_list()
{
    [[ $(text_of ca/crl/root.crl) == *'No Revoked Certificates'* ]] &&
        openssl asn1parse -in ca/crl/root.crl | awk '/UTCTIME|GENERALIZEDTIME/ { n++; next } n == 2 { n = 3; right = /cont \[ 0 \]/ } END { exit !right }'
}
check "a CRL without entries has no list" no_list

ca revoke app --no-publish >/dev/null 2>&1
ca revoke bob --reason keyCompromise --no-publish >/dev/null 2>&1
ca revoke brief --reason superseded --no-publish >/dev/null 2>&1
before=$(number)

extensions_are_right()
{
    text_of ca/crl/ca.crl >"$dir/text"
    grep -q 'Version 2' "$dir/text" && grep -q 'Authority Key Identifier' "$dir/text" &&
        [ "$(grep -c 'CRL Reason Code' "$dir/text")" -eq 2 ] && ! grep -qi 'unspecified' "$dir/text" &&
        ! grep -q 'Issuing Distribution' "$dir/text"
}
check "v2, AKI, no IDP; a reason where there is one, never 0" extensions_are_right

is_sorted()
{
    text_of ca/crl/ca.crl | sed -n 's/.*Serial Number: //p' >"$dir/serials"
    [ -s "$dir/serials" ] && sort -c "$dir/serials"
}
check "entries are sorted by serial" is_sorted

der_is_pem() { openssl crl -in "ca/crl/$1.crl" -outform DER | cmp - "ca/crl/$1.crl.der"; }
check "DER and PEM are one and the same" der_is_pem ca
check "also the root's" der_is_pem root

crl_pem_has_both() { cat ca/crl/root.crl ca/crl/ca.crl | sort | cmp - <(sort ca/crl.pem); }
check "crl.pem has those of all CAs" crl_pem_has_both

check "each new CRL has the next number" ca crl
check "... by one" test "$(number)" -eq $((before + 1))

# --- judges ----------------------------------------------------------------------------------------------

check "openssl crl: the signature is the CA's" openssl crl -in ca/crl/ca.crl -CAfile ca/ca.crt -noout -verify
verify() { openssl verify -x509_strict -crl_check_all -purpose sslclient -trusted ca/root.crt -untrusted ca/ca.crt -CRLfile ca/crl.pem "$1"; }
check "openssl verify -crl_check_all: a live one is accepted" verify ca/clients/eve.crt
check "openssl verify -crl_check_all: a revoked one is refused" says 2 'certificate revoked' verify ca/clients/bob.crt
if command -v certtool >/dev/null; then
    check "GnuTLS: certtool --verify-crl" says 0 'Verified' certtool --verify-crl --load-ca-certificate ca/ca.crt --infile ca/crl/ca.crl
    chain() { cat "ca/clients/$1.crt" ca/root.crt | certtool --verify --load-ca-certificate ca/root.crt --load-crl ca/crl.pem; }
    check "GnuTLS: a revoked one is told" says 1 'revoked' chain bob
    check "GnuTLS: a live one is verified" says 0 'Chain verification output: Verified' chain eve
else
    skip "GnuTLS" "no certtool"
fi
pyca()
{
    python3 - "$bob" ca/crl/ca.crl.der ca/ca.crt <<'END'
import sys
from cryptography import x509
serial, path, ca = sys.argv[1:]
crl = x509.load_der_x509_crl(open(path, "rb").read())
ca = x509.load_pem_x509_certificate(open(ca, "rb").read())
assert crl.is_signature_valid(ca.public_key())
numbers = [entry.serial_number for entry in crl]
assert numbers == sorted(numbers)
entry = crl.get_revoked_certificate_by_serial_number(int(serial, 16))
assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number > 0
assert not crl.extensions.get_extension_for_class(x509.CRLNumber).critical
assert crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
END
}
if python3 -c 'import cryptography' 2>/dev/null; then
    check "python3-cryptography reads it strictly, and finds the entry" pyca
else
    skip "python3-cryptography" "not installed"
fi

# --- pruning, a timer ------------------------------------------------------------------------------------

nothing_due() { ca crl --due --json | jq -e '[.crls[].made] == [false, false]'; }
check "--due makes nothing while all is well" nothing_due

if [ -n "$library" ]; then
    days=2
    ca crl >/dev/null 2>&1
    check "an expired certificate is on one CRL more (RFC 5280 3.3)" is_on "$brief"
    days=3
    ca crl >/dev/null 2>&1
    is_gone() { local text; text=$(text_of ca/crl/ca.crl) && ! grep -q "Serial Number: $1\$" <<<"$text"; }
    check "... and is pruned from the next" is_gone "$brief"
    check "others stay" is_on "$app"
    check "a pruned entry is no reason for a new CRL" nothing_due
    days=14
    made_before=$(number)
    due_again() { ca crl --due --json | jq -e '[.crls[] | {ca, reason}] | sort == [{ca: "ca.crt", reason: "it ends soon"}, {ca: "root.crt", reason: null}]'; }
    check "--due makes a new one when the end is nearer than ca.crl_renew; a root's lasts longer" due_again
    check "... one" test "$(number)" -eq $((made_before + 1))
    check "... once" nothing_due
    days=0
    check "no CRL is made when the clock is behind the last one" says 1 'clock' ca crl
    days=15
else
    skip "pruning, --due by the clock" "no libfaketime: apt-get install libfaketime"
fi

for how in 'rm -f ca/crl/ca.crl.der' 'truncate -s 100 ca/crl/ca.crl.der' 'cp ca/crl/root.crl.der ca/crl/ca.crl.der'; do
    eval "$how"
    mended() { ca crl --due >/dev/null && der_is_pem ca && [ "$(entries)" -ge 2 ]; }
    check "--due mends the folder after: $how" mended
done

hold_is_due()
{
    ca revoke eve --reason certificateHold --no-publish &&
        is_on "$(serial_of ca/clients/eve.crt)" && ca release eve --no-publish && ! is_on "$(serial_of ca/clients/eve.crt)"
}
check "a hold is on the CRL, and leaves it when it is lifted" hold_is_due

half_way()
{
    local eve
    eve=$(serial_of ca/clients/eve.crt)
    mv ca/ca.key away.key
    says 1 'in the ledger, but not every CRL could be made' ca revoke eve --no-publish || return 1
    mv away.key ca/ca.key
    is_on "$eve" && return 1
    ca crl --due --json | jq -e '[.crls[] | select(.made) | .reason] == ["something was revoked since"]' && is_on "$eve" &&
        ca issue client eve --second
}
check "revoked, and the CRL could not be made: --due makes up for it" half_way

root_is_away()
{
    mv ca/root.key away.key && before=$(number) || return 1
    ca issue client away && ca revoke away --no-publish && is_on "$(serial_of ca/clients/away.crt)" || return 1
    says 1 'root.crt: no new CRL was made' ca crl && [ "$(number)" -eq $((before + 2)) ] || return 1
    mv away.key ca/root.key
}
check "a root whose key is away holds up nobody else's CRL" root_is_away

begins_earlier() { [ "$(date -d "$(openssl crl -in ca/crl/ca.crl -noout -lastupdate | sed 's/.*=//')" +%s)" -le $(($(ahead date +%s) - 200)) ]; }
check "a CRL begins some minutes back, for servers whose clock is behind" begins_earlier

# SQLite moves pages between its files when it likes: of the ledger its content counts.
folder_now()
{
    find ca -type f ! -name 'ledger.db*' -exec sha256sum {} + | sort
    sqlite3 ca/ledger.db .dump
}
dry_run_changes_nothing()
{
    folder_now >"$dir/before"
    ca crl --dry-run && ca revoke eve --dry-run && ca crl --dry-run --json | jq -e '.dry_run' || return 1
    folder_now | cmp - "$dir/before"
}
check "a dry run changes nothing" dry_run_changes_nothing
dry_run_looks()
{
    mkdir look && ln -s ../ca/crl.pem look/link && mkfifo look/fifo && echo junk >look/junk || return 1
    says 1 'symbolic link' ca crl --publish --dry-run --crl-file "$dir/look/link" &&
        says 1 'not a regular file' timeout 20 "$tool" --config ca.yaml crl --publish --dry-run --crl-file "$dir/look/fifo" &&
        says 1 'no CRL' ca crl --publish --dry-run --crl-file "$dir/look/junk" &&
        says 1 'cannot publish' ca crl --publish --dry-run --crl-file "$dir/none/crl.pem" || return 1
    ca crl --publish --dry-run --crl-file "$dir/look/link" 2>/dev/null | grep 'They would' && return 1
    says 0 'They would be put into' ca crl --publish --dry-run --crl-file "$dir/look/crl.pem" && [ ! -e look/crl.pem ]
}
check "it looks at the places as a real run does" dry_run_looks

# --- killed, and two at once -----------------------------------------------------------------------------

killed()
{
    local i last=0 now
    for i in $(seq 12); do
        # The process itself, not a shell around it.
        (exec env ${library:+LD_PRELOAD="$library" FAKETIME="+${days}d"} "$tool" --config ca.yaml crl >/dev/null 2>&1) &
        sleep "0.0$((RANDOM % 60 + 10))"
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
        now=$(number) || return 1
        openssl crl -in ca/crl/ca.crl -CAfile ca/ca.crt -noout -verify 2>/dev/null || return 1
        [ "$now" -ge "$last" ] || return 1
        last=$now
    done
    ca crl --due || return 1
    der_is_pem ca && nothing_due
}
check "kill -9 in the middle leaves a CRL that is whole, and the next run mends" killed

at_once()
{
    local i pids=()
    for i in $(seq 8); do ca issue client "many$i" >/dev/null 2>&1 || return 1; done
    for i in $(seq 8); do
        ca revoke "many$i" --no-publish >"$dir/many$i" 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || return 1; done
    for i in $(seq 8); do is_on "$(serial_of "ca/clients/many$i.crt")" || { echo "many$i is not on it"; return 1; }; done
    der_is_pem ca && ca crl --due --json | jq -e '.crls[] | select(.ca == "ca.crt") | .made == false'
}
check "of eight at once the last number knows all of them" at_once

# --- published -------------------------------------------------------------------------------------------

owner=$(id -un)
getent passwd postgres >/dev/null && [ "$(id -u)" -eq 0 ] && owner=postgres
mkdir place place/dir
publish() { ca crl --publish --due --owner "$owner" "$@"; }
to_file() { publish --crl-file "$dir/place/root.crl" "$@"; }
to_dir() { publish --crl-dir "$dir/place/dir" "$@"; }
as_postgresql_wants() { [ "$(stat -c '%a %U' "$1")" = "644 $owner" ]; }

published() { to_file && cmp ca/crl.pem place/root.crl && as_postgresql_wants place/root.crl; }
check "ssl_crl_file has all CRLs, with the server's owner, 0644" published
check "... whatever umask says" eval 'rm place/root.crl; (umask 0777; to_file) && as_postgresql_wants place/root.crl'

is_untouched()
{
    local path=$1
    shift
    state_of "$path" >"$dir/before"
    "$@" >/dev/null 2>&1 && state_of "$path" | cmp - "$dir/before"
}
check "a file that is as it should be is not touched" is_untouched place/root.crl to_file
mode_mended() { chmod 600 place/root.crl && to_file && as_postgresql_wants place/root.crl; }
check "... but its mode is mended" mode_mended

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=foreign -days 30 \
    -keyout foreign.key -out foreign.crt 2>/dev/null
: >index.txt
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\ndefault_md=sha256\n' "$dir" >foreign.cnf
openssl ca -config foreign.cnf -gencrl -keyfile foreign.key -cert foreign.crt -crldays 30 -out foreign.crl 2>/dev/null
foreign_kept()
{
    { echo '# by hand'; cat foreign.crl; } >>place/root.crl
    ca crl >/dev/null && to_file && grep -qFxf <(sed -n 2p foreign.crl) place/root.crl &&
        [ "$(grep -c BEGIN place/root.crl)" -eq 3 ] && to_file
}
check "the CRL of a foreign CA stays in the file" foreign_kept

refused()
{
    local pattern=$1
    shift
    state_of place/root.crl >"$dir/before"
    says 1 "$pattern" "$@" && state_of place/root.crl | cmp - "$dir/before"
}
behind()
{
    cp -a ca copy && sed "s|$dir/ca|$dir/copy|" ca.yaml >copy.yaml
    for _ in 1 2 3; do
        ahead "$tool" --config copy.yaml crl >/dev/null || return 1
    done
    ahead "$tool" --config copy.yaml crl --publish --crl-file "$dir/place/root.crl" --owner "$owner" || return 1
    refused 'lower number.*backup' to_file
}
check "a lower number is refused: the ledger may have come from a backup" behind
check "... and nothing of it goes into the folder either" eval 'refused "lower number" publish --crl-file "$dir/place/root.crl" --crl-dir "$dir/place/dir" && [ -z "$(ls place/dir)" ]'
rm -f place/root.crl

expired_is_refused()
{
    to_file >/dev/null 2>&1
    rm -rf old && cp -a ca old
    ca crl >/dev/null && to_file >/dev/null || return 1
    cp old/crl/* ca/crl/
    state_of place/root.crl >"$dir/before"
    # The folder was put back: --due sees that it is behind its ledger, and makes new ones.
    to_file && [ "$(number)" -gt "$(number old/crl/ca.crl)" ]
}
check "a folder that was put back is made anew, not published" expired_is_refused

other_ca()
{
    printf 'ca:\n  dir: %s/other\n' "$dir" >other.yaml
    "$tool" --config other.yaml init --name 'other CA' >/dev/null || return 1
    cp other/crl/ca.crl.der ca/crl/root.crl.der && state_of place/root.crl >"$dir/before"
    to_file >/dev/null && cmp <(state_of place/root.crl | sed 1d) <(sed 1d "$dir/before") && return 1
    ! cmp -s other/crl/ca.crl.der ca/crl/root.crl.der
}
check "another CA's CRL in the folder is not published, but made anew" other_ca

two_cas()
{
    local i pids=()
    ahead "$tool" --config other.yaml crl >/dev/null && ca crl >/dev/null || return 1
    for i in 1 2 3 4 5; do
        ahead "$tool" --config other.yaml crl --publish --crl-file "$dir/place/root.crl" --owner "$owner" >/dev/null 2>&1 &
        pids+=($!)
        ca crl --publish --crl-file "$dir/place/root.crl" --owner "$owner" >/dev/null 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || return 1; done
    [ "$(grep -c BEGIN place/root.crl)" -eq 3 ] && cat ca/crl.pem other/crl.pem | sort -u | cmp - <(sort -u place/root.crl)
}
check "two CAs at once share a file, and keep each other's CRLs" two_cas

for thing in link fifo junk key; do
    rm -f place/odd
    case $thing in
    link) ln -s /etc/hostname place/odd; pattern='symbolic link' ;;
    fifo) mkfifo place/odd; pattern='' ;;
    junk) echo hello >place/odd; pattern='no CRL' ;;
    key) cp foreign.key place/odd; pattern='no CRL' ;;
    esac
    stat -c '%i %F %s' place/odd >"$dir/before"
    refuses_odd() { says 1 "$pattern" publish --crl-file "$dir/place/odd" && stat -c '%i %F %s' place/odd | cmp - "$dir/before"; }
    check "a target that is a $thing is refused" refuses_odd
done
rm -f place/odd

# --- ssl_crl_dir -----------------------------------------------------------------------------------------

hash_of() { openssl crl -in "$1" -noout -hash; }
ours=$(hash_of ca/crl/ca.crl)
dir_made()
{
    to_dir && cmp ca/crl/ca.crl "place/dir/$ours.r0" && cmp ca/crl/root.crl "place/dir/$(hash_of ca/crl/root.crl).r0" &&
        as_postgresql_wants "place/dir/$ours.r0"
}
check "ssl_crl_dir has HASH.r0 of each, as openssl names it" dir_made
by_dir()
{
    cat ca/root.crt >"place/dir/$(openssl x509 -in ca/root.crt -noout -hash).0"
    ahead openssl verify -crl_check_all -CApath place/dir -no-CAfile -no-CAstore -untrusted ca/ca.crt "ca/clients/$1.crt"
}
check "openssl finds them there: a live one is accepted" by_dir eve
check "... a revoked one refused" says 2 'certificate revoked' by_dir bob
check "a file that is as it should be is not touched there" is_untouched "place/dir/$ours.r0" to_dir

# A twin: a foreign CA of the same name, whose CRL has the same hash.
subject=$(openssl x509 -in ca/ca.crt -noout -subject -nameopt compat | sed 's/subject=//')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$subject" -utf8 -days 30 \
    -keyout twin.key -out twin.crt 2>/dev/null
printf '[ext]\nauthorityKeyIdentifier=keyid:always\n' >>foreign.cnf
openssl ca -config foreign.cnf -gencrl -keyfile twin.key -cert twin.crt -crldays 30 -crlexts ext -out twin.crl 2>/dev/null
check "the twin's CRL has our hash" test "$(hash_of twin.crl)" = "$ours"
twin_and_stale()
{
    cp "place/dir/$ours.r0" stale.crl
    ca crl >/dev/null || return 1
    # stale, twin, stale, twin: ours comes in place of the first, the others close up.
    cp stale.crl "place/dir/$ours.r0"
    cp twin.crl "place/dir/$ours.r1"
    cp stale.crl "place/dir/$ours.r2"
    cp twin.crl "place/dir/$ours.r3"
    to_dir || return 1
    cmp ca/crl/ca.crl "place/dir/$ours.r0" && cmp twin.crl "place/dir/$ours.r1" && cmp twin.crl "place/dir/$ours.r2" &&
        [ ! -e "place/dir/$ours.r3" ]
}
check "stale ones of ours go, a twin's stay, and no hole is left" twin_and_stale
junk_hides()
{
    rm -f "place/dir/$ours".r*
    echo hello >"place/dir/$ours.r0"
    to_dir && cmp ca/crl/ca.crl "place/dir/$ours.r0"
}
check "what is no CRL and would hide ours gives way" junk_hides
rehashed() { rm "place/dir/$ours.r0" && ln -s ../../ca/crl/ca.crl "place/dir/$ours.r0" && says 1 'rehash' to_dir && [ -L "place/dir/$ours.r0" ]; }
check "links, as openssl rehash makes them, are refused" rehashed
rm -f "place/dir/$ours".r*
mkdir -m 777 place/open && chmod 777 place/open && ln -s ../dir place/open/linked
check "a folder that is a link which somebody else could have set is refused" says 1 'somebody else' publish --crl-dir "$dir/place/open/linked"
check "a folder that is missing is said" says 1 'make it' publish --crl-dir "$dir/place/none"
no_parts() { [ -z "$(find place ca -name '*.part')" ]; }
check "no parts are left" no_parts

check "a user that is not there is said" says 1 'no user' ca crl --publish --crl-file "$dir/place/x" --owner nobody-has-this-name
check "--publish without a place fails, and the CRLs are made" says 1 'ca.crl_file' ca crl --publish
check "... but not a timer" ca crl --due --publish
check "--crl-file without --publish is wrong use" says 64 'publish' ca crl --crl-file "$dir/place/x"
check "without a server to tell, the operator is told" eval 'ca crl >/dev/null; says 0 "reload it now" to_file'

# --- 100,000 ---------------------------------------------------------------------------------------------

many()
{
    python3 - ca/ledger.db "${1:-100000}" <<'END'
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
columns = [row[1] for row in db.execute("PRAGMA table_info(certificate)") if row[1] != "id"]
row = dict(zip(columns, db.execute("SELECT %s FROM certificate WHERE name = 'bob' AND revoked_s > 0" % ",".join(columns)).fetchone()))
row["path"] = ""
def rows():
    for i in range(int(sys.argv[2])):
        serial = b"\x01" + os.urandom(16)
        fresh = dict(row, serial=serial)
        if fresh.get("fingerprint") is not None:
            fresh["fingerprint"] = os.urandom(32)
        yield tuple(fresh[c] for c in columns)
db.executemany("INSERT INTO certificate (%s) VALUES (%s)" % (",".join(columns), ",".join("?" * len(columns))), rows())
db.commit()
END
}
if command -v jq >/dev/null && [ -x /usr/bin/time ]; then
    check "100,000 more are revoked" many
    measured() { /usr/bin/time -f '%e s %M KiB' -o "$dir/time" env ${library:+LD_PRELOAD="$library" FAKETIME="+${days}d"} "$tool" --config ca.yaml crl --json </dev/null; }
    large() { measured | jq -e '[.crls[].entries] | max >= 100000'; }
    check "a CRL of 100,000 is made" large
    sed 's/^/        /' "$dir/time"
    small() { [ "$(awk '{print $3}' "$dir/time")" -le $((40 * 1024)) ] || { cat "$dir/time"; false; }; }
    check "... in 40 MiB" small
    check "... DER and PEM agree" der_is_pem ca
    check "... it verifies" openssl crl -in ca/crl/ca.crl -CAfile ca/ca.crt -noout -verify
    check "... and is sorted" is_sorted
    mkdir -p place/big
    check "advice: not in ssl_crl_dir" says 0 'ssl_crl_file and a reload cost less' publish --crl-dir "$dir/place/big"
else
    skip "100,000" "no /usr/bin/time"
fi

events() { ca events --verify; }
check "the events' chain holds" events

report_end
