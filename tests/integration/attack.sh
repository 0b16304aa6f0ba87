#!/usr/bin/env bash
# Attacks from the host, the wire and the directory: what each finds, and that the promises hold.
# time: 600
# alone: it leaves the cores to hashes
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

# OS users that run this must be able to reach it.
probe()
{
    "$STACK_BIN/attack_probe" "$@"
}

# ask KIND MS POLICY USER RHOST [STRING]: a request of the OS user postgres
ask()
{
    printf '%s' "${6-}" | probe ask "$STACK_SOCKET" postgres "$1" "$2" "$3" "$4" "$5"
}

# same NAME EXPECTED GOT
same()
{
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected $2, got $3; $(stack_last_event)"; fi
}

workers()
{
    cat "/proc/$STACK_DAEMON/task/$STACK_DAEMON/children"
}

# --- what is left behind -----------------------------------------------------------------------------

test_memory()
{
    local string found=0 tries
    # Each worker has judged several by the end, right and wrong.
    for tries in 1 2 3 4 5 6; do
        stack_code alice
        stack_psql alice "canary-wrong-password$STACK_CODE" >/dev/null 2>&1
        stack_wrong_code alice
        stack_psql alice "canary-wrong-code$STACK_CODE" >/dev/null 2>&1
        stack_mfa unlock -- alice >/dev/null
        stack_code bob
        stack_psql bob "PW-bob$STACK_CODE" >/dev/null || not_ok "memory: bob is let in" "$(stack_last_event)"
    done
    for string in canary-wrong anary-wrong-pass PW-bob; do
        # shellcheck disable=SC2046 # one word a worker
        found=$(printf '%s' "$string" | probe memory "$STACK_DAEMON" $(workers))
        same "memory: nothing of a password is left in daemon or workers ($string)" 0 "$found"
    done
}

# --- the OS user postgres, with requests of his own ----------------------------------------------------

test_deadlines()
{
    local ms verdicts='' code
    for ms in -1000 0 50 99 101 105 110 120 150; do
        verdicts="$verdicts $(ask login "$ms" '' carol 198.51.100.7 PW-carol)"
    done
    case $verdicts in
    *granted* | *none*) not_ok "deadlines: none makes the daemon grant or die" "$verdicts" ;;
    *) ok "deadlines: none makes the daemon grant or die" ;;
    esac
    # The directory takes the bind and answers late: who chooses the deadline chooses UNAVAILABLE.
    slow_person slowpoke || not_ok "deadlines: a slow hash can be had" "$(tail -n 3 "$STACK_DIR/log/ldapmodify.log")"
    stack_role slowpoke && stack_enroll slowpoke && stack_code slowpoke 30
    code=$STACK_CODE verdicts=
    for ms in 1 2 3 4; do
        ask login 3000 '' slowpoke 198.51.100.8 "guess$ms$code" >/dev/null
        verdicts="$verdicts $(stack_last_reason)"
    done
    same "deadlines: unanswered guesses with one code come to an end" " deadline deadline deadline code-used" "$verdicts"
    # A person may choose what his own password costs, not what everybody's does.
    stack_code slowpoke
    ask login 30000 '' slowpoke 198.51.100.9 "PW-slowpoke$STACK_CODE" >/dev/null
    same "slow hash: a login that waits for it is refused in time" directory-unavailable "$(stack_last_reason)"
    stack_code bob
    stack_psql bob "PW-bob$STACK_CODE" >/dev/null 2>&1 # slapd itself is busy: let in or not
    same "slow hash: the directory is not called failed for it" 0 "$(grep -c 'left alone' "$STACK_DAEMON_LOG")"
}

# slow_person NAME: somebody whose password's hash takes slapd minutes, on any machine: crypt(3) computes all of
# its rounds before it finds that no password has this hash.
slow_person()
{
    # shellcheck disable=SC2016 # a hash, not variables
    local hash='$6$rounds=100000000$attackattack$'
    hash=$hash$(printf 'x%.0s' $(seq 86))
    printf 'dn: uid=%s,ou=people,%s\nchangetype: add\nobjectClass: inetOrgPerson\nsn: x\ncn: x\nuserPassword: {CRYPT}%s\n' \
        "$1" "$SLAPD_BASE" "$hash" | stack_ldapmodify
}

test_forged_requests()
{
    local i verdicts='' before
    # What the OS user postgres says about the client is believed; the cap bounds what that buys.
    stack_code dave
    for i in $(seq 1 40); do
        ask login 5000 '' dave "203.0.113.$i" PW-dave000000 >/dev/null
    done
    for i in $(seq 1 70); do
        ask login 5000 '' dave "2001:db8:$i::1" PW-dave000000 >/dev/null
    done
    stack_code dave
    ask login 5000 '' dave 192.0.2.77 "PW-dave$STACK_CODE" >/dev/null
    same "forged addresses: 100 failures from as many addresses are the end" capped "$(stack_last_reason)"
    before=$(stack_mfa show --json -- dave | jq .failures)
    same "forged addresses: refused guesses are not counted" "$before" \
        "$(ask login 5000 '' dave 192.0.2.78 PW-dave000000 >/dev/null; stack_mfa show --json -- dave | jq .failures)"
    for i in 1 2 3; do
        ask login 5000 '' erin "2001:db8:aa:bb::$i" PW-erin000000 >/dev/null
    done
    ask login 5000 '' erin 2001:db8:aa:bb:1:2:3:4 PW-erin000000 >/dev/null
    same "addresses: a host's other IPv6 addresses are the same host" throttled "$(stack_last_reason)"
    for i in 'alice ' ' alice' Alice ALICE al*ce 'alice,ou=people' 'uid=alice' $'alice\n' "alicé" "alice)(uid=*"; do
        verdicts="$verdicts$(ask account 5000 '' "$i" '') "
    done
    same "names: what resembles a name is not that name" "$(printf 'denied %.0s' $(seq 1 10))" "$verdicts"
    same "policies: a request cannot name one that does not exist" denied "$(ask login 5000 nosuch alice '' PW-alice000000)"
}

test_floods()
{
    local held before
    probe hold "$STACK_SOCKET" postgres 300 4000 >"$STACK_DIR/held" &
    held=$!
    until [ -s "$STACK_DIR/held" ] || ! kill -0 "$held" 2>/dev/null; do sleep 0.02; done
    kill "$held" 2>/dev/null
    wait "$held" 2>/dev/null
    stack_code bob
    same "floods: idle connections that are gone hold nobody up" bob "$(stack_psql bob "PW-bob$STACK_CODE" 2>&1)"
    probe hold "$STACK_SOCKET" nobody 300 4000 >"$STACK_DIR/held" &
    held=$!
    stack_code bob
    same "floods: strangers' connections hold nobody up" bob "$(stack_psql bob "PW-bob$STACK_CODE" 2>&1)"
    kill "$held" 2>/dev/null
    wait "$held" 2>/dev/null
    before=$(count_null_descriptors) # the shell's own, inherited
    same "descriptors: sent along, they are dropped" denied "$(probe fds "$STACK_SOCKET" postgres 50)"
    same "descriptors: none stays open in a worker" "$before" "$(count_null_descriptors)"
}

# How many descriptors of the workers are /dev/null: what the probe sends along.
count_null_descriptors()
{
    local pid fd n=0
    for pid in $(workers); do
        for fd in "/proc/$pid/fd/"*; do
            [ "$(readlink "$fd")" != /dev/null ] || n=$((n + 1))
        done
    done
    echo "$n"
}

# --- files ---------------------------------------------------------------------------------------------

test_files()
{
    local victim=$STACK_DIR/victim mode
    printf 'x\n' >"$victim" && chmod 600 "$victim"
    same "files: the socket is open to all, whatever the umask" 666 "$(stat -c %a "$STACK_SOCKET")"
    # daemon.user owns the folder that root binds in: links there must not reach further.
    stack_daemon_stop TERM
    ln -sf "$victim" "$STACK_SOCKET"
    if stack_daemon_start; then
        ok "files: a link in the socket's place is replaced"
    else
        not_ok "files: a link in the socket's place is replaced"
    fi
    stack_daemon_stop TERM
    rm -f "$STACK_SOCKET.lock" && ln -s "$victim" "$STACK_SOCKET.lock"
    if "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" --foreground 2>"$STACK_DIR/log/lock" </dev/null; then
        not_ok "files: a link in the lock's place is refused" "$(cat "$STACK_DIR/log/lock")"
    else
        ok "files: a link in the lock's place is refused"
    fi
    rm -f "$STACK_SOCKET.lock"
    mode=$(stat -c '%a %U %s' "$victim")
    same "files: what the links led to is untouched" "600 root 2" "$mode"
    stack_daemon_start || not_ok "files: the daemon starts again"
    check "files: only daemon.user and root can read the state" files_are_private
}

# shellcheck disable=SC2317 # called by check
files_are_private()
{
    local path
    for path in "$STACK_STORE" "$STACK_KEK" "$STACK_AUDIT" "$STACK_CONFIG" "/proc/$STACK_DAEMON/environ" \
        "/proc/$STACK_DAEMON/maps"; do
        ! setpriv --reuid postgres --regid postgres --clear-groups cat "$path" >/dev/null 2>&1 ||
            { echo "postgres reads $path"; return 1; }
    done
}

# --- a configuration by a relative path, read again from the background ------------------------------------

# A background daemon logs to syslog only; that it read the file shows by new workers.
test_relative_config()
{
    local pid before tries=0
    stack_daemon_stop
    (cd "$STACK_DIR/etc" && "$STACK_BIN/pgsignetd" --config pgsignet.yaml) >>"$STACK_DAEMON_LOG" 2>&1 </dev/null
    pid=$(pgrep -o -f "^$STACK_BIN/pgsignetd --config pgsignet.yaml")
    before=$(cat "/proc/$pid/task/$pid/children")
    kill -HUP "$pid" 2>/dev/null
    until [ -z "$(comm -12 <(tr ' ' '\n' <<<"$before" | sort) \
        <(tr ' ' '\n' <"/proc/$pid/task/$pid/children" | sort) | tr -d '\n')" ] || [ $((tries += 1)) -gt 3000 ]; do
        sleep 0.01
    done
    if [ -n "$before" ] && [ "$tries" -le 3000 ]; then
        ok "configuration: one named by a relative path is found again at SIGHUP"
    else
        not_ok "configuration: one named by a relative path is found again at SIGHUP" "the workers are still $before"
    fi
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    stack_daemon_start
}

# --- the directory ---------------------------------------------------------------------------------------

test_directory()
{
    # Somebody who may write his own entry calls himself by another's name as well.
    printf 'dn: uid=grace,ou=people,%s\nchangetype: modify\nadd: uid\nuid: carol\n' "$SLAPD_BASE" | stack_ldapmodify
    ask account 5000 '' carol '' >/dev/null
    same "directory: two entries with one name are nobody" ambiguous-entry "$(stack_last_reason)"
    printf 'dn: uid=grace,ou=people,%s\nchangetype: modify\ndelete: uid\nuid: carol\n' "$SLAPD_BASE" | stack_ldapmodify
    ask account 5000 '' carol '' >/dev/null
    same "directory: and one is somebody again" granted "$(stack_last_reason)"
    # A group of his own whose DN looks like the required one to careless eyes.
    {
        printf 'dn: cn=cn\\3Ddba\\2Cou\\3Dgroups,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\n' "$SLAPD_BASE"
        printf 'cn: cn=dba,ou=groups\nmember: uid=dave,ou=people,%s\n\n' "$SLAPD_BASE"
        printf 'dn: cn=dba+description=x,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\n' "$SLAPD_BASE"
        printf 'cn: dba\ndescription: x\nmember: uid=dave,ou=people,%s\n\n' "$SLAPD_BASE"
        printf 'dn: cn=dba2,ou=groups,%s\nchangetype: add\nobjectClass: groupOfNames\n' "$SLAPD_BASE"
        printf 'cn: dba2\ncn: dba\nmember: uid=dave,ou=people,%s\n' "$SLAPD_BASE"
    } | stack_ldapmodify || not_ok "directory: the look-alike groups could be made" "$(tail -n 3 "$STACK_DIR/log/ldapmodify.log")"
    ask account 5000 '' dave '' >/dev/null
    same "directory: groups that resemble the required one are not it" not-in-group "$(stack_last_reason)"
}

# --- what others read ----------------------------------------------------------------------------------

test_logs()
{
    ask login 5000 "$(printf 'p\033[2J')" "$(printf 'evil\n{"event":"login","reason":"granted"}\033]0;x\007')" \
        "$(printf '1.2.3.4\r\n\033[31m')" "pw123456" >/dev/null
    if grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$STACK_AUDIT" "$STACK_DAEMON_LOG"; then
        not_ok "logs: no control byte reaches audit trail or log" "$(tail -n 1 "$STACK_AUDIT" | cat -v)"
    else
        ok "logs: no control byte reaches audit trail or log"
    fi
    check "logs: every event is one line of JSON" jq -e -s 'length > 100' "$STACK_AUDIT"
}

STACK_WORKERS=3
# Whoever is refused is so for longer than a slow machine takes to ask again.
STACK_EXTRA='throttle: {first: 30s}'
# shellcheck disable=SC2119 # the folder is its to choose
stack_start || exit 1
"$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 \
    "$PGSIGNET_BUILD/tests/integration/attack_probe" "$STACK_BIN/attack_probe" || exit 1
for user in alice bob carol dave erin; do
    stack_role "$user" && stack_enroll "$user" || exit 1
done
test_memory
test_forged_requests
test_floods
test_files
test_relative_config
test_directory
test_logs
test_deadlines # last: it leaves slapd with hashes to compute, and those it would finish before it ends
kill -KILL "$SLAPD_PID"
report_end
