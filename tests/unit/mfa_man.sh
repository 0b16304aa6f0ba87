#!/bin/sh
# man/pgsignet-mfa.8 and `pgsignet-mfa --help` name the same options and the same commands.
set -eu
export LC_ALL=C
man=${srcdir:-.}/man/pgsignet-mfa.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

./pgsignet-mfa --help >"$work/help"
grep -oE -- '--[a-z][a-z-]*' "$work/help" | sort -u >"$work/help.options"
# in the page: entries of the section OPTIONS
sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' "$man" | sed 's/\\-/-/g; s/\\f.//g; s/^\.B //' |
    sed -n 's/^\(--[a-z][a-z-]*\).*/\1/p' | grep -v '^--$' | sort -u >"$work/man.options"
diff "$work/help.options" "$work/man.options"

sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$work/help" | sort -u >"$work/help.commands"
sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$man" | sed 's/\\f.//g; s/^\.B //' | grep -A1 '^\.TP' |
    sed -n 's/^\([a-z][a-z]*\).*/\1/p' | sort -u >"$work/man.commands"
diff "$work/help.commands" "$work/man.commands"
[ "$(wc -l <"$work/man.options")" -gt 5 ] && [ "$(wc -l <"$work/man.commands")" -gt 5 ]
