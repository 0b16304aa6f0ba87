#include "config.h"

#include "mfa/transfer_write.h"

#include <inttypes.h>

#include <openssl/evp.h>

#include "common/crypto.h"
#include "common/text.h"
#include "mfa/otpauth.h"
#include "mfa/transfer_pskc.h"

#define SECRET_ROOM (TRANSFER_SECRET_MAX + 32)      /* encrypted */
#define BASE64_ROOM (4 * (SECRET_ROOM + 2) / 3 + 4) /* with NUL */
#define MAC_KEY     32                              /* bytes */

/* --- XML --- */

/* XML 1.0 has no way to say most control characters, nor bytes that are no UTF-8. */
static bool xml_can_say(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 && text.ptr[i] != '\t')
            return false;
    return text_is_utf8(text);
}

static void put_text(FILE *stream, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\t' || c == ' ')
            fprintf(stream, "&#%u;", c);
        else
            putc(c, stream);
    }
}

static void put_base64(FILE *stream, struct bytes raw)
{
    uint8_t text[BASE64_ROOM];

    int len = EVP_EncodeBlock(text, raw.ptr, (int)raw.len);
    fwrite(text, 1, (size_t)len, stream);
    secret_wipe(text, sizeof text);
}

static const char *put_encrypted(struct transfer_writer *writer, struct bytes value,
                                 struct bytes mac_key)
{
    FILE *stream = writer->stream;
    uint8_t sealed[SECRET_ROOM], mac[32];
    size_t len = value.len <= TRANSFER_SECRET_MAX
                     ? pskc_encrypt(secret_bytes(&writer->cipher_key), value, sealed)
                     : 0;

    if (len == 0)
        return "a value cannot be encrypted";
    fprintf(stream,
            "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes%zu-cbc\"/>"
            "<xenc:CipherData><xenc:CipherValue>",
            8 * writer->cipher_key.len);
    put_base64(stream, bytes_of(sealed, len));
    fputs("</xenc:CipherValue></xenc:CipherData>", stream);
    if (mac_key.len == 0)
        return NULL;
    if (!pskc_mac(mac_key, bytes_of(sealed, len), mac))
        return "a MAC cannot be computed";
    fputs("</EncryptedValue><ValueMAC>", stream);
    put_base64(stream, bytes_of(mac, sizeof mac));
    fputs("</ValueMAC>", stream);
    return NULL;
}

static const char *make_keys(struct transfer_writer *writer, uint8_t salt[PSKC_SALT])
{
    const struct pskc_derivation derivation = {
        .salt = bytes_of(salt, PSKC_SALT),
        .iterations = PSKC_ITERATIONS,
        .length = 32,
        .prf = bytes_str("#hmac-sha256"),
    };

    if (!secret_alloc(&writer->mac_key, MAC_KEY) || !crypto_random(salt, PSKC_SALT) ||
        !crypto_random_secret(writer->mac_key.ptr, MAC_KEY))
        return "there are no random numbers";
    if (writer->password.len > 0)
        return pskc_derive(&derivation, writer->password, &writer->cipher_key);
    if (writer->key.len != 16 && writer->key.len != 24 && writer->key.len != 32)
        return "the key must have 16, 24 or 32 bytes";
    return secret_copy(&writer->cipher_key, writer->key) ? NULL : "memory is short";
}

static const char *put_protection(struct transfer_writer *writer)
{
    FILE *stream = writer->stream;
    uint8_t salt[PSKC_SALT];
    const char *wrong = make_keys(writer, salt);

    if (wrong != NULL)
        return wrong;
    fputs("  <EncryptionKey>", stream);
    if (writer->password.len > 0) {
        fputs("<xenc11:DerivedKey><xenc11:KeyDerivationMethod"
              " Algorithm=\"http://www.w3.org/2009/xmlenc11#pbkdf2\"><xenc11:PBKDF2-params>"
              "<Salt><Specified>",
              stream);
        put_base64(stream, bytes_of(salt, sizeof salt));
        fprintf(stream,
                "</Specified></Salt><IterationCount>%d</IterationCount><KeyLength>32</KeyLength>"
                "<PRF Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"/>"
                "</xenc11:PBKDF2-params></xenc11:KeyDerivationMethod></xenc11:DerivedKey>",
                PSKC_ITERATIONS);
    } else {
        fputs("<ds:KeyName>Pre-shared-key</ds:KeyName>", stream);
    }
    fputs("</EncryptionKey>\n"
          "  <MACMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"><MACKey>",
          stream);
    wrong = put_encrypted(writer, secret_bytes(&writer->mac_key), bytes_of(NULL, 0));
    fputs("</MACKey></MACMethod>\n", stream);
    return wrong;
}

static const char *put_package(struct transfer_writer *writer, const struct transfer_token *token)
{
    FILE *stream = writer->stream;
    struct bytes user = bytes_of(token->user, token->user_len), name = bytes_str(token->name);
    struct bytes issuer = token->issuer[0] != '\0' ? bytes_str(token->issuer) : writer->issuer;
    const char *wrong = NULL;

    if (!xml_can_say(user) || !xml_can_say(name) || !xml_can_say(issuer))
        return "a name has bytes that XML cannot carry; export this user as otpauth";
    fputs("  <KeyPackage><DeviceInfo><SerialNo>", stream);
    put_text(stream, name);
    fprintf(stream,
            "</SerialNo></DeviceInfo>"
            "<Key Id=\"%zu\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:%s\"><Issuer>",
            ++writer->written, token->kind == TOKEN_HOTP ? "hotp" : "totp");
    put_text(stream, issuer);
    fputs("</Issuer><AlgorithmParameters>", stream);
    if (token->algorithm != ALGORITHM_SHA1)
        fprintf(stream, "<Suite>HMAC-%s</Suite>", otpauth_algorithm(token->algorithm));
    fprintf(stream,
            "<ResponseFormat Encoding=\"DECIMAL\" Length=\"%u\"/></AlgorithmParameters>"
            "<Data><Secret>",
            token->digits);
    if (writer->cipher_key.len > 0) {
        fputs("<EncryptedValue>", stream);
        wrong = put_encrypted(writer, secret_bytes(&token->secret), secret_bytes(&writer->mac_key));
    } else {
        fputs("<PlainValue>", stream);
        put_base64(stream, secret_bytes(&token->secret));
        fputs("</PlainValue>", stream);
    }
    fputs("</Secret>", stream);
    if (token->kind == TOKEN_HOTP)
        fprintf(stream, "<Counter><PlainValue>%" PRId64 "</PlainValue></Counter>", token->counter);
    else
        fprintf(stream,
                "<Time><PlainValue>0</PlainValue></Time>"
                "<TimeInterval><PlainValue>%u</PlainValue></TimeInterval>",
                token->period);
    fputs("</Data><UserId>", stream);
    put_text(stream, user);
    fputs("</UserId></Key></KeyPackage>\n", stream);
    return wrong;
}

/* --- otpauth --- */

static const char *put_uri(struct transfer_writer *writer, const struct transfer_token *token)
{
    const struct otpauth fields = {
        .kind = token->kind,
        .issuer = token->issuer[0] != '\0' ? bytes_str(token->issuer) : writer->issuer,
        .account = bytes_of(token->user, token->user_len),
        .secret = secret_bytes(&token->secret),
        .algorithm = token->algorithm,
        .digits = token->digits,
        .period = token->period,
        .counter = token->counter,
    };
    struct secret uri = {0};

    if (!otpauth_uri(&fields, &uri))
        return "the URI cannot be made";
    fwrite(uri.ptr, 1, uri.len, writer->stream);
    putc('\n', writer->stream);
    writer->written++;
    secret_free(&uri);
    return NULL;
}

/* --- both --- */

const char *transfer_write_start(struct transfer_writer *writer)
{
    if (writer->format != TRANSFER_PSKC)
        return NULL;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\""
          " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
          " xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\""
          " xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\">\n",
          writer->stream);
    return writer->key.len > 0 || writer->password.len > 0 ? put_protection(writer) : NULL;
}

const char *transfer_write_token(struct transfer_writer *writer, const struct transfer_token *token)
{
    if (token->secret.len == 0 || token->secret.len > TRANSFER_SECRET_MAX)
        return "a secret has an impossible length";
    const char *wrong =
        writer->format == TRANSFER_PSKC ? put_package(writer, token) : put_uri(writer, token);

    return wrong == NULL && ferror(writer->stream) ? "the file cannot be written" : wrong;
}

const char *transfer_write_end(struct transfer_writer *writer)
{
    if (writer->format == TRANSFER_PSKC)
        fputs("</KeyContainer>\n", writer->stream);
    return fflush(writer->stream) == 0 && !ferror(writer->stream) ? NULL
                                                                  : "the file cannot be written";
}

void transfer_write_free(struct transfer_writer *writer)
{
    secret_free(&writer->cipher_key);
    secret_free(&writer->mac_key);
}
