/* Connection strings, each value quoted as its reader has it. */
#include "config.h"

#include "pki/output.h"

#include <string.h>

#define HOST     "HOST"
#define DATABASE "postgres"

static const char *or_else(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

/* libpq, "Connection Strings": blanks part values, and a backslash escapes within quotes. */
static void put_conninfo(GString *out, const char *key, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@%+,~";
    bool quote = value[strspn(value, plain)] != '\0' || value[0] == '\0';

    g_string_append_printf(out, "%s%s=%s", out->len > 0 ? " " : "", key, quote ? "'" : "");
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *at);
    }
    g_string_append(out, quote ? "'" : "");
}

void output_libpq(const struct output_login *login, GString *out)
{
    GString *text = g_string_new(NULL);

    put_conninfo(text, "host", or_else(login->host, HOST));
    put_conninfo(text, "dbname", or_else(login->database, DATABASE));
    put_conninfo(text, "user", login->name);
    put_conninfo(text, "sslmode", "verify-full");
    if (login->path != NULL) {
        g_autofree char *certificate = g_strconcat(login->path, ".crt", NULL);
        g_autofree char *key = g_strconcat(login->path, ".key", NULL);

        put_conninfo(text, "sslcert", certificate);
        put_conninfo(text, "sslkey", key);
    }
    if (login->root != NULL)
        put_conninfo(text, "sslrootcert", login->root);
    g_string_append_len(out, text->str, (gssize)text->len);
    g_string_free(text, TRUE);
}

/* pgjdbc decodes values as application/x-www-form-urlencoded: "+" is a blank there. */
static void put_percent(GString *out, const char *text, const char *also)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (g_ascii_isalnum(*at) || strchr("-._~", *at) != NULL || strchr(also, *at) != NULL)
            g_string_append_c(out, (char)*at);
        else
            g_string_append_printf(out, "%%%02X", *at);
    }
}

static void put_parameter(GString *out, const char *key, const char *value, const char *suffix)
{
    g_string_append_printf(out, "&%s=", key);
    put_percent(out, value, "/");
    g_string_append(out, suffix);
}

void output_jdbc(const struct output_login *login, GString *out)
{
    const char *host = or_else(login->host, HOST);
    bool bracket = strchr(host, ':') != NULL && host[0] != '['; /* an IPv6 address */

    g_string_append(out, bracket ? "jdbc:postgresql://[" : "jdbc:postgresql://");
    put_percent(out, host, ":[]");
    g_string_append(out, bracket ? "]/" : "/");
    put_percent(out, or_else(login->database, DATABASE), "");
    g_string_append(out, "?user=");
    put_percent(out, login->name, "");
    put_parameter(out, "sslmode", "verify-full", "");
    if (login->path != NULL) {
        put_parameter(out, "sslcert", login->path, ".crt");
        put_parameter(out, "sslkey", login->path, ".pk8");
    }
    if (login->root != NULL)
        put_parameter(out, "sslrootcert", login->root, "");
}

/* ADO.NET's DbConnectionStringBuilder: double quotes around, doubled within. */
static void put_npgsql(GString *out, const char *key, const char *value, const char *suffix)
{
    bool quote = strpbrk(value, " ;='\"") != NULL || value[0] == '\0';

    g_string_append_printf(out, "%s=%s", key, quote ? "\"" : "");
    for (const char *at = value; *at != '\0'; at++)
        g_string_append_printf(out, *at == '"' ? "%c\"" : "%c", *at);
    g_string_append_printf(out, "%s%s;", suffix, quote ? "\"" : "");
}

void output_npgsql(const struct output_login *login, GString *out)
{
    put_npgsql(out, "Host", or_else(login->host, HOST), "");
    put_npgsql(out, "Database", or_else(login->database, DATABASE), "");
    put_npgsql(out, "Username", login->name, "");
    put_npgsql(out, "SSL Mode", "VerifyFull", "");
    if (login->path != NULL) {
        put_npgsql(out, "SSL Certificate", login->path, ".crt");
        put_npgsql(out, "SSL Key", login->path, ".key");
    }
    if (login->root != NULL)
        put_npgsql(out, "Root Certificate", login->root, "");
}
