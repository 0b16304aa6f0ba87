#!/usr/bin/env bash
# LDAP groups become roles on real servers, and no mistake of anybody's takes a role away.
# time: 900
#
# The sync runs as the OS user nobody, as the runner that `roles print-grants` makes.  After every run that
# changed something a second one must find nothing to do.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/postgres.sh"
. "$here/slapd.sh"

work=$(mktemp -d)
chmod 755 "$work"
sessions=()
finish()
{
    local pid
    for pid in "${sessions[@]}"; do
        kill "$pid" 2>/dev/null
    done
    [ -z "${SLAPD_PID-}" ] || stop_slapd
    use_first 2>/dev/null
    stop_postgres immediate
    use_second 2>/dev/null
    stop_postgres immediate
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# --- two servers, one directory --------------------------------------------------------------------

use_first() { PG_PORT=$first_port PG_SOCKET_DIR=$first_socket PG_DATA=$first_data; }
use_second() { PG_PORT=$second_port PG_SOCKET_DIR=$second_socket PG_DATA=$second_data; }

mkdir "$work/first" "$work/second" "$work/bin" "$work/etc" "$work/var"
start_postgres "$work/second" || exit 1
second_port=$PG_PORT second_socket=$PG_SOCKET_DIR second_data=$PG_DATA
start_postgres "$work/first" || exit 1
first_port=$PG_PORT first_socket=$PG_SOCKET_DIR first_data=$PG_DATA
start_slapd "$work/slapd" || { not_ok "slapd starts"; report_end; }
cp "$build/pgsignet-ldap-sync" "$work/bin/" || exit 1
sync=$work/bin/pgsignet-ldap-sync
cp "$SLAPD_BIND_PW_FILE" "$work/etc/ldap.password"
cp "$SLAPD_CA" "$work/etc/ca.crt"
chmod 755 "$work/slapd"
chown nobody "$work/var"
chgrp nogroup "$work/etc/ldap.password"
chmod 440 "$work/etc/ldap.password"

people=ou=people,dc=example,dc=com
groups=ou=groups,dc=example,dc=com
conninfo="host=$first_socket port=$first_port dbname=postgres user=pgsignet_sync"
other="host=$second_socket port=$second_port dbname=postgres user=pgsignet_sync"

# configure [RULES]: $servers, $sync_lines and $ldap_lines count.
servers="[\"$conninfo\"]" sync_lines='' ldap_lines=''
base_rules="
    - search: {base: \"$groups\", filter: \"(cn=pg-dba)\"}
      role: \"{dn.uid}\"
      grant: [dbrole_admin]
      options: {connection_limit: 10}
    - search: {base: \"$groups\", filter: \"(cn=pg-users)\"}
      nested: climb
      role: \"{dn.uid}\"
      grant: [dbrole_readwrite]
    - static: [app_reader]
      grant: [dbrole_readonly]"
configure()
{
    cat >"$work/etc/sync.yaml" <<END
ldap:
  uris: ["${ldap_uri:-$SLAPD_LDAPS_URI}"]
  ca_file: $work/etc/ca.crt
  bind_dn: $SLAPD_BIND_DN
  bind_password_file: $work/etc/ldap.password
  user_base: $people
  user_filter: "(uid=%u)"
$ldap_lines
sync:
  postgres: $servers
  protect: [postgres, "protected_*"]
  audit: $work/var/audit.jsonl
$sync_lines
  rules:${1:-$base_rules}
END
    chmod 644 "$work/etc/sync.yaml"
}

# sync_as USER ARGUMENT...: sets out, err and code.
sync_as()
{
    local user=$1
    shift
    code=0
    (cd / && exec runuser -u "$user" -- "$sync" --config "$work/etc/sync.yaml" "$@") \
        >"$work/out" 2>"$work/err" || code=$?
    out=$(<"$work/out")
    err=$(<"$work/err")
}

sync() { sync_as nobody "$@"; }

# ends NAME CODE: how the last one ended.
ends()
{
    if [ "$code" -eq "$2" ]; then
        ok "$1"
    else
        not_ok "$1" "exit $code instead of $2
$out
$err"
    fi
}

# says NAME PATTERN [TEXT]: a line of what it printed (or of TEXT) matches the extended regular expression.
says()
{
    if grep -qE -- "$2" <<<"${3-$out
$err}"; then
        ok "$1"
    else
        not_ok "$1" "no line like $2 in:
${3-$out
$err}"
    fi
}

same()
{
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
    fi
}

# A run, and a second that has nothing to do.
runs()
{
    local name=$1
    shift
    sync run "$@"
    ends "$name" 0
    settled "$name: a second run plans nothing"
}

settled()
{
    local said=$out complained=$err status=$code
    sync check
    if [ "$code" -eq 0 ] && grep -q ' 0 changes due' <<<"$out"; then
        ok "$1"
    else
        not_ok "$1" "exit $code
$out
$err"
    fi
    out=$said err=$complained code=$status
}

# Everything of the server that a sync could change, as text.
state()
{
    pg_sql "SELECT rolname, rolcanlogin, rolsuper, rolconnlimit, rolvaliduntil, shobj_description(oid, 'pg_authid'),
                   (SELECT array_agg(setconfig ORDER BY setdatabase) FROM pg_db_role_setting WHERE setrole = r.oid),
                   (SELECT array_agg(g.rolname || m.admin_option ORDER BY g.rolname) FROM pg_auth_members m
                      JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)
              FROM pg_roles r WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE \"C\""
}

member_of() { pg_sql "SELECT pg_has_role('$1', '$2', 'MEMBER')"; }

ldap_change()
{
    LDAPTLS_CACERT=$SLAPD_CA ldapmodify -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" -y "$SLAPD_ADMIN_PW_FILE" \
        >"$work/ldapmodify.log" 2>&1 || { cat "$work/ldapmodify.log" >&2; return 1; }
}

# put GROUP UID, take GROUP UID
put() { printf 'dn: cn=%s,%s\nchangetype: modify\nadd: member\nmember: uid=%s,%s\n' "$1" "$groups" "$2" "$people" | ldap_change; }
take() { printf 'dn: cn=%s,%s\nchangetype: modify\ndelete: member\nmember: uid=%s,%s\n' "$1" "$groups" "$2" "$people" | ldap_change; }

add_group()
{
    local name=$1
    shift
    {
        printf 'dn: cn=%s,%s\nchangetype: add\nobjectClass: groupOfNames\n' "$name" "$groups"
        for member in "$@"; do
            printf 'member:: %s\n' "$(printf '%s' "$member" | base64 -w0)"
        done
    } | ldap_change
}

# session ROLE: an open session; waits for it to be there.
session()
{
    "$PG_BIN/psql" -X -q -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U "$1" -d postgres -c 'SELECT pg_sleep(600)' \
        >"$work/session.$1" 2>&1 &
    sessions+=($!)
    local tries=0
    until [ "$(pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = '$1'")" -gt 0 ] || [ $((tries += 1)) -gt 1000 ]; do
        sleep 0.05
    done
}

sessions_of() { pg_sql "SELECT count(*) FROM pg_stat_activity WHERE usename = '$1' AND backend_type = 'client backend'"; }

# session_ends NAME ROLE: it was told to, and takes its moment.
session_ends()
{
    local tries=0
    until [ "$(sessions_of "$2")" = 0 ] || [ $((tries += 1)) -gt 400 ]; do sleep 0.05; done
    same "$1" "$(sessions_of "$2")" 0
}

# --- the tiers, and a runner that is no superuser ----------------------------------------------------

add_group pg-dba "uid=alice,$people" "uid=bob,$people" &&
    add_group pg-inner "uid=grace,$people" &&
    add_group pg-users "uid=carol,$people" "cn=pg-inner,$groups" || exit 1

for cluster in first second; do
    "use_$cluster"
    servers="[\"host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres\"]"
    configure
    sync_as root roles check
    ends "$cluster: roles check finds that there are no tiers" 2
    sync_as root roles init
    ends "$cluster: roles init makes them" 0
    sync_as root roles init
    ends "$cluster: and has nothing to do then" 0
    sync_as root roles check
    ends "$cluster: roles check is content" 0
    sync_as root --print-grants --runner pgsignet_sync
    ends "$cluster: --print-grants prints SQL" 0
    check "$cluster: which psql takes, whatever the server's version" pg_sql "$out"
    check "$cluster: twice" pg_sql "$out"
    same "$cluster: the runner is no superuser" "$(pg_sql "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'pgsignet_sync'")" "f|t"
done
use_first
servers="[\"host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=postgres\"]"
configure
sync_as root roles print-grants --runner someone
says "print-grants names the runner that was asked for" 'someone'
pg_sql "ALTER DEFAULT PRIVILEGES FOR ROLE dbrole_admin REVOKE SELECT ON TABLES FROM dbrole_readonly"
sync_as root roles check
ends "roles check reports drift" 2
says "and says which" 'dbrole_readonly'
sync_as root roles init -q
servers="[\"$conninfo\"]"
configure

# --- joiners -----------------------------------------------------------------------------------------

before=$(state)
sync plan
ends "plan of a first run" 0
planned=$(grep -vE 'changes (due|made)' <<<"$out")
says "a line a change, with group and rule" '^grant dbrole_admin to alice  \(cn=pg-dba, rule 1\)$'
says "a line of figures" '^5 roles wanted, 5 joiners, 0 movers, 0 leavers, [0-9]+ changes due'
same "plan changes nothing" "$(state)" "$before"
sync run --dry-run
same "run --dry-run prints the same" "$(grep -vE 'changes (due|made)' <<<"$out")" "$planned"
same "and changes nothing" "$(state)" "$before"
sync check
ends "check says that changes are pending" 2
sync plan --format sql
same "the SQL is one transaction" "$(grep -cE '^(BEGIN|COMMIT);?$' <<<"$out")" 2
sql=$out
sync plan --format json
same "the JSON has as many changes" "$(jq '.clusters[0].plan.changes | length' <<<"$out")" "$(wc -l <<<"$planned")"
sync run
ends "the first run" 0
same "run prints what plan printed" "$(grep -vE 'changes (due|made)' <<<"$out")" "$planned"
settled "a second run plans nothing"
same "alice is an admin" "$(member_of alice dbrole_admin)" t
same "grace is in by a nested group" "$(member_of grace dbrole_readwrite)" t
same "and no admin" "$(member_of grace dbrole_admin)" f
same "the static role is there" "$(member_of app_reader dbrole_readonly)" t
same "options are set" "$(pg_sql "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'alice'")" 10
after=$(state)
use_second
check "the SQL of the plan does the same by psql" pg_sql "SET ROLE pgsignet_sync; $sql"
same "to the last option" "$(state)" "$after"
use_first
pg_as alice 'CREATE TABLE by_alice (x int)' && pg_as app_reader 'SELECT * FROM by_alice' >/dev/null 2>&1
same "a table that an admin creates as himself is readable for the tiers" $? 0

# --- events and metrics ------------------------------------------------------------------------------

same "one event a change" "$(grep -c '"event":"sync-' "$work/var/audit.jsonl")" "$(wc -l <<<"$planned")"
same "which says who, what and why" \
    "$(jq -r 'select(.event == "sync-grant" and .user == "alice") | [.result, .object, .group, .detail] | join("|")' "$work/var/audit.jsonl")" \
    "done|dbrole_admin|cn=pg-dba,$groups|grant dbrole_admin to alice  (cn=pg-dba, rule 1)"
same "and no uid of a backend" "$(jq -r 'select(.uid or .backend_pid) | .event' "$work/var/audit.jsonl")" ''

# --- movers ------------------------------------------------------------------------------------------

put pg-users bob && take pg-dba bob || exit 1
session bob
sync run --metrics "$work/var/sync.prom" --json
ends "a mover: out of one group, into another" 0
check "run --json is one document" jq -e '.exit_status == 0 and .clusters[0].result == "done"' "$work/out"
settled "and then nothing is to be done"
same "he has the new grant" "$(member_of bob dbrole_readwrite)" t
same "and not the old one" "$(member_of bob dbrole_admin)" f
session_ends "his session ended, for he lost a grant" bob
check "his setting of the admins went" test "$(pg_sql "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname = 'bob'")" = 0
says "the metrics count the changes" '^pgsignet_ldap_sync_changes_total\{cluster="[^"]*",kind="revoke"\} 1$' "$(<"$work/var/sync.prom")"
sync run --metrics "$work/var/sync.prom" -q
same "-q says nothing when nothing is wrong" "$out$err" ''
says "and count on" '^pgsignet_ldap_sync_runs_total\{cluster="[^"]*",result="success"\} 2$' "$(<"$work/var/sync.prom")"

# --- leavers -----------------------------------------------------------------------------------------

sync_lines='  guards: {max_leavers: 1}'
configure
session alice
put pg-dba henry && take pg-dba alice || exit 1
runs "a leaver, and a joiner in his place"
same "the leaver may not log in" "$(pg_sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'")" f
same "has no grant" "$(member_of alice dbrole_admin)" f
session_ends "his session ended" alice
says "his comment says since when" '^pgsignet: left 20[0-9-]+T[0-9:]+Z$' "$(pg_sql "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'alice'")"
same "his table is still his" "$(pg_sql "SELECT count(*) FROM pg_tables WHERE tablename = 'by_alice'")" 1
put pg-dba alice || exit 1
runs "he comes back"
same "and may log in" "$(pg_sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'")" t
same "as an admin" "$(member_of alice dbrole_admin)" t
same "without the comment" "$(pg_sql "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'alice'")" ''

pg_sql "ALTER ROLE alice NOLOGIN"
take pg-dba alice && sync run && put pg-dba alice || exit 1
runs "one whom an admin locked leaves and comes back"
same "and is still locked" "$(pg_sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'")" f
pg_sql "ALTER ROLE alice LOGIN"

sync explain alice
ends "explain" 0
says "names group and rule" 'pg-dba'
says "and what the server has" 'managed, may log in; in .*dbrole_admin'
sync explain nobody-of-that-name
ends "explain of an unknown name" 0
says "says that there is no such role" 'no such role'

# --- a signal at the worst moment ----------------------------------------------------------------------

# The server's COMMIT waits for a standby that there is not.
pg_sql "ALTER SYSTEM SET wal_level = replica; ALTER SYSTEM SET max_wal_senders = 1;
        ALTER SYSTEM SET synchronous_standby_names = '*'; ALTER ROLE pgsignet_sync SET synchronous_commit = on" &&
    restart_postgres || exit 1
put pg-dba dave && was=$(wc -l <"$work/var/audit.jsonl") || exit 1
# No program in between that would take the signal.
(cd / && exec setpriv --reuid nobody --regid nogroup --clear-groups "$sync" --config "$work/etc/sync.yaml" run) >"$work/signalled" 2>&1 &
signalled=$!
sessions+=("$signalled")
tries=0
until [ "$(pg_sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" = 1 ] || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
check "a commit that hangs" test "$tries" -le 1000
kill -TERM "$signalled"
pg_sql "ALTER SYSTEM RESET ALL" && pg_sql 'SELECT pg_reload_conf()' >/dev/null
wait "$signalled"
same "SIGTERM then ends the run" $? 143
same "but not before what it changed is recorded" \
    "$(tail -n +$((was + 1)) "$work/var/audit.jsonl" | jq -r 'select(.user == "dave") | .event' | sort | paste -sd ,)" \
    sync-create,sync-grant,sync-set
says "and said" '^grant dbrole_admin to dave ' "$(<"$work/signalled")"
pg_sql "ALTER ROLE pgsignet_sync RESET ALL"
take pg-dba dave && sync run && pg_sql 'DROP ROLE dave' || exit 1

# --- guards ------------------------------------------------------------------------------------------

before=$(state)
# guarded NAME CODE WORD [ARGUMENT...]: a run ends so, says so, records it, and has changed nothing.
guarded()
{
    local name=$1 want=$2 word=$3 was
    shift 3
    was=$(wc -l <"$work/var/audit.jsonl")
    sync run "$@"
    ends "$name: exit $want" "$want"
    says "$name: is said" "guard $word: "
    same "$name: nothing is lost" "$(state)" "$before"
    same "$name: is an alert" \
        "$(tail -n +$((was + 1)) "$work/var/audit.jsonl" | jq -r 'select(.event == "sync-guard") | .object + " " + .severity' | sort -u | head -n 1)" "$word alert"
}

take pg-dba henry && take pg-users bob || exit 1
guarded "more leavers than allowed" 12 leavers
sync plan
ends "plan shows them" 12
says "by name" 'henry'
sync plan --format sql
same "but no SQL that somebody could run" "$out" ''
put pg-dba henry && put pg-users bob || exit 1

# Who is in another group as well stays, and loses a grant all the same.
sync_lines='  guards: {max_revokes: 0}'
configure
put pg-users alice && runs "in two groups" && before=$(state) && take pg-dba alice || exit 1
guarded "more who stay and lose a grant than allowed" 19 revokes
says "more who stay and lose a grant than allowed: how many" 'guard revokes: 1 of [0-9]+ managed roles would stay and lose a grant, at most 0 may at once \(sync.guards.max_revokes\); nothing was changed: '
sync run --force leavers
ends "another guard's force does not help" 19
runs "--force revokes passes it over" --force revokes
same "and the grant is gone" "$(member_of alice dbrole_admin)" f
sync_lines=''
configure
put pg-dba alice && take pg-users alice && runs "one at once may" || exit 1
before=$(state)

# A group that holds grace is no longer to be seen: nobody may take her for a leaver.
stop_slapd
sed -i "s/^access to \* by/access to dn.exact=\"cn=pg-inner,$groups\" by * none\n&/" "$SLAPD_DIR/slapd.conf"
slapd_run
guarded "a nested group that may not be seen" 11 incomplete
says "a nested group that may not be seen: by name" "guard incomplete: nobody can see cn=pg-inner,$groups, a member of cn=pg-users,$groups \(rule 2\)"
stop_slapd
sed -i '/^access to dn.exact="cn=pg-inner/d' "$SLAPD_DIR/slapd.conf"
slapd_run
# of_users VERB: a member that no search finds is put in, or taken away.
of_users() { printf 'dn: cn=pg-users,%s\nchangetype: modify\n%s: member\nmember: cn=lost,ou=elsewhere,dc=example,dc=com\n' "$groups" "$1" | ldap_change; }
of_users add && put pg-users alice || exit 1
runs "a member that nobody can see, and nobody would lose anything"
says "it is said all the same" "warning: nobody can see cn=lost,ou=elsewhere,dc=example,dc=com, a member of cn=pg-users,$groups \(rule 2\): it may be a group"
of_users delete && take pg-users alice && runs "when it is gone, a grant may be lost" || exit 1

printf 'alice,alicia\nno comma here\n' >"$work/etc/names.csv"
configure "
    - search: {base: \"$groups\", filter: \"(cn=pg-dba)\"}
      role: \"{dn.uid|map:$work/etc/names.csv}\"
      grant: [dbrole_admin]"
was=$(wc -l <"$work/var/audit.jsonl")
sync run
ends "a map that cannot be read" 1
says "a map that cannot be read: rule, file and line are named" "the rules cannot be used \(rules-unusable\): sync.rules: rule 1: role: \|map:$work/etc/names.csv: line 2 is not OLD,NEW; nothing was changed"
same "a map that cannot be read: nothing is lost" "$(state)" "$before"
same "a map that cannot be read: is an alert" \
    "$(tail -n +$((was + 1)) "$work/var/audit.jsonl" | jq -r '.event + " " + .result + " " + .severity')" "sync-rules failed alert"
sync plan
ends "plan says it too" 1

configure "
    - search: {base: \"$groups\", filter: \"(cn=no-such-group)\"}
      role: \"{dn.uid}\"
      grant: [dbrole_admin]"
guarded "an empty answer" 10 empty
configure "
    - search: {base: \"$groups\", filter: \"(cn=pg-inner)\"}
      role: \"{dn.uid}\"
      grant: [dbrole_readonly]
      options: {valid_until: \"{dn.uid}\"}$base_rules"
sync run
ends "a group's only person, whose entry makes no end, is left out and ends no run" 16
same "and keeps what he has" "$(state)" "$before"
configure "
    - search: {base: \"ou=nowhere,dc=example,dc=com\"}
      role: \"{dn.uid}\"
      grant: [dbrole_admin]$base_rules"
sync run
same "a base that is not there: nothing is lost" "$(state)" "$before"
check "and the run fails" test "$code" -ne 0
configure

kill -STOP "$SLAPD_PID"
ldap_lines='  timeout: 1s' sync_lines='  read_timeout: 3s'
configure
sync run
kill -CONT "$SLAPD_PID"
ends "a directory that does not answer" 1
same "nothing is lost" "$(state)" "$before"
ldap_lines='' sync_lines=''
ldap_uri=ldaps://127.0.0.1:1
configure
sync run --metrics "$work/var/sync.prom"
ends "no directory at all" 1
same "nothing is lost then" "$(state)" "$before"
says "the metrics keep the last success" '^pgsignet_ldap_sync_last_success_timestamp_seconds\{cluster="[^"]*"\} [1-9]' "$(<"$work/var/sync.prom")"
says "and count the failure" 'result="failure"\} 1$' "$(<"$work/var/sync.prom")"
ldap_uri=
configure

# A size limit: slapd gives a part and says so.
stop_slapd
sed -i 's/^database mdb/sizelimit 2\n&/' "$SLAPD_DIR/slapd.conf"
slapd_run
configure "
    - search: {base: \"$people\", filter: \"(objectClass=inetOrgPerson)\"}
      members: memberOf
      role: \"{uid}\"
      grant: [dbrole_readonly]$base_rules"
guarded "a size limit in the middle" 11 incomplete
stop_slapd
sed -i '/^sizelimit 2$/d' "$SLAPD_DIR/slapd.conf"
slapd_run
configure

# Another run: its transaction holds the lock.
lock=$(sed -n 's/^#define SERVER_LOCK *"\([0-9]*\)".*/\1/p' "${PGSIGNET_SRC:-$here/../..}/ldap_sync/server.h")
mkfifo "$work/hold"
"$PG_BIN/psql" -X -q -A -t -h "$PG_SOCKET_DIR" -p "$PG_PORT" -U postgres -d postgres <"$work/hold" >"$work/held" 2>&1 &
sessions+=($!)
exec 7>"$work/hold"
printf 'BEGIN; SELECT pg_advisory_xact_lock(%s);\n' "$lock" >&7
tries=0
until [ -s "$work/held" ] || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
guarded "another run is going" 13 running
sync run --force running
ends "--force running does without the lock" 0
exec 7>&-
wait "${sessions[-1]}" 2>/dev/null
tries=0
until [ "$(pg_sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")" = 0 ] || [ $((tries += 1)) -gt 400 ]; do sleep 0.05; done

# Guards of one name: the rest goes on.
pg_sql "CREATE ROLE dave LOGIN; CREATE ROLE \"Case\" SUPERUSER; CREATE ROLE protected_x LOGIN; CREATE ROLE victim LOGIN"
# Since 16 CREATEROLE alters only whom it made, or has ADMIN OPTION on.
[ "$(pg_sql 'SHOW server_version_num')" -lt 160000 ] ||
    pg_sql 'GRANT dave TO pgsignet_sync WITH ADMIN TRUE, INHERIT FALSE, SET FALSE' || exit 1
put pg-users dave && put pg-users Case && put pg-users erin || exit 1
sync run
check "names that are refused" test "$code" -ge 14
says "an unmanaged role" 'guard unmanaged: "dave"'
says "a superuser" 'guard privileged: "Case"'
same "are left as they are" "$(member_of dave dbrole_readwrite)" f
same "the superuser too" "$(pg_sql "SELECT count(*) FROM pg_auth_members WHERE member = '\"Case\"'::regrole")" 0
same "and the rest goes on" "$(member_of erin dbrole_readwrite)" t
take pg-users Case || exit 1
sync run
ends "an unmanaged role has its own code" 15
sync run --force unmanaged
ends "--force takes it over" 0
same "and it is a member then" "$(member_of dave dbrole_readwrite)" t
settled "and then nothing is to be done"

# --- hard names --------------------------------------------------------------------------------------

long63=$(printf '%063d' 0 | tr 0 l)
hard=('a, b+c' "o'brien" "o'brien \"q\"" 'jürgen' 'back\slash' '*)(uid=*' 'x" SUPERUSER; --' "Robert'); DROP TABLE x; --"
    '$$; ALTER ROLE hard SUPERUSER; $$' '#hash' ' lead' 'trail ' 'UPPER' 'jürgen' "$long63" 'semi;colon' 'two  blanks' 'a=b' '<x>' 'per%cent')
{
    for name in "${hard[@]}"; do
        case $name in 'a, b+c' | "o'brien"* | 'jürgen' | 'back\slash' | '*)(uid=*') continue ;; esac
        # A DN by cn, so that the uid is free to be anything.
        printf 'dn:: %s\n' "$(printf 'cn=h%s,%s' "$(printf '%s' "$name" | od -An -tx1 | tr -d ' \n' | head -c 40)" "$people" | base64 -w0)"
        printf 'changetype: add\nobjectClass: inetOrgPerson\nsn: x\nuid:: %s\n\n' "$(printf '%s' "$name" | base64 -w0)"
    done
} | ldap_change || exit 1
for bad in "$long63"m $'new\nline'; do
    printf 'dn: cn=bad%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nsn: x\nuid:: %s\n\n' "${#bad}" "$people" "$(printf '%s' "$bad" | base64 -w0)" | ldap_change
done
add_group pg-hard "uid=alice,$people" || exit 1
LDAPTLS_CACERT=$SLAPD_CA ldapsearch -x -LLL -o ldif-wrap=no -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" -y "$SLAPD_ADMIN_PW_FILE" \
    -b "$people" '(&(objectClass=inetOrgPerson)(!(uid=twin)))' 1.1 |
    sed -n "s/^dn: \(.*\)/member: \1/p; s/^dn:: \(.*\)/member:: \1/p" >"$work/members"
{
    printf 'dn: cn=pg-hard,%s\nchangetype: modify\nreplace: member\n' "$groups"
    cat "$work/members"
} | ldap_change || exit 1
configure "
    - search: {base: \"$groups\", filter: \"(cn=pg-hard)\"}
      role: \"{uid}\"
      grant: [dbrole_readonly]$base_rules"
sync run
check "hard names: what can be a role is one" test "$code" -ge 14
says "64 bytes are refused by name" "guard names: \"${long63}m\""
for name in "${hard[@]}"; do
    # slapd prepares uid by its matching rule, yet gives the value as it was stored.
    same "a role called »$name«" "$(pg_sql "SELECT count(*) FROM pg_roles WHERE rolname = '${name//\'/\'\'}'")" 1
done
same "no superuser comes out" "$(pg_sql "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolsuper")" 'Case postgres'
sync plan
says "hard names: a second run plans nothing" ' 0 changes due'
check "no raw newline or escape in what is printed" test "$(grep -c $'\x1b' "$work/out" "$work/err" | grep -vc ':0$')" -eq 0
printf 'dn: cn=pg-hard,%s\nchangetype: delete\n' "$groups" | ldap_change
configure
# Into a pipe that nobody reads any more.
was=$(wc -l <"$work/var/audit.jsonl")
locked=$(pg_sql "SELECT string_agg(oid::text, ', ') FROM pg_roles WHERE NOT rolcanlogin")
exec 8> >(exec true)
wait $!
(cd / && exec runuser -u nobody -- "$sync" --config "$work/etc/sync.yaml" run --force leavers --force revokes --force unmanaged) >&8 2>/dev/null
exec 8>&-
locked=$(pg_sql "SELECT count(*) FROM pg_roles WHERE NOT rolcanlogin AND oid NOT IN ($locked)")
check "all of them leave, when that is forced" test "$locked" -gt 20
same "and a reader who went away takes no event with him" \
    "$(tail -n +$((was + 1)) "$work/var/audit.jsonl" | grep -c '"event":"sync-lock"')" "$locked"
sync run --force leavers --force unmanaged
ends "nobody is left" 0
settled "and then nothing is to be done"

# --- two servers -------------------------------------------------------------------------------------

servers="[\"$conninfo\", \"$other\"]"
configure
sync run --force unmanaged
ends "two servers from one reading" 0
says "each line says which" "^\[$second_socket:$second_port/postgres\] "
settled "and then nothing is to be done"
first_state=$(pg_sql "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolcanlogin AND rolname !~ '^pg'")
use_second
same "both have the same" "$(pg_sql "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolcanlogin AND rolname !~ '^pg'")" "$first_state"
stop_postgres
put pg-dba dave || exit 1
sync run
ends "one of the two is down: the run fails" 1
use_first
same "the other one was done" "$(member_of dave dbrole_admin)" t
sync run --json
same "and JSON says which" "$(jq -r '[.clusters[].result] | join(" ")' <<<"$out")" 'done failed'
use_second
pg_start
sync run -q
ends "up again, it catches up" 0
same "and has it too" "$(member_of dave dbrole_admin)" t
use_first
servers="[\"$conninfo\"]"

# --- what the server refuses ---------------------------------------------------------------------------

refused_rules="
    - search: {base: \"$groups\", filter: \"(cn=pg-dba)\"}
      role: \"{dn.uid}\"
      grant: [dbrole_admin]
      options: {connection_limit: 11, set: {work_mem: nonsense}}$base_rules"
before=$(state)
configure "$refused_rules"
sync run
ends "a statement that the server refuses" 1
says "is named, with the server's words" 'set work_mem of alice to nonsense .*: .*work_mem'
same "and nothing is changed" "$(state)" "$before"
sync_lines='  on_error: skip'
configure "$refused_rules"
was=$(wc -l <"$work/var/audit.jsonl")
sync run
ends "with on_error: skip it fails all the same" 1
same "but the rest is done" "$(pg_sql "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'alice'")" 11
same "and events say which is which" \
    "$(tail -n +$((was + 1)) "$work/var/audit.jsonl" | jq -r 'select(.user == "alice") | .event + " " + .result' | sort | paste -sd ,)" \
    'sync-limit done,sync-set failed'
sync_lines=''
configure
runs "and back again"

# --- drop --------------------------------------------------------------------------------------------

sync_lines='  leavers: {drop_after: 1s, reassign_to: dbrole_admin}'
configure
servers="[\"host=$first_socket port=$first_port dbname=postgres user=postgres\"]"
configure
take pg-dba alice || exit 1
sync_as root run
ends "a leaver whose role is to be dropped" 0
sleep 2 # drop_after is a time on the wall
sync_as root run
ends "is dropped when it is time" 0
same "his role is gone" "$(pg_sql "SELECT count(*) FROM pg_roles WHERE rolname = 'alice'")" 0
same "his table has another owner" "$(pg_sql "SELECT tableowner FROM pg_tables WHERE tablename = 'by_alice'")" dbrole_admin
servers="[\"$conninfo\"]" sync_lines=''
configure

# --- watch -------------------------------------------------------------------------------------------

sync_lines='  poll: 1s'
configure
# No program in between that would take the signal.
(cd / && exec setpriv --reuid nobody --regid nogroup --clear-groups "$sync" --config "$work/etc/sync.yaml" run --watch) >"$work/watch.out" 2>"$work/watch.err" &
watcher=$!
sessions+=("$watcher")
tries=0
until grep -q 'roles wanted' "$work/watch.out" || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
# arrives QUERY ANSWER: the server comes to say so; least is the shortest time that this took.
least=
arrives()
{
    local started=${EPOCHREALTIME/./} tries=0 took
    until [ "$(pg_sql "$1")" = "$2" ] || [ $((tries += 1)) -gt 1000 ]; do sleep 0.05; done
    same "--watch: what was changed in the directory comes to the server" "$(pg_sql "$1")" "$2"
    took=$(((${EPOCHREALTIME/./} - started) / 1000))
    [ -n "$least" ] && [ "$least" -le "$took" ] || least=$took
}
put pg-dba alice || exit 1
arrives "SELECT count(*) FROM pg_roles WHERE rolname = 'alice' AND rolcanlogin" 1
put pg-users alice || exit 1
arrives "SELECT pg_has_role('alice', 'dbrole_readwrite', 'MEMBER') AND EXISTS (SELECT FROM pg_auth_members
    WHERE member = 'alice'::regrole AND roleid = 'dbrole_readwrite'::regrole)" t
take pg-users alice || exit 1
arrives "SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = 'alice'::regrole AND roleid = 'dbrole_readwrite'::regrole)" f
# A machine that has more to do may be late now and then.
check "--watch: a change is there within 2 seconds ($least ms)" test "$least" -le 2000
kill -TERM "$watcher"
wait "$watcher"
same "--watch: ends on SIGTERM, with the last run's code" $? 0

# --- wrong use ---------------------------------------------------------------------------------------

for arguments in '' 'rnu' 'run --forc leavers' 'run --force all' 'explain' 'roles' 'roles drop' 'run --dry-run --watch' 'plan --format xml' 'run x'; do
    # shellcheck disable=SC2086
    sync $arguments
    ends "wrong use: '$arguments'" 64
done
sync rnu
says "a misspelt command" 'did you mean "run"'
configure "
    - search: {base: \"$groups\"}
      role: \"{dn.uid\"
      grant: [dbrole_admin]"
sync run
ends "a template that is none" 1
says "is named" 'rule 1'
echo 'sync: {postgress: x}' >"$work/etc/sync.yaml"
sync run
ends "a faulty configuration" 1
says "with line and advice" 'sync.yaml:1: sync has no key "postgress"; did you mean "postgres"'

report_end
