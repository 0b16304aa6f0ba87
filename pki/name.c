/* Names of roles, servers and CAs: what is fit to be one, how they are compared, and what their files are called. */
#include "config.h"

#include "pki/name.h"

#include "common/text.h"

#define WILDCARD "*."

static const char *const phrases[NAME_FLAWS] = {
    [NAME_EMPTY] = "is empty",
    [NAME_NOT_UTF8] = "is not UTF-8",
    [NAME_CONTROL] = "holds a control character",
    [NAME_INVISIBLE] = "holds a character that is not seen, or turns the direction of writing",
    [NAME_UNASSIGNED] = "holds a character that Unicode has not assigned",
    [NAME_STAR] = "holds \"*\", which PgBouncer takes for a wildcard",
    [NAME_SLASH] = "holds \"/\", and it becomes the name of a file",
    [NAME_BLANK_FIRST] = "begins with a blank",
    [NAME_BLANK_LAST] = "ends with a blank",
    [NAME_MARK_FIRST] = "begins with a mark that joins the character before it",
    [NAME_DOT_FIRST] = "begins with \".\", and it becomes the name of a file",
    [NAME_NOT_COMPOSED] = "is not in Unicode's normal form C",
};

/*
 * Unicode's Default_Ignorable_Code_Point and blanks that are drawn as nothing, as far as they are not of the
 * categories that is_invisible refuses anyway.
 */
static const struct {
    gunichar first, last;
} invisible[] = {
    {0x034f, 0x034f},   /* combining grapheme joiner */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian variation selectors */
    {0x2800, 0x2800},   /* Braille's blank */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xffa0, 0xffa0},   /* halfwidth Hangul filler */
    {0xe0000, 0xe0fff}, /* tags, variation selectors */
};

static bool is_invisible(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_FORMAT: /* bidi, zero-width, soft hyphen */
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return true;
    default:
        break;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invisible); i++)
        if (c >= invisible[i].first && c <= invisible[i].last)
            return true;
    return false;
}

static unsigned character_flaws(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
        return 1u << NAME_CONTROL;
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
        return is_invisible(c) ? 1u << NAME_INVISIBLE : 1u << NAME_UNASSIGNED;
    default:
        break;
    }
    if (is_invisible(c))
        return 1u << NAME_INVISIBLE;
    return c == '*' ? 1u << NAME_STAR : c == '/' ? 1u << NAME_SLASH : 0;
}

static bool is_mark(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return type == G_UNICODE_NON_SPACING_MARK || type == G_UNICODE_ENCLOSING_MARK ||
           type == G_UNICODE_SPACING_MARK;
}

static bool is_blank(gunichar c)
{
    return g_unichar_isspace(c) || g_unichar_type(c) == G_UNICODE_SPACE_SEPARATOR;
}

static bool is_composed(struct bytes name)
{
    char *composed = NULL;
    bool is;

    if (memchr(name.ptr, '\0', name.len) != NULL) /* GLib stops there; it is a flaw of its own */
        return true;
    composed = g_utf8_normalize((const char *)name.ptr, (gssize)name.len, G_NORMALIZE_NFC);
    is = composed != NULL && bytes_equal(bytes_str(composed), name);

    g_free(composed);
    return is;
}

unsigned name_flaws(struct bytes name)
{
    gunichar first = 0, last = 0;
    unsigned flaws = 0;

    if (name.len == 0)
        return 1u << NAME_EMPTY;
    if (!text_is_utf8(name))
        return 1u << NAME_NOT_UTF8;
    for (size_t at = 0; at < name.len;
         at += text_utf8_length(bytes_of(name.ptr + at, name.len - at))) {
        last = g_utf8_get_char((const char *)name.ptr + at);
        flaws |= character_flaws(last);
        if (at == 0)
            first = last;
    }
    flaws |= is_blank(first) ? 1u << NAME_BLANK_FIRST : 0;
    flaws |= is_blank(last) ? 1u << NAME_BLANK_LAST : 0;
    flaws |= is_mark(first) ? 1u << NAME_MARK_FIRST : 0;
    flaws |= first == '.' ? 1u << NAME_DOT_FIRST : 0;
    flaws |= is_composed(name) ? 0 : 1u << NAME_NOT_COMPOSED;
    return flaws;
}

static const char *text_fault(struct bytes name)
{
    unsigned flaws = name_flaws(name);

    for (size_t i = 0; i < NAME_FLAWS; i++)
        if ((flaws & 1u << i) != 0)
            return phrases[i];
    return NULL;
}

const char *name_role_fault(struct bytes name)
{
    if (name.len > NAME_ROLE_MAX)
        return "is longer than 63 bytes";
    return text_fault(name);
}

const char *name_common_fault(struct bytes name, bool wildcard)
{
    const size_t n = strlen(WILDCARD);

    if (name.len > NAME_ROLE_MAX)
        return "is longer than 63 bytes";
    if (wildcard && name.len >= n && memcmp(name.ptr, WILDCARD, n) == 0)
        return text_fault(bytes_of(name.ptr + n, name.len - n));
    return text_fault(name);
}

char *name_fold(struct bytes name)
{
    char *composed = NULL, *folded = NULL, *again = NULL;
    size_t len;

    if (!text_is_utf8(name) || (name.len > 0 && memchr(name.ptr, 0, name.len) != NULL))
        return NULL;
    composed = g_utf8_normalize(name.len > 0 ? (const char *)name.ptr : "", (gssize)name.len,
                                G_NORMALIZE_NFC);
    folded = composed != NULL ? g_utf8_casefold(composed, -1) : NULL;
    /* Folding can leave a letter and its mark apart. */
    again = folded != NULL ? g_utf8_normalize(folded, -1, G_NORMALIZE_NFC) : NULL;
    g_free(composed);
    g_free(folded);
    if (again != NULL) {
        len = strlen(again);
        if (len > 0 && again[len - 1] == '.')
            again[len - 1] = '\0';
    }
    return again;
}

/*
 * As tls_match_name of the libtls in PgBouncer (lib/usual/tls): the whole name, or "*." in place of its first label.  That
 * one wants two labels behind the star; here one is enough, for those who are more careless.
 */
bool name_covers(const char *dns_folded, const char *name_folded)
{
    const char *dot;

    if (strcmp(dns_folded, name_folded) == 0)
        return true;
    if (strncmp(dns_folded, WILDCARD, strlen(WILDCARD)) != 0)
        return false;
    dot = strchr(name_folded, '.');
    return dot != NULL && dot != name_folded && strcmp(dns_folded + 1, dot) == 0;
}

static void percent_encode(struct bytes text, const char *kept, GString *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (g_ascii_isalnum(c) || (c != '\0' && strchr(kept, c) != NULL))
            g_string_append_c(out, (char)c);
        else
            g_string_append_printf(out, "%%%02X", c);
    }
}

char *name_file(struct bytes name)
{
    GString *out = g_string_sized_new(name.len * 3 + 1);

    percent_encode(name, ".@+-_", out);
    return g_string_free(out, FALSE);
}

char *name_role_urn(struct bytes role)
{
    GString *out = g_string_new("urn:pgrole:");

    percent_encode(role, "-._~", out);
    return g_string_free(out, FALSE);
}
