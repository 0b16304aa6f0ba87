#!/usr/bin/env bash
# 100 issues at once: 100 certificates, 100 rows, distinct serials; of those who want the same, one gets it.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_SRC=${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
fault=$PGSIGNET_BUILD/tests/integration/.libs/pki_fault.so
dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-race.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
many=100

printf 'ca:\n  dir: %s\n  audit: %s\n' "$dir/ca" "$dir/audit.jsonl" >"$dir/ca.yaml"
ca() { "$tool" --config "$dir/ca.yaml" "$@" </dev/null; }

# at_once N COMMAND...: N of them, each with its number behind it; how many succeeded is in succeeded
at_once()
{
    local n=$1 i pids=()
    shift
    rm -f "$dir"/out.*
    for ((i = 1; i <= n; i++)); do
        "$@" "$i" >"$dir/out.$i" 2>&1 &
        pids+=($!)
    done
    succeeded=0
    for i in "${pids[@]}"; do wait "$i" && succeeded=$((succeeded + 1)); done
}
# is N: so many succeeded; else what the others said
is()
{
    [ "$succeeded" -eq "$1" ] || { echo "$succeeded succeeded, $1 were to"; cat "$dir"/out.* | sort | uniq -c | sort -rn | head -n 20; return 1; }
}
rows() { ca list --all --json | jq -r ".certificates[] | select($1) | .serial"; }
serials_on_disk() { for file in "$dir"/ca/clients/*.crt; do openssl x509 -in "$file" -noout -serial; done | sed 's/.*=//' | sort; }

check "init" ca init

# --- different names ------------------------------------------------------------------------------------

issue() { ca issue client "app$1"; }
at_once "$many" issue
check "$many issues at once all succeed" is "$many"
check "there are $many rows" test "$(rows '.name | startswith("app")' | wc -l)" -eq "$many"
check "their serials are distinct" test "$(rows '.name | startswith("app")' | sort -u | wc -l)" -eq "$many"
check "and are those of $many certificates" test "$(serials_on_disk)" = "$(rows '.name | startswith("app")' | sort)"
fits() { for file in "$dir"/ca/clients/*.crt; do
    [ "$(openssl x509 -in "$file" -noout -pubkey)" = "$(openssl pkey -in "${file%.crt}.key" -pubout)" ] || { echo "$file"; return 1; }
done; }
check "each key fits its certificate" fits
verify() { openssl verify -x509_strict -CAfile "$dir/ca/ca.crt" "$dir"/ca/clients/*.crt; }
check "and openssl verifies all" verify

server() { ca issue server "pg$1.example.com"; }
at_once 30 server
check "30 servers at once all succeed, though one place is for the first" is 30
check "one has that place" test -e "$dir/ca/server.crt" -a "$(find "$dir/ca/servers" -name '*.crt' | wc -l)" -eq 29

# --- the same name, the same row ----------------------------------------------------------------------------

same() { ca issue client boss; }
at_once 20 same
check "of 20 who issue for one role at once, one succeeds" is 1
# (Whoever looks between the rename of the files and the end of the transaction sees the files.)
refused() { [ "$(cat "$dir"/out.* | grep -cE 'the role has the client certificate "boss"|clients/boss.* is there already')" -eq 19 ]; }
check "and the others are told of it" refused

renew() { ca renew "$(cat "$dir/serial")"; }
rows '.name == "boss"' >"$dir/serial"
at_once 20 renew
check "of 20 who renew one certificate at once, one succeeds" is 1
check "and it has one successor" test "$(rows '.name == "boss"' | wc -l)" -eq 2

revoke() { ca revoke --yes "$(cat "$dir/serial")"; }
rows '.name == "app1"' >"$dir/serial"
at_once 20 revoke
lists() { openssl crl -in "$dir/ca/crl/ca.crl" -noout -text | grep -c "Serial Number: $1"; }
check "20 who revoke one at once leave it revoked once" test "$(lists "$(cat "$dir/serial")")" -eq 1

# --- CRLs, and everything together --------------------------------------------------------------------------

number() { printf '%d
' "0x$(openssl crl -in "$dir/ca/crl/ca.crl" -noout -crlnumber | sed 's/.*=0x//')"; }
before=$(number)
crl() { ca crl; }
at_once 20 crl
check "20 CRLs at once all succeed" is 20
check "each has a number of its own, and the last is in place" test "$(number)" -eq $((before + 20))

# What a killed program left is mended once, whoever comes, and hinders nobody.
half_done()
{
    local at calls
    LD_PRELOAD=$fault PKI_FAULT_COUNT=$dir/count ca issue client whole
    calls=$(cat "$dir/count")
    for ((at = calls / 4; at < calls; at += calls / 12)); do
        { LD_PRELOAD=$fault PKI_FAULT_AT=$at PKI_FAULT_HOW='kill' ca issue client "half$at"; }
        [ -n "$(rows '.state == "reserved"')" ] && return
    done 2>/dev/null
    echo "none of them was killed between reserving and completing"
    return 1
}
mixed()
{
    case $(($1 % 5)) in
    0) ca crl ;;
    1) ca issue server "db$1.example.com" ;;
    2) ca rekey "app$((10 + $1))" ;;
    3) ca revoke --yes "app$((40 + $1))" ;;
    4) ca issue client "more$1" ;;
    esac
}
if [ -e "$fault" ]; then
    check "(a program is killed)" half_done
else
    skip "rows left half done" "missing: $fault"
fi
at_once 40 mixed
check "40 commands of all kinds at once beside what was left half done all succeed" is 40
check "nothing is reserved still" test -z "$(rows '.state == "reserved"')"
check "nothing half written is left" test -z "$(find "$dir/ca" -name '*.part')"
check "the chain of events holds" ca events --verify
check "check finds nothing" ca check
trail() { [ "$(jq -s 'map(.seq) == [range(1; length + 1)]' "$dir/audit.jsonl")" = true ]; }
check "the trail has each event once, in order" trail
report_end
