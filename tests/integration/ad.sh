#!/usr/bin/env bash
# Logins against a real Active Directory domain controller (Samba) are judged right.
# time: 240
# soak: only
#
# Needs Debian's samba packages, which `./setup check --soak` and `./setup check ad` install.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"
. "$here/samba.sh"

work=$(mktemp -d)
samba_scene "$work"

probe=$build/tests/integration/directory_probe
g=OU=Groups,$SAMBA_BASE
# examples/ad.yaml's settings; membership 0 is member, 1 memberOf; nested 0 is no, 1 climb, 2 in_chain.
base=("ca_file=$SAMBA_CA" "bind_dn=CN=svc-pgsignet,OU=Staff,$SAMBA_BASE"
    "bind_password_file=$SAMBA_BIND_PW_FILE" "user_base=$SAMBA_BASE" "group_base=$g"
    'user_filter=(&(objectCategory=person)(objectClass=user)(sAMAccountName=%u))'
    user_name=sAMAccountName timeout=3)
uri=uri=ldaps://$SAMBA_ADDRESS
dba="require=CN=Database Users,$g" leavers="deny=CN=Leavers,$g"

# expect NAME "STEP REASON" ARGS...: the last line that the probe prints for that step.
expect()
{
    local name=$1 want=$2 output got
    shift 2
    output=$("$probe" "${base[@]}" "$uri" "$@" 2>&1 </dev/null)
    got=$(grep -a "^${want%% *} " <<<"$output" | tail -n 1)
    if grep -aqE -- " ${want#* } [0-9]+ " <<<"$got"; then
        ok "$name"
    else
        not_ok "$name" "wanted $want, got: $output"
    fi
}

expect "right password and group" "groups granted" membership=1 nested=2 "$dba" "$leavers" \
    login:dana:Pw-dana-123
uri=uri=ldap://$SAMBA_ADDRESS expect "the same by StartTLS" "groups granted" membership=1 nested=2 \
    "$dba" "$leavers" login:dana:Pw-dana-123
expect "the service account by its user principal name" "groups granted" \
    bind_dn=svc-pgsignet@ad.example.com "$dba" login:dana:Pw-dana-123
expect "wrong password" "password password-wrong" login:dana:wrong
expect "empty password" "password password-empty" login:dana:
expect "unknown name" "find no-entry" find:nobody
expect "unknown name spends a bind" "password password-wrong" login:nobody:Pw-nobody-123
expect "filter characters find nobody else" "find no-entry" 'find:dan*'
expect "an injection is only a name" "find no-entry" 'find:dana)(|(cn=*'
expect "a computer is nobody" "find no-entry" "user_base=OU=Domain Controllers,$SAMBA_BASE" 'find:DC1$'
expect "name in another case" "find name-differs" find:case
for name in "o'brien" 'jürgen' comma Case; do
    expect "a user called $name" "password granted" "login:$name:Pw-$name-123"
done
expect "by DN template" "password granted" "user_dn=CN=%u,OU=Staff,$SAMBA_BASE" "login:jürgen:Pw-jürgen-123"
expect "unknown name by DN template" "find no-entry" "user_dn=CN=%u,OU=Staff,$SAMBA_BASE" find:nobody

# --- states of accounts --------------------------------------------------------------------------------

for state in disabled:account-disabled expired:account-expired; do
    name=${state%:*}
    expect "$name, at the bind" "password ${state#*:}" "login:$name:Pw-$name-123"
    expect "$name, without the password" "account ${state#*:}" "find:$name"
done
expect "must change the password" "password password-must-change" login:reset:Pw-reset-123
expect "a wrong password tells nothing of the state" "password password-wrong" login:disabled:wrong
expect "no lock before the third" "password granted" login:locky:a login:locky:b \
    login:locky:Pw-locky-123
expect "locked by three wrong ones" "password account-locked" login:locky:a login:locky:b \
    login:locky:c login:locky:Pw-locky-123
expect "locked, without the password" "account account-locked" find:locky

# --- groups ------------------------------------------------------------------------------------------

for membership in 0 1; do
    m=membership=$membership
    expect "$m, direct" "groups granted" "$m" "$dba" groups:dana
    expect "$m, in no group" "groups not-in-group" "$m" "$dba" groups:odd
    expect "$m, DN with a comma" "groups granted" "$m" "$dba" groups:comma
    expect "$m, nested groups not asked for" "groups not-in-group" "$m" "$dba" groups:nina
    expect "$m, group with a comma, spelt otherwise" "groups granted" "$m" \
        "require=cn=night\\2c   shift,$g" groups:nina
    expect "$m, climbed" "groups granted" "$m" nested=1 "$dba" groups:nina
    expect "$m, denied by climbing" "groups in-denied-group" "$m" nested=1 "$dba" "$leavers" groups:lea
    expect "$m, not denied by climbing" "groups granted" "$m" nested=1 "$dba" "$leavers" groups:nina
    expect "$m, a cycle" "groups not-in-group" "$m" nested=1 "$dba" groups:ringo
    expect "$m, references at the root admit" "groups granted" "$m" nested=1 "group_base=$SAMBA_BASE" \
        "$dba" groups:nina
    expect "$m, references at the root do not rule out a denial" "groups directory-answer" "$m" nested=1 \
        "group_base=$SAMBA_BASE" "$dba" "$leavers" groups:nina
    expect "$m, in_chain" "groups granted" "$m" nested=2 "$dba" "$leavers" groups:nina
    expect "$m, in_chain, in no group" "groups not-in-group" "$m" nested=2 "$dba" groups:odd
    expect "$m, in_chain, denied" "groups in-denied-group" "$m" nested=2 "$dba" "$leavers" groups:lea
    expect "$m, in_chain, a cycle" "groups granted" "$m" nested=2 "require=CN=Ring 2,$g" "$leavers" \
        groups:ringo
    expect "$m, in_chain, DN with a comma" "groups granted" "$m" nested=2 "$dba" groups:comma
    expect "$m, in_chain, group with a comma, spelt otherwise" "groups granted" "$m" nested=2 \
        "require=cn=night\\2c shift,ou=groups,$SAMBA_BASE" groups:nina
    expect "$m, in_chain, group elsewhere" "groups not-in-group" "$m" nested=2 \
        "require=CN=Domain Admins,CN=Users,$SAMBA_BASE" groups:nina
    for nested in 0 1 2; do
        expect "$m, nested=$nested, denied by the primary group" "groups in-denied-group" "$m" \
            "nested=$nested" "$dba" "$leavers" groups:primus
    done
done

expect "required through the primary group" "groups granted" nested=2 \
    "require=CN=Domain Users,CN=Users,$SAMBA_BASE" "$leavers" groups:nina
expect "required above the primary group" "groups granted" nested=2 \
    "require=CN=Everybody,$g" "$leavers" groups:nina
expect "climbed above the primary group" "groups granted" nested=1 "require=CN=Everybody,$g" groups:nina

# --- whole groups are enrolled -----------------------------------------------------------------------

# 2,000 people without passwords, in one group; a Windows controller shows 1,500 of its members at a time.
crowd=2000
make_crowd()
{
    local i
    {
        for ((i = 1; i <= crowd; i++)); do
            printf 'dn: CN=crowd%d,OU=Staff,%s\nchangetype: add\nobjectClass: user\n' "$i" "$SAMBA_BASE"
            printf 'sAMAccountName: crowd%d\nuserAccountControl: 546\n\n' "$i"
        done
        printf 'dn: CN=Crowd,%s\nchangetype: add\nobjectClass: group\n' "$g"
        for ((i = 1; i <= crowd; i++)); do
            printf 'member: CN=crowd%d,OU=Staff,%s\n' "$i" "$SAMBA_BASE"
        done
        printf '\ndn: CN=Crowd Team,%s\nchangetype: add\nobjectClass: group\n' "$g"
        printf 'member: CN=Crowd,%s\nmember: CN=dana,OU=Staff,%s\n' "$g" "$SAMBA_BASE"
    } >"$work/crowd.ldif"
    samba_ldap ldapmodify -f "$work/crowd.ldif" >"$work/crowd.log" 2>&1 || { tail -n 5 "$work/crowd.log"; return 1; }
}

# Samba shows all members at once unless asked for a range.  Between it and the program, what is asked
# for becomes a range, in as many bytes; so the answers are ranges, and the program asks for the rest.
range_proxy()
{
    range_port=$(slapd_free_port) || return 1
    cat >"$work/ranges" <<END
#!/bin/sh
perl -we 'open my \$log, ">>", "$work/ranges.log"; while (sysread STDIN, my \$bytes, 65536) {
    print \$log "first\n" if \$bytes =~ s/\x04\x06member\x04\x0cuniqueMember/\x04\x14member;range=0-00999/;
    print \$log "rest\n" if \$bytes =~ /member;range=[1-9]/;
    syswrite STDOUT, \$bytes }' | socat - "OPENSSL:$SAMBA_ADDRESS:636,cafile=$SAMBA_CA"
END
    chmod 755 "$work/ranges"
    socat "OPENSSL-LISTEN:$range_port,bind=$SAMBA_ADDRESS,fork,reuseaddr,verify=0,cert=$SAMBA_DIR/server.crt,key=$SAMBA_DIR/server.key" \
        "EXEC:$work/ranges" 2>>"$work/socat.log" &
    samba_other=$!
    until ss -Htln "sport = :$range_port" | grep -q .; do
        kill -0 "$samba_other" 2>/dev/null || return 1
    done
}

write_config()
{
    cat >"$work/pgsignet.yaml" <<END
daemon: {user: nobody}
audit: {file: "$work/log/audit.jsonl"}
store: {path: "$work/lib/store.db"}
keys: {path: "$work/kek/kek"}
ldap:
  uris: [ldaps://$SAMBA_ADDRESS${1:+:$1}]
  ca_file: $work/ca.crt
  bind_dn: CN=svc-pgsignet,OU=Staff,$SAMBA_BASE
  bind_password_file: $work/service.pw
  user_base: $SAMBA_BASE
  user_filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName=%u))"
  user_name: sAMAccountName
  membership: memberOf
  nested: in_chain
  timeout: 20s
policies: {default: {password: ldap}}
END
}

# What nobody may read: the certificate and the password are in a folder of root's.
chmod 755 "$work"
install -m 644 "$SAMBA_CA" "$work/ca.crt"
install -m 400 -o nobody "$SAMBA_BIND_PW_FILE" "$work/service.pw"

mfa()
{
    "$build/pgsignet-mfa" --config "$work/pgsignet.yaml" "$@"
}

# enrolled GROUP TOKEN: sets people to who got a page, one a line
enrolled()
{
    mfa enroll --ldap-group "CN=$1,$g" --name "$2" --pages "$work/pages-$2" >"$work/list" 2>"$work/mfa.log" ||
        { cat "$work/mfa.log"; return 1; }
    sed -n 's/^"\(.*\)",.*,"made"$/\1/p' "$work/list" | sort >"$work/people"
}

# those NAME...: who got a page are these and the crowd, if it is named
those()
{
    for name in "$@"; do
        [ "$name" = crowd ] && seq -f 'crowd%.0f' "$crowd" || echo "$name"
    done | sort | diff - "$work/people"
}

write_config
check "the store for them is made" mfa init
check "a group of $crowd is made" make_crowd
check "the groups in a group are enrolled" enrolled 'Database Users' nested
check "... and who is in them" those comma dana disabled expired lea locky nina primus reset
check "a group is enrolled by its people's primary group" enrolled Leavers primary
check "... beside the groups in it" those lea primus
check "$crowd members are enrolled" enrolled Crowd crowd
check "... each of them" those crowd
check "a group that holds everybody's primary group is enrolled" enrolled Everybody everybody
# The accounts that every domain has are among them, and primus, who was moved to another primary group: a
# domain keeps him as a plain member of the first.
check "... each of them" those crowd Administrator Case comma dana disabled dns-dc1 expired jürgen krbtgt lea locky \
    nina "o'brien" odd primus reset ringo svc-pgsignet

range_proxy || not_ok "a proxy makes the controller answer by ranges" "$(cat "$work/socat.log")"
write_config "$range_port"
check "$crowd members are enrolled by ranges, in a nested group" enrolled 'Crowd Team' ranges
check "... each of them" those crowd dana
check "... ranges were asked for (control)" diff - "$work/ranges.log" < <(printf 'first\nfirst\nrest\n')
report_end
