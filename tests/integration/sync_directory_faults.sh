#!/usr/bin/env bash
# Answers of a directory that are half, slow, cut or lost never look whole to the sync; and no search is one per member.
# time: 600
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"

work=$(mktemp -d)
fake_pid=
cleanup()
{
    [ -z "$fake_pid" ] || kill "$fake_pid" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

probe=$build/tests/integration/sync_directory_probe

# fake MODE: starts the server in that mode; $port is where.
fake()
{
    [ -z "$fake_pid" ] || kill "$fake_pid" 2>/dev/null
    rm -f "$work/port"
    mkfifo "$work/port"
    : >"$work/log"
    "$build/tests/integration/sync_fake_ldap" "$1" "$work/log" >"$work/port" &
    fake_pid=$!
    read -r port <"$work/port"
}

# conf ROLE [LDAP_LINE [SYNC_LINE]]; $limit is ldap.timeout
limit=30s
conf()
{
    cat >"$work/conf.yaml" <<END
audit: {syslog: true}
ldap:
  uris: [ldap://127.0.0.1:$port]
  tls: never
  user_base: ou=people,dc=f
  user_filter: "(uid=%u)"
  timeout: $limit
${2-}
sync:
  postgres: service=none
  rules:
    - {search: {base: "ou=groups,dc=f", filter: "(cn=big)"}, role: "$1", grant: [r]}
${3-}
END
}

# expect NAME ROLE REGEX [ROLES [LDAP_LINE [SYNC_LINE]]]: the probe prints such a line, and that many roles.
expect()
{
    local output
    conf "$2" "${5-}" "${6-}"
    output=$("$probe" "$work/conf.yaml" 2>&1)
    if grep -qE -- "$3" <<<"$output" && [ "$(grep -c '^role ' <<<"$output")" -eq "${4-7}" ]; then
        ok "$1"
    else
        not_ok "$1" "wanted $3 and ${4-7} roles
$output"
    fi
}

# searches NAME COUNT: how many the last reading took.
searches()
{
    if [ "$(wc -l <"$work/log")" -eq "$2" ]; then
        ok "$1"
    else
        not_ok "$1" "$(cat "$work/log")"
    fi
}

fake good
expect "all ranges" '{dn.uid}' '^role p6 '
searches "names by DN: one search and two more ranges" 3
fake good
expect "all ranges and pages" '{uid}' '^role p6 '
searches "names by entry: four pages of people more" 7
for mode in range-half range-skips range-again; do
    fake "$mode"
    expect "$mode is a finding" '{dn.uid}' \
        '^finding incomplete -: the group cn=big,ou=groups,dc=f was given in parts, and the part "member;range=3-\*" is missing' 3
done
for mode in size-limit size-entries; do
    fake "$mode"
    expect "$mode in the second page is a finding" '{uid}' \
        '^finding incomplete -: searching people below ou=people,dc=f: Size limit exceeded' \
        "$([ "$mode" = size-limit ] && echo 2 || echo 4)"
done
fake drop
expect "a connection lost again and again is no answer" '{uid}' '^not read: directory-unavailable: .*searching people: the connection was lost' 0
for mode in drop-once drop-entry; do
    fake "$mode"
    expect "$mode: read anew from the beginning, nobody twice" '{uid}' '^role p6 '
done
fake busy
expect "a busy server is no answer" '{uid}' '^not read: directory-unavailable: .*busy' 0
fake hang
limit=2s
expect "a silent server is no answer, in ldap.timeout" '{uid}' '^not read: directory-unavailable: .*no answer in time' 0
limit=30s
expect "nor in sync.read_timeout" '{uid}' '^not read: deadline: ' 0 '' '  read_timeout: 1s'
# A page takes it 0.9 s, all of them 3.6.
fake slow
limit=3s
expect "a slow one has ldap.timeout for each page" '{uid}' '^role p6 '
limit=30s
expect "but all of it has sync.read_timeout" '{uid}' '^not read: ' 0 '' '  read_timeout: 2s'
report_end
