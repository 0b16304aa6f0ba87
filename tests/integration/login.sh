#!/usr/bin/env bash
# Logins by psql over TLS: each way of judging accepts who is right, and every refusal looks the same.
# time: 900
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

denied_text=

# accepted NAME USER SECRET [REASON]
accepted()
{
    local output reason
    output=$(stack_psql "$2" "$3" 2>&1)
    reason=$(stack_last_reason)
    if [ "$output" = "$2" ] && [ "$reason" = "${4:-granted}" ]; then
        ok "$1"
    else
        not_ok "$1" "psql: $output
reason: $reason"
    fi
}

# refused NAME USER SECRET REASON: refused for this reason, and told in the words of all other refusals.
refused()
{
    local output reason
    if output=$(stack_psql "$2" "$3" 2>&1); then
        not_ok "$1" "psql was let in and said: $output"
        return
    fi
    reason=$(stack_last_reason)
    # Quoted twice: the name is not to be a pattern.
    output=${output//"\"$2\""/'"USER"'}
    denied_text=${denied_text:-$output}
    if [ "$reason" = "$4" ] && [ "$output" = "$denied_text" ]; then
        ok "$1"
    else
        not_ok "$1" "psql: $output
other refusals: $denied_text
reason: $reason, expected $4"
    fi
}

# enrolled NAME...: roles with a token each
enrolled()
{
    local user
    for user in "$@"; do
        stack_role "$user" && stack_enroll "$user" || exit 1
    done
}

# --- password: ldap --------------------------------------------------------------------------------

test_ldap()
{
    local code
    enrolled alice bob dave erin frank petra twin case ghost iris
    stack_role grace
    stack_code alice && code=$STACK_CODE
    accepted "ldap: password and code" alice "PW-alice$code"
    refused "ldap: the same code again" alice "PW-alice$code" code-used
    stack_wrong_code alice
    refused "ldap: a wrong code" alice "PW-alice$STACK_CODE" code-wrong
    stack_code alice
    refused "ldap: a wrong password" alice "guess$STACK_CODE" password-wrong
    stack_code alice
    refused "ldap: a code and no password" alice "$STACK_CODE" password-empty
    refused "ldap: a password and no code" alice PW-alice code-missing
    stack_code alice
    refused "ldap: code first where the password comes first" alice "${STACK_CODE}PW-alice" code-missing
    stack_code bob
    refused "ldap: the code of somebody else" alice "PW-alice$STACK_CODE" code-wrong
    stack_wrong_code grace
    refused "not enrolled" grace "PW-grace$STACK_CODE" not-enrolled
    stack_wrong_code nobody-here
    refused "a role and person that do not exist" nobody-here "guess$STACK_CODE" not-enrolled
    stack_code dave
    refused "ldap: not in the group" dave "PW-dave$STACK_CODE" not-in-group
    stack_code erin
    refused "ldap: account locked" erin "PW-erin$STACK_CODE" account-locked
    stack_code frank
    refused "ldap: account expired" frank "PW-frank$STACK_CODE" account-expired
    stack_code petra
    refused "ldap: password must be changed" petra "PW-petra$STACK_CODE" password-must-change
    stack_code twin
    refused "ldap: two entries for one name" twin "PW-twin$STACK_CODE" ambiguous-entry
    stack_code case
    refused "ldap: the entry differs in case" case "PW-Case$STACK_CODE" name-differs
    stack_code ghost
    refused "ldap: no entry" ghost "PW-ghost$STACK_CODE" no-entry
    stack_code alice
    accepted "ldap: right again after the failures" alice "PW-alice$STACK_CODE"
}

test_roles()
{
    enrolled carol
    stack_person nologin PW-x dba && stack_role nologin NOLOGIN && stack_enroll nologin
    stack_person expired PW-x dba && stack_role expired "VALID UNTIL '2020-01-01'" && stack_enroll expired
    stack_person norole PW-x dba && stack_enroll norole
    stack_code nologin
    refused "role is NOLOGIN" nologin "PW-x$STACK_CODE" role-nologin
    stack_code expired
    refused "role is past VALID UNTIL" expired "PW-x$STACK_CODE" role-expired
    stack_code norole
    refused "no such role in PostgreSQL" norole "PW-x$STACK_CODE" no-role
    stack_code carol
    accepted "a role without a limit" carol "PW-carol$STACK_CODE"
}

test_groups()
{
    stack_policy denying <<END
password: ldap
require_groups: ["cn=dba,ou=groups,$SLAPD_BASE", "cn=denied,ou=groups,$SLAPD_BASE"]
deny_groups: ["cn=denied,ou=groups,$SLAPD_BASE"]
END
    stack_code dave
    STACK_DB=denying refused "ldap: in a denied group" dave "PW-dave$STACK_CODE" in-denied-group
    stack_code bob
    STACK_DB=denying accepted "ldap: any of the required groups" bob "PW-bob$STACK_CODE"
}

# --- the other ways --------------------------------------------------------------------------------

test_scram()
{
    local secret="пароль ﬀ Ⅳ"
    stack_policy scram <<END
password: scram
END
    stack_role sam "PASSWORD 'sam''s password'" && stack_enroll sam
    stack_role utf8 "PASSWORD '$secret'" && stack_enroll utf8
    stack_role bare && stack_enroll bare
    stack_role boss "SUPERUSER PASSWORD 'boss'" && stack_enroll boss
    stack_code sam
    STACK_DB=scram accepted "scram: password and code" sam "sam's password$STACK_CODE"
    stack_code sam
    STACK_DB=scram refused "scram: a wrong password" sam "sams password$STACK_CODE" password-wrong
    stack_wrong_code sam
    STACK_DB=scram refused "scram: a wrong code" sam "sam's password$STACK_CODE" code-wrong
    stack_code utf8
    STACK_DB=scram accepted "scram: a password that SASLprep changes" utf8 "$secret$STACK_CODE"
    stack_code utf8
    STACK_DB=scram accepted "scram: its normal form" utf8 "пароль ff IV$STACK_CODE"
    stack_code bare
    STACK_DB=scram refused "scram: a role without a password" bare "x$STACK_CODE" no-verifier
    stack_code boss
    STACK_DB=scram refused "scram: superusers are excluded" boss "boss$STACK_CODE" superuser-excluded
}

# Certificates of a CA that PostgreSQL trusts for clients: client.crt for alice.
make_client_certificates()
{
    local dir=$STACK_DIR/clients
    install -d -m 755 "$dir" || return 1
    (
        cd "$dir" && umask 077 &&
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                -subj "/CN=client CA" -keyout ca.key -out ca.crt &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=alice" \
                -keyout client.key -out client.csr &&
            openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
                -out client.crt && chmod 644 ca.crt
    ) >"$STACK_DIR/log/clients.log" 2>&1 && pg_sql "ALTER SYSTEM SET ssl_ca_file = '$dir/ca.crt'"
}

test_certificate()
{
    local output
    make_client_certificates || { not_ok "client certificates" "$(cat "$STACK_DIR/log/clients.log")"; return; }
    stack_policy certificate clientcert=verify-full <<END
password: none
END
    export PGSSLCERT=$STACK_DIR/clients/client.crt PGSSLKEY=$STACK_DIR/clients/client.key
    stack_code alice
    STACK_DB=certificate accepted "certificate and code" alice "$STACK_CODE"
    stack_wrong_code alice
    STACK_DB=certificate refused "certificate and a wrong code" alice "$STACK_CODE" code-wrong
    stack_code alice
    STACK_DB=certificate refused "certificate, a code, and more" alice "x$STACK_CODE" code-missing
    stack_code bob
    output=$(STACK_DB=certificate stack_psql bob "$STACK_CODE" 2>&1) &&
        not_ok "the certificate of somebody else" "let in: $output" || ok "the certificate of somebody else"
    unset PGSSLCERT PGSSLKEY
    stack_code alice
    output=$(STACK_DB=certificate stack_psql alice "$STACK_CODE" 2>&1) &&
        not_ok "a code without a certificate" "let in: $output" || ok "a code without a certificate"
}

# A second module behind ours, which must see the password without the code.
test_stack()
{
    local checker=$STACK_DIR/bin/second-module
    cat >"$checker" <<'END'
#!/bin/sh
[ "$(tr -d '\0')" = "for the second" ]
END
    chmod 755 "$checker"
    STACK_PAM_LINES="auth required @MODULE@
auth required pam_exec.so quiet expose_authtok $checker
account required @MODULE@"
    stack_policy stacked <<END
password: stack
END
    stack_policy stackedcodefirst <<END
password: stack
order: code-then-password
END
    unset STACK_PAM_LINES
    stack_code sam
    STACK_DB=stacked accepted "stack: both modules agree" sam "for the second$STACK_CODE"
    stack_code sam
    refused_by_stack "stack: the second module refuses" stacked "not for it$STACK_CODE"
    stack_wrong_code sam
    refused_by_stack "stack: the code is wrong, the password right" stacked "for the second$STACK_CODE"
    stack_code sam
    STACK_DB=stackedcodefirst accepted "stack: code first" sam "${STACK_CODE}for the second"
    stack_policy stackedalone <<END
password: stack
code: off
END
    refused_by_stack "stack: without code and second module nobody is let in" stackedalone "anything"
}

# The event may say granted or continue; what counts is that PostgreSQL refused in the usual words.
refused_by_stack()
{
    local output
    output=$(STACK_DB=$2 stack_psql sam "$3" 2>&1)
    if [ "${output//\"sam\"/\"USER\"}" = "$denied_text" ]; then
        ok "$1"
    else
        not_ok "$1" "$output"
    fi
}

test_orders_and_exemptions()
{
    stack_policy codefirst <<END
password: ldap
order: code-then-password
END
    stack_code bob
    STACK_DB=codefirst accepted "code first" bob "${STACK_CODE}PW-bob"
    stack_code bob
    STACK_DB=codefirst refused "password first where the code comes first" bob "PW-bob$STACK_CODE" code-missing
    stack_policy exempting <<END
password: ldap
exempt:
  - {user: grace, reason: "a job that cannot type", until: $(date -d '+1 day' +%F)}
  - {user: henry, reason: "was allowed once", until: 2020-01-31}
END
    stack_role henry
    STACK_DB=exempting accepted "exempt: the password alone" grace PW-grace granted-exempt
    STACK_DB=exempting refused "exempt: a wrong password" grace PW-other password-wrong
    STACK_DB=exempting refused "exempt: past its day" henry PW-henry not-enrolled
    STACK_DB=exempting refused "exempt: nobody else" alice PW-alice code-missing
    # A service whose policy= names nothing is a mistake, and denies.
    stack_write_service "$STACK_SERVICE-exempting" policy=missing
    stack_code alice
    STACK_DB=exempting refused "no such policy" alice "PW-alice$STACK_CODE" no-policy
}

# --- names, throttle, terminal, secrets ------------------------------------------------------------

test_hostile_names()
{
    local name long
    long=$(printf 'x%.0s' {1..63})
    for name in '../x' 'a/b' "o'brien \"q\" \\" '*)(|(uid=*' "$long" 'jürgen-日本' $'two\nlines' '%u%s$(id)`id`' \
        '-rf' 'a,b=c+d' ' padded '; do
        stack_person "$name" PW-hostile dba && stack_role "$name" && stack_enroll "$name" ||
            { not_ok "a role named $(printf %q "$name")" "could not be made"; continue; }
        stack_code "$name"
        accepted "a role named $(printf %q "$name")" "$name" "PW-hostile$STACK_CODE"
        stack_wrong_code "$name"
        refused "the same with a wrong code" "$name" "PW-hostile$STACK_CODE" code-wrong
    done
    stack_role '*' && stack_enroll '*' && stack_code '*'
    refused "a role named * is nobody's entry" '*' "PW-alice$STACK_CODE" no-entry
    check "no file was made by a name" test ! -e "$STACK_DIR/x" -a ! -e "$STACK_DIR/lib/a"
    check "every event is one line of JSON" jq -es 'all(has("reason") or has("event"))' "$STACK_AUDIT"
}

test_throttle()
{
    STACK_EXTRA=$'throttle:\n  after: 3\n  first: 60s' stack_apply
    stack_role slow && stack_enroll slow && stack_person slow PW-slow dba
    local i
    for i in 1 2 3; do
        stack_wrong_code slow
        refused "throttle: failure $i is judged" slow "PW-slow$STACK_CODE" code-wrong
    done
    stack_code slow
    refused "throttle: the next is refused unjudged, even when right" slow "PW-slow$STACK_CODE" throttled
    stack_mfa unlock slow >/dev/null
    stack_code slow
    accepted "throttle: right after unlock" slow "PW-slow$STACK_CODE"
    stack_apply
}

test_terminal()
{
    stack_code alice
    TYPED=PW-alice$STACK_CODE PGUSER=alice PGHOST=127.0.0.1 PGPORT=$PG_PORT PGDATABASE=postgres \
        PGSSLMODE=verify-full PGSSLROOTCERT=$PG_CA PSQL=$PG_BIN/psql \
        check "psql in a terminal asks for the password and gives a prompt" expect -c '
            set timeout 60
            spawn -noecho $env(PSQL) -X -P pager=off
            expect "Password for user alice:" {} default { exit 3 }
            send -- "$env(TYPED)\r"
            expect -ex "postgres=>" {} default { exit 4 }
            send -- "SELECT session_user || \x27 is in\x27;\r"
            expect "alice is in" {} default { exit 5 }
            send -- "\\q\r"
            expect eof {} default { exit 6 }'
}

# Watches the command lines of all processes until its standard input ends.
watch_command_lines()
{
    while ! read -r -t 0.05; do
        cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '
        echo
    done >"$1"
}

test_no_secret_is_left()
{
    local right wrong name seen=$TMPDIR/cmdlines secret code codes=() watcher found
    right=CANARY-$(openssl rand -hex 12)-x wrong=CANARY-$(openssl rand -hex 12)
    name=CANARY-$(openssl rand -hex 12)-x
    coproc WATCH { watch_command_lines "$seen"; }
    watcher=$WATCH_PID
    stack_person canary "$right" dba && enrolled canary
    stack_code canary && codes+=("$STACK_CODE")
    accepted "canary: logs in" canary "$right$STACK_CODE"
    stack_code canary && codes+=("$STACK_CODE")
    refused "canary: wrong password" canary "$wrong$STACK_CODE" password-wrong
    refused "canary: password without code" canary "$right" code-missing
    refused "canary: a password typed as the name" "$name" "${wrong}000000" not-enrolled
    # A daemon that ends, and one that is killed, leave nothing either.
    stack_daemon_stop KILL
    stack_daemon_start
    echo >&"${WATCH[1]}"
    wait "$watcher"
    secret=${stack_secret[canary/${stack_tokens[canary]# }]-}
    check "canary: the search would find something (control)" grep -rqaF canary "$STACK_DIR/log"
    check "canary: command lines were read (control)" grep -qaF "$STACK_CONFIG" "$seen"
    found=$(grep -rlaF -e "$right" -e "$wrong" "$STACK_DIR" "$seen" /var/log 2>/dev/null)
    check "canary: no password in any file, system log or command line" test -z "$found"
    # PostgreSQL itself shows the name in its log and process title; pgsignet must not.
    found=$(grep -rlaF "$name" "$STACK_DIR/log" "$STACK_DIR/lib" "$STACK_DIR/ldap")
    check "canary: no unknown name in the audit trail" test -z "$found"
    found=$(grep -rlaFi -e "${secret:?}" -e "$(printf '%s' "$secret" | base32 -d | od -An -tx1 | tr -d ' \n')" \
        "$STACK_DIR" "$seen" 2>/dev/null)
    check "canary: no token secret in base32 or hex" test -z "$found"
    found=$(LC_ALL=C grep -rlaFw "${codes[@]/#/-e}" "$STACK_DIR/log" "$STACK_DIR/lib" "$STACK_DIR/etc" "$seen")
    check "canary: no code" test -z "$found"
    check "no core file" test -z "$(find "$STACK_DIR" -name 'core*' -type f -not -path '*/pg/data/*')"
}

TMPDIR=${TMPDIR:-/tmp}
# The tests fail on purpose more often than a person would.
STACK_EXTRA=$'throttle:\n  after: 20'
stack_start || { not_ok "the stack starts"; report_end; }
test_ldap
test_roles
test_groups
test_scram
test_certificate
test_stack
test_orders_and_exemptions
test_hostile_names
test_throttle
test_terminal
test_no_secret_is_left
report_end
