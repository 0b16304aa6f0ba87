#!/usr/bin/env bash
# The scripts about codes, state and keys once more, with the token store in PostgreSQL.
# time: 1800
#
# Shorter than on SQLite, where that proves the same; in a soak as long.  Usage by hand:
# both_stores.sh [SCRIPT...]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
child=
trap '[ -z "$child" ] || { kill -TERM "$child" 2>/dev/null; wait "$child"; }' EXIT
trap 'exit 130' INT TERM HUP

work=${TMPDIR:-/tmp}
export STACK_STORE_ENGINE=postgresql

# Each line of a script's report becomes one of this report.
replay()
{
    local name=$1 log=$2 line said='' detail=''
    while IFS= read -r line; do
        case $line in
            'ok      '*) flush && ok "$name: ${line#ok      }" ;;
            'NOT OK  '*) flush && said=${line#NOT OK  } ;;
            'skip    '*) flush && skip "$name: ${line#skip    }" "says the script" ;;
            '        '*) detail=$detail${line#        }$'\n' ;;
        esac
    done <"$log"
    flush
}

flush()
{
    [ -z "$said" ] || not_ok "$name: $said" "$detail"
    said='' detail=''
}

run()
{
    local name=$1 status=0 before=$((report_passed + report_failed)) failed=$report_failed began=$SECONDS
    shift
    env "$@" "$here/$name.sh" >"$work/both-$name.log" 2>&1 </dev/null &
    child=$!
    wait "$child" || status=$?
    child=
    replay "$name" "$work/both-$name.log"
    if [ $((report_passed + report_failed)) -eq "$before" ] || [ $status -ne 0 ] && [ "$report_failed" -eq "$failed" ]; then
        not_ok "$name runs to its end" "exit $status; $(tail -n 20 "$work/both-$name.log")"
    fi
    echo "      $name: $((SECONDS - began)) s"
}

# What is run, and how much of it where there is not all night.
scripts=(
    'race RACE_ROUNDS=40 RACE_CROWDS=1'
    'kill KILL_ROUNDS=30'
    'state'
    'clock'
    'throttle THROTTLE_FLOOD=2000'
    'breakglass'
    'burst'
    'mfa_life'
    'rekey REKEY_SECONDS=4'
    'attack'
)
[ -z "${PGSIGNET_SOAK-}" ] || scripts=(race kill state clock throttle breakglass burst mfa_life rekey flood login attack)
[ $# -eq 0 ] || scripts=("$@")

for script in "${scripts[@]}"; do
    read -r -a words <<<"$script"
    run "${words[@]}"
done
report_end
