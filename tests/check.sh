# shellcheck shell=bash
# check.sh - every test suite, one table, one closing line.  Sourced by ./setup, which has root, build,
# fail() and build_in().
#
#   check_list              names the suites
#   check_main [--soak] [NAME...]
#
# A suite is a function check_suite_NAME that calls `count PASSED FAILED SKIPPED` for what it ran, or a
# script of tests/integration.  A suite that counts nothing has failed.

: "${root:?}" "${build:?}"
check_own_suites=(unit asan lint fuzz distcheck)
check_fuzz_seconds=${PGSIGNET_FUZZ_SECONDS:-15}

check_list()
{
    printf '%s\n' "${check_own_suites[@]}" integration
    "$root/tests/integration/run" --soak --list | sed 's|.*/||; s|\.sh$||; s|^|  |'
}

count()
{
    suite_passed=$((suite_passed + $1))
    suite_failed=$((suite_failed + $2))
    suite_skipped=$((suite_skipped + ${3-0}))
}

# one NAME COMMAND...: a test that is one command; what it prints is shown when it fails.
one()
{
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        count 1 0
    else
        count 0 1
        printf '   NOT OK  %s\n%s\n' "$name" "$output"
    fi
}

# --- make check ------------------------------------------------------------------------------------

# Counts one program of `make check` by its log: the tests that cmocka (or a script) reports, else the
# program itself.  A test that began and did not end has failed; so has a program that ends badly after
# all its tests passed.
check_count_program()
{
    local trs=$1 result passed failed skipped
    result=$(sed -n 's/^:test-result: *//p' "$trs" | head -n 1)
    read -r passed failed skipped < <(awk '
        /^\[==========\]/ { listing = $2 != "Running" }   # what follows a group names tests again
        /^\[ RUN      \]/ { run++ }
        /^\[       OK \]/ { ok++ }
        /^\[  SKIPPED \]/ && !listing { skip++ }
        /^[0-9]+ passed, [0-9]+ failed/ { script = 1; p = $1; f = $3 }
        END { if (script) print p, f, 0; else print ok + 0, run - ok - skip, skip + 0 }' "${trs%.trs}.log")
    if [ $((passed + failed + skipped)) -eq 0 ]; then
        case $result in
            PASS | XFAIL) passed=1 ;;
            SKIP) skipped=1 ;;
        esac
    fi
    case $result in
        PASS | XFAIL | SKIP) ;;
        *) [ "$failed" -gt 0 ] || failed=1 ;;
    esac
    if [ "$failed" -gt 0 ]; then
        printf '   NOT OK  %s; the end of its log:\n' "${trs%.trs}"
        tail -n 40 "${trs%.trs}.log" | sed 's/^/   | /'
    fi
    count "$passed" "$failed" "$skipped"
}

check_make_check()
{
    local dir=$1 log=$1/logs/make-check.log status=0 trs
    mkdir -p "$dir/logs"
    find "$dir/tests" -name '*.trs' -delete 2>/dev/null || true
    make -s -k -C "$dir" -j"$(nproc)" check >"$log" 2>&1 || status=$?
    while IFS= read -r trs; do
        check_count_program "$trs"
    done < <(find "$dir/tests" -name '*.trs' 2>/dev/null | sort)
    if [ "$status" -ne 0 ] && [ "$suite_failed" -eq 0 ]; then
        echo "   make check failed before or after the tests; the end of $log:"
        tail -n 60 "$log" | sed 's/^/   | /'
        count 0 1
    fi
}

check_suite_unit()
{
    check_make_check "$build"
}

check_suite_asan()
{
    (build_in "$build-asan" --enable-werror --enable-sanitizers) || { count 0 1; return; }
    check_make_check "$build-asan"
}

# --- fuzz ------------------------------------------------------------------------------------------

check_fuzz_one()
{
    local program=$1 name=$2 scratch=$3 corpus=$root/tests/fuzz/corpus/$2
    mkdir -p "$scratch/$name"
    # Finds go to the first folder: a copy, so that the tree stays as it is.
    [ ! -d "$corpus" ] || cp -r "$corpus/." "$scratch/$name"
    cd "$scratch" && "$program" -max_total_time="$check_fuzz_seconds" -timeout=60 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$build-fuzz/logs/$name-" "$scratch/$name" \
        >"$build-fuzz/logs/$name.log" 2>&1 && : >"$scratch/$name.passed"
}

check_suite_fuzz()
{
    local program name names=() scratch
    (CC=clang build_in "$build-fuzz" --enable-fuzzing --enable-werror) || { count 0 1; return; }
    scratch=$(mktemp -d)
    mkdir -p "$build-fuzz/logs"
    for program in "$build-fuzz"/tests/fuzz/fuzz_*; do
        [ -f "$program" ] && [ -x "$program" ] || continue
        name=${program##*/fuzz_}
        names+=("$name")
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
            wait -n || true
        done
        check_fuzz_one "$program" "$name" "$scratch" &
    done
    wait
    for name in "${names[@]}"; do
        if [ -e "$scratch/$name.passed" ]; then
            printf '   %s: %s runs\n' "$name" \
                "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build-fuzz/logs/$name.log")"
            count 1 0
        else
            echo "   NOT OK  fuzz_$name; the end of $build-fuzz/logs/$name.log:"
            tail -n 40 "$build-fuzz/logs/$name.log" | sed 's/^/   | /'
            count 0 1
        fi
    done
    rm -rf "$scratch"
}

# --- lint ------------------------------------------------------------------------------------------

check_man_page()
{
    local warnings
    warnings=$(MANWIDTH=100 man --warnings -l -E UTF-8 "$1" 2>&1 >/dev/null) && [ -z "$warnings" ] || {
        printf '%s\n' "$warnings"
        return 1
    }
}

# The unit as it will be installed, but with the program at the place where it was built.
check_unit()
{
    local unit=$1 scratch=$2 output
    output=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$scratch/$unit" 2>&1 |
        grep -F "$unit" || true)
    [ -z "$output" ] || { printf '%s\n' "$output"; return 1; }
}

check_shell_scripts()
{
    find "$root" -path "$build*" -prune -o -path "$root/.git" -prune -o -path "$root/build-aux" -prune \
        -o -type f \( -name '*.sh' -o -path "$root/setup" -o -path "$root/.ci/run" \
        -o -path "$root/tests/*" ! -name '*.*' \) -print |
        while IFS= read -r script; do
            case $script in
                *.sh) echo "$script" ;;
                *) ! head -c 20 "$script" | grep -aqE '^#!.*/(ba)?sh|env bash' || echo "$script" ;;
            esac
        done | sort
}

# Prints what is wrong with one script.  Sourced files are read too (-x), and their callers are elsewhere (2120).
check_shell_script()
{
    local dialect=()
    head -n 1 "$1" | grep -q '^#!\|shellcheck shell=' || dialect=(-s bash)
    shellcheck -S warning -x -P "$root" -e SC1090,SC1091,SC2120 "${dialect[@]}" "$1" 2>&1 ||
        echo "shellcheck: exit $?"
}

check_silent()
{
    cat "$1"
    [ ! -s "$1" ]
}

check_suite_lint()
{
    local file scratch
    scratch=$(mktemp -d)
    # Two at a time: each reads all that its script sources.
    while IFS= read -r file; do
        while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
            wait -n || true
        done
        check_shell_script "$file" >"$scratch/${file//\//%}" &
    done < <(check_shell_scripts)
    wait
    for file in "$scratch"/*; do
        one "shellcheck ${file##*%}" check_silent "$file"
    done
    rm -rf "$scratch"
    for file in "$root"/man/*.[1-8]; do
        [ ! -e "$file" ] || one "man page ${file##*/}" check_man_page "$file"
    done
    scratch=$(mktemp -d)
    for file in "$root"/systemd/*.socket "$root"/systemd/*.timer "$build"/systemd/*.service; do
        sed "s|/usr/sbin/pgsignetd|$build/pgsignetd|; s|/usr/bin/pgsignet-ldap-sync|$build/pgsignet-ldap-sync|; s|/usr/bin/pgsignet-ca|$build/pgsignet-ca|" \
            "$file" >"$scratch/${file##*/}"
    done
    for file in "$scratch"/*; do
        one "systemd-analyze verify ${file##*/}" check_unit "${file##*/}" "$scratch"
    done
    rm -rf "$scratch"
}

# --- distcheck -------------------------------------------------------------------------------------

check_suite_distcheck()
{
    local log=$build/logs/distcheck.log
    mkdir -p "$build/logs"
    # The tests are built from the archive; they ran in the suites before.
    if make -C "$build" -j"$(nproc)" distcheck TESTS= >"$log" 2>&1; then
        count 1 0
    else
        echo "   NOT OK  make distcheck; the end of $log:"
        tail -n 60 "$log" | sed 's/^/   | /'
        count 0 1
    fi
}

# --- all of it -------------------------------------------------------------------------------------

check_row()
{
    rows+=("$(printf '%-24s %7s %7s %8s %6s s' "$@")")
    total_passed=$((total_passed + $2))
    total_failed=$((total_failed + $3))
    total_skipped=$((total_skipped + $4))
}

check_run_suite()
{
    local suite_passed=0 suite_failed=0 suite_skipped=0 started=$SECONDS
    echo "== $1"
    "check_suite_$1"
    if [ $((suite_passed + suite_failed + suite_skipped)) -eq 0 ]; then
        echo "   NOT OK  $1: nothing ran"
        count 0 1
    fi
    echo "   $1: $suite_passed passed, $suite_failed failed, $suite_skipped skipped"
    check_row "$1" "$suite_passed" "$suite_failed" "$suite_skipped" $((SECONDS - started))
}

# Each script is a row of its own; "all" stands for every script there is.
check_run_integration()
{
    local results name passed failed skipped seconds scripts=() made_user=
    [ "$*" = all ] || scripts=("$@")
    results=$(mktemp)
    # The programs that only tests use.
    make -s -C "$build" -j"$(nproc)" check TESTS= >/dev/null || fail "make check TESTS= failed in $build"
    if ! getent passwd pgsignet >/dev/null; then
        useradd --system --home-dir / --no-create-home --shell /usr/sbin/nologin pgsignet
        made_user=yes
    fi
    # Its closing line is told apart from ours: only one may stand at the end.
    PGSIGNET_BUILD=$build "$root/tests/integration/run" ${check_soak:+--soak} --results "$results" \
        "${scripts[@]}" | sed -u '/^[0-9]* passed, [0-9]* failed, [0-9]* skipped$/d' || true
    [ -z "$made_user" ] || userdel pgsignet
    [ -s "$results" ] || echo "integration 0 1 0 0" >"$results"
    while read -r name passed failed skipped seconds; do
        check_row "$name" "$passed" "$failed" "$skipped" "$seconds"
    done <"$results"
    rm -f "$results"
}

check_main()
{
    local own=() scripts=() rows=() total_passed=0 total_failed=0 total_skipped=0 name check_soak=
    while [ $# -gt 0 ]; do
        case $1 in
            --soak)
                check_soak=yes
                check_fuzz_seconds=600
                ;;
            integration) scripts=(all) ;;
            -*) usage >&2; exit 64 ;;
            *)
                if [[ " ${check_own_suites[*]} " == *" $1 "* ]]; then
                    own+=("$1")
                elif [ -x "$root/tests/integration/$1.sh" ]; then
                    [ "${scripts[*]-}" = all ] || scripts+=("$1")
                else
                    fail "there is no suite '$1'; ./setup check --list names them"
                fi
                ;;
        esac
        shift
    done
    if [ ${#own[@]} -eq 0 ] && [ ${#scripts[@]} -eq 0 ]; then
        own=("${check_own_suites[@]}")
        scripts=(all)
    fi
    case " $check_soak ${scripts[*]} " in
        *' yes '* | *' ad '* | *' ds389 '*) command_build soak ;;
        *) command_build all ;;
    esac
    for name in "${own[@]}"; do
        check_run_suite "$name"
    done
    [ ${#scripts[@]} -eq 0 ] || check_run_integration "${scripts[@]}"
    printf '\n%-24s %7s %7s %8s %8s\n' suite passed failed skipped time
    printf '%s\n' "${rows[@]}"
    echo
    if [ "$total_skipped" -gt 0 ]; then
        echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
    else
        echo "$total_passed passed, $total_failed failed"
    fi
    [ "$total_failed" -eq 0 ] && [ "$total_passed" -gt 0 ]
}
