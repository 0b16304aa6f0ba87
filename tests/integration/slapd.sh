# slapd.sh - a throw-away OpenLDAP server with TLS, for tests and the demo.  Sourced, POSIX shell.
#
#   start_slapd DIR [LDAPS_PORT LDAP_PORT]   DIR is made; ports default to free ones on 127.0.0.1
#   stop_slapd [PID]                         ends it (SLAPD_PID by default) and waits for its end
#   restart_slapd                            the same server, data and ports again
#
# Runs as any user, without systemd.  Sets and exports:
#   SLAPD_LDAPS_URI SLAPD_LDAP_URI SLAPD_CA SLAPD_PID SLAPD_DIR SLAPD_LDAPS_PORT SLAPD_LDAP_PORT
#   SLAPD_BASE          dc=example,dc=com
#   SLAPD_BIND_DN       the service account, which may search; its password is in SLAPD_BIND_PW_FILE
#   SLAPD_ADMIN_DN      who may change everything; its password is in SLAPD_ADMIN_PW_FILE
# The URIs say 127.0.0.1: for "localhost" libldap checks the certificate against the machine's name.
#
# People are uid=NAME,ou=people,dc=example,dc=com with the password PW-NAME:
#   alice bob carol erin   members of cn=dba,ou=groups   (erin: locked for good by ppolicy)
#   dave                   member of cn=denied alone
#   frank                  shadowExpire in 1970
#   grace                  cn=inner < cn=middle < cn=outer (nested groups)
#   henry                  in cn=ring1, which is in cn=ring2, which is in cn=ring1 (a cycle)
#   iris                   locked by the 3rd wrong password (policy cn=strict)
#   petra                  must change her password (pwdReset);  pat: password expired (pwdMaxAge)
#   twin                   two entries, one of them below ou=contractors,ou=people
#   Case                   the name in capitals, to be asked for as `case`
#   *)(uid=*               and `a, b+c`, `o'brien "q"`, `jürgen`, `back\slash`: names that need escaping
# Groups are below ou=groups: dba, denied, inner, middle, outer, ring1, ring2, uniq (groupOfUniqueNames
# with alice), posix (posixGroup with alice and bob), `Sales, EMEA` (with `a, b+c`).

slapd_free_port()
{
    # Below the range the kernel takes ephemeral ports from, so that no client socket sits there.
    local port tries=0
    while [ "$tries" -lt 50 ]; do
        port=$(shuf -i 20000-31999 -n 1)
        if [ -z "$(ss -Htln "sport = :$port" 2>/dev/null)" ]; then
            echo "$port"
            return 0
        fi
        tries=$((tries + 1))
    done
    return 1
}

# slapd_make_certificates DIR [ADDRESS]: ca.crt, server.crt and server.key in DIR.
slapd_make_certificates()
{
    (
        address=${2:-127.0.0.1}
        cd "$1" || exit 1
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj "/CN=throw-away LDAP CA" -keyout ca.key -out ca.crt \
            -addext keyUsage=critical,keyCertSign,cRLSign &&
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj "/CN=$address" -keyout server.key -out server.csr &&
            printf '%s\n' "subjectAltName=IP:$address,DNS:localhost" \
                'basicConstraints=CA:FALSE' 'keyUsage=digitalSignature' \
                'extendedKeyUsage=serverAuth' > server.ext &&
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
                -days 3650 -extfile server.ext -out server.crt &&
            chmod 644 ca.crt
    ) >"$1/openssl.log" 2>&1
}

slapd_write_conf()
{
    local dir=$1 schema
    for schema in core cosine inetorgperson nis; do
        echo "include /etc/ldap/schema/$schema.schema"
    done
    cat <<END
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile $dir/slapd.pid
argsfile $dir/slapd.args
loglevel none
threads 4
TLSCertificateFile $dir/server.crt
TLSCertificateKeyFile $dir/server.key
TLSCACertificateFile $dir/ca.crt
TLSVerifyClient never

database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw $(cat "$dir/admin.pw")
directory $dir/db
maxsize 1073741824
dbnosync
index objectClass,uid,cn,member,uniqueMember,memberUid eq
access to attrs=userPassword by self =xw by anonymous auth by * none
access to * by dn.exact="cn=pgsignet,ou=services,dc=example,dc=com" read by self read by * none

overlay ppolicy
ppolicy_default "cn=default,ou=policies,dc=example,dc=com"
ppolicy_use_lockout

overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
END
}

# slapd_person UID [DN] - an entry without its blank line at the end; the caller may add lines.
slapd_person()
{
    # LDIF takes any bytes in base64, so hostile names need no care here.
    printf 'dn:: %s\n' "$(printf '%s' "${2:-uid=$1,ou=people,dc=example,dc=com}" | base64 -w0)"
    printf 'uid:: %s\n' "$(printf '%s' "$1" | base64 -w0)"
    printf 'cn:: %s\n' "$(printf '%s' "$1" | base64 -w0)"
    printf 'sn: Example\n'
    printf 'userPassword:: %s\n' "$(printf 'PW-%s' "$1" | base64 -w0)"
    # Last: slapadd wants the values of one attribute together, and the caller may add a class.
    printf 'objectClass: inetOrgPerson\n'
}

slapd_write_people()
{
    local dir=$1 name
    cat <<END
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=contractors,ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: contractors

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: ou=services,dc=example,dc=com
objectClass: organizationalUnit
ou: services

dn: ou=policies,dc=example,dc=com
objectClass: organizationalUnit
ou: policies

dn: cn=pgsignet,ou=services,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: pgsignet
userPassword: $(cat "$dir/service.pw")

dn: cn=default,ou=policies,dc=example,dc=com
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 0
pwdMustChange: TRUE

dn: cn=strict,ou=policies,dc=example,dc=com
objectClass: device
objectClass: pwdPolicy
cn: strict
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 600

dn: cn=aging,ou=policies,dc=example,dc=com
objectClass: device
objectClass: pwdPolicy
cn: aging
pwdAttribute: userPassword
pwdMaxAge: 60

END
    for name in alice bob carol dave grace henry Case '*)(uid=*' "o'brien" 'jürgen'; do
        slapd_person "$name"
        echo
    done
    slapd_person 'a, b+c' 'uid=a\, b\+c,ou=people,dc=example,dc=com'
    echo
    slapd_person "o'brien \"q\"" "uid=o'brien \\\"q\\\",ou=people,dc=example,dc=com"
    echo
    slapd_person 'back\slash' 'uid=back\\slash,ou=people,dc=example,dc=com'
    echo
    slapd_person twin
    echo
    slapd_person twin 'uid=twin,ou=contractors,ou=people,dc=example,dc=com'
    echo
    slapd_person erin
    printf 'pwdAccountLockedTime: 000001010000Z\n\n'
    slapd_person frank
    printf 'objectClass: shadowAccount\nshadowExpire: 1\n\n'
    slapd_person iris
    printf 'pwdPolicySubentry: cn=strict,ou=policies,dc=example,dc=com\n\n'
    slapd_person petra
    printf 'pwdReset: TRUE\n\n'
    slapd_person pat
    printf 'pwdPolicySubentry: cn=aging,ou=policies,dc=example,dc=com\n'
    printf 'pwdChangedTime: 20200101000000Z\n\n'
}

# slapd_group CN MEMBER_DN...
slapd_group()
{
    printf 'dn: cn=%s,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\n' "$1"
    shift
    printf 'member: %s\n' "$@"
    echo
}

slapd_write_groups()
{
    local p=ou=people,dc=example,dc=com g=ou=groups,dc=example,dc=com
    slapd_group dba "uid=alice,$p" "uid=bob,$p" "uid=carol,$p" "uid=erin,$p"
    slapd_group denied "uid=dave,$p"
    slapd_group inner "uid=grace,$p"
    slapd_group middle "cn=inner,$g"
    slapd_group outer "cn=middle,$g"
    slapd_group ring1 "uid=henry,$p" "cn=ring2,$g"
    slapd_group ring2 "cn=ring1,$g"
    slapd_group 'Sales\, EMEA' "uid=a\\, b\\+c,$p"
    printf 'dn: cn=uniq,%s\nobjectClass: groupOfUniqueNames\nuniqueMember: uid=alice,%s\n\n' "$g" "$p"
    printf 'dn: cn=posix,%s\nobjectClass: posixGroup\ngidNumber: 5000\n' "$g"
    printf 'memberUid: alice\nmemberUid: bob\n\n'
}

# Starts the process on SLAPD_DIR and the two ports; true once it answers over TLS.
slapd_run()
{
    local tries=0
    # -d 0 keeps it in the foreground, so that SLAPD_PID is its process.
    slapd -d 0 -f "$SLAPD_DIR/slapd.conf" -h "$SLAPD_LDAP_URI $SLAPD_LDAPS_URI" \
        >"$SLAPD_DIR/slapd.log" 2>&1 &
    SLAPD_PID=$!
    export SLAPD_PID
    while [ "$tries" -lt 1500 ]; do
        kill -0 "$SLAPD_PID" 2>/dev/null || return 1
        if LDAPTLS_CACERT=$SLAPD_CA ldapwhoami -x -H "$SLAPD_LDAPS_URI" -o nettimeout=2 \
            -D "$SLAPD_BIND_DN" -y "$SLAPD_BIND_PW_FILE" >/dev/null 2>&1; then
            return 0
        fi
        tries=$((tries + 1))
        sleep 0.02
    done
    stop_slapd
    return 1
}

start_slapd()
{
    local tries=0
    SLAPD_DIR=$1
    SLAPD_BASE=dc=example,dc=com
    SLAPD_CA=$SLAPD_DIR/ca.crt
    SLAPD_BIND_DN=cn=pgsignet,ou=services,dc=example,dc=com
    SLAPD_BIND_PW_FILE=$SLAPD_DIR/service.pw
    SLAPD_ADMIN_DN=cn=admin,dc=example,dc=com
    SLAPD_ADMIN_PW_FILE=$SLAPD_DIR/admin.pw
    export SLAPD_DIR SLAPD_BASE SLAPD_CA SLAPD_BIND_DN SLAPD_BIND_PW_FILE SLAPD_ADMIN_DN \
        SLAPD_ADMIN_PW_FILE
    case $PATH in */usr/sbin*) ;; *) PATH=$PATH:/usr/sbin ;; esac

    mkdir -p "$SLAPD_DIR/db" || return 1
    # No newline: ldapwhoami -y takes the whole file.
    (umask 077 && openssl rand -hex 16 | tr -d '\n' >"$SLAPD_BIND_PW_FILE" &&
        openssl rand -hex 16 | tr -d '\n' >"$SLAPD_ADMIN_PW_FILE") || return 1
    slapd_make_certificates "$SLAPD_DIR" || { cat "$SLAPD_DIR/openssl.log" >&2; return 1; }
    (umask 077 && slapd_write_conf "$SLAPD_DIR" >"$SLAPD_DIR/slapd.conf") || return 1
    (umask 077 && slapd_write_people "$SLAPD_DIR" >"$SLAPD_DIR/people.ldif") || return 1
    slapd_write_groups >"$SLAPD_DIR/groups.ldif"
    # Offline, because ppolicy's operational attributes cannot be added over the protocol.
    slapadd -q -f "$SLAPD_DIR/slapd.conf" -l "$SLAPD_DIR/people.ldif" \
        >"$SLAPD_DIR/slapadd.log" 2>&1 || { cat "$SLAPD_DIR/slapadd.log" >&2; return 1; }

    while :; do
        SLAPD_LDAPS_PORT=${2:-$(slapd_free_port)}
        SLAPD_LDAP_PORT=${3:-$(slapd_free_port)}
        SLAPD_LDAPS_URI=ldaps://127.0.0.1:$SLAPD_LDAPS_PORT
        SLAPD_LDAP_URI=ldap://127.0.0.1:$SLAPD_LDAP_PORT
        export SLAPD_LDAPS_PORT SLAPD_LDAP_PORT SLAPD_LDAPS_URI SLAPD_LDAP_URI
        slapd_run && break
        # Somebody may have taken the port meanwhile.
        tries=$((tries + 1))
        [ "$tries" -lt 3 ] || { cat "$SLAPD_DIR/slapd.log" >&2; return 1; }
    done
    # Online, so that the memberof overlay sees the groups and writes memberOf.
    LDAPTLS_CACERT=$SLAPD_CA ldapadd -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" \
        -y "$SLAPD_ADMIN_PW_FILE" -f "$SLAPD_DIR/groups.ldif" >"$SLAPD_DIR/groups.log" 2>&1 ||
        { cat "$SLAPD_DIR/groups.log" >&2; stop_slapd; return 1; }
}

stop_slapd()
{
    local pid=${1:-${SLAPD_PID-}}
    [ -n "$pid" ] || return 0
    # A stopped process takes SIGTERM only once it goes on.
    kill -TERM "$pid" 2>/dev/null
    kill -CONT "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ "$pid" = "${SLAPD_PID-}" ] && SLAPD_PID=
    return 0
}

restart_slapd()
{
    stop_slapd
    slapd_run
}
