#!/usr/bin/env bash
# A CA begins whole or not at all: layouts, algorithms, passphrases, modes, hostile folders, a terminal, kill -9.
# time: 600
# shellcheck disable=SC2015,SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-init.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
cd "$work" || exit 1
printf 'ca: {audit: "%s/audit.jsonl"}\n' "$work" >"$work/ca.yaml"

ca() { timeout 300 "$program" --config "$work/ca.yaml" --dir "$work/$folder" "$@" </dev/null; }
folder=one

# fresh ARGUMENT...: an init in a new folder
fresh()
{
    rm -rf "${work:?}/$folder"
    ca --quiet init "$@"
}

# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

# judged PURPOSE TRUST LEAF: by OpenSSL's strictest reading, and by GnuTLS
judged()
{
    openssl verify -x509_strict -crl_check_all -purpose "$1" -CAfile "$2" -CRLfile "$folder/crl.pem" -untrusted "$3" "$3" &&
        { ! command -v certtool >/dev/null ||
            certtool --verify --load-ca-certificate "$2" --load-crl "$folder/crl.pem" --infile "$3"; }
}

# works [ARGUMENT...]: the CA issues, and what it issues is taken
works()
{
    local trust=$folder/trust.crt leaf clients=clients servers=
    [ ! -e "$folder/client-trust.crt" ] || trust=$folder/client-trust.crt
    [ ! -d "$folder/ca" ] || clients=misc
    ca --quiet issue client app "$@" && judged sslclient "$trust" "$folder/$clients/app.crt" || return 1
    ca --quiet issue server db1.example.com "$@" || return 1
    if [ -d "$folder/ca" ]; then servers=pgsql/db1.example.com.crt; else servers=server.crt; fi
    leaf=$folder/$servers
    judged sslserver "$folder/trust.crt" "$leaf" && judged sslclient "$folder/trust.crt" "$leaf"
}

# --- layouts and kinds ---

for layout in seed pigsty; do
    for kind in "" --client-ca --intermediate "--intermediate --client-ca"; do
        # shellcheck disable=SC2086 # several words
        check "a CA in layout $layout ${kind:-alone} issues what judges take" eval "fresh --layout $layout $kind && works"
    done
done
for algorithm in p384 rsa3072 ed25519; do
    check "a CA of $algorithm issues what judges take" eval "fresh --algorithm $algorithm && works"
done
check "layout seed has its files" eval 'fresh && cd $folder && ls ca.crt ca.key trust.crt crl.pem crl/ca.crl crl/ca.crl.der ledger.db'
check "layout pigsty has its files" eval 'fresh --layout pigsty && cd $folder && ls ca/ca.crt ca/ca.key trust.crt crl.pem'
text() { openssl x509 -in "$folder/ca.crt" -noout -text; }
check "the CA's profile is critical where it must be" eval 'fresh --name "Site A" --organisation Acme && text >ca.txt &&
    grep -q "CA:TRUE, pathlen:1" <<<"$(grep -A1 "Basic Constraints: critical" ca.txt)" &&
    grep -qx " *Certificate Sign, CRL Sign" <<<"$(grep -A1 "Key Usage: critical" ca.txt)" &&
    grep -q "Subject: O = Acme, CN = Site A" ca.txt && ! grep -q "Extended Key Usage" ca.txt'
check "with --client-ca a server certificate is no login" eval 'fresh --client-ca && ca --quiet issue server db1.example.com &&
    ! openssl verify -purpose sslclient -CAfile $folder/client-trust.crt $folder/server.crt'
check "--lasts is how long it is valid" eval 'fresh --lasts 30d && openssl x509 -in $folder/ca.crt -noout -checkend $((29*86400)) &&
    ! openssl x509 -in $folder/ca.crt -noout -checkend $((31*86400))'
check "init says what one CA for all means" eval 'rm -rf $folder; ca init >said && grep -q -- "--client-ca" said && grep -q PgBouncer said'
check "init --client-ca has nothing to explain" eval 'rm -rf $folder; ca init --client-ca >said && ! grep -q PgBouncer said'
check "--json prints one document" eval 'rm -rf $folder; ca --json init --intermediate --client-ca >said &&
    [ "$(jq -r ".authorities[].purpose" said | tr "\n" " ")" = "root server client " ] && [ "$(wc -l <said)" -eq 1 ]'
check "the events are in the trail, chained" eval 'grep -q "\"event\":\"ca-init\"" audit.jsonl && ca events --verify'

# --- modes, folders ---

for mask in 000 022 077 0777; do
    check "modes are the same under umask $mask" eval "rm -rf $folder; (umask $mask; ca --quiet init --client-ca) &&
        [ \"\$(stat -c %a $folder $folder/ca.key $folder/client-ca.key $folder/ca.crt $folder/trust.crt $folder/crl.pem $folder/ledger.db | tr '\\n' ' ')\" = '700 600 600 644 644 644 600 ' ]"
done
check "a folder with a CA is refused, and stays" eval 'fresh && sha256sum $folder/ca.key >sums &&
    fails "there is a CA" ca init && sha256sum -c --quiet sums'
check "a folder in use is refused, and stays" eval 'rm -rf $folder; mkdir -m 700 $folder && echo x >$folder/notes &&
    fails "in use" ca init && [ "$(ls -A $folder)" = notes ]'
check "an empty folder is taken" eval 'rm -rf $folder; mkdir -m 700 $folder && ca --quiet init && works'
check "an empty folder that is open to others is closed" eval 'rm -rf $folder; mkdir -m 755 $folder && ca --quiet init && [ "$(stat -c %a $folder)" = 700 ]'
check "a symbolic link is no folder" eval 'rm -rf $folder target; mkdir target && ln -s "$work/target" $folder &&
    fails "symbolic link" ca init && [ -z "$(ls -A target)" ]'
check "nor with a slash behind it" eval 'fails "symbolic link" "$program" --config ca.yaml --dir "$work/$folder/" init && [ -z "$(ls -A target)" ]'
check "a FIFO is no folder" eval 'rm -rf $folder; mkfifo $folder && fails "no folder" ca init'
rm -rf "$folder"
check "a folder whose parent is missing is refused" eval 'fails "No such file" "$program" --config ca.yaml --dir "$work/no/ca" init'
check "a name that is unfit is refused, and nothing is left" eval 'fails "does not do" ca init --name " x" && fails "does not do" ca init --organisation "$(printf "a\tb")" && [ ! -e $folder ]'
check "other commands say what is missing" eval 'fails "pgsignet-ca init" ca issue client app && [ ! -e $folder ]'
check "a configuration that is named must be there" fails "nowhere.yaml" "$program" --config "$work/nowhere.yaml" --dir "$work/$folder" init
check "a dry run makes nothing" eval 'ca --json init --dry-run --client-ca >said && [ ! -e $folder ] && jq -e ".dry_run and (.authorities | length == 2)" said'
if [ "$(id -u)" -eq 0 ] && getent passwd nobody >/dev/null; then
    check "a folder of another user is refused" eval 'mkdir -m 700 $folder && chown nobody $folder && fails "run this as that user" ca init && [ -z "$(ls -A $folder)" ]'
    rm -rf "$folder"
    check "a CA of another user is refused" eval 'fresh && chown -R nobody $folder && fails "run this as that user" ca issue client app'
    rm -rf "$folder"
fi
check "a CA's folder that is open to others is not worked in" eval 'fresh && chmod 750 $folder && fails "chmod 0700" ca issue client app'

# --- passphrases ---

printf 'horse battery\nsecond line\n' >pass
chmod 600 pass
check "keys are sealed with scrypt and AES-256" eval 'fresh --intermediate --passphrase-file pass && for key in ca root; do
    [ "$(head -1 $folder/$key.key)" = "-----BEGIN ENCRYPTED PRIVATE KEY-----" ] && openssl asn1parse -in $folder/$key.key >sealed &&
    grep -q ":scrypt" sealed && grep -q ":aes-256-cbc" sealed || exit 1; done'
check "OpenSSL opens them with the same passphrase" openssl pkey -in "$folder/ca.key" -passin "pass:horse battery" -noout
check "with the passphrase from a file it issues" works --passphrase-file pass
check "or from a file descriptor" eval 'ca --quiet issue client two --passphrase-fd 7 7<pass'
check "or from where the configuration says" eval 'printf "ca: {audit: \"\", passphrase_file: \"%s/pass\"}\n" "$work" >with.yaml &&
    "$program" --config with.yaml --dir "$work/$folder" --quiet issue client three </dev/null'
check "without it nothing is issued, and nobody is asked" eval 'fails "terminal" ca issue client four && [ ! -e $folder/clients/four.crt ]'
printf 'wrong\n' >wrong
chmod 600 wrong
check "with a wrong one neither" eval 'fails "does not open it" ca issue client four --passphrase-file wrong && [ ! -e $folder/clients/four.crt ]'
chmod 644 pass
check "a passphrase that others can read is refused" fails "open to others" ca issue client four --passphrase-file pass
chmod 600 pass
ln -sf "$work/fifo" link
mkfifo fifo
check "a FIFO is no passphrase's file" fails "regular file" ca issue client four --passphrase-file fifo
: >empty
chmod 600 empty
check "an empty one is refused" eval 'folder=two; fails "empty" ca init --passphrase-file empty && [ ! -e two ]'
check "--passphrase without a terminal is refused" eval 'folder=two; fails "terminal" ca init --passphrase && [ ! -e two ]'
check "the passphrase is in no message and no event" eval '! grep -rqs "horse" audit.jsonl said'

# --- a terminal ---

if command -v expect >/dev/null; then
    cat >terminal.exp <<'END'
set timeout 30
log_user 1
# An expect with all of its patterns on one line takes the line for a pattern.
proc asked {text} {
    expect {
        $text {}
        timeout { puts "\nno: $text"; exit 1 }
        eof { puts "\nended before: $text"; exit 1 }
    }
}
switch [lindex $argv 0] {
    seal {
        spawn -noecho {*}[lrange $argv 1 end]
        asked "New passphrase"
        send "tell nobody\r"
        asked "Once more"
        send "tell somebody\r"
        asked "They differ"
        asked "New passphrase"
        send "tell nobody\r"
        asked "Once more"
        send "tell nobody\r"
    }
    open {
        spawn -noecho {*}[lrange $argv 1 end]
        asked "Passphrase of"
        send "tell everybody\r"
        asked "does not open it"
        asked "Passphrase of"
        send "tell nobody\r"
    }
    yes {
        spawn -noecho {*}[lrange $argv 1 end]
        asked "Make a client CA as well"
        send "y\r"
    }
    interrupt {
        spawn -noecho sh -c {"$@"; stty -a} sh {*}[lrange $argv 1 end]
        asked "Passphrase of"
        send "\003"
        asked " echo "
    }
}
expect {
    eof {}
    timeout { puts "\nno end"; exit 1 }
}
exit [lindex [wait] 3]
END
    terminal() { expect -f terminal.exp "$1" "$program" --config "$work/ca.yaml" --dir "$work/$folder" "${@:2}"; }
    folder=three
    check "at a terminal a passphrase is asked for twice, and never shown" eval 'terminal seal init --quiet --passphrase >screen &&
        grep -q "ENCRYPTED" $folder/ca.key && ! grep -q "tell" screen'
    check "at a terminal it is asked for again when it was mistyped" eval 'terminal open issue client app --quiet >screen &&
        [ -s $folder/clients/app.crt ] && ! grep -q "tell" screen'
    check "an interrupt leaves the terminal with its echo" eval 'terminal interrupt issue client other >screen; [ ! -e $folder/clients/other.crt ] && grep -Eq "[^-]echo " screen'
    folder=four
    check "at a terminal init offers a client CA" eval 'terminal yes init >screen && [ -s $folder/client-ca.crt ] && grep -q PgBouncer screen'
    folder=one
else
    skip "passphrases at a terminal" "no expect"
fi

# --- kill -9 ---

# begun: whatever was left, the next init makes or finishes the CA, and it works
begun()
{
    local said
    if ! said=$(ca --quiet init --client-ca 2>&1); then
        grep -q "there is a CA" <<<"$said" || { echo "$said"; return 1; }
    fi
    [ -z "$(find "$folder" -name '*.part*')" ] || { echo "parts are left: $(find "$folder" -name '*.part*')"; return 1; }
    ca --quiet issue client app && judged sslclient "$folder/client-trust.crt" "$folder/clients/app.crt" >/dev/null 2>&1 &&
        [ -s "$folder/crl/ca.crl" ] && [ -s "$folder/crl/client-ca.crl" ] && [ -s "$folder/client-ca.key" ] && ca --quiet events --verify
}

rounds=${PGSIGNET_SOAK:+200}
rounds=${rounds:-15}
killed=0
bad=
for ((i = 0; i < rounds; i++)); do
    rm -rf "$folder"
    "$program" --config "$work/ca.yaml" --dir "$work/$folder" --quiet init --client-ca </dev/null >/dev/null 2>&1 &
    victim=$!
    # Moments spread over a run, whatever the machine's speed: one is measured first.
    [ $i -gt 0 ] || { from=$(date +%s%N); wait "$victim"; span=$((($(date +%s%N) - from) / 1000)); continue; }
    usleep=$((span * i / rounds))
    sleep "$(printf '%d.%06d' $((usleep / 1000000)) $((usleep % 1000000)))"
    kill -9 "$victim" 2>/dev/null && killed=$((killed + 1))
    wait "$victim" 2>/dev/null
    said=$(begun 2>&1) || bad+="round $i: $said"$'\n'
done
if [ -z "$bad" ]; then ok "a killed init is thrown away or finished by the next one ($killed of $rounds were killed)"; else not_ok "a killed init is thrown away or finished" "$bad"; fi

# The same at each call that changes a disk, where a debugger may look.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    bad=
    times=0
    step=${PGSIGNET_SOAK:+1}
    for call in mkdir renameat linkat unlinkat fsync fdatasync; do
        for ((n = 1; n < 60; n += ${step:-3})); do
            rm -rf "$folder"
            (exec 2>/dev/null; strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" "$program" --config "$work/ca.yaml" \
                --dir "$work/$folder" --quiet init --client-ca </dev/null >/dev/null; exit $?) 2>/dev/null && break
            times=$((times + 1))
            said=$(begun 2>&1) || bad+="killed at $call $n: $said"$'\n'
        done
    done
    if [ -z "$bad" ] && [ $times -gt 5 ]; then ok "so is one that was killed at any call to the disk ($times of them)"; else not_ok "killed at each call to the disk ($times times)" "$bad"; fi
else
    skip "kill at each call to the disk" "no strace, or it may not trace"
fi

# A ledger that was recorded and not finished: nothing else goes on.
check "a CA that was begun is finished before anything else is done" eval 'fresh && sqlite3 $folder/ledger.db "DELETE FROM word WHERE key = '"'layout'"'; INSERT INTO word VALUES ('"'founding', 'seed'"')" &&
    fails "pgsignet-ca init" ca issue client app && ca --quiet init && works'
check "two at once: one CA" eval 'rm -rf $folder; for i in 1 2 3 4; do ca --quiet init >out.$i 2>&1 & done; wait; works && [ "$(sqlite3 $folder/ledger.db "SELECT count(*) FROM authority")" = 1 ]'
report_end
