/* An issuer's name as PostgreSQL's pg_stat_ssl shows it (X509_NAME_to_cstring in be-secure-openssl.c). */
#include "config.h"

#include "pki/online_job.h"

#include <openssl/x509.h>

#define SHOWN_MAX 63 /* NAMEDATALEN - 1: the view's columns are cut there */

static bool print_entry(BIO *out, const X509_NAME_ENTRY *entry)
{
    const unsigned long flags =
        (ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT;
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const char *field = OBJ_nid2sn(nid);

    return BIO_printf(out, "/%s=", field != NULL ? field : "UNDEF") > 0 &&
           ASN1_STRING_print_ex(out, X509_NAME_ENTRY_get_data(entry), flags) >= 0;
}

char *online_dn(struct bytes der)
{
    const unsigned char *at = der.ptr;
    X509_NAME *name = der.len > 0 ? d2i_X509_NAME(NULL, &at, (long)der.len) : NULL;
    BIO *out = BIO_new(BIO_s_mem());
    bool good = name != NULL && out != NULL && at == der.ptr + der.len;
    char *text = NULL;

    for (int i = 0; good && i < X509_NAME_entry_count(name); i++)
        good = print_entry(out, X509_NAME_get_entry(name, i));
    if (good) {
        char *content = NULL;
        long len = BIO_get_mem_data(out, &content);
        text = g_strndup(len > 0 ? content : "", len > 0 ? (gsize)len : 0);
    }
    BIO_free(out);
    X509_NAME_free(name);
    return text;
}

bool online_dn_matches(const char *dn, struct bytes shown)
{
    size_t len = strlen(dn), same = 0;

    /* What follows the first byte that is not ASCII depends on the database's encoding. */
    while (same < len && same < SHOWN_MAX && (unsigned char)dn[same] < 0x80)
        same++;
    if (shown.len < same || memcmp(dn, shown.ptr, same) != 0)
        return false;
    return same < len || shown.len == len;
}
