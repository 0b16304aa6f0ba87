#!/usr/bin/env bash
# Logins against a real Active Directory domain controller (Samba) are judged right.
# time: 120
# soak: only
#
# Needs Debian's samba packages, which `./setup check --soak` and `./setup check ad` install.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"
. "$here/samba.sh"

if missing=$(samba_missing); then
    skip "everything" "run: apt-get install --no-install-recommends $missing"
    report_end
fi
work=$(mktemp -d)
cleanup()
{
    stop_samba
    rm -rf "$work"
}
trap cleanup EXIT
start_samba "$work/samba" || { not_ok "samba starts"; report_end; }

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
report_end
