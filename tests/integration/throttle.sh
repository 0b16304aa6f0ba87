#!/usr/bin/env bash
# Failures slow down whoever fails, and nobody else; 100 of them cap a user, whose own addresses stay good.
# time: 900
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

flood=${THROTTLE_FLOOD:-20000}
home=192.0.2.1     # where the real user is
elsewhere=192.0.2.2

# try USER ADDRESS SECRET: sets tried to "CODE REASON"
try()
{
    local from code
    from=$(abuse_mark)
    code=$(printf '%s\t%s\t%s\n' "$1" "$2" "$3" | abuse_pam code)
    tried="$code $(abuse_events "$from" .reason)"
}

# expect USER ADDRESS SECRET CODE-AND-REASON
expect()
{
    try "$1" "$2" "$3"
    [ "$tried" = "$4" ] || { echo "$1 from $2: $tried, expected $4"; return 1; }
}

# right USER OFFSET: sets right to the code of the step OFFSET from this one
right()
{
    abuse_codes $(($(abuse_now_step) + $2)) "$1" && right=${abuse_code["$1"]}
}

# six digits that are not a code of USER around now
wrong()
{
    local user=$1 offset taken=''
    for offset in -2 -1 0 1 2 3; do
        right "$user" "$offset" || return 1
        taken="$taken $right"
    done
    for wrong in 000000 111111 222222 333333 444444 555555 666666; do
        [[ $taken == *$wrong* ]] || return 0
    done
}

# imposed USER SECONDS: for so long the last failure elsewhere is refused; what is shown is rounded
imposed()
{
    local seconds
    seconds=$(stack_mfa show --json "$1" | jq --arg from $elsewhere '.addresses[] |
        select(.address == $from) | (.refused_until | fromdate) - (.last_failure | fromdate)')
    [ "$seconds" = "$2" ] || [ "$seconds" = $(($2 + 1)) ] || { echo "refused for $seconds s, wanted $2 s"; return 1; }
}

# The first refusal ends after throttle.first, each next one after twice the time.
test_growth()
{
    local user=${abuse_names[0]} n began wait=$first
    wrong "$user" || return 1
    for n in 1 2 3; do
        expect "$user" "$elsewhere" "$wrong" "7 code-wrong" || return 1
    done
    for n in 4 5; do
        right "$user" 1 || return 1
        expect "$user" "$elsewhere" "$right" "7 throttled" && imposed "$user" $wait || return 1
        began=$SECONDS
        while try "$user" "$elsewhere" "$wrong" && [ "$tried" = "7 throttled" ]; do
            [ $((SECONDS - began)) -lt 120 ] || { echo "failure $n is refused without end"; return 1; }
        done
        [ "$tried" = "7 code-wrong" ] || { echo "failure $n: $tried"; return 1; }
        wait=$((wait * 2))
    done
    right "$user" 1 || return 1
    expect "$user" "$elsewhere" "$right" "7 throttled" && imposed "$user" $wait
}

test_other_address()
{
    local user=${abuse_names[0]}
    right "$user" 1 && expect "$user" "$home" "$right" "0 granted"
}

# 100 failures of one user, each from another address.
test_cap()
{
    local user=${abuse_names[1]} i codes from
    # The user was here lately.
    right "$user" 0 && expect "$user" "$home" "$right" "0 granted" || return 1
    wrong "$user" || return 1
    from=$(abuse_mark)
    codes=$(for ((i = 0; i < 100; i++)); do
        printf '%s\t198.51.100.%d\t%s\n\n' "$user" "$i" "$wrong"
    done | abuse_pam code | sort | uniq -c | tr -s ' ')
    [ "$codes" = " 100 7" ] || { echo "PAM codes: $codes"; return 1; }
    [ "$(abuse_events "$from" .reason | sort | uniq -c | tr -s ' ')" = " 100 code-wrong" ] ||
        { abuse_events "$from" .reason | sort | uniq -c; return 1; }
    # At the cap: nobody new gets in with the right code, the owner from the known address does.
    right "$user" 1 && expect "$user" 203.0.113.9 "$right" "7 capped" &&
        expect "$user" 198.51.100.7 "$right" "7 capped" &&
        expect "$user" "$home" "$right" "0 granted"
}

test_unlock()
{
    local user=${abuse_names[1]}
    stack_mfa show "$user" | grep 'at the cap' >/dev/null || { stack_mfa show "$user"; return 1; }
    stack_mfa unlock "$user" >/dev/null || return 1
    stack_enroll_seed "$user" && expect "$user" 203.0.113.9 "$right" "0 granted"
}

# The next code that was not used yet: of a further token, as the first one's window is used up.
stack_enroll_seed()
{
    stack_enroll "$1" && stack_code "$1" && right=$STACK_CODE
}

# flood_lines SEED N: names and addresses of a generator, everybody from everywhere
flood_lines()
{
    awk -v seed="$1" -v n="$2" 'BEGIN {
        srand(seed)
        for (i = 0; i < n; i++)
            printf "u%d-%d\t%d.%d.%d.%d\t%06d\n\n", seed, rand() * 1e9, 1 + rand() * 220, rand() * 256,
                rand() * 256, rand() * 256, rand() * 1e6
    }'
}

# test_flood POLICY ATTEMPTS MOST-BYTES STEP-OFFSET
# Of the bytes some 9,000,000 are SQLite's log: 2,000 pages until it is begun anew, and what comes meanwhile.
test_flood()
{
    local flood=$2 seed pids=() before middle after admitted from user=${abuse_names[2]}
    before=$(stack_store_size)
    for seed in 1 2 3 4; do
        flood_lines $seed $((flood / 4)) | abuse_pam "$1" >"$STACK_DIR/log/flood-$seed" &
        pids+=($!)
    done
    wait "${pids[@]}"
    middle=$(stack_store_size)
    admitted=$(cat "$STACK_DIR"/log/flood-? | grep -cvx 7)
    [ "$(cat "$STACK_DIR"/log/flood-? | wc -l)" -eq $flood ] && [ "$admitted" -eq 0 ] ||
        { echo "$admitted of $(cat "$STACK_DIR"/log/flood-? | wc -l) attempts were not denied"; return 1; }
    from=$(abuse_mark)
    # A second flood of the same size must not make it grow again.
    flood_lines 5 $((flood / 4)) | abuse_pam "$1" >/dev/null
    after=$(stack_store_size)
    echo "store: $before bytes, $middle after $flood attempts, $after after $((flood / 4)) more" >&3
    [ "$middle" -lt "$3" ] && [ "$after" -lt "$3" ] ||
        { echo "the store grows: $before, $middle, $after bytes"; return 1; }
    right "$user" "$4" && expect "$user" "$home" "$right" "0 granted"
}

exec 3>&1
# Longer than a slow machine takes to try once more.
first=6
STACK_EXTRA="throttle: {first: ${first}s}"
abuse_start || exit 1
stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
# Where no code is asked for, failures of unknown names are counted by name.
stack_policy off <<'END' && abuse_service off policy=off || exit 1
password: scram
code: off
END
abuse_users 4 || exit 1

check "after 3 failures refusals begin at once and grow" test_growth
check "another address of the same user is not refused" test_other_address
check "100 failures cap a user, but not from an address of recent success" test_cap
check_here "unlock lifts the cap" test_unlock
# Names are not kept where a code is asked for: a log's worth at most.
check "$flood unknown names from random addresses: the store stays small, a real user logs in" \
    test_flood code $flood 12000000 0
check "the same where no code is asked for" test_flood off $((flood / 5)) 12000000 1
report_end
