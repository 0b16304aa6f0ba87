#!/usr/bin/env bash
# 100,000 random names (1,000,000 in a soak): the store stays under 24 MiB, real users get in meanwhile.
# time: 800
# alone: it compares latencies
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
# shellcheck source=tests/integration/abuse.sh
. "$(dirname "$0")/abuse.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

flood=${FLOOD_NAMES:-100000}
[ -z "${PGSIGNET_SOAK-}" ] || flood=1000000
# All buckets with all their sources are 65,536 rows; the write-ahead log comes on top.
most=$((24 * 1024 * 1024))
sample=50 # logins of a measurement
rounds=3  # measurements, quiet and in the flood; the median of their medians counts

client()
{
    local policy=$1
    shift
    (cd / && exec runuser -u postgres -- "$STACK_BIN/flood_client" "$STACK_SOCKET" "$policy" "$@")
}

# The flooding client stands for machines elsewhere: what it computes itself is not the daemon's load, and
# takes the processor only when nobody else wants it.  What the daemon does for it has no lower rank.
flooder()
{
    (cd / && exec chrt --idle 0 runuser -u postgres -- "$STACK_BIN/flood_client" "$STACK_SOCKET" "$@")
}

# lines FROM: a login each for $sample users from number FROM on
lines()
{
    local name step
    step=$(abuse_now_step)
    for name in "${abuse_names[@]:$1:$sample}"; do
        abuse_codes "$step" "$name" && printf '%s\t192.0.2.1\t%s\n' "$name" "${abuse_code["$name"]}"
    done
}

# measure FROM: sets granted and median
measure()
{
    local others
    lines "$1" >"$STACK_DIR/log/lines"
    read -r granted others median p99 < <(client code probe <"$STACK_DIR/log/lines")
    rm -f "$STACK_DIR/log/lines"
    echo "$granted granted, $others not, median $median us, p99 $p99 us"
}

# middle MEDIAN...
middle()
{
    printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

test_quiet()
{
    local round medians=()
    # The first ones start what is lazy.
    for ((round = 0; round <= rounds; round++)); do
        measure $((round * sample))
        [ "$granted" -eq "$sample" ] || return 1
        [ $round -eq 0 ] || medians+=("$median")
    done
    quiet=$(middle "${medians[@]}")
}

test_flood()
{
    local pid result=0 round=0 all=0 medians=()
    before=$(stack_store_size)
    flooder code flood "$flood" "${FLOOD_PROCESSES:-1}" 1 >"$STACK_DIR/log/flood" &
    pid=$!
    # Real users while it lasts.
    while kill -0 "$pid" 2>/dev/null && [ $round -lt $rounds ]; do
        round=$((round + 1))
        measure $(((rounds + round) * sample))
        all=$((all + granted))
        medians+=("$median")
    done
    wait "$pid" || result=1
    read -r denied others seconds <"$STACK_DIR/log/flood"
    echo "$denied denied, $others others, $seconds s"
    median=$(middle "${medians[@]}")
    echo "flood of $flood names in $seconds s: median login $median us, quiet $quiet us, ratio $(awk \
        "BEGIN {printf \"%.2f\", $median / $quiet}") (wanted 1.2)" >&3
    [ $result -eq 0 ] && [ "$denied" -eq "$flood" ] && [ "$others" -eq 0 ] && [ $round -gt 0 ] &&
        [ "$all" -eq $((round * sample)) ]
}

test_size()
{
    local middle after
    middle=$(stack_store_size)
    client code flood $((flood / 10)) 2 2 || return 1
    after=$(stack_store_size)
    echo "store: $before bytes, $middle after $flood names, $after after $((flood / 10)) more" >&3
    [ "$middle" -lt $most ] && [ "$after" -lt $most ]
}

# Where no code is asked for, each name that may yet succeed is counted by itself, in its slot.
test_slots()
{
    client off flood $((flood / 10)) 2 3 || return 1
    echo "store: $(stack_store_size) bytes after $((flood / 10)) names without a code" >&3
    [ "$(stack_store_size)" -lt $most ]
}

exec 3>&1
abuse_start || exit 1
"$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 \
    "$PGSIGNET_BUILD/tests/integration/flood_client" "$STACK_BIN/flood_client" || exit 1
stack_policy code <<<"$abuse_code_policy" || exit 1
stack_policy off <<'END' || exit 1
password: scram
code: off
END
abuse_users $(((2 * rounds + 1) * sample)) || exit 1

quiet=1 before=0
check_here "real users log in while it is quiet" test_quiet
check_here "a flood of $flood random names is denied, and real users log in meanwhile" test_flood
check_here "the store stays under $((most / 1024 / 1024)) MiB" test_size
check_here "also where no code is asked for" test_slots
report_end
