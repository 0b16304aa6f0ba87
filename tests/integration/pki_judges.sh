#!/usr/bin/env bash
# Eight judges pass all that pgsignet-ca makes, and refuse what was revoked: OpenSSL, GnuTLS, NSS, Java, Go, Node ...
# time: 600
# shellcheck disable=SC2016,SC2034,SC2317 # eval gets its text unexpanded
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"

build=${PGSIGNET_BUILD:-$here/../../build}
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-judges.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
: >manifest

# ca DIR ARGUMENT...
ca() {
    local dir=$work/$1
    shift
    [ -e "$dir.yaml" ] || printf 'ca: {dir: "%s", audit: "%s.jsonl"}\n' "$dir" "$dir" >"$dir.yaml"
    "$build/pgsignet-ca" --quiet --config "$dir.yaml" "$@"
}
# The certificate that a command with --json made.
made() { jq -er '.certificates[0].files[] | select(endswith(".crt"))'; }
# row LABEL CHAIN ROOT CRLS PURPOSE HOST EXPECTED: one line of what is judged.
row() { (IFS=$'\t' && printf '%s\n' "$*") >>manifest; }

# --- what is judged --------------------------------------------------------------------------------

# family DIR OPTION...: a CA with a server and a client, good and revoked ones.
family() {
    local dir=$1 root client_root kind name crt
    shift
    check "$dir: init $*" ca "$dir" init "$@"
    root=$(find "$work/$dir" -name root.crt)
    root=${root:-$(find "$work/$dir" -name ca.crt)}
    client_root=$(find "$work/$dir" -name client-ca.crt)
    for kind in server client; do
        for name in good revoked; do
            crt=$(ca "$dir" issue "$kind" "$name-$kind.example.com" --json | made) ||
                not_ok "$dir: issue $kind $name"
            [ "$name" = good ] || ca "$dir" revoke "$name-$kind.example.com" --reason superseded --no-publish --yes >/dev/null ||
                not_ok "$dir: revoke $crt"
            case $kind in client) from=${client_root:-$root} ;; *) from=$root ;; esac
            row "$dir: $name $kind" "$crt" "$from" "$work/$dir/crl.pem" "$kind" "$name-$kind.example.com" "$name"
        done
    done
}
family p256
family p384 --intermediate --client-ca --algorithm p384
family rsa3072 --layout pigsty --client-ca --algorithm rsa3072
family rsa4096 --algorithm rsa4096
family ed25519 --intermediate --algorithm ed25519

# leaf LABEL ALGORITHM: keys of every kind under one CA, made here; others come by requests.
for algorithm in p384 rsa3072 ed25519; do
    crt=$(ca p256 issue server "$algorithm.example.com" --algorithm "$algorithm" --json | made)
    row "a server's key of $algorithm" "$crt" "$work/p256/ca.crt" "$work/p256/crl.pem" server \
        "$algorithm.example.com" good
done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-521 -noenc -keyout p521.key -subj /CN=p521.example.com \
    -out p521.csr 2>/dev/null
openssl req -new -newkey rsa:2048 -noenc -keyout rsa2048.key -subj /CN=rsa2048.example.com -out rsa2048.csr 2>/dev/null
for name in p521 rsa2048; do
    check "sign $name" ca p256 sign server "$name.csr" --take-names --out "$work/$name"
    row "a server's key of $name, by a request" "$work/$name.crt" "$work/p256/ca.crt" "$work/p256/crl.pem" server \
        "$name.example.com" good
done
if crt=$(ca p256 renew good-client.example.com --json | made); then
    row "a renewed client" "$crt" "$work/p256/ca.crt" "$work/p256/crl.pem" client good-client.example.com good
else
    not_ok "renew a client"
fi
# One on hold, and one let go again.
for name in held released; do
    crt=$(ca p256 issue client "$name" --json | made)
    ca p256 revoke "$name" --reason certificateHold --no-publish --yes >/dev/null
    [ "$name" = held ] || ca p256 release "$name" --no-publish >/dev/null
    case $name in held) verdict=revoked ;; *) verdict=good ;; esac
    row "a client that is $name" "$crt" "$work/p256/ca.crt" "$work/p256/crl.pem" client "$name" "$verdict"
done

# A rotation: whoever trusts the old CA alone, or the new one alone, gets to the leaves of both.
# turn NAME: a server's certificate of this moment, kept with its key.
turn() {
    local crt
    crt=$(ca rotation issue server "$1.example.com" --json | made) || return
    cp "$crt" "$1.crt" && cp "${crt%.crt}.key" "$1.key"
}
turned() { # LEAF ROOT EXPECTED
    row "rotation: a leaf of $1 for who trusts the $2 CA" "$work/$1.crt" "$work/$2-root.crt" "$work/rotation/crl.pem" \
        server "$1.example.com" "$3"
}
check "rotation: init" ca rotation init
cp rotation/ca.crt old-root.crt
turn before
check "rotation: start" ca rotation rotate start
cp rotation/ca-g2.crt new-root.crt
turn between
check "rotation: issue" ca rotation rotate issue
turn after
turned before old good
turned between old good
turned between new good
turned after old good
turned after new good

# --- judges that are asked certificate by certificate ------------------------------------------------

openssl_says() { # CHAIN ROOT CRLS PURPOSE HOST
    local options=()
    [ "$4" = client ] || options=(-verify_hostname "$5")
    openssl verify -x509_strict -crl_check_all -purpose "ssl$4" -CAfile "$2" -CRLfile "$3" -untrusted "$1" \
        "${options[@]}" "$1" >said 2>&1 && echo good && return
    if grep -q 'certificate revoked' said; then echo revoked; else cat said; fi
}

gnutls_says() {
    local options=(--verify-purpose 1.3.6.1.5.5.7.3.2)
    [ "$4" = client ] || options=(--verify-purpose 1.3.6.1.5.5.7.3.1 --verify-hostname "$5")
    certtool --verify --load-ca-certificate "$2" --load-crl "$3" --infile "$1" "${options[@]}" >said 2>&1 &&
        echo good && return
    if grep -q 'certificate chain is revoked' said; then echo revoked; else cat said; fi
}

# pieces FILE PREFIX: each PEM block in a file of its own, PREFIX.1 ...
pieces() { awk -v prefix="$2" '/^-----BEGIN/ { n++ } { print >(prefix "." n) }' "$1"; }

# A database for each root, with all that a chain holds; the leaf's name is its label.
nss_says() {
    local db piece n=0
    db=sql:$work/nss-$(echo "$2$3" | sha256sum | cut -c 1-16)
    if [ ! -e "${db#sql:}" ]; then
        mkdir "${db#sql:}"
        certutil -N -d "$db" --empty-password
        certutil -A -d "$db" -n root -t CT,C, -i "$2"
    fi
    rm -f chain.* crls.*
    pieces "$1" chain
    for piece in chain.*; do
        n=$((n + 1))
        [ "$n" = 1 ] || certutil -A -d "$db" -n "ca $(sha256sum <"$piece")" -t ,, -i "$piece" 2>/dev/null
    done
    pieces "$3" crls
    for piece in crls.*; do
        openssl crl -in "$piece" -outform DER -out crl.der
        crlutil -I -d "$db" -t 1 -i crl.der >/dev/null 2>&1 # of the chain's CAs alone: others have no issuer here
    done
    certutil -A -d "$db" -n "$5" -t ,, -i chain.1
    certutil -V -d "$db" -n "$5" -e -u "$(if [ "$4" = client ]; then echo C; else echo V; fi)" >said 2>&1 &&
        echo good && return
    if grep -q 'has been revoked' said; then echo revoked; else cat said; fi
}

# each JUDGE: one line for each row of the manifest.
each() {
    local label chain root crls purpose host expected said
    while IFS=$'\t' read -r label chain root crls purpose host expected; do
        if [ "$1" = nss ] && [[ $label == ed25519:* || $label == *"key of ed25519" ]]; then
            skip "nss: $label" "NSS 3.87 does not know Ed25519"
            continue
        fi
        said=$("$1_says" "$chain" "$root" "$crls" "$purpose" "$host")
        if [ "$said" = "$expected" ]; then ok "$1: $label: $said"; else not_ok "$1: $label: not $expected" "$said"; fi
    done <manifest
}
# all NAME COMMAND...: a program that reads the manifest itself.
all() {
    local name=$1 verdict label said
    shift
    "$@" manifest >verdicts 2>errors || not_ok "$name ran to its end" "$(cat errors)"
    [ "$(wc -l <verdicts)" = "$(wc -l <manifest)" ] || not_ok "$name judged all" "$(cat errors)"
    while IFS=$'\t' read -r verdict label said; do
        if [ "$verdict" = ok ]; then ok "$name: $label: $said"; else not_ok "$name: $label" "$said"; fi
    done <verdicts
}

check "both good and revoked ones are judged, of servers and clients" eval '
    for kind in server client; do for verdict in good revoked; do
        [ "$(cut -f 5,7 manifest | grep -c "$kind.$verdict")" -ge 5 ] || exit 1
    done; done'
each openssl
each gnutls
check "gnutls: each CRL by itself, under its CA" eval '
    for crl in */crl/*.crl; do
        ca=$(find "${crl%%/*}" -name "$(basename "$crl" .crl).crt")
        certtool --verify-crl --load-ca-certificate "$ca" --infile "$crl" >said 2>&1 || { cat said; exit 1; }
    done; [ "$(ls */crl/*.crl | wc -l)" -ge 10 ]'
if command -v certutil >/dev/null && command -v crlutil >/dev/null; then
    each nss
else
    skip "NSS" "no certutil and crlutil here (libnss3-tools)"
fi

# calmed DER ENCODING...: where the text of the encoding shows what is random (keys, their ids, signatures), DER gets bytes
# that say nothing: dumpasn1 takes what looks like an encoding for one, and one key id in 2,000 does.
calmed() {
    local der=$1
    shift
    "$@" -inform DER -in "$der" -noout -text | python3 -c '
import re, sys
der = open(sys.argv[1], "rb").read()
text = re.sub(r":\s*\n\s*", ":", sys.stdin.read())
for octets in re.findall("(?:[0-9A-Fa-f]{2}:){9,}[0-9A-Fa-f]{2}", text):
    octets = bytes.fromhex(octets.replace(":", ""))
    der = der.replace(octets, b"\1" * len(octets))
open(sys.argv[1], "wb").write(der)' "$der"
}

if command -v dumpasn1 >/dev/null; then
    n=0
    mkdir der
    while read -r file; do
        pieces "$file" der/pem
        for piece in der/pem.*; do
            n=$((n + 1))
            case $(head -n 1 "$piece") in
                *CERTIFICATE-*) openssl x509 -in "$piece" -outform DER -out "der/$n.der" && calmed "der/$n.der" openssl x509 ;;
                *CRL-*) openssl crl -in "$piece" -outform DER -out "der/$n.der" && calmed "der/$n.der" openssl crl ;;
            esac
            rm "$piece"
        done
    done < <(cut -f 2-4 manifest | tr '\t' '\n' | sort -u)
    check "dumpasn1: no warnings and no errors in $n encodings" eval '
        for der in der/*.der; do
            dumpasn1 -a "$der" >said 2>&1; grep -q "^0 warnings, 0 errors" said || { tail -n 5 said; exit 1; }
        done; [ '"$n"' -ge 40 ]'
else
    skip "dumpasn1" "not installed"
fi

# --- judges that are programs ------------------------------------------------------------------------

# The machine's own Python may have another python3-cryptography than Debian's.
for python in /usr/bin/python3 python3; do
    version=$("$python" -c 'import cryptography; print(cryptography.__version__)' 2>/dev/null)
    if [ -z "$version" ]; then
        skip "python3-cryptography of $python" "not installed"
    elif [ "$version" != "${judged-}" ]; then
        all "python3-cryptography $version" "$python" -W ignore "$here/pki_judges/judge.py"
        judged=$version
    fi
done
if command -v java >/dev/null && command -v javac >/dev/null; then
    all java java -XX:TieredStopAtLevel=1 "$here/pki_judges/Judge.java"
else
    skip "Java" "no java with a compiler here"
fi
if command -v go >/dev/null; then
    cp "$here/pki_judges/judge.go" .
    check "go: builds" env GOCACHE="$work/go" HOME="$work" GO111MODULE=off go build -o judge judge.go
    all go ./judge
else
    skip "Go" "no go here"
fi
if command -v node >/dev/null; then
    all node node "$here/pki_judges/judge.mjs"
else
    skip "Node" "no node here"
fi

report_end
