#!/usr/bin/env bash
# Import is all or nothing and revives no code; export is read by oathtool, pskctool and python3-pskc.
# time: 200
# shellcheck disable=SC2016,SC2034,SC2317 # eval gets its text unexpanded
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"

build=${PGSIGNET_BUILD:-$here/../../build}
samples=$here/../samples/transfer
work=$(mktemp -d "${TMPDIR:-/tmp}/transfer.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
owner=$(id -un)
[ "$(id -u)" -ne 0 ] || owner=${PGSIGNET_TEST_USER:-nobody}
cat >"$work/pgsignet.yaml" <<END
daemon: {user: "$owner"}
audit: {file: "$work/log/audit.jsonl"}
store: {path: "$work/lib/store.db"}
keys: {path: "$work/etc/kek"}
token: {issuer: "My DB"}
policies: {default: {password: none}}
END
chmod 644 "$work/pgsignet.yaml"
mfa() { "$build/pgsignet-mfa" --config "$work/pgsignet.yaml" "$@" </dev/null; }
count() { mfa list --json | jq length; }
key=3132333435363738393031323334353637383930
# Another person than the bob of the PSKC samples: they have one secret, which nobody may have twice.
sed 's/\tbob\t/\trob\t/' "$samples/users.oath" >"$work/users.oath"

check "init" mfa init
check "a file with one fault in its last line adds nothing" eval '
    { cat "$work/users.oath"; echo "HOTP/E/9 zoe - $key"; } >"$work/bad.oath"
    ! mfa import "$work/bad.oath" --format oath >/dev/null 2>"$work/err" &&
    grep -q "bad.oath:3: the type" "$work/err" && [ "$(count)" = 0 ]'
check "--dry-run adds nothing" eval '
    mfa import "$work/users.oath" --format oath --dry-run >/dev/null && [ "$(count)" = 0 ]'
check "a usersfile is imported, active, with one event a token" eval '
    mfa import "$work/users.oath" --format oath >/dev/null && [ "$(count)" = 2 ] &&
    [ "$(mfa list --json | jq -r "map(.state) | unique[]")" = active ] &&
    [ "$(grep -c "\"event\":\"import\"" "$work/log/audit.jsonl")" = 2 ]'
check "one name that is taken undoes all of an import" eval '
    { echo "HOTP new - $key"; cat "$work/users.oath"; } >"$work/twice.oath"
    ! mfa import "$work/twice.oath" --format oath >/dev/null 2>&1 && [ "$(count)" = 2 ]'
check "the code of this moment, which the old program may have taken, does not count" eval '
    echo "eve,$key,hex,8" | sed "1i user,secret,encoding,digits" >"$work/eve.csv"
    mfa import "$work/eve.csv" --format csv --replace >/dev/null &&
    oathtool --totp -d 8 $key >"$work/code" &&
    [ "$("$build/pgsignet-mfa" --config "$work/pgsignet.yaml" verify eve --code-stdin --json \
        <"$work/code" | jq -r .reason)" = code-used ]'
check "a counter goes on where liboath left it: 2 was used, 3 counts" eval '
    oathtool -c 2 $key >"$work/used"; oathtool -c 3 $key >"$work/next"
    ! "$build/pgsignet-mfa" --config "$work/pgsignet.yaml" verify rob --code-stdin <"$work/used" &&
    "$build/pgsignet-mfa" --config "$work/pgsignet.yaml" verify rob --code-stdin <"$work/next"'
check "a folder of google-authenticator files" eval '
    mkdir "$work/ga" && cp "$samples/google-totp" "$work/ga/gina" &&
    cp "$samples/google-hotp" "$work/ga/greg" &&
    mfa import "$work/ga" --format google-authenticator >/dev/null 2>"$work/err" &&
    grep -q "ga/gina:6: an emergency code" "$work/err" && [ "$(count)" = 4 ]'
check "encrypted PSKC by serial numbers; a key file that others may read is refused" eval '
    echo HW-3,carol >"$work/map"
    (umask 077; echo 31323334353637383930313233343536 >"$work/key"; echo secret >"$work/pw")
    chmod 644 "$work/key"
    ! mfa import "$samples/key.pskcxml" --format pskc --key-file "$work/key" 2>/dev/null &&
    chmod 600 "$work/key" &&
    mfa import "$samples/key.pskcxml" --format pskc --key-file "$work/key" --map "$work/map" \
        >/dev/null && [ "$(count)" = 7 ]'
check "export makes a new 0600 file and never writes into an old one" eval '
    mfa export --format otpauth --all --output "$work/out" >/dev/null &&
    [ "$(stat -c %a "$work/out")" = 600 ] && [ "$(wc -l <"$work/out")" = 7 ] &&
    ! mfa export --format otpauth --all --output "$work/out" >/dev/null 2>&1 &&
    [ "$(wc -l <"$work/out")" = 7 ] &&
    [ "$(grep -c "\"event\":\"export\"" "$work/log/audit.jsonl")" = 7 ]'
check "an export that fails leaves no secrets behind" eval '
    ! mfa export --format otpauth --user nobody-there --output "$work/none" >/dev/null 2>&1 &&
    [ ! -s "$work/none" ]'
check "plain PSKC is valid for pskctool" eval '
    mfa export --format pskc --all --output "$work/plain" >/dev/null 2>&1 &&
    [ "$(pskctool --validate "$work/plain" 2>/dev/null)" = OK ] &&
    [ "$(pskctool --info "$work/plain" | grep -c "Key Secret")" = 7 ]'
check "PSKC under a password or a key is opened by python3-pskc, with the secrets of the plain one" eval '
    mfa export --format pskc --all --output "$work/by-pw" --password-file "$work/pw" >/dev/null &&
    mfa export --format pskc --all --output "$work/by-key" --key-file "$work/key" >/dev/null &&
    ! grep -q MTIzNDU2Nzg5 "$work/by-pw" "$work/by-key" &&
    columns="serial,secret,counter,time_interval,key_userid"
    pskc2csv -c $columns -e hex "$work/plain" >"$work/1" &&
    pskc2csv -c $columns -e hex -p "$work/pw" "$work/by-pw" >"$work/2" &&
    printf 1234567890123456 >"$work/raw" &&
    pskc2csv -c $columns -e hex -s "$work/raw" "$work/by-key" >"$work/3" &&
    [ "$(grep -c "$key" "$work/1")" -ge 4 ] && cmp "$work/1" "$work/2" && cmp "$work/1" "$work/3"'
check "what was exported comes back the same" eval '
    mfa import "$work/by-pw" --format pskc --password-file "$work/pw" --replace >/dev/null &&
    mfa export --format otpauth --all --output "$work/again" >/dev/null &&
    cmp "$work/out" <(sed "s/\(:alice.*counter=\).*/\142/" "$work/again")'
check "no secret is in the audit trail" eval '! grep -qi "$key\|GEZDGNBV" "$work/log/audit.jsonl"'
report_end
