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

bool ldapc_dn_is_below(const char *normal, const char *base)
{
    size_t n = strlen(normal), m = strlen(base);

    /* A comma inside a value is escaped in normal forms, so this one separates RDNs. */
    return n >= m && strcmp(normal + n - m, base) == 0 && (n == m || normal[n - m - 1] == ',');
}
