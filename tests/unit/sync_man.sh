#!/bin/sh
# man/pgsignet-ldap-sync.8, docs/ldap_sync.md and `pgsignet-ldap-sync --help` name the same options,
# commands, guards and exit codes; every example is a command line that the program understands.
set -eu
export LC_ALL=C
man=${srcdir:-.}/man/pgsignet-ldap-sync.8
guide=${srcdir:-.}/docs/ldap_sync.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

./pgsignet-ldap-sync --help >"$work/overview"
sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' "$work/overview" | sort -u >"$work/help.commands"
while read -r command; do
    ./pgsignet-ldap-sync "$command" --help
done <"$work/help.commands" >"$work/help"
cat "$work/overview" "$work/help" | grep -oE -- '--[a-z][a-z-]*' | sort -u >"$work/help.options"
sed -n '/^\.SH OPTIONS/,/^\.SH GUARDS/p' "$man" | sed 's/\\-/-/g; s/\\f.//g' |
    sed -n 's/^\.B[IR]* \(-. ", " \)*\(--[a-z][a-z-]*\).*/\2/p' | sort -u >"$work/man.options"
diff "$work/help.options" "$work/man.options"

sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$man" | sed 's/\\f.//g; s/^\.B //' | grep -A1 '^\.TP' |
    sed -n 's/^\([a-z][a-z]*\).*/\1/p' | sort -u >"$work/man.commands"
diff "$work/help.commands" "$work/man.commands"
[ "$(wc -l <"$work/man.options")" -gt 10 ] && [ "$(wc -l <"$work/man.commands")" -gt 3 ]

# "10 empty, 11 incomplete, ..." of the help; "(10)" behind ".B empty" in the page; rows of the guide
sed -n 's/^a guard that struck: \(.*\)\.$/\1/p' "$work/overview" | tr ',' '\n' | sed 's/^ *//' |
    sort >"$work/help.guards"
sed -n '/^\.SH GUARDS/,/^\.SH EXIT/p' "$man" | grep -A1 '^\.B ' | paste -sd ' ' | sed 's/ -- /\n/g' |
    sed -n 's/^.*\.B \([a-z]*\) (\([0-9]*\)).*/\2 \1/p' | sort >"$work/man.guards"
diff "$work/help.guards" "$work/man.guards"
sed -n 's/^| `\([a-z]*\)` | \([0-9][0-9]\) |.*/\2 \1/p' "$guide" | sort >"$work/guide.guards"
diff "$work/help.guards" "$work/guide.guards"
[ "$(wc -l <"$work/help.guards")" -ge 7 ]

# An example that is understood gets as far as the configuration, which is not there: 1, not 64.
{
    sed -n '/^\.SH EXAMPLES/,$p' "$man" | sed 's/\\-/-/g'
    cat "$guide"
} | sed -n 's/^  *sudo -u [a-z-]* pgsignet-ldap-sync \([a-z-][^|<>#]*\).*/\1/p' >"$work/examples"
[ "$(wc -l <"$work/examples")" -gt 10 ]
while read -r example; do
    example=$(printf '%s\n' "$example" | sed 's/--config [^ ]*//')
    eval "set -- $example"
    status=0
    ./pgsignet-ldap-sync --config "$work/none" "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" -eq 1 ] || { echo "$example: $status"; cat "$work/said"; exit 1; }
done <"$work/examples"
