#!/usr/bin/env bash
# Logins against a real 389 Directory Server are judged right.
# time: 120
# soak: only
#
# Needs Debian's 389-ds-base, which `./setup check --soak` and `./setup check ds389` install.  On loopback and
# without TLS, which directory.sh and ad.sh see to: 389 keeps its certificates in a data base of its own.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"

PATH=$PATH:/usr/sbin
if ! command -v dscreate >/dev/null || ! command -v ldapmodify >/dev/null; then
    skip "everything" "run: apt-get install --no-install-recommends 389-ds-base ldap-utils"
    report_end
fi
work=$(mktemp -d)
ds=$work/ds
ds_pid=
cleanup()
{
    if [ -n "$ds_pid" ]; then
        kill "$ds_pid" 2>/dev/null
        wait "$ds_pid" 2>/dev/null
    fi
    # dscreate starts one of its own while it works.
    [ ! -s "$ds/run/dirsrv/slapd-t.pid" ] || kill "$(cat "$ds/run/dirsrv/slapd-t.pid")" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

# Debian's defaults with every path below $ds and no systemd: dscreate takes them from below PREFIX.
make_server()
{
    chmod 755 "$work"
    mkdir -p "$ds"/share/dirsrv/inf "$ds"/{etc/default,inst,run/dirsrv,run/lock/dirsrv,shm,tmpfiles} \
        "$ds"/var/{lib,log}/dirsrv
    cp -r /etc/dirsrv "$ds/etc" || return 1
    sed -E -e '/^;/d' -e 's|^(with_systemd) = .*|\1 = 0|' -e "s|= /dev/(shm/)|= $ds/\1|" \
        -e "s|= /etc/tmpfiles.d|= $ds/tmpfiles|" -e "s|= /(etc\|run\|var)(/.*)?$|= $ds/\1\2|" \
        -e "s|^(inst_dir) = .*|\1 = $ds/inst/slapd-{instance_name}|" \
        /usr/share/dirsrv/inf/defaults.inf >"$ds/share/dirsrv/inf/defaults.inf"
    (umask 077 && openssl rand -hex 16 | tr -d '\n' >"$work/admin.pw" &&
        openssl rand -hex 16 | tr -d '\n' >"$work/service.pw" && cat >"$work/t.inf" <<END
[general]
strict_host_checking = False
full_machine_name = localhost
start = False
[slapd]
instance_name = t
port = $port
secure_port = $(slapd_free_port)
root_password = $(cat "$work/admin.pw")
self_sign_cert = False
[backend-userroot]
suffix = dc=example,dc=com
create_suffix_entry = True
END
    )
    chown -R dirsrv:dirsrv "$ds"/{etc,inst,run,shm,var}
    PREFIX=$ds dscreate from-file "$work/t.inf" >"$work/dscreate.log" 2>&1 || {
        cat "$work/dscreate.log" >&2
        return 1
    }
    # Plug-ins are switched between two starts.
    sed -i -e '/^dn: cn=MemberOf Plugin,/,/^$/s/^\(nsslapd-pluginEnabled\): .*/\1: on/' \
        -e '/^dn: cn=7-bit check,/,/^$/s/^\(nsslapd-pluginEnabled\): .*/\1: off/' \
        "$ds/etc/dirsrv/slapd-t/dse.ldif"
}

admin()
{
    local tool=$1
    shift
    "$tool" -x -H "ldap://127.0.0.1:$port" -o nettimeout=2 -D "cn=Directory Manager" \
        -y "$work/admin.pw" "$@"
}

run_server()
{
    local tries=0
    ns-slapd -d 0 -D "$ds/etc/dirsrv/slapd-t" -i "$ds/run/dirsrv/slapd-t.pid" >"$work/ds.log" 2>&1 &
    ds_pid=$!
    while [ "$tries" -lt 300 ]; do
        kill -0 "$ds_pid" 2>/dev/null || return 1
        admin ldapwhoami >/dev/null 2>&1 && return 0
        tries=$((tries + 1))
        sleep 0.1
    done
    return 1
}

p=ou=people,dc=example,dc=com
g=ou=groups,dc=example,dc=com
service=cn=pgsignet,dc=example,dc=com

write_entries()
{
    local name
    cat <<END
dn: $service
changetype: add
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: pgsignet
userPassword: $(cat "$work/service.pw")

dn: dc=example,dc=com
changetype: modify
replace: aci
aci: (targetattr="*")(version 3.0; acl "pgsignet"; allow (read,search,compare)
  userdn="ldap:///$service";)

dn: cn=config
changetype: modify
replace: passwordLockout
passwordLockout: on
-
replace: passwordMaxFailure
passwordMaxFailure: 3
-
replace: passwordExp
passwordExp: on

END
    printf 'dn: ou=%s,dc=example,dc=com\nobjectClass: organizationalUnit\n\n' people groups
    for name in alice dave grace henry iris petra Case "o'brien" 'jürgen'; do
        slapd_person "$name"
        echo
    done
    slapd_person 'a, b+c' 'uid=a\, b\+c,ou=people,dc=example,dc=com'
    echo
    slapd_person 'back\slash' 'uid=back\\slash,ou=people,dc=example,dc=com'
    echo
    slapd_person erin
    printf 'nsAccountLock: true\n\n'
    slapd_person pat
    printf 'passwordExpirationTime: 20200101000000Z\n\n'
    slapd_group dba "uid=alice,$p" "uid=erin,$p"
    slapd_group denied "uid=dave,$p"
    slapd_group inner "uid=grace,$p"
    slapd_group middle "cn=inner,$g"
    slapd_group outer "cn=middle,$g"
    slapd_group ring1 "uid=henry,$p"
    slapd_group ring2 "cn=ring1,$g"
    slapd_group 'Sales\, EMEA' "uid=a\\, b\\+c,$p"
    cat <<END
dn: cn=ring1,$g
changetype: modify
add: member
member: cn=ring2,$g

dn: uid=pat,$p
changetype: modify
replace: passwordExpirationTime
passwordExpirationTime: 20200101000000Z

dn: cn=config
changetype: modify
replace: passwordMustChange
passwordMustChange: on

dn: uid=petra,$p
changetype: modify
replace: userPassword
userPassword: PW-petra
END
}

port=$(slapd_free_port)
make_server && run_server || { not_ok "389 Directory Server starts"; report_end; }
write_entries >"$work/entries.ldif"
admin ldapadd -f "$work/entries.ldif" >"$work/entries.log" 2>&1 || {
    not_ok "the directory is filled" "$(tail -n 9 "$work/entries.log")"
    report_end
}

probe=$build/tests/integration/directory_probe
# tls 1 is never; membership 0 is member, 1 memberOf; nested 0 is no, 1 climb, 2 in_chain.
base=("uri=ldap://127.0.0.1:$port" tls=1 "bind_dn=$service" "bind_password_file=$work/service.pw" timeout=3)

# expect NAME "STEP REASON" ARGS...: the last line that the probe prints for that step.
expect()
{
    local name=$1 want=$2 output got
    shift 2
    output=$("$probe" "${base[@]}" "$@" 2>&1 </dev/null)
    got=$(grep -a "^${want%% *} " <<<"$output" | tail -n 1)
    if grep -aqE -- " ${want#* } [0-9]+ " <<<"$got"; then
        ok "$name"
    else
        not_ok "$name" "wanted $want, got: $output"
    fi
}

dba=require=cn=dba,$g
expect "right password and group" "groups granted" "$dba" login:alice:PW-alice
expect "wrong password" "password password-wrong" login:alice:wrong
expect "empty password" "password password-empty" login:alice:
expect "unknown name" "find no-entry" find:nobody
expect "unknown name spends a bind" "password password-wrong" login:nobody:PW-nobody
expect "an injection is only a name" "find no-entry" 'find:alice)(|(uid=*'
expect "name in another case" "find name-differs" find:case
for name in "o'brien" 'jürgen' 'a, b+c' 'back\slash'; do
    expect "a user called $name" "password granted" "login:$name:PW-$name"
    expect "a user called $name by DN template" "password granted" "user_dn=uid=%u,$p" \
        "login:$name:PW-$name"
done
expect "unknown name by DN template" "find no-entry" "user_dn=uid=%u,$p" find:nobody
expect "inactivated (nsAccountLock), at the bind" "password account-disabled" login:erin:PW-erin
expect "inactivated, without the password" "account account-disabled" find:erin
expect "password has expired" "password password-must-change" login:pat:PW-pat
expect "password was reset" "password password-must-change" login:petra:PW-petra
expect "locked by three wrong ones" "password account-locked" login:iris:a login:iris:b login:iris:c \
    login:iris:PW-iris
expect "locked, without the password" "account account-locked" find:iris

for membership in 0 1; do
    m=membership=$membership
    expect "$m, not in the group" "groups not-in-group" "$m" "$dba" groups:dave
    expect "$m, denied" "groups in-denied-group" "$m" "deny=cn=denied,$g" groups:dave
    expect "$m, a group with a comma, spelt otherwise" "groups granted" "$m" \
        "require=CN=sales\\2c   emea, $g" 'groups:a, b+c'
    expect "$m, climbed" "groups granted" "$m" nested=1 "require=cn=outer,$g" groups:grace
    expect "$m, denied by climbing" "groups in-denied-group" "$m" nested=1 "deny=cn=outer,$g" groups:grace
    expect "$m, a cycle ends" "groups not-in-group" "$m" nested=1 "$dba" groups:henry
    expect "$m, in_chain is no clean bill" "groups directory-answer" "$m" nested=2 "deny=cn=denied,$g" \
        groups:dave
done
expect "nested groups are not climbed unasked" "groups not-in-group" "require=cn=outer,$g" groups:grace
expect "389 writes nested groups to memberOf" "groups granted" membership=1 "require=cn=outer,$g" groups:grace

report_end
