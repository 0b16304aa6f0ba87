#!/usr/bin/env bash
# Logins with certificates of pgsignet-ca: cert, cert + one-time code, drivers' key forms, hostile names, PgBouncer.
# time: 600
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/stack.sh
. "$here/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
trap 'bouncer_stop; stack_stop' EXIT
trap 'exit 130' INT TERM HUP
BOUNCER=''

bouncer_stop()
{
    [ -n "$BOUNCER" ] || return 0
    kill -KILL "$BOUNCER" 2>/dev/null
    wait "$BOUNCER" 2>/dev/null
    BOUNCER=
}

ca()
{
    "$PGSIGNET_BUILD/pgsignet-ca" --dir "$CA" "$@"
}

# by_cert USER [CONNINFO]: psql with the certificate of the environment, the server verified; prints session_user
by_cert()
{
    PGCONNECT_TIMEOUT=20 "$PG_BIN/psql" -X -q -A -t -w -c 'SELECT session_user' \
        "host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=postgres sslmode=verify-full sslrootcert=$CA/trust.crt ${2-}" \
        -U "$1" 2>&1
}

# Names of roles are hostile; files are passed by the environment, which needs no quoting.
with() { PGSSLCERT=$1.crt PGSSLKEY=${2:-$1.key} "${@:3}"; }
enters() { local said; said=$(with "$2" "$2.key" by_cert "$1") && [ "$said" = "$1" ] || { echo "said: $said"; return 1; }; }
# With TLS 1.3 the end of the connection may overtake the reason.
is_refused()
{
    local said
    ! said=$(with "$2" "$2.key" by_cert "$1") &&
        [[ $said =~ FATAL|alert|'closed the connection'|'reset by peer'|'EOF detected' ]] || { echo "said: $said"; return 1; }
}

# client NAME: a certificate; its files, without .crt, are in files_of[NAME] then
declare -A files_of=()
client()
{
    local said
    said=$(ca issue client --json -- "$1" 2>&1) && files_of[$1]=$(jq -r '.certificates[0].files[] | select(endswith(".crt")) | rtrimstr(".crt")' <<<"$said") ||
        { echo "# no certificate for $1: $said"; return 1; }
}

# lines_in_force HBA-LINE...: those, and what is in $ident
lines_in_force()
{
    local before tries=0
    { printf '%s\n' 'superuser root postgres' 'superuser postgres postgres'; cat "$ident"; } |
        pg_run sh -c 'cat >"$1"' sh "$PG_DATA/pg_ident.conf" || return 1
    before=$(pg_sql 'SELECT pg_conf_load_time()')
    pg_hba "local postgres pgsignet peer" "$@" || return 1
    until [ "$(pg_sql 'SELECT pg_conf_load_time()')" != "$before" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || { not_ok "the server does not reload"; return 1; }
        sleep 0.02
    done
}

# The server's own judgement of both files.
lines_are_sound()
{
    local faults
    faults=$(pg_sql "SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT NULL")
    [ "$(pg_sql 'SHOW server_version_num')" -lt 150000 ] ||
        faults+=$(pg_sql "SELECT line_number, error FROM pg_ident_file_mappings WHERE error IS NOT NULL")
    [ -z "$faults" ] || { echo "$faults"; return 1; }
}

# --- the server ------------------------------------------------------------------------------------

stack_start || exit 1
CA=$STACK_DIR/ca
ident=$STACK_DIR/ident
super="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
ca init >/dev/null && ca issue server db1 --san localhost --san 127.0.0.1 >/dev/null || exit 1
for role in app bob 'quoted "role"'; do
    stack_role "$role"
done
stack_role alice
ca issue client app alice bob --output pk8 >/dev/null || exit 1
ca deploy db1 --to "$PG_DATA" --postgres "$super" 2>/dev/null | grep -E '^(ALTER|SELECT)' >"$STACK_DIR/statements"
pg_sql "$(cat "$STACK_DIR/statements")" >/dev/null
ca deploy db1 --to "$PG_DATA" --postgres "$super" >"$STACK_DIR/lines"
check "deploy proves what is served" grep -q "proved by a handshake" "$STACK_DIR/lines"

# --- cert, with the lines that deploy prints -------------------------------------------------------

grep '^pgsignet ' "$STACK_DIR/lines" >"$ident"
mapfile -t hba < <(grep '^hostssl.* cert ' "$STACK_DIR/lines")
pg_sql 'CREATE ROLE pgsignet_ca LOGIN; GRANT pg_monitor, pg_signal_backend TO pgsignet_ca' >/dev/null
asker="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=pgsignet_ca"
lines_in_force "${hba[@]}" "local postgres pgsignet_ca trust"
check "the printed lines are sound" lines_are_sound
app=$CA/clients/app
check "a certificate logs its role in, and psql verifies the server fully" enters app "$app"
check "not another role" is_refused bob "$app"
check "nor a superuser" is_refused postgres "$app"
check "without a certificate nobody gets in" is_refused app "$STACK_DIR/none"
check "another name than the server's is not verified" sh -c '! "$@" 2>/dev/null' sh \
    with "$app" "$app.key" by_cert app host=db2.example.com
check "PKCS#8 in DER serves libpq" test "$(with "$app" "$app.pk8" by_cert app)" = app
openssl pkey -in "$app.key" -traditional -out "$STACK_DIR/sec1.key" 2>/dev/null && chmod 600 "$STACK_DIR/sec1.key"
check "so does SEC1" test "$(with "$app" "$STACK_DIR/sec1.key" by_cert app)" = app
check "the log names the whole subject" grep -q 'identity="CN=app" method=cert' "$PG_LOG"
check "the view shows serial and issuer that sessions are found by" test "$(with "$app" "$app.key" by_cert app >/dev/null
    PGSSLCERT=$app.crt PGSSLKEY=$app.key PGSSLROOTCERT=$CA/trust.crt "$PG_BIN/psql" -X -A -t "host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=postgres user=app sslmode=verify-full" \
    -c 'SELECT client_serial FROM pg_stat_ssl WHERE pid = pg_backend_pid()')" = "$(python3 -c "print(int('$(openssl x509 -noout -serial -in "$app.crt" | cut -d= -f2)', 16))")"

# --- what is asked for by pgsignet-ca-online ---

ask() { "$PGSIGNET_BUILD/pgsignet-ca-online"; }
# name_of CERTIFICATE: its subject's DER, in base64
name_of()
{
    openssl x509 -in "$1" -outform DER |
        python3 -c 'import base64, sys; from cryptography import x509
print(base64.b64encode(x509.load_der_x509_certificate(sys.stdin.buffer.read()).subject.public_bytes()).decode())'
}
# sessions ISSUER TERMINATE [SECONDS]: those with app's serial
sessions()
{
    jq -cn --arg c "$asker" --arg s "$app_serial" --arg i "$1" --argjson t "$2" --argjson w "${3-20}" \
        '{ask: "sessions", timeout: $w, conninfo: $c, serial: $s, issuer: {base64: $i}, terminate: $t}' | ask
}
# probe FILES: verdict and alert
probe()
{
    jq -cn --rawfile c "$1.crt" --rawfile k "$1.key" --argjson p "$PG_PORT" \
        '{ask: "probe", timeout: 20, host: "127.0.0.1", port: $p, name: "localhost", certificate: $c, key: $k}' |
        ask | jq -r '"\(.verdict) \(.asked) \(.alert)"'
}
app_serial=$(python3 -c "print(int('$(openssl x509 -noout -serial -in "$app.crt" | cut -d= -f2)', 16))")
for i in 1 2; do
    PGSSLCERT=$app.crt PGSSLKEY=$app.key "$PG_BIN/psql" -X -q -A -t -w "host=127.0.0.1 port=$PG_PORT dbname=postgres user=app \
sslmode=verify-full sslrootcert=$CA/trust.crt" -c "SELECT 'in'; SELECT pg_sleep(300)" >"$STACK_DIR/session$i" 2>&1 &
done
tries=0
until [ "$(pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'active'")" = 2 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 500 ] || break
    sleep 0.02
done
issuer=$(name_of "$CA/ca.crt")
# By a role that is no superuser.
check "sessions are found by serial and issuer" test "$(sessions "$issuer" false | jq -r '.sessions[] | .user + "@" + .database' | tr '\n' ' ')" = 'app@postgres app@postgres '
check "not those of another issuer's serial" test "$(sessions "$(name_of "$app.crt")" true | jq -c .sessions)" = '[]'
# One that does not end: a stopped process takes the signal only once it goes on.
held=$(pg_sql "SELECT pid FROM pg_stat_activity WHERE usename = 'app' LIMIT 1")
kill -STOP "$held"
check "one that does not end is said" test "$(sessions "$issuer" true 6 | jq '.ok == false and (.error | contains("told to end"))')" = true
kill -CONT "$held"
check "they are ended, and have gone when that is said" test "$(sessions "$issuer" true | jq .ok) $(
    pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'")" = 'true 0'
check "a probe with a good certificate is accepted" test "$(probe "$app")" = 'accepted true null'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=app -keyout "$STACK_DIR/foreign.key" \
    -out "$STACK_DIR/foreign.crt" 2>/dev/null
check "one with a stranger's is refused, each time with the reason" test \
    "$(for i in 1 2 3 4 5 6 7 8 9 10; do probe "$STACK_DIR/foreign"; done | sort -u)" = 'refused true unknown CA'
check "members of a group of the directory get certificates" test "$(ca --config "$STACK_CONFIG" issue client \
    --ldap-group "cn=dba,ou=groups,$SLAPD_BASE" --second --dry-run --json | jq '[.certificates[].name] | index("alice") != null')" = true

# A subject with two CNs, as a careless CA signs it: with clientname=CN the first would be let in.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=app/CN=bob -keyout "$STACK_DIR/two.key" 2>/dev/null |
    openssl x509 -req -CA "$CA/ca.crt" -CAkey "$CA/ca.key" -days 2 -out "$STACK_DIR/two.crt" 2>/dev/null
chmod 600 "$STACK_DIR/two.key"
check "a subject with two CNs is neither of them" is_refused app "$STACK_DIR/two"
check "neither the other" is_refused bob "$STACK_DIR/two"

# --- certificate and one-time code -----------------------------------------------------------------

certificate_and_code()
{
    check "the printed lines for one role are sound" lines_are_sound
    PG_CA=$CA/trust.crt
    alice=$CA/clients/alice
    with_code() { with "$1" "$1.key" stack_psql alice "$2" 2>&1; }
    stack_enroll alice || exit 1
    stack_code alice
    check "certificate, password and code: in" test "$(with_code "$alice" "PW-alice$STACK_CODE")" = alice
    check "granted by pgsignetd" test "$(stack_last_reason)" = granted
    if said=$(with_code "$alice" "PW-alice$STACK_CODE"); then not_ok "a code serves once" "$said"; else ok "a code serves once"; fi
    check "and pgsignetd says why" test "$(stack_last_reason)" = code-used
    stack_code alice
    if said=$(with_code "$STACK_DIR/none" "PW-alice$STACK_CODE"); then not_ok "a code without a certificate is refused" "$said"
    else ok "a code without a certificate is refused"; fi
    check "before the code was spent" grep -q "valid client certificate" <(echo "$said")
    if said=$(with_code "$app" "PW-alice$STACK_CODE"); then not_ok "somebody else's certificate is refused" "$said"
    else ok "somebody else's certificate is refused"; fi
    stack_code alice
    check "password and code still serve with the right one" test "$(with_code "$alice" "PW-alice$STACK_CODE")" = alice
    stack_wrong_code alice
    if with_code "$alice" "PW-alice$STACK_CODE" >/dev/null; then not_ok "a certificate without the right code is refused"
    else ok "a certificate without the right code is refused"; fi
    check "because of the code" test "$(stack_last_reason)" = code-wrong
}
ca deploy --print alice >"$STACK_DIR/alice"
mapfile -t hba < <(grep ' pam ' "$STACK_DIR/alice" | sed "s/pamservice=pgsignet/pamservice=$STACK_SERVICE/")
lines_in_force "${hba[@]}"
# Builds of PostgreSQL without PAM are about; Debian's have it.
if [ -n "$(pg_sql "SELECT 1 FROM pg_hba_file_rules WHERE error LIKE '%\"pam\"%not supported by this build%'")" ]; then
    skip "certificate and one-time code" "this PostgreSQL was built without PAM"
else
    certificate_and_code
fi

# --- names -----------------------------------------------------------------------------------------

# What pg_hba.conf and pg_ident.conf could take for something else, and what no certificate of ours can bear.
printf -v quotes '%063d' 0
quotes=${quotes//0/\"}
names=(all '+dba' '@file' '#remark' 'a,b' 'a b' 'say "hi"' 'x\1' 'back\slash\' "it's" 'semi;colon' '<a>' 'a=b+c' ü 'Ünïcödé' '(.+)'
    'CN=app' sameuser 'a$' '^a' "$quotes" '[a]' app2 'my app' ap)
printed=(app "${names[@]}" 'a*' 'trailing ' 'x.y')
for name in "${printed[@]:1}"; do
    stack_role "$name" 2>/dev/null || not_ok "role $name"
done
made=()
for name in "${names[@]}"; do
    client "$name" && made+=("$name")
done
check "most hostile names get a certificate" test "${#made[@]}" -ge 18
check "lines for all of them" sh -c '"$@" >"$0"' "$STACK_DIR/printed" "$PGSIGNET_BUILD/pgsignet-ca" --dir "$CA" deploy --print -- "${printed[@]}"
grep '^pgsignet ' "$STACK_DIR/printed" >"$ident"
mapfile -t hba < <(grep '^hostssl.* cert ' "$STACK_DIR/printed")
lines_in_force "${hba[@]}"
check "a line each" test "${#hba[@]}" -eq "${#printed[@]}"
check "the server finds no fault with them" lines_are_sound
check "and reads as many as there are" test "$(pg_sql "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'cert'")" -eq "${#printed[@]}"
check "each with the one role it was printed for" test "$(pg_sql "SELECT count(*) FROM pg_hba_file_rules h JOIN pg_roles r
    ON h.user_name = ARRAY[r.rolname::text] WHERE h.auth_method = 'cert'")" -eq "${#printed[@]}"
in=0
for name in "${made[@]}"; do
    files=${files_of[$name]}
    if said=$(enters "$name" "$files"); then in=$((in + 1)); else not_ok "$name logs in" "$said"; fi
    if ! said=$(is_refused app "$files"); then not_ok "$name does not become app" "$said"; fi
done
check "each logs in by its certificate" test "$in" -eq "${#made[@]}"
said=$(ca deploy --print $'a\nhostssl all all all trust' /x 2>&1)
check "a name with a line in it gets none" sh -c '[ "$1" -eq 1 ] && ! grep -q "^hostssl.*trust" <<EOF2
$2
EOF2' sh "$(ca deploy --print $'a\nhostssl all all all trust' >/dev/null 2>&1; echo $?)" "$said"
# As the line for all has them: everyone whose subject it cannot take has a line of his own.
ca deploy --print >"$STACK_DIR/all"
grep '^pgsignet ' "$STACK_DIR/all" >"$ident"
mapfile -t hba < <(grep '^hostssl.* cert ' "$STACK_DIR/all")
lines_in_force "${hba[@]}"
check "the lines for all are sound" lines_are_sound
in=0
files_of[app]=$app
for name in app "${made[@]}"; do
    files=${files_of[$name]}
    if said=$(enters "$name" "$files"); then in=$((in + 1)); else not_ok "$name logs in by the lines for all" "$said"; fi
done
check "everybody logs in by them" test "$in" -eq $((${#made[@]} + 1))
check "nobody as somebody else" is_refused bob "$app"

# --- PgBouncer -------------------------------------------------------------------------------------

# Somebody may have taken the port meanwhile.
bouncer_start()
{
    bouncer_try 2>"$STACK_DIR/bouncer.said" || bouncer_try 2>"$STACK_DIR/bouncer.said" || bouncer_try
}

bouncer_try()
{
    local tries=0 user=daemon
    bouncer_stop
    BOUNCER_PORT=$(pg_random_port)
    install -d -m 700 -o "$user" "$STACK_DIR/bouncer" &&
        install -m 600 -o "$user" "$CA/server.crt" "$CA/server.key" "$CA/trust.crt" "$STACK_DIR/bouncer" &&
        printf '"app" ""\n"bob" ""\n' >"$STACK_DIR/bouncer/users" || return 1
    cat >"$STACK_DIR/bouncer/ini" <<END
[databases]
postgres = host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $BOUNCER_PORT
unix_socket_dir =
auth_type = cert
auth_file = $STACK_DIR/bouncer/users
client_tls_sslmode = verify-full
client_tls_ca_file = $STACK_DIR/bouncer/trust.crt
client_tls_cert_file = $STACK_DIR/bouncer/server.crt
client_tls_key_file = $STACK_DIR/bouncer/server.key
END
    chown -R "$user" "$STACK_DIR/bouncer"
    (cd / && exec setpriv --reuid "$user" --regid "$user" --clear-groups "$PGBOUNCER" --quiet "$STACK_DIR/bouncer/ini") \
        >"$STACK_DIR/bouncer.log" 2>&1 </dev/null &
    BOUNCER=$!
    until (exec 3<>"/dev/tcp/127.0.0.1/$BOUNCER_PORT") 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 1000 ] && kill -0 "$BOUNCER" || { cat "$STACK_DIR/bouncer.log" >&2; return 1; }
        sleep 0.02
    done
}

if PGBOUNCER=$(PATH=$PATH:/usr/sbin command -v pgbouncer); then
    lines_in_force "local all app,bob trust"
    check "PgBouncer starts with the files of deploy" test -n "$PGBOUNCER"
    if bouncer_start; then
        through() { PG_PORT=$BOUNCER_PORT "$@"; }
        check "through PgBouncer with auth_type = cert" through enters app "$app"
        check "not as another" through is_refused bob "$app"
        check "not without a certificate" through is_refused app "$STACK_DIR/none"
        check "a probe works there too, and nobody logs in for it" sh -c 'jq -e ".verdict == \"accepted\" and .asked" >/dev/null' < <(
            jq -cn --rawfile c "$app.crt" --rawfile k "$app.key" --argjson p "$BOUNCER_PORT" \
                '{ask: "probe", timeout: 10, host: "127.0.0.1", port: $p, name: "localhost", certificate: $c, key: $k}' |
                "$PGSIGNET_BUILD/pgsignet-ca-online")
    else
        not_ok "PgBouncer does not start"
    fi
    bouncer_stop
else
    skip PgBouncer "not installed"
fi

# --- a CA for logins alone -------------------------------------------------------------------------

CA=$STACK_DIR/ca2
ca init --client-ca >/dev/null && ca issue server db1 --san localhost >/dev/null || exit 1
ca issue client app >/dev/null || not_ok "a client of the client CA"
check "with a client CA, deploy gives that one to ssl_ca_file" ca deploy db1 --to "$PG_DATA" --postgres "$super"
check "alone" cmp "$PG_DATA/ca.crt" "$CA/client-trust.crt"
ca deploy --print >"$STACK_DIR/all"
grep '^pgsignet ' "$STACK_DIR/all" >"$ident"
mapfile -t hba < <(grep '^hostssl.* cert ' "$STACK_DIR/all")
lines_in_force "${hba[@]}"
stack_role db1
check "a client of the client CA logs in" enters app "$CA/clients/app"
check "the server's own certificate logs nobody in" is_refused db1 "$CA/server"
check "a certificate of the CA before neither" is_refused app "$app"
report_end
