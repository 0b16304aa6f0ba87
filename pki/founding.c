/* New CAs: their keys and certificates. */
#include "config.h"

#include "pki/founding.h"

#include "pki/publish.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static bool make_key(const struct founding_plan *plan, enum layout layout, struct bytes passphrase,
                     struct founded *out, char *why, size_t size)
{
    char *stem = layout_authority(layout, plan->purpose, plan->generation);
    bool done = false;

    out->row.file = g_strconcat(stem, ".crt", NULL);
    if (plan->pkcs11 != NULL) {
        out->row.key = g_strdup(plan->pkcs11);
        out->key = key_generate_pkcs11(plan->pkcs11, passphrase, plan->algorithm, why, size);
        done = out->key != NULL;
    } else {
        out->key_path = g_strconcat(stem, ".key", NULL);
        out->row.key = g_strconcat("file:", out->key_path, NULL);
        out->key = key_generate(plan->algorithm, why, size);
        done = out->key != NULL && key_write_pem(out->key, passphrase, &out->key_pem, why, size);
    }
    g_free(stem);
    return done;
}

bool founded_make(const struct founding_plan *plan, enum layout layout, const struct founded *under,
                  struct bytes passphrase, int64_t now_s, struct founded *out, char *why,
                  size_t size)
{
    X509 *issuer = under != NULL ? under->certificate : NULL;
    uint8_t serial[CERTIFICATE_SERIAL];
    struct certificate_wish wish = {
        .use = LINT_CA,
        .common_name = bytes_str(plan->common_name),
        .organisation = plan->organisation,
        .path_length = plan->path_length,
        .now_s = now_s,
    };

    *out = (struct founded){.under = under};
    out->row.purpose = plan->purpose;
    out->row.generation = plan->generation;
    out->row.state = AUTHORITY_CURRENT;
    if (!certificate_validity(issuer, now_s, plan->lasts_s, &wish.not_before, &wish.not_after)) {
        snprintf(why, size, "the CA above it is not valid now");
        return false;
    }
    if (!certificate_serial(serial, &wish.serial.len)) {
        snprintf(why, size, "OpenSSL has no random bytes");
        return false;
    }
    wish.serial.ptr = serial;
    if (!make_key(plan, layout, passphrase, out, why, size))
        return false;
    wish.key = key_public(out->key);
    out->row.der = g_byte_array_new();
    if (!certificate_sign(&wish, NULL, issuer, under != NULL ? under->key : out->key, out->row.der,
                          why, size))
        return false;
    struct bytes der = bytes_of(out->row.der->data, out->row.der->len);
    out->row.not_before = wish.not_before;
    out->row.not_after = wish.not_after;
    out->pem = g_string_new(NULL);
    certificate_pem(der, out->pem);
    out->certificate = certificate_read(der, why, size);
    return out->certificate != NULL;
}

void founded_clear(struct founded *founded)
{
    ledger_authority_clear(&founded->row);
    X509_free(founded->certificate);
    key_free(founded->key);
    secret_free(&founded->key_pem);
    g_free(founded->key_path);
    if (founded->pem != NULL)
        g_string_free(founded->pem, TRUE);
    *founded = (struct founded){0};
}

json_t *founding_json(const struct ledger_authority *row, X509 *certificate)
{
    struct certificate_facts facts;
    GString *serial = g_string_new(NULL), *fingerprint = g_string_new(NULL);
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
    json_t *object = NULL;

    publish_time(row->not_before, from);
    publish_time(row->not_after, to);
    if (certificate_facts(certificate, &facts)) {
        certificate_serial_text(facts.serial, serial);
        for (size_t i = 0; i < sizeof facts.fingerprint; i++)
            g_string_append_printf(fingerprint, "%02x", facts.fingerprint[i]);
        object = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s}", "purpose",
                           ledger_purpose_names[row->purpose], "certificate", row->file, "name",
                           facts.common_name, "key", row->key, "serial", serial->str, "not_before",
                           from, "not_after", to, "sha256", fingerprint->str);
        certificate_facts_clear(&facts);
    }
    g_string_free(serial, TRUE);
    g_string_free(fingerprint, TRUE);
    return object;
}

static bool fill_row(const struct founded *founded, struct ledger_row *row)
{
    struct certificate_facts facts = {0};
    bool done =
        certificate_facts(founded->certificate, &facts) && facts.serial.len <= sizeof row->serial;

    if (done) {
        memcpy(row->serial, facts.serial.ptr, facts.serial.len);
        row->serial_len = facts.serial.len;
        row->name = g_strdup(facts.common_name != NULL ? facts.common_name : "");
        row->not_before = facts.not_before;
        row->not_after = facts.not_after;
        memcpy(row->key_id, facts.key_id, sizeof row->key_id);
        memcpy(row->fingerprint, facts.fingerprint, sizeof row->fingerprint);
        row->der = g_byte_array_ref(founded->row.der);
    }
    row->sans = g_strdup("");
    row->path = g_strdup("");
    certificate_facts_clear(&facts);
    return done;
}

bool founded_record_signed(struct ledger *ledger, const struct founded *founded)
{
    struct ledger_row row = {.kind = KIND_CA, .authority = founded->row.parent}, there = {0};
    enum ledger_result result;

    if (founded->row.parent == 0)
        return true;
    result = fill_row(founded, &row) ? ledger_by_fingerprint(ledger, row.fingerprint, &there)
                                     : LEDGER_FAILED;
    if (result == LEDGER_NONE)
        result = ledger_adopt(ledger, &row);
    ledger_row_clear(&row);
    ledger_row_clear(&there);
    return result == LEDGER_OK;
}
