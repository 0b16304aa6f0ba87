/* Is a certificate in the ledger what its row says? */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/crypto.h"
#include "pki/der.h"

/* The one CN of a Name, as it is; false when there is none, or several. */
static bool only_common_name(struct bytes name, struct bytes *out)
{
    static const uint8_t oid[] = {0x55, 0x04, 0x03}; /* 2.5.4.3 */
    struct der_item rdn, pair, type, value;
    int found = 0;

    while (der_next_of(&name, DER_SET, &rdn))
        while (der_next_of(&rdn.content, DER_SEQUENCE, &pair))
            if (der_next_of(&pair.content, DER_OID, &type) && der_next(&pair.content, &value) &&
                bytes_equal(type.content, bytes_of(oid, sizeof oid))) {
                *out = value.content;
                found++;
            }
    return found == 1;
}

/*
 * Does the certificate say just what the row says?  Looked at as DER alone, RFC 5280 4.1, because OpenSSL sets up a
 * key for each that it reads: seven times as long.  What is otherwise is left to OpenSSL to judge.
 */
static bool fits_as_it_is(const struct ledger_row *row)
{
    struct bytes rest = bytes_of(row->der->data, row->der->len), name;
    struct der_item whole, tbs, version, serial, algorithm, issuer, validity, begin, end, subject,
        key;
    uint8_t id[KEY_ID];
    int64_t begin_s, end_s;

    if (!der_next_of(&rest, DER_SEQUENCE, &whole) ||
        !der_next_of(&whole.content, DER_SEQUENCE, &tbs) ||
        !der_next_of(&tbs.content, DER_CONTEXT_CONSTRUCTED, &version) ||
        !der_next_of(&tbs.content, DER_INTEGER, &serial) ||
        !der_next_of(&tbs.content, DER_SEQUENCE, &algorithm) ||
        !der_next_of(&tbs.content, DER_SEQUENCE, &issuer) ||
        !der_next_of(&tbs.content, DER_SEQUENCE, &validity) ||
        !der_next_of(&tbs.content, DER_SEQUENCE, &subject) ||
        !der_next_of(&tbs.content, DER_SEQUENCE, &key) || !der_next(&validity.content, &begin) ||
        !der_next(&validity.content, &end))
        return false;
    return bytes_equal(ledger_serial(serial.content),
                       ledger_serial(bytes_of(row->serial, row->serial_len))) &&
           der_time_fault(&begin, &begin_s) == NULL && begin_s == row->not_before &&
           der_time_fault(&end, &end_s) == NULL && end_s == row->not_after &&
           only_common_name(subject.content, &name) && bytes_equal(name, bytes_str(row->name)) &&
           crypto_sha256(key.whole, id) && memcmp(id, row->key_id, KEY_ID) == 0;
}

const char *ledger_body_fault(const struct ledger_row *row)
{
    uint8_t fingerprint[32];
    struct certificate_facts facts;
    const uint8_t *at;
    const char *fault = NULL;

    if (row->der == NULL) /* of an old CRL, when a CA was adopted */
        return row->adopted && row->revoked_s != 0 ? NULL : "has no certificate";
    if (!crypto_sha256(bytes_of(row->der->data, row->der->len), fingerprint) ||
        memcmp(fingerprint, row->fingerprint, sizeof fingerprint) != 0)
        return "has another fingerprint than its certificate";
    if (fits_as_it_is(row))
        return NULL;
    at = row->der->data;
    X509 *certificate = d2i_X509(NULL, &at, (long)row->der->len);
    if (certificate == NULL || !certificate_facts(certificate, &facts)) {
        X509_free(certificate);
        return "holds what is no certificate";
    }
    if (!bytes_equal(ledger_serial(facts.serial),
                     ledger_serial(bytes_of(row->serial, row->serial_len))))
        fault = "has another serial than its certificate";
    else if (facts.not_before != row->not_before || facts.not_after != row->not_after)
        fault = "has another time than its certificate";
    else if (memcmp(facts.key_id, row->key_id, KEY_ID) != 0)
        fault = "has another key than its certificate";
    else if (facts.common_name != NULL && strcmp(facts.common_name, row->name) != 0)
        fault = "has another name than its certificate";
    certificate_facts_clear(&facts);
    X509_free(certificate);
    return fault;
}
