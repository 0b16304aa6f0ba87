#!/usr/bin/env bash
# One code, one guess: of many at one instant exactly one gets in, and at most one tries a password.
# time: 600
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

rounds=${RACE_ROUNDS:-200}
crowds=${RACE_CROWDS:-5}
crowd=32
racers=16
guessed=10
[ -z "${PGSIGNET_SOAK-}" ] || rounds=2000

# Prints racers lines of one and the same attempt, and the end of the group.
same_attempt()
{
    local i
    for ((i = 0; i < racers; i++)); do
        printf '%s\t%s\t%s\n' "$1" "$2" "$3"
    done
    echo
}

count_successes()
{
    awk '{ for (i = 1; i <= NF; i++) n += $i == 0 } END { print n + 0 }'
}

test_one_code()
{
    local first name bad=0 groups=0 line batch=20 names from
    from=$(abuse_mark)
    for ((first = 0; first < rounds; first += batch)); do
        names=("${abuse_names[@]:first:batch}")
        # The next step: right now and for half a minute at least.
        abuse_codes $(($(abuse_now_step) + 1)) "${names[@]}" || return 1
        while read -r line; do
            groups=$((groups + 1))
            [ "$(count_successes <<<"$line")" -eq 1 ] || { bad=$((bad + 1)); echo "round $groups: $line"; }
        done < <(for name in "${names[@]}"; do
            same_attempt "$name" 192.0.2.1 "${abuse_code["$name"]}"
        done | abuse_pam race)
    done
    [ "$groups" -eq "$rounds" ] || { echo "only $groups rounds were run"; return 1; }
    [ "$(abuse_events "$from" 'select(.reason == "granted") | .user' | sort -u | wc -l)" -eq "$rounds" ] ||
        { echo "not every round's success has its event"; return 1; }
    [ "$(abuse_events "$from" .id | sort -u | wc -l)" -eq $((rounds * racers)) ] ||
        { echo "not every attempt has its event"; return 1; }
    [ "$bad" -eq 0 ]
}

test_crowd()
{
    local round name names line first=$rounds bad=0
    for ((round = 0; round < crowds; round++, first += crowd)); do
        names=("${abuse_names[@]:first:crowd}")
        abuse_codes $(($(abuse_now_step) + 1)) "${names[@]}" || return 1
        line=$(for name in "${names[@]}"; do
            printf '%s\t192.0.2.2\t%s\n' "$name" "${abuse_code["$name"]}"
        done | abuse_pam race)
        [ "$(count_successes <<<"$line")" -eq "$crowd" ] || { bad=1; echo "round $round: $line"; }
    done
    [ "$bad" -eq 0 ]
}

# 16 psql at once with one code.
test_psql()
{
    local round i won jobs bad=0
    for ((round = 0; round < 4; round++)); do
        stack_code alice 30 || return 1
        # By their ids: the daemon is a job of this shell as well.
        jobs=()
        for ((i = 0; i < racers; i++)); do
            stack_psql alice "PW-alice$STACK_CODE" >"$STACK_DIR/log/psql-$i" 2>&1 &
            jobs+=($!)
        done
        wait "${jobs[@]}"
        won=$(cat "$STACK_DIR/log"/psql-* | grep -cx alice)
        [ "$won" -eq 1 ] || { bad=1; echo "round $round: $won let in"; }
        stack_mfa unlock alice >/dev/null
    done
    [ "$bad" -eq 0 ]
}

# One right code, sixteen guesses at the password: how many passwords were looked at?
test_guesses()
{
    local name i from tried line bad=0
    for name in "${abuse_names[@]:rounds + crowds * crowd}"; do
        abuse_codes $(($(abuse_now_step) + 1)) "$name" || return 1
        from=$(abuse_mark)
        # Each from an address of its own, so that no throttle helps.
        line=$(for ((i = 0; i < racers; i++)); do
            printf '%s\t192.0.2.%d\tguess-%d-%s\n' "$name" "$i" "$i" "${abuse_code["$name"]}"
        done | abuse_pam default)
        tried=$(abuse_events "$from" 'select(.factors.password == "wrong") | .reason')
        [ "$(count_successes <<<"$line")" -eq 0 ] && [ "$tried" = password-wrong ] &&
            [ "$(abuse_events "$from" 'select(.reason == "code-used") | .id' | wc -l)" -eq $((racers - 1)) ] ||
            { bad=1; echo "$name: $line"; abuse_events "$from" '.reason + " " + (.factors | tostring)'; }
    done
    [ "$bad" -eq 0 ]
}

abuse_start || exit 1
stack_policy race <<<"$abuse_code_policy" && abuse_service race policy=race || exit 1
abuse_users $((rounds + crowds * crowd + guessed)) || exit 1
for name in "${abuse_names[@]:rounds + crowds * crowd}"; do
    stack_person "$name" "PW-$name" dba || exit 1
done
stack_role alice && stack_enroll alice || exit 1

check "$racers processes with one right code at one instant: exactly one success in each of $rounds rounds" \
    test_one_code
check "$crowd users at one instant, each with a right code: all get in, $crowds rounds" test_crowd
check_here "$racers psql at one instant with one password and code: exactly one is let in" test_psql
check "one right code and $racers passwords at one instant: one password is looked at, no more" test_guesses
report_end
