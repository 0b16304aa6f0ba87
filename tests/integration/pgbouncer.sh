#!/usr/bin/env bash
# Logins through a real PgBouncer, configured as in examples/pgbouncer: codes, bursts, stalls, leaks, what it forwards.
# time: 800
# alone: it holds PgBouncer to 100 ms
#
# PgBouncer's PAM service is always named "pgbouncer".  It runs in a mount namespace in which /etc/pam.d is a
# folder of ours: the host's is left alone, and several of these tests may run side by side.
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/faults.sh
. "$(dirname "$0")/faults.sh"
trap 'bouncer_stop; faults_stop' EXIT
trap 'exit 130' INT TERM HUP

BOUNCER='' BOUNCER_PORT=''
# An OS user of every Debian who is neither PostgreSQL's nor a person; the examples say pgbouncer.
BOUNCER_USER=daemon
PGBOUNCER=$(PATH=$PATH:/usr/sbin command -v pgbouncer) || { skip pgbouncer "not installed"; report_end; }
# The issue's bar for a session that pings while others log in.
stall_limit_ms=100
people=200
person_password=PW-people

# --- PgBouncer -------------------------------------------------------------------------------------

self_signed()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$2" \
        -keyout "$BOUNCER_DIR/$1.key" -out "$BOUNCER_DIR/$1.crt" 2>>"$BOUNCER_DIR/openssl.log"
}

bouncer_files()
{
    local examples=$PGSIGNET_SRC/examples/pgbouncer
    BOUNCER_DIR=$STACK_DIR/bouncer
    install -d -m 755 "$BOUNCER_DIR" "$BOUNCER_DIR/pam.d" &&
        install -d -m 755 -o "$BOUNCER_USER" "$BOUNCER_DIR/run" &&
        self_signed client-side localhost && self_signed server-side pgbouncer &&
        cp "$PG_CA" "$BOUNCER_DIR/server-ca.crt" && chmod 644 "$BOUNCER_DIR"/*.crt || return 1
    # libpam reads `other` as well at every login, and loads what it names (docs/pgbouncer.md).
    printf '%s required pam_deny.so\n' auth account password session >"$BOUNCER_DIR/pam.d/other" &&
        sed "s|pam_pgsignet.so|$STACK_MODULE socket=$STACK_SOCKET|" "$examples/pam.d-pgbouncer" \
            >"$BOUNCER_DIR/pam.d/pgbouncer" || return 1
    bouncer_secret=$(openssl rand -hex 16)
    BOUNCER_PORT=$(slapd_free_port) || return 1
    (umask 077 && sed -e "s|/var/run/postgresql|$PG_SOCKET_DIR|; s|db\.example\.com|127.0.0.1|; s|5432|$PG_PORT|" \
        -e "s|CHANGE-ME|$bouncer_secret|; s|^listen_port.*|listen_port = $BOUNCER_PORT|" \
        -e "s|/etc/pgbouncer|$BOUNCER_DIR|; s|/run/pgbouncer|$BOUNCER_DIR/run|; s|/var/log/pgbouncer|$BOUNCER_DIR/run|" \
        "$examples/pgbouncer.ini" >"$BOUNCER_DIR/example.ini" &&
        awk -v port="$PG_PORT" '/^\[pgbouncer\]/ {
            print "trap_password = host=127.0.0.1 port=" port
            print "trap_pam = host=127.0.0.1 port=" port
            print "trap_query = host=127.0.0.1 port=" port " dbname=app auth_user=report"
        } { print }' "$BOUNCER_DIR/example.ini" >"$BOUNCER_DIR/pgbouncer.ini") &&
        chown "$BOUNCER_USER" "$BOUNCER_DIR"/*.ini "$BOUNCER_DIR"/*.key
}

# It, and not whoever else has the port.
bouncer_answers()
{
    kill -0 "$BOUNCER" 2>/dev/null && (exec 3<>"/dev/tcp/127.0.0.1/$BOUNCER_PORT") 2>/dev/null
}

# The process keeps its number from unshare to pgbouncer.
bouncer_start()
{
    # shellcheck disable=SC2016 # expanded by that shell
    unshare --mount sh -c 'mount --bind "$1" /etc/pam.d && cd / && shift && exec "$@"' sh "$BOUNCER_DIR/pam.d" \
        setpriv --reuid "$BOUNCER_USER" --regid "$BOUNCER_USER" --clear-groups \
        "$PGBOUNCER" --quiet "$BOUNCER_DIR/${1-pgbouncer.ini}" >>"$BOUNCER_DIR/stderr" 2>&1 </dev/null &
    BOUNCER=$!
    eventually bouncer_answers ||
        { tail -n 20 "$BOUNCER_DIR/stderr" "$BOUNCER_DIR/run/pgbouncer.log" >&2; return 1; }
}

bouncer_stop()
{
    [ -n "$BOUNCER" ] || return 0
    kill -KILL "$BOUNCER" 2>/dev/null
    wait "$BOUNCER" 2>/dev/null
    rm -f "$BOUNCER_DIR/run/pgbouncer.pid"
    BOUNCER=
}

bouncer_client()
{
    "$PGSIGNET_BUILD/tests/integration/bouncer_client" "$BOUNCER_PORT" "$@"
}

# through DATABASE USER SECRET [SQL]: over TLS, except that DATABASE may begin with socket:
through()
{
    local host=127.0.0.1 mode=require database=${1#socket:}
    [ "$database" = "$1" ] || host=$BOUNCER_DIR/run mode=disable
    printf '%s\n' "${4-SELECT current_user}" | PGPASSWORD=$3 PGUSER=$2 PGHOST=$host PGPORT=$BOUNCER_PORT \
        PGDATABASE=$database PGSSLMODE=$mode PGCONNECT_TIMEOUT=20 "$PG_BIN/psql" -X -q -A -t -w 2>&1
}

# refused DATABASE USER SECRET REASON
refused()
{
    local said
    said=$(through "$1" "$2" "$3")
    [ "$said" != "$2" ] && [[ $said == *FATAL* ]] && [ "$(stack_last_reason)" = "$4" ] ||
        { echo "said: $said; reason: $(stack_last_reason)"; return 1; }
}

# --- the server and the people ---------------------------------------------------------------------

server_files()
{
    local examples=$PGSIGNET_SRC/examples/pgbouncer lines=() line
    pg_sql "CREATE ROLE report LOGIN PASSWORD '$bouncer_secret'" && pg_sql 'CREATE DATABASE app' &&
        pg_sql 'CREATE DATABASE trap_password' && pg_sql 'CREATE DATABASE trap_pam' || return 1
    sed "s|^pgbouncer  pgbouncer  |pgbouncer  $BOUNCER_USER  |" "$examples/pg_ident.conf" |
        pg_run sh -c 'cat >>"$1"' sh "$PG_DATA/pg_ident.conf" || return 1
    # For the certificate, whose name is the same everywhere.
    grep '^pgbouncer' "$examples/pg_ident.conf" | pg_run sh -c 'cat >>"$1"' sh "$PG_DATA/pg_ident.conf" || return 1
    pg_run cp "$BOUNCER_DIR/server-side.crt" "$PG_DATA/client-ca.crt" &&
        pg_sql "ALTER SYSTEM SET ssl_ca_file = '$PG_DATA/client-ca.crt'" || return 1
    mapfile -t lines < <(grep -v '^#' "$examples/pg_hba.conf" | sed 's|192\.0\.2\.5/32|127.0.0.1/32|')
    line="hostssl trap_password all 127.0.0.1/32 scram-sha-256"
    # The traps stand above the example's last line, which rejects what they want to show.
    pg_hba "local postgres pgsignet peer" "$line" \
        "hostssl trap_pam all 127.0.0.1/32 pam pamservice=$STACK_SERVICE" "${lines[@]}" && restart_postgres
}

# people_make: directory entries and tokens for the burst; stack_code knows them afterwards.
people_make()
{
    local seed=$STACK_BIN/seed hash i name hex
    hash=$(printf '%s' "$person_password" | slappasswd -n -T /dev/stdin) || return 1
    {
        for ((i = 0; i < people; i++)); do
            printf -v name 'bench%06d' "$i"
            printf 'dn: uid=%s,ou=people,%s\nchangetype: add\nobjectClass: inetOrgPerson\ncn: b\nsn: b\nuserPassword: %s\n\n' \
                "$name" "$SLAPD_BASE" "$hash"
        done
        printf 'dn: cn=dba,ou=groups,%s\nchangetype: modify\nadd: member\n' "$SLAPD_BASE"
        for ((i = 0; i < people; i++)); do
            printf 'member: uid=bench%06d,ou=people,%s\n' "$i" "$SLAPD_BASE"
        done
    } | stack_ldapmodify || return 1
    pg_sql "SELECT format('CREATE ROLE bench%s LOGIN', lpad(i::text, 6, '0'))
            FROM generate_series(0, $people - 1) i \\gexec" >/dev/null || return 1
    "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 "$PGSIGNET_BUILD/tests/bench/seed" "$seed" &&
        "$seed" users "$people" >"$STACK_DIR/pool" && chmod 644 "$STACK_DIR/pool" &&
        runuser -u pgsignet -- "$seed" pgsignet "$STACK_CONFIG" "$STACK_DIR/pool" || return 1
    while read -r name hex; do
        stack_adopt "$name" bench "$(printf '%s' "$hex" | xxd -r -p | base32 -w0)" 0
    done <"$STACK_DIR/pool"
    rm -f "$STACK_DIR/pool"
}

# code_at_hand USER: whether one can be had without a further token
code_at_hand()
{
    local token
    for token in ${stack_tokens["$1"]-}; do
        ! stack_free_step "${stack_step["$1/$token"]}" 30 || return 0
    done
    return 1
}

# people_lines FROM TO: "USER SECRET" of each into $STACK_DIR/lines, with a fresh code; good for as long as a code
# can be, because the first is old when the last is made.  Tokens are made before, which takes longer than that.
people_lines()
{
    local i name
    for ((i = $1; i < $2; i++)); do
        printf -v name 'bench%06d' "$i"
        code_at_hand "$name" || stack_enroll "$name" || : # stack_code makes room where there are eight
    done
    for ((i = $1; i < $2; i++)); do
        printf -v name 'bench%06d' "$i"
        stack_code "$name" 30 || return 1
        printf '%s %s%s\n' "$name" "$person_password" "$STACK_CODE"
    done >"$STACK_DIR/lines"
}

# --- one login -------------------------------------------------------------------------------------

test_logins()
{
    local code event
    stack_code alice && code=$STACK_CODE
    check "password and code through PgBouncer: in, as oneself (server: peer with a map)" \
        test "$(through app alice "PW-alice$code")" = alice
    event=$(stack_last_event)
    check "the event names the service pgbouncer, the user and the client's address" test \
        "$(jq -r '[.verdict, .service, .user, .address] | join(" ")' <<<"$event")" = 'granted pgbouncer alice 127.0.0.1'
    check "the code again is refused" refused app alice "PW-alice$code" code-used
    stack_code alice
    check "through PgBouncer's Unix socket: in" test "$(through socket:app alice "PW-alice$STACK_CODE")" = alice
    check "the address of PgBouncer's Unix socket is local" test "$(stack_last_event | jq -r .address)" = local
    # A user each: after a failure the same user would be throttled.
    stack_wrong_code carol
    check "a wrong code is refused" refused app carol "PW-carol$STACK_CODE" code-wrong
    stack_code nina
    check "a wrong password is refused" refused app nina "PW-wrong$STACK_CODE" password-wrong
    check "a password without a code is refused" refused app omar PW-omar code-missing
    check "a string over 512 bytes is refused, and pgsignetd not asked" long_string 600
    check "a string over PgBouncer's own limit is refused" long_string 5000
    stack_code alice
    check "PgBouncer goes on serving" test "$(through app alice "PW-alice$STACK_CODE")" = alice
}

# PgBouncer 1.18 to 1.25 cut a string at 2,047 bytes and ask PAM about the rest; ours takes 512.
long_string()
{
    local before said
    before=$(events)
    said=$(through app omar "$(printf '%*s' "$1" '' | tr ' ' x)123456")
    [[ $said == *FATAL* ]] && [ "$(events)" -eq "$before" ] || { echo "said: $said"; return 1; }
}

# --- what the server gets --------------------------------------------------------------------------

test_server_side()
{
    local before
    stack_code alice
    check "server by PgBouncer's client certificate: in, as oneself" \
        test "$(through app_tls alice "PW-alice$STACK_CODE")" = alice
    stack_code alice
    check "server by one role with a password of its own: in, as that role" \
        test "$(through app_report alice "PW-alice$STACK_CODE")" = report
    stack_code carl
    check "a role that the map does not list: the server refuses it" not_admitted app carl "PW-carl$STACK_CODE"
    check "a role that the map does not list: after pgsignet granted it" test "$(stack_last_reason)" = granted
    check "PgBouncer's OS user cannot be the superuser" superuser_refused

    stack_code fred
    check "without user=: a server that asks for SCRAM refuses the forwarded string" \
        not_admitted trap_password fred "PW-fred$STACK_CODE"
    check "without user=: PostgreSQL was offered it" \
        grep -q 'password authentication failed for user "fred"' "$PG_LOG"
    stack_code gina
    before=$(events)
    check "without user=: a server that asks PAM is sent the used string" \
        not_admitted trap_pam gina "PW-gina$STACK_CODE"
    check "without user=: that is one login granted to pgbouncer and a used code from PostgreSQL" \
        eventually forwarded_string_seen "$before"
    stack_code alice
    check "auth_user (auth_query) and PAM exclude each other" \
        grep -q 'bouncer config error' <<<"$(through trap_query alice "PW-alice$STACK_CODE")"
}

not_admitted()
{
    local said
    said=$(through "$@")
    [ "$said" != "$2" ] || { echo "said: $said"; return 1; }
}

superuser_refused()
{
    local said
    said=$(cd / && setpriv --reuid "$BOUNCER_USER" --regid "$BOUNCER_USER" --clear-groups \
        "$PG_BIN/psql" -X -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres -d app -c 'SELECT 1' 2>&1)
    grep -qi 'peer authentication failed' <<<"$said" || { echo "$said"; return 1; }
}

forwarded_string_seen()
{
    jq -r 'select(.event == "login") | .service + " " + .reason' "$STACK_AUDIT" | tail -n "+$(($1 + 1))" |
        grep -v throttled | sed -n 1,2p | diff - <(printf 'pgbouncer granted\n%s code-used\n' "$STACK_SERVICE")
}

# --- many, and a session that pings ----------------------------------------------------------------

ping_start()
{
    stack_code alice
    rm -f "$STACK_DIR/ping.in" "$STACK_DIR/ping.out"
    mkfifo "$STACK_DIR/ping.in" || return 1
    bouncer_client app_report ping <"$STACK_DIR/ping.in" >"$STACK_DIR/ping.out" 2>"$STACK_DIR/ping.err" &
    pinger=$!
    exec {ping_fd}>"$STACK_DIR/ping.in"
    printf 'alice PW-alice%s\n' "$STACK_CODE" >&"$ping_fd"
    eventually grep -q ready "$STACK_DIR/ping.out" || { cat "$STACK_DIR/ping.err" >&2; return 1; }
}

# Sets pings and stall_ms; false when the session broke.
ping_stop()
{
    local status
    exec {ping_fd}>&-
    wait "$pinger"
    status=$?
    read -r pings stall_ms < <(tail -n 1 "$STACK_DIR/ping.out")
    return "$status"
}

# burst DATABASE IN_FLIGHT: everybody logs in; sets admitted, turned_away, slowest_ms, pings, stall_ms
burst()
{
    people_lines 0 "$people" && ping_start || return 1
    bouncer_client "$1" login "$2" <"$STACK_DIR/lines" >"$STACK_DIR/burst.out" 2>"$STACK_DIR/burst.err"
    ping_stop || return 1
    read -r admitted turned_away slowest_ms <"$STACK_DIR/burst.out"
}

# quiet_burst DATABASE IN_FLIGHT: sets stall_ms to the best of up to three bursts, because what is measured
# is how PgBouncer shares its time, not what else this machine does.  False when a login was refused.
quiet_burst()
{
    local best='' _
    for _ in 1 2 3; do
        burst "$@" && [ "$admitted $turned_away" = "$people 0" ] || { head -n 3 "$STACK_DIR/burst.err"; return 1; }
        [ -n "$best" ] && [ "$best" -le "$stall_ms" ] || best=$stall_ms
        [ "$best" -gt "$stall_limit_ms" ] || break
    done
    stall_ms=$best
}

# in_our_place MODULE: another module judges PgBouncer's logins, until `ours`.
in_our_place()
{
    sed -i.pgsignet "s|$STACK_MODULE.*|$1|" "$BOUNCER_DIR/pam.d/pgbouncer"
}

ours()
{
    mv "$BOUNCER_DIR/pam.d/pgbouncer.pgsignet" "$BOUNCER_DIR/pam.d/pgbouncer"
}

# A stall (stall_ms) past the bar counts, unless the machine is so busy that a module which checks nothing makes
# PgBouncer stall for half as long at this very moment.
is_no_stall_of_ours()
{
    local own=$stall_ms measured
    [ "$own" -gt "$stall_limit_ms" ] || return 0
    in_our_place pam_permit.so
    quiet_burst app_report 18
    measured=$?
    ours
    [ "$measured" -eq 0 ] && [ "$own" -le $((2 * stall_ms)) ]
}

# PgBouncer's queue for PAM holds 19; with one more its main loop sleeps 100 ms at a time until there is
# room, and serves nobody.  So the bar holds for any number of people as long as 18 are in mid-login.
test_many()
{
    if quiet_burst app_report 18; then
        ok "$people people log in, 18 at a time: all are in, the slowest after $slowest_ms ms"
    else
        not_ok "$people people log in, 18 at a time: all are in" "${admitted-} admitted, ${turned_away-} refused"
    fi
    check "meanwhile a session that pings: enough answers ($pings)" test "$pings" -gt 20
    local own=$stall_ms
    # In this shell: the codes that the control uses up are remembered.
    if is_no_stall_of_ours; then
        ok "... and none later than $own ms"
    else
        not_ok "... and none later than $own ms" "with pam_permit in our place $stall_ms ms"
    fi

    # Another module in the same place shows what is PgBouncer's own.
    if burst app_report "$people" && [ "$admitted $turned_away" = "$people 0" ]; then
        ok "$people people log in at once: all are in, the slowest after $slowest_ms ms, longest stall $stall_ms ms"
    else
        not_ok "$people people log in at once: all are in" "$(head -n 3 "$STACK_DIR/burst.err")"
    fi
    in_our_place pam_permit.so
    if burst app_report "$people"; then
        ok "(for comparison) the same with pam_permit in our place: slowest $slowest_ms ms, longest stall $stall_ms ms"
    else
        not_ok "(for comparison) the same with pam_permit in our place" "$(head -n 3 "$STACK_DIR/burst.err")"
    fi
    ours
}

descriptors()
{
    find "/proc/$BOUNCER/fd" -mindepth 1 | wc -l
}

descriptors_are()
{
    [ "$(descriptors)" -eq "$1" ]
}

resident_kib()
{
    awk '/^VmRSS/ { print $2 }' "/proc/$BOUNCER/status"
}

# The bursts before have brought PgBouncer's own tables and pools to their size.
test_leaks()
{
    local open resident grown
    burst app_report 18 || return 1
    open=$(descriptors) resident=$(resident_kib)
    burst app_report 18 || return 1
    check "$people logins leave no descriptor ($open before)" eventually descriptors_are "$open"
    grown=$(($(resident_kib) - resident))
    # Less than 3 KiB a login; a leaked mapping of the module alone would be 32.
    check "$people logins do not let PgBouncer grow ($grown KiB, at $resident)" test "$grown" -lt 600
    check "the module is not left mapped" test "$(grep -c pam_pgsignet "/proc/$BOUNCER/maps")" -eq 0
}

# The logins wait in PgBouncer's queue for one another, each for as long as timeout= allows.
test_hanging_directory()
{
    local slowest=0
    people_lines 0 16 && ping_start || return 1
    kill -STOP "$SLAPD_PID"
    bouncer_client app_report login 16 <"$STACK_DIR/lines" >"$STACK_DIR/burst.out" 2>/dev/null
    kill -CONT "$SLAPD_PID"
    ping_stop || not_ok "the directory hangs: a session that pings lives on" "$(cat "$STACK_DIR/ping.err")"
    read -r admitted turned_away slowest <"$STACK_DIR/burst.out"
    check "the directory hangs: 16 logins at once are refused, the last after $slowest ms" \
        test "$admitted $turned_away" = '0 16'
    check "the directory hangs: a session that pings goes on ($pings answers)" test "$pings" -gt 20
    local own=$stall_ms
    if is_no_stall_of_ours; then
        ok "... and none later than $own ms"
    else
        not_ok "... and none later than $own ms" "with pam_permit in our place $stall_ms ms"
    fi
    if eventually logged_in; then ok "the directory is back: in"; else not_ok "the directory is back: in"; fi
}

# A fresh code each time: the daemon may not yet know that the directory is back.
logged_in()
{
    stack_code alice && [ "$(through app alice "PW-alice$STACK_CODE")" = alice ]
}

test_dead_daemon()
{
    ping_start || return 1
    stack_daemon_stop KILL
    timed through app omar PW-omar000000
    check "the daemon is dead: refused after $TOOK_MS ms" test "$TOOK_MS" -lt 2900
    check "the daemon is dead: refused" grep -q FATAL <<<"$OUTPUT"
    if ping_stop; then
        ok "the daemon is dead: a session that pings lives on, longest stall $stall_ms ms"
    else
        not_ok "the daemon is dead: a session that pings lives on" "$(cat "$STACK_DIR/ping.err")"
    fi
    stack_daemon_start
    stack_code alice
    check "the daemon is back: in" test "$(through app alice "PW-alice$STACK_CODE")" = alice
}

# --- auth_type = hba -------------------------------------------------------------------------------

# PgBouncer 1.24.0 alone takes `pam` in its HBA file.
test_hba()
{
    local before
    bouncer_stop
    echo 'hostssl all all 127.0.0.1/32 pam' >"$BOUNCER_DIR/hba" && : >"$BOUNCER_DIR/users" || return 1
    sed "s|^auth_type.*|auth_type = hba\nauth_hba_file = $BOUNCER_DIR/hba\nauth_file = $BOUNCER_DIR/users|" \
        "$BOUNCER_DIR/pgbouncer.ini" >"$BOUNCER_DIR/hba.ini" && chown "$BOUNCER_USER" "$BOUNCER_DIR/hba.ini"
    bouncer_start hba.ini || { not_ok "auth_type=hba: PgBouncer starts"; return; }
    before=$(events)
    stack_code alice
    if grep -q '^PgBouncer 1\.24\.0$' <<<"$("$PGBOUNCER" --version)"; then
        check "auth_type=hba with a pam line: in" test "$(through app alice "PW-alice$STACK_CODE")" = alice
        return
    fi
    check "auth_type=hba with a pam line: refused, not let in without a check" \
        not_admitted app alice "PW-alice$STACK_CODE"
    check "auth_type=hba with a pam line: PgBouncer says that it cannot" \
        grep -q 'unsupported method' "$BOUNCER_DIR/run/pgbouncer.log"
    check "auth_type=hba with a pam line: the daemon was not asked" test "$(events)" -eq "$before"
}

STACK_CLIENTS="postgres, $BOUNCER_USER"
STACK_LDAP_EXTRA='retry_after: 1s'
unshare --mount true 2>/dev/null || { skip pgbouncer "no mount namespaces here"; report_end; }
stack_start && bouncer_files && server_files || { not_ok "the stack starts"; report_end; }
for person in nina omar fred gina carl; do
    stack_person "$person" "PW-$person" dba || exit 1
done
for person in alice carol nina omar fred gina carl; do
    stack_role "$person" && stack_enroll "$person" || exit 1
done
people_make || { not_ok "$people people are made"; report_end; }
bouncer_start || { not_ok "PgBouncer starts"; report_end; }
if [ -n "${ONLY-}" ]; then "$ONLY"; report_end; fi
test_logins
test_server_side
test_many
test_leaks
test_dead_daemon
test_hanging_directory
test_hba
report_end
