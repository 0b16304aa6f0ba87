#!/usr/bin/env bash
# kill -9 of workers, of the master and of pgsignet-mfa at random instants: nothing lost, nothing revived.
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

rounds=${KILL_ROUNDS:-200}
[ -z "${PGSIGNET_SOAK-}" ] || rounds=2000
abreast=16 # logins at a time: more than there are workers
PGSIGNET_KILL_SEED=${PGSIGNET_KILL_SEED:-$((EPOCHSECONDS % 32768))}
RANDOM=$PGSIGNET_KILL_SEED

mistakes=0
wrong()
{
    mistakes=$((mistakes + 1))
    printf '%s\n' "$*" >>"$STACK_DIR/log/mistakes"
}

# A random instant within the next $1 us, to the microsecond: a program's start would take longer.  Not
# waiting for anything: this is the abuse itself.
random_pause()
{
    local now=${EPOCHREALTIME/./}
    local until=$((now + (RANDOM * 32768 + RANDOM) % $1))
    while [ "${EPOCHREALTIME/./}" -lt "$until" ]; do :; done
}

find_workers()
{
    mapfile -t workers < <(pgrep -P "$STACK_DAEMON")
}

kill_workers()
{
    [ ${#workers[@]} -eq 0 ] ||
        kill -KILL "${workers[RANDOM % ${#workers[@]}]}" "${workers[RANDOM % ${#workers[@]}]}" 2>/dev/null
}

# --- the login loop --------------------------------------------------------------------------------

# One group through the driver, which lives as long as this script: sets answers.
start_group()
{
    printf '%s\n' "$@" '' >&"${driver[1]}"
}

end_group()
{
    read -r -t 60 -a answers <&"${driver[0]}" || { wrong "no answer within 60 s"; return 1; }
}

# The codes of the next users, made when they are used: a slow machine's rounds outlast a code.
take_users()
{
    local name
    abuse_codes $(($(abuse_now_step) + 1)) "${abuse_names[@]:cursor:abreast}" || return 1
    lines=()
    for name in "${abuse_names[@]:cursor:abreast}"; do
        lines+=("$name"$'\t'192.0.2.1$'\t'"${abuse_code["$name"]}")
    done
    cursor=$((cursor + abreast))
}

# What was accepted must not be accepted again; what was not answered must not be accepted twice.
replay()
{
    local i began again=() before=("${answers[@]}")
    for i in "${!lines[@]}"; do
        again+=("${lines[i]/192.0.2.1/192.0.2.2}")
    done
    began=${EPOCHREALTIME/./}
    start_group "${again[@]}" && end_group || return 1
    group_span=$((${EPOCHREALTIME/./} - began)) # nobody was killed
    for i in "${!lines[@]}"; do
        logins=$((logins + (before[i] == 0)))
        refused=$((refused + (before[i] != 0)))
        [ "${before[i]}" != 0 ] || [ "${answers[i]}" != 0 ] || wrong "accepted twice: ${lines[i]}"
        case ${before[i]} in
            0 | 9) ;;
            *) wrong "answered ${before[i]}: ${lines[i]}" ;;
        esac
        # The code of a login that was not answered may be good still, once.
        [ "${answers[i]}" != 0 ] || unanswered+=("${again[i]/192.0.2.2/192.0.2.3}")
    done
    if [ ${#unanswered[@]} -gt 0 ]; then
        start_group "${unanswered[@]}" '' && end_group || return 1
        for i in "${!unanswered[@]}"; do
            [ "${answers[i]}" != 0 ] || wrong "accepted twice after no answer: ${unanswered[i]}"
        done
        unanswered=()
    fi
}

# --- pgsignet-mfa ----------------------------------------------------------------------------------

totp_now()
{
    stack_totp "$1" $(($(abuse_now_step) + $2))
}

# Runs pgsignet-mfa and kills it at a random instant; sets survived if it had ended well before.
kill_mfa()
{
    local pid
    : >"$STACK_DIR/log/killed.out" # by us: who is killed early has not emptied it
    "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" "$@" >"$STACK_DIR/log/killed.out" 2>&1 &
    pid=$!
    random_pause "$mfa_span"
    kill -KILL "$pid" 2>/dev/null
    survived=
    if wait "$pid" 2>/dev/null; then survived=yes; fi
    stack_store_settles || wrong "the store's server does not notice the end of pgsignet-mfa $*"
}

# "" when there is none; "unlisted" when nothing can be said of it.
token_state()
{
    local list tries=0
    until list=$(stack_mfa list --json 2>"$STACK_DIR/log/list.err"); do
        echo "a list of tokens failed: $(cat "$STACK_DIR/log/list.err")" >&3
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || { echo unlisted; return; }
    done
    jq -r --arg user "$1" '.. | objects | select(.user? == $user) | .state' <<<"$list"
}

abuse_enroll()
{
    local secret
    kill_mfa enroll --json --no-confirm -- "$1"
    secret=$(jq -r '.secret // empty' <"$STACK_DIR/log/killed.out" 2>/dev/null)
    [ -z "$survived" ] || [ -n "$secret" ] || wrong "$1: enrolled without a secret"
    # Pending: it admits nobody, even if its secret was shown.
    [ -z "$secret" ] || half_made+=("$1"$'\t'192.0.2.1$'\t'"$(totp_now "$secret" 0)")
}

# enroll USER: sets secret, and how long a pgsignet-mfa takes that is not killed, and some more
enroll()
{
    local began=${EPOCHREALTIME/./}
    secret=$(stack_mfa enroll --json --no-confirm -- "$1" 2>/dev/null | jq -r .secret)
    mfa_span=$(((${EPOCHREALTIME/./} - began) * 5 / 4))
}

abuse_confirm()
{
    local secret state
    enroll "$1"
    kill_mfa confirm -- "$1" < <(totp_now "$secret" 0)
    state=$(token_state "$1")
    case $survived$state in
        yesactive | active) confirmed["$1"]=$secret ;;
        pending) half_made+=("$1"$'\t'192.0.2.1$'\t'"$(totp_now "$secret" 1)") ;;
        *) wrong "$1: confirm ${survived:-was killed}, and its token is ${state:-gone}" ;;
    esac
}

abuse_remove()
{
    local secret state
    enroll "$1"
    totp_now "$secret" 0 | stack_mfa confirm -- "$1" >/dev/null 2>&1 || wrong "$1: confirm failed"
    kill_mfa remove --yes -- "$1"
    state=$(token_state "$1")
    case $survived$state in
        active) confirmed["$1"]=$secret ;;
        yes | '') half_made+=("$1"$'\t'192.0.2.1$'\t'"$(totp_now "$secret" 1)") ;;
        *) wrong "$1: remove ${survived:-was killed}, and its token is $state" ;;
    esac
}

# --- the rounds ------------------------------------------------------------------------------------

declare -A confirmed=()
half_made=() unanswered=() lines=() answers=()
cursor=0 logins=0 refused=0 survived='' workers=()
# Kills come within these, in microseconds: they follow the machine, so that they hit something on any.
group_span=15000 mfa_span=25000

run_rounds()
{
    local round kinds=(abuse_enroll abuse_confirm abuse_remove)
    for ((round = 0; round < rounds; round++)); do
        take_users || return 1
        find_workers
        start_group "${lines[@]}"
        if [ $((round % 2)) -eq 0 ]; then
            random_pause "$group_span"
            kill_workers
        else
            "${kinds[round / 2 % 3]}" "cli$round"
        fi
        end_group && replay || return 1
    done
    printf '%d logins went in, %d were not answered\n' "$logins" "$refused" >&3
    [ "$mistakes" -eq 0 ] || { cat "$STACK_DIR/log/mistakes"; return 1; }
    [ "$logins" -gt $((rounds * abreast / 2)) ] || { echo "only $logins logins went in"; return 1; }
}

# judge LINE: one login, again while it is not judged: UNAVAILABLE proves nothing, and burns no code.
judge()
{
    local tries
    for ((tries = 0; tries < 20; tries++)); do
        start_group "$1" && end_group || return 1
        [ "${answers[0]}" = 9 ] || break
    done
}

test_half_made()
{
    local line
    [ ${#half_made[@]} -gt 0 ] || { echo "none was made"; return 1; }
    for line in "${half_made[@]}"; do
        judge "$line" || return 1
        [ "${answers[0]}" = 7 ] || wrong "a half-made or removed token: answer ${answers[0]} to $line"
    done
    [ "$mistakes" -eq 0 ] || { cat "$STACK_DIR/log/mistakes"; return 1; }
}

test_confirmed()
{
    local user
    [ ${#confirmed[@]} -gt 0 ] || { echo "none was confirmed"; return 1; }
    for user in "${!confirmed[@]}"; do
        judge "$user"$'\t'192.0.2.1$'\t'"$(totp_now "${confirmed["$user"]}" 1)" || return 1
        [ "${answers[0]}" = 0 ] || wrong "$user: a confirmed token is refused with ${answers[0]}"
    done
    [ "$mistakes" -eq 0 ] || { cat "$STACK_DIR/log/mistakes"; return 1; }
}

# Everybody's token of before: none lost, and one of the users logs in.  The store was never taken for a
# restored one.
test_store()
{
    local said
    if [ "${STACK_STORE_ENGINE:-sqlite}" = sqlite ]; then
        said=$(cd / && runuser -u pgsignet -- sqlite3 "$STACK_STORE" \
            'PRAGMA integrity_check; PRAGMA foreign_key_check;
             SELECT count(*) FROM token WHERE state = 1 AND name = "bench"; SELECT floor_s FROM store') || return 1
    else
        said=ok$'\n'$(stack_store_sql "SELECT count(*) FROM pgsignet_mfa.token
            WHERE state = 1 AND name = 'bench'; SELECT floor_s FROM pgsignet_mfa.state") || return 1
    fi
    [ "$said" = "ok"$'\n'"${#abuse_names[@]}"$'\n'0 ] || { echo "$said"; return 1; }
    stack_mfa fsck
}

# The lock of a master that was killed must not keep its successor away, even if a worker is stuck.
test_master()
{
    local name=${abuse_names[cursor]} stuck from said
    stuck=$(pgrep -P "$STACK_DAEMON" | head -n 1)
    kill -STOP "$stuck"
    stack_daemon_stop KILL
    from=$(($(wc -l <"$STACK_DAEMON_LOG") + 1))
    stack_daemon_start || { kill -KILL "$stuck"; return 1; }
    abuse_codes $(($(abuse_now_step) + 1)) "$name"
    said=$(printf '%s\t192.0.2.1\t%s\n' "$name" "${abuse_code["$name"]}" | abuse_pam code)
    kill -KILL "$stuck"
    [ "$said" = 0 ] || { echo "PAM says $said"; tail -n "+$from" "$STACK_DAEMON_LOG"; return 1; }
}

test_no_leftovers()
{
    local left
    left=$(find "$STACK_DIR/lib" "$STACK_DIR/etc" -newer "$STACK_DIR/log/init.log" -type f |
        grep -v -e '/store\.db\(-wal\|-shm\|-witness\)\?$' -e '/pgsignet\.yaml$')
    [ -z "$left" ] || { echo "$left"; return 1; }
}

exec 3>&1
echo "seed: PGSIGNET_KILL_SEED=$PGSIGNET_KILL_SEED"
STACK_WORKERS=8 abuse_start || exit 1
STACK_WORKERS=8 stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
abuse_users $((rounds * abreast + 1)) || exit 1
coproc driver { abuse_pam code; }

check_here "kill -9 of workers and pgsignet-mfa, $rounds rounds: no code is accepted twice" run_rounds
check_here "no half-made or removed token admits" test_half_made
check_here "every confirmed token still works" test_confirmed
check "the store is whole, with the tokens of everybody" test_store
check "no file is left behind" test_no_leftovers
check_here "kill -9 of the master, with a worker stuck: its successor serves at once" test_master
report_end
