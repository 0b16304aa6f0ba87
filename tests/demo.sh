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
# Long enough for a slow machine to see it.
STACK_EXTRA='throttle: {first: 60s}'
STACK_POLICY='password: ldap
require_groups: ["cn=dba,ou=groups,dc=example,dc=com", "cn=readers,ou=groups,dc=example,dc=com"]'
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
    grep -qF "$dir/" <<<"$(tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null)" || return 0
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

# mfa_shown ARGUMENT...: a command of pgsignet-mfa and what it prints.
mfa_shown()
{
    local status=0
    command_line "pgsignet-mfa --config $STACK_CONFIG $*"
    stack_mfa "$@" 2>&1 | sed 's/^/  /' || status=$?
    return "$status"
}

# Recovery codes, a button token, the throttle, and what an operator sees of them.
more_kinds()
{
    local codes secret tries
    title "Recovery codes for bob, whose phone is lost"
    command_line "pgsignet-mfa --config $STACK_CONFIG recovery bob"
    codes=$(stack_mfa recovery bob) || fail "recovery codes for bob failed"
    sed 's/^/  /' <<<"$codes"
    codes=$(sed -n 's/^ *\[ \] *1  *//p' <<<"$codes")
    step "password and a recovery code" bob "PW-bob$codes" granted
    step "the same recovery code again" bob "PW-bob$codes" code-used

    title "A button token (HOTP) for heidi"
    command_line "pgsignet-mfa --config $STACK_CONFIG enroll heidi --hotp --name key"
    secret=$(stack_mfa enroll heidi --hotp --name key --no-confirm --json 2>>"$dir/log/mfa.log" | jq -r .secret) &&
        hotp "$secret" 0 | stack_mfa confirm heidi | sed 's/^/  /' || fail "enrolling heidi failed"
    step "three presses of the button that nobody typed, then the fourth's code" heidi \
        "PW-heidi$(hotp "$secret" 4)" granted

    title "Somebody guesses at heidi's codes"
    stack_wrong_code heidi
    for tries in 1 2 3; do
        stack_psql heidi "PW-heidi$STACK_CODE" >/dev/null 2>&1
        echo "  wrong code $tries: audit reason $(stack_last_reason)"
    done
    step "refused now, though the code is right" heidi "PW-heidi$(hotp "$secret" 5)" throttled
    title "What the help desk sees, and does"
    mfa_shown policy heidi --address 127.0.0.1
    mfa_shown unlock heidi || fail "unlock failed"
    step "the same code, which was not used up" heidi "PW-heidi$(hotp "$secret" 5)" granted
}

# sync_shown ARGUMENT...: a command of pgsignet-ldap-sync and what it prints.
sync_shown()
{
    command_line "pgsignet-ldap-sync --config $dir/etc/sync.yaml $*"
    "$STACK_BIN/pgsignet-ldap-sync" --config "$dir/etc/sync.yaml" "$@" 2>&1 | sed 's/^/  /'
    return "${PIPESTATUS[0]}"
}

write_sync_config()
{
    cat >"$dir/etc/sync.yaml" <<END
ldap:
  uris: [$SLAPD_LDAPS_URI]
  ca_file: $SLAPD_CA_COPY
  bind_dn: $SLAPD_BIND_DN
  bind_password_file: $SLAPD_BIND_PW_FILE
sync:
  postgres: "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
  audit: $dir/log/sync.jsonl
  rules:
    - search: {base: "ou=groups,$SLAPD_BASE", filter: "(cn=readers)"}
      role: "{dn.uid}"
      grant: [dbrole_readonly]
END
    sed 's/^/  /' "$dir/etc/sync.yaml"
}

# readers add|delete PERSON
readers()
{
    printf 'dn: cn=readers,ou=groups,%s\nchangetype: modify\n%s: member\nmember: uid=%s,ou=people,%s\n' \
        "$SLAPD_BASE" "$1" "$2" "$SLAPD_BASE" | stack_ldapmodify || fail "changing cn=readers failed"
}

# henry_reads NAME: a session of henry's that is still there when its group is taken away.
henry_reads()
{
    title "henry's session, in which he reads"
    stack_code henry
    stack_psql henry "PW-henry$STACK_CODE" "SELECT 'henry reads: ' || what FROM offers; SELECT pg_sleep(600)" \
        >"$dir/henry" 2>&1 &
    henry=$!
    local tries=0
    until grep -qs 'henry reads' "$dir/henry" || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
    sed 's/^/  /' "$dir/henry"
    grep -q 'henry reads' "$dir/henry" || wrong+=("henry's reading")
}

# LDAP groups become grants: in, and out again.
sync_steps()
{
    local henry
    title "LDAP groups become roles: henry is put into cn=readers"
    command_line "cat $dir/etc/sync.yaml"
    write_sync_config
    printf 'dn: cn=readers,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\nmember: uid=carol,ou=people,%s\n' \
        "$SLAPD_BASE" "$SLAPD_BASE" | stack_ldapmodify || fail "adding cn=readers failed"
    readers add henry
    sync_shown roles init -q || fail "roles init failed"
    pg_sql "SET ROLE dbrole_admin; CREATE TABLE offers (what text); INSERT INTO offers VALUES ('apples')" || fail "no table"
    sync_shown plan
    echo "  carol had her role before, so it is not touched: she is handed over by hand."
    command_line "psql -c 'GRANT pgsignet_managed TO carol'"
    pg_sql 'GRANT pgsignet_managed TO carol' || fail "GRANT failed"
    sync_shown run || wrong+=("the sync")
    stack_enroll henry || fail "enrolling henry failed"
    stack_code henry
    step "henry, whose role the sync made" henry "PW-henry$STACK_CODE" granted
    henry_reads
    title "henry is taken out of cn=readers"
    readers delete henry
    sync_shown run || wrong+=("the second sync")
    if wait "$henry"; then
        wrong+=("henry's session")
        printf '  %shis session went on: NOT AS EXPECTED%s\n' "$red" "$plain"
    else
        printf '  his session: %s  %sas expected%s\n' "$(grep FATAL "$dir/henry")" "$green" "$plain"
    fi
    sync_shown explain henry
    stack_code henry
    step "henry again" henry "PW-henry$STACK_CODE" not-in-group
}

# ca_shown ARGUMENT...: a command of pgsignet-ca and what it prints.
ca_shown()
{
    command_line "pgsignet-ca --dir $dir/ca $*"
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$dir/ca" "$@" 2>&1 | sed 's/^/  /'
    return "${PIPESTATUS[0]}"
}

# cert_step TITLE USER CERTIFICATE SECRET WORDS: a login with a certificate.  WORDS are the user when he should get in, else
# what he is told, or (between |) one of several.
cert_step()
{
    local what=$1 user=$2 files=$3 secret=$4 expected=$5 output status=0 password=
    steps=$((steps + 1))
    title "Step $steps: $what"
    [ -z "$secret" ] || password="PGPASSWORD='$secret' "
    command_line "${password}psql 'host=127.0.0.1 port=$PG_PORT dbname=postgres user=$user sslmode=verify-full" \
        "sslrootcert=$PG_CA sslcert=$files.crt sslkey=$files.key' -c 'SELECT session_user'"
    printf '  expected:  %s\n' "${expected//|/, or: }"
    output=$(PGSSLCERT=$files.crt PGSSLKEY=$files.key stack_psql "$user" "$secret" 'SELECT session_user' 2>&1) || status=$?
    printf '  came back: %s' "${output##*failed: }"
    if [ "$status" -eq 0 ] && [ "$output" = "$expected" ] ||
        { [ "$status" -ne 0 ] && [ "$expected" != "$user" ] && [[ $output =~ $expected ]]; }; then
        printf '  %sas expected%s\n' "$green" "$plain"
    else
        wrong+=("$steps")
        printf '  %sNOT AS EXPECTED%s\n' "$red" "$plain"
    fi
}

# The server gets a certificate of the CA, and lines for logins by certificate.
deploy_shown()
{
    title "The server gets its certificate: files, then the settings that it lacks, then the proof"
    ca_shown deploy db1 --to "$PG_DATA" --postgres "$1" --quiet | tee "$dir/deploy"
    command_line "psql    (with the statements above)"
    pg_sql "$(grep -E '^ *(ALTER|SELECT)' "$dir/deploy")" >/dev/null || fail "the server does not take the settings"
    ca_shown deploy db1 --to "$PG_DATA" --postgres "$1" || fail "deploy failed"
    PG_CA=$dir/ca/trust.crt
    title "Who logs in how: app by certificate, alice by certificate, password and code"
    ca_shown deploy --print app report alice | tee "$dir/lines"
    echo "  Of these: cert for app and report, pam for alice, with this demo's pamservice."
    sed -i "s/^ *//; s/pamservice=pgsignet/pamservice=$STACK_SERVICE/" "$dir/lines"
    mapfile -t STACK_HBA < <(grep -E '"(app|report)" .* cert |"alice" .* pam ' "$dir/lines")
    grep '^pgsignet ' "$dir/lines" | pg_run sh -c 'cat >>"$1"' sh "$PG_DATA/pg_ident.conf"
    stack_hba || fail "the server does not take the lines"
    command_line "cat $PG_DATA/pg_hba.conf $PG_DATA/pg_ident.conf"
    sed 's/^/  /' "$PG_DATA/pg_hba.conf" "$PG_DATA/pg_ident.conf"
}

# A session that came in by a certificate, and is still there when it is revoked.
app_session()
{
    local tries=0
    PGSSLCERT=$1.crt PGSSLKEY=$1.key stack_psql app '' "SELECT 'app is in'; SELECT pg_sleep(600)" >"$dir/app" 2>&1 &
    app=$!
    until grep -qs 'app is in' "$dir/app" || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
    sed 's/^/  /' "$dir/app"
}

pki_steps()
{
    local app files=$dir/ca/clients/app superuser
    superuser="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
    title "A CA for the server, and one for logins alone"
    ca_shown init --client-ca || fail "init failed"
    ca_shown issue server db1 --san localhost --san 127.0.0.1 || fail "issue failed"
    ca_shown issue client app alice || fail "issue failed"
    stack_role app && stack_role report || fail "CREATE ROLE failed"
    deploy_shown "$superuser"
    cert_step "a certificate, no password" app "$files" '' app
    cert_step "app's certificate, but another name" report "$files" '' 'certificate authentication failed'
    stack_code alice
    cert_step "certificate, password and code" alice "$dir/ca/clients/alice" "PW-alice$STACK_CODE" alice
    stack_code alice
    cert_step "password and code without the certificate" alice "$dir/none" "PW-alice$STACK_CODE" \
        "connection requires a valid client certificate"
    title "app's key got into wrong hands, and somebody is in with it"
    app_session "$files"
    ca_shown revoke app --reason keyCompromise --terminate --yes --crl-file "$PG_DATA/crl.pem" --postgres "$superuser" \
        --probe "127.0.0.1:$PG_PORT" || wrong+=("the revocation")
    if wait "$app"; then
        wrong+=("app's session")
        printf '  the session went on: %sNOT AS EXPECTED%s\n' "$red" "$plain"
    else
        printf '  the session: %s  %sas expected%s\n' "$(grep FATAL "$dir/app")" "$green" "$plain"
    fi
    # With TLS 1.3 the end of the connection may overtake the reason.
    cert_step "the revoked certificate" app "$files" '' 'certificate revoked|closed the connection|reset by peer|EOF detected'
    stack_code alice
    cert_step "alice, whom that does not concern" alice "$dir/ca/clients/alice" "PW-alice$STACK_CODE" alice
}

# hotp SECRET COUNTER
hotp()
{
    printf '%s\n' "$1" | oathtool --hotp -b --counter="$2" -
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
    for user in alice bob dave erin grace heidi; do
        command_line "psql -c 'CREATE ROLE $user LOGIN'"
        stack_role "$user" || fail "CREATE ROLE $user failed"
    done
    command_line "psql -c \"CREATE ROLE carol LOGIN VALID UNTIL '2020-01-01'\""
    stack_role carol "VALID UNTIL '2020-01-01'" || fail "CREATE ROLE carol failed"
    stack_person heidi PW-heidi dba || fail "adding heidi to the directory failed"
    echo "  In LDAP alice, bob, carol, erin and heidi are in cn=dba; dave is not; erin is locked; all have the"
    echo "  password PW-NAME.  heidi gets a token with a button (HOTP), grace none."
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
    step "locked in LDAP" erin "PW-erin$STACK_CODE" account-locked
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
  the string to type at the password prompt is PW-bob followed by the code that this prints:
      oathtool --totp -b @$dir/secret-bob
  the login:
      psql 'host=127.0.0.1 port=$PG_PORT dbname=postgres user=bob sslmode=verify-full sslrootcert=$PG_CA'
  the same with a certificate, which alice has to show from now on (PW-alice and a code of @$dir/secret-alice):
      psql 'host=127.0.0.1 port=$PG_PORT dbname=postgres user=alice sslmode=verify-full sslrootcert=$PG_CA sslcert=$dir/ca/clients/alice.crt sslkey=$dir/ca/clients/alice.key'
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
    more_kinds
    sync_steps
    pki_steps
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
