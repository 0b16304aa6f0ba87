#!/usr/bin/env bash
# Logins while the directory misbehaves: answered in time, codes given back, others not held up, right again.
# time: 600
# alone: it holds logins to times
#
# The module waits 3 s; one operation on the directory may take 1 s, or the whole of the 3 s where said.
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/faults.sh
. "$(dirname "$0")/faults.sh"
trap faults_stop EXIT
trap 'exit 130' INT TERM HUP

STACK_PAM_LINES=$'auth required @MODULE@ timeout=3\naccount required @MODULE@ timeout=3'
MODULE_MS=3000 SLACK_MS=4000

login()
{
    stack_psql "$1" "$2" 'SELECT session_user'
}

logged_in()
{
    [ "$(login "$1" "$2")" = "$1" ]
}

# refused_in_time NAME USER SECRET: no entry, within the limit, for want of the directory.
refused_in_time()
{
    local name=$1 reason
    if timed login "$2" "$3"; then
        not_ok "$name: refused" "let in: $OUTPUT"
        return
    fi
    reason=$(stack_last_reason)
    if [ "$reason" = directory-unavailable ]; then
        check "$name: the event names the server" test -n "$(stack_last_event |
            jq -r 'select(.detail | test("ldaps?://")) | .id')"
    fi
    if within $((MODULE_MS + SLACK_MS)) && [[ $reason == directory-unavailable || $reason == deadline ]]; then
        ok "$name: refused in $TOOK_MS ms ($reason)"
    else
        not_ok "$name: refused in time" "$TOOK_MS ms, reason $reason
$OUTPUT
$(tail -n 3 "$STACK_DAEMON_LOG")"
    fi
}

# The same code again, until the directory is tried again: had it not been given back, it never would.
right_again()
{
    if eventually logged_in "$2" "$3"; then
        ok "$1: the same code lets in when the directory is back"
    else
        not_ok "$1: the same code lets in when the directory is back" "$(stack_last_event)"
    fi
}

# broken NAME COMMAND...: the command breaks the directory, faults_mend mends it.
broken()
{
    local name=$1 user
    shift
    # In turn, because no user has codes for that many logins at hand.
    user=${people[turn++ % ${#people[@]}]}
    stack_code "$user" 30 || exit 1
    "$@" || not_ok "$name: could be made" "$*"
    refused_in_time "$name" "$user" "PW-$user$STACK_CODE"
    refused_in_time "$name, told by the first" "$user" "PW-$user$STACK_CODE"
    faults_mend
    right_again "$name" "$user" "PW-$user$STACK_CODE"
}

# Kept connections are reset first, so that the next login has to make one.
fresh_mode()
{
    faults_mode refuse && faults_mode "$1"
}

faults_mend()
{
    kill -CONT "$SLAPD_PID" 2>/dev/null || restart_slapd
    faults_mode pass
}

stop_directory()
{
    stop_slapd
}

freeze_directory()
{
    kill -STOP "$SLAPD_PID"
}

still_right()
{
    local name=$1
    fresh_mode "$2"
    stack_code alice
    if timed login alice "PW-alice$STACK_CODE" && within $((MODULE_MS + SLACK_MS)); then
        ok "$name: let in after $TOOK_MS ms"
    else
        not_ok "$name: let in" "$TOOK_MS ms
$OUTPUT
$(stack_last_event)"
    fi
    faults_mode pass
}

# --- one fault after the other -----------------------------------------------------------------------

test_faults_tls()
{
    broken "slapd stopped" stop_directory
    broken "slapd frozen (SIGSTOP)" freeze_directory
    broken "no server listens" faults_mode refuse
    broken "accepts and never answers" fresh_mode silent
    broken "a kept connection falls silent" faults_mode silent
    broken "stalls in the TLS handshake" fresh_mode stall-tls
    broken "resets" fresh_mode reset
    broken "closes its half" fresh_mode half-close
    broken "answers garbage" fresh_mode garbage
    broken "one bit wrong in a TLS record" fresh_mode flip
}

test_slow_but_right()
{
    STACK_LDAP_EXTRA=$'timeout: 3s\nretry_after: 1s' stack_apply
    # A dozen answers are needed where every connection has to be made anew.
    STACK_PAM_LINES='' stack_write_service "$STACK_SERVICE" timeout=8
    MODULE_MS=8000 still_right "each answer 300 ms late" delay
    stack_write_service "$STACK_SERVICE"
    # 5 kB of handshake and answers at 1,000 bytes a second do not fit into 3 s; no matter: in time.
    stack_code alice
    fresh_mode trickle
    timed login alice "PW-alice$STACK_CODE"
    check "20 bytes every 20 ms: answered in $TOOK_MS ms" within $((MODULE_MS + SLACK_MS))
    faults_mode pass
}

test_faults_starttls()
{
    faults_uri plain
    stack_apply
    broken "StartTLS: stalls after its answer" fresh_mode stall-starttls
    broken "StartTLS: never answers" fresh_mode silent
    broken "StartTLS: garbage" fresh_mode garbage
    broken "StartTLS: frozen" freeze_directory
    faults_uri tls
}

# One operation may now take as long as the login: the login's own deadline has to end it.
test_deadline()
{
    STACK_LDAP_EXTRA=$'timeout: 30s\nretry_after: 1s' stack_apply
    broken "limit of the login, frozen" freeze_directory
    broken "limit of the login, stalls in the TLS handshake" fresh_mode stall-tls
    faults_uri plain
    STACK_LDAP_EXTRA=$'timeout: 30s\nretry_after: 1s' stack_apply
    broken "limit of the login, stalls in StartTLS" fresh_mode stall-starttls
    faults_uri tls
}

# --- who does not need the directory -----------------------------------------------------------------

# Codes are made before the clock runs: hang_codes, and sam_code for who does not need the directory.
make_hang_codes()
{
    local i
    stack_code sam 30 && sam_code=$STACK_CODE
    hang_codes=()
    for i in 0 1 2 3 4 5; do
        stack_code "hang$i" 30 && hang_codes+=("$STACK_CODE")
    done
}

# hang_logins N: N logins of different users that wait for the directory.
hang_logins()
{
    local i
    hanging=()
    for ((i = 0; i < $1; i++)); do
        login "hang$i" "PW-hang${hang_codes[i]}" >/dev/null 2>&1 &
        hanging+=("$!")
    done
}

# scram_meanwhile NAME CODE LIMIT_MS
scram_meanwhile()
{
    STACK_DB=scram timed login sam "PW-sam$2"
    if [ "$OUTPUT" = sam ] && within "$3"; then
        ok "$1: a scram user is in after $TOOK_MS ms"
    else
        not_ok "$1: a scram user is let in" "$TOOK_MS ms: $OUTPUT
$(stack_last_event)"
    fi
}

# due_again CODE: whether a login made now waits for the directory; it is left waiting.
due_again()
{
    login hang5 "PW-hang$1" >/dev/null 2>&1 &
    while kill -0 "$!" 2>/dev/null; do
        ! workers_at_directory_are 1 || return 0
    done
    return 1
}

test_others_not_held_up()
{
    local i hang_ms=5000 at_once_ms=4000
    # So long that what does not wait for the directory is told from what does on a slow machine as well.
    STACK_LDAP_EXTRA=$'timeout: 5s\nretry_after: 5s' stack_apply
    STACK_PAM_LINES='' stack_write_service "$STACK_SERVICE" timeout=20
    STACK_PAM_LINES='' stack_write_service "$STACK_SERVICE-scram" policy=scram timeout=20
    for i in 0 1 2 3 4 5; do
        stack_person "hang$i" PW-hang dba && stack_role "hang$i" && stack_enroll "hang$i" || exit 1
    done
    make_hang_codes
    fresh_mode silent
    hang_logins 3
    eventually workers_at_directory_are 3 || not_ok "three logins hang"
    scram_meanwhile "3 of 4 workers hang in the directory" "$sam_code" $at_once_ms
    wait "${hanging[@]}"
    faults_mend
    stack_code alice 30
    right_again "after several hung" alice "PW-alice$STACK_CODE"

    make_hang_codes
    fresh_mode silent
    hang_logins 6
    eventually workers_at_directory_are 4 || not_ok "four logins hang"
    scram_meanwhile "more logins hang than there are workers, at most one ldap.timeout" "$sam_code" \
        $((hang_ms + SLACK_MS))
    wait "${hanging[@]}"
    # The directory is known to be down now; when it is due again, one worker alone looks.
    make_hang_codes
    stack_code hang5 30
    eventually due_again "$STACK_CODE" || not_ok "the directory is tried again"
    hang_logins 6
    scram_meanwhile "the directory is due again, and still down" "$sam_code" $at_once_ms
    check "one worker alone found out whether the directory is back" test "$(worker_at_directory | wc -l)" -le 1
    wait "${hanging[@]}"
    faults_mend
    stack_code alice 30
    right_again "after more hung than there are workers" alice "PW-alice$STACK_CODE"
    stack_write_service "$STACK_SERVICE"
    stack_write_service "$STACK_SERVICE-scram" policy=scram
}

# --- workers that do not live to answer ----------------------------------------------------------------

# A login of alice that hangs in a frozen directory: sets hanging_psql and hanging_worker.
hang_in_directory()
{
    stack_code alice 30
    freeze_directory
    fresh_mode pass
    events_before=$(events)
    login alice "PW-alice$STACK_CODE" >"$STACK_DIR/hanging.out" 2>&1 &
    hanging_psql=$!
    eventually workers_at_directory_are 1
    hanging_worker=$(worker_at_directory)
}

test_killed_worker()
{
    local killed_ms
    STACK_LDAP_EXTRA=$'timeout: 30s\nretry_after: 1s' stack_apply
    # Long enough that a slow machine's "at once" is not the end of the module's patience.
    STACK_PAM_LINES='' stack_write_service "$STACK_SERVICE" timeout=20
    hang_in_directory || not_ok "a login hangs in the directory"
    now_ms && killed_ms=$NOW_MS
    kill -KILL "$hanging_worker"
    wait "$hanging_psql"
    now_ms
    check "kill -9 of its worker ends a login at once" test $((NOW_MS - killed_ms)) -lt 12000
    stack_write_service "$STACK_SERVICE"
    check "the login of a killed worker is refused" grep -q FATAL "$STACK_DIR/hanging.out"
    check "its successor writes the event that is owed" eventually more_events_than "$events_before"
    check "the reason is internal" test "$(stack_last_reason)" = internal
    check "its user is named" test "$(stack_last_event | jq -r '.user + "," + .address')" = alice,127.0.0.1
    check "one event, not two" test "$(events)" -eq $((events_before + 1))
    faults_mend
    login alice "PW-alice$STACK_CODE" >/dev/null 2>&1
    check "the code of a killed worker stays burnt" test "$(stack_last_reason)" = code-used
    stack_code alice 30
    right_again "after a killed worker, the next" alice "PW-alice$STACK_CODE"
}

# A name server that takes questions and never answers: getaddrinfo has no socket that could be shut
# down and goes on after a signal, so the worker has to end itself.
deaf_resolver()
{
    printf 'nameserver 127.0.0.77\n' >"$STACK_DIR/resolv.conf"
    printf 'hosts: files dns\npasswd: files\ngroup: files\n' >"$STACK_DIR/nsswitch.conf"
    unshare --mount --propagation private mount --bind "$STACK_DIR/resolv.conf" /etc/resolv.conf || return 1
    socat -u UDP4-RECV:53,bind=127.0.0.77,reuseaddr OPEN:/dev/null &
    FAULTS_PIDS+=("$!")
    eventually sh -c 'ss -Hlun "sport = :53" | grep 127.0.0.77' || return 1
    mv "$STACK_BIN/pgsignetd" "$STACK_BIN/pgsignetd.real"
    cat >"$STACK_BIN/pgsignetd" <<END
#!/bin/sh
exec unshare --mount --propagation private sh -c 'mount --bind "$STACK_DIR/resolv.conf" /etc/resolv.conf &&
    mount --bind "$STACK_DIR/nsswitch.conf" /etc/nsswitch.conf && exec "$STACK_BIN/pgsignetd.real" "\$@"' sh "\$@"
END
    chmod 755 "$STACK_BIN/pgsignetd"
}

test_worker_ends_itself()
{
    if ! deaf_resolver 2>/dev/null; then
        skip "a worker stuck in name resolution ends itself" "no mount namespaces here"
        return
    fi
    STACK_LDAP_URIS=ldaps://directory.example.test STACK_LDAP_EXTRA=$'timeout: 1s\nretry_after: 3s' stack_apply
    stack_code alice 30
    events_before=$(events)
    timed login alice "PW-alice$STACK_CODE"
    check "stuck in name resolution: refused" grep -q FATAL <<<"$OUTPUT"
    check "stuck in name resolution: answered in $TOOK_MS ms" within $((MODULE_MS + SLACK_MS))
    check "stuck in name resolution: the event is written" eventually more_events_than "$events_before"
    check "stuck in name resolution: the reason is deadline" test "$(stack_last_reason)" = deadline
    check "stuck in name resolution: the code is given back" \
        grep -q 'given back' <<<"$(stack_last_event)"
    check "stuck in name resolution: the worker ended itself" grep -q 'ended itself at its deadline' "$STACK_DAEMON_LOG"
    timed login alice "PW-alice$STACK_CODE"
    check "stuck in name resolution: the next is told at once, $TOOK_MS ms" within 2900
    check "stuck in name resolution: and costs no worker" \
        test "$(grep -c 'ended itself at its deadline' "$STACK_DAEMON_LOG")" -eq 1
    stack_apply
    right_again "stuck in name resolution" alice "PW-alice$STACK_CODE"
    mv "$STACK_BIN/pgsignetd.real" "$STACK_BIN/pgsignetd"
}

STACK_LDAP_EXTRA=$'timeout: 1s\nretry_after: 1s'
faults_start || { not_ok "the stack starts"; report_end; }
people=(alice bob carol) turn=0
for user in "${people[@]}"; do
    stack_role "$user" && stack_enroll "$user" || exit 1
done
stack_role sam "PASSWORD 'PW-sam'" && stack_enroll sam || exit 1
stack_policy scram <<<'password: scram' || exit 1
[ -z "${ONLY-}" ] || { "$ONLY"; report_end; }
test_faults_tls
test_slow_but_right
test_faults_starttls
test_deadline
test_others_not_held_up
test_killed_worker
test_worker_ends_itself
report_end
