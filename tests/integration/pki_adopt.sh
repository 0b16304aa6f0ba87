#!/usr/bin/env bash
# A CA that Pigsty or openssl made is taken over: a ledger of all that is there, what is wrong with it, nothing overwritten.
# time: 600
# shellcheck disable=SC2015,SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-adopt.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
cd "$work" || exit 1
printf 'ca: {audit: ""}\n' >ca.yaml

folder=pki
ca() { timeout 300 "$program" --config "$work/ca.yaml" --dir "$work/$folder" "$@" </dev/null; }
adopt() { timeout 300 "$program" --config "$work/ca.yaml" adopt "$work/$folder" "$@" </dev/null; }

# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}

# --- a tree as Pigsty's role `ca` and its playbooks leave it ---

# new_ca TREE DAYS [EXTENSIONS]: ca.key and ca.crt there
new_ca()
{
    openssl genrsa -out "$1/ca.key" 2048 2>/dev/null && chmod 600 "$1/ca.key"
    {
        printf '[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nO=pigsty\nOU=ca\nCN=pigsty-ca\n[v3]\nsubjectKeyIdentifier=hash\n'
        printf '%s\n' "${3:-$'basicConstraints=critical,CA:TRUE,pathlen:1\nkeyUsage=keyCertSign,cRLSign,digitalSignature'}"
    } >ca.cnf
    openssl req -x509 -new -key "$1/ca.key" -sha256 -days "$2" -config ca.cnf -out "$1/ca.crt"
}

# new_leaf CA FOLDER NAME KEY UNIT SAN DAYS [EKU]
new_leaf()
{
    [ -e "$2/$4.key" ] || { openssl genrsa -out "$2/$4.key" 2048 2>/dev/null && chmod 600 "$2/$4.key"; }
    printf 'subjectAltName=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n%s' "$6" "${8:+extendedKeyUsage=$8}" >leaf.ext
    openssl req -new -key "$2/$4.key" -subj "/O=pigsty/OU=$5/CN=$3" -out leaf.csr &&
        openssl x509 -req -in leaf.csr -CA "$1.crt" -CAkey "$1.key" -set_serial "0x$(openssl rand -hex 19 | sed 's/^./1/')" -days "$7" \
            -sha256 -extfile leaf.ext -out "$2/$3.crt" 2>/dev/null
}

pigsty()
{
    rm -rf "$folder"
    mkdir -p "$folder"/{ca,csr,pgsql,etcd,minio,mysql,kafka,infra,nginx,misc} && chmod 700 "$folder/ca"
    new_ca "$folder/ca" 36500
    local i
    for i in 1 2 3; do
        new_leaf "$folder/ca/ca" "$folder/pgsql" "pg-test-$i" pg-test postgres \
            "DNS:localhost,DNS:pg-test,DNS:pg-test-$i,IP:127.0.0.1,IP:10.10.10.1$i" 7300
        cp leaf.csr "$folder/csr/pg-test-$i.csr"
    done
    new_leaf "$folder/ca/ca" "$folder/etcd" etcd-1 etcd-1 etcd "IP:127.0.0.1,DNS:localhost,IP:10.10.10.10,DNS:etcd-1" 7300
    new_leaf "$folder/ca/ca" "$folder/misc" dbuser_dba dbuser_dba pigsty "DNS:localhost,IP:127.0.0.1" 7300
    chmod 600 "$folder/misc/dbuser_dba.crt"
    new_leaf "$folder/ca/ca" "$folder/kafka" kafka kafka kafka "DNS:localhost" 7300
    cat "$folder/kafka/kafka.crt" "$folder/kafka/kafka.key" >"$folder/kafka/kafka.pem"
    chmod 600 "$folder/kafka/kafka.pem"
    new_leaf "$folder/ca/ca" "$folder/nginx" pigsty pigsty nginx "DNS:h.pigsty" 397 serverAuth
    new_leaf "$folder/ca/ca" "$folder/misc" short short pigsty "DNS:localhost" 1
}

sums() { (cd "$folder" && find . -type f ! -name 'ledger.db*' ! -path './crl*' ! -name trust.crt ! -name client-trust.crt -printf '%p %m %u %g %T@\n' -exec sha256sum {} \; | sort); }
rows() { sqlite3 "$folder/ledger.db" "SELECT $1 FROM certificate ${2:-} ORDER BY path"; }

pigsty
sums >before
check "a dry run says it all, and changes nothing" eval '"$program" --json adopt --dry-run "$work/$folder" --config ca.yaml </dev/null >said 2>err &&
    jq -e ".dry_run and .certificates == 8" said && sums | cmp - before && [ ! -e $folder/ledger.db ] && [ "$(stat -c %a $folder)" = 755 ]'
check "a tree of Pigsty's is adopted" eval 'adopt --json >said 2>err || { cat err; false; }'
check "as one, with its layout" jq -e '.layout == "pigsty" and .certificates == 8 and .not_recorded == 0 and .of_other_cas == 0 and (.authorities | length == 1)' said
check "no file that was there has changed" eval 'sums | cmp - before'
check "the folder is its owner's alone from now on" eval '[ "$(stat -c %a $folder)" = 700 ]'
check "every certificate has its row, once, where it lies" eval '[ "$(rows path | tr "\n" " ")" = "etcd/etcd-1 kafka/kafka misc/dbuser_dba misc/short nginx/pigsty pgsql/pg-test-1 pgsql/pg-test-2 pgsql/pg-test-3 " ]'
check "with its kind, by EKU, names and place" eval '[ "$(rows kind | tr "\n" " ")" = "0 0 1 1 0 0 0 0 " ]'
check "a key is known where it is the certificate's own file" eval '[ "$(rows has_key | tr "\n" " ")" = "1 1 1 1 1 0 0 0 " ]'
found() { jq -r ".findings[] | select(.finding == \"$1\") | .object" said; }
check "findings: no EKU" eval '[ "$(found no-eku | wc -l)" -eq 7 ] && ! grep nginx <<<"$(found no-eku)"'
check "findings: 20-year leaves" eval '[ "$(found long-leaf | wc -l)" -eq 6 ]'
check "findings: a key that a whole cluster shares" eval 'grep -qx "pgsql/pg-test-1.crt" <<<"$(found shared-key)"'
check "findings: keyUsage of the CA is not critical" eval 'grep -qx "ca/ca.crt" <<<"$(found ca-key-usage)"'
list_of() { jq -r '.findings[] | select(.finding | IN("no-eku", "long-leaf", "ca-key-usage", "shared-key", "lint")) | "\(.finding) \(.text)"' | sort; }
check "check finds the same from then on" eval '[ "$(ca --json check | list_of)" = "$(list_of <said)" ]'
check "bundle, CRLs and ledger are there" eval 'cd $folder && ls trust.crt crl.pem crl/ca.crl ledger.db && cmp trust.crt ca/ca.crt'
check "what was adopted is still good under the CRL" openssl verify -crl_check_all -CAfile "$folder/trust.crt" -CRLfile "$folder/crl.pem" "$folder/pgsql/pg-test-1.crt"
check "the ledger is whole" ca events --verify

# --- it works on ---

judged() { openssl verify -crl_check_all -purpose "$1" -CAfile "$folder/trust.crt" -CRLfile "$folder/crl.pem" "$2"; }
check "the CA issues: misc/ for roles, pgsql/ for servers" eval 'ca --quiet issue client app && ca --quiet issue server pg-test-4 --san 10.10.10.14 &&
    judged sslclient $folder/misc/app.crt && judged sslserver $folder/pgsql/pg-test-4.crt'
check "an adopted one is revoked" eval 'ca --quiet revoke dbuser_dba --yes --no-publish && said=$(judged sslclient $folder/misc/dbuser_dba.crt 2>&1); grep -q revoked <<<"$said"'
check "an adopted one is renewed, with the EKU it lacked" eval 'ca --quiet renew etcd-1 && grep -q "TLS Web Server" <<<"$(openssl x509 -in $folder/etcd/etcd-1.crt -noout -ext extendedKeyUsage)" &&
    judged sslserver $folder/etcd/etcd-1.crt'
check "a member of a cluster gets a key of its own by rekey" eval 'ca --quiet rekey pg-test-1 && [ "$(stat -c %a $folder/pgsql/pg-test-1.key)" = 600 ] &&
    judged sslserver $folder/pgsql/pg-test-1.crt && ca --quiet renew pg-test-2 && [ ! -e $folder/pgsql/pg-test-2.key ]'
check "check no longer finds what was renewed or revoked, and a key that is shared still" eval 'ca --json check >said; [ "$(found no-eku | tr "\n" " ")" = "kafka/kafka.crt pgsql/pg-test-3.crt misc/short.crt " ] || { found no-eku; false; }
    [ "$(found shared-key | wc -l)" -eq 1 ]'
check "a role that has an adopted login gets no second one" fails "short" ca issue client SHORT
check "a CA that ends in 2126 does no harm" eval 'grep -q " 21[0-9][0-9] " <<<"$(openssl x509 -in $folder/ca/ca.crt -noout -enddate)" && ca --json list >/dev/null && ca crl --quiet'
check "a second adopt finds nothing to do" fails "ledger already" adopt

# --- CRLs that were there ---

folder=old
old_tree()
{
    rm -rf "$folder"
    mkdir -p "$folder/db"
    new_ca "$folder" 3650
    local name
    for name in kept gone held; do new_leaf "$folder/ca" "$folder" "$name" "$name" x "DNS:$name.example.com" 300 serverAuth,clientAuth; done
    : >"$folder/db/index.txt"
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s/db/index.txt\ncrlnumber=%s/db/crlnumber\ndefault_md=sha256\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n' \
        "$folder" "$folder" >crl.cnf
    echo 29 >"$folder/db/crlnumber"
    revoke_old() { openssl ca -config crl.cnf -cert "$folder/ca.crt" -keyfile "$folder/ca.key" -revoke "$1" "${@:2}" 2>/dev/null; }
    make_old() { openssl ca -config crl.cnf -cert "$folder/ca.crt" -keyfile "$folder/ca.key" -gencrl -crldays 30 -out "$1" 2>/dev/null; }
    make_old "$folder/first.crl"
    revoke_old "$folder/gone.crt" -crl_reason keyCompromise
    revoke_old "$folder/held.crt" -crl_hold holdInstructionNone
    make_old "$folder/second.crl"
    rm "$folder/gone.crt" "$folder/gone.key"
    rm -r "$folder/db"
}
old_tree
gone=$(openssl crl -in old/second.crl -noout -text | sed -n 's/^ *Serial Number: //p' | sort)
check "a tree in the style of /etc/pki is adopted, with its CRLs" eval 'adopt --json >said && jq -e ".layout == \"seed\" and .certificates == 3 and .revoked == 2" said'
check "what a CRL revoked stays revoked, its certificate found or not" eval '[ "$(openssl crl -in $folder/crl.pem -noout -text | sed -n "s/^ *Serial Number: //p" | sort)" = "$gone" ]'
check "with its reason and date" eval 'openssl crl -in $folder/crl.pem -noout -text >new.txt; openssl crl -in $folder/second.crl -noout -text >old.txt
    [ "$(grep "Revocation Date" new.txt | sort)" = "$(grep "Revocation Date" old.txt | sort)" ] && grep -q "Key Compromise" new.txt && grep -q "Certificate Hold" new.txt'
check "the numbers of CRLs go on" eval '[ "$(openssl crl -in $folder/crl.pem -noout -crlnumber)" = "crlNumber=0x2B" ]'
check "a hold of the old CRL is lifted" eval 'ca --quiet release held --no-publish && [ "$(openssl crl -in $folder/crl.pem -noout -text | grep -c "Serial Number")" -eq 1 ]'
check "the ledger is whole then, too" ca events --verify

# --- what an old CA gave out, and nobody would today ---

# signed NAME SERIAL [EXTENSIONS]
signed()
{
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/$1.key" 2>/dev/null && chmod 600 "$folder/$1.key"
    printf '%s\n' "${3:-extendedKeyUsage=clientAuth}" >leaf.ext
    openssl req -new -key "$folder/$1.key" -subj "/CN=$1" -out leaf.csr && openssl x509 -req -in leaf.csr -CA "$folder/ca.crt" \
        -CAkey "$folder/ca.key" -set_serial "$2" -days 100 -extfile leaf.ext -out "$folder/$1.crt" 2>/dev/null
}
folder=strange
mkdir strange && new_ca strange 3650
signed app 79 $'extendedKeyUsage=clientAuth\nsubjectAltName=DNS:boss' || not_ok "a client with a host name" ""
signed several 80 && openssl req -new -key strange/several.key -subj /CN=first/CN=second -out leaf.csr &&
    openssl x509 -req -in leaf.csr -CA strange/ca.crt -CAkey strange/ca.key -set_serial 80 -days 100 -extfile leaf.ext -out strange/several.crt 2>/dev/null ||
    not_ok "a client of two names" ""
signed zero 0 && signed long 0xffffffffffffffffffffffffffffffffffffff01 && signed minus -5 && signed one 77 && signed two 77 &&
    signed below 78 $'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign' || not_ok "a strange tree" ""
check "serial 0, 20 octets, a CA below: all can be adopted" eval 'adopt --json >said && jq -e ".certificates == 6 and .not_recorded == 2" said'
check "a host name in a client's certificate is a finding" eval 'jq -e ".findings | any(.object == \"app.crt\" and (.text | contains(\"client_names_a_host\")))" said'
check "and no name for another client" fails "PgBouncer would let another in as this role" ca issue client boss
check "of several CNs the first is the login" fails "the role has" ca issue client first
check "a CA below is a finding" eval '[ "$(found sub-ca)" = below.crt ]'
check "what cannot be in the ledger is one, too" eval '[ "$(found lint | grep -cE "^(minus|one|two).crt$")" -ge 2 ]'
for name in zero long; do
    check "\"$name\" is revoked" eval 'ca --quiet revoke "$folder/$name.crt" --no-publish && said=$(judged sslclient $folder/$name.crt 2>&1); grep -q "certificate revoked" <<<"$said" || { echo "$said"; false; }'
done
check "and CRLs go on" eval 'ca --quiet crl && ca --quiet crl --due && [ "$(openssl crl -in $folder/crl.pem -noout -text | grep -c "Serial Number")" -eq 2 ]'
check "a negative serial is said with its sign, and whose it is" fails "(serial -05) was signed by ca.crt" ca revoke "$folder/minus.crt"
check "of two with one serial it is said how to revoke them" eval 'for name in one two; do said=$(ca revoke "$folder/$name.crt" --dry-run 2>&1) || break; done; grep -q "name the serial, and both are meant" <<<"$said"'
check "which revokes both" eval 'ca --quiet revoke 4D --no-publish && for name in one two; do said=$(judged sslclient $folder/$name.crt 2>&1); grep -q "certificate revoked" <<<"$said" || exit 1; done'

check "check names the CA below, until it is revoked" eval 'ca --json check >said; grep -qx below.crt <<<"$(found sub-ca)" && ca --quiet revoke "$folder/below.crt" --yes --no-publish && ca --json check >said; [ -z "$(found sub-ca)" ]'

# --- what is no CA, or none that can be taken over ---

folder=old

# Another kind of key in ca.key: what a tool leaves that makes one where it was missing.
old_tree
openssl genrsa -out old/ca.key 2048 2>/dev/null
chmod 600 old/ca.key
sums >before
check "a key that is not the certificate's is refused, and nothing is made" eval 'fails "not the one" adopt && sums | cmp - before && [ ! -e old/ledger.db ]'
rm old/ca.key
check "and so is a missing one" eval 'fails "ca.key" adopt && [ ! -e old/ledger.db ]'
rm old/ca.crt
check "without ca.crt there is no CA" fails "ca.crt is missing" adopt
check "nor in a folder that is not there" eval 'folder=none; fails "No such file" adopt'
old_tree
echo something >old/trust.crt
check "a trust.crt that is something else is not overwritten" eval 'fails "trust.crt" adopt && [ "$(cat old/trust.crt)" = something ] && [ ! -e old/ledger.db ]'
old_tree
mv old real && ln -s real old
check "a symbolic link is not adopted" fails "symbolic link" adopt
rm old && mv real old
mkfifo old/fifo && ln -s /etc old/link && printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' >old/damaged.crt
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -subj /CN=other -days 3 -out old/other.crt 2>/dev/null
mkdir old/copies && cp old/kept.crt old/copies/server.crt
new_leaf old/ca old odd odd x DNS:odd.example.com 300 serverAuth,clientAuth && cp old/held.key old/odd.key
chmod 644 old/held.key
check "links, FIFOs, damaged and foreign certificates are left alone" eval 'adopt --json >said 2>err && jq -e ".of_other_cas == 1 and .certificates == 4" said && grep -q damaged err'
check "a key that does not fit, and one that others can read, are found" eval 'grep -qx odd.key <<<"$(found key-mismatch)" && grep -qx held.key <<<"$(found modes)"'
check "a certificate that lies there twice has one row" eval '[ "$(rows path "WHERE name = '"'kept'"'")" = kept ]'

# --- a CA of our own whose ledger is lost ---

folder=own
ca --quiet init --intermediate --client-ca && ca --quiet issue client app second && ca --quiet issue server db1.example.com &&
    ca --quiet revoke second --yes --no-publish || not_ok "a CA to lose" ""
number=$(openssl crl -in own/crl/client-ca.crl -noout -crlnumber)
rm own/ledger.db*
sums >before
check "a CA of ours that lost its ledger gets a new one" eval 'adopt --json >said && jq -e "(.authorities | map(.purpose) | join(\" \")) == \"root server client\" and .certificates == 3 and .revoked == 1 and (.findings | length == 0)" said'
check "its CRLs and bundles stay until the next ones" eval 'sums | cmp - before && [ "$(openssl crl -in own/crl/client-ca.crl -noout -crlnumber)" = "$number" ] && ca --quiet crl &&
    grep -q "Serial Number" <<<"$(openssl crl -in own/crl/client-ca.crl -noout -text)"'
check "and it works on" eval 'ca --quiet issue client third && openssl verify -x509_strict -crl_check_all -CAfile own/client-trust.crt -CRLfile own/crl.pem own/clients/third.crt &&
    ca --quiet renew app && ca --quiet rekey third && ca events --verify'

# --- a passphrase ---

folder=sealed
mkdir sealed && new_ca sealed 3650 && openssl pkcs8 -topk8 -in sealed/ca.key -out sealed/k -passout pass:secret -scrypt && mv sealed/k sealed/ca.key && chmod 600 sealed/ca.key
printf 'secret\n' >pass && chmod 600 pass
check "a sealed key is opened with its passphrase" eval 'fails "terminal" adopt && timeout 300 "$program" --config ca.yaml adopt sealed --passphrase-file pass </dev/null >/dev/null &&
    ca --quiet issue client app --passphrase-file pass'

# --- kill -9 ---

bad=
times=0
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    folder=old
    old_tree
    cp -a old pristine
    step=4
    [ -z "${PGSIGNET_SOAK-}" ] || step=1
    for call in renameat linkat unlinkat fsync fdatasync; do
        for ((n = 1; n < 40; n += step)); do
            rm -rf old && cp -a pristine old
            sums >before
            (exec 2>/dev/null; strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
                "$program" --config ca.yaml adopt old </dev/null >/dev/null; exit $?) 2>/dev/null && break
            times=$((times + 1))
            said=$(adopt 2>&1) || grep -q "ledger already" <<<"$said" || bad+="$call $n: $said"$'\n'
            ca --quiet issue client app 2>err || bad+="$call $n: no issue: $(cat err)"$'\n'
            rm -rf old/clients
            sums | cmp - before >/dev/null || bad+="$call $n: something that was there has changed"$'\n'
            [ "$(rows 'count(*)')" -eq 4 ] || bad+="$call $n: $(rows 'count(*)') rows"$'\n'
            [ -z "$(find old -name '*.part*')" ] || bad+="$call $n: $(find old -name '*.part*')"$'\n'
        done
    done
    if [ -z "$bad" ] && [ $times -gt 3 ]; then ok "killed at calls to the disk ($times times), the next adopt makes or finishes it"; else not_ok "killed at calls to the disk ($times times)" "$bad"; fi
else
    skip "kill at calls to the disk" "no strace, or it may not trace"
fi
report_end
