#!/bin/sh
# man/pgsignet-mfa.8 and `pgsignet-mfa --help` name the same options and the same commands; every example
# of the page and of the guide is a command line that pgsignet-mfa understands.
set -eu
export LC_ALL=C
man=${srcdir:-.}/man/pgsignet-mfa.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "Store and keys:" and the like head lists of commands, two blanks deep
./pgsignet-mfa --help >"$work/overview"
sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$work/overview" | sort -u >"$work/help.commands"
while read -r command; do
    ./pgsignet-mfa "$command" --help >"$work/one"
    # Rows of the table may share a name, if no command knows both.
    twice=$(sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$work/one" | sort | uniq -d)
    [ -z "$twice" ] || { echo "$command knows $twice twice" >&2; exit 1; }
    cat "$work/one"
done <"$work/help.commands" >"$work/help"
grep -oE -- '--[a-z][a-z-]*' "$work/help" | sort -u >"$work/help.options"
# in the page: entries of the section OPTIONS
sed -n '/^\.SH OPTIONS/,/^\.SH EXIT/p' "$man" | sed 's/\\-/-/g; s/\\f.//g; s/^\.B //' |
    sed -n 's/^\(--[a-z][a-z-]*\).*/\1/p' | grep -v '^--$' | sort -u >"$work/man.options"
diff "$work/help.options" "$work/man.options"

sed -n '/^\.SH COMMANDS/,/^\.SH OPTIONS/p' "$man" | sed 's/\\f.//g; s/^\.B //' | grep -A1 '^\.TP' |
    sed -n 's/^\([a-z][a-z]*\).*/\1/p' | sort -u >"$work/man.commands"
diff "$work/help.commands" "$work/man.commands"
[ "$(wc -l <"$work/man.options")" -gt 5 ] && [ "$(wc -l <"$work/man.commands")" -gt 5 ]

# An example that is understood gets as far as the configuration, which is not there: 1, not 64.
{
    sed -n '/^\.SH EXAMPLES/,$p' "$man" | sed 's/\\-/-/g'
    cat "${srcdir:-.}/docs/mfa.md" "${srcdir:-.}/docs/enrolment.md"
} | sed -n 's/^  *sudo pgsignet-mfa \([a-z][^|<>]*\).*/\1/p' >"$work/examples"
[ "$(wc -l <"$work/examples")" -gt 40 ]
while read -r example; do
    eval "set -- $example"
    status=0
    ./pgsignet-mfa --config "$work/none" "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" -eq 1 ] || [ "$2" = --help ] || { echo "$example: $status"; cat "$work/said"; exit 1; }
done <"$work/examples"
