#include "config.h"

#include "pki/key.h"

#include "common/crypto.h"
#include "pki/key_encoding.h"
#include "pki/key_token.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 7914.  N = 2^15 is what OpenSSL does not read back: it takes scrypt of 32 MiB and no more. */
#define SCRYPT_N    (1u << 14)
#define SCRYPT_R    8
#define SCRYPT_P    5
#define SCRYPT_SALT 16

#define PRIVATE_INFO 4096 /* bytes of a PrivateKeyInfo of RSA-4096, and more */

struct key {
    EVP_PKEY *pair;          /* owned; the public half alone with a token */
    struct key_token *token; /* owned; NULL = the private half is in pair */
};

const char *const key_algorithm_names[KEY_ALGORITHMS] = {
    [KEY_P256] = "p256",       [KEY_P384] = "p384",       [KEY_RSA3072] = "rsa3072",
    [KEY_RSA4096] = "rsa4096", [KEY_ED25519] = "ed25519",
};

/* How OpenSSL is asked for a new pair. */
static const struct {
    const char *type;
    const char *curve; /* EC */
    size_t bits;       /* RSA */
} makers[KEY_ALGORITHMS] = {
    [KEY_P256] = {"EC", "P-256", 0},      [KEY_P384] = {"EC", "P-384", 0},
    [KEY_RSA3072] = {"RSA", NULL, 3072},  [KEY_RSA4096] = {"RSA", NULL, 4096},
    [KEY_ED25519] = {"ED25519", NULL, 0},
};

/* The one way to sign with a kind of key: its digest and AlgorithmIdentifier (RFC 5758 3.2, 4055 5, 8410 3). */
static const struct scheme {
    const char *type;
    const char *group;  /* of an EC key, as OpenSSL calls it */
    const char *digest; /* NULL: of the algorithm itself */
    size_t digest_len;
    uint8_t identifier[16];
    size_t identifier_len;
    uint8_t
        digest_info[20]; /* RFC 8017 9.2: what is in front of the digest in a signature of RSA */
    size_t digest_info_len;
} schemes[] = {
    {"EC", "prime256v1", "SHA256", 32, {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, 12},
    {"EC", "secp384r1", "SHA384", 48, {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3}, 12},
    {"EC", "secp521r1", "SHA512", 64, {0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4}, 12},
    {"RSA",
     NULL,
     "SHA256",
     32,
     {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0},
     15,
     {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20},
     19},
    {"ED25519", NULL, NULL, 0, {0x30, 5, 6, 3, 0x2b, 0x65, 0x70}, 7},
};

static const struct scheme *find_scheme(const EVP_PKEY *pair)
{
    char group[32] = "";

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (!EVP_PKEY_is_a(pair, schemes[i].type))
            continue;
        if (schemes[i].group == NULL ||
            (EVP_PKEY_get_group_name(pair, group, sizeof group, NULL) == 1 &&
             strcmp(group, schemes[i].group) == 0))
            return &schemes[i];
    }
    ERR_clear_error(); /* of a group without a name */
    return NULL;
}

/* What OpenSSL said last; its queue is emptied. */
static const char *openssl_said(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return text != NULL ? text : "no reason given";
}

/* Takes over pair and token; NULL after why. */
static struct key *key_new(EVP_PKEY *pair, struct key_token *token, char *why, size_t size)
{
    struct key *key = NULL;

    if (find_scheme(pair) == NULL)
        snprintf(why, size,
                 "it is a key of a kind that is not signed with here; use P-256, P-384, P-521, RSA "
                 "or Ed25519");
    else if ((key = calloc(1, sizeof *key)) == NULL)
        snprintf(why, size, "memory is short");
    if (key == NULL) {
        EVP_PKEY_free(pair);
        key_token_close(token);
        return NULL;
    }
    key->pair = pair;
    key->token = token;
    return key;
}

enum key_algorithm key_algorithm_near(EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) > 3072 ? KEY_RSA4096 : KEY_RSA3072;
    case EVP_PKEY_ED25519:
        return KEY_ED25519;
    default:
        return EVP_PKEY_get_bits(key) > 256 ? KEY_P384 : KEY_P256;
    }
}

struct key *key_generate(enum key_algorithm algorithm, char *why, size_t size)
{
    OSSL_LIB_CTX *lib = crypto_library();
    const char *query = crypto_query(), *type = makers[algorithm].type;
    EVP_PKEY *pair;

    if (crypto_is_fips() && algorithm == KEY_ED25519) {
        snprintf(why, size,
                 "fips: require does not allow Ed25519 (FIPS 186-5 modules alone have "
                 "it); choose p256, p384, rsa3072 or rsa4096");
        return NULL;
    }
    if (makers[algorithm].curve != NULL)
        pair = EVP_PKEY_Q_keygen(lib, query, type, makers[algorithm].curve);
    else if (makers[algorithm].bits > 0)
        pair = EVP_PKEY_Q_keygen(lib, query, type, makers[algorithm].bits);
    else
        pair = EVP_PKEY_Q_keygen(lib, query, type);
    if (pair == NULL) {
        snprintf(why, size, "cannot make a key (%s): OpenSSL: %s%s", key_algorithm_names[algorithm],
                 openssl_said(),
                 crypto_is_fips() ? "; fips: require holds, choose another algorithm" : "");
        return NULL;
    }
    return key_new(pair, NULL, why, size);
}

struct passphrase_use {
    struct bytes passphrase;
    bool asked;
};

static int give_passphrase(char *out, int size, int writing, void *context)
{
    struct passphrase_use *use = context;

    (void)writing;
    use->asked = true;
    if (use->passphrase.len == 0 || use->passphrase.len > (size_t)size)
        return -1;
    memcpy(out, use->passphrase.ptr, use->passphrase.len);
    return (int)use->passphrase.len;
}

/* PKCS#8 of EC, not encrypted, in DER or as the first block of a PEM text: what our own files hold.  Or NULL. */
static EVP_PKEY *read_plain(struct bytes text)
{
    BIO *in = NULL;
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *pair = NULL;
    long len = 0;

    if (text.ptr[0] == 0x30)
        return key_take_pkcs8(text);
    if ((in = BIO_new_mem_buf(text.ptr, (int)text.len)) != NULL &&
        PEM_read_bio(in, &name, &header, &der, &len) == 1 && strcmp(name, PEM_STRING_PKCS8INF) == 0)
        pair = key_take_pkcs8(bytes_of(der, (size_t)len));
    if (len > 0)
        OPENSSL_clear_free(der, (size_t)len);
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(in);
    ERR_clear_error();
    return pair;
}

struct key *key_read(struct bytes text, struct bytes passphrase, char *why, size_t size)
{
    struct passphrase_use use = {.passphrase = passphrase};
    EVP_PKEY *pair = NULL;
    BIO *in = NULL;

    if (text.len == 0 || text.len > INT_MAX) {
        snprintf(why, size, "it is no private key: it is empty or far too long");
        return NULL;
    }
    ERR_clear_error();
    pair = read_plain(text);
    const uint8_t *at = text.ptr;
    if (pair != NULL)
        return key_new(pair, NULL, why, size);
    if (text.ptr[0] == 0x30) /* SEQUENCE: DER */
        pair = d2i_AutoPrivateKey_ex(NULL, &at, (long)text.len, crypto_library(), crypto_query());
    else if ((in = BIO_new_mem_buf(text.ptr, (int)text.len)) != NULL)
        pair = PEM_read_bio_PrivateKey_ex(in, NULL, give_passphrase, &use, crypto_library(),
                                          crypto_query());
    BIO_free(in);
    if (pair != NULL)
        return key_new(pair, NULL, why, size);
    if (use.asked && passphrase.len == 0)
        snprintf(why, size,
                 "it is encrypted and no passphrase is known; give --passphrase-file, "
                 "--passphrase-fd, or run this at a terminal");
    else if (use.asked)
        snprintf(why, size, "the passphrase does not open it");
    else
        snprintf(why, size, "it is no private key (PEM, or PKCS#8 in DER): %s", openssl_said());
    ERR_clear_error();
    return NULL;
}

bool key_is_sealed(struct bytes text)
{
    /* PKCS#8 (RFC 7468 11), and the Proc-Type of the old forms (RFC 1421 4.6.1.1) */
    static const char *const marks[] = {"-----BEGIN ENCRYPTED PRIVATE KEY-----",
                                        "Proc-Type: 4,ENCRYPTED"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (memmem(text.ptr, text.len, marks[i], strlen(marks[i])) != NULL)
            return true;
    return false;
}

struct key *key_open_pkcs11(const char *uri, struct bytes pin, char *why, size_t size)
{
    EVP_PKEY *public_half = NULL;
    struct key_token *token = key_token_open(uri, pin, &public_half, why, size);

    return token != NULL ? key_new(public_half, token, why, size) : NULL;
}

struct key *key_generate_pkcs11(const char *uri, struct bytes pin, enum key_algorithm algorithm,
                                char *why, size_t size)
{
    EVP_PKEY *public_half = NULL;
    struct key_token *token = key_token_generate(uri, pin, algorithm, &public_half, why, size);

    return token != NULL ? key_new(public_half, token, why, size) : NULL;
}

void key_discard(struct key *key)
{
    if (key != NULL && key->token != NULL)
        key_token_destroy(key->token);
    key_free(key);
}

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    key_token_close(key->token);
    EVP_PKEY_free(key->pair);
    free(key);
}

EVP_PKEY *key_public(const struct key *key)
{
    return key->pair;
}

EVP_PKEY *key_private(const struct key *key)
{
    return key->token == NULL ? key->pair : NULL;
}

bool key_id(EVP_PKEY *key, uint8_t id[KEY_ID])
{
    GByteArray *spki = g_byte_array_new();
    bool done = key_put_spki(key, spki) && crypto_sha256(bytes_of(spki->data, spki->len), id);

    g_byte_array_unref(spki);
    return done;
}

bool key_fits(const struct key *key, EVP_PKEY *public_half)
{
    bool same = public_half != NULL && EVP_PKEY_eq(key->pair, public_half) == 1;

    ERR_clear_error();
    return same;
}

void key_signature_algorithm(const struct key *key, GByteArray *algorithm)
{
    const struct scheme *scheme = find_scheme(key->pair);

    g_byte_array_append(algorithm, scheme->identifier, (guint)scheme->identifier_len);
}

static bool sign_in_token(struct key *key, const struct scheme *scheme, struct bytes text,
                          GByteArray *signature, char *why, size_t size)
{
    uint8_t info[sizeof scheme->digest_info + EVP_MAX_MD_SIZE];
    size_t len = 0;

    memcpy(info, scheme->digest_info, scheme->digest_info_len);
    if (scheme->digest == NULL ||
        EVP_Q_digest(crypto_library(), scheme->digest, crypto_query(), text.ptr, text.len,
                     info + scheme->digest_info_len, &len) != 1) {
        snprintf(why, size, "cannot sign: OpenSSL has no digest for this key");
        return false;
    }
    len += scheme->digest_info_len;
    return (scheme->digest_info_len > 0 ? key_token_sign_rsa : key_token_sign_ec)(
        key->token, bytes_of(info, len), signature, why, size);
}

bool key_sign(struct key *key, struct bytes text, GByteArray *signature, char *why, size_t size)
{
    const struct scheme *scheme = find_scheme(key->pair);
    const size_t before = signature->len;
    EVP_MD_CTX *context = NULL;
    size_t len = 0;
    bool done = false;

    if (key->token != NULL)
        return sign_in_token(key, scheme, text, signature, why, size);
    if ((context = EVP_MD_CTX_new()) != NULL &&
        EVP_DigestSignInit_ex(context, NULL, scheme->digest, crypto_library(), crypto_query(),
                              key->pair, NULL) == 1 &&
        EVP_DigestSign(context, NULL, &len, text.ptr, text.len) == 1) {
        g_byte_array_set_size(signature, (guint)(before + len));
        done = EVP_DigestSign(context, signature->data + before, &len, text.ptr, text.len) == 1;
        g_byte_array_set_size(signature, (guint)(done ? before + len : before));
    }
    if (!done)
        snprintf(why, size, "cannot sign: OpenSSL: %s", openssl_said());
    EVP_MD_CTX_free(context);
    return done;
}

bool key_verifies(EVP_PKEY *public_half, struct bytes text, struct bytes signature)
{
    const struct scheme *scheme = find_scheme(public_half);
    EVP_MD_CTX *context = scheme != NULL ? EVP_MD_CTX_new() : NULL;
    bool good = context != NULL &&
                EVP_DigestVerifyInit_ex(context, NULL, scheme->digest, crypto_library(),
                                        crypto_query(), public_half, NULL) == 1 &&
                EVP_DigestVerify(context, signature.ptr, signature.len, text.ptr, text.len) == 1;

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

/* The bytes of a memory BIO as a secret; the BIO's own copy is wiped. */
static bool take_bio(BIO *bio, struct secret *out)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    bool done = len > 0 && secret_copy(out, bytes_of(data, (size_t)len));

    if (len > 0)
        secret_wipe(data, (size_t)len);
    return done;
}

/* PBES2 (RFC 8018 6.2) of scrypt (RFC 7914) and AES-256-CBC. */
static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *plain, struct bytes passphrase)
{
    const EVP_CIPHER *cipher = crypto_aes_cbc(CRYPTO_AES_256_CBC);
    uint8_t salt[SCRYPT_SALT], iv[EVP_MAX_IV_LENGTH];
    X509_SIG *sealed = NULL;

    if (cipher == NULL || passphrase.len > INT_MAX || !crypto_random(salt, sizeof salt) ||
        !crypto_random(iv, sizeof iv))
        return NULL;
    X509_ALGOR *how =
        PKCS5_pbe2_set_scrypt(cipher, salt, (int)sizeof salt, iv, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    if (how != NULL)
        sealed = PKCS8_set0_pbe_ex((const char *)passphrase.ptr, (int)passphrase.len, plain, how,
                                   crypto_library(), crypto_query());
    if (sealed == NULL)
        X509_ALGOR_free(how); /* else it is the structure's */
    return sealed;
}

/* The PrivateKeyInfo, for forget_info; empty when there is none. */
static GByteArray *private_info(const struct key *key)
{
    GByteArray *der = g_byte_array_sized_new(PRIVATE_INFO); /* one that grows leaves copies */
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    uint8_t *text = NULL;
    int len = -1;

    if (key->token != NULL || key_put_pkcs8(key->pair, der))
        return der;
    if ((plain = EVP_PKEY2PKCS8(key->pair)) != NULL)
        len = i2d_PKCS8_PRIV_KEY_INFO(plain, &text);
    if (len > 0) {
        g_byte_array_append(der, text, (guint)len);
        OPENSSL_clear_free(text, (size_t)len);
    }
    PKCS8_PRIV_KEY_INFO_free(plain);
    return der;
}

static void forget_info(GByteArray *der)
{
    secret_wipe(der->data, der->len);
    g_byte_array_unref(der);
}

static bool write_sealed(BIO *bio, struct bytes der, struct bytes passphrase)
{
    const uint8_t *at = der.ptr;
    PKCS8_PRIV_KEY_INFO *plain = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    X509_SIG *sealed = plain != NULL ? encrypt(plain, passphrase) : NULL;
    bool done = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;

    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return done;
}

static const char *write_fault(const struct key *key)
{
    return key->token != NULL ? "it stays in its token" : openssl_said();
}

bool key_write_pem(const struct key *key, struct bytes passphrase, struct secret *out, char *why,
                   size_t size)
{
    GByteArray *der = private_info(key);
    BIO *bio = BIO_new(BIO_s_secmem());
    bool done = false;

    *out = (struct secret){0};
    if (der->len > 0 && bio != NULL && passphrase.len > 0)
        done = write_sealed(bio, bytes_of(der->data, der->len), passphrase);
    else if (der->len > 0 && bio != NULL)
        done = PEM_write_bio(bio, PEM_STRING_PKCS8INF, "", der->data, (long)der->len) > 0;
    done = done && take_bio(bio, out);
    if (!done)
        snprintf(why, size, "cannot write a private key: %s", write_fault(key));
    BIO_free(bio);
    forget_info(der);
    return done;
}

bool key_write_der(const struct key *key, struct secret *out, char *why, size_t size)
{
    GByteArray *der = private_info(key);
    bool done = der->len > 0 && secret_copy(out, bytes_of(der->data, der->len));

    if (!done) {
        *out = (struct secret){0};
        snprintf(why, size, "cannot write a private key: %s", write_fault(key));
    }
    forget_info(der);
    return done;
}
