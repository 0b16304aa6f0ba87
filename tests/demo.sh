#!/usr/bin/env bash
# demo.sh - real psql logins through pgsignet against throw-away servers.  Run by ./setup demo, which has
# installed, built, and said what is touched outside the demo's folder.
#
# Usage: demo.sh [--keep]      demo.sh --clean DIR
set -uo pipefail
export LC_ALL=C.UTF-8

PGSIGNET_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck source=tests/integration/stack.sh
. "$PGSIGNET_SRC/tests/integration/stack.sh"
STACK_SERVICE=pgsignet-demo
keep=
dir=

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi

fail()
{
    printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
    exit 1
}

title()
{
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

command_line()
{
    printf '  %s$ %s%s\n' "$dim" "$*" "$plain"
}

# --- cleaning up -----------------------------------------------------------------------------------

cleanup()
{
    trap '' INT TERM HUP
    [ -n "$dir" ] || return 0
    if [ -n "$keep" ] && [ "$keep" = kept ]; then
        return 0
    fi
    title "Cleaning up"
    stack_stop
    rm -rf "$dir"
    echo "  servers stopped; $dir and /etc/pam.d/$STACK_SERVICE removed"
    if [ -n "$STACK_USER_MADE" ]; then
        userdel pgsignet && echo "  system user pgsignet removed"
    fi
}

# What --clean needs; root's, so that nobody else can choose what root will end and remove.
write_state()
{
    (
        umask 077
        printf '%s\n' "daemon $STACK_DAEMON" "slapd $SLAPD_PID" "data $PG_DATA" \
            "user ${STACK_USER_MADE:-no}" >"$dir/demo.state"
    )
}

# Only a process that still is what it was: it has the demo's folder on its command line.
end_process()
{
    local tries=0
    tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$dir/" || return 0
    kill -TERM "$1"
    while kill -0 "$1" 2>/dev/null && [ "$tries" -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
}

clean_kept()
{
    local key value user=no
    dir=$(realpath -e -- "$1" 2>/dev/null) || fail "there is no folder $1"
    [[ $dir == */pgsignet-demo.* ]] && [ -f "$dir/demo.state" ] &&
        [ "$(stat -c %u "$dir" "$dir/demo.state" | sort -u)" = 0 ] ||
        fail "$dir is not a folder that ./setup demo --keep left"
    while read -r key value; do
        case $key in
            daemon | slapd) end_process "$value" ;;
            data)
                pg_find_bin
                # shellcheck disable=SC2153 # set by pg_find_bin
                pg_run "$PG_BIN/pg_ctl" -s -D "$value" -w -m immediate stop 2>/dev/null
                ;;
            user) user=$value ;;
        esac
    done <"$dir/demo.state"
    rm -f "/etc/pam.d/$STACK_SERVICE"
    rm -rf "$dir"
    [ "$user" != yes ] || userdel pgsignet
    echo "Stopped the servers; removed $dir and /etc/pam.d/$STACK_SERVICE"
}

# --- steps -----------------------------------------------------------------------------------------

steps=0
wrong=()

# step TITLE USER SECRET REASON: one login, and what came back beside what should.
step()
{
    local what=$1 user=$2 secret=$3 expected=$4 output status=0 reason verdict=refused got before
    steps=$((steps + 1))
    [ "$expected" != granted ] || verdict=accepted
    title "Step $steps: $what"
    command_line "PGPASSWORD='$secret' psql 'host=127.0.0.1 port=$PG_PORT dbname=postgres user=$user" \
        "sslmode=verify-full sslrootcert=$PG_CA' -c 'SELECT session_user'"
    printf '  expected:  %s, audit reason %s\n' "$verdict" "$expected"
    before=$(wc -l <"$STACK_AUDIT")
    output=$(stack_psql "$user" "$secret" 'SELECT session_user' 2>&1) || status=$?
    # Exactly what this login added.
    reason=$(tail -n +$((before + 1)) "$STACK_AUDIT" | jq -r .reason)
    got=refused
    [ "$status" -ne 0 ] || got="accepted, session_user"
    printf '  came back: %s: %s | audit reason %s' "$got" "${output##*failed: }" "${reason:-none}"
    if [ "${got%%,*}" = "$verdict" ] && [ "$reason" = "$expected" ] &&
        { [ "$status" -ne 0 ] || [ "$output" = "$user" ]; }; then
        printf '  %sas expected%s\n' "$green" "$plain"
    else
        wrong+=("$steps")
        printf '  %sNOT AS EXPECTED%s\n' "$red" "$plain"
    fi
}

# Enrols as a person would: the QR code in the terminal, then a code typed to prove it.  The app's part is
# oathtool's.
enroll_shown()
{
    local user=$1 line secret='' typed='' fd_in fd_out pid status=0
    title "Enrolling $user"
    command_line "pgsignet-mfa --config $STACK_CONFIG enroll --name token1 $user"
    coproc ENROLL { stack_mfa enroll --name token1 -- "$user" 2>&1; }
    # shellcheck disable=SC2153 # coproc sets it
    pid=$ENROLL_PID
    exec {fd_out}<&"${ENROLL[0]}" {fd_in}>&"${ENROLL[1]}"
    eval "exec ${ENROLL[0]}<&- ${ENROLL[1]}>&-"
    while IFS= read -r line <&"$fd_out"; do
        printf '  %s\n' "$line"
        if [ -z "$secret" ] && [[ $line =~ otpauth://.*[?\&]secret=([A-Z2-7]+) ]]; then
            secret=${BASH_REMATCH[1]}
            stack_free_step 0
            typed=$(stack_totp "$secret" "$stack_next")
            printf '%s\n' "$typed" >&"$fd_in"
            exec {fd_in}>&-
        elif [ -z "$line" ] && [ -n "$typed" ]; then
            printf '  The code that the app shows, typed to prove it: %s\n\n' "$typed"
            typed=
        fi
    done
    wait "$pid" || status=$?
    exec {fd_out}<&-
    [ "$status" -eq 0 ] && [ -n "$secret" ] || fail "enrolling $user failed"
    stack_adopt "$user" token1 "$secret" "$stack_next"
}

start_servers()
{
    [ ! -e "/etc/pam.d/$STACK_SERVICE" ] ||
        fail "/etc/pam.d/$STACK_SERVICE exists: a demo is running, or was kept; see ./setup clean-demo"
    dir=$(mktemp -d /tmp/pgsignet-demo.XXXXXX) || exit 1
    title "Starting PostgreSQL, OpenLDAP and pgsignetd in $dir"
    stack_start "$dir" || fail "the servers did not start; see the messages above"
    command_line "cat /etc/pam.d/$STACK_SERVICE"
    sed 's/^/  /' "/etc/pam.d/$STACK_SERVICE"
    command_line "cat $PG_DATA/pg_hba.conf"
    sed 's/^/  /' "$PG_DATA/pg_hba.conf"
    command_line "cat $STACK_CONFIG"
    sed 's/^/  /' "$STACK_CONFIG"
}

create_roles()
{
    local user
    title "Creating roles"
    for user in alice bob dave erin grace; do
        command_line "psql -c 'CREATE ROLE $user LOGIN'"
        stack_role "$user" || fail "CREATE ROLE $user failed"
    done
    command_line "psql -c \"CREATE ROLE carol LOGIN VALID UNTIL '2020-01-01'\""
    stack_role carol "VALID UNTIL '2020-01-01'" || fail "CREATE ROLE carol failed"
    echo "  In LDAP alice, bob, carol and erin are in cn=dba; dave is not; erin is locked; all have the"
    echo "  password PW-NAME.  grace gets no token."
}

login_steps()
{
    local code
    stack_code alice && code=$STACK_CODE
    step "password and code" alice "PW-alice$code" granted
    step "the same code again" alice "PW-alice$code" code-used
    stack_wrong_code alice
    step "a wrong code" alice "PW-alice$STACK_CODE" code-wrong
    stack_code bob
    step "a wrong password, the code right" bob "guess$STACK_CODE" password-wrong
    stack_code bob
    step "password and code again" bob "PW-bob$STACK_CODE" granted
    step "the password without a code" bob PW-bob code-missing
    stack_code dave
    step "not in the group" dave "PW-dave$STACK_CODE" not-in-group
    stack_code erin
    step "disabled in LDAP" erin "PW-erin$STACK_CODE" account-locked
    stack_wrong_code grace
    step "not enrolled" grace "PW-grace$STACK_CODE" not-enrolled
    stack_code carol
    step "the role has expired (VALID UNTIL)" carol "PW-carol$STACK_CODE" role-expired
}

say_kept()
{
    local user
    for user in alice bob; do
        (umask 077 && printf '%s\n' "${stack_secret["$user/token1"]}" >"$dir/secret-$user")
    done
    write_state
    keep=kept
    title "The servers go on running.  To try by hand:"
    cat <<END
  the string to type at the password prompt is PW-alice followed by the code that this prints:
      oathtool --totp -b @$dir/secret-alice        (bob: @$dir/secret-bob)
  the login:
      psql 'host=127.0.0.1 port=$PG_PORT dbname=postgres user=alice sslmode=verify-full sslrootcert=$PG_CA'
  what was decided, and why:
      tail -f $STACK_AUDIT
  as superuser, without pgsignet (break-glass by local peer):
      psql -h $PG_SOCKET_DIR -p $PG_PORT -U postgres
  A code works once; the next one comes within 30 seconds.  When you are done:
      sudo ./setup clean-demo $dir
END
}

main()
{
    local user
    trap cleanup EXIT
    trap 'exit 130' INT TERM HUP
    start_servers
    create_roles
    enroll_shown alice
    enroll_shown bob
    title "Enrolling carol, dave and erin the same way, without showing it"
    for user in carol dave erin; do
        stack_enroll "$user" || fail "enrolling $user failed"
    done
    login_steps
    echo
    if [ ${#wrong[@]} -gt 0 ]; then
        printf '%sNot as expected: step %s of %s%s\n' "$red" "${wrong[*]}" "$steps" "$plain"
        echo "The end of $STACK_DAEMON_LOG:"
        tail -n 20 "$STACK_DAEMON_LOG" | sed 's/^/  /'
    fi
    [ -z "$keep" ] || say_kept
    [ ${#wrong[@]} -eq 0 ] || exit 1
    # The last line, after what cleaning up has to say.
    cleanup
    dir=
    printf '\n%sAll %s steps as expected%s\n' "$green" "$steps" "$plain"
}

case ${1-} in
    --clean) clean_kept "$2" ;;
    --keep)
        keep=asked
        main
        ;;
    '') main ;;
esac
