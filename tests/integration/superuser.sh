#!/usr/bin/env bash
# What a PostgreSQL superuser can do by SQL neither reads nor changes store, key, audit trail, socket or daemon.
# time: 300
#
# Each action is tried on a file of postgres's own as well: if that does not succeed, the refusal of the
# other proves nothing.
# shellcheck disable=SC2034 # tables are handed on by their names
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/faults.sh
. "$(dirname "$0")/faults.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

# SQL with %s for a path.  A superuser runs programs as the server's OS user by the last of each.
reads=(
    "pg_read_file|SELECT length(pg_read_file('%s'))"
    "pg_read_binary_file|SELECT length(pg_read_binary_file('%s', 0, 16))"
    "COPY FROM|CREATE TEMP TABLE t (line text); COPY t FROM '%s'; SELECT count(*) FROM t"
    "lo_import|SELECT lo_import('%s')"
    "COPY FROM PROGRAM|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'od -N 16 -c %s'; SELECT count(*) FROM t"
)
lists=(
    "pg_ls_dir|SELECT count(*) FROM pg_ls_dir('%s')"
    "ls|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'ls %s'; SELECT count(*) FROM t"
)
writes=(
    "COPY TO|COPY (SELECT 1) TO '%s'"
    "COPY TO PROGRAM|COPY (SELECT 1) TO PROGRAM 'cat >%s'"
    "append|COPY (SELECT 1) TO PROGRAM 'cat >>%s'"
    "lo_export|SELECT lo_export(4242, '%s')"
    "truncate|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; truncate -s 0 %s'"
    "chmod|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; chmod 666 %s'"
    "rename over|COPY (SELECT 1) TO PROGRAM 'cat >%s.new && mv -f %s.new %s'"
    "remove|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm %s'"
)

run_sql()
{
    pg_sql "${1//%s/$2}" -v ON_ERROR_STOP=1
}

# own_file: a fresh file of postgres's own, which every action must succeed on.
own_file()
{
    own=$PG_DIR/own-file
    pg_run sh -c 'rm -f "$1" && printf "0123456789abcdef\n" >"$1"' sh "$own"
}

# Controls once an action; then PATH... must refuse each of them.
all_refused()
{
    local what=$1 table=$2 control=$3 action name sql path output
    local -n rows=$table
    shift 3
    for action in "${rows[@]}"; do
        name=${action%%|*} sql=${action#*|}
        own_file
        check "$name: succeeds on postgres's own (control)" run_sql "$sql" "$control"
        for path in "$@"; do
            if output=$(run_sql "$sql" "$path" 2>&1); then
                not_ok "$what: $name is refused on ${path#"$STACK_DIR"/}" "it said: $output"
            elif grep -qiE 'permission denied|not permitted|child process exited' <<<"$output"; then
                ok "$what: $name is refused on ${path#"$STACK_DIR"/}"
            else
                not_ok "$what: $name is refused for want of permission" "$path: $output"
            fi
        done
    done
}

# What must not change.  The store's WAL and the audit file may grow by logins, of which there are none.
fingerprint()
{
    find "$STACK_DIR/lib" "$STACK_DIR/etc" "$STACK_DIR/log" "$STACK_DIR/run" "$STACK_DIR/bin" \
        ! -name pgsignetd.log ! -name '*.log' ! -name store.db-shm -printf '%p %i %M %u %g %s\n' | sort
    sha256sum "$STACK_STORE" "$STACK_KEK" "$STACK_CONFIG" "$STACK_AUDIT"
}

test_files()
{
    local before secrets=("$STACK_STORE" "$STACK_STORE-witness" "$STACK_KEK" "$STACK_AUDIT" "$STACK_DIR/etc/bind.pw"
        "$STACK_CONFIG")
    [ ! -e "$STACK_STORE-wal" ] || secrets+=("$STACK_STORE-wal")
    before=$(fingerprint)
    own=$PG_DIR/own-file
    all_refused reading reads "$own" "${secrets[@]}"
    all_refused listing lists "$PG_DIR" "$STACK_DIR/lib" "$STACK_DIR/etc" "$STACK_DIR/log"
    all_refused writing writes "$own" "${secrets[@]}" "$STACK_SOCKET.lock" "$STACK_DIR/bin/pgsignetd" "$STACK_MODULE"
    check "nothing has changed in content, mode, owner or place" test "$(fingerprint)" = "$before"
}

test_socket()
{
    local inode
    inode=$(stat -c %i "$STACK_SOCKET")
    local replace=(
        "remove|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm -f %s'"
        "rename|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; mv %s %s.old'"
        "chmod|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; chmod 000 %s'"
        "link over|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; ln -sfn /tmp %s'"
    )
    all_refused "the socket" replace "$PG_DIR/own-file" "$STACK_SOCKET"
    local beside=("a file beside it|COPY (SELECT 1) TO '%s'" "a folder beside it|COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; rm -f %s && mkdir %s'")
    all_refused "the socket" beside "$PG_DIR/own-file" "$STACK_DIR/run/new"
    pg_run rmdir "$PG_DIR/own-file" 2>/dev/null
    check "the socket is the same" test "$(stat -c %i "$STACK_SOCKET")" = "$inode"
}

test_processes()
{
    local pid postmaster
    postmaster=$(pg_postmaster)
    local looks=(
        "environ|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'od -N 16 -c /proc/%s/environ'; SELECT 1 / count(*) FROM t"
        "maps|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'head -n 2 /proc/%s/maps'; SELECT 1 / count(*) FROM t"
        "open files|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'ls -l /proc/%s/fd'; SELECT 1 / count(*) FROM t"
        "opening the memory|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'exec 3</proc/%s/mem && echo opened'; SELECT 1 / count(*) FROM t"
        "a signal|CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'kill -0 %s && echo sent'; SELECT 1 / count(*) FROM t"
    )
    local look name sql output
    for look in "${looks[@]}"; do
        name=${look%%|*} sql=${look#*|}
        check "$name: succeeds on the postmaster (control)" run_sql "$sql" "$postmaster"
        for pid in "$STACK_DAEMON" $(workers | head -n 2); do
            if output=$(run_sql "$sql" "$pid" 2>&1); then
                not_ok "$name of a daemon's process is refused" "$output"
            else
                ok "$name of a daemon's process is refused"
            fi
        done
    done
    check "the daemon lives" kill -0 "$STACK_DAEMON"
}

# A superuser may ask as the backends do.  What he gets is a verdict, a throttle and a record.
test_guessing()
{
    local output before guess _
    install -m 755 "$PGSIGNET_BUILD/tests/integration/peer_probe" "$STACK_BIN/peer_probe"
    guess="CREATE TEMP TABLE t (line text);
COPY t FROM PROGRAM '$STACK_BIN/peer_probe $STACK_SOCKET ask %s 20000'; SELECT * FROM t"
    before=$(events)
    for _ in 1 2 3; do
        stack_wrong_code sam
        output=$(run_sql "$guess" "sam PW-sam$STACK_CODE default" 2>&1)
    done
    check "guessing: a superuser's program gets a verdict and no more" grep -q '^denied ' <<<"$output"
    check "guessing: each guess is recorded" test "$(events)" -eq $((before + 3))
    check "guessing: with the OS user who asked" test "$(stack_last_event | jq .uid)" -eq "$(id -u postgres)"
    stack_code sam
    output=$(run_sql "$guess" "sam PW-sam$STACK_CODE default" 2>&1)
    check "guessing: is throttled, even when right" test "${output%% *}/$(stack_last_reason)" = denied/throttled
    # Another address is not in the superuser's way, nor he in its: the probe names 127.0.0.9.
    stack_code sam
    check "guessing: does not lock out who comes from another address" \
        test "$(stack_psql sam "PW-sam$STACK_CODE")" = sam
    stack_code sam
    stack_mfa unlock sam >/dev/null
    output=$(run_sql "$guess" "sam PW-sam$STACK_CODE default" 2>&1)
    check "asking with the right ones is granted (control)" grep -q '^granted ' <<<"$output"
}

STACK_POLICY='password: scram'
STACK_EXTRA=$'throttle:\n  after: 3\n  first: 60s'
stack_start || { not_ok "the stack starts"; report_end; }
stack_role sam "PASSWORD 'PW-sam'" && stack_enroll sam || exit 1
stack_code sam
check "a login works (control)" test "$(stack_psql sam "PW-sam$STACK_CODE")" = sam
pg_sql "SELECT lo_from_bytea(4242, 'x')" >/dev/null || exit 1
[ -z "${ONLY-}" ] || { "$ONLY"; report_end; }
test_files
test_socket
test_processes
test_guessing
report_end
