/*
 * Reads PSKC (RFC 6030), plain, or encrypted by a pre-shared key or a password.
 *
 * By libxml2 itself, one KeyPackage at a time: libpskc reads neither encrypted values nor says on which
 * line something is.  Nothing is fetched and no entity is replaced; a document type, which only an attack
 * would bring, is refused.  Elements are told apart by their local names, as drafts and vendors differ in
 * name spaces.  libxml2's copies of secrets are freed package by package; main() sees that what is freed
 * is wiped (common/heap.c).
 */
#include "config.h"

#include "mfa/transfer.h"

#include <libxml/xmlreader.h>

#include "mfa/otpauth.h"
#include "mfa/transfer_pskc.h"
#include "mfa/transfer_xml.h"

#define COUNTER_MAX (INT64_MAX - 1)

/* One file being read. */
struct container {
    const struct transfer_input *input;
    struct transfer *out;
    size_t line;       /* of the package at hand */
    struct secret key; /* of the encryption; empty = none given or derived */
    bool has_mac;
    struct secret mac_algorithm;
    struct secret mac_key;
    bool without_mac_said;
};

static bool fault(struct container *container, const char *what)
{
    transfer_say(container->out, TRANSFER_FAULT, container->line, "%s", what);
    return false;
}

/* --- what encrypts --- */

static bool read_derivation(struct container *container, const xmlNode *key)
{
    const xmlNode *method = xml_child(key, "KeyDerivationMethod");
    const xmlNode *parameters = xml_below(method, "PBKDF2-params");
    const xmlNode *prf = xml_child(parameters, "PRF");
    struct secret salt = {0}, algorithm = {0}, prf_uri = {0};
    struct pskc_derivation derivation = {.length = 16};
    const char *wrong = "the key derivation is not PBKDF2 with salt and count";

    struct bytes uri = xml_attribute(method, "Algorithm", &algorithm);
    if (uri.len < 7 || memcmp(uri.ptr + uri.len - 7, "#pbkdf2", 7) != 0 ||
        !xml_base64(xml_below(xml_child(parameters, "Salt"), "Specified"), &salt) ||
        !xml_number(xml_child(parameters, "IterationCount"), INT32_MAX, &derivation.iterations))
        goto out;
    if (xml_child(parameters, "KeyLength") != NULL &&
        !xml_number(xml_child(parameters, "KeyLength"), 64, &derivation.length))
        goto out;
    derivation.salt = secret_bytes(&salt);
    derivation.prf = xml_attribute(prf, "Algorithm", &prf_uri);
    wrong = container->input->password.len == 0
                ? "the file is encrypted by a password; see --password-file"
                : pskc_derive(&derivation, container->input->password, &container->key);

out:
    secret_free(&prf_uri);
    secret_free(&algorithm);
    secret_free(&salt);
    return wrong == NULL || fault(container, wrong);
}

static void read_encryption_key(struct container *container, const xmlNode *node)
{
    const xmlNode *derived = xml_child(node, "DerivedKey");

    if (container->key.len > 0)
        fault(container, "there is more than one EncryptionKey");
    else if (derived != NULL)
        read_derivation(container, derived);
    else if (xml_child(node, "X509Data") != NULL || xml_child(node, "EncryptedKey") != NULL)
        fault(container, "the file is encrypted for a certificate, which is not supported; "
                         "have it made with a pre-shared key or a password");
    else if (container->input->key.len == 0)
        fault(container, "the file is encrypted by a pre-shared key; see --key-file");
    else
        secret_copy(&container->key, container->input->key);
}

/*
 * Opens the EncryptedValue (or the MACKey) at node into *plain, which the caller frees; mac is its
 * ValueMAC or NULL.
 */
static bool open_value(struct container *container, const xmlNode *node, const xmlNode *mac,
                       struct secret *plain)
{
    struct secret uri_held = {0}, value = {0}, wanted = {0};
    struct bytes uri = xml_attribute(xml_below(node, "EncryptionMethod"), "Algorithm", &uri_held);
    const char *wrong = NULL;

    *plain = (struct secret){0};
    if (container->key.len == 0)
        wrong = "a value is encrypted, and no EncryptionKey before it says how";
    else if (!xml_base64(xml_below(node, "CipherValue"), &value))
        wrong = "an encrypted value is not base64";
    else if (mac != NULL && !xml_base64(mac, &wanted))
        wrong = "a ValueMAC is not base64";
    else if (mac != NULL && !container->has_mac)
        wrong = "there is a ValueMAC, and no MACMethod before it";
    else if (mac != NULL) /* RFC 6030, section 6.1.1: without a MACKey the encryption key serves */
        wrong = pskc_check_mac(
            secret_bytes(&container->mac_algorithm),
            secret_bytes(container->mac_key.len > 0 ? &container->mac_key : &container->key),
            secret_bytes(&value), secret_bytes(&wanted));
    if (wrong == NULL)
        wrong = pskc_decrypt(uri, secret_bytes(&container->key), secret_bytes(&value), plain);
    secret_free(&wanted);
    secret_free(&value);
    secret_free(&uri_held);
    return wrong == NULL || fault(container, wrong);
}

static void read_mac_method(struct container *container, const xmlNode *node)
{
    struct secret held;
    struct bytes uri = xml_attribute(node, "Algorithm", &held);
    const xmlNode *key = xml_child(node, "MACKey");

    if (container->mac_algorithm.ptr != NULL) /* also one that could not be used */
        fault(container, "there is more than one MACMethod");
    else if (!secret_copy(&container->mac_algorithm, uri))
        fault(container, "memory is short");
    else
        container->has_mac = key == NULL || open_value(container, key, NULL, &container->mac_key);
    secret_free(&held);
}

/* --- one key --- */

/* A value of Data, plain or encrypted, as bytes; *found says whether it is there. */
static bool read_value(struct container *container, const xmlNode *node, bool *found,
                       bool *encrypted, struct secret *out)
{
    const xmlNode *plain = xml_child(node, "PlainValue"),
                  *sealed = xml_child(node, "EncryptedValue");
    const xmlNode *mac = xml_child(node, "ValueMAC");
    struct secret held;

    *out = (struct secret){0};
    *encrypted = plain == NULL && sealed != NULL;
    *found = plain != NULL || sealed != NULL;
    if (plain != NULL) {
        struct bytes text = xml_text(plain, &held);
        bool kept = secret_copy(out, text);
        secret_free(&held);
        return kept || fault(container, "memory is short");
    }
    if (sealed == NULL)
        return true;
    if (mac == NULL && container->has_mac)
        return fault(container, "an encrypted value has no MAC, although there is a MACMethod");
    if (mac == NULL && !container->without_mac_said) {
        container->without_mac_said = true;
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "the file has no MACs: whether anybody changed it cannot be told");
    }
    return open_value(container, sealed, mac, out);
}

static bool read_secret(struct container *container, const xmlNode *data, struct secret *out)
{
    bool found, encrypted;
    struct secret value;

    if (!read_value(container, xml_child(data, "Secret"), &found, &encrypted, &value))
        return false;
    if (!found)
        return fault(container, "the key has no Secret");
    if (encrypted) {
        *out = value;
        return true;
    }
    bool good = transfer_base64(secret_bytes(&value), out);
    secret_free(&value);
    return good || fault(container, "the Secret is not base64");
}

/* A number of Data; *out stays as it is when it is not there.  Encrypted ones are big-endian. */
static bool read_number(struct container *container, const xmlNode *data, const char *name,
                        int64_t *out)
{
    bool found, encrypted, good = true;
    struct secret value;

    if (!read_value(container, xml_child(data, name), &found, &encrypted, &value))
        return false;
    if (found && !encrypted) {
        good = transfer_number(secret_bytes(&value), 0, COUNTER_MAX, out);
    } else if (found) {
        uint64_t number = 0;
        for (size_t i = 0; i < value.len && i < 8; i++)
            number = number << 8 | value.ptr[i];
        good = value.len > 0 && value.len <= 8 && number <= COUNTER_MAX;
        *out = good ? (int64_t)number : 0;
    }
    secret_free(&value);
    if (!good)
        transfer_say(container->out, TRANSFER_FAULT, container->line, "%s is not a number", name);
    return good;
}

/* What Policy and AlgorithmParameters would have a verifier do that ours does not. */
static bool read_limits(struct container *container, const xmlNode *key,
                        struct transfer_token *token)
{
    const xmlNode *parameters = xml_child(key, "AlgorithmParameters");
    const xmlNode *response = xml_child(parameters, "ResponseFormat");
    struct secret held;
    int64_t length;
    bool good = true;

    struct bytes suite = xml_text(xml_child(parameters, "Suite"), &held);
    char name[32] = "";
    if (suite.len > 5 && memcmp(suite.ptr, "HMAC-", 5) == 0)
        suite = bytes_of(suite.ptr + 5, suite.len - 5);
    if (suite.len > 0 && (!transfer_label(name, sizeof name, suite) ||
                          !otpauth_algorithm_read(name, &token->algorithm)))
        good = fault(container, "the Suite is none of HMAC-SHA1, HMAC-SHA256, HMAC-SHA512");
    secret_free(&held);

    struct bytes digits = xml_attribute(response, "Length", &held);
    if (digits.len > 0 && transfer_number(digits, 0, 99, &length))
        token->digits = (unsigned)length;
    else if (response != NULL)
        good = fault(container, "the ResponseFormat has no Length");
    secret_free(&held);
    struct bytes encoding = xml_attribute(response, "Encoding", &held);
    if (encoding.len > 0 && !bytes_equal(encoding, bytes_str("DECIMAL")))
        good = fault(container, "the codes are not decimal");
    secret_free(&held);
    struct bytes check = xml_attribute(response, "CheckDigits", &held);
    if (check.len == 0) {
        secret_free(&held);
        check = xml_attribute(response, "CheckDigit", &held);
    }
    if (bytes_equal(check, bytes_str("true")) || bytes_equal(check, bytes_str("1")))
        good = fault(container, "the codes have a check digit, which is not supported");
    secret_free(&held);

    if (xml_child(key, "Policy") != NULL)
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "the key's Policy (dates, PIN, number of uses) does not come along");
    return good;
}

static void read_names(struct container *container, const xmlNode *package, const xmlNode *key,
                       struct transfer_token *token)
{
    const xmlNode *device = xml_child(package, "DeviceInfo");
    struct secret user, serial, id, issuer;
    struct bytes user_text = xml_text(xml_child(key, "UserId"), &user);
    struct bytes serial_text = xml_text(xml_child(device, "SerialNo"), &serial);
    struct bytes id_text = xml_attribute(key, "Id", &id);

    if (user_text.len == 0) {
        secret_free(&user);
        user_text = xml_text(xml_child(device, "UserId"), &user);
    }
    if (container->input->user.len > 0)
        user_text = container->input->user;
    transfer_user(container->out, token, user_text);
    if (serial_text.len == 0)
        serial_text = id_text;
    if (!transfer_label(token->name, sizeof token->name, serial_text))
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "the serial number is too long to be the token's name");
    if (!transfer_label(token->issuer, sizeof token->issuer,
                        xml_text(xml_child(key, "Issuer"), &issuer)))
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "the issuer has more than %d bytes and does not come along",
                     TRANSFER_LABEL_MAX);
    secret_free(&issuer);
    secret_free(&id);
    secret_free(&serial);
    secret_free(&user);
}

/* "hotp" and "totp" stand behind the last ':' or '#': drafts had other stems. */
static bool read_kind(struct container *container, const xmlNode *key, enum token_kind *kind)
{
    struct secret held;
    struct bytes uri = xml_attribute(key, "Algorithm", &held);
    size_t from = uri.len;
    bool known = true;

    while (from > 0 && uri.ptr[from - 1] != ':' && uri.ptr[from - 1] != '#')
        from--;
    struct bytes name = uri.len > 0 ? bytes_of(uri.ptr + from, uri.len - from) : uri;
    if (bytes_equal(name, bytes_str("hotp")))
        *kind = TOKEN_HOTP;
    else if (bytes_equal(name, bytes_str("totp")))
        *kind = TOKEN_TOTP;
    else
        known = false;
    if (!known)
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "a key that is neither for HOTP nor for TOTP does not come along: %.*s",
                     (int)(uri.len < 64 ? uri.len : 64), (const char *)uri.ptr);
    secret_free(&held);
    return known;
}

static void read_key(struct container *container, const xmlNode *package, const xmlNode *key)
{
    const xmlNode *data = xml_child(key, "Data");
    int64_t interval = 30, drift = 0, start = 0;
    enum token_kind kind = TOKEN_TOTP;

    if (!read_kind(container, key, &kind))
        return;
    struct transfer_token *token = transfer_add(container->out, container->line, bytes_of(NULL, 0));
    if (token == NULL)
        return;
    size_t before = container->out->faults;
    token->kind = kind;
    read_names(container, package, key, token);
    read_limits(container, key, token);
    read_secret(container, data, &token->secret);
    read_number(container, data, "Counter", &token->counter);
    read_number(container, data, "TimeInterval", &interval);
    read_number(container, data, "TimeDrift", &drift);
    read_number(container, data, "Time", &start);
    token->period = interval <= UINT16_MAX ? (unsigned)interval : UINT16_MAX;
    if (kind == TOKEN_HOTP && xml_child(data, "Counter") == NULL)
        fault(container, "a HOTP key has no Counter");
    if (kind == TOKEN_TOTP && start != 0)
        fault(container,
              "the key counts time from another moment than 1970, which is not supported");
    if (kind == TOKEN_TOTP && drift != 0)
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "TimeDrift does not come along: `pgsignet-mfa resync` finds it again");
    if (container->out->faults > before || !transfer_check(container->out, token))
        transfer_drop(container->out);
}

static void read_package(struct container *container, const xmlNode *package)
{
    for (const xmlNode *at = package->children; at != NULL; at = at->next)
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, "Key") == 0)
            read_key(container, package, at);
}

/* --- the file --- */

static const struct {
    const char *name;
    void (*read)(struct container *container, const xmlNode *node);
} parts[] = {
    {"EncryptionKey", read_encryption_key},
    {"MACMethod", read_mac_method},
    {"KeyPackage", read_package},
};

/* One element below the container; false when the rest cannot be read. */
static bool read_part(struct container *container, xmlTextReader *reader)
{
    const char *name = (const char *)xmlTextReaderConstLocalName(reader);

    if (strcmp(name, "Signature") == 0)
        transfer_say(container->out, TRANSFER_LOST, container->line,
                     "the file's signature is not checked: `pskctool --verify` does that");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strcmp(name, parts[i].name) == 0) {
            const xmlNode *node = xmlTextReaderExpand(reader);
            if (node == NULL)
                return false;
            parts[i].read(container, node);
        }
    }
    return true;
}

static void read_all(struct container *container, xmlTextReader *reader)
{
    int more = xmlTextReaderRead(reader);
    bool inside = false;

    while (more == 1) {
        int type = xmlTextReaderNodeType(reader), depth = xmlTextReaderDepth(reader);
        int line = xmlTextReaderGetParserLineNumber(reader);
        bool whole = false;
        const xmlNode *node = xmlTextReaderCurrentNode(reader);

        container->line = node != NULL && xmlGetLineNo(node) > 0 ? (size_t)xmlGetLineNo(node)
                          : line > 0                             ? (size_t)line
                                                                 : 0;
        if (type == XML_READER_TYPE_DOCUMENT_TYPE) {
            fault(container, "a document type has no place in PSKC");
            return;
        }
        if (type == XML_READER_TYPE_ELEMENT && depth == 0) {
            inside = strcmp((const char *)xmlTextReaderConstLocalName(reader), "KeyContainer") == 0;
            if (!inside) {
                fault(container, "this is no KeyContainer of PSKC");
                return;
            }
        } else if (type == XML_READER_TYPE_ELEMENT && inside && depth == 1) {
            if (!read_part(container, reader)) {
                more = -1;
                break;
            }
            whole = true;
        }
        more = whole ? xmlTextReaderNext(reader) : xmlTextReaderRead(reader);
    }
    if (more < 0) {
        int line = xmlTextReaderGetParserLineNumber(reader);
        container->line = line > 0 ? (size_t)line : 0;
        fault(container, "this is not well-formed XML");
    } else if (!inside) {
        fault(container, "this is no KeyContainer of PSKC");
    }
}

/* The parser's own messages quote the file; ours are enough. */
static void hush(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error;
}

void transfer_read_pskc(const struct transfer_input *input, struct transfer *out)
{
    struct container container = {.input = input, .out = out};
    xmlTextReader *reader = NULL;

    xmlSetStructuredErrorFunc(NULL, hush);
    if (input->text.len > 0)
        reader = xmlReaderForMemory((const char *)input->text.ptr, (int)input->text.len, NULL, NULL,
                                    XML_PARSE_NONET | XML_PARSE_NODICT | XML_PARSE_NOERROR |
                                        XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
    if (reader != NULL)
        read_all(&container, reader);
    else
        fault(&container, "this is not well-formed XML");
    xmlFreeTextReader(reader);
    secret_free(&container.mac_key);
    secret_free(&container.mac_algorithm);
    secret_free(&container.key);
}
