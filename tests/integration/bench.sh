#!/usr/bin/env bash
# The benchmarks run: every method admits right answers, and the tables have all their lines.
# time: 600
# alone: it measures
set -uo pipefail

: "${PGSIGNET_SRC:?}" "${PGSIGNET_BUILD:?}"
# shellcheck source=tests/integration/report.sh
. "$PGSIGNET_SRC/tests/integration/report.sh"

bench=$PGSIGNET_SRC/tests/bench
out=${TMPDIR:-/tmp}/bench-$$.json

# refused_nothing N: N results, each with logins, none refused but by pam_oath: it damages its file when
# several processes write it at once.
refused_nothing()
{
    jq -e --argjson n "$1" '(.results | length) == $n and ([.results[] |
        select(.done == 0 or (.refused != 0 and (.method | test("oath") | not)))] | length) == 0' "$out"
}

if "$bench/pam" --rounds 1 --seconds 0.1 --users '1 50' --json >"$out" 2>"$out.err"; then
    check "pam: 5 methods, in process and forked, 1 and 50 users, 1 and 8 at once" refused_nothing 40
    check "pam: memory of the workers of both stores, 1 and 50 users" \
        jq -e '[.memory[] | select(.workers > 0 and .pss_kb > 0)] | length == 4' "$out"
else
    not_ok "tests/bench/pam runs" "$(cat "$out.err" "$out")"
fi
if "$bench/login" --rounds 1 --seconds 0.2 --users 100 --json >"$out" 2>"$out.err"; then
    check "login: 12 methods, 1 and 8 at once" refused_nothing 24
else
    not_ok "tests/bench/login runs" "$(cat "$out.err" "$out")"
fi
if "$bench/ldap_sync" --rounds 1 --users 500 --json >"$out" 2>"$out.err"; then
    check "ldap_sync: names from the DN and from the entry, 100 groups" \
        jq -e '(.modes | keys) == ["dn", "entry"] and ([.modes[] | select(.["first sync, changes"] == 1500 and
            .["nothing to do"] > 0 and .floor > 0 and .["1 % churn, changes out"] == 10 and .["1 % churn, changes in"] == 5 and .["nothing to do MiB"] > 0)] | length) == 2' "$out"
else
    not_ok "tests/bench/ldap_sync runs" "$(cat "$out.err" "$out")"
fi
if "$bench/pki" --rounds 1 --users 5 --rows 300 --json >"$out" 2>"$out.err"; then
    check "pki: one batch, single processes, ledgers of 10 and of many, expiring, a CRL" \
        jq -e '.figures | .["crl entries"] == 300 and ([.["openssl", "one batch", "one process each", "into a ledger of 10",
            "into the large ledger", "expiring", "expiring, MiB", "crl", "crl, MiB"]] | all(. > 0))' "$out"
else
    not_ok "tests/bench/pki runs" "$(cat "$out.err" "$out")"
fi
check "a benchmark leaves no PAM service behind" \
    sh -c '! ls /etc/pam.d/pgsignet-test-'$$'* 2>/dev/null'
report_end
