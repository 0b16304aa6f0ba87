#include "config.h"

#include "pki/canary.h"

#include "common/crypto.h"
#include "common/log.h"
#include "pki/revoke.h"

#include <stdio.h>

/* The row: reserved in the ledger before anything is signed. */
static bool reserve(struct session *session, const struct authority *authority, struct key *key,
                    const char *name, struct ledger_row *row)
{
    enum ledger_result result;

    *row = (struct ledger_row){.authority = authority->row.id, .kind = KIND_OTHER};
    row->name = g_strdup(name);
    row->sans = g_strdup("");
    row->path = g_strdup("");
    if (!certificate_serial(row->serial, &row->serial_len) ||
        !key_id(key_public(key), row->key_id) ||
        !certificate_validity(authority->certificate, session_now_s(), CANARY_S, &row->not_before,
                              &row->not_after)) {
        log_error("no certificate for a probe can be made by %s: it has ended, or there are no "
                  "random bytes",
                  authority->row.file);
        return false;
    }
    result = ledger_reserve(session->ledger, row, 1, 0, NULL, 0, NULL);
    if (result != LEDGER_OK)
        log_error("no certificate for a probe can be made: %s", ledger_error(session->ledger));
    return result == LEDGER_OK;
}

static bool sign(const struct session *session, struct authority *authority, struct key *key,
                 struct ledger_row *row, struct canary *canary)
{
    char *urn = name_role_urn(bytes_str(row->name)), why[LEDGER_WHY] = "";
    const struct name_san san = {.kind = NAME_URI, .text = urn};
    const struct certificate_wish wish = {
        .use = LINT_CLIENT,
        .common_name = bytes_str(row->name),
        .sans = &san,
        .n_sans = 1,
        .key = key_public(key),
        .not_before = row->not_before,
        .not_after = row->not_after,
        .path_length = -1,
        .client_auth = true,
        .serial = bytes_of(row->serial, row->serial_len),
        .longest_s = CANARY_S,
    };
    bool done;

    row->der = g_byte_array_new();
    done = certificate_sign(&wish, NULL, authority->certificate, authority->key, row->der, why,
                            sizeof why) &&
           crypto_sha256(bytes_of(row->der->data, row->der->len), row->fingerprint) &&
           key_write_pem(key, bytes_of(NULL, 0), &canary->key, why, sizeof why);
    if (done)
        canary->certificate =
            revoke_chain(session, authority, bytes_of(row->der->data, row->der->len));
    else
        log_error("no certificate for a probe can be made: %s", why);
    g_free(urn);
    return done;
}

static bool record(struct ledger *ledger, struct ledger_row *row, bool revoked)
{
    bool done = ledger_begin(ledger) == LEDGER_OK && ledger_complete(ledger, row, 1) == LEDGER_OK &&
                (!revoked || ledger_revoke(ledger, row->id, REVOKED_UNSPECIFIED) == LEDGER_OK) &&
                ledger_commit(ledger) == LEDGER_OK;

    if (!done) {
        log_error("%s", ledger_error(ledger));
        ledger_rollback(ledger);
    }
    return done;
}

bool canary_make(struct session *session, struct authority *authority, bool revoked,
                 struct canary *canary)
{
    uint8_t random[8];
    char name[sizeof CANARY_NAME + 16], why[LEDGER_WHY] = "";
    struct ledger_row row = {0};
    struct key *key = NULL;
    bool done = false, reserved = false;

    *canary = (struct canary){0};
    if (!authority_unlock(session, authority))
        return false;
    key = key_generate(KEY_P256, why, sizeof why);
    if (key == NULL || !crypto_random(random, sizeof random)) {
        log_error("no key for a probe can be made: %s", why);
        goto out;
    }
    snprintf(name, sizeof name, CANARY_NAME "%02x%02x%02x%02x%02x%02x%02x%02x", random[0],
             random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
    reserved = reserve(session, authority, key, name, &row);
    if (!reserved || !sign(session, authority, key, &row, canary))
        goto out;
    if (!record(session->ledger, &row, revoked))
        goto out;
    canary->id = row.id;
    canary->authority = authority->row.id;
    canary->serial_len = row.serial_len;
    memcpy(canary->serial, row.serial, row.serial_len);
    done = true;
out:
    if (!done && reserved)
        ledger_abandon(session->ledger, &row.id, 1, "a probe that did not come about");
    ledger_row_clear(&row);
    key_free(key);
    return done;
}

bool canary_revoke(struct session *session, const struct canary *canary)
{
    if (ledger_revoke(session->ledger, canary->id, REVOKED_CESSATION) == LEDGER_OK)
        return true;
    log_error("%s", ledger_error(session->ledger));
    return false;
}

void canary_clear(struct canary *canary)
{
    secret_free(&canary->key);
    g_free(canary->certificate);
    *canary = (struct canary){0};
}
