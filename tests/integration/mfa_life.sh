#!/usr/bin/env bash
# The life of tokens through the front door: what pgsignet-mfa changes, psql sees at the next login.
# time: 600
# shellcheck disable=SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

STACK_POLICY='password: scram'
stack_start || exit 1
work=$STACK_DIR/work
mkdir -m 700 "$work"
: >"$work/documents"

# --- helpers ---------------------------------------------------------------------------------------------

mfa() { stack_mfa "$@"; }

# says CODE PATTERN CMD...: the exit status, and a line of either output
says() {
    local wanted=$1 pattern=$2 got=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
    cat "$work/out" "$work/err"
    [ "$got" -eq "$wanted" ] && grep -qe "$pattern" "$work/out" "$work/err"
}

# json CODE FILTER ARGUMENT...: pgsignet-mfa ARGUMENT... --json prints documents for which the filter holds.
# Its standard input is kept; every document is kept for the page's list of members.
json() {
    local wanted=$1 filter=$2 got=0
    shift 2
    mfa --json "$@" >"$work/json" 2>"$work/err" || got=$?
    cat "$work/json" "$work/err"
    cat "$work/json" >>"$work/documents"
    [ "$got" -eq "$wanted" ] && jq -es "last | $filter" "$work/json"
}

hotp() { printf '%s\n' "$1" | oathtool --hotp -b -c "$2" -; } # SECRET COUNTER

# exits_clean CODE ARGUMENT...: and nothing that a terminal obeys comes out
exits_clean() {
    local wanted=$1 got=0
    shift
    stack_mfa "$@" >"$work/out" 2>&1 </dev/null || got=$?
    cat -v "$work/out"
    { [ "$wanted" = any ] || [ "$got" = "$wanted" ]; } && ! LC_ALL=C grep -q '[[:cntrl:]]' "$work/out"
}

# person NAME: a role with the password PW-NAME
person() { stack_role "$1" "PASSWORD 'PW-$1'"; }

# login_ends REASON USER SECRET
login_ends() {
    stack_psql "$2" "$3" >"$work/psql" 2>&1
    local reason
    reason=$(stack_last_reason)
    [ "$reason" = "$1" ] || { cat "$work/psql"; stack_last_event; return 1; }
}

# enroll USER [OPTION...]: a pending token; sets secret
enroll() {
    local user=$1
    shift
    secret=$(mfa enroll --json --no-confirm "$@" -- "$user" 2>"$work/err" | tee -a "$work/documents" | jq -r .secret)
    [ -n "$secret" ] && [ "$secret" != null ] || { cat "$work/err"; return 1; }
}

token() { mfa show "$1" --json | jq -r --arg n "${2:-default}" ".tokens[] | select(.name == \$n) | $3"; }
event_of() { tail -n 1 "$STACK_AUDIT" | jq -e ".event == \"$1\" and .result == \"done\" and .uid == $(id -u)"; }

# --- counter-based tokens ----------------------------------------------------------------------------------

person henry
check 'enroll --hotp gives a URI with a counter' eval \
    'mfa enroll henry --hotp --no-confirm --json | jq -re .uri | grep -E "^otpauth://hotp/.*&digits=6&counter=0\$"'
enroll henry --hotp
check 'the terminal says counter-based' says 0 'counter-based, SHA1, 6 digits, counter 0' mfa enroll harry --hotp --no-confirm
check 'a pending one admits nobody' login_ends not-enrolled henry "PW-henry$(hotp "$secret" 0)"
check 'confirm by the first code' eval 'hotp "$secret" 0 | json 0 ".state == \"active\"" confirm henry'
check 'the next code logs in' login_ends granted henry "PW-henry$(hotp "$secret" 1)"
check 'the same code does not' login_ends code-used henry "PW-henry$(hotp "$secret" 1)"
check 'a few presses of the button are forgiven' login_ends granted henry "PW-henry$(hotp "$secret" 8)"
check 'show has the next counter' eval 'test "$(token henry default .counter)" = 9 && says 0 "next 9" mfa show henry'
check 'a token that ran away is refused' login_ends code-wrong henry "PW-henry$(hotp "$secret" 60)"
check 'resync by two codes that are not in a row' eval \
    '{ hotp "$secret" 60; hotp "$secret" 62; } | mfa resync henry --code-stdin; test $? -eq 1'
check 'resync by two codes in a row' eval \
    '{ hotp "$secret" 60; hotp "$secret" 61; } | json 0 ".counter == 62 and .kind == \"hotp\"" resync henry --code-stdin'
check 'resync is an event' event_of resync
check 'a code of the resync does not log in' login_ends code-used henry "PW-henry$(hotp "$secret" 61)"
check 'the code after them does' login_ends granted henry "PW-henry$(hotp "$secret" 62)"

# --- clocks that drift ---------------------------------------------------------------------------------------

person dora
enroll dora
stack_free_step 0
check 'dora confirms' eval 'stack_totp "$secret" "$stack_next" | mfa confirm dora'
late_step() { # sets late to a step whose code dora's phone shows, four minutes ahead
    late=$((EPOCHSECONDS / 30 + 8))
    # not on the edge of a step
    [ $((EPOCHSECONDS % 30)) -lt 20 ] || late=$((late + 1))
}
late_step
check 'a phone four minutes ahead is refused' login_ends code-wrong dora "PW-dora$(stack_totp "$secret" "$late")"
check 'its codes need a reader without a terminal' says 1 'code-stdin' mfa resync dora
late_step
check 'resync finds it' eval '{ stack_totp "$secret" $((late - 1)); stack_totp "$secret" "$late"; } |
    json 0 ".offset >= 210 and .offset <= 270 and .drift == .offset and .synced != null" resync dora --code-stdin'
check 'and its next code logs in' login_ends granted dora "PW-dora$(stack_totp "$secret" $((late + 1)))"
check 'show tells the drift in seconds' says 0 ' +[23][0-9][0-9] s ' mfa show dora

# --- recovery codes --------------------------------------------------------------------------------------------

person rita
stack_enroll rita
check 'recovery codes are printed to be cut out' says 0 '^ *\[ \] 10  [a-z-]*$' mfa recovery rita
check 'recovery is an event' event_of recovery
check 'new ones say what became of the old' says 0 '10 unused codes from before are worth nothing' mfa recovery rita --codes 3
mfa recovery rita --codes 3 --json 2>/dev/null | tee -a "$work/documents" >"$work/recovery"
check 'as many as asked for' jq -e '.user == "rita" and (.codes | length == 3 and all(test("^([a-z]{5}-){3}[a-z]{5}$")))' "$work/recovery"
code_number() { jq -r ".codes[$1]" "$work/recovery"; }
check 'show counts them' eval 'json 0 ".recovery_codes == 3 and .recovery_made != null" show rita'
check 'password and recovery code log in' login_ends granted rita "PW-rita$(code_number 0)"
check 'the event calls it so' eval 'stack_last_event | jq -e ".token == \"recovery\""'
check 'a used one does not' login_ends code-used rita "PW-rita$(code_number 0)"
check 'two are left' eval 'mfa show rita --json | jq -e ".recovery_codes == 2"'
check 'the help desk can try one' eval 'code_number 1 | json 0 ".verdict == \"granted\" and .by == \"recovery\"" verify rita --code-stdin'
check 'which uses it up' eval 'code_number 1 | json 2 ".reason == \"code-used\" and .token == null" verify rita --code-stdin'
check 'they can be taken away' eval 'json 0 ".removed == 1" recovery rita --remove'
check 'then none is good' eval 'code_number 2 | json 2 ".verdict == \"denied\"" verify rita --code-stdin'
mfa recovery rita --codes 2 --json >"$work/recovery" 2>/dev/null
mfa disable rita >/dev/null
check 'with the phone resting a recovery code still logs in' login_ends granted rita "PW-rita$(code_number 0)"
mfa remove rita --yes >/dev/null
check 'and with the phone gone' login_ends granted rita "PW-rita$(code_number 1)"
check 'no recovery code is in the audit file' eval \
    'jq -re ".codes[]" "$work/recovery" >"$work/codes" && ! grep -qFf "$work/codes" "$STACK_AUDIT"'

# --- the help desk ------------------------------------------------------------------------------------------------

person vera
stack_enroll vera
check 'verify needs a terminal or --code-stdin' says 1 'code-stdin' mfa verify vera
stack_code vera
check 'verify grants a right code' eval 'echo "$STACK_CODE" | json 0 ".verdict == \"granted\" and .by == \"code\"" verify vera --code-stdin'
check 'the event has verdict, reason and uid' eval \
    'tail -n 1 "$STACK_AUDIT" | jq -e ".event == \"verify\" and .verdict == \"granted\" and .address == \"pgsignet-mfa\" and .uid == $(id -u)"'
check 'a code that was verified does not log in' login_ends code-used vera "PW-vera$STACK_CODE"
stack_wrong_code vera
check 'verify denies a wrong one with status 2' eval 'echo "$STACK_CODE" | json 2 ".reason == \"code-wrong\"" verify vera --code-stdin'
check 'and counts it, at its own address' eval 'json 0 ".addresses | any(.address == \"pgsignet-mfa\" and .failures == 1)" show vera'
check 'an unknown user is not enrolled' eval 'echo 123456 | json 2 ".reason == \"not-enrolled\"" verify nobody-there --code-stdin'

# --- disable, lock, rename, purge ------------------------------------------------------------------------------------

person dan
stack_enroll dan
check 'disable' eval 'json 0 ".state == \"disabled\" and (.tokens | length == 1)" disable dan'
check 'disable is an event' event_of disable
check 'twice is once too many' says 1 'nothing to do' mfa disable dan
check 'by name as well' says 1 'is not active' mfa disable dan --name token101
check 'list --disabled names it' eval 'json 0 "any(.user == \"dan\") and all(.state == \"disabled\")" list --disabled'
stack_code dan
check 'a disabled token admits nobody' login_ends not-enrolled dan "PW-dan$STACK_CODE"
check 'enable' says 0 '"token101" is active' mfa enable dan --name token101
stack_code dan
check 'and it admits again' login_ends granted dan "PW-dan$STACK_CODE"

check 'lock' eval 'json 0 ".locked != null and .lock_reason == \"laptop stolen\"" lock dan --reason "laptop stolen"'
check 'the event has the reason' eval 'event_of lock && tail -n 1 "$STACK_AUDIT" | jq -e ".detail == \"laptop stolen\""'
stack_code dan
check 'a locked user is refused with everything right' login_ends locked dan "PW-dan$STACK_CODE"
check 'list --locked says why' eval 'json 0 ". == [{user: \"dan\", locked: .[0].locked, lock_reason: \"laptop stolen\"}]" list --locked && says 0 "laptop stolen" mfa list --locked'
check 'show says why' says 0 'locked: .* laptop stolen' mfa show dan
check 'unlock of somebody who was locked asks' says 1 'needs --yes' mfa unlock dan
check 'unlock --failures leaves the lock' says 0 'lock stays' mfa unlock dan --failures
check 'it does' login_ends locked dan "PW-dan$STACK_CODE"
check 'unlock --yes lifts it' eval 'json 0 ".lock_lifted and .unlocked" unlock dan --yes'
check 'unlock is an event that says so' eval 'event_of unlock && tail -n 1 "$STACK_AUDIT" | jq -e ".detail | test(\"lifted\")"'
stack_code dan
check 'he gets in again' login_ends granted dan "PW-dan$STACK_CODE"
check 'a name without token can be locked' says 0 'has no token; is the name right' mfa lock ghost --reason test
check 'a reason has an end' says 64 '255 bytes' mfa lock dan --reason "$(printf 'x%.0s' {1..256})"

check 'rename a token' eval 'json 0 ".to == \"phone\"" rename dan --name token101 --to phone'
check 'it has the new name' test "$(token dan phone .state)" = active
check 'rename is an event that says so' eval 'event_of rename && tail -n 1 "$STACK_AUDIT" | jq -e ".token == \"token101\" and (.detail | test(\"phone\"))"'
enroll dan --name tablet
check 'not to a name that is taken' says 1 'a token "phone" already' mfa rename dan --name tablet --to phone
person daniel
check 'rename the user' eval 'json 0 ".to_user == \"daniel\"" rename dan --to-user daniel'
stack_adopt daniel phone "${stack_secret[dan/token101]}" "${stack_step[dan/token101]}"
stack_code daniel
check 'the codes go with the name' login_ends granted daniel "PW-daniel$STACK_CODE"
check 'the old name has none' login_ends not-enrolled dan "PW-dan$STACK_CODE"
check 'not onto somebody' says 1 'a user "vera" already' mfa rename daniel --to-user vera

check 'purge asks' says 1 'needs --yes' mfa purge daniel
check 'purge' eval 'json 0 .purged purge daniel --yes'
check 'purge is an event' event_of purge
check 'nothing is left' says 1 'tokens: *none' mfa show daniel
check 'not twice' says 1 'nothing is known' mfa purge daniel --yes
check 'remove' eval 'json 0 ".removed == 1" remove henry --yes'

# --- lists and counts --------------------------------------------------------------------------------------------------

person ursula
check 'list --unenrolled asks PostgreSQL' eval \
    'json 0 "any(.user == \"ursula\" and .pending == false and .superuser == false) and all(.user != \"vera\")" list --unenrolled'
check 'the role that asks is not one of them' eval '! mfa list --unenrolled | grep -w pgsignet'
check 'superusers are called so' eval 'mfa list --unenrolled --json | jq -e "any(.user == \"postgres\" and .superuser)"'
enroll ursula
check 'pending ones are called so' says 0 '^ursula  *pending  *no  *-' mfa list --unenrolled
check 'list --pending' eval 'json 0 "any(.user == \"ursula\") and all(.state == \"pending\")" list --pending'
check 'nothing is stale after a minute' eval 'json 0 ". == []" list --stale 90d'
quiet=$(mfa list --json | jq '[.[] | select(.state == "active")] | length')
check 'stats' eval 'json 0 ".tokens_active == $quiet and .tokens_disabled == 0 and .users_locked == 1 and .stale_seconds == 7776000" stats'
check 'stats as text' says 0 'tokens active  *[1-9]' mfa stats --stale 1d

# --- policy ------------------------------------------------------------------------------------------------------------

stack_person lena secret dba
stack_person otto secret
stack_role lena
stack_role otto NOLOGIN
stack_policy groups <<END
password: ldap
require_groups: ["cn=dba,ou=groups,$SLAPD_BASE"]
END
stack_policy lax <<END
password: scram
code: required
exempt: [{user: otto, reason: "moves to the new building", until: 2099-12-31}]
END
stack_enroll lena
check 'policy: scram and code' eval \
    'json 0 ".policy == \"default\" and .password == \"scram\" and .code == \"required\" and .verifier == \"granted\" and .role == \"granted\" and .reason == \"granted\"" policy vera'
check 'policy: by name, with a group' eval \
    'json 0 ".policy == \"groups\" and .account == \"granted\" and (.group | test(\"cn=dba\")) and (.dn | test(\"ou=people\"))" policy lena --policy groups'
check 'policy: says it with the keys of the configuration' says 0 'policies.groups.require_groups' mfa policy lena --policy groups
check 'policy: by service' eval 'json 2 ".policy == \"groups\" and .reason == \"not-enrolled\" and .groups == \"not-in-group\"" policy otto --service groups'
check 'policy: names the groups in which nobody was found' says 2 'in none of cn=dba,ou=groups' mfa policy otto --service groups
check 'policy: an exemption and its end' eval \
    'json 2 ".code == \"exempt\" and .exempt_until == \"2100-01-01T00:00:00Z\" and .role == \"role-nologin\"" policy otto --policy lax'
check 'policy: no break glass' eval 'json 0 ".break_glass == false and .armed_until == null" policy vera'
mfa breakglass create vera >/dev/null 2>&1
mfa breakglass arm vera --for 1h --reason 'the directory burns' >"$work/arm" 2>&1
check 'policy: break glass, armed' says 0 'glass: .*the directory burns' mfa policy vera
mfa breakglass remove vera >/dev/null 2>&1
check 'policy: none of that name' eval 'json 2 ".policy == null and .reason == \"no-policy\"" policy vera --policy nothing'
mfa lock vera --reason 'left the company' >/dev/null
before=$(mfa show vera --json | jq -S 'del(.addresses)')
check 'policy: locked' eval 'json 2 ".reason == \"locked\" and .locked != null" policy vera --address 192.0.2.7'
check 'policy counts nothing' test "$before" = "$(mfa show vera --json | jq -S 'del(.addresses)')"
events_before=$(wc -l <"$STACK_AUDIT")
mfa policy vera >/dev/null
check 'and is no event' test "$events_before" = "$(wc -l <"$STACK_AUDIT")"
stop_slapd
check 'policy: a directory that is down is not asked' eval \
    'json 1 ".verdict == \"unavailable\" and .account == \"directory-unavailable\"" policy lena --policy groups'

# --- names are bytes from whoever makes them -----------------------------------------------------------------------------

evil=$'\033[31m\nred'
mfa enroll --no-confirm --name "$evil" --json -- "$evil" >/dev/null 2>&1
check 'a hostile token name in rename' exits_clean 0 rename "$evil" --name "$evil" --to "$evil.2"
check 'a hostile user name in rename' exits_clean 0 rename "$evil" --to-user "$evil.2"
check 'a hostile reason' exits_clean 0 lock "$evil.2" --reason "$evil"
for command in 'show' 'policy' 'unlock --yes' 'recovery --codes 1' 'disable' 'purge --yes'; do
    read -r -a words <<<"$command"
    check "hostile names in ${words[*]}" exits_clean any "${words[@]}" -- "$evil.2"
done
check 'hostile names in list --locked' exits_clean 0 list --locked
check 'the audit file is JSON lines' eval 'jq -es "length > 50" "$STACK_AUDIT"'

# --- at a terminal ---------------------------------------------------------------------------------------------------------

cat >"$work/terminal.exp" <<'END'
log_user 0
set timeout 60
proc wait_for {text} {
    global spawn_id
    expect {
        -ex $text {}
        default {
            puts "no <$text>"
            exit 1
        }
    }
}
proc status {} {
    expect eof
    lassign [wait] a b c status
    return $status
}
set mfa [lrange $argv 0 2]
spawn {*}$mfa verify vera
wait_for "Code: "
send "12 34\r"
wait_for "locked"
puts "verify=[status]"
spawn {*}$mfa unlock vera
wait_for "left the company"
wait_for "Lift this lock?"
send "no\r"
wait_for "nothing was changed"
puts "unlock-no=[status]"
spawn {*}$mfa unlock vera
wait_for "Lift this lock?"
send "yes\r"
wait_for "lock is lifted"
puts "unlock-yes=[status]"
spawn {*}$mfa resync vera
wait_for "Code that the token shows: "
send "000000\r"
wait_for "The code after that one: "
send "000001\r"
wait_for "not two codes in a row"
puts "resync=[status]"
spawn {*}$mfa purge vera
wait_for "Destroy the key"
send "no\r"
wait_for "nothing was changed"
puts "purge=[status]"
END
seen=$(TERM=xterm LC_ALL=C expect -f "$work/terminal.exp" "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" | tr '\n' ' ')
check 'prompts at a terminal' test "$seen" = 'verify=2 unlock-no=1 unlock-yes=0 resync=1 purge=1 '

# --- wrong use: said before the configuration is even looked for ----------------------------------------------------------

while read -r arguments; do
    read -r -a words <<<"$arguments"
    check "wrong use: $arguments" says 64 . "$STACK_BIN/pgsignet-mfa" --config /nonexistent "${words[@]}"
done <<'END'
enroll a --hotp --period 30
list --pending --disabled
list --stale 90x
list --stale 0d
recovery a --codes 3 --remove
recovery a --codes 0
recovery a --codes 21
lock a
rename a
rename a --to b
rename a --name b
rename a --name b --to c --to-user d
rename a --name b --to xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
policy a --policy p --service s
verify a --yes
stats a
END

# --- the page names every member ------------------------------------------------------------------------------------------

jq -r '[.. | objects | keys[]] | .[]' "$work/documents" | sort -u >"$work/members"
sed -n '/^\.SH JSON/,/^\.SH SECRETS/p' "$PGSIGNET_SRC/man/pgsignet-mfa.8" | grep -oE '[a-z_]+' | sort -u >"$work/words"
check 'the page names every member of every document' eval 'test "$(wc -l <"$work/members")" -gt 60 && ! comm -23 "$work/members" "$work/words" | grep .'
report_end
