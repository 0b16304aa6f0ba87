#!/usr/bin/env bash
# Full disks, failing ones and read-only folders: exit 1 with a clear sentence, and the ledger is intact.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_SRC=${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
fault=$PGSIGNET_BUILD/tests/integration/.libs/pki_fault.so
dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-disk.XXXXXX") || exit 1
mounts=()
cleanup()
{
    local i
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount -l "${mounts[i]}" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$dir"

place=$dir/ca
ca() { "$tool" --config "$dir/ca.yaml" --dir "$place" "$@" </dev/null; }
printf 'ca:\n  dir: %s\n  audit: ""\n' "$dir/ca" >"$dir/ca.yaml"

# What the ledger and the files say: nothing of it may be lost.
issued() { ca list --all --json | jq -r '.certificates[] | select(.state == "live") | .serial' | sort; }
intact()
{
    ca events --verify && ca check && [ -z "$(ca list --all --json | jq -r '.certificates[] | select(.state == "reserved")')" ] &&
        [ -z "$(find "$place" -name '*.part')" ]
}
# Every certificate in the folder is one that the ledger knows, and has its key.
known()
{
    local file
    ca list --all --json | jq -r '.certificates[].serial' >"$dir/serials"
    for file in "$place"/clients/*.crt; do
        grep -qx "$(openssl x509 -in "$file" -noout -serial | sed 's/.*=//')" "$dir/serials" || { echo "unknown: $file"; return 1; }
        [ "$(openssl x509 -in "$file" -noout -pubkey)" = "$(openssl pkey -in "${file%.crt}.key" -pubout)" ] || { echo "mismatch: $file"; return 1; }
    done
}

# --- full: a small file system, with more and more room left ---------------------------------------------------

rooms="0 16 32 48 64 96 128 192 256 384 512 768" # KiB that are left

# Whatever the room, an act either is done, or fails with a sentence about the disk and changes nothing.
full_at_every_size()
{
    local room code before refused=0 done=0 n=0
    for room in $rooms; do
        rm -f "$place/filler"
        ca crl >/dev/null 2>&1 || true
        before=$(issued)
        dd if=/dev/zero of="$place/filler" bs=1k count=100000 2>/dev/null
        truncate -s "-${room}K" "$place/filler"
        for act in "issue client full$((n += 1))" "issue client --from-file $dir/names" "crl" "rekey app" "revoke --yes first$room"; do
            code=0
            # shellcheck disable=SC2086
            ca $act >"$dir/out" 2>&1 || code=$?
            case $code in
            0) done=$((done + 1)) ;;
            1)
                refused=$((refused + 1))
                grep -qiE 'disk is full|disk I/O error|disk fails|no space|free some space|disk is neither full' "$dir/out" || { echo "$room KiB, $act:"; cat "$dir/out"; return 1; }
                ;;
            *) echo "$room KiB, $act: exit $code"; cat "$dir/out"; return 1 ;;
            esac
        done
        rm -f "$place/filler"
        ca crl >"$dir/out" 2>&1 && intact >>"$dir/out" 2>&1 || { echo "after $room KiB:"; cat "$dir/out"; return 1; }
        [ -z "$(comm -23 <(echo "$before") <(ca list --all --json | jq -r '.certificates[].serial' | sort))" ] || { echo "certificates were lost at $room KiB"; return 1; }
        sed -i 's/.*/&x/' "$dir/names"
    done
    known || return 1
    echo "$refused refused, $done done" >"$dir/summary"
    [ "$refused" -gt 5 ] && [ "$done" -gt 5 ] || { cat "$dir/summary"; return 1; }
}
place=$dir/small
mkdir "$place"
if mount -t tmpfs -o size=5m,mode=700 tmpfs "$place" 2>/dev/null; then
    mounts+=("$place")
    place=$dir/small/ca
    printf 'many%d\n' 1 2 3 4 5 6 7 8 9 10 >"$dir/names"
    ca init >"$dir/out" 2>&1 && ca issue client app >>"$dir/out" 2>&1 || cat "$dir/out"
    for room in $rooms; do ca issue client "first$room"; done >"$dir/out" 2>&1
    check "a full disk, whatever is left: exit 1, a clear message, the ledger intact" full_at_every_size
    [ ! -e "$dir/summary" ] || sed 's/^/# /' "$dir/summary"

    # An init that has no room leaves no CA that is half one.
    place=$dir/small/new
    no_init()
    {
        local room
        for room in 0 8 40 80 120; do
            rm -rf "$place"
            rm -f "$dir/small/filler"
            dd if=/dev/zero of="$dir/small/filler" bs=1k count=100000 2>/dev/null
            truncate -s "-${room}K" "$dir/small/filler"
            ca init >"$dir/out" 2>&1 && { echo "$room KiB were enough"; continue; }
            grep -qiE 'disk is full|disk I/O|no space|free some space|neither full' "$dir/out" || { echo "$room KiB:"; cat "$dir/out"; return 1; }
            rm -f "$dir/small/filler"
            ca init >"$dir/out" 2>&1 && ca issue client a >"$dir/out" 2>&1 || { cat "$dir/out"; return 1; }
        done
    }
    check "an init without room says so, and the next one makes the CA" no_init
    rm -rf "$place" "$dir/small/filler"
else
    skip "a full disk" "no tmpfs can be mounted here"
fi

# --- failing: each call that changes a file ------------------------------------------------------------------------

place=$dir/ca
ca init >"$dir/out" 2>&1 && ca issue client app >>"$dir/out" 2>&1 || cat "$dir/out"

# fails_everywhere HOW STAYS: each third call fails, and with STAYS all that follow; then it is done, or was not begun.
fails_everywhere()
{
    local how=$1 stays=$2 calls at code n=0 name
    LD_PRELOAD=$fault PKI_FAULT_COUNT=$dir/count ca issue client "count$how$stays" >/dev/null
    calls=$(cat "$dir/count")
    for ((at = 1; at <= calls; at += 3)); do
        name="$how-$stays-$((n += 1))"
        code=0
        env LD_PRELOAD="$fault" PKI_FAULT_AT="$at" PKI_FAULT_HOW="$how" ${stays:+PKI_FAULT_STAYS=1} \
            "$tool" --config "$dir/ca.yaml" --dir "$place" issue client "$name" >"$dir/out" 2>&1 </dev/null || code=$?
        if [ "$code" -eq 0 ]; then
            # A checkpoint or the removal of the log may fail: what was committed is in the log.
            ca show "$name" >/dev/null 2>"$dir/out2" || { echo "call $at of $calls: exit 0 and no certificate"; cat "$dir/out" "$dir/out2"; return 1; }
        elif [ "$code" -ne 1 ] || ! grep -qiE 'disk|read-only|full|I/O' "$dir/out"; then
            echo "call $at of $calls, $how: exit $code"
            cat "$dir/out"
            return 1
        fi
        ca crl >"$dir/out2" 2>&1 || { echo "after call $at of $calls, $how:"; cat "$dir/out" "$dir/out2"; return 1; }
    done
    intact >"$dir/out" 2>&1 && known >>"$dir/out" 2>&1 || { cat "$dir/out"; return 1; }
}
if [ -e "$fault" ]; then
    check "EIO at any call: exit 1 and said, or done and kept" fails_everywhere EIO ""
    check "a disk that is gone from any call on" fails_everywhere EIO stays
    check "ENOSPC at any call" fails_everywhere ENOSPC ""
else
    skip "a disk that fails" "missing: $fault"
fi

# --- read-only -----------------------------------------------------------------------------------------------------

says()
{
    local words=$1 code=0
    shift
    "$@" >"$dir/out" 2>&1 || code=$?
    [ "$code" -eq 1 ] && grep -qi "$words" "$dir/out" || { echo "exit $code:"; cat "$dir/out"; return 1; }
}
before=$(cd "$place" && find . -type f -exec sha256sum {} + | sort)
same() { [ "$(cd "$place" && find . -type f -exec sha256sum {} + | sort)" = "$before" ]; }
mkdir "$dir/ro"
if mount --bind "$place" "$dir/ro" 2>/dev/null && mount -o remount,bind,ro "$dir/ro" 2>/dev/null; then
    mounts+=("$dir/ro")
    place=$dir/ro
    check "on a read-only file system nothing is issued, and it says why" says 'read-\?only' ca issue client never
    check "nor revoked" says 'read-\?only' ca revoke --yes app
    check "nor a CRL made" says 'read-\?only' ca crl
    check "but it can be looked at" ca list --all
    check "and checked" ca events --verify
    check "and nothing has changed" same
    place=$dir/ca
else
    skip "a read-only file system" "no bind mount can be made here"
fi

# The CA's owner, in a folder that he may not write to: no root, whom modes do not stop.
chown -R nobody "$place" && chmod 500 "$place" "$place/clients"
other() { setpriv --reuid nobody --regid nogroup --clear-groups "$tool" --config "$dir/ca.yaml" --dir "$place" "$@" </dev/null; }
check "in a folder without write permission nothing is issued, and it says why" says 'cannot' other issue client never
chmod 700 "$place"
check "nor when only the folder for the files is read-only" says 'permission denied' other issue client never
chmod 700 "$place/clients"
check "and when it can be written again it goes on" other issue client ever
chown -R root "$place"
check "and all is well" intact
report_end
