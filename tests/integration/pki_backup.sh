#!/usr/bin/env bash
# A CA comes back from its backup whole; damage, a wrong passphrase and going back are refused; what was there is kept.
# time: 600
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${here%/tests/integration}/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

ca()
{
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" "$@"
}

backup()
{
    ca --quiet backup "$1" --file-passphrase-file "$work/pass"
}

restore()
{
    ca --quiet restore "$@" --file-passphrase-file "$work/pass"
}

# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

# Names, modes and contents of all files but the ledger's own.
tree()
{
    (cd "$1" && find . -type f ! -name 'ledger.db*' -printf '%p %m\n' | sort &&
        find . -type f ! -name 'ledger.db*' -print0 | sort -z | xargs -0 sha256sum)
}

leaves()
{
    ca --json list --all | jq -S 'del(.. | .days_left?)'
}

echo 'correct horse battery staple' >"$work/pass"
chmod 600 "$work/pass"
ca --quiet init --intermediate --client-ca >/dev/null && ca --quiet issue client app 'Zoë Müller' >/dev/null &&
    ca --quiet issue server db1 >/dev/null && ca --quiet revoke app --yes --no-publish >/dev/null || exit 1

check "a dry run makes no file" eval 'ca --quiet backup "$work/dry" --dry-run && [ ! -e "$work/dry" ]'
check "a backup is one file for its owner alone" eval 'backup "$work/one" && [ "$(stat -c %a "$work/one")" = 600 ]'
check "no key can be read in it" eval '! grep -aq "PRIVATE KEY" "$work/one" && ! grep -aq "app" "$work/one"'
check "a file that is there is not written over" fails "$work/one" backup "$work/one"
check "a short passphrase is refused" eval 'echo short >"$work/short" && chmod 600 "$work/short" &&
    fails "12 bytes" ca backup "$work/two" --file-passphrase-file "$work/short" && [ ! -e "$work/two" ]'
check "without a terminal no passphrase is asked for" eval 'fails "passphrase" ca backup "$work/two" </dev/null && [ ! -e "$work/two" ]'
check "symbolic links are left out, and said" eval 'ln -s /etc/passwd "$work/ca/link" &&
    said=$(ca --quiet backup "$work/linked" --file-passphrase-file "$work/pass" 2>&1) && grep -q "link is neither" <<<"$said" && rm "$work/ca/link"'

# --- the CA's folder is gone ------------------------------------------------------------------------

backup "$work/last" || exit 1
tree "$work/ca" >"$work/tree.before"
leaves >"$work/leaves.before"
mv "$work/ca" "$work/lost"
check "a dry run restores nothing" eval 'restore "$work/last" --dry-run && [ ! -e "$work/ca" ]'
check "a wrong passphrase restores nothing" eval 'echo "another horse battery" >"$work/wrong" && chmod 600 "$work/wrong" &&
    fails "passphrase is wrong" ca restore "$work/last" --file-passphrase-file "$work/wrong" && [ ! -e "$work/ca" ]'
damaged()
{
    cp "$work/last" "$work/damaged" && printf '\x01' | dd of="$work/damaged" bs=1 seek="$1" conv=notrunc status=none
    cmp -s "$work/last" "$work/damaged" && printf '\x02' | dd of="$work/damaged" bs=1 seek="$1" conv=notrunc status=none
    fails "cannot be restored" restore "$work/damaged" && [ ! -e "$work/ca" ]
}
check "one changed byte restores nothing" damaged 5000
check "a cut file restores nothing" eval 'head -c 3000 "$work/last" >"$work/cut" && fails "cannot be restored" restore "$work/cut" && [ ! -e "$work/ca" ]'
check "the whole CA comes back, with its modes" eval 'restore "$work/last" && tree "$work/ca" | diff "$work/tree.before" - &&
    [ "$(stat -c %a "$work/ca")" = 700 ]'
check "every certificate is known as it was" eval 'leaves | diff "$work/leaves.before" -'
check "the record is whole, and says that it was restored" eval 'ca events --verify && grep -q "\"restore\"" <<<"$(ca events | tail -n 1)"'
check "the next CRL has a higher number than any that may be out" eval 'ca --quiet crl &&
    [ "$(openssl crl -in "$work/ca/crl/ca.crl" -noout -crlnumber | cut -d= -f2 | tr -d x | sed "s/^0*//" | wc -c)" -ge 5 ]'
check "it goes on issuing" eval 'ca --quiet issue client after >/dev/null && openssl verify -x509_strict \
    -CAfile "$work/ca/client-trust.crt" "$work/ca/clients/after.crt" >/dev/null'
check "no folder is left beside it" eval '[ -z "$(find "$work" -maxdepth 1 -name "ca.*")" ]'

# --- there is a CA already --------------------------------------------------------------------------

leaves >"$work/leaves.now"
check "a backup from before what the ledger knows is refused" eval 'fails "--force" restore "$work/last" && leaves | diff "$work/leaves.now" -'
backup "$work/newer" || exit 1
check "one that goes on from it is taken, and what was there is kept" eval 'restore "$work/newer" &&
    [ -n "$(find "$work" -maxdepth 1 -name "ca.before-*")" ] && leaves | diff "$work/leaves.now" -'
check "one of another CA is refused" eval '"$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/other" --quiet init >/dev/null &&
    fails "not of the CA" "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/other" restore "$work/newer" --file-passphrase-file "$work/pass"'
check "also where that one is further" eval 'for i in $(seq 12); do "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/other" --quiet crl || exit 1; done
    fails "not of the CA" "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/other" restore "$work/last" --file-passphrase-file "$work/pass"'
check "told to, it goes back" eval 'restore "$work/last" --force 2>/dev/null && leaves | diff "$work/leaves.before" -'
check "a damaged ledger is told from a whole one" eval 'printf garbage | dd of="$work/ca/ledger.db" conv=notrunc status=none &&
    fails "cannot be compared" restore "$work/newer" && restore "$work/newer" --force 2>/dev/null && ca --quiet list >/dev/null'

# --- revocations that the backup does not know ------------------------------------------------------

# listed NAME SERIAL: 0 when the published list of CRLs has it
listed()
{
    local list text
    rm -f "$work"/published.[0-9]
    awk -v to="$work/published." '/BEGIN/ { n++ } { print >(to n) }' "$work/published.pem"
    text=$(for list in "$work"/published.[0-9]; do openssl crl -in "$list" -noout -text || exit; done) || return 2
    grep -q "Serial Number: $1" <<<"$text"
}
serial_of()
{
    ca --json list --name "$1" --all | jq -r '.certificates[0].serial'
}
revoked_since()
{
    local before after held
    ca --quiet issue client known held >/dev/null && before=$(serial_of known) && held=$(serial_of held) || return 1
    backup "$work/older" && ca --quiet issue client unknown >/dev/null && after=$(serial_of unknown) || return 1
    ca --quiet revoke known unknown --yes --reason keyCompromise --crl-file "$work/published.pem" >/dev/null &&
        ca --quiet revoke held --yes --reason certificateHold --crl-file "$work/published.pem" >/dev/null && listed "$held" || return 1
    restore "$work/older" --force 2>/dev/null || return 1
    ca --quiet crl --publish --crl-file "$work/published.pem" 2>"$work/said" && grep -q "3 revocations .* taken over" "$work/said" || { cat "$work/said"; return 1; }
    listed "$before" && listed "$after" && listed "$held" || return 1
    # A hold that is lifted is no revocation that got lost.
    ca --quiet release held --crl-file "$work/published.pem" >/dev/null && { listed "$held"; [ $? -eq 1 ]; } && listed "$after" && ca events --verify >/dev/null
}
check "what the published CRL revokes, and the restored ledger does not know, stays revoked" revoked_since

# --- beside other programs --------------------------------------------------------------------------

# issue_beside SECONDS NAME: a restore that is held up so long just before it exchanges the folders, and an issue beside it;
# early is set when the issue had opened the ledger of the old folder before that.
issue_beside()
{
    local restore issue folder=$2
    early='' status=0
    backup "$work/beside.$2" && folder=$(stat -c %i "$work/ca") || return 1
    strace -o /dev/null -e trace=renameat2 -e "inject=renameat2:delay_enter=${1}000000:when=1" \
        "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" --quiet restore "$work/beside.$2" --file-passphrase-file "$work/pass" &
    restore=$!
    while ! compgen -G "$work/ca.restore-*/ledger.db" >/dev/null; do
        kill -0 "$restore" 2>/dev/null || return 1
    done
    until grep -q locked <<<"$(sqlite3 "$work/ca/ledger.db" 'BEGIN IMMEDIATE; ROLLBACK' 2>&1)"; do
        kill -0 "$restore" 2>/dev/null || return 1
    done
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" --quiet issue client "$2" >"$work/late.out" 2>&1 &
    issue=$!
    until grep -q 'ledger\.db$' <<<"$(find "/proc/$issue/fd" -printf '%l\n' 2>/dev/null)"; do
        kill -0 "$issue" 2>/dev/null || break
    done
    [ "$(stat -c %i "$work/ca")" != "$folder" ] || early=yes
    wait "$issue" || status=$?
    wait "$restore"
}

# Who waits for the lock while the folder is exchanged finds out that it is another one.  A slow machine may come too
# late for that: then once more, with more time.
late_issue()
{
    local seconds early='' status=0
    for seconds in 2 8 32; do
        issue_beside "$seconds" "late$seconds" || return 1
        [ -z "$early" ] || break
    done
    [ -n "$early" ] && [ "$status" -eq 1 ] && grep -q "moved or replaced" "$work/late.out" && [ ! -e "$work/ca/clients/late$seconds.crt" ] ||
        { echo "exit $status of the issue: $(cat "$work/late.out")"; return 1; }
}
check "an issue that waited while the folder was exchanged is refused, and gives nothing out" late_issue

# --- killed in the middle ---------------------------------------------------------------------------

killed()
{
    local round pid killed=0 span from
    for round in 0 1 2 3 4 5 6 7 8; do
        # The program itself, not a shell around it.
        "$PGSIGNET_BUILD/pgsignet-ca" --dir "$work/ca" --quiet restore "$work/newer" --force --file-passphrase-file "$work/pass" 2>/dev/null &
        pid=$!
        # Moments spread over a run, whatever the machine's speed: one is measured first.
        if [ "$round" -eq 0 ]; then
            from=${EPOCHREALTIME/./}
            wait "$pid" || { echo "a restore that nobody kills fails"; return 1; }
            span=$((${EPOCHREALTIME/./} - from))
            continue
        fi
        sleep "$(printf '%d.%06d' $((span * (round - 1) / 8 / 1000000)) $((span * (round - 1) / 8 % 1000000)))"
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        [ $? -ne 137 ] || killed=$((killed + 1))
        ca --quiet list >/dev/null || { echo "round $round: the CA is not usable"; return 1; }
        ca events --verify >/dev/null || { echo "round $round: its record is not whole"; return 1; }
    done
    [ "$killed" -gt 0 ] || { echo "none was killed"; return 1; }
}
check "killed at any moment, a usable CA is in its place" killed

report_end
