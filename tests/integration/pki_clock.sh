#!/usr/bin/env bash
# Nothing is signed while the clock is before the CA's notBefore, the last entry or the last CRL; forward steps are fine.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-clock.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$library" ] || {
    skip "a clock that is wrong" "libfaketime is not installed"
    report_end
}
printf 'ca:\n  dir: %s\n  audit: %s\n' "$dir/ca" "$dir/audit.jsonl" >"$dir/ca.yaml"

# at STEP ARGUMENT...: with a clock that far from the true one ("-2d", "+1h", "+0")
at()
{
    local step=$1
    shift
    LD_PRELOAD=$library FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME=$step "$tool" --config "$dir/ca.yaml" "$@" </dev/null
}
# Refused with exit 1, these words, and not one certificate, row, event or CRL more.
state() { (cd "$dir/ca" && find . -type f ! -name 'ledger.db*' -exec sha256sum {} + | sort); at +0 list --all; at +0 events; }
refuses()
{
    local words=$1 before code=0
    shift
    before=$(state)
    at "$@" >"$dir/out" 2>&1 || code=$?
    [ "$code" -eq 1 ] && grep -q "$words" "$dir/out" && [ "$before" = "$(state)" ] ||
        { echo "exit $code:"; cat "$dir/out"; return 1; }
}

at +0 init >"$dir/out" 2>&1 && at +0 issue client app >>"$dir/out" 2>&1 && at +0 issue server db1.example.com >>"$dir/out" 2>&1 ||
    { cat "$dir/out"; not_ok "a CA" ""; report_end; }
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/r.key" -subj /CN=reader -out "$dir/r.csr" 2>/dev/null

# --- before the CA's notBefore ----------------------------------------------------------------------------

words="before the CA's notBefore"
check "a day before the CA began: no client" refuses "$words" -1d issue client b
check "no server" refuses "$words" -1d issue server db2.example.com
check "no batch" refuses "$words" -1d issue client c d e
check "no request" refuses "$words" -1d sign client --name reader "$dir/r.csr"
check "no renewal" refuses "$words" -1d renew app
check "no new key" refuses "$words" -1d rekey app
check "no CRL" refuses "$words" -1d crl
check "in 1999 neither" refuses "$words" '@1999-06-01 12:00:00' issue client b
check "and in 1970 neither" refuses "$words" '@1970-01-02 00:00:00' crl

# --- before the last entry ----------------------------------------------------------------------------------

check "an hour ahead a certificate is issued" at +1h issue client ahead
words="before the ledger's last entry"
check "then, at the true time again, none is" refuses "$words" +0 issue client b
check "nor a CRL made" refuses "$words" +30m crl
check "the message says what the clock says, and what to do" grep -qE 'it says 20..-..-..T..:..:..Z, .*set it right' "$dir/out"
check "an hour ahead it goes on" at +61m issue client b

# --- before the last CRL ---------------------------------------------------------------------------------------

check "three hours ahead a CRL is made" at +3h crl
check "two hours ahead nothing is signed" refuses "before the" +2h issue client c
check "nor another CRL made" refuses "before the" +2h crl

# A revocation is no signature: it is written at once, and its CRL comes when the clock is right.
revoked() { at +0 list --revoked --json | jq -e '.certificates | map(.name) == ["ahead"]'; }
at +0 revoke --yes ahead >"$dir/out" 2>&1
code=$?
check "a revocation is written whatever the clock says" revoked
check "but not said to be done, while no CRL can be made" test "$code" -ne 0
check "and says why" grep -q "clock" "$dir/out"
check "its CRL comes with the right clock, by the timer's own command" at +4h crl --due
serial=$(openssl x509 -in "$dir/ca/clients/ahead.crt" -noout -serial | sed 's/.*=//')
check "and lists it" sh -c "openssl crl -in '$dir/ca/crl/ca.crl' -noout -text | grep -q 'Serial Number: $serial'"

# --- forward ------------------------------------------------------------------------------------------------------

check "a month ahead all works" at +30d issue client later
check "a year ahead all works, with what has expired out of the way" at +399d issue client app
check "and a CRL" at +399d crl
check "beyond the CA's end nothing is signed" refuses "not valid now\|ends too soon\|CA" +5000d issue client z
check "queries answer whatever the clock says" at -1d list --all
check "the chain of events holds" at +399d events --verify

# --- ahead once, by the timer, and right again ---------------------------------------------------------------------

printf 'ca:\n  dir: %s\n  audit: %s\n  crl_file: %s\n' "$dir/was-ahead" "$dir/ahead.jsonl" "$dir/place.pem" >"$dir/ca.yaml"
fails()
{
    local words=$1 code=0
    shift
    at "$@" >"$dir/out" 2>&1 || code=$?
    [ "$code" -eq 1 ] && grep -q -- "$words" "$dir/out" || { echo "exit $code:"; cat "$dir/out"; return 1; }
}
finds() { at +0 check --json 2>/dev/null | jq -r '.findings[] | select(.finding == "clock") | .object' | sort | paste -sd ' '; }
verdict() { openssl verify -crl_check -CRLfile "$dir/place.pem" -CAfile "$dir/was-ahead/trust.crt" "$dir/was-ahead/clients/app.crt" >"$dir/out" 2>&1 || { cat "$dir/out"; return 1; }; }
at +0 init -q && at +0 issue client app -q && at +0 crl --publish -q
check "a CRL is published" verdict
at +730d crl --due --publish -q && at +730d issue client late -q
check "with the clock two years ahead the next one is, which nobody takes now" sh -c "! openssl verify -crl_check -CRLfile '$dir/place.pem' -CAfile '$dir/was-ahead/trust.crt' '$dir/was-ahead/clients/app.crt' 2>/dev/null"
check "the timer does not call that success" fails "if it is right, and was ahead before: pgsignet-ca clock" +0 crl --due --publish
check "nor the published one good" sh -c "grep -q 'worth nothing: it begins in the future' '$dir/out' && ! grep -q 'as it should be' '$dir/out'"
check "check says it, of ledger and CRL" test "$(finds)" = "crl/ca.crl ledger.db"
check "clock --dry-run says what it would do" sh -c "'$tool' --config '$dir/ca.yaml' clock --dry-run </dev/null | grep -q 'would be accepted'"
check "and has done nothing" fails "pgsignet-ca clock" +0 issue client b
check "without a terminal it is not done unasked" fails "say --yes" +0 clock
check "nor is it then" fails "pgsignet-ca clock" +0 crl
at +0 clock --yes --json >"$dir/clock.json"
check "with --yes the clock is accepted" jq -e '.accepted and (.last_entry | startswith("20")) and (.last_crl | startswith("20"))' "$dir/clock.json"
check "it names what is not valid yet" jq -e '.certificates | map(.name) == ["late"]' "$dir/clock.json"
check "which can be revoked" at +0 revoke late --no-publish -q
check "a CRL is made and published" at +0 crl --publish -q
check "clients get in again" verdict
check "and certificates are issued" at +0 issue client b -q
numbers() { at +0 events | jq -r 'select(.event == "crl") | .detail' | sed 's/number \([0-9]*\),.*/\1/' >"$dir/numbers"; sort -nu "$dir/numbers" | cmp - "$dir/numbers"; }
check "numbers of CRLs only went up" numbers
check "it is an event, an alert, dated as the clock is now" sh -c "'$tool' --config '$dir/ca.yaml' events </dev/null | jq -es 'map(select(.event == \"clock\") | .severity == \"alert\" and (.time[:4] | tonumber) <= $(date +%Y)) == [true]'"
check "check finds nothing of it any more" test -z "$(finds)"
check "the ledger is whole" sh -c "'$tool' --config '$dir/ca.yaml' events --verify </dev/null && '$tool' --config '$dir/ca.yaml' check --json </dev/null | jq -e '[.findings[] | select(.finding == \"ledger-damaged\")] == []'"
check "a second time there is nothing to do" sh -c "'$tool' --config '$dir/ca.yaml' clock --yes </dev/null | grep -q 'Nothing is dated later'"
at +1h issue client c -q
check "and what came after it counts as ever" fails "before the ledger's last entry" +0 issue client d
report_end
