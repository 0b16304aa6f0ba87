#!/usr/bin/env bash
# Many are enrolled at once: from a file and a group, killed and gone on with, and their pages log in.
# time: 900
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP
stack_start || { not_ok "the stack starts"; report_end; }

for tool in rsvg-convert zbarimg; do
    command -v "$tool" >/dev/null || { skip "enroll_many" "no $tool (librsvg2-bin, zbar-tools)"; report_end; }
done
users=10000
pages=$STACK_DIR/pages
manifest=$STACK_DIR/manifest

many()
{
    stack_mfa enroll "$@" >"$manifest" 2>"$STACK_DIR/many.log"
}

# read_page FILE: the URI in its QR code
read_page()
{
    case $1 in
        *.svg) rsvg-convert -z 2 "$1" | zbarimg -q --nodbus --raw png:- ;;
        *.png) zbarimg -q --nodbus --raw "png:$1" ;;
    esac
}

# code_of FILE: what an app that scanned it shows
code_of()
{
    local uri secret
    uri=$(read_page "$1") || return 1
    secret=${uri#*secret=}
    oathtool --totp -b -N "@$EPOCHSECONDS" "${secret%%&*}"
}

state_of()
{
    awk -F, -v user="\"$1\"" '$1 == user { gsub(/"/, "", $3); print $3 }' "$manifest"
}

# --- faults ------------------------------------------------------------------------------------------

printf 'alice\nbob\n\xff\nalice\n' >"$STACK_DIR/bad"
nothing_is_made()
{
    local list
    ! many --from-file "$STACK_DIR/bad" --pages "$STACK_DIR/none" &&
        grep -q "/bad:3: " "$STACK_DIR/many.log" && grep -q "/bad:4: .*line 1" "$STACK_DIR/many.log" &&
        [ ! -e "$STACK_DIR/none" ] && list=$(stack_mfa list) && [[ $list != *alice* ]]
}
check "bad lines are named and nothing is made" nothing_is_made

usage()
{
    local status=0
    stack_mfa enroll "$@" >/dev/null 2>&1 || status=$?
    [ "$status" -eq 64 ] || { echo "exit $status: enroll $*"; return 1; }
}
check "--pages is needed" usage --from-file "$STACK_DIR/bad"
check "USER and --from-file exclude each other" usage alice --from-file x --pages y
check "--pages is for many" usage alice --pages y
check "--expires must lie ahead" usage --from-file x --pages y --expires 2001-01-01
check "--qr must be a form" usage alice --qr gif:x

# --- a group of the directory ------------------------------------------------------------------------

for role in alice bob carol erin; do stack_role "$role"; done
check "the members of a group get pages" many --ldap-group cn=dba,ou=groups,dc=example,dc=com \
    --pages "$pages"
check "all of them" [ "$(ls "$pages")" = "$(printf '%s.svg\n' alice bob carol erin)" ]
check "the folder is the owner's alone" [ "$(stat -c '%a %U' "$pages")" = "700 pgsignet" ]
check "a page is the owner's alone" [ "$(stat -c '%a %U' "$pages/alice.svg")" = "600 pgsignet" ]
check "no such group" eval "! many --ldap-group cn=none,ou=groups,dc=example,dc=com --pages $pages"

# token_is USER STATE
token_is()
{
    grep "^default  $2" <<<"$(stack_mfa show "$1")"
}

stack_psql alice "PW-alice$(code_of "$pages/alice.svg")" >/dev/null
check "the first login with a page's code is let in" [ "$(stack_last_reason)" = granted ]
check "and makes the token active" token_is alice active
stack_psql bob "PW-wrong$(code_of "$pages/bob.svg")" >/dev/null 2>&1
check "a right code beside a wrong password lets nobody in" [ "$(stack_last_reason)" = password-wrong ]
check "but proves the token: the code is burnt first" token_is bob active
stack_psql carol "PW-carol000000" >/dev/null 2>&1
check "a wrong code proves nothing" token_is carol pending

# --- killed, and gone on with ------------------------------------------------------------------------

{ seq -f 'user%05g' "$users"; printf 'alice\ncarol\n'; } >"$STACK_DIR/list"
"$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" enroll --from-file "$STACK_DIR/list" \
    --pages "$pages" >/dev/null 2>&1 </dev/null &
victim=$!
while kill -0 "$victim" 2>/dev/null && [ "$(find "$pages" -name '*.svg' | wc -l)" -lt 1200 ]; do :; done
kill -9 "$victim"
wait "$victim" 2>/dev/null
# its helpers end when their share is done
while pgrep -f "pages $pages" >/dev/null; do :; done
left=$(find "$pages" -name 'user*.svg' | wc -l)
check "killed in the middle" eval "[ $left -gt 0 ] && [ $left -lt $users ]"
started=$EPOCHREALTIME
check "the same command goes on" many --from-file "$STACK_DIR/list" --pages "$pages"
took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }")
echo "        $((users - left)) of $users users in $took s"
made=$(grep -c '"made"$' "$manifest") kept=$(grep -c '"kept"$' "$manifest")
check "what was whole is kept ($kept), the rest made ($made)" \
    [ "$kept" -ge "$left" -a $((made + kept)) -eq $((users + 1)) ]
check "who has an active token is left alone" [ "$(state_of alice)" = enrolled ]
check "who has a good page keeps it" [ "$(state_of carol)" = kept ]
check "a page for each" [ "$(find "$pages" -name 'user*.svg' | wc -l)" -eq "$users" ]
check "no parts are left" [ -z "$(find "$pages" -name '*.part')" ]

pages_fit_the_store()
{
    local page user
    while read -r page; do
        user=${page##*/} user=${user%.svg}
        stack_mfa verify --code-stdin "$user" <<<"$(code_of "$page")" >"$STACK_DIR/verify" 2>&1 ||
            { echo "$user: $(cat "$STACK_DIR/verify")"; return 1; }
    done < <(find "$pages" -name 'user*.svg' | shuf -n 12)
}
check "12 pages by chance fit their tokens" pages_fit_the_store
check "an event for each token" [ "$(jq -r 'select(.event == "enroll") | .user' "$STACK_AUDIT" |
    grep '^user' | sort -u | wc -l)" -eq "$users" ]

fresh=$STACK_DIR/fresh
sed 's/^/b/' "$STACK_DIR/list" >"$STACK_DIR/list2"
# Of the processor's time: what else a machine does meanwhile is not ours.
timed_many()
{
    local TIMEFORMAT='%U %S'
    { time many "$@"; } 2>"$STACK_DIR/times"
}
started=$EPOCHREALTIME
check "$users users at once" timed_many --from-file "$STACK_DIR/list2" --pages "$fresh" --expires 30d
took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $started }")
echo "        $users users in $took s, of the processor $(cat "$STACK_DIR/times") s: enroll --from-file FILE --pages FOLDER"
check "in seconds of the processor (120 on any machine)" awk '{ exit !($1 + $2 < 120) }' "$STACK_DIR/times"

# --- a page that does not fit any more ---------------------------------------------------------------

before=$(read_page "$pages/carol.svg")
stack_mfa enroll carol --no-confirm >/dev/null 2>&1
echo carol >"$STACK_DIR/one"
many --from-file "$STACK_DIR/one" --pages "$pages"
check "a page of a token that was replaced is made anew" \
    [ "$(state_of carol)" = made -a "$(read_page "$pages/carol.svg")" != "$before" ]
truncate -s 600 "$pages/carol.svg"
many --from-file "$STACK_DIR/one" --pages "$pages"
check "so is one that was cut" [ "$(state_of carol)" = made ]

# --- names from an attacker; PNG ---------------------------------------------------------------------

name='../x<&"'\''%'
printf '%s\n' "$name" >"$STACK_DIR/hostile"
check "hostile names, PNG" many --from-file "$STACK_DIR/hostile" --pages "$STACK_DIR/png" --page png
check "stay in the folder" [ "$(ls "$STACK_DIR/png")" = "$(printf '%%2E.%%2Fx%%3C%%26%%22%%27%%25.%s\n' png txt)" ]
check "and are read back" grep -F ':..%2Fx%3C%26%22%27%25?secret=' \
    <<<"$(read_page "$STACK_DIR/png/%2E.%2Fx%3C%26%22%27%25.png")"

# --- one person --------------------------------------------------------------------------------------

check "a code in a file" stack_mfa enroll erin --name second --no-confirm-until 14d \
    --qr "svg:$STACK_DIR/erin.svg"
check "of the operator's alone" [ "$(stat -c '%a %U' "$STACK_DIR/erin.svg")" = "600 root" ]
check "it is read back" grep '^otpauth://totp/.*:erin?secret=' <<<"$(read_page "$STACK_DIR/erin.svg")"
check "it is not written over" eval \
    "! stack_mfa enroll erin --name third --no-confirm --qr 'svg:$STACK_DIR/erin.svg'"
stack_role dave
stack_mfa enroll dave --no-confirm-until 1s --qr "png:$STACK_DIR/dave.png" >/dev/null 2>&1
until [ "$(stack_mfa --json show dave | jq -r '.tokens[0].expires | fromdate')" -lt "$EPOCHSECONDS" ]; do :; done
stack_psql dave "PW-dave$(code_of "$STACK_DIR/dave.png")" >/dev/null 2>&1
check "after its term a pending token is dead" [ "$(stack_last_reason)" = not-enrolled ]

report_end
