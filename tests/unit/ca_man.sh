#!/bin/sh
# man/pgsignet-ca.8, docs/pki.md and `pgsignet-ca --help` name the same commands and options; every example is a command line
# that the program understands.
set -eu
export LC_ALL=C
man=${srcdir:-.}/man/pgsignet-ca.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

./pgsignet-ca --help >"$work/overview"
sed -n '1,/^Options of all/s/^  \([a-z][a-z]*\)  .*/\1/p' "$work/overview" | sort -u >"$work/help.commands"
while read -r command; do
    ./pgsignet-ca "$command" --help
done <"$work/help.commands" >"$work/help"
cat "$work/overview" "$work/help" | sed -n 's/^  \(-., \)*\(--[a-z][a-z0-9-]*\).*/\2/p' | sort -u >"$work/help.options"
sed -n '/^\.SH OPTIONS/,/^\.SH PASSPHRASES/p' "$man" | sed 's/\\-/-/g; s/\\f.//g' |
    sed -n 's/^\.B[IR]* \(-. ", " \|-. " [A-Z]*, " \)*\(--[a-z][a-z0-9-]*\).*/\2/p' | sort -u >"$work/man.options"
diff "$work/help.options" "$work/man.options"

sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$man" | sed 's/\\f.//g; s/^\.B //' | grep -A1 '^\.TP' |
    sed -n 's/^\([a-z][a-z]*\).*/\1/p' | sort -u >"$work/man.commands"
diff "$work/help.commands" "$work/man.commands"
[ "$(wc -l <"$work/man.options")" -gt 40 ] && [ "$(wc -l <"$work/man.commands")" -gt 15 ]

# An example that is understood gets as far as the configuration, which is not there: 1, not 64.
{
    sed -n '/^\.SH EXAMPLES/,$p' "$man" | sed 's/\\-/-/g'
    cat "${srcdir:-.}/docs/pki.md"
} | sed -n 's/^  *sudo pgsignet-ca \([a-z-][^|<>#]*\).*/\1/p' >"$work/examples"
[ "$(wc -l <"$work/examples")" -gt 20 ]
while read -r example; do
    eval "set -- $example"
    status=0
    ./pgsignet-ca --config "$work/none" "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" -eq 1 ] || { echo "$example: $status"; cat "$work/said"; exit 1; }
done <"$work/examples"
