# shellcheck shell=bash
# faults.sh - what the scripts about faults share, on top of stack.sh and report.sh.  Sourced.
#
#   faults_start [STACK_START-ARGUMENTS]   a stack whose directory is reached through two fault_proxies
#                        (tls: to ldaps, plain: to ldap with StartTLS); ldap.uris names the first
#   faults_stop          ends proxies and stack
#   faults_uri tls|plain the configuration names that proxy from the next stack_apply on
#   faults_mode MODE     both proxies fail in that way (see fault_proxy.c) once this returns
#   timed COMMAND...     runs it; sets TOOK_MS, OUTPUT and the exit status
#   within LIMIT_MS      whether TOOK_MS is below
#   eventually COMMAND...   runs it again and again until true, for a minute at most
#   requests_in_hand_are N   whether N connections to the daemon's socket, or more, are open
#   worker_at_directory  prints the process ids of workers connected to a proxy

FAULTS_PIDS=()
declare -A FAULTS_PID=() FAULTS_PORT=()
TOOK_MS=0 OUTPUT=

faults_proxy()
{
    local name=$1 target=$2
    echo pass >"$STACK_DIR/$name.mode"
    "$PGSIGNET_BUILD/tests/integration/fault_proxy" "$target" "$STACK_DIR/$name.mode" \
        >"$STACK_DIR/$name.port" &
    FAULTS_PID[$name]=$!
    FAULTS_PIDS+=("$!")
    eventually test -s "$STACK_DIR/$name.port" || return 1
    FAULTS_PORT[$name]=$(cat "$STACK_DIR/$name.port")
}

# shellcheck disable=SC2034 # STACK_LDAP_URIS is read by stack.sh
faults_uri()
{
    case $1 in
        tls) STACK_LDAP_URIS=ldaps://127.0.0.1:${FAULTS_PORT[tls]} ;;
        plain) STACK_LDAP_URIS=ldap://127.0.0.1:${FAULTS_PORT[plain]} ;;
    esac
}

faults_start()
{
    stack_start "$@" && faults_proxy tls "$SLAPD_LDAPS_PORT" && faults_proxy plain "$SLAPD_LDAP_PORT" &&
        faults_uri tls && stack_apply
}

faults_stop()
{
    local pid
    for pid in "${FAULTS_PIDS[@]}"; do
        kill "$pid" 2>/dev/null
    done
    FAULTS_PIDS=()
    [ -z "${SLAPD_PID-}" ] || kill -CONT "$SLAPD_PID" 2>/dev/null
    stack_stop
}

mode_in_force()
{
    [ "$(cat "$STACK_DIR/$1.mode.done" 2>/dev/null)" = "$2" ]
}

faults_mode()
{
    local name
    for name in tls plain; do
        rm -f "$STACK_DIR/$name.mode.done"
        echo "$1" >"$STACK_DIR/$name.mode"
        kill -USR1 "${FAULTS_PID[$name]}"
    done
    eventually mode_in_force tls "$1" && eventually mode_in_force plain "$1"
}

now_ms()
{
    NOW_MS=$((${EPOCHREALTIME/[.,]/} / 1000))
}

timed()
{
    local start status
    now_ms && start=$NOW_MS
    # shellcheck disable=SC2034 # for the scripts that source this
    OUTPUT=$("$@" 2>&1)
    status=$?
    now_ms && TOOK_MS=$((NOW_MS - start))
    return "$status"
}

within()
{
    [ "$TOOK_MS" -lt "$1" ]
}

# Ten milliseconds between two looks spare the machine; what is waited for is the event.
eventually()
{
    local end=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.01
    done
}

worker_at_directory()
{
    ss -Htnp state established "( dport = :${FAULTS_PORT[tls]} or dport = :${FAULTS_PORT[plain]} )" |
        sed -n 's/.*pid=\([0-9]*\).*/\1/p' | sort -u
}

workers_at_directory_are()
{
    [ "$(worker_at_directory | wc -l)" -ge "$1" ]
}

# Connections to the daemon's socket: flags 0, type 5 (SOCK_SEQPACKET), state 3 (connected), its path.
requests_in_hand_are()
{
    [ "$(grep -c " 00000000 0005 03 .* $STACK_SOCKET\$" /proc/net/unix)" -ge "$1" ]
}

# The pids of the daemon's workers, and their number.
workers()
{
    pgrep -P "$STACK_DAEMON"
}

# How many events there are; one that is still owed has not been written.
events()
{
    jq -c 'select(.event == "login")' "$STACK_AUDIT" | wc -l
}

more_events_than()
{
    [ "$(events)" -gt "$1" ]
}
