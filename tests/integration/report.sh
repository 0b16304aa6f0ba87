# shellcheck shell=sh
# report.sh - how the integration scripts count and say what they proved.  Sourced, POSIX sh.
#
#   ok NAME                  one more passed
#   not_ok NAME [DETAIL]     one more failed; the detail follows, indented
#   check NAME CMD...        ok if the command succeeds, else not_ok with what it printed
#   skip NAME WHY            neither; said aloud so that nobody takes it for a pass
#   report_end               prints "N passed, N failed" and exits 0, or 1 when one failed, or nothing was
#                            even skipped

report_passed=0
report_failed=0
report_skipped=0

ok() {
    report_passed=$((report_passed + 1))
    printf 'ok      %s\n' "$1"
}

not_ok() {
    report_failed=$((report_failed + 1))
    printf 'NOT OK  %s\n' "$1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/        /'
}

# Runs in a subshell, so that a check cannot change the script's state by accident.
check() {
    report_name=$1
    shift
    if report_output=$("$@" 2>&1); then
        ok "$report_name"
    else
        not_ok "$report_name" "exit $? from: $*
$report_output"
    fi
}

skip() {
    report_skipped=$((report_skipped + 1))
    printf 'skip    %s (%s)\n' "$1" "$2"
}

report_end() {
    [ "$report_skipped" -eq 0 ] || printf '%s skipped\n' "$report_skipped"
    printf '%s passed, %s failed\n' "$report_passed" "$report_failed"
    [ "$report_failed" -eq 0 ] && [ $((report_passed + report_skipped)) -gt 0 ]
    exit $?
}
