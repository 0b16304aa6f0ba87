#!/usr/bin/env bash
# A name that is revoked while a certificate of it is being made has no live one after that; what was signed and seen is known.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-meanwhile.XXXXXX") || exit 1
child=
clean_up()
{
    [ -z "$child" ] || kill -KILL "$child" 2>/dev/null
    rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
strace -qq -o "$dir/strace" true 2>/dev/null || {
    skip "a revocation while a certificate is being made" "strace is not installed, or may not trace"
    report_end
}
printf 'ca:\n  dir: %s\n  audit: ""\n' "$dir/ca" >"$dir/ca.yaml"
ca() { "$tool" --config "$dir/ca.yaml" "$@" </dev/null; }
states() { ca list --all --json | jq -r ".certificates[] | select(.name == \"$1\") | .state" | sort | paste -sd ' '; }

# begins COMMAND...: runs it up to its first rename, which is after reserving and before completing
begins()
{
    local i
    strace -qq -o "$dir/strace" -e trace=renameat,renameat2 -e inject=renameat,renameat2:signal=STOP:when=1 \
        "$tool" --config "$dir/ca.yaml" "$@" >"$dir/out" 2>&1 </dev/null &
    traced=$!
    for ((i = 0; i < 600; i++)); do
        child=$(ps -o pid= --ppid "$traced" | tr -d ' ')
        case $(ps -o stat= -p "${child:-1}") in [tT]*) ca list --all --json | jq -e '.certificates | any(.state == "reserved")' >/dev/null && return 0 ;; esac
        sleep 0.1
    done
    not_ok "$* was not seen to stop" "$(cat "$dir/out")"
    report_end
}
# The rest of it; its exit code is in code.
goes_on() { kill -CONT "$child"; code=0; wait "$traced" || code=$?; child=; }
is_revoked()
{
    openssl verify -crl_check -CRLfile "$dir/ca/crl.pem" -CAfile "$dir/ca/trust.crt" "$1" >"$dir/verdict" 2>&1
    grep -q 'certificate revoked' "$dir/verdict" || { cat "$dir/verdict"; return 1; }
}

check "init" ca init -q
for name in alice bob carol; do ca issue client $name -q || not_ok "$name" ""; done

# --- renew ----------------------------------------------------------------------------------------------

begins renew alice
code=0
ca revoke alice --reason keyCompromise --no-publish >"$dir/said" 2>&1 || code=$?
check "revoke by name does not say that all is done" test "$code" -eq 1
check "but what is being made, and to try again" grep -q 'is being made right now; try again' "$dir/said"
goes_on
check "the renewal fails" test "$code" -eq 1
check "and says why, and what to do" grep -qE 'alice.*was revoked \(keyCompromise\).*crl --publish' "$dir/out"
check "both certificates are revoked" test "$(states alice)" = "revoked revoked"
check "the timer makes a CRL" ca crl --due -q
check "that has the new one" is_revoked "$dir/ca/clients/alice.crt"
check "again, all is as it should be" ca revoke alice --reason keyCompromise --no-publish

# --- issue ----------------------------------------------------------------------------------------------

begins issue client dave
code=0
ca revoke dave --no-publish >"$dir/said" 2>&1 || code=$?
check "of a name that has no other one, that is said" sh -c "[ $code -eq 1 ] && grep -q 'dave.* is being made right now; try again' '$dir/said'"
goes_on
check "the issue succeeds" test "$code" -eq 0
check "and is revoked by the next try" ca revoke dave --no-publish
check "dave is out" test "$(states dave)" = revoked

# --- what says nothing against the new one ---------------------------------------------------------------

begins renew bob
ca revoke "$(ca list --name bob --json | jq -r '.certificates[] | select(.state == "live") | .serial')" --reason superseded --no-publish >"$dir/said" 2>&1
goes_on
check "of a superseded one the renewal succeeds" test "$code" -eq 0
check "and is live" test "$(states bob)" = "live revoked"

# --- somebody else's folder --------------------------------------------------------------------------------

mkdir "$dir/away"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/away/k.key" -subj /CN=eve -out "$dir/away/eve.csr" 2>/dev/null
for at in 1 2 3 4 5 6 7 8; do
    rm -f "$dir"/away/.eve* "$dir"/away/eve.crt
    { strace -qq -o "$dir/strace" -e trace=fsync -e "inject=fsync:signal=KILL:when=$at" \
        "$tool" --config "$dir/ca.yaml" sign client "$dir/away/eve.csr" --name eve --out "$dir/away/eve" -q </dev/null; } >/dev/null 2>&1
    part=$(find "$dir/away" -name '.eve*part' | head -n 1)
    [ -n "$part" ] && openssl x509 -in "$part" -out "$dir/stolen.crt" 2>/dev/null && break
done
check "(a run is killed whose certificate lies in the folder of another)" test -s "$dir/stolen.crt"
check "the next command takes it back" ca crl --due -q
check "it is revoked, whoever has read it" is_revoked "$dir/stolen.crt"
code=0
ca revoke "$(openssl x509 -in "$dir/stolen.crt" -noout -serial | sed 's/.*=//')" --no-publish >"$dir/said" 2>&1 || code=$?
check "and revoke by its serial says that it is" grep -q 'is revoked already' "$dir/said"
check "the same request is signed then" ca sign client "$dir/away/eve.csr" --name eve --out "$dir/away/eve" -q
check "the chain of events holds" ca events --verify
code=0
ca check >"$dir/out" 2>&1 || code=$?
check "check finds nothing" test "$code" -eq 0
report_end
