#!/usr/bin/env bash
# Full disks, read-only, moved and damaged state: refused and said aloud, no code twice, right again after.
# time: 600
set -uo pipefail
# A mount namespace of its own: whatever happens, no mount is left behind.
if [ -z "${PGSIGNET_STATE_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
    PGSIGNET_STATE_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

granted=0 denied=7 unavailable=9 # of PAM
cursor=0

# Sets who and code: a user who was not used yet, with a right code.
next()
{
    who=${abuse_names[cursor]}
    cursor=$((cursor + 1))
    abuse_codes $(($(abuse_now_step) + 1)) "$who" && code=${abuse_code["$who"]}
}

# try USER SECRET [SERVICE]: sets said to the PAM code
try()
{
    said=$(printf '%s\t192.0.2.1\t%s\n' "$1" "$2" | abuse_pam "${3:-code}")
}

# works: a new user gets in, and not twice
works()
{
    next && try "$who" "$code" || return 1
    [ "$said" = "$granted" ] || { echo "a right login: PAM says $said"; tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
    try "$who" "$code"
    [ "$said" = "$denied" ] || { echo "the same code again: PAM says $said"; return 1; }
}

# works_soon: as works, once the daemon has found out (it looks once a second at most)
works_soon()
{
    local tries
    next || return 1
    for ((tries = 0; tries < 200; tries++)); do
        try "$who" "$code"
        [ "$said" = "$unavailable" ] || break
    done
    [ "$said" = "$granted" ] || { echo "not right again: PAM says $said"; tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
}

# fails_as REASON WORDS: a right login is answered UNAVAILABLE for this reason, and the log says these words
fails_as()
{
    local from=$(($(wc -l <"$STACK_DAEMON_LOG") + 1)) reason
    next && try "$who" "$code" || return 1
    reason=$(stack_last_reason)
    [ "$said" = "$unavailable" ] && [ "$reason" = "$1" ] || { echo "PAM says $said, the event $reason"; return 1; }
    grep -q -- "$3" <<<"$(tail -n "+${2:-$from}" "$STACK_DAEMON_LOG")" ||
        { echo "the log does not say: $3"; tail -n "+${2:-$from}" "$STACK_DAEMON_LOG"; return 1; }
}

log_lines()
{
    echo $(($(wc -l <"$STACK_DAEMON_LOG") + 1))
}

fill()
{
    dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null
    [ "$(df --output=avail "$1" | tail -n 1)" -eq 0 ]
}

# Moves the state to a file system of 2 MB.  A store whose file was moved by hand is taken for a restored
# one (mfa/witness.h): the first to open it raises the floor, and that is taken back here, because these
# tests are about the disk.
mount_state()
{
    stack_daemon_stop
    mv "$STACK_DIR/lib" "$STACK_DIR/lib.disk" && mkdir "$STACK_DIR/lib" &&
        mount -t tmpfs -o size=2m,mode=700,uid=pgsignet,gid=pgsignet tmpfs "$STACK_DIR/lib" &&
        cp -a "$STACK_DIR"/lib.disk/. "$STACK_DIR/lib/" &&
        grep -q 'restored from a backup' <<<"$(stack_mfa stats 2>&1 >/dev/null)" &&
        runuser -u pgsignet -- sqlite3 "$STACK_STORE" 'UPDATE store SET floor_s = 0' && stack_daemon_start
}

# The same for the store's server.
mount_server()
{
    stack_store_stop && mv "$server_data" "$server_data.disk" && mkdir "$server_data" &&
        mount -t tmpfs -o "size=$(($(du -sm "$server_data.disk" | cut -f 1) + 48))m,mode=700,uid=postgres,gid=postgres" \
            tmpfs "$server_data" && cp -a "$server_data".disk/. "$server_data/" && stack_store_start
}

# Writes to the server's log until it has no room, which takes the server down.
fill_server()
{
    local i
    fill "$server_data" || return 1
    for ((i = 0; i < 100; i++)); do
        stack_store_sql "SELECT pg_logical_emit_message(true, 'x', repeat('x', 1000000))" >/dev/null 2>&1 || return 0
    done
    echo "the disk of the server is not full"
    return 1
}

server_goes_on()
{
    rm "$server_data/filler" && stack_store_stop immediate
    stack_store_start && kill -0 "$STACK_DAEMON"
}

# A disk that is full to the last byte, with a server that still runs; then without one.
test_server_full()
{
    local i from
    fill "$server_data" || return 1
    for ((i = 0; i < 20; i++)); do
        next && try "$who" "$code" || return 1
        [ "$said" = "$granted" ] || [ "$said" = "$unavailable" ] || { echo "$who: PAM says $said"; return 1; }
        from=$said
        try "$who" "$code"
        [ "$from" != "$granted" ] || [ "$said" != "$granted" ] || { echo "$who was let in twice"; return 1; }
    done
    used=$who used_code=$code used_said=$from
    fill_server || return 1
    for ((i = 0; i < 10; i++)); do
        next && try "$who" "$code" || return 1
        [ "$said" = "$unavailable" ] || { echo "$who: PAM says $said of a dead store"; return 1; }
    done
    server_goes_on || return 1
    # The code that was not judged is, now, once; the one that was used stays so.
    for ((i = 0; i < 200; i++)); do
        try "$who" "$code"
        [ "$said" = "$unavailable" ] || break
    done
    [ "$said" = "$granted" ] || { echo "not right again: PAM says $said"; tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
    try "$who" "$code"
    [ "$said" = "$denied" ] || { echo "the same code again: PAM says $said"; return 1; }
    try "$used" "$used_code"
    [ "$used_said" != "$granted" ] || [ "$said" = "$denied" ] || { echo "$used: a used code is answered $said"; return 1; }
}

# Where no code limits guesses at a password, a store that cannot count them must.
test_server_uncounted()
{
    local tried from i
    fill_server || return 1
    from=$(abuse_mark)
    for ((i = 0; i < 12; i++)); do
        try scram "guess-$i" off
        [ "$said" = "$denied" ] || [ "$said" = "$unavailable" ] || return 1
        [ $i -ne 6 ] || sleep 6 # longer than the daemon's pause: time alone must not buy a guess
    done
    try scram PW-scram off
    [ "$said" != "$granted" ] || { echo "granted without a store"; return 1; }
    tried=$(abuse_events "$from" 'select(.factors.password == "wrong") | .id' | wc -l)
    server_goes_on || return 1
    [ "$tried" -le 1 ] || { echo "$tried passwords were looked at"; abuse_events "$from" .reason; return 1; }
    for ((i = 0; i < 80; i++)); do
        try scram PW-scram off
        [ "$said" != "$granted" ] || return 0
        sleep 0.1
    done
    echo "the right password is not taken any more: $said, $(stack_last_event)"
    return 1
}

# Each login is granted or UNAVAILABLE, and what was granted is not granted again.
test_full()
{
    local i granted_n=0 unavailable_n=0 from answers
    fill "$STACK_DIR/lib" || return 1
    from=$(abuse_mark)
    for ((i = 0; i < 40; i++)); do
        next && try "$who" "$code" || return 1
        case $said in
            "$granted") granted_n=$((granted_n + 1)) ;;
            "$unavailable") unavailable_n=$((unavailable_n + 1)) ;;
            *) echo "$who: PAM says $said"; return 1 ;;
        esac
        answers=$said
        try "$who" "$code"
        [ "$answers" != "$granted" ] || [ "$said" != "$granted" ] || { echo "$who was let in twice"; return 1; }
    done
    [ "$(abuse_events "$from" .id | wc -l)" -eq 80 ] || { echo "events are missing"; return 1; }
    [ "$unavailable_n" -gt 0 ] || { echo "the disk was not full: $granted_n granted"; return 1; }
    grep -q 'the disk is full: free some space' "$STACK_DAEMON_LOG" || { tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
    rm "$STACK_DIR/lib/filler"
    works
}

# Where no code limits guesses at a password, a store that cannot count them must.
test_uncounted()
{
    local tried from i
    fill "$STACK_DIR/lib" || return 1
    # The last free bytes of the log.
    for ((i = 0; i < 20; i++)); do next && try "$who" "$code"; done
    from=$(abuse_mark)
    for ((i = 0; i < 12; i++)); do
        try scram "guess-$i" off
        [ "$said" = "$denied" ] || [ "$said" = "$unavailable" ] || return 1
        # Longer than the daemon's pause: time alone must not buy a guess.
        [ $i -ne 6 ] || sleep 6
    done
    tried=$(abuse_events "$from" 'select(.factors.password == "wrong") | .id' | wc -l)
    rm "$STACK_DIR/lib/filler"
    [ "$tried" -le 1 ] || { echo "$tried passwords were looked at"; abuse_events "$from" .reason; return 1; }
    works || return 1
    for ((i = 0; i < 80; i++)); do
        try scram PW-scram off
        [ "$said" != "$granted" ] || return 0
        sleep 0.1
    done
    echo "the right password is not taken any more: $said, $(stack_last_event)"
    return 1
}

test_read_only()
{
    local from
    from=$(log_lines)
    stack_daemon_stop
    mount -o remount,ro "$STACK_DIR/lib" && stack_daemon_start || return 1
    fails_as store-unavailable "$from" 'read-only' || return 1
    mount -o remount,rw "$STACK_DIR/lib"
    works_soon
}

test_moved()
{
    mv "$STACK_STORE" "$STACK_STORE.away"
    fails_as store-unavailable '' 'was moved, removed or replaced' || return 1
    # Another one in its place is not taken for it.
    cp -p "$STACK_STORE.away" "$STACK_STORE"
    fails_as store-unavailable '' 'was moved, removed or replaced' || return 1
    mv "$STACK_STORE.away" "$STACK_STORE"
    works
}

test_missing()
{
    local from
    from=$(log_lines)
    stack_daemon_stop
    mv "$STACK_STORE" "$STACK_STORE.away" && stack_daemon_start || return 1
    fails_as store-unavailable "$from" 'create it with `pgsignet-mfa init`' || return 1
    mv "$STACK_STORE.away" "$STACK_STORE"
    works_soon
}

# test_key WORDS COMMAND...: the key file as the command leaves it
test_key()
{
    local from words=$1 status=0
    shift
    from=$(log_lines)
    cp -p "$STACK_KEK" "$STACK_KEK.good"
    stack_daemon_stop
    "$@" && stack_daemon_start && fails_as key-unavailable "$from" "$words" || status=1
    mv -f "$STACK_KEK.good" "$STACK_KEK"
    [ "$status" -eq 0 ] && works_soon
}

other_key()
{
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$STACK_KEK.new" && chown --reference="$STACK_KEK" \
        "$STACK_KEK.new" && chmod 400 "$STACK_KEK.new" && mv -f "$STACK_KEK.new" "$STACK_KEK"
}

test_mode()
{
    local from
    from=$(log_lines)
    stack_daemon_stop
    chmod 644 "$STACK_STORE" && stack_daemon_start || return 1
    fails_as store-unavailable "$from" 'is open to others' || return 1
    chmod 600 "$STACK_STORE"
    works_soon
}

test_garbage()
{
    local from
    from=$(log_lines)
    stack_daemon_stop
    mkdir "$STACK_DIR/lib/away" && mv "$STACK_STORE"* "$STACK_DIR/lib/away/" &&
        head -c 8192 /dev/urandom >"$STACK_STORE" && chown pgsignet:pgsignet "$STACK_STORE" &&
        chmod 600 "$STACK_STORE" && stack_daemon_start || return 1
    fails_as store-unavailable "$from" 'is not a token store or is damaged' || return 1
    rm "$STACK_STORE"* && mv "$STACK_DIR"/lib/away/* "$STACK_DIR/lib/" && rmdir "$STACK_DIR/lib/away"
    works_soon
}

# Events go to standard error while the audit file's disk is full, and to the file again after.
test_audit_full()
{
    local kept=$STACK_AUDIT before
    mkdir "$STACK_DIR/audit" &&
        mount -t tmpfs -o size=64k,mode=750,uid=pgsignet,gid=pgsignet tmpfs "$STACK_DIR/audit" || return 1
    STACK_AUDIT=$STACK_DIR/audit/audit.jsonl
    stack_apply && works && fill "$STACK_DIR/audit" || return 1
    # What is left of the file's own last page.
    head -c 4096 /dev/zero | tr '\0' '\n' | runuser -u pgsignet -- tee -a "$STACK_AUDIT" >/dev/null 2>&1
    before=$(grep -c '"event":"login"' "$STACK_DAEMON_LOG")
    works || return 1
    [ $(($(grep -c '"event":"login"' "$STACK_DAEMON_LOG") - before)) -eq 2 ] ||
        { echo "the two events are not in standard error"; tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
    rm "$STACK_DIR/audit/filler"
    works && [ "$(stack_last_reason)" = code-used ] || { echo "events do not go to the file again"; return 1; }
    STACK_AUDIT=$kept
    stack_apply && umount "$STACK_DIR/audit"
}

abuse_start || exit 1
stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
stack_policy off <<'END' && abuse_service off policy=off || exit 1
password: scram
code: off
END
stack_role scram "PASSWORD 'PW-scram'" && abuse_users 200 || exit 1

engine=${STACK_STORE_ENGINE:-sqlite}
if [ "$engine" = sqlite ]; then
    check_here "the store file moved away or replaced under the daemon" test_moved
    check_here "no store at the start, and there later" test_missing
    check_here "a store that others can read" test_mode
    check_here "a store that is none" test_garbage
fi
check_here "another key than the store's" test_key 'restore the right key' other_key
check_here "no key file" test_key 'restore it from your backup' rm -f "$STACK_KEK"
check_here "a key file that others can read" test_key 'with mode 0400' chmod 444 "$STACK_KEK"
if [ -n "${PGSIGNET_STATE_NAMESPACE-}" ] && [ "$engine" != sqlite ]; then
    server_data=$(. "$STACK_DIR/store/server" && echo "$PG_DATA")
    check_here "the store's server moves to a small disk, under the daemon" mount_server
    check_here "its disk is full: granted or UNAVAILABLE, never twice, right again after" test_server_full
    check_here "no code asked for and failures that cannot be counted: guesses are stopped" test_server_uncounted
    stack_daemon_stop
    stack_store_stop immediate
    umount "$server_data"
elif [ -n "${PGSIGNET_STATE_NAMESPACE-}" ]; then
    check_here "the state moves to a small disk" mount_state
    check_here "state on a full disk: granted or UNAVAILABLE, never twice, right again after" test_full
    check_here "no code asked for and failures that cannot be counted: guesses are stopped" test_uncounted
    check_here "state on a read-only file system" test_read_only
    check_here "the audit file's disk is full: events go to standard error" test_audit_full
    stack_daemon_stop
    umount "$STACK_DIR/lib"
else
    skip "full and read-only file systems" "no mount namespace: unshare -m is refused here"
fi
report_end
