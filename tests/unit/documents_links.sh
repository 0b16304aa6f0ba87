#!/bin/sh
# README.md and docs/*.md: each link leads to a file, and to a heading of it; the rows of a table have equally many cells; files of
# the tree named in backquotes are there.
set -eu
export LC_ALL=C.UTF-8
cd "${srcdir:-.}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Headings as a code host makes anchors of them: small letters, no punctuation, blanks become hyphens.
for page in README.md docs/*.md; do
    awk -v page="$page" '
        /^```/ { code = !code }
        code || !/^#+ / { next }
        {
            sub(/^#+ */, "")
            text = tolower($0)
            gsub(/[^a-z0-9_ -]/, "", text)
            gsub(/ /, "-", text)
            print page "#" text
        }' "$page"
done >"$work/anchors"

for page in README.md docs/*.md; do
    awk -v page="$page" '
        /^```/ { code = !code }
        code { next }
        {
            line = $0
            while (match(line, /\]\([^)]+\)/)) {
                print page "\t" NR "\tlink\t" substr(line, RSTART + 2, RLENGTH - 3)
                line = substr(line, RSTART + RLENGTH)
            }
            line = $0
            while (match(line, /`(authd|common|docs|examples|ldap_sync|man|mfa|pam_module|pki|systemd|tests)\/[A-Za-z0-9_.\/-]+`/)) {
                print page "\t" NR "\tpath\t" substr(line, RSTART + 1, RLENGTH - 2)
                line = substr(line, RSTART + RLENGTH)
            }
        }
        # A bar behind a backslash is text. Drawings are indented.
        /^ ? ? ?\|/ {
            row = $0
            gsub(/\\\|/, "", row)
            cells = gsub(/\|/, "|", row)
            if (before && cells != before)
                print page "\t" NR "\trow\t" cells " bars, the row above has " before
            before = cells
            next
        }
        { before = 0 }' "$page"
done >"$work/found"
[ "$(grep -c '	link	' "$work/found")" -gt 60 ] && [ "$(grep -c '	path	' "$work/found")" -gt 10 ]

faults=0
fault()
{
    echo "$*"
    faults=$((faults + 1))
}

while IFS='	' read -r page line kind what; do
    case $kind in
        row) fault "$page:$line: $what" ;;
        path) [ -e "$what" ] || fault "$page:$line: there is no $what" ;;
        link)
            case $what in
                http*) continue ;;
                '#'*) file=$page ;;
                *) file=$(dirname "$page")/${what%%#*} ;;
            esac
            file=${file#./}
            case $file in docs/../*) file=${file#docs/../} ;; esac
            if [ ! -e "$file" ]; then
                fault "$page:$line: $what leads nowhere"
            elif [ "$what" != "${what#*#}" ] && ! grep -qxF "$file#${what#*#}" "$work/anchors"; then
                fault "$page:$line: $file has no heading ${what#*#}"
            fi
            ;;
    esac
done <"$work/found"
[ "$faults" -eq 0 ]
