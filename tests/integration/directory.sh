#!/usr/bin/env bash
# Logins against a real slapd are judged right, and every fault between is answered in time.
# time: 400
# alone: it holds answers to times
#
# For the faults the deadline is 3 s, one operation may take 1 s (ldap.timeout), and a failed server is left
# alone for 1 s.  Verdicts have time: on a loaded machine a healthy slapd takes longer now and then, and a probe
# that is stuck past its deadline ends itself without a word, as the daemon's workers do.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"

work=$(mktemp -d)
proxy_pids=()
cleanup()
{
    local pid
    for pid in "${proxy_pids[@]}"; do
        kill "$pid" 2>/dev/null
    done
    [ -z "${SLAPD_PID-}" ] || stop_slapd
    rm -rf "$work"
}
trap cleanup EXIT
start_slapd "$work/slapd" || { not_ok "slapd starts"; report_end; }

probe=$build/tests/integration/directory_probe
common=("ca_file=$SLAPD_CA" "bind_dn=$SLAPD_BIND_DN" "bind_password_file=$SLAPD_BIND_PW_FILE")
patient=(deadline=30000 timeout=15)
base=("${common[@]}" "${patient[@]}")
groups=ou=groups,dc=example,dc=com

# expect NAME "STEP REASON[ DETAIL]" ARGS...: the last line that the probe prints for that step.
expect()
{
    local name=$1 want=$2 output got status
    shift 2
    output=$("$probe" "${base[@]}" "$@" 2>&1 </dev/null)
    status=$?
    got=$(grep -a "^${want%% *} " <<<"$output" | tail -n 1)
    # The line is STEP USER REASON MS DETAIL; users' names may hold blanks, so it is read from the right.
    if grep -aqE -- " ${want#* } [0-9]+ " <<<"$got"; then
        ok "$name"
    else
        not_ok "$name" "wanted $want, got exit $status and: $output"
    fi
}

# --- verdicts ----------------------------------------------------------------------------------------

uri=uri=$SLAPD_LDAPS_URI
dba=require=cn=dba,$groups
expect "right password and group" "groups granted" "$uri" "$dba" login:alice:PW-alice
expect "the same by StartTLS" "groups granted" "uri=$SLAPD_LDAP_URI" "$dba" login:alice:PW-alice
expect "wrong password" "password password-wrong" "$uri" login:alice:wrong
expect "empty password" "password password-empty" "$uri" login:alice:
expect "locked by an administrator" "password account-locked" "$uri" login:erin:PW-erin
expect "the same known without the password" "account account-locked" "$uri" find:erin
expect "shadowExpire is past" "account account-expired" "$uri" login:frank:PW-frank
expect "password was reset" "password password-must-change" "$uri" login:petra:PW-petra
expect "password has expired" "password password-must-change" "$uri" login:pat:PW-pat
expect "locked after three wrong ones" "password account-locked" "$uri" login:iris:a login:iris:b \
    login:iris:c login:iris:PW-iris
expect "two entries of one name" "find ambiguous-entry" "$uri" find:twin
expect "name in another case" "find name-differs" "$uri" find:case
expect "unknown name" "find no-entry" "$uri" find:nobody
expect "unknown name spends a bind" "password password-wrong" "$uri" login:nobody:PW-nobody
expect "filter characters find nobody else" "find no-entry" "$uri" 'find:al*'
expect "an injection is only a name" "find no-entry" "$uri" 'find:alice)(|(uid=*'
for name in '*)(uid=*' "o'brien" "o'brien \"q\"" 'jürgen' 'a, b+c' 'back\slash'; do
    expect "a user called $name" "password granted" "$uri" "login:$name:PW-$name"
    expect "a user called $name by DN template" "password granted" "$uri" \
        'user_dn=uid=%u,ou=people,dc=example,dc=com' "login:$name:PW-$name"
done
expect "unknown name by DN template" "find no-entry" "$uri" \
    'user_dn=uid=%u,ou=people,dc=example,dc=com' find:nobody
expect "bytes that are not UTF-8 by DN template" "find no-entry" "$uri" \
    'user_dn=uid=%u,ou=people,dc=example,dc=com' $'find:\xff\xfe'
expect "search base that is not there" "find directory-answer" "$uri" \
    user_base=ou=nowhere,dc=example,dc=com find:alice
expect "a foreign CA is not believed" "find directory-unavailable" "$uri" \
    "ca_file=/etc/ssl/certs/ca-certificates.crt" find:alice
expect "the wrong host name is not believed" "find directory-unavailable" \
    "uri=ldaps://127.0.0.2:$SLAPD_LDAPS_PORT" find:alice
LDAPTLS_REQCERT=never expect "LDAPTLS_REQCERT=never changes nothing" "find directory-unavailable" \
    "$uri" "ca_file=/etc/ssl/certs/ca-certificates.crt" find:alice
printf wrong >"$work/wrong.pw" && chmod 600 "$work/wrong.pw"
expect "service account refused" "find directory-unavailable" "$uri" \
    "bind_password_file=$work/wrong.pw" find:alice

# --- groups ------------------------------------------------------------------------------------------

expect "not in the group" "groups not-in-group" "$uri" "$dba" groups:dave
expect "in a denied group" "groups in-denied-group" "$uri" "deny=cn=denied,$groups" groups:dave
expect "deny comes before require" "groups in-denied-group" "$uri" "$dba" "deny=cn=dba,$groups" \
    groups:alice
expect "uniqueMember" "groups granted" "$uri" "require=cn=uniq,$groups" groups:alice
expect "memberOf" "groups granted" "$uri" membership=1 "$dba" groups:alice
expect "memberUid by DN" "groups granted" "$uri" membership=2 "require=cn=posix,$groups" groups:alice
expect "memberUid by cn" "groups granted" "$uri" membership=2 require=posix groups:bob
expect "memberUid, not a member" "groups not-in-group" "$uri" membership=2 require=posix groups:carol
expect "a group with a comma, spelt otherwise" "groups granted" "$uri" \
    "require=CN=sales\\2c   emea, $groups" 'groups:a, b+c'
expect "nested groups are not climbed unasked" "groups not-in-group" "$uri" \
    "require=cn=outer,$groups" groups:grace
expect "nested groups" "groups granted" "$uri" nested=1 "require=cn=outer,$groups" groups:grace
expect "nested groups by memberOf" "groups granted" "$uri" nested=1 membership=1 \
    "require=cn=outer,$groups" groups:grace
expect "denied by a nested group" "groups in-denied-group" "$uri" nested=1 "deny=cn=outer,$groups" \
    groups:grace
expect "a cycle ends" "groups not-in-group" "$uri" nested=1 "$dba" groups:henry
expect "a cycle ends within the groups asked for" "groups granted" "$uri" nested=1 \
    "require=cn=ring2,$groups" groups:henry
expect "deeper than ldap.depth is no member" "groups not-in-group" "$uri" nested=1 depth=1 \
    "require=cn=outer,$groups" groups:grace
expect "deeper than ldap.depth is no clean bill" "groups directory-answer" "$uri" nested=1 depth=1 \
    "deny=cn=outer,$groups" groups:grace
expect "in_chain on a server without it is no clean bill" "groups directory-answer" "$uri" nested=2 \
    "deny=cn=denied,$groups" groups:dave
expect "a denied group outside group_base is no clean bill" "groups directory-answer" "$uri" \
    deny=cn=denied,dc=elsewhere groups:dave

# --- references to other servers, as AD gives them at a domain's root ----------------------------------

# Last of those on the healthy server, because the object stays.
LDAPTLS_CACERT=$SLAPD_CA ldapadd -M -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" \
    -y "$SLAPD_ADMIN_PW_FILE" >"$work/reference.log" 2>&1 <<LDIF || not_ok "a reference can be added"
dn: cn=elsewhere,dc=example,dc=com
objectClass: referral
objectClass: extensibleObject
cn: elsewhere
ref: ldap://127.0.0.2/cn=elsewhere,dc=example,dc=com
LDIF
root=("user_base=dc=example,dc=com" "group_base=dc=example,dc=com")
expect "a reference beside the entry is not followed" "groups granted" "$uri" "${root[@]}" "$dba" \
    login:alice:PW-alice
expect "what may lie behind a reference is no entry" "find no-entry" "$uri" "${root[@]}" find:nobody
expect "what may lie behind a reference admits nobody" "groups not-in-group" "$uri" "${root[@]}" \
    "$dba" groups:dave
expect "what may lie behind a reference may deny" "groups directory-answer" "$uri" "${root[@]}" \
    "$dba" "deny=cn=denied,$groups" groups:alice
expect "a base that lies elsewhere is no answer" "find directory-answer" "$uri" \
    user_base=cn=elsewhere,dc=example,dc=com find:alice

# --- faults ------------------------------------------------------------------------------------------

hurried=(deadline=3000 timeout=1)
base=("${common[@]}" "${hurried[@]}")
# What a login may take in all: its deadline, and two seconds for a machine that does other things as well.
most=5000

# start_proxy NAME TARGET_PORT: sets proxy_port and proxy_pid.
start_proxy()
{
    local tries=0
    echo pass >"$work/$1.mode"
    "$build/tests/integration/fault_proxy" "$2" "$work/$1.mode" >"$work/$1.port" &
    proxy_pid=$!
    proxy_pids+=("$proxy_pid")
    while ! grep -qs . "$work/$1.port"; do
        tries=$((tries + 1))
        [ "$tries" -lt 3000 ] || return 1
        sleep 0.02
    done
    proxy_port=$(cat "$work/$1.port")
}

# set_mode NAME PID MODE: returns when it is in force.
set_mode()
{
    local tries=0
    rm -f "$work/$1.mode.done"
    echo "$3" >"$work/$1.mode"
    kill -USR1 "$2"
    while [ "$(cat "$work/$1.mode.done" 2>/dev/null)" != "$3" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 3000 ] || return 1
        sleep 0.02
    done
}

# Speaks to one probe process, so that it has kept connections when the fault comes.
probe_start()
{
    coproc PROBE { exec "$probe" "${base[@]}" "$@" 2>&1; }
    probe_pid=$PROBE_PID
    # Copies: bash closes its own as soon as the process has ended, even if there is more to read.
    exec {probe_in}>&"${PROBE[1]}" {probe_out}<&"${PROBE[0]}"
}

probe_end()
{
    exec {probe_in}>&- {probe_out}<&-
    wait "$probe_pid" 2>/dev/null
}

probe_go() { echo go >&"$probe_in"; }

# probe_read: the lines of one login; sets reason (the last one) and elapsed (ms, all together).
probe_read()
{
    local line word
    reason='' elapsed=0 lines=''
    while IFS= read -r -t 60 -u "$probe_out" line; do
        lines+=$line$'\n'
        case $line in ' '*) continue ;; esac
        read -r word _ reason took _ <<<"$line"
        elapsed=$((elapsed + took))
        case $word-$reason in
            groups-*) return ;;
            *-granted) ;;
            *) return ;;
        esac
    done
    reason="no answer"
}

# fault LABEL NAME PID URI MODE WANT: kept connections, then the fault, then none again.
fault()
{
    local label=$1 name=$2 pid=$3 mode=$5 want=$6
    local login=login:alice:PW-alice
    set_mode "$name" "$pid" pass
    probe_start "uri=$4" "$dba" "${patient[@]}" "$login" wait "${hurried[@]}" "$login" wait retry "${patient[@]}" \
        "$login"
    probe_read
    [ "$reason" = granted ] || not_ok "$label: a login before the fault" "$lines"
    set_mode "$name" "$pid" "$mode"
    probe_go
    probe_read
    if [[ $reason =~ ^($want)$ ]] && [ "$elapsed" -le $most ]; then
        ok "$label, on kept connections: $reason"
    else
        not_ok "$label, on kept connections" "$reason after $elapsed ms: $lines"
    fi
    set_mode "$name" "$pid" pass
    probe_go
    probe_read
    if [ "$reason" = granted ]; then
        ok "$label, and right again afterwards"
    else
        not_ok "$label, and right again afterwards" "$reason: $lines"
    fi
    probe_end

    set_mode "$name" "$pid" "$mode"
    probe_start "uri=$4" "$dba" "$login"
    probe_read
    if [[ $reason =~ ^($want)$ ]] && [ "$elapsed" -le $most ]; then
        ok "$label, on new connections: $reason"
    else
        not_ok "$label, on new connections" "$reason after $elapsed ms: $lines"
    fi
    probe_end

    [ "$want" != granted ] || return 0
    probe_start "uri=$4" "uri=$SLAPD_LDAPS_URI" "$dba" "$login"
    probe_read
    if [ "$reason" = granted ]; then
        ok "$label: the second server is used"
    else
        not_ok "$label: the second server is used" "$reason after $elapsed ms: $lines"
    fi
    probe_end
}

start_proxy tls "$SLAPD_LDAPS_PORT" || not_ok "fault_proxy starts"
tls_pid=$proxy_pid tls_uri=ldaps://127.0.0.1:$proxy_port
start_proxy plain "$SLAPD_LDAP_PORT" || not_ok "fault_proxy starts"
plain_pid=$proxy_pid plain_uri=ldap://127.0.0.1:$proxy_port

down='directory-unavailable|deadline'
for mode in refuse silent stall-tls reset half-close garbage flip; do
    fault "ldaps, $mode" tls "$tls_pid" "$tls_uri" "$mode" "$down"
done
for mode in silent stall-starttls stall-tls reset garbage; do
    fault "StartTLS, $mode" plain "$plain_pid" "$plain_uri" "$mode" "$down"
done
fault "ldaps, 300 ms late" tls "$tls_pid" "$tls_uri" delay "granted|$down"
fault "ldaps, trickle" tls "$tls_pid" "$tls_uri" trickle "granted|$down"

# --- the server itself -------------------------------------------------------------------------------

# Failed is failed for six seconds: a slow machine must come to its next question meanwhile.
probe_start "uri=$SLAPD_LDAPS_URI" "$dba" "${patient[@]}" login:alice:PW-alice wait "${hurried[@]}" retry_after=6 \
    login:alice:PW-alice wait login:alice:PW-alice wait retry "${patient[@]}" login:alice:PW-alice
probe_read
kill -STOP "$SLAPD_PID"
probe_go
probe_read
if [[ $reason =~ ^($down)$ ]] && [ "$elapsed" -le $most ]; then
    ok "slapd stopped (SIGSTOP): $reason"
else
    not_ok "slapd stopped (SIGSTOP)" "$reason after $elapsed ms: $lines"
fi
probe_go
probe_read
if [ "$reason" = directory-unavailable ] && [ "$elapsed" -lt 1000 ]; then
    ok "a server that just failed is not waited for again"
else
    not_ok "a server that just failed is not waited for again" "$reason after $elapsed ms: $lines"
fi
kill -CONT "$SLAPD_PID"
probe_go
probe_read
check "slapd going on: right again" test "$reason" = granted
probe_end

probe_start "uri=$SLAPD_LDAPS_URI" "$dba" "${patient[@]}" login:alice:PW-alice wait login:alice:PW-alice
probe_read
restart_slapd
probe_go
probe_read
check "slapd restarted between two logins: nobody notices" test "$reason" = granted
probe_end

# --- the members of a group ---------------------------------------------------------------------------

base=("${common[@]}" "${patient[@]}")

# members NAME "REASON DETAIL" GROUP ARGS...
members()
{
    local name=$1 want=$2 group=$3 output status got
    shift 3
    output=$("$probe" "${base[@]}" "$uri" "$@" "members:cn=$group,$groups" 2>&1 </dev/null)
    status=$?
    got=$(sed -nE "1s/^members .*$groups ([a-z-]+) [0-9]+ /\\1 /; 1s/ +\$//; 1p" <<<"$output")
    if [ "$got" = "$want" ]; then
        ok "$name"
    else
        not_ok "$name" "wanted $want, got exit $status and: $output"
    fi
}

members "members of a group" "granted alice bob carol erin n=4 unknown=0" dba
members "members of a groupOfUniqueNames" "granted alice n=1 unknown=0" uniq
members "members of a posixGroup" "granted alice bob n=2 unknown=0" posix
members "a member with a comma in his name" "granted a, b+c n=1 unknown=0" 'Sales\, EMEA'
members "groups in a group are no people" \
    "granted n=0 unknown=1 cn=middle,$groups" outer nested=0
members "members of groups in a group" "granted grace n=1 unknown=0" outer nested=1
members "groups that hold each other" "granted henry n=1 unknown=0" ring1 nested=1
members "deeper than ldap.depth is no answer" "directory-answer n=0 unknown=0" outer nested=1 depth=1
members "no such group" "directory-answer n=0 unknown=0" none
members "people beside ldap.user_dn" "granted alice bob carol erin n=4 unknown=0" dba \
    "user_dn=uid=%u,ou=people,dc=example,dc=com"

report_end
