#!/usr/bin/env bash
# The sync's reader wants from a real slapd just the roles that its groups hold, by few searches, and says what keeps an answer from being whole.
# time: 600
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"

work=$(mktemp -d)
cleanup()
{
    [ -z "${SLAPD_PID-}" ] || stop_slapd
    rm -rf "$work"
}
trap cleanup EXIT

p=ou=people,dc=example,dc=com g=ou=groups,dc=example,dc=com

# The server of slapd.sh with refint and dynamic groups, a local socket, client certificates, and the
# service account free of limits: cn=limited is another one, with the usual ones.
eval "plain_$(declare -f slapd_write_conf)"
slapd_write_conf()
{
    plain_slapd_write_conf "$1" | sed -e '/nis.schema/a include /etc/ldap/schema/dyngroup.schema' \
        -e '/^moduleload memberof/a moduleload refint' -e 's/^TLSVerifyClient never/TLSVerifyClient try/' \
        -e '/^pidfile/i authz-regexp "^cn=sync-runner$" "cn=pgsignet,ou=services,dc=example,dc=com"' \
        -e '/^pidfile/i authz-regexp "^gidNumber=0[+]uidNumber=0,cn=peercred,cn=external,cn=auth$" "cn=pgsignet,ou=services,dc=example,dc=com"' \
        -e '/^access to \* by/i limits dn.exact="cn=pgsignet,ou=services,dc=example,dc=com" size=unlimited' \
        -e '/^access to \* by/i access to dn.exact="cn=secret,ou=groups,dc=example,dc=com" by * none' \
        -e 's/^access to \* by/& dn.exact="cn=limited,ou=services,dc=example,dc=com" read by/'
    printf '\noverlay refint\nrefint_attributes member uniqueMember\n'
}
eval "plain_$(declare -f slapd_run)"
slapd_run()
{
    SLAPD_LDAP_URI="$SLAPD_LDAP_URI ldapi://${SLAPD_DIR//\//%2F}%2Fldapi" plain_slapd_run
}

admin()
{
    local tool=$1
    shift
    LDAPTLS_CACERT=$SLAPD_CA "$tool" -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" -y "$SLAPD_ADMIN_PW_FILE" "$@"
}

start_slapd "$work/slapd" || { not_ok "slapd starts"; report_end; }
printf 'dn: cn=limited,ou=services,dc=example,dc=com\nobjectClass: organizationalRole
objectClass: simpleSecurityObject\ncn: limited\nuserPassword: %s\n' "$(cat "$SLAPD_BIND_PW_FILE")" |
    admin ldapadd >/dev/null || not_ok "a second account"

probe=$build/tests/integration/sync_directory_probe
conf=$work/conf.yaml
bind="bind_dn: \"$SLAPD_BIND_DN\"
  bind_password_file: $SLAPD_BIND_PW_FILE"

# conf RULES [LDAP_LINES [SYNC_LINES]]: writes $conf; the rules are the list of sync.rules, indented by 4.
conf()
{
    cat >"$conf" <<END
audit: {syslog: true}
ldap:
  uris: [${uri:-$SLAPD_LDAPS_URI}]
  ca_file: $SLAPD_CA
  ${bind}
  user_base: "${user_base:-$p}"
  user_filter: "(&(objectClass=inetOrgPerson)(uid=%u))"
  group_base: "$g"
  timeout: 20s
${2-}
sync:
  postgres: "service=none"
  rules:
$1
${3-}
END
}

# rule ROLE FILTER [MORE]: one rule that grants r.
rule()
{
    printf '    - {search: {base: "%s", filter: "%s"}, role: "%s", grant: [r]%s}\n' "$g" "$2" "$1" "${3:+, $3}"
}

# wants NAME "WORDS": the roles' names, as the probe shows them, in order; nothing is found fault with.
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

# says NAME REGEX...: the probe prints a line for each.
says()
{
    local name=$1 output want
    shift
    output=$("$probe" "$conf" 2>&1)
    for want in "$@"; do
        if ! grep -aqE -- "$want" <<<"$output"; then
            not_ok "$name" "wanted $want
$output"
            return
        fi
    done
    ok "$name"
}

# explains NAME ROLE REGEX: what `explain` says of a role.
explains()
{
    local output
    output=$("$probe" "$conf" explain "$2" 2>&1)
    if grep -aqE -- "$3" <<<"$output"; then
        ok "$1"
    else
        not_ok "$1" "wanted $3
$output"
    fi
}

# --- members and names ---------------------------------------------------------------------------------

conf "$(rule '{dn.uid}' '(cn=dba)')"
wants "names by DN; erin's lock is not known" "alice bob carol erin"
says "the group is the reason" "^role alice r \(cn=dba,$g, rule 1\)$"
explains "explain names the group" alice "^rule 1: cn=dba,$g > uid=alice,$p: gives r$"

conf "$(rule '{uid}' '(cn=dba)')"
wants "names by entry leave out who is locked for good" "alice bob carol"
explains "explain says why" erin "^rule 1: cn=dba,$g > uid=erin,$p: gives nothing: account-locked$"
explains "explain says where he is not" dave "^rule 1: none of its groups holds uid=dave,$p$"

conf "$(rule 'ldap_{dn.uid|upper}_{group.cn|strip_prefix:d}' '(cn=dba)')"
wants "a template of everything" "ldap_ALICE_ba ldap_BOB_ba ldap_CAROL_ba ldap_ERIN_ba"
conf "$(rule '{dn.uid}' '(cn=uniq)' 'members: uniqueMember')"
wants "uniqueMember" alice
conf "$(rule '{uid}' '(cn=posix)' 'members: memberUid')"
wants "memberUid" "alice bob"
conf "    - {search: {base: \"$p\", filter: \"(memberOf=cn=dba,$g)\"}, members: memberOf, role: \"{uid}\", grant: [r]}"
wants "memberOf" "alice bob carol"
says "the filter is the reason" "^role alice r \(\(memberOf=cn=dba,$g\), rule 1\)$"
conf "    - {search: {base: \"$p\", filter: \"(memberOf=cn=dba,$g)\"}, members: memberOf, role: \"{dn.uid}\", grant: [r]}"
wants "memberOf by DN sees the lock too" "alice bob carol"
conf "$(rule '{dn.uid}' '(cn=outer)')"
explains "a group in a group is no person" grace "^rule 1: none of its groups holds uid=grace,$p$"
says "and a group without persons is empty" "^finding empty -: rule 1: \(cn=outer\) below $g finds 1 groups, and 0 persons"
conf "$(rule '{dn.cn}' '(cn=outer)')"
says "whatever the template" "^finding empty -"
for role in '{dn.uid}' '{uid}'; do
    conf "$(rule "$role" '(cn=outer)' 'nested: climb')"
    wants "nested groups, $role" grace
    explains "by their path, $role" grace "^rule 1: cn=outer,$g > cn=middle,$g > cn=inner,$g > uid=grace,$p: gives r$"
    conf "$(rule "$role" '(cn=ring1)' 'nested: climb')"
    wants "a cycle ends, $role" henry
done
conf "$(rule '{dn.uid}' '(cn=outer)' 'nested: climb')" "  depth: 1"
says "deeper than ldap.depth is not whole" "^finding incomplete -: groups nest deeper than ldap.depth \(1\)"
conf "$(rule '{dn.uid}' '(cn=dba)' 'nested: in_chain')"
says "in_chain is for AD alone" "^finding incomplete -: nested: in_chain \(rule 1\)"

printf 'dn: cn=dynamic,%s\nobjectClass: groupOfURLs\nmemberURL: ldap:///%s??one?(|(uid=alice)(uid=frank)(uid=Case))\n' "$g" "$p" |
    admin ldapadd >/dev/null
conf "$(rule '{uid}' '(cn=dynamic)' 'members: memberURL')"
wants "memberURL, without who has expired" "Case alice"
conf "$(rule '{dn.uid}' '(cn=dynamic)' 'members: memberURL')"
wants "memberURL by DN" "Case alice frank"
printf 'dn: cn=dynamic,%s\nchangetype: modify\nreplace: memberURL\nmemberURL: ldap://elsewhere/%s??one?(uid=alice)\n' "$g" "$p" |
    admin ldapmodify >/dev/null
says "memberURL to a foreign server is not whole" "^finding incomplete -: memberURL of cn=dynamic,$g names a server"

conf "    - {search: {base: \"dc=example,dc=com\"}, role: \"{dn.uid}\", grant: [r]}"
says "a filter that finds people among the groups makes no groups of them" "^role alice r " "^role dave r "

# --- several rules -------------------------------------------------------------------------------------

conf "    - search: {base: \"$g\", filter: \"(cn=dba)\"}
      role: \"{uid}\"
      grant: [dbrole_readonly, dbrole_readwrite]
      options: {connection_limit: 10, valid_until: 2027-01-31, comment: \"{cn} of {group.cn}\"}
    - search: {base: \"$g\", filter: \"(cn=uniq)\"}
      members: uniqueMember
      role: \"{dn.uid}\"
      grant: dbrole_admin
      with: {admin: true, set: false}
      options: {connection_limit: 5}
    - static: [app_reader, bob]
      grant: dbrole_offline"
wants "united" "alice app_reader bob carol"
says "the first rule's options count, grants are united, and admins set their role" \
    "^role alice dbrole_admin/admin/noset,dbrole_readonly,dbrole_readwrite limit=10 until=1801440000 comment=alice of dba set role=dbrole_admin \(cn=dba,$g, rule 1\)$" \
    "^role bob dbrole_offline,dbrole_readonly,dbrole_readwrite limit=10 until=1801440000 comment=bob of dba \(cn=dba,$g, rule 1\)$" \
    "^role app_reader dbrole_offline \(static, rule 3\)$"
conf "    - {search: {base: \"$g\", filter: \"(cn=dba)\"}, role: \"{uid}\", grant: dbrole_admin, options: {set: {}}}"
says "set: {} sets nothing" "^role alice dbrole_admin \(cn=dba"

# --- several values ------------------------------------------------------------------------------------

{
    printf 'dn: uid=many,%s\nobjectClass: inetOrgPerson\nuid: many\ncn: many\nsn: x\nemployeeType: 20270131120000Z\nemployeeType: infinity\n\n' "$p"
    printf 'dn: uid=single,%s\nobjectClass: inetOrgPerson\nuid: single\ncn: single\nsn: x\nemployeeType: infinity\n\n' "$p"
    printf 'dn: cn=several,%s\nobjectClass: groupOfNames\ndescription: 1\ndescription: 2\nmember: uid=many,%s\nmember: uid=single,%s\n' "$g" "$p" "$p"
} | admin ldapadd >/dev/null || not_ok "entries with several values are added"
for option in connection_limit valid_until 'set: {work_mem'; do
    key=${option#set: \{}
    conf "$(rule '{uid}' '(cn=several)' "options: {${option}: \"{employeeType}\"}$([ "$key" = "$option" ] || echo '}')")"
    says "$key refuses one with several values by name" \
        "^finding names many: $key of rule 1 needs one value of employeeType, which has several; take the others away$"
    check "... and makes no role of him" bash -c "! '$probe' '$conf' | grep '^role many '"
done
conf "$(rule '{uid}' '(cn=several)' 'options: {valid_until: "{employeeType}"}')"
says "who has one value has it" "^role single r until=infinity "
conf "$(rule '{uid}' '(cn=several)' 'options: {comment: "{employeeType}"}')"
says "a comment is left alone" "^role many r \(cn=several" "^role single r comment=infinity "
conf "$(rule '{uid}' '(cn=several)' 'options: {connection_limit: "{group.description}"}')"
says "of a group too" "^finding names single: connection_limit of rule 1 needs one value of description"

# --- hard names ----------------------------------------------------------------------------------------

# entry UID: adds a person below ou=hard and says its DN as the server has it.
printf 'dn: ou=hard,%s\nobjectClass: organizationalUnit\nou: hard\n' "$p" | admin ldapadd >/dev/null
long63=$(printf 'x%.0s' {1..63}) long64=$(printf 'y%.0s' {1..64})
names=('a, b' 'x" SUPERUSER; --' "o'neill" 'back\slash' '#hash' ' lead and trail ' $'new\nline' "$long63" "$long64"
    'UPPER' 'a=b+c' 'semi;colon' '<angle>' $'e\u0301' $'\u00e9t\u00e9')
i=0
{
    for name in "${names[@]}"; do
        i=$((i + 1))
        # The name stands in cn, where blanks at the ends are kept; the RDN escapes it byte by byte.
        printf 'dn: cn=%s,ou=hard,%s\n' "$(printf '%s' "$name" | xxd -p -c 256 | sed 's/../\\&/g')" "$p"
        printf 'objectClass: inetOrgPerson\nsn: x\nuid: hard%s\n' "$i"
        printf 'cn:: %s\n\n' "$(printf '%s' "$name" | base64 -w0)"
    done
} >"$work/hard.ldif"
admin ldapadd -f "$work/hard.ldif" >/dev/null 2>"$work/hard.log" || not_ok "hard names are added" "$(cat "$work/hard.log")"
{
    printf 'dn: cn=hard,%s\nobjectClass: groupOfNames\n' "$g"
    sed -n 's/^dn: /member: /p' "$work/hard.ldif"
} | admin ldapadd >/dev/null || not_ok "a group of them"
for role in '{cn}' '{dn.cn}'; do
    conf "$(rule "$role" '(cn=hard)')"
    for name in 'a, b' 'x" SUPERUSER; --' "o'neill" 'back\\x5cslash' '#hash' ' lead and trail ' 'new\\x0aline' "$long63" \
        UPPER 'a=b\+c' 'semi;colon' '<angle>' $'e\u0301' $'\u00e9t\u00e9'; do
        says "$role keeps $name" "^role ${name} r \(cn=hard"
    done
    says "$role refuses what is too long by name" "^finding names $long64: the name is longer than 63 bytes"
done
conf "$(rule '{dn.cn}' '(cn=nothere)')"
says "an empty answer is a finding" "^finding empty -: rule 1: \(cn=nothere\) below $g finds 0 groups"
conf "$(rule '{dn.cn}' '(cn=nothere)')" '' '  guards: {min_members: 0}'
wants "unless nothing is asked for" ""

# --- one name of two entries -----------------------------------------------------------------------------

{
    slapd_group twins "uid=twin,$p" "uid=twin,ou=contractors,$p" "uid=alice,$p"
    slapd_group case "uid=Case,$p" "uid=alice,$p"
    slapd_group gone "uid=alice,$p" "uid=nobody,$p"
} | admin ldapadd >/dev/null
for role in '{uid}' '{dn.uid}' '{uid|upper}'; do
    conf "$(rule "$role" '(cn=twins)')"
    says "two entries of one name become no role, $role" "^finding names (twin|TWIN): several entries give this name" \
        "^role (alice|ALICE) r "
    check "neither of them, $role" bash -c "! '$probe' '$conf' | grep -qi '^role twin '"
done
printf 'dn: uid=case,ou=contractors,%s\nobjectClass: inetOrgPerson\nuid: case\ncn: case\nsn: x\n' "$p" | admin ldapadd >/dev/null
printf 'dn: cn=case,%s\nchangetype: modify\nadd: member\nmember: uid=case,ou=contractors,%s\n' "$g" "$p" | admin ldapmodify >/dev/null
conf "$(rule '{uid}' '(cn=case)')"
wants "two cases are two roles" "Case alice case"
conf "$(rule '{uid|lower}' '(cn=case)')"
says "that fold into one are none" "^finding names case: several entries"
conf "$(rule '{uid}' '(cn=gone)')"
wants "a member without an entry is passed over" alice
explains "explain says so" nobody "gives nothing: no entry that ldap.user_base and ldap.user_filter find"
printf 'Case,kasus\nalice,a.l\n' >"$work/map"
conf "$(rule "{uid|map:$work/map}" '(cn=case)')"
wants "a map" "a.l case kasus"

# --- a DN is one entry however it is written ---------------------------------------------------------------

printf 'dn: cn=spelt,%s\nobjectClass: groupOfNames\nmember: UID=ALICE , OU=People,dc=Example,dc=com\nmember: uid=b\\6fb,%s\nmember: uid=a\\2C b\\2Bc,%s\n' \
    "$g" "$p" "$p" | admin ldapadd >/dev/null
conf "$(rule '{uid}' '(|(cn=spelt)(cn=dba))')"
wants "names by entry" "a, alice bob carol"
conf "$(rule '{dn.uid|lower}' '(cn=spelt)')"
wants "names by DN" "a, alice bob"
conf "$(rule '{dn.uid}' '(|(cn=spelt)(cn=dba))')"
check "of two spellings one counts, wherever it stands" bash -c "'$probe' '$conf' | grep -c '^role alice ' | grep -qx 1 &&
    ! '$probe' '$conf' | grep -q 'role ALICE'"

# --- answers that are not whole ----------------------------------------------------------------------------

conf "    - {search: {base: \"ou=nowhere,dc=example,dc=com\"}, role: \"{dn.uid}\", grant: [r]}
$(rule '{dn.uid}' '(cn=dba)')"
says "a base that is not there" "^finding incomplete -: searching groups below ou=nowhere,dc=example,dc=com, rule 1: No such object" "^role alice r "
printf 'dn: ou=referred,dc=example,dc=com\nobjectClass: referral\nobjectClass: extensibleObject\nou: referred\nref: ldap://127.0.0.1:%s/%s??sub\n' \
    "$SLAPD_LDAP_PORT" "$g" >"$work/ref.ldif"
admin ldapadd -M -f "$work/ref.ldif" >/dev/null
conf "    - {search: {base: \"ou=referred,dc=example,dc=com\"}, role: \"{dn.uid}\", grant: [r]}"
says "a base that is referred" "^finding incomplete -: searching groups below ou=referred,dc=example,dc=com, rule 1: the base is on another server"
below="    - {search: {base: \"dc=example,dc=com\", filter: \"(cn=dba)\"}, role: \"{dn.uid}\", grant: [r]}"
conf "$below"
wants "a reference beside the entries is skipped" "alice bob carol erin"
conf "$below" '' '  references: follow'
says "or followed, to servers of ldap.uris alone" "^finding incomplete -: searching groups below dc=example,dc=com, rule 1: it goes on at a server that is not in ldap.uris \(ldap://127.0.0.1:$SLAPD_LDAP_PORT/"
uri=$SLAPD_LDAP_URI
conf "$below" '' '  references: follow'
wants "followed to the same server: the groups are the same" "alice bob carol erin"
uri=
printf 'dn: cn=holder,%s\nobjectClass: groupOfNames\nmember: cn=secret,%s\nmember: uid=alice,%s\n\ndn: cn=secret,%s\nobjectClass: groupOfNames\nmember: uid=bob,%s\n' \
    "$g" "$g" "$p" "$g" "$p" | admin ldapadd >/dev/null
conf "$(rule '{uid}' '(cn=holder)' 'nested: climb')"
for role in '{uid}' '{dn.uid}'; do
    conf "$(rule "$role" '(cn=holder)' 'nested: climb')"
    says "a group that may not be seen is named, $role" "^finding incomplete -: nobody can see cn=secret,$g, a member of cn=holder,$g \(rule 1\): it may be a group" "^role alice r "
done
conf "$(rule '{uid}' '(cn=holder)')"
wants "and nobody's matter where groups in groups are not followed" alice
printf 'dn: cn=wide,%s\nobjectClass: groupOfNames\nmember: cn=far,%s\nmember: uid=alice,%s\n\ndn: cn=far,%s\nobjectClass: groupOfNames\nmember: uid=bob,%s\n' \
    "$g" "$p" "$p" "$p" "$p" | admin ldapadd >/dev/null
for role in '{uid}' '{dn.uid}'; do
    conf "$(rule "$role" '(cn=wide)' 'nested: climb')"
    says "a group outside of group_base is named, $role" "^finding incomplete -: the group cn=far,$p, which is in cn=wide,$g \(rule 1\), lies outside of ldap.group_base"
    conf "$(rule "$role" '(cn=gone2)' 'nested: climb')"
    printf 'dn: cn=gone2,%s\nobjectClass: groupOfNames\nmember: uid=nobody,%s\nmember: uid=alice,%s\nmember: cn=machine,%s\nmember: cn=pgsignet,ou=services,dc=example,dc=com\n' \
        "$g" "$p" "$p" "$p" | admin ldapadd >/dev/null 2>&1
    # By DN nobody knows that he is gone.
    case $role in '{uid}') passed=alice ;; *) passed='alice nobody' ;; esac
    wants "who was deleted among people, and an account that is nobody's, are passed over, $role" "$passed"
done
printf 'dn: cn=gone2,%s\nchangetype: modify\nadd: member\nmember: cn=lost,ou=elsewhere,dc=example,dc=com\n' "$g" | admin ldapmodify >/dev/null
says "a member of a part that nobody can see is named" "^finding incomplete -: nobody can see cn=lost,ou=elsewhere,dc=example,dc=com, "

# --- many ----------------------------------------------------------------------------------------------

{
    for i in $(seq 2000); do
        printf 'dn: uid=m%s,ou=hard,%s\nobjectClass: inetOrgPerson\nuid: m%s\ncn: m\nsn: m\n\n' "$i" "$p" "$i"
    done
    printf 'dn: cn=many,%s\nobjectClass: groupOfNames\n' "$g"
    for i in $(seq 2000); do
        printf 'member: uid=m%s,ou=hard,%s\n' "$i" "$p"
    done
} >"$work/many.ldif"
admin ldapadd -f "$work/many.ldif" >/dev/null || not_ok "2,000 members are added"
for role in '{dn.uid}' '{uid}'; do
    conf "$(rule "$role" '(cn=many)')"
    check "a group of 2,000, $role" bash -c "'$probe' '$conf' measure | grep -q '^roles 2000 grants 2000 '"
done
bind="bind_dn: \"cn=limited,ou=services,dc=example,dc=com\"
  bind_password_file: $SLAPD_BIND_PW_FILE"
conf "$(rule '{uid}' '(cn=many)')"
says "a size limit in the middle of the people" "^finding incomplete -: searching people below $p: Size limit exceeded"
conf "    - {search: {base: \"$p\", filter: \"(uid=m*)\"}, members: memberOf, role: \"{dn.uid}\", grant: [r]}"
says "and of a rule's search" "^finding incomplete -: searching people below $p, rule 1: Size limit exceeded"

# --- binds ---------------------------------------------------------------------------------------------

bind="sasl: external"
uri="\"ldapi://${SLAPD_DIR//\//%2F}%2Fldapi\""
conf "$(rule '{uid}' '(cn=dba)')"
wants "SASL EXTERNAL by the local socket" "alice bob carol"
(
    cd "$SLAPD_DIR" && umask 077 &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=sync-runner \
            -keyout runner.key -out runner.csr &&
        openssl x509 -req -in runner.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out runner.crt
) >/dev/null 2>&1
uri=
bind="sasl: external
  cert_file: $SLAPD_DIR/runner.crt
  key_file: $SLAPD_DIR/runner.key"
conf "$(rule '{uid}' '(cn=dba)')"
wants "SASL EXTERNAL by a client certificate" "alice bob carol"
uri=$SLAPD_LDAP_URI
conf "$(rule '{uid}' '(cn=dba)')"
wants "the same by StartTLS" "alice bob carol"
uri=
bind="sasl: gssapi"
conf "$(rule '{uid}' '(cn=dba)')"
KRB5CCNAME=$work/none says "GSSAPI without a ticket says so" "^not read: directory-unavailable: .*bind by GSSAPI \(is (there a ticket|its plug-in)"

# --- libldap's environment -------------------------------------------------------------------------------

bind="bind_dn: \"$SLAPD_BIND_DN\"
  bind_password_file: $SLAPD_BIND_PW_FILE"
conf "$(rule '{uid}' '(cn=dba)')"
sed -i "s|^  ca_file:.*|  ca_file: $work/none.pem|" "$conf"
says "the CA's file is not there, and is named" "TLS cannot be prepared: ldap.ca_file $work/none.pem: No such file or directory"
sed -i '/^  ca_file/d' "$conf"
says "without a CA the server is not believed" "^not read: directory-unavailable: .*TLS handshake failed .*in the URI\?\): Can't contact LDAP server;"
LDAPTLS_CACERT=$SLAPD_CA wants "LDAPTLS_CACERT names one" "alice bob carol"
printf 'TLS_CACERT %s\n' "$SLAPD_CA" >"$work/ldaprc"
LDAPCONF=$work/ldaprc wants "so does a file" "alice bob carol"
LDAPTLS_CACERT=/etc/ssl/certs/ca-certificates.crt LDAPCONF=$work/ldaprc says "the variable over the file" "^not read: "
LDAPTLS_REQCERT=never says "nothing turns the check off" "^not read: directory-unavailable: .*TLS handshake failed"
LDAPSIZELIMIT=1 LDAPTLS_CACERT=$SLAPD_CA wants "nothing limits an answer" "alice bob carol"

# --- servers -------------------------------------------------------------------------------------------

uri="ldaps://127.0.0.1:1, $SLAPD_LDAPS_URI"
conf "$(rule '{uid}' '(cn=dba)')"
wants "the next server when the first is down" "alice bob carol"
stop_slapd
says "no server, no answer" "^not read: directory-unavailable: ldaps://127.0.0.1:1: connecting: not reached"
report_end
