#!/usr/bin/env bash
# Proves that a primary which dies under a login load costs logins for a while, and never a code twice.
# time: 600
set -u
LOAD_restored='' LOAD_twice=''
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/report.sh"
. "$here/postgres.sh"
PGSIGNET_BUILD=${PGSIGNET_BUILD:-${here%/tests/integration}/build}
# shellcheck source=tests/integration/cluster.sh
. "$here/cluster.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/failover.XXXXXX")
chmod a+x "$work"
users=60

finish()
{
    load_stop
    cluster_stop
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# failover MODE CLAIM: a cluster of that mode, a store.standby that claims that; the last commits of an
# asynchronous primary are lost with it.
failover()
{
    mkdir "$work/$1-$2"
    cluster_start "$work/$1-$2" "$1" || exit 1
    export PGSIGNET_TEST_CONNINFO=$CLUSTER_CONNINFO
    load_start "$users" 8 PGSIGNET_TEST_STANDBY="$2"
    load_until granted $((users * 2)) "$1, $2: logins go on"
    if [ "$1" = asynchronous ]; then
        cluster_cut || exit 1
        load_ask mark
        load_until since "$users" "$1, $2: codes are accepted that the standby never hears of"
    fi
    zero unavailable "$1, $2: the store was never unavailable"
    cluster_promote || exit 1
    load_ask mark
    load_until unavailable 1 "$1, $2: while nobody serves, UNAVAILABLE"
    load_until since "$users" "$1, $2: then success again"
    echo "# $LOAD"
}

# Under the default, codes from before the failover are refused after it.
failover asynchronous asynchronous
zero twice "asynchronous: no code counted twice"
zero other "asynchronous: nothing but right answers"
if [ "$LOAD_restored" -gt 0 ]; then
    ok "asynchronous: codes from before the failover were refused as such"
else
    not_ok "asynchronous: codes from before the failover were refused as such" "$LOAD"
fi
check "asynchronous: the floor stands at the failover" test \
    "$(cluster_sql "SELECT floor_s > extract(epoch FROM now()) - 600 FROM pgsignet_mfa.state")" = t
check "asynchronous: the store knows its new home" test \
    "$(cluster_sql "SELECT convert_from(home, 'UTF8') LIKE '%/00000002' FROM pgsignet_mfa.state")" = t
load_stop
cluster_stop

# A standby that has every commit: nothing is forgotten, nobody has to wait for the next code.
failover synchronous synchronous
zero twice "synchronous: no code counted twice"
zero other "synchronous: nothing but right answers"
zero restored "synchronous: no code was refused because of the failover"
check "synchronous: the floor did not rise" test \
    "$(cluster_sql "SELECT floor_s FROM pgsignet_mfa.state")" = 0
load_stop
cluster_stop

# That the test would notice: a configuration that claims what is not so lets codes count twice.
failover asynchronous synchronous
if [ "$LOAD_twice" -gt 0 ]; then
    ok "a false claim of synchronous standbys is what revives codes: $LOAD_twice"
else
    not_ok "a false claim of synchronous standbys is what revives codes" "$LOAD"
fi
load_stop
report_end
