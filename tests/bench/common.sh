# shellcheck shell=bash
# shellcheck disable=SC2034 # the variables are for those who source this
# common.sh - what the scripts of tests/bench share.  Sourced.
#
#   bench_options ARGUMENT...   sets bench_rounds, bench_seconds, bench_clients, bench_methods, bench_json,
#                               bench_keep; --users (bench_users), --modes (bench_modes) and --rows (bench_rows) if they are set
#   bench_sample GROUP METHOD ROUND COMMAND...   runs a driver, and keeps its line; not of round 0, which
#                               is for servers to open their connections and to fill their caches
#   bench_goal TEXT METRIC GROUP_A METHOD_A GROUP_B METHOD_B '>='|'<=' VALUE
#   bench_flat GROUP FIRST      p99 of GROUP is shown against that of FIRST as well
#   bench_memory METHOD USERS PID   notes the memory of the children of a daemon's master
#   bench_most TEXT METHOD VALUE    no child may have more of it
#   bench_report TITLE BASE     prints the tables, or JSON; false when pgsignet refused a right answer

: "${PGSIGNET_SRC:?}" "${PGSIGNET_BUILD:?}"
bench_rounds=5 bench_seconds=1 bench_clients='1 8' bench_json=0 bench_keep='' bench_methods=''
# By default beside the stack's folder; bench_sample adds to it.
bench_samples='' bench_goals=''

bench_usage()
{
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d'
    exit "$1"
}

bench_number()
{
    [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "$0: $1 wants a number, not \"$2\"" >&2; exit 64; }
}

bench_options()
{
    while [ $# -gt 0 ]; do
        case $1 in
            --json) bench_json=1 ;;
            --keep) bench_keep=yes ;;
            -h | --help) bench_usage 0 ;;
            --rounds | --seconds | --clients | --methods | --users | --modes | --rows)
                [ $# -ge 2 ] || bench_usage 64 >&2
                case $1 in --rounds | --seconds | --rows) bench_number "$1" "$2" ;; esac
                printf -v "bench_${1#--}" '%s' "${2//,/ }"
                shift
                ;;
            *) bench_usage 64 >&2 ;;
        esac
        shift
    done
    [ "$(id -u)" -eq 0 ] || { echo "$0: needs root: it starts servers as their own users" >&2; exit 1; }
}

# Is the method asked for?
bench_wants()
{
    [ -z "$bench_methods" ] || [[ " $bench_methods " == *" $1 "* ]]
}

bench_sample()
{
    local group=$1 method=$2 round=$3 line
    shift 3
    if [ -t 2 ]; then
        printf '\r\033[K%s: round %s, %s, %s' "${0##*/}" "$round" "$group" "$method" >&2
    fi
    # What drivers say of refused logins is shown if pgsignet refused one.
    line=$("$@" 2>>"$bench_samples.$method.log") ||
        { cat "$bench_samples.$method.log" >&2; echo "$0: no sample of $method, $group" >&2; return 1; }
    [ "$round" -eq 0 ] || printf '%s\t%s\t%s\t%s\n' "$group" "$method" "$round" "${line// /$'\t'}" >>"$bench_samples"
}

bench_goal()
{
    local IFS=$'\t'
    bench_goals+="goal$IFS$*"$'\n'
}

bench_flat()
{
    local IFS=$'\t'
    bench_goals+="flat$IFS$*"$'\n'
}

# Pss: of a page that N processes share, each has an Nth.
bench_memory()
{
    local method=$1 users=$2 children child sizes=()
    read -r -a children <"/proc/$3/task/$3/children"
    for child in "${children[@]}"; do
        sizes+=("$(awk '$1 == "Pss:" { print $2 }' "/proc/$child/smaps_rollup")")
    done
    [ ${#sizes[@]} -gt 0 ] || { echo "$0: $method has no workers" >&2; return 1; }
    printf '%s\n' "${sizes[@]}" | sort -n | awk -v OFS='\t' -v method="$method" -v users="$users" \
        '{ sum += $1; most = $1 } END { print "memory", method, users, NR, sum / NR, most }' >>"$bench_samples"
}

bench_most()
{
    local IFS=$'\t'
    bench_goals+="most$IFS$*"$'\n'
}

bench_report()
{
    [ ! -t 2 ] || printf '\r\033[K' >&2
    printf '%s' "$bench_goals" | cat - "$bench_samples" |
        LC_ALL=C awk -v title="$1" -v base="$2" -v json="$bench_json" -f "$PGSIGNET_SRC/tests/bench/table.awk"
    awk -F '\t' '$1 != "memory" && $2 ~ /^pgsignet/ { refused += $5 } END { exit refused > 0 }' "$bench_samples" ||
        { cat "$bench_samples".pgsignet*.log >&2; echo "$0: pgsignet refused right answers" >&2; return 1; }
}

# What a figure was measured on.
bench_machine()
{
    printf '%s CPUs (%s), Linux %s, load %s' "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" \
        "$(cut -d ' ' -f 1 /proc/loadavg)"
}

# bench_program NAME: copies a program where every user can run it; prints the path.
bench_program()
{
    "$PGSIGNET_BUILD/libtool" --quiet --mode=install install -m 755 \
        "$PGSIGNET_BUILD/tests/bench/$1" "$STACK_BIN/$1" && echo "$STACK_BIN/$1"
}
