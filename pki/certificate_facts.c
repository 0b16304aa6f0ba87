/* Reading certificates: from PEM and DER, and what they say of themselves. */
#include "config.h"

#include "pki/certificate.h"

#include "common/crypto.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define CERTIFICATE_PEM  "CERTIFICATE"
#define SERIAL_DIGITS    49 /* decimal, of 20 bytes */
#define SERIAL_OF_NUMBER "decimal:"

/* --- texts --- */

static X509 *take_der(struct bytes der)
{
    const uint8_t *at = der.ptr;
    X509 *x = X509_new_ex(crypto_library(), crypto_query());

    if (x != NULL && (der.len > LONG_MAX || d2i_X509(&x, &at, (long)der.len) == NULL ||
                      at != der.ptr + der.len)) {
        X509_free(x);
        x = NULL;
    }
    ERR_clear_error();
    return x;
}

GPtrArray *certificate_read_all(struct bytes text, char *why, size_t size)
{
    GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)X509_free);
    BIO *in = text.len > 0 && text.len <= INT_MAX ? BIO_new_mem_buf(text.ptr, (int)text.len) : NULL;
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long len = 0;
    bool good = in != NULL;

    while (good && PEM_read_bio(in, &name, &header, &der, &len) == 1) {
        if (strcmp(name, CERTIFICATE_PEM) == 0) {
            X509 *x = take_der(bytes_of(der, (size_t)len));
            good = x != NULL;
            if (good)
                g_ptr_array_add(found, x);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len); /* a key may lie beside it */
    }
    ERR_clear_error();
    BIO_free(in);
    if (good && found->len > 0)
        return found;
    snprintf(why, size,
             good ? "it holds no certificate in PEM"
                  : "a certificate in it cannot be read: it is damaged");
    g_ptr_array_unref(found);
    return NULL;
}

X509 *certificate_read(struct bytes text, char *why, size_t size)
{
    X509 *x = NULL;

    if (text.len > 0 && text.ptr[0] == 0x30) { /* SEQUENCE: DER */
        x = take_der(text);
        if (x == NULL)
            snprintf(why, size, "it is no certificate in DER, or there is something behind it");
        return x;
    }
    GPtrArray *all = certificate_read_all(text, why, size);
    if (all == NULL)
        return NULL;
    if (all->len == 1)
        X509_up_ref(x = g_ptr_array_index(all, 0));
    else
        snprintf(why, size, "it holds %u certificates where there should be one", all->len);
    g_ptr_array_unref(all);
    return x;
}

void certificate_pem(struct bytes der, GString *out)
{
    gint state = 0, save = 0;
    size_t at = out->len;

    g_string_append(out, "-----BEGIN " CERTIFICATE_PEM "-----\n");
    for (size_t done = 0; done < der.len; done += 48) { /* 64 characters a line (RFC 7468 2) */
        char line[80];
        size_t n = der.len - done < 48 ? der.len - done : 48;

        state = save = 0;
        at = g_base64_encode_step(der.ptr + done, n, FALSE, line, &state, &save);
        at += g_base64_encode_close(FALSE, line + at, &state, &save);
        g_string_append_len(out, line, (gssize)at);
        g_string_append_c(out, '\n');
    }
    g_string_append(out, "-----END " CERTIFICATE_PEM "-----\n");
}

GByteArray *certificate_der(X509 *certificate)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    GByteArray *out = NULL;

    if (len > 0)
        out = g_byte_array_append(g_byte_array_new(), der, (guint)len);
    OPENSSL_free(der);
    return out;
}

/* --- serials --- */

void certificate_serial_text(struct bytes serial, GString *out)
{
    while (serial.len > 1 && serial.ptr[0] == 0) {
        serial.ptr++;
        serial.len--;
    }
    for (size_t i = 0; i < serial.len; i++) { /* no printf: lists have 100,000 of them */
        g_string_append_c(out, "0123456789ABCDEF"[serial.ptr[i] >> 4]);
        g_string_append_c(out, "0123456789ABCDEF"[serial.ptr[i] & 15]);
    }
}

static bool take_number(BIGNUM *number, uint8_t serial[CERTIFICATE_SERIAL], size_t *len)
{
    int n = number != NULL ? BN_num_bytes(number) : 0;

    if (n < 1 || n > CERTIFICATE_SERIAL || BN_is_negative(number))
        return false;
    *len = (size_t)BN_bn2bin(number, serial);
    return true;
}

bool certificate_serial_parse(const char *text, uint8_t serial[CERTIFICATE_SERIAL], size_t *len)
{
    char digits[2 * CERTIFICATE_SERIAL + 1];
    size_t n = 0;
    BIGNUM *number = NULL;
    bool decimal = strncmp(text, SERIAL_OF_NUMBER, strlen(SERIAL_OF_NUMBER)) == 0;
    const char *at = decimal ? text + strlen(SERIAL_OF_NUMBER) : text;

    if (decimal) {
        n = strspn(at, "0123456789");
        if (n == 0 || n > SERIAL_DIGITS || at[n] != '\0' || BN_dec2bn(&number, at) == 0)
            n = 0;
    } else {
        for (; *at != '\0'; at++) {
            if (*at == ':' && n > 0 && n % 2 == 0 && g_ascii_isxdigit(at[1]))
                continue;
            if (!g_ascii_isxdigit(*at) || n == sizeof digits - 1)
                return false;
            digits[n++] = *at;
        }
        digits[n] = '\0';
        if (n > 0 && BN_hex2bn(&number, digits) == 0)
            n = 0;
    }
    bool done = n > 0 && take_number(number, serial, len);
    BN_free(number);
    return done;
}

char *certificate_serial_decimal(struct bytes serial)
{
    BIGNUM *number = serial.len <= INT_MAX ? BN_bin2bn(serial.ptr, (int)serial.len, NULL) : NULL;
    char *text = number != NULL ? BN_bn2dec(number) : NULL;
    char *out = text != NULL ? g_strdup(text) : NULL;

    OPENSSL_free(text);
    BN_free(number);
    return out;
}

/* --- facts --- */

static bool unix_time(const ASN1_TIME *time, int64_t *out)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool done = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

    if (done)
        *out = (int64_t)days * 86400 + seconds;
    ASN1_TIME_free(epoch);
    return done;
}

bool certificate_window(X509 *certificate, int64_t *not_before, int64_t *not_after)
{
    return unix_time(X509_get0_notBefore(certificate), not_before) &&
           unix_time(X509_get0_notAfter(certificate), not_after);
}

bool certificate_is_signed_by(X509 *certificate, X509 *issuer)
{
    bool signed_by =
        X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
        X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

    ERR_clear_error();
    return signed_by;
}

static void read_common_name(X509 *certificate, struct certificate_facts *out)
{
    const X509_NAME *name = X509_get_subject_name(certificate);
    uint8_t *utf8 = NULL;
    int at = -1, only = -1;

    while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0) {
        only = at;
        out->n_common_names++;
    }
    if (out->n_common_names != 1)
        return;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, only)));
    /* One with a NUL in it is none that a program compares as a whole. */
    if (len > 0 && memchr(utf8, 0, (size_t)len) == NULL)
        out->common_name = g_strndup((const char *)utf8, (size_t)len);
    OPENSSL_free(utf8);
}

/* The text of a general name; NULL when it is of another kind. g_free. */
static char *san_text(const GENERAL_NAME *name, enum name_kind *kind)
{
    char text[INET6_ADDRSTRLEN] = "";
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const uint8_t *data;
    size_t len;

    if (type != GEN_DNS && type != GEN_URI && type != GEN_IPADD)
        return NULL;
    data = ASN1_STRING_get0_data(value);
    len = (size_t)ASN1_STRING_length(value);
    *kind = type == GEN_DNS ? NAME_DNS : type == GEN_URI ? NAME_URI : NAME_IP;
    if (type != GEN_IPADD)
        return memchr(data, 0, len) == NULL ? g_strndup((const char *)data, len) : NULL;
    if ((len != 4 && len != 16) ||
        inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof text) == NULL)
        return NULL;
    return g_strdup(text);
}

static void read_alternative_names(X509 *certificate, struct certificate_facts *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;

    if (n > 0)
        out->sans = g_new0(struct name_san, (size_t)n);
    for (int i = 0; i < n; i++) {
        struct name_san *san = &out->sans[out->n_sans];

        san->text = san_text(sk_GENERAL_NAME_value(names, i), &san->kind);
        if (san->text != NULL)
            out->n_sans++;
        else
            out->n_other_sans++;
    }
    GENERAL_NAMES_free(names);
}

bool certificate_facts(X509 *certificate, struct certificate_facts *out)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    uint32_t usage =
        X509_get_extended_key_usage(certificate); /* UINT32_MAX without the extension */

    *out = (struct certificate_facts){
        .serial = bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
        .is_ca = X509_check_ca(certificate) == 1,
        .has_eku = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0,
    };
    out->server_auth = out->has_eku && (usage & XKU_SSL_SERVER) != 0;
    out->client_auth = out->has_eku && (usage & XKU_SSL_CLIENT) != 0;
    read_common_name(certificate, out);
    read_alternative_names(certificate, out);
    bool done = key != NULL && key_id(key, out->key_id) &&
                certificate_window(certificate, &out->not_before, &out->not_after);
    if (done) {
        GByteArray *der = certificate_der(certificate);
        done = der != NULL && crypto_sha256(bytes_of(der->data, der->len), out->fingerprint);
        if (der != NULL)
            g_byte_array_unref(der);
    }
    ERR_clear_error();
    if (!done)
        certificate_facts_clear(out);
    return done;
}

void certificate_facts_clear(struct certificate_facts *facts)
{
    for (size_t i = 0; i < facts->n_sans; i++)
        name_san_clear(&facts->sans[i]);
    g_free(facts->sans);
    g_free(facts->common_name);
    *facts = (struct certificate_facts){0};
}
