#!/usr/bin/env bash
# A SQLite store from a backup, after a restart of the machine or on another one: no used code counts again.
# time: 400
#
# What the machine's memory knows is removed, and the daemon gets a time namespace in which the machine
# started this second: only the witness on the store's disk can tell (mfa/witness.h).
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

kill_rounds=12
PGSIGNET_KILL_SEED=${PGSIGNET_KILL_SEED:-$((EPOCHSECONDS % 32768))}
RANDOM=$PGSIGNET_KILL_SEED

hotp() { printf '%s\n' "$secret" | oathtool --hotp -b -c "$1" -; }

# login_ends REASON USER CODE
login_ends()
{
    local reason
    stack_psql "$2" "PW-$2$3" >"$STACK_DIR/log/psql" 2>&1
    reason=$(stack_last_reason)
    [ "$reason" = "$1" ] || { echo "$2: $reason, not $1"; tail -n 3 "$STACK_DAEMON_LOG"; return 1; }
}

log_line() { echo $(($(wc -l <"$STACK_DAEMON_LOG") + 1)); }

# taken_for_restored FROM: the daemon's log says so from line FROM on
taken_for_restored()
{
    tail -n "+$1" "$STACK_DAEMON_LOG" | grep 'restored from a backup'
}

# Times are kept in seconds: what came before and what comes after must not share one.
seconds_pass()
{
    local until=$((EPOCHSECONDS + $1))
    while [ "$EPOCHSECONDS" -lt "$until" ]; do sleep 0.05; done
}

machine_stops()
{
    stack_daemon_stop && rm "$STACK_DIR"/run/store-*.witness && seconds_pass 2
}

machine_starts()
{
    local uptime
    from=$(log_line)
    read -r uptime _ </proc/uptime
    stack_daemon_start unshare -T --boottime "-${uptime%.*}"
}

# Over the same file, so that only what it holds can tell.
put_back()
{
    rm -f "$STACK_STORE-wal" "$STACK_STORE-shm"
    cat "$STACK_DIR/backup.db" >"$STACK_STORE"
}

as_of_the_backup()
{
    login_ends needs-resync henry "$(hotp 1)" && login_ends code-before-restore rita "${paper[0]}" &&
        taken_for_restored "$from"
}

test_restart_alone()
{
    machine_stops && machine_starts && login_ends code-used henry "$(hotp 1)" &&
        login_ends granted henry "$(hotp 2)" && login_ends code-used rita "${paper[0]}" || return 1
    ! taken_for_restored "$from"
}

test_restored()
{
    machine_stops && put_back && machine_starts && as_of_the_backup
}

test_goes_on()
{
    seconds_pass 2
    { hotp 3; hotp 4; } | stack_mfa resync henry --code-stdin && login_ends granted henry "$(hotp 5)" &&
        login_ends code-used henry "$(hotp 5)" || return 1
    from=$(log_line)
    stack_daemon_restart && login_ends granted henry "$(hotp 6)" || return 1
    ! taken_for_restored "$from"
}

test_other_machine()
{
    machine_stops && rm "$STACK_STORE-witness" && put_back && machine_starts && as_of_the_backup
}

# As SQLite's shell does it: other pages in the same file, under workers that have it open.
test_under_the_daemon()
{
    seconds_pass 2
    from=$(log_line)
    { hotp 7; hotp 8; } | stack_mfa resync henry --code-stdin &&
        login_ends granted henry "$(hotp 9)" && seconds_pass 2 || return 1
    (cd / && runuser -u pgsignet -- sqlite3 "$STACK_STORE" ".restore $STACK_DIR/lib/backup.db") || return 1
    login_ends needs-resync henry "$(hotp 9)" && taken_for_restored "$from"
}

# A moment of a login's time, which follows the machine.  Not waiting for anything: this is the abuse itself.
random_moment()
{
    local until=$((${EPOCHREALTIME/./} + (RANDOM * 32768 + RANDOM) % login_us))
    while [ "${EPOCHREALTIME/./}" -lt "$until" ]; do :; done
}

# Wherever between the use of a code and its note they are killed.
test_kill()
{
    local round counter=0 login began login_us=60000
    seconds_pass 2
    from=$(log_line)
    { hotp 10; hotp 11; } | stack_mfa resync henry --code-stdin || return 1
    for ((round = 0; round < kill_rounds; round++)); do
        counter=$((12 + 2 * round))
        stack_psql henry "PW-henry$(hotp $counter)" >"$STACK_DIR/log/psql" 2>&1 &
        login=$!
        random_moment
        pkill -KILL -P "$STACK_DAEMON"
        wait "$login"
        # By what psql says: the last event may be that of the login that was killed.
        began=${EPOCHREALTIME/./}
        stack_psql henry "PW-henry$(hotp $((counter + 1)))" >"$STACK_DIR/log/psql" || return 1
        login_us=$((${EPOCHREALTIME/./} - began))
    done
    ! taken_for_restored "$from" && machine_stops && machine_starts &&
        login_ends granted henry "$(hotp $((counter + 2)))" || return 1
    ! taken_for_restored "$from"
}

if ! unshare -T --boottime 1 true 2>/dev/null; then
    skip "a store from a backup after a restart of the machine" "no time namespaces"
    report_end
    exit
fi
echo "seed: PGSIGNET_KILL_SEED=$PGSIGNET_KILL_SEED"
STACK_POLICY='password: scram' stack_start || exit 1
stack_role henry "PASSWORD 'PW-henry'" && stack_role rita "PASSWORD 'PW-rita'" && stack_enroll rita || exit 1
secret=$(stack_mfa enroll henry --hotp --no-confirm --json | jq -r .secret)
hotp 0 | stack_mfa confirm henry >/dev/null || exit 1
mapfile -t paper < <(stack_mfa recovery rita --codes 3 --json 2>/dev/null | jq -r '.codes[]')
(cd / && runuser -u pgsignet -- sqlite3 "$STACK_STORE" ".backup $STACK_DIR/lib/backup.db") &&
    cp "$STACK_DIR/lib/backup.db" "$STACK_DIR/backup.db" || exit 1

check_here "a counter's code and a recovery code are used after the backup" eval \
    'login_ends granted henry "$(hotp 1)" && login_ends granted rita "${paper[0]}"'
check_here "a restart of the machine alone is not taken for a restore" test_restart_alone
check_here "a restart, and the backup in the store's place: neither code counts again" test_restored
check_here "after a resync the token goes on" test_goes_on
check_here "the backup alone, as on another machine: neither code counts again" test_other_machine
check_here "the backup put back under the running daemon: the code does not count again, and the log says so" \
    test_under_the_daemon
check_here "kill -9 of the workers as they use up codes is not taken for a restore" test_kill
report_end
