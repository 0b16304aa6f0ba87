#!/usr/bin/env bash
# Proves that pgsignet-ca issues what judges accept, refuses what it must with nothing left behind, and renews.
# time: 600
set -uo pipefail
export LC_ALL=C.UTF-8

: "${PGSIGNET_SRC:?}" "${PGSIGNET_BUILD:?}"
# shellcheck source=tests/integration/report.sh
. "$PGSIGNET_SRC/tests/integration/report.sh"
# shellcheck source=tests/integration/postgres.sh
. "$PGSIGNET_SRC/tests/integration/postgres.sh"
# shellcheck source=tests/integration/slapd.sh
. "$PGSIGNET_SRC/tests/integration/slapd.sh"

dir=$(mktemp -d "${TMPDIR:-/tmp}/pki-issue.XXXXXX") || exit 1
clean_up()
{
    stop_postgres immediate 2>/dev/null
    [ -z "${SLAPD_PID-}" ] || stop_slapd
    rm -rf "$dir"
}
trap clean_up EXIT
umask 022
printf 'ca: {audit: ""}\n' >"$dir/ca.yaml"
(umask 077 && echo geheim >"$dir/passphrase")

# ca COMMAND...: on $folder, five minutes at most; $said has its output, $complained its messages.
folder=$dir/one
ca()
{
    local command=$1
    shift
    timeout 300 "$PGSIGNET_BUILD/pgsignet-ca" "$command" --config "$dir/ca.yaml" --dir "$folder" "$@" \
        >"$dir/said" 2>"$dir/complained" </dev/null
}
said() { cat "$dir/said" "$dir/complained"; }

# makes NAME COMMAND...: it must succeed.
makes()
{
    local name=$1
    shift
    if ca "$@"; then ok "$name"; else not_ok "$name" "exit $?: $(said)"; fi
}

# All that is to stay as it was: files, their contents, the rows.
state()
{
    (cd "$folder" && find . ! -name 'ledger.db*' -printf '%p %m %y %l\n' | sort && find . -type f ! -name 'ledger.db*' -exec sha256sum {} + | sort)
    sqlite3 "$folder/ledger.db" 'SELECT id, state, name, path FROM certificate ORDER BY id; SELECT count(*) FROM event'
}

# refuses NAME CODE WORD COMMAND...: it ends with CODE, says WORD, and changes nothing.
refuses()
{
    local name=$1 code=$2 word=$3 before rc
    shift 3
    before=$(state)
    ca "$@"
    rc=$?
    if [ "$rc" -ne "$code" ]; then
        not_ok "$name" "exit $rc, not $code: $(said)"
    elif ! grep -qF -- "$word" "$dir/complained"; then
        not_ok "$name" "does not say \"$word\": $(said)"
    elif [ "$(state)" != "$before" ]; then
        not_ok "$name" "something changed: $(diff <(printf '%s' "$before") <(state))"
    else
        ok "$name"
    fi
}

is() { [ "$1" = "$2" ] || { echo "\"$1\" is not \"$2\""; return 1; }; }
extension() { openssl x509 -in "$1" -noout -ext "$2" | sed 1d | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'; }
serial() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//'; }
same_key() { is "$(openssl x509 -in "$1" -noout -pubkey)" "$(openssl pkey -in "$2" -pubout)"; }
modes() { is "$(stat -c '%a %U' "$1" "$2" | tr '\n' ' ')" "644 root 600 root "; }
sum_of() { sha256sum <"$1"; }
rows() { sqlite3 "$folder/ledger.db" "SELECT count(*) FROM certificate WHERE $1"; }

# judged FILE PURPOSE TRUST: by openssl and GnuTLS.
judged()
{
    openssl verify -x509_strict -purpose "$2" -CAfile "$3" "$1" &&
        certtool --verify --load-ca-certificate "$3" --infile "$1"
}

# --- one of each ----------------------------------------------------------------------------------------

makes "init" init
makes "a client is issued" issue client app --output pk8,p12,tar --file-passphrase-file "$dir/passphrase" --host db.example.com --dbname app
check "it prints how to connect" grep -qF "host=db.example.com dbname=app user=app sslmode=verify-full sslcert=$folder/clients/app.crt" "$dir/said"
client=$folder/clients/app
check "openssl and GnuTLS take it for a client" judged "$client.crt" sslclient "$folder/ca.crt"
check "and not for a server" sh -c "! openssl verify -purpose sslserver -CAfile '$folder/ca.crt' '$client.crt' 2>/dev/null"
check "its CN is the role, once" is "$(openssl x509 -in "$client.crt" -noout -subject -nameopt multiline | sed -n 's/ *commonName *= //p')" app
check "its EKU is clientAuth alone" is "$(extension "$client.crt" extendedKeyUsage)" "TLS Web Client Authentication"
check "its one SAN is the role's URN" is "$(extension "$client.crt" subjectAltName)" "URI:urn:pgrole:app"
check "key and certificate fit, and have their modes" eval 'same_key "$client.crt" "$client.key" && modes "$client.crt" "$client.key"'
check "the other forms are the owner's alone" is "$(stat -c %a "$client.pk8" "$client.p12" "$client.tar" | tr '\n' ' ')" "600 600 600 "
check "the folder of the clients too" is "$(stat -c %a "$folder/clients")" 700
makes "a server is issued" issue server db1.example.com --san 192.0.2.1 --san DB1 --san 2001:db8:0::1
server=$folder/server
check "judges take it for a server" judged "$server.crt" sslserver "$folder/ca.crt"
check "and for a client (Patroni, etcd)" openssl verify -x509_strict -purpose sslclient -CAfile "$folder/ca.crt" "$server.crt"
check "its EKUs are both" is "$(extension "$server.crt" extendedKeyUsage)" "TLS Web Server Authentication, TLS Web Client Authentication"
check "its CN is a SAN too" is "$(extension "$server.crt" subjectAltName)" \
    "DNS:db1.example.com, IP Address:192.0.2.1, DNS:db1, IP Address:2001:DB8:0:0:0:0:0:1"
check "GnuTLS finds its names" certtool --verify --load-ca-certificate "$folder/ca.crt" --verify-hostname db1 --infile "$server.crt"
makes "a second server has a place of its own" issue server db2.example.com
check "below servers/" test -f "$folder/servers/db2.example.com.key"
makes "an address can be a server's name" issue server 192.0.2.9
for algorithm in p384 rsa3072 ed25519; do
    makes "a $algorithm key is made" issue client "k-$algorithm" --algorithm $algorithm
    check "judges take it" judged "$folder/clients/k-$algorithm.crt" sslclient "$folder/ca.crt"
done
makes "it lasts as long as told" issue client short --lasts 12h
check "12 hours" eval '[ "$(openssl x509 -in "$folder/clients/short.crt" -checkend 43000 >/dev/null; echo $?) $(openssl x509 -in "$folder/clients/short.crt" -checkend 43300 >/dev/null; echo $?)" = "0 1" ]'
for mask in 000 777; do
    (umask $mask && ca issue client "mask$mask" --output pk8,tar)
    check "umask $mask changes no mode" eval 'modes "$folder/clients/mask$mask.crt" "$folder/clients/mask$mask.key" && is "$(stat -c %a "$folder/clients/mask$mask.pk8" "$folder/clients/mask$mask.tar" | tr "\n" " ")" "600 600 "'
done
ca issue client json --json
check "--json is one document with serial and strings" jq -e '.dry_run == false and (.certificates | length) == 1 and
    (.certificates[0] | .name == "json" and (.serial | test("^[0-9A-F]{34}$")) and (.files | length) == 2 and (.libpq | test("user=json")))' "$dir/said"

# --- names ------------------------------------------------------------------------------------------------

hostile=('../x' 'a/b' '.hidden' '*' 'a*' ' a' 'a ' $'a\nb' $'a\x1b[0m' $'a\x7f' $'a\u202eb' $'a\u200bb' $'\xff' $'\xc0\xaf' $'u\u0308'
    "$(printf 'a%.0s' {1..64})")
for name in "${hostile[@]}"; do
    refuses "the role $(printf %q "$name") is refused" 1 "nothing was issued" issue client "$name"
    refuses "the server $(printf %q "$name") is refused" 1 "nothing was issued" issue server -- "$name"
done
refuses "an empty name is refused" 1 "nothing was issued" issue client ''
refuses "a server that is no host, without one" 1 "neither a host name nor an address" issue server 'some cluster'
refuses "a SAN with an underscore" 1 "nothing was issued" issue server x.example.com --san a_b
refuses "a SAN of a client" 64 "--san is for one server" issue client x --san y
odd=("O'Brien" 'two words' $'j\u00fcrgen' 'a"b' 'x;y,z' 'back\slash' '%41' '-dash' '$(id)' "$(printf 'b%.0s' {1..63})" 'CN=x,O=y' '~' "a~2")
if ca issue client --output tar -- "${odd[@]}"; then
    ok "odd but harmless names are issued"
else
    not_ok "odd but harmless names are issued" "$(said)"
fi
odd_cns()
{
    local file
    for file in "$folder"/clients/*.crt; do
        openssl x509 -in "$file" -noout -subject -nameopt sep_multiline,utf8 | sed -n 's/^ *CN=//p'
    done
}
odd_cns >"$dir/cns"
check "each is a CN, octet for octet" eval 'for name in "${odd[@]}"; do grep -qxF -- "$name" "$dir/cns" || { echo "$name"; exit 1; }; done'
check "no name left the folder" is "$(find "$folder" -mindepth 2 -type d | wc -l)" 0

# --- rules of one CA ------------------------------------------------------------------------------------------

refuses "a second live certificate for a role" 1 "the role has" issue client app
refuses "also in another case" 1 "the role has" issue client APP
refuses "a client that is called as a server" 1 "PgBouncer would let a server in" issue client DB1.example.com
refuses "a server that is called as a client" 1 "is a login for the client certificate" issue server App
refuses "a server with a SAN that is a client" 1 "is a login for the client certificate" issue server db7.example.com --san app
refuses "a live server's place" 1 "its files would take the place of" issue server db1.example.com
makes "--second allows one more" issue client app --second
check "in a place of its own" eval 'test -f "$folder/clients/app~2.crt" && [ "$(serial "$folder/clients/app~2.crt")" != "$(serial "$client.crt")" ]'
check "the role's name is in both" eval '[ "$(openssl x509 -in "$folder/clients/app~2.crt" -noout -subject)" = "$(openssl x509 -in "$client.crt" -noout -subject)" ]'

# --- many -------------------------------------------------------------------------------------------------------

seq -f 'many%g' 450 >"$dir/many"
{ head -n 420 "$dir/many"; echo 'bad name '; echo '../y'; } >"$dir/faulty"
refuses "faults of a list have their lines" 1 "$dir/faulty:421: " issue client --from-file "$dir/faulty"
check "all of them" grep -qF "$dir/faulty:422: " "$dir/complained"
{ head -n 420 "$dir/many"; echo app; } >"$dir/taken"
refuses "a refusal in the last batch stops the first" 1 "$dir/taken:421: \"app\": the role has" issue client --from-file "$dir/taken"
printf 'x1\nX1\n' >"$dir/twice"
refuses "a name given twice" 1 "was named before, at $dir/twice:1" issue client --from-file "$dir/twice"
refuses "a list that is not there" 1 "cannot read" issue client --from-file "$dir/none"
makes "450 at once" issue client --from-file "$dir/many" --quiet
check "450 rows, and 900 files" eval '[ "$(rows "state = 1 AND name GLOB '\''many*'\''")" -eq 450 ] && [ "$(ls "$folder"/clients/many*.crt "$folder"/clients/many*.key | wc -l)" -eq 900 ]'
check "openssl takes the first and the last" openssl verify -x509_strict -purpose sslclient -CAfile "$folder/ca.crt" "$folder/clients/many1.crt" "$folder/clients/many450.crt"
check "no part is left" is "$(find "$folder" -name '*.part' | wc -l)" 0
ca issue client --from-file "$dir/taken" --keep-going
rc=$?
check "--keep-going leaves out what is refused, and exits 1" is "$rc" 1
printf 's1.example.com,192.0.2.11, s1\n# none\n\ns2.example.com\r\n' |
    timeout 300 "$PGSIGNET_BUILD/pgsignet-ca" issue server --config "$dir/ca.yaml" --dir "$folder" --from-file - -q
check "servers with SANs from standard input" is "$(extension "$folder/servers/s1.example.com.crt" subjectAltName)" \
    "DNS:s1.example.com, IP Address:192.0.2.11, DNS:s1"
printf 'ok1\n../z\nok2\n' >"$dir/some"
ca issue client --from-file "$dir/some" --keep-going
rc=$?
check "--keep-going passes over faulty lines" eval '[ $rc -eq 1 ] && test -f "$folder/clients/ok1.crt" && test -f "$folder/clients/ok2.crt"'
if start_slapd "$dir/slapd"; then
    cat >"$dir/ldap.yaml" <<END
ca: {audit: ""}
ldap: {uris: ["$SLAPD_LDAPS_URI"], ca_file: $SLAPD_CA, bind_dn: "$SLAPD_BIND_DN", bind_password_file: $SLAPD_BIND_PW_FILE,
  user_base: "ou=people,dc=example,dc=com", user_filter: "(uid=%u)"}
END
    timeout 300 "$PGSIGNET_BUILD/pgsignet-ca" issue client --config "$dir/ldap.yaml" --dir "$folder" \
        --ldap-group "cn=dba,ou=groups,dc=example,dc=com" >"$dir/said" 2>"$dir/complained"
    rc=$?
    check "the members of an LDAP group" eval '[ $rc -eq 0 ] && ls "$folder"/clients/{alice,bob,carol,erin}.crt || { said; exit 1; }'
    timeout 300 "$PGSIGNET_BUILD/pgsignet-ca" issue client --config "$dir/ldap.yaml" --dir "$folder" \
        --ldap-group "cn=nobody,ou=groups,dc=example,dc=com" >"$dir/said" 2>"$dir/complained"
    rc=$?
    check "a group that is not there is an error" eval '[ $rc -eq 1 ] && grep -q nobody "$dir/complained"'
    stop_slapd
    SLAPD_PID=
else
    not_ok "slapd starts"
fi

# --- places -------------------------------------------------------------------------------------------------------

mkdir "$dir/out" "$dir/elsewhere"
makes "--out writes elsewhere" issue client away --out "$dir/out/away" --output pk8
check "with its modes" eval 'modes "$dir/out/away.crt" "$dir/out/away.key" && same_key "$dir/out/away.crt" "$dir/out/away.key"'
check "the ledger does not remember where" is "$(sqlite3 "$folder/ledger.db" "SELECT path || '|' || has_key FROM certificate WHERE name = 'away'")" "|0"
makes "several go into a folder" issue client away2 away3 --out "$dir/out/"
check "named after them" ls "$dir/out/away2.key" "$dir/out/away3.key"
makes "one as well, with a slash or without" issue client away8 --out "$dir/out"
check "the files are in it, and not beside it" eval 'same_key "$dir/out/away8.crt" "$dir/out/away8.key" && ! test -e "$dir/out.crt"'
refuses "a file that is there stays" 1 "is there already" issue client away4 --out "$dir/out/away"
ln -s "$dir/elsewhere/x" "$dir/out/link.crt"
mkfifo "$dir/out/fifo.key"
refuses "a symbolic link is not followed" 1 "no regular file" issue client away5 --out "$dir/out/link"
check "nothing came where it leads" is "$(ls "$dir/elsewhere")" ""
refuses "a FIFO is not written to" 1 "no regular file" issue client away6 --out "$dir/out/fifo"
refuses "a folder that is not there" 1 "there is no folder" issue client away7 --out "$dir/none/x"
check "no part is left there" is "$(find "$dir/out" -name '*.part' | wc -l)" 0
refuses "a key is not printed" 64 "must be in a file" issue client x --out -
refuses "several need a folder" 64 "end it with" issue client x y --out "$dir/out/x"
ln -s "$dir/elsewhere/y" "$folder/clients/inside.crt"
refuses "a link in the CA's own folder" 1 "no regular file" issue client inside
rm "$folder/clients/inside.crt"
echo mine >"$folder/clients/foreign.key"
refuses "a file that the ledger does not know" 1 "is there already" issue client foreign
mv "$folder/servers" "$dir/elsewhere/servers"
ln -s "$dir/elsewhere/servers" "$folder/servers"
ca issue server linked.example.com
rc=$?
check "a folder that became a link is refused" eval '[ $rc -eq 1 ] && ! test -e "$dir/elsewhere/servers/linked.example.com.crt"'
check "and its serial is taken back" is "$(rows "name = 'linked.example.com' AND state <> 2")" 0
rm "$folder/servers" && mv "$dir/elsewhere/servers" "$folder/servers"

# --- dry runs, wrong use ---------------------------------------------------------------------------------------------

before=$(sum_of "$folder/ledger.db")
refuses "a dry run finds what is refused" 1 "the role has" issue client app --dry-run
ca issue client dry --dry-run --json
check "a dry run says what it would do" jq -e '.dry_run and .certificates[0].name == "dry" and (.certificates[0] | has("serial") | not)' "$dir/said"
ca renew app --dry-run
ca renew --all-due --window 3650d --dry-run
check "dry runs leave no file, and the ledger as it was" eval '! test -e "$folder/clients/dry.crt" && is "$(sum_of "$folder/ledger.db")" "$before"'
for wrong in "issue peer x" "issue client" "issue client x --from-file y" "issue server --ldap-group g" "issue client x --host a/b" \
    "issue client x --output zip" "issue client x --file-passphrase-file y" "renew" "renew x --all-due" "renew x --window 3d" "rekey x y --request z"; do
    # shellcheck disable=SC2086 # words
    refuses "wrong use: $wrong" 64 "" $wrong
done
refuses "a life that is too short is told what it may be" 64 "--lasts: must be from 1m to 36500d" issue client x --lasts 0d
refuses "a password on the command line is refused as in the file" 64 "--postgres: holds a password; put it in a file" \
    issue client x --postgres "host=db password=geheim"
refuses "in a URI too" 64 "--postgres: holds a password" issue client x --postgres "postgresql://ca:geheim@db/postgres"

# --- renew, rekey --------------------------------------------------------------------------------------------------------

ca issue client ann --output pk8,tar
ann=$folder/clients/ann
old=$(serial "$ann.crt") && cp "$ann.crt" "$dir/ann-old.crt" && sum_of "$ann.key" >"$dir/ann-key" && sum_of "$ann.tar" >"$dir/ann-tar"
makes "renew" renew ann
check "the key stays, the serial is new, and the bundle is made anew" eval \
    'is "$(sum_of "$ann.key")" "$(cat "$dir/ann-key")" && same_key "$ann.crt" "$ann.key" && [ "$(serial "$ann.crt")" != "$old" ] && [ "$(sum_of "$ann.tar")" != "$(cat "$dir/ann-tar")" ]'
check "the old one is still good" judged "$dir/ann-old.crt" sslclient "$folder/ca.crt"
check "and knows its successor" is "$(sqlite3 "$folder/ledger.db" "SELECT count(*) FROM certificate a JOIN certificate b ON a.replaced_by = b.id WHERE a.name = 'ann' AND b.name = 'ann'")" 1
makes "and again" renew ann
makes "rekey" rekey ann --algorithm p384
check "there is a new key, in each form" eval '[ "$(sum_of "$ann.key")" != "$(cat "$dir/ann-key")" ] && same_key "$ann.crt" "$ann.key" &&
    is "$(openssl pkey -inform DER -in "$ann.pk8" -pubout)" "$(openssl pkey -in "$ann.key" -pubout)" && tar -xOf "$ann.tar" ann/postgresql.key | cmp - "$ann.key"'
check "modes are right after it" modes "$ann.crt" "$ann.key"
makes "rekey keeps the kind of the key" rekey ann
check "P-384" eval 'grep -q secp384r1 <<<"$(openssl pkey -in "$ann.key" -noout -text)"'
refuses "what was replaced is not renewed" 1 "was replaced already" renew "$old"
makes "renew --revoke-old" renew ann --revoke-old
check "its predecessor is on the CRL" eval 'grep -q Superseded <<<"$(openssl crl -in "$folder/crl/ca.crl" -noout -text)"'
makes "a renewed server keeps its names and its place" renew db1.example.com
check "names, place" is "$(extension "$server.crt" subjectAltName)" \
    "DNS:db1.example.com, IP Address:192.0.2.1, DNS:db1, IP Address:2001:DB8:0:0:0:0:0:1"
refuses "a name that means two is asked back" 1 "name one by its serial" renew app
check "... with the serials" eval 'grep -qE "client $(serial "$client.crt") \(ends .*client $(serial "$folder/clients/app~2.crt") \(ends|client $(serial "$folder/clients/app~2.crt") \(ends .*client $(serial "$client.crt") \(ends" "$dir/complained"'
makes "each of two is renewed by its serial" renew "$(serial "$client.crt")" "$(serial "$folder/clients/app~2.crt")"
check "a .p12 that cannot be made is said" grep -qF "app.p12 keeps the certificate that was before" "$dir/complained"
refuses "what was given away needs a place" 1 "(--out PATH)" renew away
makes "and is renewed to one" renew away --out "$dir/out/away-new"
check "for the same key, which stays where it is" eval '! test -e "$dir/out/away-new.key" && same_key "$dir/out/away-new.crt" "$dir/out/away.key"'
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/new.key" 2>/dev/null
openssl req -new -key "$dir/new.key" -subj /CN=anybody -out "$dir/new.csr" 2>/dev/null
makes "rekey takes a key that was made elsewhere" rekey away --request "$dir/new.csr" --out "$dir/out/away-rekeyed"
check "for the old name" eval 'same_key "$dir/out/away-rekeyed.crt" "$dir/new.key" && grep -q "CN = away" <<<"$(openssl x509 -in "$dir/out/away-rekeyed.crt" -noout -subject)"'
refuses "another's key is refused" 1 "its key is that of" rekey ann --request "$dir/new.csr" --out "$dir/out/stolen"
refuses "a request for a key that is here" 1 "would not fit the key" rekey ann --request "$dir/new.csr"
openssl req -new -key "$ann.key" -subj /CN=ann -out "$dir/ann.csr" 2>/dev/null
refuses "the key that it has is no new key" 1 "the one that it had already" rekey ann --request "$dir/ann.csr" --out "$dir/out/ann-again"

# --- timers ---------------------------------------------------------------------------------------------------------------

folder=$dir/two
ca init --client-ca
ca issue client --from-file "$dir/many" --lasts 20d -q && ca issue server t.example.com -q && ca issue client away --lasts 2d --out "$dir/out/due" -q
makes "nothing is due within an hour" renew --all-due --window 1h
check "and that is said" grep -q 'Nothing is due' "$dir/said"
due() { ca renew --all-due --window 1d --jitter "$1" --dry-run --json && jq -r '.certificates[].name' "$dir/said" | sort >"$dir/due-$2"; }
due 30d a && due 30d b && due 40d c && due 60d d
# As time passes more become due, of 450 one in an hour or so; none ceases to be.
check "jitter makes the same ones due each time" eval '[ -z "$(comm -23 "$dir/due-a" "$dir/due-b")" ] && [ "$(comm -13 "$dir/due-a" "$dir/due-b" | wc -l)" -le 1 ]'
check "some of them, and more with more" eval '[ "$(wc -l <"$dir/due-a")" -gt 50 ] && [ "$(wc -l <"$dir/due-a")" -lt 400 ] && [ "$(wc -l <"$dir/due-c")" -lt "$(wc -l <"$dir/due-d")" ]'
makes "renew --all-due" renew --all-due --json
check "renews what ends within 30 days, and says what" jq -e '(.certificates | length) == 450' "$dir/said"
check "and what was given away, which it cannot" grep -q 'given away' "$dir/complained"
makes "once" renew --all-due --json
check "nothing is due after it" jq -e '.certificates == []' "$dir/said"

# --- a server that is down -------------------------------------------------------------------------------------------------

kept=$folder
folder=$dir/down
dead="host=127.0.0.1 port=1 dbname=postgres"
makes "another CA" init
makes "with a server" issue server db1.example.com --san db1
makes "and a client" issue client ann
makes "a server that does not answer does not end the renewal of one" renew db1.example.com --postgres "$dead"
check "but is said" grep -qF "cannot read the roles of PostgreSQL at 127.0.0.1 port 1" "$dir/complained"
makes "nor a new key" rekey db1.example.com --postgres "$dead"
makes "nor the timer's run" renew --all-due --window 1000d --postgres "$dead"
check "which renews servers and clients" is "$(rows "name = 'db1.example.com'") $(rows "name = 'ann'")" "4 2"
refuses "but a new host name is not signed then" 1 "could be a login" issue server db2.example.com --postgres "$dead"
refuses "not by leaving others out either" 1 "it is left out" issue server db2.example.com db3.example.com --keep-going --postgres "$dead"
sqlite3 "$folder/ledger.db" "UPDATE certificate SET sans = 'DNS:db1.example.com' WHERE sans LIKE '%DNS:db1.example.com%'"
rows_before=$(rows 'state = 1')
ca renew --all-due --window 1000d --postgres "$dead"
check "a successor with one host name more is left out, with exit 1" is "$? $(rows "name = 'db1.example.com'")" "1 4"
check "and the others are made" is "$(rows 'state = 1')" $((rows_before + 1))
folder=$kept

# --- two CAs -----------------------------------------------------------------------------------------------------------------

makes "beside a client CA, a client may be called as a server" issue client t.example.com
check "it is signed by the client CA" judged "$folder/clients/t.example.com.crt" sslclient "$folder/client-ca.crt"
check "and a server by the other" judged "$folder/server.crt" sslserver "$folder/ca.crt"
check "not the other way round" sh -c "! openssl verify -CAfile '$folder/ca.crt' '$folder/clients/t.example.com.crt' 2>/dev/null && ! openssl verify -CAfile '$folder/client-ca.crt' '$folder/server.crt' 2>/dev/null"
folder=$dir/three
ca init --intermediate
makes "below an intermediate CA" issue client deep --output p12,tar --file-passphrase-file "$dir/passphrase"
check "the file has the chain but the root" eval '[ "$(grep -c BEGIN "$folder/clients/deep.crt")" -eq 2 ] && openssl verify -x509_strict -purpose sslclient -CAfile "$folder/root.crt" -untrusted "$folder/clients/deep.crt" "$folder/clients/deep.crt"'

# --- drivers ---------------------------------------------------------------------------------------------------------------------

if command -v keytool >/dev/null; then
    check "Java reads the PKCS#12 file" eval 'grep -q "Certificate chain length: 3" <<<"$(keytool -list -v -keystore "$folder/clients/deep.p12" -storetype PKCS12 -storepass geheim 2>&1)"'
else
    skip "Java reads the PKCS#12 file" "no keytool"
fi
folder=$dir/two
if start_postgres "$dir"; then
    ca issue server localhost --san 127.0.0.1 --bundle
    ca issue client carol --host localhost --output pk8,tar --json
    tar -xf "$folder/servers/localhost.tar" -C "$dir"
    pg_sql 'CREATE ROLE carol LOGIN' >/dev/null
    pg_hba 'hostssl all all 127.0.0.1/32 cert'
    # as the README says
    sed -n 's/^    \(install .*\)/\1/p' "$dir/localhost/README.txt" | (cd "$dir/localhost" && PGDATA=$PG_DATA sh)
    sed -n 's/^    \(ssl.*\)/\1/p' "$dir/localhost/README.txt" >>"$PG_DATA/postgresql.conf"
    restart_postgres
    check "a server runs with what its bundle has, CRLs too" is "$(pg_sql 'SHOW ssl_ca_file') $(pg_sql 'SHOW ssl_crl_file') $(pg_sql 'SHOW ssl')" "ca.crt crl.pem on"
    conninfo="$(jq -r '.certificates[0].libpq' "$dir/said") hostaddr=127.0.0.1 port=$PG_PORT"
    check "psql logs in with the string that was printed" is "$(psql -XAtc 'SELECT current_user' "$conninfo" 2>&1)" carol
    check "and with the .pk8 as key" is "$(psql -XAtc 'SELECT current_user' "${conninfo/carol.key/carol.pk8}" 2>&1)" carol
    mkdir -p "$dir/home" && tar -xf "$folder/clients/carol.tar" -C "$dir/home" && mv "$dir/home/carol" "$dir/home/.postgresql"
    check "and from the bundle, where libpq looks" is "$(cd /tmp && runuser -u root -- env HOME="$dir/home" PGSSLCERT= psql -XAtc 'SELECT current_user' \
        "host=localhost hostaddr=127.0.0.1 port=$PG_PORT dbname=postgres user=carol sslmode=verify-full sslcert=$dir/home/.postgresql/postgresql.crt sslkey=$dir/home/.postgresql/postgresql.key sslrootcert=$dir/home/.postgresql/root.crt" 2>&1)" carol
    # Under one CA, roles of the server count too.
    folder=$dir/one
    pg_sql 'CREATE ROLE "Boss" LOGIN' >/dev/null
    refuses "a server that is called as a role of --postgres" 1 'is a login for the role "Boss"' \
        issue server boss --postgres "host=$PG_SOCKET_DIR port=$PG_PORT user=postgres dbname=postgres"
else
    not_ok "PostgreSQL starts"
fi
report_end
