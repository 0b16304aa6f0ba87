#!/usr/bin/env bash
# The sync's reader wants the right roles of a real Active Directory domain controller (Samba): nested, primary groups, disabled accounts, GSSAPI.
# time: 600
# soak: only
#
# Needs Debian's samba packages, which `./setup check --soak` and `./setup check sync_ad` install.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"
. "$here/samba.sh"

work=$(mktemp -d)
samba_scene "$work"

probe=$build/tests/integration/sync_directory_probe
conf=$work/conf.yaml
g=OU=Groups,$SAMBA_BASE s=OU=Staff,$SAMBA_BASE
bind="bind_dn: \"CN=svc-pgsignet,$s\"
  bind_password_file: $SAMBA_BIND_PW_FILE"
uri=ldaps://$SAMBA_ADDRESS

# conf FILTER NESTED [MORE [ROLE [BASE]]]
conf()
{
    cat >"$conf" <<END
audit: {syslog: true}
ldap:
  uris: [$uri]
  ca_file: $SAMBA_CA
  $bind
  user_base: "$SAMBA_BASE"
  user_filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName=%u))"
  user_name: sAMAccountName
  group_base: "$g"
  timeout: 20s
sync:
  postgres: "service=none"
  rules:
    - {search: {base: "${5:-$g}", filter: "$1"}, nested: $2, role: "${4:-{sAMAccountName\}}", grant: [r]${3:+, $3}}
END
}

wants()
{
    local output names
    output=$("$probe" "$conf" 2>&1)
    names=$(sed -n 's/^role \([^ ]*\) .*/\1/p' <<<"$output" | tr '\n' ' ')
    if [ "$names" = "${2:+$2 }" ] && ! grep -q '^finding' <<<"$output"; then
        ok "$1"
    else
        not_ok "$1" "wanted: $2
$output"
    fi
}

says()
{
    local output
    output=$("$probe" "$conf" "${@:3}" 2>&1)
    if grep -aqE -- "$2" <<<"$output"; then
        ok "$1"
    else
        not_ok "$1" "wanted $2
$output"
    fi
}

conf '(cn=Database Users)' no
wants "direct members, without who is disabled or has expired" "comma dana lea locky primus reset"
says "explain says why" "CN=Database Users,$g > CN=disabled,$s: gives nothing: account-disabled" explain disabled
conf '(cn=Database Users)' no '' '{dn.CN}'
wants "names by DN: entries are read all the same" 'Doe, dana lea locky primus reset'
says "hard names are kept" '^role Doe, "J" \+ #1 r '
for nested in climb in_chain; do
    conf '(cn=Database Users)' "$nested"
    wants "$nested" "comma dana lea locky nina primus reset"
    conf '(cn=Leavers)' "$nested"
    wants "$nested, and who has it as his primary group" "lea primus"
    conf '(cn=Ring 1)' "$nested"
    wants "$nested, a cycle" ringo
done
conf '(cn=Leavers)' no
wants "the primary group, not nested" primus
conf '(cn=Everybody)' in_chain
says "the primary group in another group, in chain" '^role odd r \(CN=Everybody'
conf '(cn=Domain Users)' no '' '' "CN=Users,$SAMBA_BASE"
says "the primary group of all" '^role odd r \(CN=Domain Users'
conf '(cn=Database Users)' climb '' '' "$SAMBA_BASE"
wants "references beside a domain's root are skipped" "comma dana lea locky nina primus reset"
conf '(cn=Database Users)' no 'options: {valid_until: "{accountExpires}", comment: "{name}"}'
says "no expiry is infinity" '^role dana r until=infinity comment=dana \('
printf 'dn: CN=dana,%s\nchangetype: modify\nreplace: accountExpires\naccountExpires: 132000000000000000\n' "$s" |
    samba_ldap ldapmodify >/dev/null
says "an expiry that is past is the end" "CN=dana,$s: gives nothing: account-expired" explain dana
printf 'dn: CN=dana,%s\nchangetype: modify\nreplace: accountExpires\naccountExpires: 150000000000000000\n' "$s" |
    samba_ldap ldapmodify >/dev/null
says "one to come is a time" '^role dana r until=3355526400 comment=dana \('

# --- a change is told ------------------------------------------------------------------------------------

mkfifo "$work/out"
"$probe" "$conf" watch 60 >"$work/out" &
samba_other=$!
exec 3<"$work/out"
read -r -t 10 line <&3
if [[ ${line-} == "change notification"* ]]; then
    ok "AD's change notification is used"
else
    not_ok "AD's change notification is used" "${line-}"
fi
printf 'dn: CN=dana,%s\nchangetype: modify\nreplace: description\ndescription: changed\n' "$s" | samba_ldap ldapmodify >/dev/null
# Samba looks for changes every 5 s; a Windows server tells them at once.
if read -r -t 10 line <&3 && [ "$line" = changed ]; then
    ok "a change is told"
else
    not_ok "a change is told" "${line-}"
fi
kill "$samba_other"
wait "$samba_other" 2>/dev/null
samba_other=

# --- many ------------------------------------------------------------------------------------------------

{
    for i in $(seq 2000); do
        printf 'dn: CN=m%s,%s\nobjectClass: user\nsAMAccountName: m%s\nuserAccountControl: 544\n\n' "$i" "$s" "$i"
    done
    printf 'dn: CN=many,%s\nobjectClass: group\n' "$g"
    for i in $(seq 2000); do
        printf 'member: CN=m%s,%s\n' "$i" "$s"
    done
} >"$work/many.ldif"
samba_ldap ldapadd -f "$work/many.ldif" >"$work/many.log" 2>&1 || not_ok "2,000 members are added" "$(tail -n 3 "$work/many.log")"
for nested in no climb in_chain; do
    conf '(cn=many)' "$nested"
    says "a group of 2,000, $nested" '^roles 2000 grants 2000 ' measure
done

# --- GSSAPI: with a ticket server, and the address as the service's name -----------------------------------

stop_samba
# Without the second line this Samba takes GSSAPI only with a security layer, and that only without TLS.
sed -i -e 's/^\(\s*server services = \).*/\1ldap, cldap, kdc/' \
    -e '/^\[global\]/a ldap server require strong auth = allow_sasl_over_tls' "$SAMBA_DIR/etc/smb.conf"
samba_run || not_ok "samba starts with a ticket server"
samba_ldap ldapmodify >/dev/null <<END
dn: CN=DC1,OU=Domain Controllers,$SAMBA_BASE
changetype: modify
add: servicePrincipalName
servicePrincipalName: ldap/$SAMBA_ADDRESS
END
samba-tool domain exportkeytab "$work/keytab" --principal=svc-pgsignet -s "$SAMBA_DIR/etc/smb.conf" >/dev/null 2>&1 ||
    not_ok "a keytab is made"
cat >"$work/krb5.conf" <<END
[libdefaults]
    default_realm = AD.EXAMPLE.COM
    dns_lookup_kdc = false
    dns_lookup_realm = false
    rdns = false
    dns_canonicalize_hostname = false
[realms]
    AD.EXAMPLE.COM = {
        kdc = $SAMBA_ADDRESS
    }
[domain_realm]
    $SAMBA_ADDRESS = AD.EXAMPLE.COM
END
export KRB5_CONFIG=$work/krb5.conf KRB5_CLIENT_KTNAME=FILE:$work/keytab KRB5CCNAME=FILE:$work/cache LDAPSASL_NOCANON=on
bind="sasl: gssapi"
conf '(cn=Leavers)' climb
wants "GSSAPI under LDAPS" "lea primus"
uri=ldap://$SAMBA_ADDRESS
conf '(cn=Leavers)' climb
wants "GSSAPI under StartTLS" "lea primus"
rm -f "$work/cache"
KRB5_CLIENT_KTNAME=$work/none says "without a ticket it says so" '^not read: .*bind by GSSAPI'
report_end
