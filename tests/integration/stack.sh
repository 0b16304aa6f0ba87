# shellcheck shell=bash
# stack.sh - the whole of it, throw-away: PostgreSQL with TLS, OpenLDAP with TLS, pgsignetd, a PAM service.
# Sourced by tests and by the demo (bash, root).  Several stacks may run side by side: own folder, ports,
# PAM service.  Up in about three seconds; nothing is shared but the system user pgsignet.
#
#   . "$PGSIGNET_SRC/tests/integration/stack.sh"
#   trap stack_stop EXIT
#   stack_start || exit 1
#   stack_role alice && stack_enroll alice && stack_code alice
#   stack_psql alice "PW-alice$STACK_CODE" 'SELECT 1'; stack_last_reason
#
# STARTING AND ENDING
#   stack_start [DIR]         DIR (default: a new one below TMPDIR) is filled and served; true when a login
#                             can be made.  What is set before it: STACK_SERVICE (PAM service, default
#                             pgsignet-test-PID), STACK_EXTRA (see stack_apply), STACK_POLICY (the default
#                             policy's YAML), PGSIGNET_BUILD, PGSIGNET_MODULE_BUILD (where the module
#                             comes from if not from there: see stack_copy_programs).
#                             STACK_STORE_YAML: the store section as a flow map, if it is not the SQLite file
#   stack_stop                ends all of it and removes DIR and the PAM files; may be called twice
#   stack_daemon_start [PREFIX...], stack_daemon_stop [SIGNAL], stack_daemon_restart
#                             pgsignetd alone; STACK_DAEMON is the master's process id; PREFIX... is a
#                             command that becomes it (env, unshare)
#   stop_slapd, restart_slapd, pg_sql, restart_postgres...: slapd.sh and postgres.sh are sourced here
#
# THE STORE: a SQLite file, or with STACK_STORE_ENGINE=postgresql before stack_start a schema in a second
# PostgreSQL below DIR/store.  Who logs in and how does not change.
#   stack_store_stop [MODE], stack_store_start, stack_store_restart     that server
#   stack_store_sql SQL [PSQL-OPTION...]      as its superuser
#   stack_store COMMAND...    a function of postgres.sh (or any command) with PG_* of that server
#   stack_store_settles       waits until that server has ended what a pgsignet-mfa that was killed has sent it
#   stack_store_size          bytes of the store on the disk, logs of the server aside
#   stack_store_yaml ENGINE   prints the store section for that engine as a flow map
#
# CONFIGURING
#   stack_policy NAME [HBA-OPTIONS] <<YAML     a policy with a database of its name: connecting to database
#                             NAME (STACK_DB=NAME stack_psql ...) is judged by it, through a PAM service of
#                             its own (policy=NAME).  STACK_PAM_LINES replaces the two lines of that
#                             service; @MODULE@ in it stands for the module with its arguments.
#   stack_apply               writes the configuration anew (base + $STACK_EXTRA, which holds whole
#                             top-level sections such as `throttle:`) and restarts the daemon;
#                             STACK_LDAP_EXTRA holds further lines of `ldap:`, unindented
#   stack_hba                 writes pg_hba.conf anew, with the lines of the array STACK_HBA above the others
#   stack_role NAME [OPTIONS] CREATE ROLE NAME LOGIN, then ALTER ROLE NAME OPTIONS; any bytes but NUL in NAME
#   stack_person NAME PASSWORD [dba]           a person in the directory, password stored as a hash
#
# LOGGING IN.  These keep state in variables: call them in the script's own shell, not in $( ).
#   stack_enroll USER [NAME]  one more token, proved and active; its secret stays in this shell's memory
#   stack_code USER [SECONDS] sets STACK_CODE to a code that is right now and for SECONDS more (15; 30 at most)
#                             and that stack_code has not given yet.  Never waits: a window of one step
#                             either way gives up to three codes a token, then a further one is enrolled.
#   stack_wrong_code USER     sets STACK_CODE to six digits that no token of USER shows now
#   stack_psql USER SECRET [SQL] [PSQL-OPTION...]   psql over TLS to 127.0.0.1, database $STACK_DB or postgres
#   stack_last_event          the last event of a login, one JSON line;  stack_last_reason: its reason
#
# VARIABLES: STACK_STORE_YAML STACK_STORE_ENGINE STACK_DIR STACK_BIN STACK_CONFIG STACK_SOCKET STACK_AUDIT STACK_STORE STACK_KEK STACK_SERVICE
#   STACK_DAEMON STACK_DAEMON_LOG STACK_MODULE, PG_* of postgres.sh, SLAPD_* of slapd.sh.

stack_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
PGSIGNET_SRC=${PGSIGNET_SRC:-${stack_here%/tests/integration}}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
# shellcheck source=tests/integration/postgres.sh
. "$stack_here/postgres.sh"
# shellcheck source=tests/integration/slapd.sh
. "$stack_here/slapd.sh"

STACK_DIR='' STACK_DAEMON='' STACK_USER_MADE='' STACK_CODE='' STACK_HBA=()
declare -A stack_secret=() stack_step=() stack_tokens=() stack_serial=()

stack_say()
{
    printf 'stack.sh: %s\n' "$*" >&2
}

# --- parts -----------------------------------------------------------------------------------------

# The user is made once for all stacks, and not removed by tests: another one may be using it.
stack_make_user()
{
    mkdir -p /run/lock && exec {stack_lock}>/run/lock/pgsignet-test-user || return 1
    flock -w 30 "$stack_lock" || return 1
    if ! getent passwd pgsignet >/dev/null; then
        useradd --system --home-dir / --no-create-home --shell /usr/sbin/nologin pgsignet || return 1
        # shellcheck disable=SC2034 # read by the demo
        STACK_USER_MADE=yes
    fi
    exec {stack_lock}>&-
}

# Copies, because the build tree may lie where the servers' users cannot read.
stack_copy_programs()
{
    local built modules
    mkdir -p "$STACK_BIN"
    for built in pgsignetd pgsignet-mfa pgsignet-ldap-sync; do
        [ -x "$PGSIGNET_BUILD/$built" ] || { stack_say "no $PGSIGNET_BUILD/$built; run ./setup build"; return 1; }
        "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 "$PGSIGNET_BUILD/$built" \
            "$STACK_BIN/$built" || return 1
    done
    # A server that was built without the sanitizers cannot load a module that was built with them.
    modules=${PGSIGNET_MODULE_BUILD:-$PGSIGNET_BUILD}
    built=$(find "$modules" -name pam_pgsignet.so -path '*.libs*' | head -n 1)
    [ -n "$built" ] || { stack_say "no pam_pgsignet.so in $modules; run ./setup build"; return 1; }
    if [[ $(ldd "$built") == *libasan* ]]; then
        stack_say "$built is built with the sanitizers; let PGSIGNET_MODULE_BUILD name a build without"
        return 1
    fi
    install -m 755 "$built" "$STACK_MODULE"
}

stack_make_folders()
{
    chmod 755 "$STACK_DIR" &&
        install -d -m 750 -o root -g pgsignet "$STACK_DIR/etc" &&
        install -d -m 755 -o pgsignet -g pgsignet "$STACK_DIR/run" &&
        install -d -m 700 -o pgsignet -g pgsignet "$STACK_DIR/lib" &&
        install -d -m 750 -o pgsignet -g pgsignet "$STACK_DIR/log" &&
        install -d -m 700 "$STACK_DIR/policies"
}

# PAM files of stacks that were killed before they could take them away.
stack_sweep()
{
    local file pid
    for file in /etc/pam.d/pgsignet-test-*; do
        pid=${file#/etc/pam.d/pgsignet-test-}
        pid=${pid%%-*}
        [ ! -e "$file" ] || kill -0 "$pid" 2>/dev/null || rm -f "$file"
    done
}

stack_write_config()
{
    local policy newline=$'\n'
    {
        cat <<END
daemon:
  socket: $STACK_SOCKET
  workers: ${STACK_WORKERS:-4}
  user: pgsignet
  clients: [${STACK_CLIENTS:-postgres}]
audit:
  file: $STACK_AUDIT
  unknown_names: ${STACK_UNKNOWN_NAMES:-hash}
store: ${STACK_STORE_YAML:-{path: $STACK_STORE\}}
keys:
  path: $STACK_KEK
ldap:
  uris: [${STACK_LDAP_URIS:-$SLAPD_LDAPS_URI}]
  ca_file: $SLAPD_CA_COPY
  bind_dn: $SLAPD_BIND_DN
  bind_password_file: $STACK_DIR/etc/bind.pw
  user_base: ou=people,$SLAPD_BASE
  user_filter: "(&(objectClass=inetOrgPerson)(uid=%u))"
  group_base: ou=groups,$SLAPD_BASE
${STACK_LDAP_EXTRA:+  ${STACK_LDAP_EXTRA//$newline/$newline  }
}postgres:
  conninfo: "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=pgsignet"
${STACK_EXTRA:-}
policies:
END
        for policy in "$STACK_DIR"/policies/*; do
            printf '  %s:\n' "${policy##*/}"
            sed 's/^/    /' "$policy"
        done
    } >"$STACK_CONFIG.new" && chgrp pgsignet "$STACK_CONFIG.new" && chmod 640 "$STACK_CONFIG.new" &&
        mv "$STACK_CONFIG.new" "$STACK_CONFIG"
}

# --- the store's server ----------------------------------------------------------------------------

# In a subshell, because PG_* name the server that is logged in to.
stack_store()
{
    (
        PG_SUPERUSER_AUTH='peer map=superuser'
        [ ! -e "$STACK_DIR/store/server" ] || . "$STACK_DIR/store/server"
        "$@"
    )
}

stack_store_stop() { stack_store stop_postgres "$@"; }
stack_store_start() { stack_store pg_start; }
stack_store_restart() { stack_store restart_postgres; }
stack_store_sql() { stack_store pg_sql "$@"; }

# A server does to its end what it was sent, a COMMIT for one, and keeps the session's locks, after the death of
# who sent it: only then does a list of tokens say what has become of them.
stack_store_settles()
{
    local tries=0
    [ -e "$STACK_DIR/store/server" ] || return 0
    until [ "$(stack_store_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgsignet_admin'")" = 0 ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { stack_say "the store's server still works for a pgsignet-mfa"; return 1; }
        sleep 0.05
    done
}

stack_store_yaml()
{
    local base
    if [ "$1" = sqlite ]; then
        printf '{path: %s}' "$STACK_STORE"
    else
        base=$(. "$STACK_DIR/store/server" && echo "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres")
        # store.timeout: a slow machine is no server that is gone.
        printf '{engine: postgresql, conninfo: "%s user=pgsignet_store", admin_conninfo: "%s user=pgsignet_admin", timeout: 6s}' \
            "$base" "$base"
    fi
}

stack_store_size()
{
    if [ "${STACK_STORE_ENGINE:-sqlite}" = sqlite ]; then
        du -cb "$STACK_STORE"* | tail -n 1 | cut -f 1
    else
        stack_store_sql "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
            WHERE relnamespace = 'pgsignet_mfa'::regnamespace AND relkind = 'r'"
    fi
}

stack_store_fill()
{
    start_postgres "$STACK_DIR/store" &&
        declare -p PG_BIN PG_DIR PG_DATA PG_SOCKET_DIR PG_PORT PG_LOG >"$STACK_DIR/store/server" &&
        printf '%s\n' 'superuser root postgres' 'superuser postgres postgres' 'store pgsignet pgsignet_store' \
            'store pgsignet pgsignet_admin' 'store root pgsignet_store' 'store root pgsignet_admin' |
        pg_run sh -c 'cat >"$1"' sh "$PG_DATA/pg_ident.conf" &&
        pg_hba "local all pgsignet_store,pgsignet_admin peer map=store" &&
        pg_sql 'ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET autovacuum_naptime = 5' &&
        pg_sql "BEGIN; $(cat "$PGSIGNET_SRC/mfa/store_pg_schema.sql"); COMMIT" >/dev/null && restart_postgres
}

# The schema as its administrator makes it: the roles of the programs may not.
stack_store_make()
{
    mkdir -p "$STACK_DIR/store" && stack_store stack_store_fill || { stack_say "no server for the store"; return 1; }
    STACK_STORE_YAML=$(stack_store_yaml postgresql)
}

# stack_write_service SERVICE [MODULE-ARGUMENT...]
stack_write_service()
{
    local service=$1 module lines
    shift
    module="$STACK_MODULE socket=$STACK_SOCKET${*:+ $*}"
    lines=${STACK_PAM_LINES:-$'auth required @MODULE@\naccount required @MODULE@'}
    printf '%s\n' "${lines//@MODULE@/$module}" >"/etc/pam.d/$service"
}

# pg_hba.conf: the superuser and the daemon by their OS users, everybody else through PAM and TLS.  True
# once the server goes by it.
stack_hba()
{
    local before policy lines=() tries=0 option
    before=$(pg_sql 'SELECT pg_conf_load_time()') || return 1
    for policy in "$STACK_DIR"/policies/*; do
        policy=${policy##*/}
        [ "$policy" != default ] || continue
        option=$(cat "$STACK_DIR/hba-$policy")
        lines+=("hostssl $policy all 127.0.0.1/32 pam pamservice=$STACK_SERVICE-$policy $option")
    done
    pg_hba "local postgres pgsignet peer" "${STACK_HBA[@]}" "${lines[@]}" \
        "hostssl all all 127.0.0.1/32 pam pamservice=$STACK_SERVICE" || return 1
    until [ "$(pg_sql 'SELECT pg_conf_load_time()')" != "$before" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || { stack_say "PostgreSQL does not reload; see $PG_LOG"; return 1; }
    done
}

# --- the daemon ------------------------------------------------------------------------------------

# A listening socket shows this flag in /proc/net/unix; asking it by a connection would make an event.
stack_listening()
{
    grep -q "00010000 .* $STACK_SOCKET\$" /proc/net/unix
}

# True once it serves.  Its log has to say so as well: the workers of a master that was killed show the old
# socket as listened on until they end.
stack_daemon_start()
{
    local tries=0 from
    touch "$STACK_DAEMON_LOG"
    from=$(($(wc -l <"$STACK_DAEMON_LOG") + 1))
    "$@" "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" --foreground >>"$STACK_DAEMON_LOG" 2>&1 </dev/null &
    STACK_DAEMON=$!
    until stack_listening && [[ $(tail -n "+$from" "$STACK_DAEMON_LOG") == *'serves on'* ]]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 3000 ] || ! kill -0 "$STACK_DAEMON" 2>/dev/null; then
            stack_say "pgsignetd does not listen on $STACK_SOCKET; the end of $STACK_DAEMON_LOG:"
            tail -n 20 "$STACK_DAEMON_LOG" >&2
            return 1
        fi
        sleep 0.01
    done
}

stack_daemon_stop()
{
    [ -n "$STACK_DAEMON" ] || return 0
    kill "-${1:-TERM}" "$STACK_DAEMON" 2>/dev/null
    # A stopped process takes the signal only once it goes on.
    kill -CONT "$STACK_DAEMON" 2>/dev/null
    wait "$STACK_DAEMON" 2>/dev/null
    STACK_DAEMON=
}

stack_daemon_restart()
{
    stack_daemon_stop && stack_daemon_start
}

stack_apply()
{
    stack_write_config || return 1
    "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" --check-config >&2 || return 1
    stack_daemon_restart
}

stack_policy()
{
    local name=$1
    cat >"$STACK_DIR/policies/$name"
    printf '%s' "${2-}" >"$STACK_DIR/hba-$name"
    stack_write_service "$STACK_SERVICE-$name" "policy=$name" || return 1
    if [ "$(pg_sql "SELECT count(*) FROM pg_database WHERE datname = '$name'")" = 0 ]; then
        pg_sql "CREATE DATABASE \"$name\"" || return 1
    fi
    stack_hba && stack_apply
}

# --- start and stop --------------------------------------------------------------------------------

stack_start()
{
    [ "$(id -u)" -eq 0 ] || { stack_say "needs root"; return 1; }
    STACK_DIR=${1:-$(mktemp -d "${TMPDIR:-/tmp}/pgsignet-stack.XXXXXX")} || return 1
    STACK_BIN=$STACK_DIR/bin
    STACK_MODULE=$STACK_BIN/pam_pgsignet.so
    STACK_CONFIG=$STACK_DIR/etc/pgsignet.yaml
    STACK_KEK=$STACK_DIR/etc/kek
    STACK_SOCKET=$STACK_DIR/run/pgsignet.sock
    STACK_STORE=$STACK_DIR/lib/store.db
    STACK_AUDIT=$STACK_DIR/log/audit.jsonl
    STACK_DAEMON_LOG=$STACK_DIR/log/pgsignetd.log
    SLAPD_CA_COPY=$STACK_DIR/etc/ldap-ca.crt
    STACK_SERVICE=${STACK_SERVICE:-pgsignet-test-$$}
    stack_sweep
    stack_make_user && mkdir -p "$STACK_DIR" && stack_make_folders && stack_copy_programs || return 1

    start_slapd "$STACK_DIR/ldap" || { stack_say "slapd did not start"; return 1; }
    install -m 644 "$SLAPD_CA" "$SLAPD_CA_COPY" &&
        install -m 640 -g pgsignet "$SLAPD_BIND_PW_FILE" "$STACK_DIR/etc/bind.pw" || return 1

    # Nobody but root and postgres is superuser, not even on a throw-away server: it can run programs.
    export PG_SUPERUSER_AUTH='peer map=superuser'
    start_postgres "$STACK_DIR" ||
        { stack_say "PostgreSQL did not start"; return 1; }
    local sql
    sql=$(cat "$PGSIGNET_SRC/authd/pgsignet.sql") && pg_sql "$sql" >/dev/null || return 1

    printf '%s\n' "${STACK_POLICY:-password: ldap
require_groups: [\"cn=dba,ou=groups,$SLAPD_BASE\"]}" >"$STACK_DIR/policies/default"
    [ "${STACK_STORE_ENGINE:-sqlite}" = sqlite ] || stack_store_make || return 1
    stack_write_service "$STACK_SERVICE" && stack_write_config && stack_hba || return 1
    "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" init >"$STACK_DIR/log/init.log" 2>&1 ||
        { cat "$STACK_DIR/log/init.log" >&2; return 1; }
    stack_daemon_start
}

stack_stop()
{
    [ -n "$STACK_DIR" ] || return 0
    stack_daemon_stop
    stop_slapd
    stop_postgres immediate
    [ ! -e "$STACK_DIR/store/server" ] || stack_store_stop immediate
    rm -f "/etc/pam.d/$STACK_SERVICE" "/etc/pam.d/$STACK_SERVICE"-*
    [ -n "${STACK_KEEP-}" ] || rm -rf "$STACK_DIR"
    STACK_DIR=
}

# --- people ----------------------------------------------------------------------------------------

stack_role()
{
    local name=${1//\"/\"\"}
    pg_sql "CREATE ROLE \"$name\" LOGIN" && { [ -z "${2-}" ] || pg_sql "ALTER ROLE \"$name\" $2"; }
}

stack_ldapmodify()
{
    LDAPTLS_CACERT=$SLAPD_CA ldapmodify -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" \
        -y "$SLAPD_ADMIN_PW_FILE" >>"$STACK_DIR/log/ldapmodify.log" 2>&1
}

# The DN is made of a number, so that any NAME will do.
stack_person()
{
    local dn hash
    stack_people=$((${stack_people:-0} + 1))
    dn="uid=person$stack_people,ou=people,$SLAPD_BASE"
    hash=$(printf '%s' "$2" | slappasswd -n -T /dev/stdin) || return 1
    {
        printf 'dn: %s\nchangetype: add\nobjectClass: inetOrgPerson\nsn: Example\n' "$dn"
        printf 'cn: person%s\nuid: person%s\n' "$stack_people" "$stack_people"
        printf 'uid:: %s\n' "$(printf '%s' "$1" | base64 -w0)"
        printf 'userPassword:: %s\n' "$(printf '%s' "$hash" | base64 -w0)"
        [ "${3-}" != dba ] ||
            printf '\ndn: cn=dba,ou=groups,%s\nchangetype: modify\nadd: member\nmember: %s\n' "$SLAPD_BASE" "$dn"
    } | stack_ldapmodify
}

# --- tokens ----------------------------------------------------------------------------------------

stack_mfa()
{
    "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" "$@"
}

# stack_totp SECRET STEP: the code of that step.  The secret goes through standard input, not the
# command line, which everybody can read.
stack_totp()
{
    printf '%s\n' "$1" | oathtool --totp -b --now="@$(($2 * 30))" -
}

# stack_free_step STEP [SECONDS]: sets stack_next to the lowest step above STEP whose code is right now and
# for SECONDS more; false if there is none.
stack_free_step()
{
    local now=$EPOCHSECONDS uptime step
    read -r uptime _ </proc/uptime
    step=$((now / 30 - 1))
    # A code of the step before is worth nothing if the step changes before it is judged.
    [ $((30 - now % 30)) -gt "${2:-15}" ] || step=$((step + 1))
    [ "$step" -gt "$1" ] || step=$(($1 + 1))
    # The daemon refuses steps that began before the machine started.
    while [ $((step * 30)) -le $((now - ${uptime%.*})) ]; do
        step=$((step + 1))
    done
    stack_next=$step
    [ "$step" -le $((now / 30 + 1)) ]
}

stack_enroll()
{
    local user=$1 name secret
    # Numbers from 100, apart from names that a caller gives.
    stack_serial["$user"]=$((${stack_serial["$user"]:-100} + 1))
    name=${2:-token${stack_serial["$user"]}}
    secret=$(stack_mfa enroll --json --no-confirm --name "$name" -- "$user" 2>>"$STACK_DIR/log/mfa.log" |
        jq -r .secret)
    [ -n "$secret" ] && [ "$secret" != null ] ||
        { stack_say "enroll $user failed: $(tail -n 3 "$STACK_DIR/log/mfa.log")"; return 1; }
    stack_free_step 0 || return 1
    stack_totp "$secret" "$stack_next" |
        stack_mfa confirm --name "$name" -- "$user" >>"$STACK_DIR/log/mfa.log" 2>&1 ||
        { stack_say "confirm $user failed: $(tail -n 3 "$STACK_DIR/log/mfa.log")"; return 1; }
    stack_adopt "$user" "$name" "$secret" "$stack_next"
}

# stack_adopt USER NAME SECRET STEP: a token that was enrolled in another way; STEP is the last one used.
stack_adopt()
{
    stack_secret["$1/$2"]=$3
    stack_step["$1/$2"]=$4
    stack_tokens["$1"]="${stack_tokens["$1"]-} $2"
}

stack_code()
{
    local user=$1 seconds=${2:-15} name key names
    for name in ${stack_tokens["$user"]-}; do
        key=$user/$name
        if stack_free_step "${stack_step["$key"]}" "$seconds"; then
            STACK_CODE=$(stack_totp "${stack_secret["$key"]}" "$stack_next") || return 1
            stack_step["$key"]=$stack_next
            return 0
        fi
    done
    read -r -a names <<<"${stack_tokens["$user"]-}"
    # A user has eight tokens at most: the oldest, which is used up, makes room.
    if [ ${#names[@]} -ge 8 ]; then
        stack_mfa remove --yes --name "${names[0]}" -- "$user" >>"$STACK_DIR/log/mfa.log" 2>&1 || return 1
        stack_tokens["$user"]=${names[*]:1}
    fi
    stack_enroll "$user" && stack_code "$user" "$seconds"
}

stack_wrong_code()
{
    local user=$1 name key now=$EPOCHSECONDS taken='' step
    for name in ${stack_tokens["$user"]-}; do
        key=$user/$name
        for step in -1 0 1 2; do
            taken="$taken $(stack_totp "${stack_secret["$key"]}" $((now / 30 + step)))"
        done
    done
    for STACK_CODE in 000000 111111 222222 333333 444444 555555; do
        [[ $taken == *$STACK_CODE* ]] || return 0
    done
}

# --- logins ----------------------------------------------------------------------------------------

stack_psql()
{
    local user=$1 secret=$2 sql=${3-SELECT session_user}
    shift "$(($# < 3 ? $# : 3))"
    printf '%s\n' "$sql" | PGPASSWORD=$secret PGUSER=$user PGHOST=127.0.0.1 PGPORT=$PG_PORT \
        PGDATABASE=${STACK_DB:-postgres} PGSSLMODE=verify-full PGSSLROOTCERT=$PG_CA PGCONNECT_TIMEOUT=60 \
        PGCLIENTENCODING=UTF8 "$PG_BIN/psql" -X -q -A -t -w -v ON_ERROR_STOP=1 "$@"
}

stack_last_event()
{
    # pgsignet-mfa writes its events to the same file.
    tail -n 50 "$STACK_AUDIT" | jq -c 'select(.event == "login" or .event == "account")' | tail -n 1
}

stack_last_reason()
{
    stack_last_event | jq -r .reason
}
