# shellcheck shell=bash
# shellcheck disable=SC2034 # its variables are for the scripts that source it
# abuse.sh - what the scripts share that mistreat the daemon: PAM alone, many users, their codes.
# Sourced after stack.sh and report.sh (bash, root).
#
#   abuse_start          stack_start, with a PAM folder of its own ($abuse_pam) and the driver race_pam
#   abuse_users N        N more users bench000000.. with one active token each, written through the engine;
#                        sets abuse_secret[NAME] (hex) and abuse_names (all of them, in order)
#   abuse_codes STEP NAME...   sets abuse_code[NAME] to the code of that step
#   abuse_pam SERVICE    race_pam as user postgres: attempts on stdin, PAM codes on stdout (race_pam.c)
#   abuse_service SERVICE [MODULE-ARGUMENT...]   a PAM service in that folder
#   abuse_now_step       prints the step of this moment
#   abuse_events FROM [JQ-FILTER]   the login events from line FROM on
#   abuse_mark           prints the number of the line that the next event will have
#   check_here NAME CMD...   as check of report.sh, but in this shell: stack_code keeps its state there

# For stack_policy: the code is all there is to check.
abuse_code_policy='password: none
check_role: false'

declare -A abuse_secret=() abuse_code=()
declare -a abuse_names=()

abuse_start()
{
    STACK_CLIENTS=${STACK_CLIENTS:-postgres} stack_start || return 1
    abuse_confdir=$STACK_DIR/pam.d
    mkdir "$abuse_confdir"
    "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 \
        "$PGSIGNET_BUILD/tests/integration/race_pam" "$STACK_BIN/race_pam" &&
        "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 "$PGSIGNET_BUILD/tests/bench/seed" \
            "$STACK_BIN/seed" && abuse_service default
}

abuse_service()
{
    local service=$1
    shift
    printf '%s required %s\n' auth "$STACK_MODULE socket=$STACK_SOCKET $*" account \
        "$STACK_MODULE socket=$STACK_SOCKET $*" >"$abuse_confdir/$service"
}

abuse_pam()
{
    # From / because the caller's folder may be closed to that user.
    (cd / && exec runuser -u postgres -- "$STACK_BIN/race_pam" "$abuse_confdir" "$1")
}

abuse_users()
{
    local pool=$STACK_DIR/etc/pool name hex
    "$STACK_BIN/seed" users "$1" >"$pool" && chgrp pgsignet "$pool" && chmod 640 "$pool" &&
        (cd / && runuser -u pgsignet -- "$STACK_BIN/seed" pgsignet "$STACK_CONFIG" "$pool") || return 1
    while read -r name hex; do
        abuse_secret["$name"]=$hex
        abuse_names+=("$name")
    done <"$pool"
    rm -f "$pool"
}

abuse_now_step()
{
    echo $((EPOCHSECONDS / 30))
}

abuse_codes()
{
    local step=$1 name
    shift
    for name in "$@"; do
        abuse_code["$name"]=$(printf '%s\n' "${abuse_secret["$name"]}" |
            oathtool --totp --now="@$((step * 30))" -) || return 1
    done
}

abuse_mark()
{
    echo $(($(wc -l <"$STACK_AUDIT") + 1))
}

abuse_events()
{
    tail -n "+$1" "$STACK_AUDIT" | jq -c 'select(.event == "login")' | jq -r "${2:-.}"
}

check_here()
{
    local name=$1 output=$STACK_DIR/log/check
    shift
    if "$@" >"$output" 2>&1; then
        ok "$name"
    else
        not_ok "$name" "$(tail -n 40 "$output")"
    fi
}
