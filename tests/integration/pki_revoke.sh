#!/usr/bin/env bash
# A real PostgreSQL refuses what was revoked, by file and by folder; the proof, the sessions, holds, PgBouncer.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8
# shellcheck source=tests/integration/postgres.sh
. "$(dirname "$0")/postgres.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}/build}
tool=$PGSIGNET_BUILD/pgsignet-ca
[ "$(id -u)" -eq 0 ] || { skip revoke "needs root"; report_end; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-revoke.XXXXXX") || exit 1
bouncer_pid=
background=()

cleanup()
{
    [ -z "$bouncer_pid" ] || kill "$bouncer_pid" 2>/dev/null
    [ ${#background[@]} -eq 0 ] || kill "${background[@]}" 2>/dev/null
    stop_postgres immediate 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1)

start_postgres "$dir" || exit 1
place=$dir/place
install -d -o postgres -m 755 "$place" "$place/crls"
super="host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres"
cat >"$dir/ca.yaml" <<END
ca:
  dir: $dir/ca
  audit: $dir/audit.jsonl
  postgres: ["$super"]
  crl_file: $place/root.crl
END
# Nobody's servers and places.
printf 'ca:\n  dir: %s/ca\n' "$dir" >"$dir/bare.yaml"

# ca ARGUMENT...: sets $out (standard output), $err and the exit code $code
ca()
{
    code=0
    "$tool" --config "$dir/ca.yaml" "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
    out=$(cat "$dir/out") err=$(cat "$dir/err")
    return "$code"
}
# json FILTER ARGUMENT...: exit 0 and a document for which it holds; fails CODE PATTERN ARGUMENT...
json()
{
    local filter=$1
    shift
    ca --json "$@" && jq -e "$filter" <<<"$out" >/dev/null || { echo "exit $code"; cat "$dir/out" "$dir/err"; return 1; }
}
fails()
{
    local wanted=$1 pattern=$2
    shift 2
    ca "$@"
    [ "$code" -eq "$wanted" ] && grep -q "$pattern" "$dir/out" "$dir/err" || { echo "exit $code"; cat "$dir/out" "$dir/err"; return 1; }
}

# as ROLE [CERTIFICATE KEY]: logs in over TCP
as()
{
    "$PG_BIN/psql" -X -q -A -t -c 'SELECT current_user' \
        "host=127.0.0.1 port=${port:-$PG_PORT} dbname=postgres user=$1 sslmode=require sslrootcert=$dir/none sslcert=${2:-$dir/ca/clients/$1.crt} sslkey=${3:-$dir/ca/clients/$1.key} connect_timeout=10"
}
gets_in() { [ "$(as "$@")" = "$1" ]; }
# With TLS 1.3 the end of the connection may overtake the reason.
is_refused()
{
    ! as "$@" 2>"$dir/refusal" && grep -q 'alert\|certificate\|closed the connection\|reset by peer\|EOF detected' "$dir/refusal" ||
        { cat "$dir/refusal"; return 1; }
}

sets() # NAME=VALUE...: in the server's configuration, and reloaded
{
    local pair tries=0
    for pair in "$@"; do pg_sql "ALTER SYSTEM SET ${pair%%=*} = '${pair#*=}'" || return 1; done
    pg_run "$PG_BIN/pg_ctl" -s -D "$PG_DATA" reload
    for pair in "$@"; do
        until [ "$(pg_sql "SHOW ${pair%%=*}")" = "${pair#*=}" ]; do
            tries=$((tries + 1))
            [ "$tries" -lt 1000 ] || { echo "the server does not take $pair"; return 1; }
            sleep 0.02
        done
    done
}
live() { pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = '$1'"; }
# A session that stays.
stay()
{
    as_text=$1
    "$PG_BIN/psql" -X -q -A -t -c "SELECT pg_sleep(600)" \
        "host=127.0.0.1 port=$PG_PORT dbname=postgres user=$1 sslmode=require sslrootcert=$dir/none sslcert=$dir/ca/clients/$1.crt sslkey=$dir/ca/clients/$1.key application_name=stays" >/dev/null 2>&1 &
    background+=($!)
    for _ in $(seq 1000); do
        [ "$(live "$as_text")" -ge 1 ] && return 0
        sleep 0.02
    done
    return 1
}

# --- the CA, and an expired CRL ----------------------------------------------------------------------

start_ca()
{
    if [ -n "$library" ]; then
        LD_PRELOAD=$library FAKETIME=-40d ca init --intermediate
    else
        ca init --intermediate
    fi
}
check "a CA" start_ca
cp "$dir/ca/trust.crt" "$place/root.crt" && cp "$dir/ca/crl.pem" "$place/root.crl" && chown postgres: "$place"/root.*
pg_sql "CREATE ROLE app LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE ext LOGIN; CREATE ROLE dora LOGIN; CREATE ROLE carl LOGIN"
for name in app bob eve dora carl; do ca issue client "$name" || { echo "$err"; exit 1; }; done
sets "ssl_ca_file=$place/root.crt" "ssl_crl_file=$place/root.crl" || exit 1
pg_hba "hostssl all all 127.0.0.1/32 cert"

if [ -n "$library" ]; then
    check "an expired CRL refuses everybody who has a certificate" is_refused app
    check "crl --due --publish makes, publishes and reloads" json '([.crls[] | select(.ca == "ca.crt").made] | all) and .published.file_changed and (.published.reloads | map(.done) == [true])' crl --due --publish
else
    skip "an expired CRL" "no libfaketime"
fi
check "a cert login works" gets_in app
check "crl --due --publish has nothing to do then, and does not reload" json '([.crls[].made] | any | not) and (.published.file_changed | not) and .published.reloads == []' crl --due --publish

# --- revoked -----------------------------------------------------------------------------------------

stay app || exit 1
check "a dry run says what it would do" json '.dry_run and (.revoked | length == 1)' revoke app --dry-run
check "... and of which kind each is" fails 0 "^client app (serial .* would be revoked" revoke app --dry-run
check "... and changes nothing" gets_in app
check "revoke: published, reloaded, proved by a handshake, the live session listed" json \
    '.revoked[0].reason == "keyCompromise" and .published.file_changed and .published.reloads[0].done and
     (.proofs | length == 1) and .proofs[0].outcome == "proved" and .proofs[0].by == "certificate" and
     (.sessions | length == 1) and .sessions[0].user == "app" and .sessions[0].application == "stays" and (.sessions[0].ended | not)' \
    revoke app --reason keyCompromise
check "PostgreSQL refuses it" is_refused app
check "the live session goes on: a CRL does not end it" test "$(live app)" -eq 1
check "others get in" gets_in bob
check "revoked again: nothing is lost, CRL and proof are made anew, --terminate ends the session" json \
    '.revoked[0].already and .proofs[0].outcome == "proved" and .sessions[0].ended' revoke app --terminate
check "... it is ended" test "$(live app)" -eq 0
check "for people: what became of it, a line each" fails 0 'refuses it as revoked' revoke app
check "an unknown name is told" fails 1 'nothing was changed' revoke nobody-of-that-name
check "--no-publish and a place to publish to are wrong use" fails 64 'no-publish' revoke bob --no-publish --crl-file "$place/x"
check "one that is not there revokes none of them" eval 'fails 1 "nothing was changed" revoke bob nobody-of-that-name && gets_in bob'
check "the CA itself is not revoked by the way" eval '! fails 0 "" revoke "$(openssl x509 -in "$dir/ca/ca.crt" -noout -serial | sed "s/.*=//")" && gets_in bob'

by_file_and_serial()
{
    ca issue client app --second && gets_in app || return 1
    json '.proofs[0].outcome == "proved"' revoke "$dir/ca/clients/app.crt" && is_refused app || return 1
    ca issue client app --second && gets_in app || return 1
    json '.proofs[0].outcome == "proved"' revoke "$(openssl x509 -in "$dir/ca/clients/app.crt" -noout -serial | sed 's/.*=//')" && is_refused app
}
check "by file and by serial as well" by_file_and_serial
several() { ca issue client app --second && ca issue client app --second && json '(.revoked | length == 2) and ([.proofs[].outcome] | unique == ["proved"])' revoke app; }
check "a name means all of its certificates" several
at_terminal() { printf '%s\n' "$1" | script -qec "$tool --config $dir/ca.yaml revoke bob" /dev/null; }
asked() { at_terminal n >"$dir/asked"; cat "$dir/asked"; grep -q 'nothing was revoked' "$dir/asked" && grep -q 'bob (serial' "$dir/asked" && gets_in bob; }
check "at a terminal it asks, and no is no" asked

# --- hold and release --------------------------------------------------------------------------------

check "a hold is refused as revoked" json '.revoked[0].reason == "certificateHold" and .proofs[0].outcome == "proved"' revoke eve --reason certificateHold
check "... by PostgreSQL" is_refused eve
check "release: proved by a handshake that is accepted" json '.released[0].name == "eve" and .proofs[0].outcome == "proved" and (.proofs[0].text | test("accepts it again"))' release eve
check "... PostgreSQL lets it in again" gets_in eve
check "what was revoked for good is not released" fails 1 'nothing was changed' release app
ca revoke eve --reason certificateHold
check "a hold can be made final" json '.revoked[0].reason == "superseded" and (.revoked[0].already | not)' revoke eve --reason superseded
check "... and is not released then" fails 1 'nothing was changed' release eve

# --- a key that is elsewhere: the canary -------------------------------------------------------------

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ext -keyout "$dir/ext.key" -out "$dir/ext.csr" 2>/dev/null
ca sign client "$dir/ext.csr" --name ext --out "$dir/ext" || { echo "$err"; cat "$dir/out"; }
check "one whose key we never had logs in" gets_in ext "$dir/ext.crt" "$dir/ext.key"
keys_before=$(find "$dir/ca" -name '*.key' | wc -l)
check "revoke proves it by a canary on the same CRL" json '.proofs[0].by == "canary" and .proofs[0].outcome == "proved"' revoke ext
check "... PostgreSQL refuses the real one" is_refused ext "$dir/ext.crt" "$dir/ext.key"
check "... the canary left no file" test "$(find "$dir/ca" -name '*.key' | wc -l)" -eq "$keys_before"
canary_is_known()
{
    ca list --json --all --revoked || return 1
    [ "$(openssl crl -in "$dir/ca/crl/ca.crl" -noout -text | grep -c 'Serial Number')" -eq "$(jq '.certificates | length' <<<"$out")" ] &&
        [ "$(jq '[.certificates[] | select(.kind == "other")] | length' <<<"$out")" -eq 1 ]
}
check "... and is on the CRL as the ledger knows it" canary_is_known

many()
{
    seq -f 'many%g' 25 >"$dir/many"
    ca issue client --from-file "$dir/many" || { cat "$dir/err"; return 1; }
    # shellcheck disable=SC2046 # words
    json '[.proofs[] | .by] == ["certificate"] + [range(24) | "crl"] and ([.proofs[].outcome] | unique == ["proved"])' revoke $(seq -f 'many%g' 25) &&
        is_refused many25
}
pg_sql "DO \$\$ BEGIN FOR i IN 1..25 LOOP EXECUTE 'CREATE ROLE many' || i || ' LOGIN'; END LOOP; END \$\$"
check "of many the first shows which CRL is in force, for the others too" many

# --- what goes wrong is said, and nothing is lost ----------------------------------------------------

wrong_place() { fails 1 'still accepts it' revoke bob --crl-file "$place/other.crl" && grep -q "ssl_crl_file is $place/root.crl" "$dir/err"; }
check "published to where the server does not look: exit 1, and what to do" wrong_place
check "... the proof was right" gets_in bob
check "... the revocation is kept: crl --publish mends" eval 'ca crl --publish && is_refused bob'

no_crl_set() { sets "ssl_crl_file=" && fails 1 'neither ssl_crl_file nor ssl_crl_dir' revoke dora; }
check "a server without any CRL is told by name" no_crl_set
sets "ssl_crl_file=$place/root.crl"
check "... and mended by its settings and a reload" eval 'ca crl --publish && is_refused dora'

broken_place()
{
    mv "$place/root.crl" "$place/kept" && mkfifo "$place/root.crl" || return 1
    fails 1 'crl --publish' revoke carl || return 1
    rm "$place/root.crl" && mv "$place/kept" "$place/root.crl" && gets_in carl
}
check "a place that cannot be written: exit 1, says how to publish again" broken_place
check "... which does it" eval 'ca crl --due --publish && is_refused carl'

down()
{
    ca issue client app --second || { cat "$dir/err"; return 1; }
    gets_in app || return 1
    stop_postgres
    fails 1 'crl --publish' revoke app || return 1
    restart_postgres
}
check "a server that is down: exit 1, and the file is in place for its start" down
check "... it refuses the certificate" is_refused app
check "... the reload that it missed is made up for once" json '(.published.reloads | map(.done) == [true])' crl --due --publish
check "... not twice" json '.published.reloads == []' crl --due --publish

# --- by pid, by folder -------------------------------------------------------------------------------

bare() { "$tool" --config "$dir/bare.yaml" "$@" </dev/null; }
by_pid()
{
    ca issue client bob --second && gets_in bob || return 1
    bare --json revoke bob --crl-file "$place/root.crl" --pid-file "$PG_DATA/postmaster.pid" --probe "127.0.0.1:$PG_PORT" >"$dir/out" 2>"$dir/err" &&
        jq -e '.published.reloads[0].done and .proofs[0].outcome == "proved"' "$dir/out" && is_refused bob
}
check "by --pid-file and --probe, without a connection" by_pid
no_server()
{
    local code=0
    ca issue client bob --second || return 1
    bare revoke bob --crl-file "$place/x.crl" 2>"$dir/err" || return 1
    grep -q 'no server is named .*no session was looked for, and nothing was proved' "$dir/err" || { cat "$dir/err"; return 1; }
    bare revoke bob --crl-file "$place/x.crl" --terminate >"$dir/out" 2>"$dir/err" || code=$?
    [ "$code" -eq 1 ] && grep -q 'no session was looked for' "$dir/err" || { echo "exit $code"; cat "$dir/err"; return 1; }
}
check "where no server is named, that is said, and --terminate is no success" no_server
not_a_server()
{
    sleep 60 >/dev/null 2>&1 &
    local other=$! code=0
    echo "$other" >"$dir/pid"
    bare crl --publish --crl-file "$place/root.crl" --pid-file "$dir/pid" 2>"$dir/err" || code=$?
    kill -0 "$other" && kill "$other" && [ "$code" -eq 1 ] && grep -q 'did not reload' "$dir/err"
}
check "a pid file of something else: it is left alone" not_a_server

by_dir()
{
    bare crl --publish --crl-dir "$place/crls" && sets "ssl_crl_file=" "ssl_crl_dir=$place/crls" || return 1
    ca issue client eve --second && gets_in eve || { cat "$dir/err"; return 1; }
    loaded=$(pg_sql 'SELECT pg_conf_load_time()')
    bare --json revoke eve --crl-dir "$place/crls" --probe "127.0.0.1:$PG_PORT" >"$dir/out" 2>"$dir/err" || { cat "$dir/err"; return 1; }
    jq -e '.published.dir_changed and .published.reloads == [] and .proofs[0].outcome == "proved"' "$dir/out" && is_refused eve &&
        [ "$(pg_sql 'SELECT pg_conf_load_time()')" = "$loaded" ]
}
check "ssl_crl_dir is in force at once, without a reload" by_dir

# --- PgBouncer ---------------------------------------------------------------------------------------

PGBOUNCER=$(PATH=$PATH:/usr/sbin command -v pgbouncer)
# Somebody may have taken the port meanwhile.
start_bouncer()
{
    try_bouncer 2>"$dir/tried" || try_bouncer 2>"$dir/tried" || try_bouncer
}
try_bouncer()
{
    bouncer_port=$(pg_random_port)
    install -d -o postgres "$dir/bouncer"
    cp "$dir/ca/trust.crt" "$dir/ca/server.crt" "$dir/ca/server.key" "$dir/bouncer" || return 1
    cat >"$dir/bouncer/ini" <<END
[databases]
postgres = host=$PG_SOCKET_DIR port=$PG_PORT user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bouncer_port
unix_socket_dir =
auth_type = cert
auth_file = $dir/bouncer/users
client_tls_sslmode = verify-full
client_tls_ca_file = $dir/bouncer/trust.crt
client_tls_cert_file = $dir/bouncer/server.crt
client_tls_key_file = $dir/bouncer/server.key
logfile = $dir/bouncer/log
END
    printf '"app" ""\n"dora" ""\n' >"$dir/bouncer/users"
    chown postgres "$dir"/bouncer/*
    (cd / && exec setpriv --reuid postgres --regid postgres --clear-groups "$PGBOUNCER" -q "$dir/bouncer/ini") >/dev/null 2>"$dir/bouncer/stderr" &
    bouncer_pid=$!
    for _ in $(seq 1000); do
        (exec 3<>"/dev/tcp/127.0.0.1/$bouncer_port") 2>/dev/null && return 0
        kill -0 "$bouncer_pid" 2>/dev/null || break
        sleep 0.02
    done
    kill "$bouncer_pid" 2>/dev/null
    cat "$dir/bouncer/stderr" "$dir/bouncer/log" >&2
    return 1
}
if [ -n "$PGBOUNCER" ]; then
    ca issue server localhost --san 127.0.0.1 || echo "$err"
    if start_bouncer; then ok "PgBouncer with auth_type = cert"; else not_ok "PgBouncer with auth_type = cert"; fi
    bouncer_in() { port=$bouncer_port; "$PG_BIN/psql" -X -q -A -t -c 'SELECT 1' "host=127.0.0.1 port=$port dbname=postgres user=dora sslmode=require sslrootcert=$dir/none sslcert=$dir/ca/clients/dora.crt sslkey=$dir/ca/clients/dora.key"; }
    cat >>"$dir/ca.yaml" <<END
  pgbouncer: ["127.0.0.1:$bouncer_port"]
  crl_dir: $place/crls
END
    ca issue client dora --second || echo "$err"
    through() { [ "$(bouncer_in)" = 1 ]; }
    check "a certificate gets in there" through
    warned()
    {
        json '([.proofs[] | .outcome] | sort == ["bouncer", "proved"]) and (.warnings | map(test("reads no CRL")) | any)' revoke dora
    }
    check "revoke: PostgreSQL refuses it, and the warning says that PgBouncer does not" warned
    check "... which is so" through
    check "... and for people on standard error" eval 'fails 0 "PgBouncer reads no CRL" revoke dora'
else
    skip "PgBouncer" "not installed"
fi

# --- servers that ask for nothing --------------------------------------------------------------------

pg_hba "hostssl all all 127.0.0.1/32 trust"
nothing_asked() { sets "ssl_crl_dir=" "ssl_ca_file=" && json '[.proofs[] | select(.outcome != "bouncer") | .outcome] | unique == ["not-asked"]' revoke dora; }
check "a server that asks for no certificate: said, and no failure" nothing_asked

# --- events ------------------------------------------------------------------------------------------

trail() { [[ $(jq -r .event "$dir/audit.jsonl" | sort -u | tr '\n' ' ') == *crl*hold*publish*release*revoke* ]]; }
check "each of these is an event" trail
check "none of the keys is in any output or event" eval '! grep -rl "PRIVATE KEY" "$dir/audit.jsonl" "$PG_LOG"'

report_end
