#!/usr/bin/env bash
# The sync's PostgreSQL side on a real server: what it reads, makes, names, drops, and what its runner may.
# time: 600
set -u
PGSIGNET_SRC=${PGSIGNET_SRC:-$(cd "$(dirname "$0")/../.." && pwd -P)}
PGSIGNET_BUILD=${PGSIGNET_BUILD:-$PGSIGNET_SRC/build}
here=$PGSIGNET_SRC/tests/integration
. "$here/report.sh"
. "$here/postgres.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/sync-server.XXXXXX")
stopped=

finish()
{
    [ -z "$stopped" ] || kill -CONT $stopped 2>/dev/null
    stop_postgres immediate
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

start_postgres "$work" || exit 1
version=$(($(pg_sql 'SHOW server_version_num') / 10000))
runner=postgres
conninfo()
{
    echo "host=$PG_SOCKET_DIR port=$PG_PORT dbname=postgres user=$runner"
}
probe()
{
    "$PGSIGNET_BUILD/tests/integration/sync_server_probe" "$(conninfo)" "$@" 2>>"$work/stderr"
}
# row KIND ROLE [OBJECT [VALUE]]: a line of a plan.
row()
{
    local IFS=$'\t'
    printf '%s\n' "$*"
}
# gives NAME WANTED GOT
gives()
{
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
    fi
}
# has NAME TEXT GOT: a line of GOT is TEXT, or holds it
has()
{
    case $3 in
        *"$2"*) ok "$1" ;;
        *) not_ok "$1" "no \"$2\" at the end of: $(tail -n 5 <<<"$3")" ;;
    esac
}
roles_like()
{
    pg_sql "SELECT count(*) FROM pg_roles WHERE rolname LIKE '$1'"
}
messages_of()
{
    sed -n 's/^result [a-z]* //p' <<<"$1"
}

# --- the tiers ---------------------------------------------------------------------------------------

pg_sql 'CREATE ROLE dbuser_app; CREATE DATABASE app OWNER dbuser_app'
probe owners=dbrole_admin,dbuser_app check >"$work/before"
check "an empty server lacks the tiers" grep -qx 'dbrole_offline does not exist' "$work/before"
gives "17 default privileges an owner and database, his own aside" $((3 * (13 + 17))) \
    "$(grep -c '^default privileges' "$work/before")"
probe owners=dbrole_admin,dbuser_app init >/dev/null
gives "init makes them, and a second check finds nothing" 'result ok 0' \
    "$(probe owners=dbrole_admin,dbuser_app check)"
gives "the tiers are in one another as Pigsty has them" \
    'dbrole_admin dbrole_readwrite,dbrole_admin pg_monitor,dbrole_readwrite dbrole_readonly' \
    "$(pg_sql "SELECT string_agg(m.rolname || ' ' || r.rolname, ',' ORDER BY m.rolname, r.rolname)
        FROM pg_auth_members a JOIN pg_roles m ON m.oid = member JOIN pg_roles r ON r.oid = roleid
        WHERE m.rolname LIKE 'dbrole%'")"
pg_sql 'CREATE ROLE reader LOGIN IN ROLE dbrole_readonly; CREATE ROLE writer LOGIN IN ROLE dbrole_readwrite;
    CREATE ROLE chief LOGIN IN ROLE dbrole_admin'
pg_as chief 'SET ROLE dbrole_admin; CREATE SCHEMA s; CREATE TABLE s.t (i int); INSERT INTO s.t VALUES (7)' -d app
gives "what dbrole_admin makes, dbrole_readonly may read" 7 "$(pg_as reader 'SELECT i FROM s.t' -d app)"
check "... and dbrole_readwrite write" pg_as writer 'INSERT INTO s.t VALUES (8)' -d app
check "... and dbrole_readonly may not" eval '! pg_as reader "INSERT INTO s.t VALUES (9)" -d app'
check "nobody but dbrole_admin makes schemas" eval '! pg_as writer "CREATE SCHEMA z" -d app'

pg_sql 'CREATE ROLE replicator; CREATE ROLE "we\ird" ;
    ALTER ROLE dbrole_readonly LOGIN CREATEDB; GRANT dbrole_readonly TO dbrole_offline;
    REVOKE dbrole_readonly FROM dbrole_readwrite;
    COMMENT ON ROLE dbrole_offline IS NULL; REVOKE CONNECT ON DATABASE app FROM PUBLIC;
    GRANT CREATE ON DATABASE app TO PUBLIC; REVOKE CREATE ON DATABASE app FROM dbrole_admin'
inherits='dbrole_admin is not in dbrole_readwrite'
if [ "$version" -ge 16 ]; then
    pg_sql 'GRANT dbrole_readwrite TO dbrole_admin WITH INHERIT FALSE'
else
    pg_sql 'ALTER ROLE dbrole_admin NOINHERIT'
    inherits=$'dbrole_admin does not inherit\ndbrole_admin does not inherit'
fi
pg_sql 'GRANT CREATE ON SCHEMA public TO PUBLIC; REVOKE CREATE ON SCHEMA public FROM dbrole_admin;
    ALTER DEFAULT PRIVILEGES FOR ROLE dbuser_app REVOKE SELECT ON TABLES FROM dbrole_readonly;
    ALTER DEFAULT PRIVILEGES FOR ROLE dbuser_app GRANT DELETE ON TABLES TO dbrole_offline' -d app
gives "check names every kind of drift" \
"dbrole_readonly has LOGIN
dbrole_readonly has CREATEDB
dbrole_offline has no comment
dbrole_offline is in dbrole_readonly
dbrole_readwrite is not in dbrole_readonly
$inherits
default privileges of dbuser_app in app: tables: dbrole_readonly lacks SELECT
default privileges of dbuser_app in app: tables: dbrole_offline has DELETE
database app: PUBLIC has CREATE
database app: dbrole_admin lacks CREATE
schema public of app: PUBLIC has CREATE
schema public of app: dbrole_admin lacks CREATE
database app, closed to PUBLIC: replicator lacks CONNECT
result ok 0" "$(probe owners=dbrole_admin,dbuser_app check)"
probe owners=dbrole_admin,dbuser_app init >/dev/null
gives "... and init mends it" 'result ok 0' "$(probe owners=dbrole_admin,dbuser_app check)"
has "an owner who does not exist is named" 'sync.roles.owners names nobody_here' \
    "$(probe owners=nobody_here check)"
has "a database that does not exist is named" 'database "nowhere" does not exist' \
    "$(probe databases=nowhere check)"
pg_sql 'GRANT CONNECT ON DATABASE app TO PUBLIC; REVOKE CONNECT ON DATABASE app FROM replicator;
    DROP ROLE "we\ird", replicator, reader, writer, chief'

# --- reading -----------------------------------------------------------------------------------------

long=$(printf 'l%.0s' {1..63})
pg_sql "CREATE ROLE \"q\"\"uo'te\" LOGIN; CREATE ROLE \"new
line\"; CREATE ROLE \"back\\slash\"; CREATE ROLE \"t	ab\"; CREATE ROLE \"\\N\"; CREATE ROLE \"\\.\";
    CREATE ROLE \" space \"; CREATE ROLE \"naïve–é\"; CREATE ROLE $long;
    CREATE ROLE \"x\"\" SUPERUSER; --\" NOLOGIN"
gives "names come as they are" \
' space 
\x5c.
\x5cN
back\x5cslash
dbrole_admin
dbrole_offline
dbrole_readonly
dbrole_readwrite
dbuser_app
'"$long"'
naïve–é
new\x0aline
pgsignet_managed
postgres
q"uo'"'"'te
t\x09ab
x" SUPERUSER; --' "$(probe look | awk -F'\t' '$1 == "role" && $2 !~ /^pg_/ { print $2 }' | LC_ALL=C sort)"

pg_sql "CREATE ROLE opt LOGIN CREATEROLE NOINHERIT CONNECTION LIMIT 7 VALID UNTIL '2031-02-03 04:05:06.7+00';
    COMMENT ON ROLE opt IS E'tab\\tand\\nline \\\\ back';
    ALTER ROLE opt SET search_path = 'a', 'B \"q\" c'; ALTER ROLE opt SET application_name = 'it''s=\\x';
    ALTER ROLE opt IN DATABASE app SET work_mem = '4MB';
    CREATE ROLE gone VALID UNTIL '-infinity'; CREATE ROLE ever VALID UNTIL 'infinity';
    GRANT dbrole_readonly TO opt WITH ADMIN OPTION; GRANT pgsignet_managed TO opt"
gives "options, settings for all databases, comments and memberships come as they are" \
'role	opt	cl	7	1927857906	tab\x09and\x0aline \x5c back	0
set	opt	application_name	it'"'"'s=\x5cx
set	opt	search_path	a, "B ""q"" c"
member	opt	dbrole_readonly	postgres	as
member	opt	pgsignet_managed	postgres	s' "$(probe look | awk -F'\t' '$2 == "opt"')"
has "a role that never could log in is no surprise" 'role	gone		-1	-9223372036854775807	NULL	0' "$(probe look)"
has "... nor one that always may" 'role	ever		-1	infinity	NULL	0' "$(probe look)"
has "who the runner is" "runner	postgres	superuser	$version" "$(probe look)"
pg_sql 'DROP ROLE opt, gone, ever' 2>/dev/null || pg_sql 'DROP OWNED BY opt; DROP ROLE opt, gone, ever'

# The owner of a database must not be able to have his functions called by the sync.
pg_sql 'CREATE SCHEMA trap; CREATE FUNCTION trap.pg_try_advisory_xact_lock(bigint) RETURNS boolean
    LANGUAGE sql AS $$SELECT false$$; ALTER DATABASE postgres SET search_path = trap, pg_catalog'
gives "a function in front of pg_catalog is not called" 'result ok 0' "$(probe change </dev/null | tail -n 1)"
pg_sql 'ALTER DATABASE postgres RESET search_path; DROP FUNCTION trap.pg_try_advisory_xact_lock;
    DROP SCHEMA trap'

# --- applying ----------------------------------------------------------------------------------------

pg_sql "SELECT format('DROP ROLE %I', rolname) FROM pg_roles
    WHERE rolname !~ '^(pg|dbrole_|dbuser_|postgres)' \\gexec" >/dev/null
hostile='q"uo'"'"'te new\nline back\\slash t\tab \\N x";SUPERUSER;-- naïve–é '$long
{
    for name in $hostile; do row create "$name" pgsignet_managed; done
    for name in $hostile; do row comment "$name" '\N' "it's\\n\\\\ $name"; done
    for name in $hostile; do row grant "$name" dbrole_readonly; done
} >"$work/plan"
gives "hostile names are created, commented, granted to: one message and the COMMIT" \
    "$(wc -l <"$work/plan") changed, result ok 2" \
    "$(probe apply <"$work/plan" | awk '/^changed/ { n++ } END { print n " changed, " $0 }')"
gives "... all in the marker, LOGIN, with their comments, no superuser" '8 8 8 0' \
    "$(pg_sql "SELECT count(*), count(*) FILTER (WHERE rolcanlogin),
        count(*) FILTER (WHERE shobj_description(oid, 'pg_authid') = E'it''s\\n\\\\ ' || rolname),
        count(*) FILTER (WHERE rolsuper)
        FROM pg_roles WHERE pg_has_role(oid, 'pgsignet_managed', 'MEMBER')
        AND NOT rolname IN ('pgsignet_managed', 'postgres')" -F ' ')"

for i in {1..1500}; do row create "mass$i" pgsignet_managed; done >"$work/create"
for i in {1..1500}; do row grant "mass$i" dbrole_readonly; done >"$work/grant"
cat "$work/create" "$work/grant" >"$work/plan"
out=$(probe apply <"$work/plan")
gives "1,502 statements go in 4 messages and the COMMIT's" 5 "$(messages_of "$out")"
gives "... and are all there" 1500 "$(roles_like mass%)"

# Three culprits: a role that exists, one that does not, one among the members of a GRANT.
{
    for i in {1..700}; do row create "more$i" pgsignet_managed; done
    row create mass7 pgsignet_managed
    for i in {701..900}; do row create "more$i" pgsignet_managed; done
    row limit nobody_here
    for i in {1..450}; do row grant "more$i" dbrole_readonly; done
    row grant nobody_there dbrole_readonly
    for i in {451..900}; do row grant "more$i" dbrole_readonly; done
} >"$work/plan"
out=$(probe apply <"$work/plan")
has "abort: the culprit is named" 'trouble create mass7' "$out"
has "... with the server's words" 'role "mass7" already exists' "$out"
has "... and nothing is changed" 'nothing was changed (sync.on_error: abort)' "$out"
gives "... nothing at all" 0 "$(roles_like more%)"
out=$(probe on_error=skip apply <"$work/plan")
gives "skip: each culprit is named, and none else" \
    'trouble create mass7;trouble set connection limit of nobody_here;trouble grant dbrole_readonly to nobody_there' \
    "$(sed -n 's/^\(trouble [^:(]*[^ :(]\).*/\1/p' <<<"$out" | sed 's/ to 0$//' | paste -sd ';')"
has "... which is said" 'result skipped' "$out"
gives "... everything else is there" '900 900' \
    "$(pg_sql "SELECT count(*), count(*) FILTER (WHERE pg_has_role(oid, 'dbrole_readonly', 'MEMBER'))
        FROM pg_roles WHERE rolname LIKE 'more%'" -F ' ')"
check "... in few messages ($(messages_of "$out"))" test "$(messages_of "$out")" -le 60

{ row create mass1 pgsignet_managed; row create late pgsignet_managed; row comment mass1 '\N' x; row grant late dbrole_readonly; } >"$work/plan"
out=$(probe on_error=skip apply <"$work/plan")
gives "what needs a role that could not be made is left out without words" 1 "$(grep -c ^trouble <<<"$out")"
gives "... and not done to the one that was there" '' \
    "$(pg_sql "SELECT shobj_description('mass1'::regrole, 'pg_authid')")"

out=$(for i in {1..300}; do row create "mass$i" pgsignet_managed; done | probe on_error=skip apply)
gives "when all fails, all are named" 300 "$(grep -c ^trouble <<<"$out")"

# More roles than one transaction may lock: this server has room for 64 * 60 locks, half of it is ours.
{
    row lock mass1500
    for i in {1..4500}; do row create "many$i" pgsignet_managed; done
    for i in {1..4500}; do row comment "many$i" '\N' "number $i"; done
    row comment mass1500 '\N' left
    for i in {1..4500}; do row grant "many$i" dbrole_readonly; done
} >"$work/plan"
out=$(probe apply <"$work/plan")
has "4,500 comments take more locks than there are: they go in several transactions" 'result ok' "$out"
gives "... and all is told, and there" '13502 4500 4500 left' \
    "$(grep -c ^changed <<<"$out") $(pg_sql "SELECT count(shobj_description(oid, 'pg_authid')),
        count(*) FILTER (WHERE pg_has_role(oid, 'dbrole_readonly', 'MEMBER')),
        shobj_description('mass1500'::regrole, 'pg_authid') FROM pg_roles WHERE rolname LIKE 'many%'" -F ' ')"
check "... in few messages ($(messages_of "$out"))" test "$(messages_of "$out")" -le 40
{
    row lock mass1499
    for i in {1..4500}; do row comment "many$i" '\N' "again $i"; done
    row comment mass1499 '\N' left
    row grant many4500 nothing_there
} >"$work/plan"
out=$(probe apply <"$work/plan")
has "when a later one fails, that is said" 'what was committed before it stays (sync.on_error: abort)' "$out"
gives "... who loses something was in the first, and each has all of his or nothing" 'f left 1919 number 4500' \
    "$(pg_sql "SELECT rolcanlogin, shobj_description(oid, 'pg_authid'), (SELECT count(*) FROM pg_shdescription
        WHERE description LIKE 'again%') % 1920, shobj_description('many4500'::regrole, 'pg_authid')
        FROM pg_roles WHERE rolname = 'mass1499'" -F ' ')"

# --- two at once, loss, time -------------------------------------------------------------------------

# hold: a reader that has the lock, until release.
hold()
{
    coproc HOLD { probe change | sed -u -n 1p; }
    read -r -t 60 _ <&"${HOLD[0]}"
}
release()
{
    local fd=${HOLD[1]} pid=$HOLD_PID
    exec {fd}>&-
    wait "$pid" 2>/dev/null
}
row create second pgsignet_managed >"$work/plan"
hold
gives "while one run holds the lock, another is told so" 'result running 0' "$(probe apply <"$work/plan")"
has "... and may look" 'result ok 0' "$(probe look)"
gives "... and has changed nothing" 0 "$(roles_like second)"
release
has "after it the other may" 'result ok' "$(probe apply <"$work/plan")"
gives "the lock ends with the run" 0 "$(pg_sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")"

# stepped [KEY=VALUE]...: apply of 1,200 roles, which waits before each message; next: lets it go on.
for i in {1..1200}; do row create "step$i" pgsignet_managed; done >"$work/steps"
stepped()
{
    coproc STEP { probe step=yes plan="$work/steps" "$@" apply; }
    exec {step_in}>&"${STEP[1]}" {step_out}<&"${STEP[0]}" # bash closes its own with the process
    wait_step
}
wait_step()
{
    read -r -t 60 step_at <&"$step_out"
}
next()
{
    echo >&"$step_in"
}
rest()
{
    timeout 60 cat <&"$step_out"
    exec {step_in}>&- {step_out}<&-
}
stepped
next && wait_step
pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgsignet-ldap-sync'" >/dev/null
next
out=$(rest)
has "a connection that is cut in the middle is said" 'error cannot change the roles of PostgreSQL at' "$out"
gives "... and nothing is changed ($step_at)" 0 "$(roles_like step%)"

stepped
next && wait_step
restart_postgres
next
has "the server restarted in the middle: said" 'result failed' "$(rest)"
gives "... nothing is changed ($step_at)" 0 "$(roles_like step%)"

stepped apply_timeout=6
while [ "$step_at" != "at 1200" ]; do next && wait_step || break; done
stopped=$(pg_sql "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgsignet-ldap-sync'")
kill -STOP "$stopped"
next
out=$(rest)
has "a COMMIT without an answer is unknown" 'result unknown' "$out"
has "... and what to do is said" 'look again with `pgsignet-ldap-sync plan`' "$out"
kill -CONT "$stopped"
stopped=
# The backend finds the COMMIT in its socket; then it is gone.
for _ in {1..100}; do
    [ "$(pg_sql "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgsignet-ldap-sync'")" != 0 ] || break
    sleep 0.2
done
gives "... it was all or nothing" 1 "$(pg_sql "SELECT (count(*) IN (0, 1200))::int FROM pg_roles WHERE rolname LIKE 'step%'")"

row unlock second >"$work/plan"
coproc OTHER { pg_sql 'BEGIN; ALTER ROLE second NOLOGIN; SELECT 1; SELECT pg_sleep(120)' 2>/dev/null; }
other=$OTHER_PID
read -r -t 60 _ <&"${OTHER[0]}"
began=$SECONDS
has "a row that another session has locked is waited for no longer than sync.timeout" 'lock timeout' \
    "$(probe timeout=1 apply <"$work/plan")"
check "..." test $((SECONDS - began)) -le 30
pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'" >/dev/null
wait "$other" 2>/dev/null

stopped=$(pg_postmaster)
kill -STOP "$stopped"
began=$SECONDS
has "a server that does not answer is waited for no longer than sync.timeout" \
    'no connection within sync.timeout' "$(probe timeout=1 look)"
check "..." test $((SECONDS - began)) -le 30
kill -CONT "$stopped"
stopped=
has "a server that is not there is said" 'cannot read the roles of PostgreSQL at' \
    "$("$PGSIGNET_BUILD/tests/integration/sync_server_probe" "host=$work port=1 user=x" look)"
out=$("$PGSIGNET_BUILD/tests/integration/sync_server_probe" "password='hush host" look)
has "a connection string that is none is said" 'not a libpq connection string' "$out"
check "... without its password" eval '[[ $out != *hush* ]]'

# --- sessions ----------------------------------------------------------------------------------------

# session ROLE: an open session of it; ended NAME: it has come to its end
session()
{
    coproc SESSION { pg_as "$1" 'SELECT 1; SELECT pg_sleep(120)' 2>&1; }
    exec {session_out}<&"${SESSION[0]}"
    read -r -t 60 _ <&"$session_out"
    session_pid=$SESSION_PID
}
ended()
{
    has "$1" 'terminating connection due to administrator command' "$(timeout 60 cat <&"$session_out")"
    exec {session_out}<&-
    wait "$session_pid" 2>/dev/null
}
leave()
{
    row lock "$1"
    row revoke "$1" dbrole_admin
    row comment "$1" '\N' 'pgsignet: left 2020-01-02T03:04:05Z'
    row terminate "$1"
}
leaver()
{
    row create "$1" pgsignet_managed
    row grant "$1" dbrole_admin
}
leaver lena | probe apply >/dev/null
session lena
has "an open session is seen" 'role	lena	l	-1	infinity	NULL	1' "$(probe look)"
leave lena >"$work/plan"
has "a leaver is locked, and his session ended in the COMMIT's message" 'result ok 2' "$(probe apply <"$work/plan")"
ended "... at once"
check "... and he may not come back" eval '! pg_as lena "SELECT 1" 2>/dev/null'

# --- dropping ----------------------------------------------------------------------------------------

# own ROLE: things of it in two databases, and rights on shared ones
own()
{
    pg_sql "GRANT CREATE ON DATABASE app TO $1; CREATE TABLE of_$1 (i int); ALTER TABLE of_$1 OWNER TO $1"
    pg_sql "CREATE SCHEMA of_$1 AUTHORIZATION $1; CREATE TABLE of_$1.t AS SELECT 1 AS i; ALTER TABLE of_$1.t OWNER TO $1;
        ALTER DEFAULT PRIVILEGES FOR ROLE $1 GRANT SELECT ON TABLES TO PUBLIC; GRANT SELECT ON s.t TO $1" -d app
}
owner_of()
{
    pg_sql "SELECT tableowner FROM pg_tables WHERE $1" -d "$2"
}
own lena
leaver mark | probe apply >/dev/null
own mark
leaver nora | probe apply >/dev/null
session nora
pg_sql "ALTER ROLE nora NOLOGIN; COMMENT ON ROLE nora IS 'pgsignet: left 2020-01-02T03:04:05Z'"
pg_sql "CREATE ROLE otto; COMMENT ON ROLE otto IS 'pgsignet: left 2020-01-02T03:04:05Z'"
drops()
{
    for name in "$@"; do row drop "$name"; done
}
# mark has LOGIN, nora a session, otto is not in the marker.
out=$(drops lena mark nora otto | probe reassign_to=dbrole_admin drop)
gives "who left long ago is dropped; who is back, has a session, or is not ours is not" \
    'changed drop lena,result skipped,trouble drop mark,trouble drop nora,trouble drop otto' \
    "$(sed -n 's/^\(result [a-z]*\).*/\1/p; s/^\([a-z]* drop [a-z]*\).*/\1/p' <<<"$out" | sort | paste -sd ,)"
gives "... what was his is dbrole_admin's, in both databases" 'dbrole_admin dbrole_admin' \
    "$(owner_of "tablename = 'of_lena'" postgres) $(owner_of "schemaname = 'of_lena'" app)"
gives "... and the others' is theirs" 'mark mark' \
    "$(owner_of "tablename = 'of_mark'" postgres) $(owner_of "schemaname = 'of_mark'" app)"
pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nora'" >/dev/null
ended "(nora goes)"
pg_sql 'UPDATE pg_database SET datallowconn = false WHERE datname = $$app$$; DROP ROLE otto'
leave mark | probe apply >/dev/null
out=$(drops mark nora | probe reassign_to=dbrole_admin drop)
has "a database that lets nobody in: its owner stays, by name" 'trouble drop mark' "$out"
has "... with the database" 'in database app: ' "$out"
gives "... and the others go on" 0 "$(roles_like nora)"
hold
gives "dropping needs the lock too" 'result running 0' "$(drops mark | probe reassign_to=dbrole_admin drop)"
release
pg_sql 'UPDATE pg_database SET datallowconn = true WHERE datname = $$app$$'
has "the next run drops him" 'changed drop mark' "$(drops mark | probe reassign_to=dbrole_admin drop)"

# --- a runner that is no superuser -------------------------------------------------------------------

probe grant=dbrole_readonly,dbrole_admin drop_after=60 reassign_to=dbrole_admin grants sync_runner "$version" >"$work/grants"
pg_sql "$(cat "$work/grants")"
check "what sets up the runner may be run twice" pg_sql "$(cat "$work/grants")"
runner=sync_runner
has "the runner reads all" "runner	sync_runner		$version" "$(probe look)"
{
    row create rosa pgsignet_managed
    row limit rosa
    row set rosa role dbrole_admin
    row comment rosa '\N' 'Rosa'
    row grant rosa dbrole_admin
} >"$work/plan"
out=$(probe apply <"$work/plan")
has "... creates, sets, comments and grants" 'result ok 2' "$out"
pg_sql 'ALTER ROLE rosa RESET role; ALTER ROLE rosa CONNECTION LIMIT -1'
session rosa
has "... sees sessions" 'role	rosa	l	-1	infinity	Rosa	1' "$(probe look)"
out=$(leave rosa | probe apply)
has "... locks, revokes and ends them" 'result ok 2' "$out"
ended "... at once"
own rosa
out=$(drops rosa | probe reassign_to=dbrole_admin drop)
has "... says what he may not take from a leaver: a right on a database that another gave" \
    'trouble drop rosa  (left 1970-01-01T00:00:00Z): role "rosa" cannot be dropped because some objects depend on it (privileges for database app)' "$out"
gives "... and has left nobody with a right of his" 0 \
    "$(pg_sql "SELECT count(*) FROM pg_auth_members WHERE roleid = 'rosa'::regrole AND member <> 'sync_runner'::regrole")"
pg_sql 'REVOKE CREATE ON DATABASE app FROM rosa'
out=$(drops rosa | probe reassign_to=dbrole_admin drop)
has "... and drops who owns things, in two databases" 'changed drop rosa' "$out"
gives "... which are dbrole_admin's then" 'dbrole_admin dbrole_admin' \
    "$(owner_of "tablename = 'of_rosa'" postgres) $(owner_of "schemaname = 'of_rosa'" app)"
out=$(row grant mass1 dbrole_admin | probe apply; row create evil pgsignet_managed | probe apply)
has "(it may do this to anybody who is no superuser)" 'result ok' "$out"
refused()
{
    check "the runner may not: $1" eval '! pg_as sync_runner "$1" 2>/dev/null'
}
refused 'ALTER ROLE sync_runner SUPERUSER'
refused 'ALTER ROLE evil SUPERUSER'
refused 'CREATE ROLE worse SUPERUSER'
refused 'CREATE ROLE worse REPLICATION'
refused 'CREATE ROLE worse BYPASSRLS'
refused 'GRANT postgres TO sync_runner'
refused 'ALTER ROLE postgres PASSWORD $$x$$'
refused 'ALTER ROLE postgres SET search_path = trap'
refused 'COMMENT ON ROLE postgres IS $$x$$'
refused 'DROP ROLE postgres'
refused 'UPDATE pg_authid SET rolsuper = true'
refused 'SELECT * FROM pg_authid'
out=$(row limit postgres | probe apply)
check "a plan that touches a superuser is refused by the server too" \
    grep -Eq 'must be superuser|with the SUPERUSER attribute' <<<"$out"
gives "no superuser came out of all this" postgres "$(pg_sql 'SELECT rolname FROM pg_roles WHERE rolsuper')"
# Before 16 a role with CREATEROLE is no superuser, and may run programs as one.
if [ "$version" -ge 16 ]; then
    refused 'GRANT pg_execute_server_program TO sync_runner'
    refused 'GRANT pg_signal_backend TO evil'
    refused 'SET ROLE dbrole_readonly'
    refused 'SET ROLE evil'
else
    has "print-grants says what CREATEROLE may" pg_execute_server_program "$(cat "$work/grants")"
fi
if [ "$version" -ge 16 ]; then
    # The marker is granted apart there, and a role without it would be nobody's.
    { for name in ida ivo ike; do row create "$name" pgsignet_managed; done; row comment ida '\N' x; } >"$work/plan"
    pg_sql 'REVOKE ADMIN OPTION FOR pgsignet_managed FROM sync_runner CASCADE'
    out=$(probe on_error=skip apply <"$work/plan")
    gives "who cannot be put into the marker is not made, and each is named" \
        'trouble create ida;trouble create ivo;trouble create ike' \
        "$(sed -n 's/^\(trouble create [a-z]*\).*/\1/p' <<<"$out" | paste -sd ';')"
    has "... with the server's words" 'permission denied to grant role "pgsignet_managed"' "$out"
    gives "... nobody of them" 0 "$(roles_like i%)"
    pg_sql 'GRANT pgsignet_managed TO sync_runner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'
    out=$({ cat "$work/plan"; row grant ida dbrole_admin; } | probe apply)
    has "with it all are" 'result ok 2' "$out"
    gives "... in the marker, and the runner is no member of them but by ADMIN OPTION" '3 0' \
        "$(pg_sql "SELECT count(*) FILTER (WHERE pg_has_role(oid, 'pgsignet_managed', 'MEMBER')),
            (SELECT count(*) FROM pg_auth_members WHERE member = 'sync_runner'::regrole AND (inherit_option OR set_option)
                AND roleid::regrole::text ~ '^i')
            FROM pg_roles WHERE rolname ~ '^i'" -F ' ')"
    gives "what the runner grants is its own" 'sync_runner' \
        "$(pg_sql "SELECT string_agg(DISTINCT grantor::regrole::text, ' ') FROM pg_auth_members
            WHERE member = 'ida'::regrole")"
    # Each option, and a membership that somebody else granted: it stays, unless it is revoked in his name.
    pg_sql 'GRANT dbrole_readonly TO ida WITH INHERIT FALSE'
    { row grant ida dbrole_readonly 'admin noset'; row grant ivo dbrole_readonly noinherit; } | probe apply >/dev/null
    gives "memberships have the options that were asked for, beside others'" \
        'ida postgres f f t,ida sync_runner t t f,ivo sync_runner f f t' \
        "$(pg_sql "SELECT string_agg(concat_ws(' ', member::regrole, grantor::regrole, admin_option, inherit_option, set_option), ','
            ORDER BY member::regrole::text, grantor::regrole::text) FROM pg_auth_members
            WHERE roleid = 'dbrole_readonly'::regrole AND member::regrole::text ~ '^i'")"
    row revoke ida dbrole_readonly sync_runner | probe apply >/dev/null
    has "GRANTED BY names whose membership goes" '1 postgres' \
        "$(pg_sql "SELECT count(*), min(grantor::regrole::text) FROM pg_auth_members
            WHERE roleid = 'dbrole_readonly'::regrole AND member = 'ida'::regrole" -F ' ')"
    has "... and what a superuser granted the runner may not revoke" 'trouble revoke dbrole_readonly from ida' \
        "$(row revoke ida dbrole_readonly postgres | probe on_error=skip apply)"
else
    skip "the marker apart, options of memberships, GRANTED BY" "PostgreSQL $version: since 16"
fi
check "from 16 on the runner neither has nor becomes what it hands out" grep -qx \
    'GRANT "dbrole_readonly" TO "sync_runner" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;' \
    <(probe grant=dbrole_readonly grants sync_runner 16)

check "nothing was written to standard error, no NOTICE either" test ! -s "$work/stderr"
report_end
