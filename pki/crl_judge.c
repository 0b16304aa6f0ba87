/* Whose CRL is it, and may it take the place of another? */
#include "config.h"

#include "pki/crl.h"

#include "common/crypto.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

/* The digest that goes with the signature's algorithm; "" for those that have their own.  NULL: is not for this key. */
static const char *digest_of(struct bytes algorithm, EVP_PKEY *key)
{
    const unsigned char *at = algorithm.ptr;
    X509_ALGOR *parsed = d2i_X509_ALGOR(NULL, &at, (long)algorithm.len);
    const ASN1_OBJECT *object = NULL;
    int digest = NID_undef, kind = NID_undef;
    const char *name = NULL;

    if (parsed == NULL)
        return NULL;
    X509_ALGOR_get0(&object, NULL, NULL, parsed);
    if (OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, &kind) == 1 &&
        EVP_PKEY_is_a(key, OBJ_nid2sn(kind)))
        name = digest == NID_undef ? "" : OBJ_nid2sn(digest);
    X509_ALGOR_free(parsed);
    return name;
}

bool crl_signed_by(struct bytes der, X509 *issuer)
{
    struct crl_facts facts;
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    if (key == NULL || crl_facts(der, &facts) != NULL)
        return false;
    const char *digest = digest_of(facts.algorithm, key);
    EVP_MD_CTX *context = digest != NULL ? EVP_MD_CTX_new() : NULL;
    bool good = context != NULL &&
                EVP_DigestVerifyInit_ex(context, NULL, digest[0] != '\0' ? digest : NULL,
                                        crypto_library(), crypto_query(), key, NULL) == 1 &&
                EVP_DigestVerify(context, facts.signature.ptr, facts.signature.len, facts.body.ptr,
                                 facts.body.len) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool has_name(const struct crl_facts *facts, X509 *issuer)
{
    unsigned char *name = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
    bool same = len > 0 && bytes_equal(facts->issuer, bytes_of(name, (size_t)len));

    OPENSSL_free(name);
    return same;
}

bool crl_is_of(struct bytes der, X509 *issuer)
{
    struct crl_facts facts;
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);

    if (crl_facts(der, &facts) != NULL || !has_name(&facts, issuer))
        return false;
    if (facts.key_id.len == 0 || id == NULL)
        return crl_signed_by(der, issuer);
    return bytes_equal(facts.key_id,
                       bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)));
}

static const char *behind(const struct crl_facts *fresh, const struct crl_facts *old, int64_t now_s)
{
    int order = memcmp(fresh->number, old->number, sizeof fresh->number);

    if (old->has_number && order < 0)
        return "it has a lower number than the one that is there: either it was overtaken, or the "
               "ledger is behind (restored from a backup?), and revocations may be missing in it";
    if (old->has_number && order == 0)
        return "it has the number of the one that is there, and is another one: the ledger is "
               "behind (restored from a backup?), and revocations may be missing in it";
    /* One that has not begun was made when a clock was ahead: nobody takes it. */
    if (fresh->this_s < old->this_s && old->this_s <= now_s + CERTIFICATE_BACKDATE)
        return "it is older than the one that is there";
    return NULL;
}

const char *crl_worse(struct bytes fresh, struct bytes old, X509 *issuer, int64_t now_s)
{
    struct crl_facts facts, before;

    if (crl_facts(fresh, &facts) != NULL)
        return "it is no CRL that can be read";
    if (!has_name(&facts, issuer))
        return "it is of another CA";
    if (!crl_signed_by(fresh, issuer))
        return "it was not signed by the CA's key";
    if (!facts.has_number)
        return "it has no number (CRLNumber)";
    if (facts.next_s <= now_s)
        return "it has expired: servers would refuse every client that presents a certificate";
    if (facts.this_s > now_s)
        return "it begins in the future: servers would refuse every client that presents a "
               "certificate";
    if (old.len == 0 || bytes_equal(fresh, old))
        return NULL;
    if (crl_facts(old, &before) != NULL || !crl_signed_by(old, issuer))
        return NULL;
    return behind(&facts, &before, now_s);
}
