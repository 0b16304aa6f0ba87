#!/usr/bin/env bash
# A dead directory: an armed break-glass account logs in by its passphrase alone, and is seen; before and after it does not.
# time: 300
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

# refused WHY: the passphrase is, as any wrong string is
refused()
{
    local as_any as_this
    as_any=$(stack_psql rescue "whatever123456" 2>&1) && return 1
    as_this=$(stack_psql rescue "$passphrase" 2>&1) && { echo "granted"; return 1; }
    [ "$as_any" = "$as_this" ] || { printf '%s\n%s\n' "$as_any" "$as_this"; return 1; }
    stack_last_event
    [ "$(stack_last_event | jq -r '[.reason, .severity, .detail] | join("|")')" = "$1" ] || return 1
    stack_mfa unlock --failures rescue >/dev/null
}

test_create()
{
    local shown
    shown=$(stack_mfa breakglass create rescue) || return 1
    passphrase=$(grep -oE '([a-z]{5}-){5}[a-z]{5}' <<<"$shown")
    [ "${#passphrase}" -eq 35 ] || return 1
    # Once: it is neither listed nor in store, event or log.
    grep -q 'rescue  not armed' <<<"$(stack_mfa breakglass list)" &&
        ! stack_mfa breakglass create rescue &&
        ! grep -rqF "$passphrase" "$STACK_DIR/lib" "$STACK_DIR/log"
}

test_needs()
{
    ! stack_mfa breakglass arm rescue --for 4h && ! stack_mfa breakglass arm rescue --reason why &&
        ! stack_mfa breakglass arm rescue --reason why --for 25h &&
        ! stack_mfa breakglass arm rescue --reason why --until 2020-01-01T00:00Z &&
        ! stack_mfa breakglass arm nobody --reason why --for 1h &&
        grep -q 'rescue  not armed' <<<"$(stack_mfa breakglass list)"
}

test_arm()
{
    stack_mfa breakglass arm rescue --reason "LDAP is down, ticket 4711" --for 4h || return 1
    stack_mfa breakglass list --json | jq -e '.user == "rescue" and .reason == "LDAP is down, ticket 4711" and
        (.armed_until | length) > 0' &&
        tail -n 1 "$STACK_AUDIT" | jq -e '.event == "breakglass-arm" and .severity == "alert" and
            (.detail | contains("ticket 4711"))'
}

test_dead_directory()
{
    stop_slapd
    stack_code anna && ! stack_psql anna "PW-anna$STACK_CODE" && [ "$(stack_last_reason)" = directory-unavailable ]
}

# Nothing but the passphrase: the role look-up is out of order as well.
test_login()
{
    pg_sql 'ALTER FUNCTION pgsignet.role_state(name) RENAME TO role_state_away' 2>/dev/null ||
        pg_sql 'ALTER SCHEMA pgsignet RENAME TO pgsignet_away' || return 1
    [ "$(stack_psql rescue "$passphrase")" = rescue ]
}

test_verify()
{
    printf '%s\n' "$passphrase" | stack_mfa verify rescue --code-stdin || return 1
    grep '"event":"verify"' "$STACK_AUDIT" | tail -n 1 | jq -e '.severity == "alert"'
}

test_event()
{
    stack_last_event
    stack_last_event | jq -e '.reason == "granted-break-glass" and .verdict == "granted" and .severity == "alert" and
        .user == "rescue" and .break_glass_reason == "LDAP is down, ticket 4711" and
        .factors.code == "break-glass" and .factors.password == "off" and .factors.throttle == "ok"'
}

test_wrong()
{
    local wrong=${passphrase%?}
    case $passphrase in *b) wrong=${wrong}c ;; *) wrong=${wrong}b ;; esac
    ! stack_psql rescue "$wrong" || return 1
    stack_last_event
    stack_last_event | jq -e '.verdict == "denied" and .severity == "alert"' && ! stack_psql anna "$passphrase" &&
        stack_last_event | jq -e '.verdict == "denied" and .severity == null'
}

# Guesses are limited like any others.
test_throttle()
{
    local i tried
    for i in 1 2 3 4; do
        tried=$(printf 'rescue\t192.0.2.9\twrong%s\n' "$i" | abuse_pam default)
        [ "$tried" = 7 ] || return 1
    done
    tried=$(printf 'rescue\t192.0.2.9\t%s\n' "$passphrase" | abuse_pam default)
    [ "$tried" = 7 ] && [ "$(stack_last_reason)" = throttled ] &&
        tried=$(printf 'rescue\t192.0.2.10\t%s\n' "$passphrase" | abuse_pam default) && [ "$tried" = 0 ]
}

test_disarm()
{
    stack_mfa breakglass disarm rescue && ! stack_mfa breakglass disarm rescue
}

test_remove()
{
    stack_mfa breakglass remove rescue && [ -z "$(stack_mfa breakglass list)" ] &&
        ! stack_psql rescue "$passphrase" && [ "$(stack_last_event | jq -r .severity)" = null ]
}

# Whoever is refused is so for longer than a slow machine takes to try again.
STACK_EXTRA='throttle: {first: 30s}'
abuse_start || exit 1
stack_role anna && stack_person anna PW-anna dba && stack_enroll anna && stack_role rescue || exit 1
passphrase=
check_here "a passphrase is made, shown once and not kept" test_create
check_here "before arming it is a wrong string to the client, and an alert to us" \
    refused "not-enrolled|alert|the passphrase of a break-glass account that is not armed"
check_here "arming needs a reason and an end within 24 hours" test_needs
check_here "it is armed, on record" test_arm
check_here "the directory is dead: nobody else gets in" test_dead_directory
check_here "the passphrase alone does, without directory and role look-up" test_login
check_here "with an event of the highest severity" test_event
check_here "tried at the help desk it is an alert as well" test_verify
check_here "a wrong one does not, nor does it for others" test_wrong
check_here "throttled like any login" test_throttle
check_here "it is disarmed" test_disarm
check_here "and then refused" refused "not-enrolled|alert|the passphrase of a break-glass account that is not armed"
check_here "removed it is nothing" test_remove
report_end
