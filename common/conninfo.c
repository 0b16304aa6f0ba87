/*
 * The check that a connection string holds no secret.  It reads the two grammars of libpq (section
 * 34.1.1 of PostgreSQL's manual, and the readings of fe-connect.c where the manual is silent) without
 * linking libpq, which this library must not need.
 */
#include "config.h"

#include "common/conninfo.h"

#include "common/bytes.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char holds_secret[] =
    "holds a password; put it in a file and write passfile=PATH instead";
static const char malformed[] =
    "is no libpq connection string; write key=value pairs or postgresql://...";

static bool is_secret_key(struct bytes key)
{
    static const char *const keys[] = {
        "password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret",
    };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (bytes_equal(key, bytes_str(keys[i])))
            return true;
    return false;
}

static const char *skip_blanks(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* Skips one value, quoted or bare.  NULL when a quote does not end. */
static const char *skip_value(const char *p)
{
    bool quoted = *p == '\'';

    if (quoted)
        p++;
    while (*p != '\0' && (quoted ? *p != '\'' : !isspace((unsigned char)*p))) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        p++;
    }
    if (!quoted)
        return p;
    return *p == '\'' ? p + 1 : NULL;
}

static const char *pairs_fault(const char *p)
{
    for (p = skip_blanks(p); *p != '\0'; p = skip_blanks(p)) {
        const char *key = p;
        size_t n;

        while (*p != '\0' && *p != '=' && !isspace((unsigned char)*p))
            p++;
        n = (size_t)(p - key);
        p = skip_blanks(p);
        if (n == 0 || *p != '=')
            return malformed;
        if (is_secret_key(bytes_of(key, n)))
            return holds_secret;
        p = skip_value(skip_blanks(p + 1));
        if (p == NULL)
            return malformed;
    }
    return NULL;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* One parameter's name, percent-decoded.  False when an escape is none. */
static bool decode_key(const char *p, size_t n, char *out, size_t size, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];

        if (c == '%') {
            int high = i + 2 < n ? hex_digit(p[i + 1]) : -1;
            int low = i + 2 < n ? hex_digit(p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (*len == size)
            return true; /* longer than any key that matters */
        out[(*len)++] = c;
    }
    return true;
}

static const char *uri_fault(const char *p)
{
    size_t user = strcspn(p, "@/");
    const char *parameter = strchr(p, '?');

    /* As libpq does: what stands before an '@' that comes before the first '/' is user:password. */
    if (p[user] == '@' && memchr(p, ':', user) != NULL)
        return holds_secret;
    while (parameter != NULL && *parameter != '\0') {
        size_t whole, n, len;
        char key[64];

        parameter++;
        whole = strcspn(parameter, "&");
        n = strcspn(parameter, "=&");
        if (parameter[n] != '=' || !decode_key(parameter, n, key, sizeof key, &len))
            return malformed;
        if (is_secret_key(bytes_of(key, len)))
            return holds_secret;
        parameter += whole;
    }
    return NULL;
}

const char *conninfo_fault(const char *conninfo)
{
    static const char *const prefixes[] = {"postgresql://", "postgres://"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(conninfo, prefixes[i], strlen(prefixes[i])) == 0)
            return uri_fault(conninfo + strlen(prefixes[i]));
    return pairs_fault(conninfo);
}
