#!/usr/bin/env bash
# The clock set back and forth under the daemon (libfaketime): no code of a step at or below the last one.
# time: 400
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

# at SECONDS: the daemon's clock is so far from the true one
at()
{
    offset=$1
    stack_daemon_stop
    stack_daemon_start env LD_PRELOAD="$library" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME="$(printf '%+ds' "$1")"
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

# early_in_step LATEST: a step must not end between the making of a code and its judgement
early_in_step()
{
    while [ $((EPOCHSECONDS % 30)) -gt "$1" ]; do
        sleep 0.2
    done
}

# in_one_step TEST USER...: of a test that fails while a step ends nothing is learnt; it is made again with
# the next user, and has the whole of a step then, which a slow machine may need.
in_one_step()
{
    local test user step latest=20
    read -r -a test <<<"$1"
    shift
    for user in "$@"; do
        early_in_step $latest
        latest=1
        step=$(abuse_now_step)
        "${test[@]}" "$user" && return 0
        [ "$(abuse_now_step)" -ne "$step" ] || return 1
    done
    return 1
}

# A while from either end of a step, which a loaded machine must not reach before the login is judged.
inside_step()
{
    while [ $((EPOCHSECONDS % 30)) -lt 5 ] || [ $((EPOCHSECONDS % 30)) -gt 15 ]; do
        sleep 0.2
    done
}

# The events' time tells whether the daemon's clock is the false one.
test_false_clock()
{
    local told
    at -600 && expect "$1" 0 "0 granted" || return 1
    told=$(date -d "$(stack_last_event | jq -r .time)" +%s)
    [ $((EPOCHSECONDS - told)) -ge 590 ] && [ $((EPOCHSECONDS - told)) -le 660 ] ||
        { echo "the event's time is $told, the true one $EPOCHSECONDS"; return 1; }
}

# test_back SECONDS USER: accepted at the true time; then the clock goes back: nothing at or below that step counts
test_back()
{
    at 0 && expect "$2" 0 "0 granted" && at "-$1" && expect "$2" 0 "7 code-used" && expect "$2" -1 "7 code-used"
}

# Half a minute back the code that was accepted is the next one, and used; at the true time again all goes on.
test_back_and_on()
{
    local user=$1
    at 0 && expect "$user" 0 "0 granted" && at -30 && expect "$user" 1 "7 code-used" &&
        at 0 && expect "$user" 0 "7 code-used" && expect "$user" 1 "0 granted"
}

test_forward()
{
    local user=$1
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

# booted SECONDS: the daemon's machine started so long before the beginning of this step (negative: after)
booted()
{
    local uptime
    inside_step
    read -r uptime _ </proc/uptime # now: inside_step may have waited
    stack_daemon_stop
    stack_daemon_start unshare -T --boottime $(($1 + EPOCHSECONDS % 30 - ${uptime%.*}))
}

# What began before the machine started is refused: without a disk's promise a used step may be forgotten.
test_boot()
{
    local user=${abuse_names[4]}
    offset=0
    booted 31 || return 1
    # The step before began after that, ...
    expect "$user" -1 "0 granted" || return 1
    booted 5 || return 1
    # ... and now it did not.
    user=${abuse_names[5]}
    expect "$user" -1 "7 code-before-boot" && expect "$user" 0 "0 granted" || return 1
    # In the middle of this step: only the next one counts.
    user=${abuse_names[6]}
    booted -2 || return 1
    expect "$user" 0 "7 code-before-boot" && expect "$user" 1 "0 granted"
}

offset=0 address=0
abuse_start || exit 1
stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
abuse_users 22 || exit 1
if [ -n "$library" ]; then
    check_here "the daemon goes by the false clock" in_one_step test_false_clock "${abuse_names[@]:0:3}"
    at=13
    for back in 30 60 300; do
        check_here "the clock set back by $back s: no code that was accepted, and none below" \
            in_one_step "test_back $back" "${abuse_names[@]:at:3}"
        at=$((at + 3))
    done
    check_here "the clock set back and right again: it goes on" in_one_step test_back_and_on "${abuse_names[@]:7:3}"
    check_here "the clock set forward: the codes of that time count, and of none before" \
        in_one_step test_forward "${abuse_names[@]:10:3}"
    check_here "failures of a clock that was ahead are not refused for ever" test_throttle
else
    skip "the clock set back and forward" "no libfaketime: apt-get install libfaketime"
fi
if unshare -T --boottime 1 true 2>/dev/null; then
    check_here "codes of steps that began before the machine started" test_boot
else
    skip "codes of steps that began before the machine started" "no time namespaces"
fi
stack_daemon_stop
report_end
