#!/usr/bin/env bash
# The clock set back and forth under the daemon (libfaketime): no code of a step at or below the last one.
# time: 120
#
# The boot floor is tried as well, with a kernel that gives the daemon a time namespace: there the machine
# "started" half a minute ago.  Without one it is left to the engine's unit tests (attempt_test), and skipped.
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)

# start_daemon PREFIX...: as stack_daemon_start, with the command that runs the daemon
start_daemon()
{
    local real=$STACK_BIN tries=0
    stack_daemon_stop
    rm -f "$STACK_SOCKET"
    "$@" "$real/pgsignetd" --config "$STACK_CONFIG" --foreground >>"$STACK_DAEMON_LOG" 2>&1 </dev/null &
    STACK_DAEMON=$!
    until stack_listening; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] && kill -0 "$STACK_DAEMON" 2>/dev/null || { tail -n 5 "$STACK_DAEMON_LOG"; return 1; }
        sleep 0.01
    done
}

# at SECONDS: the daemon's clock is so far from the true one
at()
{
    offset=$1
    start_daemon env LD_PRELOAD="$library" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="$(printf '%+ds' "$1")"
}

# expect USER STEP CODE-AND-REASON: a login with the code of that step, counted from the daemon's step now
expect()
{
    local from said
    abuse_codes $(((EPOCHSECONDS + offset) / 30 + $2)) "$1" || return 1
    from=$(abuse_mark)
    # From an address of its own each time: throttling is another test's business.
    address=$((address + 1))
    said=$(printf '%s\t192.0.2.%d\t%s\n' "$1" "$address" "${abuse_code["$1"]}" | abuse_pam code)
    said="$said $(abuse_events "$from" .reason)"
    [ "$said" = "$3" ] || { echo "clock at $offset s, step $2: $said, expected $3"; return 1; }
}

# A step must not end between the making of a code and its judgement.
early_in_step()
{
    while [ $((EPOCHSECONDS % 30)) -gt 20 ]; do
        sleep 0.2
    done
}

# The events' time tells whether the daemon's clock is the false one.
test_false_clock()
{
    local told
    at -600 && expect "${abuse_names[0]}" 0 "0 granted" || return 1
    told=$(date -d "$(stack_last_event | jq -r .time)" +%s)
    [ $((EPOCHSECONDS - told)) -ge 590 ] && [ $((EPOCHSECONDS - told)) -le 660 ] ||
        { echo "the event's time is $told, the true one $EPOCHSECONDS"; return 1; }
}

# Accepted at the true time; then the clock goes back: nothing at or below that step counts.
test_back()
{
    local user=${abuse_names[1]} back
    at 0 && expect "$user" 0 "0 granted" || return 1
    for back in 30 60 300; do
        at -$back || return 1
        expect "$user" 0 "7 code-used" && expect "$user" -1 "7 code-used" || return 1
    done
    # A minute back: the code that was accepted is out of reach or used, never good.
    at -30 && expect "$user" 1 "7 code-used" && at 0 && expect "$user" 0 "7 code-used" &&
        expect "$user" 1 "0 granted"
}

test_forward()
{
    local user=${abuse_names[2]}
    at 0 && expect "$user" 0 "0 granted" || return 1
    at 3600 && expect "$user" 0 "0 granted" && expect "$user" 0 "7 code-used" || return 1
    # And back to the truth: everything until then is below the last step.
    at 0 && expect "$user" 0 "7 code-used" && expect "$user" 1 "7 code-used" || return 1
    at 3600 && expect "$user" 1 "0 granted"
}

# Failures that were counted in the future do not refuse for ever.
test_throttle()
{
    local user=${abuse_names[3]} i
    at 86400 || return 1
    for i in 1 2 3 4; do
        printf '%s\t198.51.100.1\t000000\n' "$user" | abuse_pam code >/dev/null
    done
    at 0
    abuse_codes $((EPOCHSECONDS / 30 + 1)) "$user"
    for ((i = 0; i < 100; i++)); do
        [ "$(printf '%s\t198.51.100.1\t%s\n' "$user" "${abuse_code["$user"]}" | abuse_pam code)" != 0 ] || return 0
        sleep 0.1
    done
    echo "still refused: $(stack_last_event)"
    return 1
}

# What began before the machine started is refused: without a disk's promise a used step may be forgotten.
test_boot()
{
    local user=${abuse_names[4]} uptime
    read -r uptime _ </proc/uptime
    offset=0
    start_daemon unshare -T --boottime $((31 + EPOCHSECONDS % 30 - ${uptime%.*})) || return 1
    # "Started" 31 s before the beginning of this step: the step before began after that, ...
    expect "$user" -1 "0 granted" || return 1
    start_daemon unshare -T --boottime $((5 + EPOCHSECONDS % 30 - ${uptime%.*})) || return 1
    # ... and now 5 s before: the step before did not.
    user=${abuse_names[5]}
    expect "$user" -1 "7 code-before-boot" && expect "$user" 0 "0 granted" || return 1
    # In the middle of this step: only the next one counts.
    user=${abuse_names[6]}
    start_daemon unshare -T --boottime $((EPOCHSECONDS % 30 - 2 - ${uptime%.*})) || return 1
    expect "$user" 0 "7 code-before-boot" && expect "$user" 1 "0 granted"
}

offset=0 address=0
abuse_start || exit 1
stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
abuse_users 8 || exit 1
if [ -n "$library" ]; then
    early_in_step
    check_here "the daemon goes by the false clock" test_false_clock
    early_in_step
    check_here "the clock set back: no code that was accepted, and none below" test_back
    early_in_step
    check_here "the clock set forward: the codes of that time count, and of none before" test_forward
    check_here "failures of a clock that was ahead are not refused for ever" test_throttle
else
    skip "the clock set back and forward" "no libfaketime: apt-get install libfaketime"
fi
if unshare -T --boottime 1 true 2>/dev/null; then
    while [ $((EPOCHSECONDS % 30)) -lt 5 ] || [ $((EPOCHSECONDS % 30)) -gt 20 ]; do
        sleep 0.2
    done
    check_here "codes of steps that began before the machine started" test_boot
else
    skip "codes of steps that began before the machine started" "no time namespaces"
fi
stack_daemon_stop
report_end
