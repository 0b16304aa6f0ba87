#!/usr/bin/env bash
# kill -9 of pgsignet-ca at 200 random points: the next command works, no certificate is unknown, no key is mismatched.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_SRC=${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
fault=$PGSIGNET_BUILD/tests/integration/.libs/pki_fault.so
dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-kill.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP

rounds=${KILL_ROUNDS:-200}
[ -z "${PGSIGNET_SOAK-}" ] || rounds=3000
seed=${PGSIGNET_KILL_SEED:-$((EPOCHSECONDS % 32768))}

[ -e "$fault" ] || { echo "missing: $fault; run ./setup check, or make check_LTLIBRARIES" >&2; exit 1; }
python3 -c 'import cryptography' 2>/dev/null || {
    skip "kill -9 of pgsignet-ca" "python3-cryptography is not installed"
    report_end
}

# --- init: at every call that changes a file --------------------------------------------------------------

for name in ca new; do
    printf 'ca:\n  dir: %s\n  audit: %s\n' "$dir/$name" "$dir/$name.jsonl" >"$dir/$name.yaml"
done
ca() { "$tool" --config "$dir/new.yaml" "$@" </dev/null; }

# After an init that was killed: there is no CA, and init makes one; or there is one, and it is whole.
init_again()
{
    if ! ca init >"$dir/out" 2>&1; then
        ca list >"$dir/out2" 2>&1 || { cat "$dir/out" "$dir/out2"; return 1; }
    fi
    ca issue client app && ca crl && ca events --verify && ca check &&
        [ -z "$(find "$dir" -name '*.part' -o -name '.new.*')" ]
}

# Stops at the first call whose loss does not mend.
init_killed_everywhere()
{
    local calls at
    LD_PRELOAD=$fault PKI_FAULT_COUNT=$dir/count ca init || return 1
    calls=$(cat "$dir/count")
    for ((at = 1; at <= calls; at += step)); do
        rm -rf "$dir/new" "$dir/new.jsonl"
        { LD_PRELOAD=$fault PKI_FAULT_AT=$at PKI_FAULT_HOW='kill' ca init; } >"$dir/killed" 2>&1
        init_again >"$dir/again" 2>&1 || { echo "killed before call $at of $calls:"; cat "$dir/again"; return 1; }
    done
}
step=7
[ -z "${PGSIGNET_SOAK-}" ] || step=1
check "init, killed between any two calls, is done again or was whole" init_killed_everywhere

# --- the life of certificates ------------------------------------------------------------------------------

python3 "$PGSIGNET_SRC/tests/integration/pki_kill.py" "$tool" "$fault" "$dir" "$rounds" "$seed" >"$dir/log" 2>&1
code=$?
sed -n 's/^/# /; /FINDING/!p' "$dir/log"
no_finding() { [ "$code" -eq 0 ] || { echo "seed $seed"; cat "$dir/log"; return 1; }; }
check "$rounds rounds of kill -9 (seed $seed) leave nothing unknown, mismatched or unsaid" no_finding
report_end
