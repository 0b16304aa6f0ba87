#!/usr/bin/env bash
# A server and a role of one name: revoke and release do not take one for the other, and say what to write.
# time: 600
# shellcheck disable=SC2015,SC2016,SC2034 # eval gets its text unexpanded
set -uo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/integration/report.sh
. "$here/report.sh"
program=$(readlink -f "${PGSIGNET_BUILD:-${here%/tests/integration}/build}/pgsignet-ca")
work=$(mktemp -d "${TMPDIR:-/tmp}/pki-twins.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
umask 022
cd "$work" || exit 1
printf 'ca: {audit: "", dir: %s/ca}\n' "$work" >ca.yaml

ca() { timeout 60 "$program" --config ca.yaml "$@" </dev/null; }
# fails WORDS COMMAND...: exits with 1 and says WORDS
fails()
{
    local words=$1 status=0 said
    shift
    said=$("$@" 2>&1) || status=$?
    [ "$status" -eq 1 ] && grep -qF -- "$words" <<<"$said" || { echo "exit $status: $said"; return 1; }
}
serial_of() { ca --json list --all --name twin >list && jq -r "[.certificates[] | select(.kind == \"$1\")] | last | .serial" list; }
# states SERVER CLIENT: how many of twin's certificates of each kind are revoked
states()
{
    ca --json list --all --name twin >list || return 1
    [ "$(jq -r '[.certificates[] | select(.kind == "server" and (.state | IN("revoked", "hold")))] | length' list) $(
        jq -r '[.certificates[] | select(.kind == "client" and (.state | IN("revoked", "hold")))] | length' list)" = "$1 $2" ] || { cat list; return 1; }
}

ca --quiet init --client-ca && ca --quiet issue server twin --san twin.example.com && ca --quiet issue client twin || exit 1
server=$(serial_of server)
client=$(serial_of client)

check "a name alone is refused where a server and a client have it" fails 'say which with --server or --client' ca revoke twin --no-publish
check "both serials are said" eval 'said=$(ca revoke twin --no-publish 2>&1); grep -q "$server" <<<"$said" && grep -q "$client" <<<"$said"'
check "a dry run says so too" fails 'say which' ca revoke twin --dry-run
check "nothing was changed" states 0 0
check "a serial of the other kind than was said is refused" fails 'and --client was given' ca revoke "$server" --client --no-publish
check "--client holds the client alone" eval 'ca --quiet revoke twin --client --reason certificateHold --no-publish && states 0 1'
check "the same command again does not take the server" eval 'ca --quiet revoke twin --client --reason certificateHold --no-publish && states 0 1'
check "nor does it without --client" eval 'fails "say which" ca revoke twin --no-publish && states 0 1'
check "release needs no word where one alone is held" eval 'ca --quiet release twin --no-publish && states 0 0'
check "--server revokes the server alone" eval 'ca --quiet revoke twin --server --no-publish && states 1 0'
check "a new server of that name is not taken for the client" eval 'ca --quiet issue server twin --san twin.example.com && fails "say which" ca revoke twin --no-publish'
check "both words mean both" eval 'ca --quiet revoke twin --server --client --reason certificateHold --no-publish && states 2 1'
check "of two that are held release asks as well" eval 'fails "say which" ca release twin --no-publish && states 2 1'
check "and lifts the one that is said" eval 'ca --quiet release twin --client --no-publish && states 2 0'
check "a serial needs no word" eval 'ca --quiet revoke "$client" --no-publish && states 2 1'
check "where all is revoked, a name makes CRL and proof anew for both" eval 'ca --quiet release twin --server --no-publish &&
    ca --quiet revoke twin --server --client --no-publish && ca --json revoke twin --no-publish >said && jq -e "[.revoked[].already] | all and length == 3" said'
ca --quiet issue client alone || exit 1
check "a client is not found as a server" fails 'and --server was given' ca revoke alone --server --no-publish
check "a name of one kind needs no word" ca --quiet revoke alone --no-publish
report_end
