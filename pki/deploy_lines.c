/*
 * Lines of pg_hba.conf and pg_ident.conf.
 *
 * Quotation marks take the meaning from words like all, from + and @ in front, from # and commas; a quotation mark
 * inside is doubled (PostgreSQL's next_token).  They do not take it from a "/" in front, which begins a regular
 * expression: in pg_ident.conf's second field always, in names of roles from 16 on.
 */
#include "config.h"

#include "pki/deploy.h"

#include "common/text.h"

/* clientname=DN holds the whole subject against pg_ident.conf: a second CN in it is not passed over. */
static const char cert_options[] = "clientname=DN map=" DEPLOY_MAP;
static const char code_options[] = "pamservice=pgsignet clientcert=verify-full";

void deploy_quote(const char *text, GString *out)
{
    g_string_append_c(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

const char *deploy_role_fault(const char *role)
{
    if (role[0] == '\0')
        return "the name is empty";
    if (strpbrk(role, "\n\r") != NULL)
        return "a line cannot hold a line's end";
    if (role[0] == '/')
        return "from PostgreSQL 16 on a name that begins with / is read as a regular expression";
    return NULL;
}

void deploy_hba(const char *role, bool with_code, GString *out)
{
    g_string_append(out, "hostssl  all  ");
    if (role != NULL)
        deploy_quote(role, out);
    else
        g_string_append(out, "all");
    g_string_append_printf(out, "  all  %s  %s\n", with_code ? "pam" : "cert",
                           with_code ? code_options : cert_options);
}

/* A backslash takes the meaning from every ASCII character that is no letter and no digit. */
static char *anchored(const char *text)
{
    GString *out = g_string_new("/^");

    for (; *text != '\0'; text++) {
        if (!g_ascii_isalnum(*text) && (unsigned char)*text < 0x80 && strchr(" =,", *text) == NULL)
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '$');
    return g_string_free(out, FALSE);
}

void deploy_ident(const char *dn, const char *role, GString *out)
{
    char *pattern = NULL;

    g_string_append(out, DEPLOY_MAP "  ");
    if (role == NULL) {
        g_string_append(out, "\"/^CN=([^,+\\\\]+)$\"  \"\\1\"\n");
        return;
    }
    pattern = anchored(dn);
    /* A text is compared whole; so it is where an expression would be cut, or \1 in the role would mean a part of it. */
    if (strlen(pattern) > DEPLOY_TOKEN_MAX || strstr(role, "\\1") != NULL)
        deploy_quote(dn, out);
    else
        deploy_quote(pattern, out);
    g_string_append(out, "  ");
    deploy_quote(role, out);
    g_string_append_c(out, '\n');
    g_free(pattern);
}

/* --- subjects --- */

static char *print_name(const X509_NAME *name)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *content = NULL, *text = NULL;

    if (out != NULL && name != NULL && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) >= 0) {
        long len = BIO_get_mem_data(out, &content);
        text = g_strndup(len > 0 ? content : "", len > 0 ? (gsize)len : 0);
    }
    BIO_free(out);
    return text;
}

char *deploy_dn(X509 *certificate)
{
    return print_name(X509_get_subject_name(certificate));
}

char *deploy_dn_of_name(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();
    char *text = NULL;

    if (name != NULL && text_is_utf8(bytes_str(common_name)) &&
        X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
                                   (const unsigned char *)common_name, (int)strlen(common_name), -1,
                                   0) == 1)
        text = print_name(name);
    X509_NAME_free(name);
    return text;
}

bool deploy_dn_is_plain(const char *dn, const char *role)
{
    return strncmp(dn, "CN=", 3) == 0 && strpbrk(dn + 3, ",+\\") == NULL &&
           strcmp(dn + 3, role) == 0;
}
