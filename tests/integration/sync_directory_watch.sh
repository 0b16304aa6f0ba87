#!/usr/bin/env bash
# --watch is told of a change in the directory within 2 seconds, also after the server was away; and polls a server that tells nothing.
# time: 600
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${PGSIGNET_BUILD:?the build tree}
. "$here/report.sh"
. "$here/slapd.sh"

work=$(mktemp -d)
probe_pid=
stop_probe()
{
    [ -z "$probe_pid" ] || { kill "$probe_pid" && kill -CONT "$probe_pid" && wait "$probe_pid"; } 2>/dev/null
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
    "$build/tests/integration/sync_directory_probe" "$work/conf.yaml" watch 590 >"$work/out" &
    probe_pid=$!
    exec 3<"$work/out"
}

# hears NAME REGEX: the next line is such a one; least is the shortest time that one took.
least=
hears()
{
    local line started=${EPOCHREALTIME/./} took
    if read -r -t 60 line <&3 && grep -qE -- "$2" <<<"$line"; then
        ok "$1"
    else
        not_ok "$1" "heard: ${line-nothing}"
    fi
    took=$(((${EPOCHREALTIME/./} - started) / 1000))
    [ -n "$least" ] && [ "$least" -le "$took" ] || least=$took
}
# A machine that has more to do may be late now and then.
in_time() { check "within 2 seconds ($least ms)" test "$least" -le 2000; }

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
hears "RFC 4533 is used where it is offered" '^refresh and persist'
least=
silent "what was there before is no change" 1.5
modify <<END
dn: cn=dba,$g
changetype: modify
add: member
member: uid=dave,$p
END
hears "a new member" '^changed$'
modify <<END
dn: uid=grace,$p
changetype: modify
replace: sn
sn: Other
END
hears "a changed person" '^changed$'
modify <<END
dn: uid=henry,$p
changetype: delete
END
hears "a person who is gone" '^changed$'
in_time
# It hears of them together, whatever time they took.
kill -STOP "$probe_pid"
for i in 1 2 3 4 5 6 7 8; do
    printf 'dn: uid=grace,%s\nchangetype: modify\nreplace: sn\nsn: Other %s\n\n' "$p" "$i"
done | modify
kill -CONT "$probe_pid"
hears "many changes at once" '^changed$'
more=0
while read -r -t 2.5 _ <&3; do more=$((more + 1)); done
# A server that was late with the last of them makes it two.
check "are one" test "$more" -le 1
modify <<END
dn: cn=pgsignet,ou=services,dc=example,dc=com
changetype: modify
replace: description
description: not below any base
END
silent "elsewhere nothing changes" 1.5
stop_slapd
hears "a lost connection is known" '^not connected'
slapd_run || not_ok "slapd starts again"
hears "and made anew, with a change that may have been missed" '^(changed|refresh and persist)'
hears "both are said" '^(changed|refresh and persist)'
modify <<END
dn: cn=dba,$g
changetype: modify
delete: member
member: uid=dave,$p
END
hears "and tells of changes again" '^changed$'

# --- a server that offers nothing ------------------------------------------------------------------------

stop_probe
stop_slapd
sed -i '/syncprov/d' "$SLAPD_DIR/slapd.conf"
slapd_run || not_ok "slapd starts without syncprov"
watch
hears "without it there is polling" '^polling'
least=
hears "every sync.poll" '^changed$'
hears "again and again" '^changed$'
in_time
report_end
