#include "config.h"

#include "common/ldap_dn.h"

#include "common/bytes.h"
#include "common/ldap_escape.h"
#include "common/ldap_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include <ldap.h>

/* RFC 4519 names that mean the same type; RFC 4514 section 3 requires the short ones only. */
static const struct {
    const char *name, *alias, *oid;
} types[] = {
    {"cn",     "commonname",             "2.5.4.3"                   },
    {"sn",     "surname",                "2.5.4.4"                   },
    {"c",      "countryname",            "2.5.4.6"                   },
    {"l",      "localityname",           "2.5.4.7"                   },
    {"st",     "stateorprovincename",    "2.5.4.8"                   },
    {"street", "streetaddress",          "2.5.4.9"                   },
    {"o",      "organizationname",       "2.5.4.10"                  },
    {"ou",     "organizationalunitname", "2.5.4.11"                  },
    {"uid",    "userid",                 "0.9.2342.19200300.100.1.1" },
    {"dc",     "domaincomponent",        "0.9.2342.19200300.100.1.25"},
};

#define ALIAS_SHORTEST 6 /* bytes of "userid" */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* An attribute type in lower case, by its short name if it has one. */
static char *normal_type(struct berval type)
{
    char *text = strndup(type.bv_val, type.bv_len);
    size_t i;

    if (text == NULL)
        return NULL;
    for (i = 0; text[i] != '\0'; i++)
        text[i] = lower(text[i]);
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(text, types[i].alias) != 0 && strcmp(text, types[i].oid) != 0)
            continue;
        free(text);
        return strdup(types[i].name);
    }
    return text;
}

static char *normal_value(struct berval value)
{
    char *plain = malloc(value.bv_len + 1), *escaped;
    size_t i, n = 0;

    if (plain == NULL)
        return NULL;
    for (i = 0; i < value.bv_len; i++) {
        char c = lower(value.bv_val[i]);

        if (c == ' ' && (n == 0 || plain[n - 1] == ' '))
            continue;
        plain[n++] = c;
    }
    if (n > 0 && plain[n - 1] == ' ')
        n--;
    escaped = ldapc_dn_escape(bytes_of(plain, n));
    free(plain);
    return escaped;
}

/* One "type=value"; a value given as #hex keeps a mark, for it is BER and not a string. */
static char *normal_ava(const LDAPAVA *ava)
{
    char *type = normal_type(ava->la_attr), *value = normal_value(ava->la_value), *out = NULL;

    if (type != NULL && value != NULL &&
        asprintf(&out, "%s=%s%s", type, (ava->la_flags & LDAP_AVA_BINARY) ? "#" : "", value) < 0)
        out = NULL;
    free(type);
    free(value);
    return out;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Writes "a=x+b=y" with the parts in order. */
static bool write_rdn(FILE *stream, LDAPRDN rdn)
{
    char **parts;
    size_t n = 0, i;
    bool good = true;

    while (rdn[n] != NULL)
        n++;
    parts = calloc(n + 1, sizeof *parts);
    if (parts == NULL)
        return false;
    for (i = 0; i < n; i++) {
        parts[i] = normal_ava(rdn[i]);
        good = good && parts[i] != NULL;
    }
    if (good) {
        qsort(parts, n, sizeof *parts, compare_strings);
        for (i = 0; i < n; i++)
            fprintf(stream, "%s%s", i > 0 ? "+" : "", parts[i]);
    }
    for (i = 0; i < n; i++)
        free(parts[i]);
    free(parts);
    return good;
}

char *ldapc_dn_normalise(const char *text)
{
    LDAPDN dn = NULL;
    FILE *stream = NULL;
    char *out = NULL;
    size_t size = 0, i;
    bool good = false;

    ldapc_prepare();
    if (strnlen(text, LDAPC_DN_MAX + 1) > LDAPC_DN_MAX)
        return NULL;
    if (ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || dn == NULL)
        goto out;
    stream = open_memstream(&out, &size);
    if (stream == NULL)
        goto out;
    good = dn[0] != NULL;
    for (i = 0; good && dn[i] != NULL; i++) {
        if (i > 0)
            fputc(',', stream);
        good = write_rdn(stream, dn[i]);
    }
    good = good && ferror(stream) == 0;
out:
    /* A failed flush is the same as short memory. */
    if (stream != NULL && fclose(stream) != 0)
        good = false;
    if (dn != NULL)
        ldap_dnfree(dn);
    if (!good) {
        free(out);
        out = NULL;
    }
    return out;
}

/* What a byte of a value is to the fast way, which takes none that means something to a parser of DNs. */
enum value_byte { BYTE_SPECIAL, BYTE_ESCAPED, BYTE_LITERAL, BYTE_UPPER, BYTE_BLANK };
static const uint8_t value_bytes[256] = {
    ['!'] = BYTE_ESCAPED,         ['$'] = BYTE_ESCAPED,         ['%'] = BYTE_ESCAPED,
    ['&'] = BYTE_ESCAPED,         ['\''] = BYTE_ESCAPED,        ['('] = BYTE_ESCAPED,
    [')'] = BYTE_ESCAPED,         ['*'] = BYTE_ESCAPED,         ['/'] = BYTE_ESCAPED,
    [':'] = BYTE_ESCAPED,         ['?'] = BYTE_ESCAPED,         ['['] = BYTE_ESCAPED,
    [']'] = BYTE_ESCAPED,         ['^'] = BYTE_ESCAPED,         ['`'] = BYTE_ESCAPED,
    ['{'] = BYTE_ESCAPED,         ['|'] = BYTE_ESCAPED,         ['}'] = BYTE_ESCAPED,
    ['~'] = BYTE_ESCAPED,         [0x80 ... 0xff] = BYTE_ESCAPED, ['a' ... 'z'] = BYTE_LITERAL,
    ['0' ... '9'] = BYTE_LITERAL, ['-'] = BYTE_LITERAL,         ['_'] = BYTE_LITERAL,
    ['.'] = BYTE_LITERAL,         ['@'] = BYTE_LITERAL,         ['A' ... 'Z'] = BYTE_UPPER,
    [' '] = BYTE_BLANK,
};

/* The type in lower case, without its '='; 0 when it is not a plain word, or has a shorter name. */
static size_t plain_type(const char *text, size_t len, char *out)
{
    size_t n = 0;

    while (n < len && n < LDAPC_RDN_MAX / 4 && text[n] != '=') {
        char c = lower(text[n]);

        if (!(c >= 'a' && c <= 'z') && !(n > 0 && ((c >= '0' && c <= '9') || c == '-')))
            return 0;
        out[n++] = c;
    }
    if (n == len || text[n] != '=')
        return 0;
    for (size_t i = 0; n >= ALIAS_SHORTEST && i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i].alias) == n && memcmp(types[i].alias, out, n) == 0)
            return 0;
    return n;
}

size_t ldapc_rdn_plain(const char *text, size_t len, char out[LDAPC_RDN_MAX], size_t *out_len)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = plain_type(text, len, out), at = n + 1, begin = at;

    if (n == 0)
        return 0;
    out[n++] = '=';
    *out_len = n;
    for (; at < len && text[at] != ','; at++) {
        unsigned char c = (unsigned char)text[at];

        if (n + 4 > LDAPC_RDN_MAX)
            return 0;
        switch (value_bytes[c]) {
        case BYTE_LITERAL:
            out[n++] = (char)c;
            break;
        case BYTE_UPPER:
            out[n++] = lower((char)c);
            break;
        case BYTE_BLANK:
            if (n > *out_len && out[n - 1] != ' ')
                out[n++] = ' ';
            break;
        case BYTE_ESCAPED:
            out[n++] = '\\';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
            break;
        default:
            return 0;
        }
    }
    if (out[n - 1] == ' ')
        n--;
    /* What libldap makes of a value that is empty is left to it. */
    if (n == *out_len || at == begin)
        return 0;
    out[n] = '\0';
    *out_len = n;
    return at;
}

char *ldapc_rdn_first(const char *text)
{
    LDAPDN dn = NULL;
    char *raw = NULL, *out = NULL;

    ldapc_prepare();
    if (strnlen(text, LDAPC_DN_MAX + 1) <= LDAPC_DN_MAX &&
        ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && dn != NULL &&
        dn[0] != NULL && ldap_rdn2str(dn[0], &raw, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS)
        out = strdup(raw);
    ldap_memfree(raw);
    if (dn != NULL)
        ldap_dnfree(dn);
    return out;
}

/* The one part of an RDN with that type (a normal one), or NULL; *twice when there are several. */
static const LDAPAVA *find_ava(LDAPRDN rdn, const char *type, bool *twice)
{
    const LDAPAVA *found = NULL;

    for (size_t i = 0; rdn[i] != NULL; i++) {
        char *name = normal_type(rdn[i]->la_attr);

        if (name != NULL && strcmp(name, type) == 0) {
            *twice = *twice || found != NULL;
            found = rdn[i];
        }
        free(name);
    }
    return found;
}

char *ldapc_dn_value(const char *text, const char *attribute, size_t *len)
{
    struct berval name = {.bv_val = (char *)(uintptr_t)attribute, .bv_len = strlen(attribute)};
    char *type = normal_type(name), *out = NULL;
    const LDAPAVA *found = NULL;
    LDAPDN dn = NULL;
    bool twice = false;

    ldapc_prepare();
    if (type != NULL && strnlen(text, LDAPC_DN_MAX + 1) <= LDAPC_DN_MAX &&
        ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS && dn != NULL)
        for (size_t i = 0; dn[i] != NULL && found == NULL; i++)
            found = find_ava(dn[i], type, &twice);
    /* What is written as #hex is BER, not a text. */
    if (found != NULL && !twice && !(found->la_flags & LDAP_AVA_BINARY) &&
        (out = malloc(found->la_value.bv_len + 1)) != NULL) {
        *len = found->la_value.bv_len;
        memcpy(out, found->la_value.bv_val, *len);
        out[*len] = '\0';
    }
    if (dn != NULL)
        ldap_dnfree(dn);
    free(type);
    return out;
}

bool ldapc_dn_is_below(const char *normal, const char *base)
{
    size_t n = strlen(normal), m = strlen(base);

    /* A comma inside a value is escaped in normal forms, so this one separates RDNs. */
    return n >= m && strcmp(normal + n - m, base) == 0 && (n == m || normal[n - m - 1] == ',');
}
