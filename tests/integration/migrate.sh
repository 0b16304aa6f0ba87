#!/usr/bin/env bash
# A store of 10,000 users moves to PostgreSQL, back and there while people log in: none refused, no code twice.
# time: 900
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap migrate_stop EXIT
trap 'exit 130' INT TERM HUP

people=${MIGRATE_USERS:-10000}
[ -z "${PGSIGNET_SOAK-}" ] || people=${MIGRATE_USERS:-100000}
in_loop=8000 # of them log in; the others must come out as they went in
kills=6
abreast=16
denied=7 unavailable=9 # of PAM
loop_pid=
PGSIGNET_KILL_SEED=${PGSIGNET_KILL_SEED:-$((EPOCHSECONDS % 32768))}
RANDOM=$PGSIGNET_KILL_SEED

migrate_stop()
{
    [ -z "$loop_pid" ] || { touch "$STACK_DIR/stop" && wait "$loop_pid"; }
    stack_stop
}

now_ms()
{
    echo $((${EPOCHREALTIME/./} / 1000))
}

# --- the logins ------------------------------------------------------------------------------------

wrong()
{
    printf '%s\n' "$*" >>"$STACK_DIR/loop/wrong"
}

# group LINE...: one attempt each at one instant; sets answers
group()
{
    printf '%s\n' "$@" '' >&"${driver[1]}"
    read -r -t 60 -a answers <&"${driver[0]}" || wrong "no answer within 60 s"
}

# judge_group NAME...: a code of each until it is judged, then once more from elsewhere.
judge_group()
{
    local pending=("$@") answers=() left lines i name step='' granted=()
    while [ ${#pending[@]} -gt 0 ]; do
        # UNAVAILABLE may last longer than a code is good: whoever was not judged then shows his next one.
        if [ "$step" != "$(abuse_now_step)" ]; then
            step=$(abuse_now_step)
            abuse_codes $((step + 1)) "${pending[@]}"
        fi
        lines=()
        for name in "${pending[@]}"; do
            lines+=("$name"$'\t'192.0.2.1$'\t'"${abuse_code["$name"]}")
        done
        # A lone line would be tried in the driver itself.
        group "${lines[@]}" $'nobody-there\t192.0.2.3\t000000'
        left=()
        for i in "${!lines[@]}"; do
            case ${answers[i]-} in
                0) granted+=("${lines[i]}") ;;
                "$unavailable")
                    left+=("${pending[i]}")
                    now_ms >>"$STACK_DIR/loop/unavailable"
                    ;;
                *) wrong "a right code is answered ${answers[i]-nothing}: ${lines[i]}" ;;
            esac
        done
        pending=("${left[@]}")
        [ ! -e "$STACK_DIR/stop" ] || break
    done
    [ ${#granted[@]} -gt 0 ] || return 0
    printf '%s\n' "${granted[@]}" >>"$STACK_DIR/loop/granted"
    group "${granted[@]/192.0.2.1/192.0.2.2}" $'nobody-there\t192.0.2.3\t000000'
    for i in "${!granted[@]}"; do
        [ "${answers[i]-}" != 0 ] || wrong "accepted twice: ${granted[i]}"
    done
}

# Until the file `stop` is there; goes through the users in order, from number $1 on.
logins()
{
    local at=$1 driver=()
    coproc driver { abuse_pam code; }
    while [ ! -e "$STACK_DIR/stop" ] && [ $((at + abreast)) -le $in_loop ]; do
        judge_group "${abuse_names[@]:at:abreast}"
        at=$((at + abreast))
        echo "$at" >"$STACK_DIR/loop/at"
    done
    [ -e "$STACK_DIR/stop" ] || wrong "there are no more users: the migration takes too long"
}

# What the old store accepted last, after the most of it was copied, the new one does not accept.
try_again()
{
    local last=$((closed_at > 600 ? closed_at - 600 : 1)) again
    again=$(sed -n "$last,${closed_at}p" "$STACK_DIR/loop/granted" | sed 's/192\.0\.2\.1\b/192.0.2.4/; 0~20G' |
        abuse_pam code | tr ' ' '\n' | sort | uniq -c | tr -s ' ')
    [ "$again" = " $((closed_at - last + 1)) $denied" ] || { echo "codes of the old store on the new one:$again"; return 1; }
}

loop_start()
{
    rm -f "$STACK_DIR/stop" "$STACK_DIR"/loop/*
    mkdir -p "$STACK_DIR/loop"
    touch "$STACK_DIR/loop/granted" "$STACK_DIR/loop/unavailable" "$STACK_DIR/loop/wrong"
    logins "$loop_at" 3>&- &
    loop_pid=$!
    loop_reaches 200
}

# loop_reaches N: until N logins were granted
loop_reaches()
{
    local tries=0
    until [ "$(wc -l <"$STACK_DIR/loop/granted")" -ge "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1800 ] && kill -0 "$loop_pid" || { cat "$STACK_DIR/loop/wrong"; return 1; }
        sleep 0.1
    done
}

loop_end()
{
    loop_reaches $(($(wc -l <"$STACK_DIR/loop/granted") + 200)) || return 1
    touch "$STACK_DIR/stop"
    wait "$loop_pid"
    loop_pid=
    loop_at=$(cat "$STACK_DIR/loop/at")
    loop_granted=$(wc -l <"$STACK_DIR/loop/granted")
    [ ! -s "$STACK_DIR/loop/wrong" ] || { sort "$STACK_DIR/loop/wrong" | uniq -c | head -n 20; return 1; }
    try_again || return 1
    # By the events of both stores: a user has one token, and a code of it was tried by this loop alone.
    [ -z "$(cut -f 1 "$STACK_DIR/loop/granted" | sort | uniq -d)" ] || { echo "granted twice"; return 1; }
}

# --- the migration ---------------------------------------------------------------------------------

# target YAML: the configuration that names the new store
target()
{
    to=$STACK_DIR/etc/to.yaml
    (STACK_CONFIG=$to STACK_STORE_YAML=$1 && stack_write_config)
    STACK_STORE_YAML=$1
}

reload()
{
    cp -p "$to" "$STACK_CONFIG" && kill -HUP "$STACK_DAEMON"
}

# Everybody who does not log in meanwhile, with all that is known of him.
others()
{
    stack_mfa list --json | jq -c --arg last "${abuse_names[in_loop]}" '.[] | select(.user >= $last)' | sort
    for name in tim lena rick; do
        stack_mfa show --json $name
    done | jq -c 'del(.refused_addresses, .refused_until, .addresses[].refused_until)'
    stack_mfa breakglass list --json | jq -c .
}

# run_migration TAKEN-LIMIT: what migrate prints is kept
run_migration()
{
    local began
    began=$(now_ms)
    stack_mfa --json migrate --to "$to" >"$STACK_DIR/log/migrated" 2>"$STACK_DIR/log/migrate" ||
        { cat "$STACK_DIR/log/migrate"; return 1; }
    took=$(($(now_ms) - began))
}

# told WHERE: what it was like, on the script's own output
told()
{
    local n first last
    n=$(wc -l <"$STACK_DIR/loop/unavailable")
    first=$(head -n 1 "$STACK_DIR/loop/unavailable")
    last=$(tail -n 1 "$STACK_DIR/loop/unavailable")
    echo "$1: $people users in $took ms, closed for $(jq .closed_ms "$STACK_DIR/log/migrated") ms," \
        "$(jq .caught_up "$STACK_DIR/log/migrated") rows caught up; $loop_granted logins, $n answers" \
        "UNAVAILABLE within $((${last:-0} - ${first:-0})) ms" >&3
}

test_there()
{
    local reloaded
    others >"$STACK_DIR/log/before"
    target "$(stack_store_yaml postgresql)" || return 1
    loop_start && run_migration || return 1
    closed_at=$(wc -l <"$STACK_DIR/loop/granted")
    reload
    reloaded=$(now_ms)
    loop_end || return 1
    told "SQLite to PostgreSQL"
    jq -e ".users >= $people and .caught_up > 0 and (.resumed | not)" "$STACK_DIR/log/migrated" || return 1
    # Only while the old configuration named the closed store, and what a slow machine takes to read the new one.
    [ "$(tail -n 1 "$STACK_DIR/loop/unavailable")" -lt $((reloaded + 15000)) ] 2>/dev/null ||
        [ ! -s "$STACK_DIR/loop/unavailable" ] || { echo "UNAVAILABLE long after the reload"; return 1; }
    [ "$(stack_store_sql 'SELECT count(*) FROM pgsignet_mfa.user')" -ge "$people" ]
}

# Not stack_mfa in the background: $! would be the shell of the function, and its death leave the program.
migrate_killed()
{
    local pid ms
    "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" --json migrate --to "$to" \
        >"$STACK_DIR/log/migrated" 2>"$STACK_DIR/log/migrate" &
    pid=$!
    ms=$(((took * RANDOM / 65536) >> (RANDOM % 4))) # early ones too: the first instants have the most steps
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))" # the abuse itself: any instant
    kill -KILL "$pid" 2>/dev/null
    ! wait "$pid" 2>/dev/null || return 1
    # Until then its lock is held, and the next is told that another is at work.
    stack_store_settles
}

# Killed at any instant, it is gone on with, and of two at a time one is refused; nobody is told a wrong
# thing meanwhile.
abused()
{
    local killed=0 done=0 rival
    loop_start || return 1
    while [ $killed -lt $kills ] && [ $done -eq 0 ]; do
        if migrate_killed; then killed=$((killed + 1)); else done=1; fi
    done
    stack_mfa --json migrate --to "$to" >"$STACK_DIR/log/rival" 2>"$STACK_DIR/log/rival.err" &
    rival=$!
    run_migration >/dev/null && done=$((done + 1))
    wait $rival && done=$((done + 1))
    closed_at=$(wc -l <"$STACK_DIR/loop/granted")
    # One that was to be killed may have come to its end.
    cat "$STACK_DIR/log/rival.err" >>"$STACK_DIR/log/migrate"
    [ $done -eq 1 ] && ! grep -v -e 'nothing is left to do' -e 'is at work on this store' "$STACK_DIR/log/migrate" ||
        { echo "$done of two came to their end"; cat "$STACK_DIR/log/migrate"; return 1; }
    [ -s "$STACK_DIR/log/migrated" ] || cp "$STACK_DIR/log/rival" "$STACK_DIR/log/migrated"
    [ -s "$STACK_DIR/log/migrated" ] || echo '{"closed_ms": 0, "caught_up": 0}' >"$STACK_DIR/log/migrated"
    reload
    loop_end || return 1
    told "$1, killed $killed times"
}

test_back()
{
    target "{path: $STACK_DIR/lib/back.db}" && abused "PostgreSQL to SQLite"
}

# Into the store that was closed before.
test_there_again()
{
    target "$(stack_store_yaml postgresql)" && abused "SQLite to PostgreSQL"
}

test_others()
{
    others >"$STACK_DIR/log/after"
    [ "$(wc -l <"$STACK_DIR/log/before")" -gt $((people - in_loop)) ] || return 1
    diff "$STACK_DIR/log/before" "$STACK_DIR/log/after" && stack_mfa fsck | tail -n 3
}

# expect USER ADDRESS SECRET CODE-AND-REASON
expect()
{
    local from said
    from=$(abuse_mark)
    said=$(printf '%s\t%s\t%s\n' "$1" "$2" "$3" | abuse_pam code)
    said="$said $(abuse_events "$from" .reason)"
    [ "$said" = "$4" ] || { echo "$1 from $2: $said, expected $4"; return 1; }
}

test_state()
{
    local STACK_CODE
    stack_code tim && expect tim 198.51.100.1 "$STACK_CODE" "$denied throttled" &&
        expect tim 192.0.2.1 "$STACK_CODE" "0 granted" && stack_code lena &&
        expect lena 192.0.2.1 "$STACK_CODE" "$denied locked" &&
        expect rick 192.0.2.1 "${recovery[0]}" "$denied code-used" &&
        expect rick 192.0.2.1 "${recovery[1]}" "0 granted" &&
        expect rescue 192.0.2.1 "$passphrase" "0 granted-break-glass"
}

test_old_is_closed()
{
    ! "$STACK_BIN/pgsignet-mfa" --config "$STACK_DIR/etc/old.yaml" lock tim --reason left 2>"$STACK_DIR/log/said" &&
        grep -q 'closed by a migration' "$STACK_DIR/log/said" || { cat "$STACK_DIR/log/said"; return 1; }
    ! "$STACK_BIN/pgsignet-mfa" --config "$STACK_DIR/etc/old.yaml" migrate --to "$STACK_DIR/etc/to.yaml" \
        2>"$STACK_DIR/log/said" || return 1
    grep -q 'nothing is left to do' "$STACK_DIR/log/said" || { cat "$STACK_DIR/log/said"; return 1; }
}

exec 3>&1
echo "seed: PGSIGNET_KILL_SEED=$PGSIGNET_KILL_SEED"
unset STACK_STORE_ENGINE
STACK_EXTRA='throttle: {first: 15m}' # whoever is refused is so to the end
abuse_start && stack_store_make || exit 1
STACK_STORE_YAML=$(stack_store_yaml sqlite)
stack_policy code <<<"$abuse_code_policy" && abuse_service code policy=code || exit 1
abuse_users "$people" || exit 1
# One of each kind: throttled, locked, with recovery codes of which one is used, break glass.
for user in tim lena rick; do
    stack_enroll $user || exit 1
done
for ((i = 0; i < 4; i++)); do
    expect tim 198.51.100.1 wrong "$denied code-wrong" >/dev/null
done
stack_mfa lock lena --reason left >/dev/null || exit 1
mapfile -t recovery < <(stack_mfa recovery rick --json | jq -r '.codes[]')
expect rick 192.0.2.1 "${recovery[0]}" "0 granted" || exit 1
passphrase=$(stack_mfa breakglass create rescue | grep -oE '([a-z]{5}-){5}[a-z]{5}')
stack_mfa breakglass arm rescue --reason "a test" --for 4h >/dev/null || exit 1
cp -p "$STACK_CONFIG" "$STACK_DIR/etc/old.yaml"

loop_at=0 took=2000
check_here "SQLite to PostgreSQL: logins go on, none is refused, no code counts on both" test_there
check_here "PostgreSQL to SQLite, killed again and again: the same" test_back
check_here "SQLite to PostgreSQL once more, killed again and again: the same" test_there_again
check_here "everybody else came through as he was" test_others
check_here "failures, locks, recovery codes and break glass came along" test_state
check_here "the old stores take no changes" test_old_is_closed
report_end
