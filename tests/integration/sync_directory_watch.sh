#!/usr/bin/env bash
# --watch is told of a change in the directory within 2 seconds, also after the server was away; and polls a server that tells nothing.
# time: 90
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"

work=$(mktemp -d)
probe_pid=
stop_probe()
{
    [ -z "$probe_pid" ] || { kill "$probe_pid" && wait "$probe_pid"; } 2>/dev/null
    probe_pid=
}
cleanup()
{
    stop_probe
    [ -z "${SLAPD_PID-}" ] || stop_slapd
    rm -rf "$work"
}
trap cleanup EXIT

eval "plain_$(declare -f slapd_write_conf)"
slapd_write_conf()
{
    plain_slapd_write_conf "$1" | sed -e '/^moduleload memberof/a moduleload syncprov'
    printf '\noverlay syncprov\n'
}
start_slapd "$work/slapd" || { not_ok "slapd starts"; report_end; }

p=ou=people,dc=example,dc=com g=ou=groups,dc=example,dc=com
cat >"$work/conf.yaml" <<END
audit: {syslog: true}
ldap:
  uris: [$SLAPD_LDAPS_URI]
  ca_file: $SLAPD_CA
  bind_dn: "$SLAPD_BIND_DN"
  bind_password_file: $SLAPD_BIND_PW_FILE
  user_base: "$p"
  user_filter: "(uid=%u)"
sync:
  postgres: "service=none"
  poll: 1s
  rules:
    - {search: {base: "$g", filter: "(cn=dba)"}, role: "{uid}", grant: [r]}
END

modify()
{
    LDAPTLS_CACERT=$SLAPD_CA ldapmodify -x -H "$SLAPD_LDAPS_URI" -D "$SLAPD_ADMIN_DN" -y "$SLAPD_ADMIN_PW_FILE" >/dev/null
}

watch()
{
    stop_probe
    rm -f "$work/out"
    mkfifo "$work/out"
    "$build/tests/integration/sync_directory_probe" "$work/conf.yaml" watch 80 >"$work/out" &
    probe_pid=$!
    exec 3<"$work/out"
}

# hears NAME REGEX SECONDS: the next line comes in time and is such a one.
hears()
{
    local line
    if read -r -t "$3" line <&3 && grep -qE -- "$2" <<<"$line"; then
        ok "$1"
    else
        not_ok "$1" "heard: ${line-nothing}"
    fi
}

silent()
{
    local line
    if read -r -t "$2" line <&3; then
        not_ok "$1" "heard: $line"
    else
        ok "$1"
    fi
}

watch
hears "RFC 4533 is used where it is offered" '^refresh and persist' 10
silent "what was there before is no change" 1.5
modify <<END
dn: cn=dba,$g
changetype: modify
add: member
member: uid=dave,$p
END
hears "a new member" '^changed$' 2
modify <<END
dn: uid=grace,$p
changetype: modify
replace: sn
sn: Other
END
hears "a changed person" '^changed$' 2
modify <<END
dn: uid=henry,$p
changetype: delete
END
hears "a person who is gone" '^changed$' 2
for i in 1 2 3 4 5 6 7 8; do
    printf 'dn: uid=grace,%s\nchangetype: modify\nreplace: sn\nsn: Other %s\n\n' "$p" "$i"
done | modify
hears "many changes at once" '^changed$' 2
silent "are one" 1.5
modify <<END
dn: cn=pgsignet,ou=services,dc=example,dc=com
changetype: modify
replace: description
description: not below any base
END
silent "elsewhere nothing changes" 1.5
restart_slapd || not_ok "slapd starts again"
hears "a lost connection is known" '^(not connected|changed)' 5
hears "and made anew, with a change that may have been missed" '^(changed|refresh and persist)' 5
hears "both are said" '^(changed|refresh and persist)' 5
modify <<END
dn: cn=dba,$g
changetype: modify
delete: member
member: uid=dave,$p
END
hears "and tells of changes again" '^changed$' 2

# --- a server that offers nothing ------------------------------------------------------------------------

stop_probe
stop_slapd
sed -i '/syncprov/d' "$SLAPD_DIR/slapd.conf"
slapd_run || not_ok "slapd starts without syncprov"
watch
hears "without it there is polling" '^polling' 10
hears "every sync.poll" '^changed$' 2
hears "again and again" '^changed$' 2
report_end
