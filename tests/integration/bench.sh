#!/usr/bin/env bash
# The benchmarks run: every method admits right answers, and the tables have all their lines.
# time: 180
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
    check "pam: 4 methods, in process and forked, 1 and 50 users, 1 and 8 at once" refused_nothing 32
else
    not_ok "tests/bench/pam runs" "$(cat "$out.err" "$out")"
fi
if "$bench/login" --rounds 1 --seconds 0.2 --users 100 --json >"$out" 2>"$out.err"; then
    check "login: 12 methods, 1 and 8 at once" refused_nothing 24
else
    not_ok "tests/bench/login runs" "$(cat "$out.err" "$out")"
fi
check "a benchmark leaves no PAM service behind" \
    sh -c '! ls /etc/pam.d/pgsignet-test-'$$'* 2>/dev/null'
report_end
