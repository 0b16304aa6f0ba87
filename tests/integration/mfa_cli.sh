#!/usr/bin/env bash
# pgsignet-mfa from init to remove: modes, hostile names, JSON, a terminal, secrets, and kill -9.
# time: 600
# shellcheck disable=SC2016 # eval gets its text unexpanded
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"

build=${PGSIGNET_BUILD:-$here/../../build}
mfa_binary=$(readlink -f "$build/pgsignet-mfa")
rounds=${PGSIGNET_KILL_ROUNDS:-200}
work=$(mktemp -d "${TMPDIR:-/tmp}/mfa-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# As root the store belongs to an account that is there anyway; otherwise to whoever runs this.
owner=$(id -un)
[ "$(id -u)" -ne 0 ] || owner=${PGSIGNET_TEST_USER:-nobody}

write_config() { # FILE AUDIT_FILE
    cat >"$1" <<END
daemon: {user: "$owner"}
audit: {file: "$2"}
store: {path: "$work/lib/store.db"}
keys: {path: "$work/etc/kek"}
token: {issuer: "My DB"}
policies: {default: {password: none}}
END
    chmod 644 "$1"
}

mfa() { "$mfa_binary" --config "$work/pgsignet.yaml" "$@"; }

# A code that counts: not of a step that began before the machine started.
code_of() { # reads the base32 secret from standard input
    local step=$(($(date +%s) / 30)) uptime
    read -r uptime _ </proc/uptime
    while [ $((step * 30)) -le $(($(date +%s) - ${uptime%.*})) ]; do
        step=$((step + 1))
    done
    oathtool --totp -b --now="@$((step * 30))" -
}

exits() { # CODE CMD...: also that whatever failed said why
    local wanted=$1 got=0
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
    cat "$work/out" "$work/err"
    [ "$got" -eq "$wanted" ] && { [ "$got" -eq 0 ] || [ -s "$work/err" ]; }
}

says() { # CODE PATTERN CMD...
    local code=$1 pattern=$2
    shift 2
    exits "$code" "$@" && grep -q -- "$pattern" "$work/out" "$work/err"
}

state_of() { mfa list --json | jq -r --arg u "$1" --arg n "${2:-default}" \
    '.[] | select(.user == $u and .name == $n) | .state'; }
is_state() { [ "$(state_of "$2" "${3:-default}")" = "$1" ]; }
events() { jq -r .event "$work/log/audit.jsonl" | grep -cx "$1"; }

# --- command line ------------------------------------------------------------------------------------

check '--help is done' exits 0 "$mfa_binary" --help
check '--version is done' says 0 '^pgsignet-mfa [0-9]' "$mfa_binary" --version
check 'no command is wrong use' exits 64 "$mfa_binary"
check 'a mistyped command gets the nearest one' says 64 'did you mean "enroll"' "$mfa_binary" enrol alice
check 'an abbreviated option is refused' says 64 'in full' "$mfa_binary" remove alice --ye
check 'an option of another command is refused' exits 64 "$mfa_binary" list --yes
check 'an option given twice is refused' says 64 twice "$mfa_binary" enroll a --digits 6 --digits 7
for bad in '--digits 5' '--digits 9' '--digits 6x' '--period 9' '--period 301' '--period -1' \
    '--algorithm md5' '--issuer a:b' '--name ' '--digits 99999999999999999999'; do
    check "enroll $bad is wrong use" exits 64 "$mfa_binary" enroll alice "${bad% *}" "${bad#* }"
done
check 'a user is needed' exits 64 "$mfa_binary" show
check 'one user is enough' exits 64 "$mfa_binary" show a b
check 'a missing configuration fails' says 1 "$work/none" "$mfa_binary" --config "$work/none" list

# --- init --------------------------------------------------------------------------------------------

mkdir "$work/log"
if [ "$(id -u)" -eq 0 ]; then
    write_config "$work/pgsignet.yaml" "$work/log/sub/audit.jsonl"
    rmdir "$work/log"
    mkdir "$work/log"
    ln -s sub/audit.jsonl "$work/log/audit.jsonl"
else
    write_config "$work/pgsignet.yaml" "$work/log/audit.jsonl"
    mkdir -m 700 "$work/lib" "$work/etc"
fi
check 'list before init fails' exits 1 mfa list
check 'init' exits 0 mfa init
owned() { [ "$(stat -Lc '%U %a' "$1")" = "$owner $2" ] || { stat -L "$1"; false; }; }
check 'the key is its owner'\''s alone' owned "$work/etc/kek" 400
check 'the store is its owner'\''s alone' owned "$work/lib/store.db" 600
check 'the audit file is its owner'\''s' owned "$work/log/audit.jsonl" 640
mkdir -m 755 "$work/command"
printf '#!/bin/sh\necho %s\n' "$(printf '%064d' 7)" >"$work/command/print-key"
chmod 755 "$work/command/print-key"
[ "$(id -u)" -ne 0 ] || chown "$owner" "$work/command"
sed "s|^store:.*|store: {path: \"$work/command/store.db\"}|
    s|^audit:.*|audit: {file: \"$work/command/audit.jsonl\"}|
    s|^keys:.*|keys: {provider: command, command: [$work/command/print-key]}|" \
    "$work/pgsignet.yaml" >"$work/command/pgsignet.yaml"
init_by_command() { "$mfa_binary" --config "$work/command/pgsignet.yaml" "$@"; }
check 'init with another provider names its key' says 0 "keys.command ($work/command/print-key)" init_by_command init
before=$(cat "$work/etc/kek" "$work/lib/store.db" | sha256sum)
check 'a second init is refused' says 1 already mfa init
check 'a second init changes nothing' \
    test "$before" = "$(cat "$work/etc/kek" "$work/lib/store.db" | sha256sum)"
check 'SQL for a SQLite store is refused, and the configuration named' \
    says 1 "$work/pgsignet.yaml names one in SQLite" mfa init --print-sql
check 'a move of the store into itself says what is wrong' \
    says 1 'names the store that' mfa migrate --to "$work/pgsignet.yaml"
check 'an empty store lists nobody' test "$(mfa list --json)" = '[]'

# --- enroll by standard input -------------------------------------------------------------------------

# Starts enroll --json USER..., leaves its secret in $secret, and its input and output open as fd 8, 9.
enroll_start() {
    rm -f "$work/in" "$work/doc"
    mkfifo "$work/in" "$work/doc"
    mfa enroll --json "$@" <"$work/in" >"$work/doc" 2>"$work/err" &
    enroll_pid=$!
    exec 8>"$work/in" 9<"$work/doc"
    IFS= read -r document <&9 || document=
    secret=$(jq -r .secret <<<"$document")
}
enroll_end() {
    exec 8>&-
    second=$(cat <&9)
    exec 9<&-
    enroll_status=0
    wait "$enroll_pid" || enroll_status=$?
}

enroll_start alice
check 'enroll --json gives one document' jq -e '.state == "pending" and .user == "alice"' <<<"$document"
check 'a secret has 160 bits and no padding' grep -qE '^[A-Z2-7]{32}$' <<<"$secret"
uri="otpauth://totp/My%20DB:alice?secret=$secret&issuer=My%20DB&algorithm=SHA1&digits=6&period=30"
check 'the URI is what apps read' test "$(jq -r .uri <<<"$document")" = "$uri"
printf '%s\n' "$secret" >"$work/secret"
no_secret_in_proc() {
    local found
    found=$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -aFc -f "$work/secret")
    [ "$found" = 0 ]
}
check 'no secret in any command line or environment' no_secret_in_proc
check 'a token is pending before its code' is_state pending alice
# blanks as the app shows them
printf '000\n%s\n' "$(code_of <"$work/secret" | sed 's/^.../& /')" >&8
enroll_end
check 'the right code after a wrong one activates' test "$enroll_status" -eq 0
check 'the second document says active' jq -e '.state == "active"' <<<"$second"
check 'the wrong code was called so' grep -q wrong "$work/err"
check 'without a terminal there is no prompt' test "$(grep -c 'Code that' "$work/err")" -eq 0
check 'the token is active' is_state active alice

check 'an active token is not enrolled again' says 1 'active token "default" already' mfa enroll alice
check 'it is still active' is_state active alice

enroll_start bob
check 'the code of one is not the code of another' test "$secret" != "$(cat "$work/secret")"
printf '123\n456\n789\n' >&8
enroll_end
check 'three wrong codes fail' test "$enroll_status" -eq 1
check 'and say how to go on' grep -q 'confirm' "$work/err"
check 'and leave the token pending' is_state pending bob
check 'confirm without a code fails' exits 1 mfa confirm bob
check 'confirm with the right code' test "$(printf '%s\n' "$secret" | code_of | mfa confirm bob --json | jq -r .state)" = active
check 'confirm again fails' says 1 'pending' mfa confirm bob

enroll_start carol
enroll_end
check 'no code at all fails' test "$enroll_status" -eq 1
check 'and leaves the token pending' is_state pending carol
first=$secret
check 'a pending token is replaced' exits 0 mfa enroll carol --no-confirm --json
secret=$(jq -r .secret "$work/out")
check 'by another secret' test "$secret" != "$first"
old_code_fails() { ! { printf '%s\n' "$first" | code_of | mfa confirm carol; }; }
check 'the old secret is worth nothing' old_code_fails

enroll_start dora --algorithm SHA256
check 'SHA256 secrets have 256 bits' grep -qE '^[A-Z2-7]{52}$' <<<"$secret"
printf '%s\n' "$secret" | code_of >&8 # the app computes SHA1
enroll_end
check 'an app that ignores the algorithm is told from a typing error' grep -q 'ignores the algorithm' "$work/err"
check 'and does not activate' is_state pending dora

# --- list, show, unlock, remove -----------------------------------------------------------------------

check 'list names users and states' says 0 '^alice  *default  *active' mfa list
check 'show prints tokens' says 0 'default  *active  *SHA1/6/30' mfa show alice
check 'show --json is JSON' eval 'mfa show alice --json | jq -e ".tokens[0].state == \"active\" and .locked == null and .capped == false"'
check 'show prints the audit hash' eval 'mfa show alice --json | jq -e ".audit_hash | test(\"^[0-9a-f]{32}$\")"'
check 'show of an unknown name fails' exits 1 mfa show nobody-there
check 'but prints its hash' grep -qE 'audit hash: +[0-9a-f]{32}$' "$work/out"
check 'list never has a secret' eval 'mfa list --json >"$work/list" && ! grep -qF -f "$work/secret" "$work/list"'
check 'unlock' exits 0 mfa unlock alice
check 'unlock of a name without a token asks whether it is right' eval 'mfa unlock alcie 2>&1 | grep "has no token; is the name right"'
check 'unlock --json' eval 'mfa unlock alice --json | jq -e .unlocked'
check 'remove without a terminal needs --yes' says 1 'needs --yes' mfa remove alice
check 'and removes nothing' is_state active alice
check 'remove of an unknown token fails' says 1 'no token "x"' mfa remove alice --name x --yes
check 'remove of an unknown user fails' exits 1 mfa remove nobody-there --yes
mfa enroll alice --no-confirm --name second >/dev/null 2>&1
check 'remove one of two' test "$(mfa remove alice --name second --yes --json | jq .removed)" = 1
check 'the other stays' is_state active alice
check 'remove the last' exits 0 mfa remove alice --yes
check 'nothing is left' test -z "$(state_of alice)"
check 'what was removed can be enrolled again' exits 0 mfa enroll alice --no-confirm

# --- hostile names -------------------------------------------------------------------------------------

long=$(printf 'x%.0s' {1..63})
hostile=(../x a/b "q'u\"o\`te\$(x)" $'new\nline' $'\033[31mred' 'zoë' '名前' '*)(uid=*' '%s%n' "$long" ' ' '-dash' 'a:b' '\x41')
for name in "${hostile[@]}"; do
    shown=$(printf '%q' "$name")
    check "$shown is enrolled" exits 0 mfa enroll --json --no-confirm -- "$name"
    check "$shown comes back byte by byte" test "$(jq -r '.user + "."' "$work/out")" = "$name."
    check "$shown in the URI is unreserved and percent" \
        eval "jq -r .uri '$work/out' | grep -E '^otpauth://totp/My%20DB:[A-Za-z0-9._~%-]+[?]secret=[A-Z2-7]{32}&issuer=My%20DB&algorithm=SHA1&digits=6&period=30\$'"
    check "$shown is listed" is_state pending "$name"
    check "$shown as text has no control byte" eval 'LC_ALL=C.UTF-8 mfa list >"$work/list" && ! LC_ALL=C grep -q "[[:cntrl:]]" "$work/list"'
    check "$shown is removed" exits 0 mfa remove --yes -- "$name"
done
check 'a name that is not UTF-8' exits 0 mfa enroll --json --no-confirm -- $'a\xff'
check 'is escaped in JSON, with its bytes beside' jq -e '.user == "a\\xff" and .user_hex == "61ff"' "$work/out"
check '64 bytes are refused' exits 64 mfa enroll "x$long"
check 'an empty name is refused' exits 64 mfa enroll ''
check 'eight tokens are the most' eval 'for i in 1 2 3 4 5 6 7 8; do mfa enroll many --name "$i" --no-confirm || exit 1; done; says 1 "8 tokens" mfa enroll many --name 9 --no-confirm'

# --- a terminal ----------------------------------------------------------------------------------------

cat >"$work/terminal.exp" <<'END'
# Prints what happened as words; the code is computed from the groups on the screen.
log_user 0
set timeout 60
match_max 100000
# An expect with all of its patterns on one line takes the line for a pattern.
proc wait_for {text} {
    global expect_out spawn_id
    expect {
        -ex $text {}
        default {
            puts "no <$text>"
            exit 1
        }
    }
    upvar screen screen
    set screen $expect_out(buffer)
}
set mfa [lrange $argv 0 2]
set user [lindex $argv 3]
stty rows 60 columns 120
spawn {*}$mfa enroll $user
wait_for "Code that the app shows: "
if {[regexp {\u2588} $screen]} { puts qr-blocks }
if {[regexp {##} $screen]} { puts qr-ascii }
if {[regexp {\033\[[0-9;]+m} $screen]} { puts qr-colour }
regexp {or type  ([A-Z2-7 ]+)} $screen all groups
set secret [string map {" " ""} $groups]
send "000\r"
wait_for "wrong"
puts wrong
wait_for "Code that"
set now [clock seconds]
send "[exec oathtool --totp -b --now=@$now - << $secret]\r"
wait_for "is active"
puts active
expect eof
lassign [wait] a b c status
puts "exit=$status"

spawn {*}$mfa remove $user
wait_for "yes/no"
send "no\r"
wait_for "nothing was changed"
expect eof
lassign [wait] a b c status
puts "refused=$status"
spawn {*}$mfa remove $user
wait_for "yes/no"
send "yes\r"
wait_for "Removed 1"
expect eof
lassign [wait] a b c status
puts "removed=$status"

spawn {*}$mfa enroll frank
wait_for "Code that"
send "\003"
expect eof
puts interrupted
END
if command -v expect >/dev/null; then
    run_expect() { TERM=xterm LC_ALL=$1 expect -f "$work/terminal.exp" "$mfa_binary" --config "$work/pgsignet.yaml" "$2"; }
    seen=$(run_expect C.UTF-8 erin 2>&1 | tr '\n' ' ')
    check 'on a terminal: QR code in colour, prompt, wrong, right, remove asks' test "$seen" = \
        'qr-blocks qr-colour wrong active exit=0 refused=1 removed=0 interrupted '
    check 'Ctrl-C leaves the token pending' is_state pending frank
    seen=$(run_expect C edith 2>&1 | tr '\n' ' ')
    check 'the same without UTF-8' test "$seen" = \
        'qr-ascii qr-colour wrong active exit=0 refused=1 removed=0 interrupted '
else
    skip 'on a terminal' 'no expect'
fi

# --- audit ---------------------------------------------------------------------------------------------

check 'the audit file is JSON lines' eval 'jq -es "length > 10" "$work/log/audit.jsonl"'
for event in init enroll confirm remove unlock; do
    check "there are events of $event" test "$(events "$event")" -gt 0
done
check 'events have the uid of who did it' eval \
    'jq -es "map(.uid) | unique == [$(id -u)]" "$work/log/audit.jsonl"'
SUDO_USER=operator mfa unlock alice >/dev/null
check 'and the one behind sudo' eval 'tail -n 1 "$work/log/audit.jsonl" | jq -e ".detail | test(\"operator\")"'
check 'no secret in the audit file' eval '! grep -qF -f "$work/secret" "$work/log/audit.jsonl"'
write_config "$work/no-audit.yaml" "$work/nowhere/audit.jsonl"
no_audit() { "$mfa_binary" --config "$work/no-audit.yaml" "$@"; }
check 'without an audit file nothing is changed' says 1 audit no_audit enroll gina --no-confirm
check 'really nothing' test -z "$(state_of gina)"
check 'but list works' exits 0 no_audit list

# --- who may -------------------------------------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
    stranger() { setpriv --reuid=1 --regid=1 --clear-groups "$mfa_binary" --config "$work/pgsignet.yaml" "$@"; }
    as_owner() { setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$mfa_binary" --config "$work/pgsignet.yaml" "$@"; }
    cp "$mfa_binary" "$work/pgsignet-mfa"
    chmod 755 "$work/pgsignet-mfa"
    mfa_binary=$work/pgsignet-mfa
    check 'a stranger is told whom to be' says 1 "as $owner" stranger list
    check 'a stranger cannot init' says 1 "as $owner" stranger init
    check 'the owner needs no root' exits 0 as_owner list
    check 'root left nothing of its own in the store' eval '! find "$work/lib" "$work/etc" -mindepth 1 ! -user "$owner" | grep .'
else
    skip 'strangers' 'not root'
fi

# --- kill -9 -------------------------------------------------------------------------------------------

# The program itself is started in the background, not a function, whose shell would take the signal.
# Odd rounds kill an enrolment, even rounds the confirmation of a token by its right code.
mfa enroll --json --no-confirm keeper 2>/dev/null | jq -r .secret >"$work/keeper"
code_of <"$work/keeper" >"$work/code"
started=${EPOCHREALTIME/./}
mfa confirm keeper <"$work/code" >/dev/null 2>&1
span=$(((${EPOCHREALTIME/./} - started) * 3 / 2)) # microseconds: a whole run, and some more; follows the machine
broken=0
states=
: >"$work/kill.log"
kill_later() { # PID
    local after=$((RANDOM * span / 32768))
    sleep "$(printf '%d.%06d' $((after / 1000000)) $((after % 1000000)))"
    kill -9 "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
for round in $(seq "$rounds"); do
    if [ $((round % 2)) -eq 1 ]; then
        "$mfa_binary" --config "$work/pgsignet.yaml" enroll --json --no-confirm victim >"$work/victim" 2>/dev/null &
        kill_later $!
        case $(state_of victim) in '' | pending) ;; *) broken=$((broken + 1)) ;; esac
    else
        # a user each: what a code has used up stays used up when the user is enrolled again
        proved=proved$round
        mfa enroll --json --no-confirm "$proved" 2>/dev/null | jq -r .secret >"$work/proved"
        code_of <"$work/proved" >"$work/code"
        "$mfa_binary" --config "$work/pgsignet.yaml" confirm "$proved" <"$work/code" >/dev/null 2>&1 &
        kill_later $!
        state=$(state_of "$proved")
        case $state in
            pending)
                mfa confirm "$proved" <"$work/code" >>"$work/kill.log" 2>&1 || broken=$((broken + 1))
                span=$((span + span / 16))
                ;;
            active) span=$((span - span / 16)) ;;
            *) broken=$((broken + 1)) ;;
        esac
        states="$states $state"
        mfa remove "$proved" --yes >/dev/null 2>&1 || broken=$((broken + 1))
    fi
done 2>/dev/null
check "kill -9 in $rounds rounds: no token lost, none active without its code" eval 'tail -n 20 "$work/kill.log"; test "$broken" -eq 0'
[ "$rounds" -lt 50 ] || check 'kills fell both before and after the activation' eval '[[ $states == *pending* && $states == *active* ]]'
check 'nobody else lost a token' is_state active keeper
if command -v sqlite3 >/dev/null; then
    check 'the store is whole' test "$(sqlite3 "$work/lib/store.db" 'PRAGMA integrity_check')" = ok
fi
whole_lines() { jq -es 'length > 0' "$work/log/audit.jsonl"; }
check 'every audit line is whole' whole_lines

report_end
