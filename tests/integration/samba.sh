# shellcheck shell=bash
# samba.sh - a throw-away Active Directory domain controller (Samba), for tests.  Sourced after slapd.sh,
# run by root.
#
#   samba_missing        prints the Debian packages that are not there; false if none is missing
#   start_samba DIR      DIR is made; LDAP only, on a loopback address of its own (the ports are fixed)
#   stop_samba           ends it and waits for its end
#   samba_scene DIR      all that a test begins with: skips it where packages are missing, starts the server below
#                        DIR; the end of the test ends it, ends $samba_other, the process id of something else, if
#                        that is not empty, and removes DIR
#
# Sets SAMBA_PID SAMBA_ADDRESS SAMBA_CA SAMBA_BIND_PW_FILE SAMBA_ADMIN_PW_FILE.
#
# The domain is dc=ad,dc=example,dc=com; people are below OU=Staff with the password Pw-NAME-123, named by
# sAMAccountName; the third wrong password locks.  Groups are below OU=Groups.
#   dana        in Database Users          odd         in no group
#   nina        in `Night, Shift` < DB Team < Database Users
#   lea         in Database Users and in Gone < Long Gone < Leavers
#   ringo       in Ring 1 < Ring 2 < Ring 1
#   all         in Domain Users, their primary group, which is in Everybody
#   primus      whose primary group is Leavers; in Database Users as well
#   disabled expired reset locky         states of accounts, all in Database Users
#   Case, o'brien, jürgen, comma (CN `Doe, "J" + #1`)         names

samba_packages=(samba samba-ad-provision samba-dsdb-modules samba-vfs-modules python3-samba ldap-utils)
SAMBA_BASE=DC=ad,DC=example,DC=com
SAMBA_ADMIN=CN=Administrator,CN=Users,$SAMBA_BASE

samba_missing()
{
    local package missing=()
    for package in "${samba_packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] && echo "${missing[*]}"
}

# samba_person NAME [CN]: no lines after it; the password is never to expire.
samba_person()
{
    local cn=${2:-$1}
    printf 'dn:: %s\n' "$(printf 'CN=%s,OU=Staff,%s' "$cn" "$SAMBA_BASE" | base64 -w0)"
    printf 'objectClass: user\nsAMAccountName:: %s\n' "$(printf '%s' "$1" | base64 -w0)"
    printf 'userAccountControl: %s\n' "${3:-66048}"
    printf 'unicodePwd:: %s\n' "$(printf '"Pw-%s-123"' "$1" | iconv -t UTF-16LE | base64 -w0)"
}

# samba_group CN MEMBER_RDN...
samba_group()
{
    printf 'dn: CN=%s,OU=Groups,%s\nobjectClass: group\n' "$1" "$SAMBA_BASE"
    shift
    [ $# -eq 0 ] || printf "member: %s,$SAMBA_BASE\\n" "$@"
    echo
}

samba_write_ldif()
{
    local name s=OU=Staff g=OU=Groups
    printf 'dn: OU=%s,'"$SAMBA_BASE"'\nobjectClass: organizationalUnit\n\n' Staff Groups
    for name in svc-pgsignet dana odd nina lea ringo primus locky Case "o'brien" 'jürgen'; do
        samba_person "$name"
        echo
    done
    samba_person comma 'Doe\, \"J\" \+ \#1'
    echo
    samba_person disabled '' 66050
    echo
    samba_person reset '' 512
    echo
    samba_person expired
    printf 'accountExpires: 132000000000000000\n\n' # in 2019

    samba_group 'Night\, Shift' "CN=nina,$s"
    samba_group 'DB Team' "CN=Night\\, Shift,$g"
    samba_group 'Database Users' "CN=DB Team,$g" "CN=dana,$s" "CN=lea,$s" "CN=primus,$s" \
        "CN=disabled,$s" "CN=expired,$s" "CN=reset,$s" "CN=locky,$s" \
        'CN=Doe\, \"J\" \+ \#1,'"$s"
    samba_group Gone "CN=lea,$s"
    samba_group 'Long Gone' "CN=Gone,$g"
    samba_group Leavers "CN=Long Gone,$g" "CN=primus,$s"
    samba_group Everybody 'CN=Domain Users,CN=Users'
    samba_group 'Ring 1' "CN=ringo,$s"
    samba_group 'Ring 2' "CN=Ring 1,$g"
    cat <<END
dn: CN=Ring 1,$g,$SAMBA_BASE
changetype: modify
add: member
member: CN=Ring 2,$g,$SAMBA_BASE
-

dn: CN=reset,$s,$SAMBA_BASE
changetype: modify
replace: pwdLastSet
pwdLastSet: 0
-

dn: $SAMBA_BASE
changetype: modify
replace: lockoutThreshold
lockoutThreshold: 3
-

END
}

samba_ldap()
{
    local tool=$1
    shift
    LDAPTLS_CACERT=$SAMBA_CA "$tool" -x -H "ldaps://$SAMBA_ADDRESS" -o nettimeout=2 -D "$SAMBA_ADMIN" \
        -y "$SAMBA_ADMIN_PW_FILE" "$@"
}

samba_run()
{
    local tries=0
    samba -F --no-process-group -M single -s "$SAMBA_DIR/etc/smb.conf" --debug-stdout \
        >"$SAMBA_DIR/samba.log" 2>&1 </dev/null &
    SAMBA_PID=$!
    while [ "$tries" -lt 300 ]; do
        kill -0 "$SAMBA_PID" 2>/dev/null || return 1
        samba_ldap ldapsearch -s base -b "$SAMBA_BASE" 1.1 >/dev/null 2>&1 && return 0
        tries=$((tries + 1))
        sleep 0.1
    done
    return 1
}

start_samba()
{
    local part=$((RANDOM % 250 + 1)) sid
    SAMBA_DIR=$1
    SAMBA_ADDRESS=127.77.$part.$((RANDOM % 250 + 1))
    SAMBA_CA=$SAMBA_DIR/ca.crt
    SAMBA_BIND_PW_FILE=$SAMBA_DIR/service.pw
    SAMBA_ADMIN_PW_FILE=$SAMBA_DIR/admin.pw
    mkdir -p "$SAMBA_DIR" || return 1
    # The domain's rules want several kinds of characters.
    (umask 077 && printf 'Pw-svc-pgsignet-123' >"$SAMBA_BIND_PW_FILE" &&
        printf 'Aa1-%s' "$(openssl rand -hex 16)" >"$SAMBA_ADMIN_PW_FILE") || return 1
    slapd_make_certificates "$SAMBA_DIR" "$SAMBA_ADDRESS" || return 1
    printf '[global]\n' >"$SAMBA_DIR/base.conf"
    samba-tool domain provision --configfile="$SAMBA_DIR/base.conf" --targetdir="$SAMBA_DIR" \
        --realm=AD.EXAMPLE.COM --domain=AD --adminpass="$(cat "$SAMBA_ADMIN_PW_FILE")" \
        --server-role=dc --dns-backend=NONE --host-name=dc1 --host-ip="$SAMBA_ADDRESS" \
        --option="interfaces=$SAMBA_ADDRESS/8" --option='bind interfaces only=yes' \
        --option='server services=ldap, cldap' --option="tls certfile=$SAMBA_DIR/server.crt" \
        --option="tls keyfile=$SAMBA_DIR/server.key" --option="tls cafile=$SAMBA_CA" \
        --option="pid directory=$SAMBA_DIR" --option="ncalrpc dir=$SAMBA_DIR/ncalrpc" \
        >"$SAMBA_DIR/provision.log" 2>&1 || { tail -n 20 "$SAMBA_DIR/provision.log" >&2; return 1; }
    samba_run || { tail -n 20 "$SAMBA_DIR/samba.log" >&2; return 1; }
    samba_write_ldif >"$SAMBA_DIR/people.ldif"
    samba_ldap ldapadd -f "$SAMBA_DIR/people.ldif" >"$SAMBA_DIR/people.log" 2>&1 ||
        { tail -n 5 "$SAMBA_DIR/people.log" >&2; return 1; }
    sid=$(samba_ldap ldapsearch -LLL -b "CN=Leavers,OU=Groups,$SAMBA_BASE" -s base primaryGroupToken |
        sed -n 's/^primaryGroupToken: //p')
    samba_ldap ldapmodify >>"$SAMBA_DIR/people.log" 2>&1 <<END
dn: CN=primus,OU=Staff,$SAMBA_BASE
changetype: modify
replace: primaryGroupID
primaryGroupID: $sid
END
}

stop_samba()
{
    [ -n "${SAMBA_PID-}" ] || return 0
    kill -TERM "$SAMBA_PID" 2>/dev/null
    wait "$SAMBA_PID" 2>/dev/null
    SAMBA_PID=
}

samba_clean_up()
{
    [ -z "$samba_other" ] || kill "$samba_other" 2>/dev/null
    stop_samba
    rm -rf "$samba_scene"
}

samba_scene()
{
    local missing
    samba_scene=$1 samba_other=
    trap samba_clean_up EXIT
    trap 'exit 130' INT TERM HUP
    if missing=$(samba_missing); then
        skip "everything" "run: apt-get install --no-install-recommends $missing"
        report_end
    fi
    start_samba "$samba_scene/samba" || { not_ok "samba starts"; report_end; }
}
