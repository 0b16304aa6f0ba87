#!/usr/bin/env bash
# pgsignetd's life: faults of its file, reload, kill -9 of workers and master, two at once, systemd, peers, leaks.
# time: 400
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/faults.sh
. "$(dirname "$0")/faults.sh"
trap end EXIT
trap 'exit 130' INT TERM HUP

helpers=() frozen=()

end()
{
    kill "${helpers[@]}" 2>/dev/null
    kill -CONT "${frozen[@]}" 2>/dev/null
    stack_stop
}

probe=$PGSIGNET_BUILD/tests/integration/peer_probe

# The daemon's clients are root and postgres here, so that the probe may ask as well.
ask()
{
    "$probe" "$STACK_SOCKET" ask "$@"
}

answers()
{
    [[ $(ask sam PW-sam000000 scram 10000) == denied* ]]
}

daemon()
{
    "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" "$@"
}

workers_are()
{
    [ "$(workers | wc -l)" -eq "$1" ]
}

none_of_these_runs()
{
    ! kill -0 "$@" 2>/dev/null
}

log_says()
{
    grep -q -- "$1" "$STACK_DAEMON_LOG"
}

# --- the configuration -------------------------------------------------------------------------------

test_check_config()
{
    local bad=$STACK_DIR/etc/bad.yaml output status
    check "--check-config: a right file" daemon --check-config
    sed -e 's/^  workers: .*/  workers: many/' -e 's/password: scram/password: guess/' "$STACK_CONFIG" >"$bad"
    output=$("$STACK_BIN/pgsignetd" --config "$bad" --check-config 2>&1)
    status=$?
    check "--check-config: a wrong file exits 1" test "$status" -eq 1
    check "--check-config: names the first fault's line" \
        grep -q "^.*bad.yaml:$(grep -n 'workers: many' "$bad" | cut -d: -f1):" <<<"$output"
    check "--check-config: and the second's" \
        grep -q "^.*bad.yaml:$(grep -n 'password: guess' "$bad" | cut -d: -f1):" <<<"$output"
    check "--check-config: does not start anything" test "$(wc -l <<<"$output")" -ge 2
    output=$("$STACK_BIN/pgsignetd" --config "$STACK_DIR/etc/none.yaml" --check-config 2>&1)
    check "--check-config: a file that is not there exits 1" test $? -eq 1
    check "--check-config: and is named" grep -q none.yaml <<<"$output"
    "$STACK_BIN/pgsignetd" --no-such-option >/dev/null 2>&1
    check "an unknown option exits 64" test $? -eq 64
    "$STACK_BIN/pgsignetd" argument >/dev/null 2>&1
    check "an argument exits 64" test $? -eq 64
}

# Logins one after the other until $STACK_DIR/enough is there; each must be judged.
login_loop()
{
    local answer
    while [ ! -e "$STACK_DIR/enough" ]; do
        answer=$(ask sam PW-sam000000 scram 20000)
        echo "${answer%% *}"
    done >"$STACK_DIR/loop.$1"
}

all_replaced()
{
    # shellcheck disable=SC2086 # a list of process ids
    none_of_these_runs $1 && workers_are "$2"
}

test_reload()
{
    local before loops=() i
    rm -f "$STACK_DIR/enough"
    for i in 1 2 3; do
        login_loop "$i" &
        loops+=("$!")
    done
    for i in 5 3 6 4; do
        before=$(workers | tr '\n' ' ')
        STACK_WORKERS=$i stack_write_config
        kill -HUP "$STACK_DAEMON"
        check "SIGHUP: $i workers serve, all of them new" eventually all_replaced "$before" "$i"
    done
    touch "$STACK_DIR/enough"
    wait "${loops[@]}"
    check "SIGHUP: logins were made meanwhile (control)" test "$(cat "$STACK_DIR"/loop.* | wc -l)" -gt 10
    check "SIGHUP: each of them was judged" \
        test "$(cat "$STACK_DIR"/loop.* | sort -u)" = denied

    before=$(workers)
    echo 'surprise: 1' >>"$STACK_CONFIG"
    kill -HUP "$STACK_DAEMON"
    check "SIGHUP: a wrong file is named with its line" \
        eventually log_says "pgsignet.yaml:$(wc -l <"$STACK_CONFIG"):"
    check "SIGHUP: the old configuration stays" eventually log_says 'the old configuration stays'
    check "SIGHUP: the workers stay" test "$(workers)" = "$before"
    check "SIGHUP: and judge" answers
    stack_write_config
}

# requests_are N: whether N connections or more are open, taken up (state 3) or waiting for it (state 2)
requests_are()
{
    [ "$(grep -c " 00000000 0005 0[23] .* $STACK_SOCKET\$" /proc/net/unix)" -ge "$1" ]
}

# Signals are looked at between requests: a queue that is never empty must not keep them away.
test_reload_in_a_storm()
{
    local before storm
    "$probe" "$STACK_SOCKET" storm sam PW-sam000000 scram 30 2>/dev/null &
    storm=$!
    helpers+=("$storm")
    before=$(workers | tr '\n' ' ')
    check "a storm of requests: more wait than there are workers (control)" eventually requests_are 8
    kill -HUP "$STACK_DAEMON"
    check "SIGHUP under a storm of requests: all workers are replaced" eventually all_replaced "$before" 4
    kill -TERM "$STACK_DAEMON"
    check "SIGTERM under a storm of requests: the daemon ends" eventually none_of_these_runs "$STACK_DAEMON"
    pkill -P "$storm"
    wait "$storm" 2>/dev/null
    wait "$STACK_DAEMON" 2>/dev/null
    stack_daemon_start
}

test_rotation()
{
    local before
    before=$(workers | tr '\n' ' ')
    mv "$STACK_AUDIT" "$STACK_AUDIT.1"
    kill -HUP "$STACK_DAEMON"
    eventually all_replaced "$before" 4
    answers
    check "audit log: after rotation and SIGHUP events go to a new file" test "$(wc -l <"$STACK_AUDIT")" -eq 1
    check "audit log: the new file is closed to others" test "$(stat -c %a "$STACK_AUDIT")" = \
        "$(stat -c %a "$STACK_AUDIT.1")"
    cat "$STACK_AUDIT.1" "$STACK_AUDIT" >"$STACK_DIR/log/both"
    check "audit log: no event was lost or torn" jq -es 'length > 10' "$STACK_DIR/log/both"
}

# --- ends --------------------------------------------------------------------------------------------

test_killed_workers()
{
    local i worker before refused=0
    rm -f "$STACK_DIR/enough"
    login_loop 1 &
    helpers+=("$!")
    for i in {1..20}; do
        worker=$(workers | shuf -n 1)
        kill -KILL "$worker"
        eventually none_of_these_runs "$worker"
        eventually workers_are 4
    done
    touch "$STACK_DIR/enough"
    wait "${helpers[-1]}"
    refused=$(grep -c closed "$STACK_DIR/loop.1")
    check "kill -9 of 20 workers costs at most 20 logins ($refused of $(wc -l <"$STACK_DIR/loop.1"))" \
        test "$refused" -le 20
    check "kill -9 of 20 workers: all others were judged" \
        test "$(grep -vc -e closed -e denied "$STACK_DIR/loop.1")" -eq 0
    check "kill -9 of 20 workers: four serve" eventually workers_are 4
    before=$(workers | tr '\n' ' ')
    # shellcheck disable=SC2086 # a list of process ids
    kill -KILL $before
    check "kill -9 of all workers at once: four serve again" eventually all_replaced "$before" 4
    check "kill -9 of all workers at once: and judge" answers
}

test_killed_master()
{
    local orphans
    orphans=$(workers)
    stack_daemon_stop KILL
    stack_daemon_start
    check "kill -9 of the master: a new one starts at once on the same socket" eventually answers
    check "kill -9 of the master: and stays" kill -0 "$STACK_DAEMON"
    # shellcheck disable=SC2086 # a list of process ids
    check "kill -9 of the master: its workers end" eventually none_of_these_runs $orphans
}

# The master is killed while a worker waits for PostgreSQL, which is frozen.
test_killed_master_with_a_request_in_hand()
{
    local asked busy
    freeze_postgres
    ask frozen "PW-frozen$1" scram 30000 >"$STACK_DIR/in-hand" &
    asked=$!
    eventually worker_is_busy
    busy=$(busy_worker)
    stack_daemon_stop KILL
    stack_daemon_start
    check "kill -9 of the master with a request in hand: a new one starts at once" eventually refuses_junk
    check "kill -9 of the master with a request in hand: the old worker still runs (control)" \
        kill -0 "$busy"
    thaw_postgres
    wait "$asked"
    check "kill -9 of the master: the request in hand is finished" grep -qE '^(granted|unavailable)' "$STACK_DIR/in-hand"
}

refuses_junk()
{
    [[ $("$probe" "$STACK_SOCKET" junk) == closed* ]] && kill -0 "$STACK_DAEMON"
}

# What a worker waits in: the number of a system call, or "running".
call_of()
{
    cut -d ' ' -f 1 "/proc/$1/syscall" 2>/dev/null
}

# A worker waits on PostgreSQL in poll, idle ones in epoll; one that runs may do either next.
busy_worker()
{
    local pid call
    for pid in $(workers); do
        call=$(call_of "$pid")
        [ "$call" = "$idle_call" ] || [ "$call" = running ] || echo "$pid"
    done
}

worker_is_busy()
{
    [ -n "$(busy_worker)" ]
}

freeze_postgres()
{
    local postmaster
    eventually workers_idle
    postmaster=$(pg_postmaster)
    mapfile -t frozen < <(pgrep -P "$postmaster" && echo "$postmaster")
    kill -STOP "${frozen[@]}"
}

thaw_postgres()
{
    kill -CONT "${frozen[@]}"
    frozen=()
}

# All that there should be, in one and the same call: the daemon may have started this moment.
workers_idle()
{
    local pid calls=()
    for pid in $(workers); do
        calls+=("$(call_of "$pid")")
    done
    idle_call=${calls[0]-}
    [ "${calls[*]}" = "$idle_call $idle_call $idle_call $idle_call" ] && [[ $idle_call =~ ^[0-9]+$ ]]
}

test_term_finishes()
{
    local asked master=$STACK_DAEMON
    freeze_postgres
    ask frozen "PW-frozen$1" scram 30000 >"$STACK_DIR/in-hand" &
    asked=$!
    eventually worker_is_busy
    kill -TERM "$master"
    thaw_postgres
    wait "$asked"
    check "SIGTERM finishes the request in hand" grep -q '^granted' "$STACK_DIR/in-hand"
    check "SIGTERM ends the daemon" eventually none_of_these_runs "$master"
    wait "$master"
    check "SIGTERM: exit code 0" test $? -eq 0
    check "SIGTERM: no worker is left" test -z "$(pgrep -u pgsignet -f "$STACK_BIN/pgsignetd")"
    stack_daemon_start
}

# Nobody could ask: workers would end as soon as they start, and logins would wait for their whole limit.
test_no_clients()
{
    local bad=$STACK_DIR/etc/clients.yaml output good before
    sed '/^  clients:/d; s/^daemon:.*/&\n  clients: [nobody-here, nor-here]/' "$STACK_CONFIG" >"$bad"
    chmod 640 "$bad" && chgrp pgsignet "$bad"
    output=$("$STACK_BIN/pgsignetd" --config "$bad" --check-config 2>&1)
    check "--check-config: warns of daemon.clients of whom none is known" \
        grep -q "^warning: daemon.clients: none of nobody-here, nor-here is a user of this host" <<<"$output"
    good=$(cat "$STACK_CONFIG")
    before=$(workers | tr '\n' ' ')
    cat "$bad" >"$STACK_CONFIG"
    kill -HUP "$STACK_DAEMON"
    check "SIGHUP: with none of daemon.clients known the old configuration stays" \
        eventually log_says "daemon.clients: none of nobody-here, nor-here"
    check "SIGHUP: and the workers" test "$(workers | tr '\n' ' ')" = "$before"
    stack_daemon_stop
    output=$(timeout 20 "$STACK_BIN/pgsignetd" --config "$bad" 2>&1)
    check "with none of daemon.clients known the daemon does not start" test $? -eq 1
    check "and says why" grep -q "daemon.clients: none of nobody-here, nor-here" <<<"$output"
    printf '%s\n' "$good" >"$STACK_CONFIG"
    stack_daemon_start
}

test_second()
{
    local output
    output=$(daemon --foreground 2>&1)
    check "a second daemon exits 1" test $? -eq 1
    check "a second daemon says who is in its way" grep -q "another pgsignetd holds $STACK_SOCKET" <<<"$output"
    check "a second daemon does no harm to the first" answers
}

# --- other ways to be started ------------------------------------------------------------------------

# Not a child of ours: found by its socket's lock, which the kernel shows.
background_master()
{
    pgrep -o -u pgsignet -f "$STACK_BIN/pgsignetd --config"
}

test_background()
{
    local output master
    output=$(daemon 2>&1)
    check "background: a second one exits 1" test $? -eq 1
    stack_daemon_stop
    output=$(cd "$STACK_DIR/etc" && timeout 20 "$STACK_BIN/pgsignetd" --config pgsignet.yaml 2>&1)
    check "background: exits 0 once it serves" test $? -eq 0
    check "background: leaves nothing on the terminal" test -z "$output"
    check "background: judges" answers
    master=$(background_master)
    STACK_DAEMON=$master
    check "background: a session of its own" test "$(ps -o sid= -p "$master" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')"
    check "background: no descriptor on the starter's terminal or pipe" test "$(readlink "/proc/$master/fd/2")" = /dev/null
    local before
    before=$(workers | tr '\n' ' ')
    kill -HUP "$master"
    check "background: SIGHUP finds a configuration named by a relative path" eventually all_replaced "$before" 4
    kill -TERM "$master"
    check "background: ends on SIGTERM" eventually none_of_these_runs "$master"
    STACK_DAEMON=
    chmod 000 "$STACK_CONFIG"
    runuser -u pgsignet -- "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" >/dev/null 2>&1
    check "background: a configuration that cannot be read exits 1" test $? -eq 1
    chmod 640 "$STACK_CONFIG"
    stack_daemon_start
}

test_systemd()
{
    local activate notify=$STACK_DIR/run/notify activator
    if ! activate=$(command -v systemd-socket-activate) || ! command -v socat >/dev/null; then
        skip "systemd: socket activation and notification" "systemd-socket-activate or socat is missing"
        return
    fi
    stack_daemon_stop
    rm -f "$STACK_SOCKET"
    socat -u "UNIX-RECV:$notify" "CREATE:$STACK_DIR/log/notify" &
    helpers+=("$!")
    eventually test -S "$notify"
    chmod 777 "$notify"
    "$activate" --seqpacket --listen="$STACK_SOCKET" --setenv=NOTIFY_SOCKET="$notify" \
        "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" --foreground >>"$STACK_DAEMON_LOG" 2>&1 &
    activator=$!
    eventually stack_listening
    # The first login starts it.
    check "systemd: a login over the socket that systemd holds" answers
    check "systemd: READY=1 is sent" eventually grep -qs READY=1 "$STACK_DIR/log/notify"
    kill -TERM "$activator"
    check "systemd: ends on SIGTERM" eventually none_of_these_runs "$activator"
    wait "$activator"
    STACK_DAEMON=
    check "systemd: STOPPING=1 is sent" eventually grep -qs STOPPING=1 "$STACK_DIR/log/notify"
    rm -f "$STACK_SOCKET"
    "$activate" --listen="$STACK_SOCKET" "$STACK_BIN/pgsignetd" --config "$STACK_CONFIG" --foreground \
        >"$STACK_DIR/log/stream.log" 2>&1 &
    activator=$!
    # The socket of before may still be listed: knock until it is answered.
    check "systemd: a stream socket is refused" eventually knock_is_refused
    kill "$activator" 2>/dev/null
    wait "$activator"
    rm -f "$STACK_SOCKET"
    stack_daemon_start
}

knock_is_refused()
{
    socat -u /dev/null "UNIX-CONNECT:$STACK_SOCKET" 2>/dev/null
    grep -qs ListenSequentialPacket "$STACK_DIR/log/stream.log"
}

# --- peers -------------------------------------------------------------------------------------------

test_peers()
{
    local output holder
    install -m 755 "$PGSIGNET_BUILD/tests/integration/peer_probe" "$STACK_BIN/peer_probe"
    output=$(runuser -u nobody -- "$STACK_BIN/peer_probe" "$STACK_SOCKET" ask sam PW-sam000000 scram 10000)
    check "an OS user who is not in daemon.clients gets no answer" test "${output%% *}" = closed
    check "and is recorded" jq -es --argjson uid "$(id -u nobody)" \
        'any(.event == "peer" and .reason == "peer-refused" and .uid == $uid)' "$STACK_AUDIT"
    output=$(ask sam PW-sam000000 scram 10000)
    check "one who is in it is judged (control)" test "${output%% *}" = denied
    output=$("$probe" "$STACK_SOCKET" junk)
    check "a datagram that is no request gets no answer" test "${output%% *}" = closed
    check "and is recorded" jq -es 'any(.reason == "bad-request")' "$STACK_AUDIT"

    # As many as there are workers, and twice as many.
    for output in 4 8; do
        coproc HOLD { "$probe" "$STACK_SOCKET" silent "$output"; }
        holder=$HOLD_PID
        read -r -u "${HOLD[0]}"
        timed ask sam PW-sam000000 scram 20000
        # A second a worker and client; a slow machine adds its own.
        check "$output clients that say nothing: another is judged after $TOOK_MS ms" \
            test "${OUTPUT%% *}" = denied -a "$TOOK_MS" -lt $((output / 4 * 1000 + 6000))
        eval "exec ${HOLD[1]}>&-"
        wait "$holder" 2>/dev/null
    done
}

# --- leaks -------------------------------------------------------------------------------------------

# "FDS RSS_KB" summed over the workers.
usage()
{
    local pid fds=0 rss=0
    for pid in $(workers); do
        fds=$((fds + $(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)))
        rss=$((rss + $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")))
    done
    echo "$fds $rss"
}

test_leaks()
{
    local fds rss fds_after rss_after
    ask sam PW-sam000000 scram 3000 400 >/dev/null
    read -r fds rss < <(usage)
    ask sam PW-sam000000 scram 3000 2000 >/dev/null
    ask nobody-here whatever123456 scram 3000 500 >/dev/null
    # Past the code: role and verifier are read, the password is wrong.
    ask frozen wrong scram 3000 100 >/dev/null
    ask frozen wrong open 3000 100 >/dev/null
    read -r fds_after rss_after < <(usage)
    check "2,700 logins: no descriptor more ($fds, then $fds_after)" test "$fds_after" -le "$fds"
    check "2,700 logins: no memory more ($rss kB, then $rss_after kB)" test "$rss_after" -le $((rss + 4 * 512))
    check "2,700 logins: by the same workers" test "$(workers | tr '\n' ' ')" = "$1"
}

STACK_CLIENTS='root, postgres'
# Wrong codes are many here; most are refused by the throttle, which is a judgement as well.  The first line
# goes on with the section before it: a login waits for a frozen PostgreSQL until it is thawed.
STACK_EXTRA=$'  timeout: 30s\nthrottle:\n  after: 20'
STACK_POLICY='password: scram'
stack_start || { not_ok "the stack starts"; report_end; }
stack_policy scram <<<'password: scram' || exit 1
stack_role sam "PASSWORD 'PW-sam'" && stack_enroll sam || exit 1
stack_role frozen "PASSWORD 'PW-frozen'" && stack_enroll frozen || exit 1
[ -z "${ONLY-}" ] || { stack_code frozen; "$ONLY" "$STACK_CODE"; report_end; }
test_check_config
test_reload
test_reload_in_a_storm
test_rotation
test_killed_workers
test_killed_master
stack_code frozen && test_killed_master_with_a_request_in_hand "$STACK_CODE"
stack_code frozen && test_term_finishes "$STACK_CODE"
test_no_clients
test_second
test_background
test_systemd
test_peers
test_leaks "$(workers | tr '\n' ' ')"
report_end
