#include "config.h"

#include "pki/rotate_make.h"

#include "common/crypto.h"
#include "common/log.h"

#include <stdio.h>

/*
 * Live certificates of this kind (KIND_CROSS, KIND_CA) for the key of this CA: GArray of ledger_row; NULL after a message.
 * Those of a CA that is out of trust lead nowhere, and are left out.
 */
static GArray *signed_for(struct session *session, const struct authority *subject,
                          enum ledger_kind kind)
{
    const struct ledger_filter filter = {
        .kind = 1 + (int)kind, .live_at = session_now_s(), .with_der = true};
    uint8_t id[KEY_ID];
    GArray *rows = NULL;

    if (!key_id(X509_get0_pubkey(subject->certificate), id)) {
        log_error("the key of %s cannot be read", subject->row.file);
        return NULL;
    }
    if (ledger_list(session->ledger, &filter, &rows) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return NULL;
    }
    for (guint i = rows->len; i-- > 0;) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        const struct authority *issuer = session_authority(session, row->authority);

        if (memcmp(row->key_id, id, KEY_ID) != 0 || issuer == NULL ||
            issuer->row.state == AUTHORITY_DROPPED)
            g_array_remove_index(rows, i);
    }
    return rows;
}

static bool has_rival(const struct session *session, const struct authority *authority)
{
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;

        if (row->id != authority->row.id && row->purpose == authority->row.purpose &&
            row->state != AUTHORITY_DROPPED)
            return true;
    }
    return false;
}

bool rotate_read_crosses(struct session *session)
{
    bool done = true;

    for (size_t i = 0; done && i < session->n_authorities; i++) {
        struct authority *authority = &session->authorities[i];
        GArray *rows;

        if (authority->row.state == AUTHORITY_DROPPED || !has_rival(session, authority))
            continue;
        rows = signed_for(session, authority, KIND_CROSS);
        done = rows != NULL;
        if (done && rows->len > 0) {
            const GByteArray *der = g_array_index(rows, struct ledger_row, 0).der;
            char why[LEDGER_WHY];

            authority->cross = certificate_read(bytes_of(der->data, der->len), why, sizeof why);
        }
        if (rows != NULL)
            g_array_unref(rows);
    }
    return done;
}

static bool describe(struct authority *subject, const struct authority *issuer, int64_t lasts_s,
                     struct ledger_row *row)
{
    struct certificate_facts facts = {0};
    int64_t not_before, not_after;
    bool done = false;

    *row = (struct ledger_row){.authority = issuer->row.id, .kind = KIND_CROSS};
    row->sans = g_strdup("");
    row->path = g_strdup("");
    if (certificate_facts(subject->certificate, &facts)) {
        row->name = g_strdup(facts.common_name != NULL ? facts.common_name : "");
        memcpy(row->key_id, facts.key_id, KEY_ID);
        done = certificate_serial(row->serial, &row->serial_len) &&
               certificate_validity(issuer->certificate, session_now_s(), lasts_s, &row->not_before,
                                    &row->not_after) &&
               certificate_window(subject->certificate, &not_before, &not_after);
    }
    if (done && row->not_after > not_after)
        row->not_after = not_after;
    if (done && row->not_before < not_before)
        row->not_before = not_before;
    certificate_facts_clear(&facts);
    done = done && row->not_before < row->not_after;
    if (!done)
        log_error("%s cannot be signed by %s: one of them has ended, or there are no random bytes",
                  subject->row.file, issuer->row.file);
    return done;
}

static bool sign(struct authority *subject, struct authority *issuer, struct ledger_row *row)
{
    unsigned char *name = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(subject->certificate), &name);
    struct bytes subject_der = bytes_of(name, len > 0 ? (size_t)len : 0);
    char why[LEDGER_WHY] = "the name cannot be read";
    const struct certificate_wish wish = {
        .use = LINT_CA,
        .key = X509_get0_pubkey(subject->certificate),
        .not_before = row->not_before,
        .not_after = row->not_after,
        .path_length = 0,
        .serial = bytes_of(row->serial, row->serial_len),
    };
    bool done;

    row->der = g_byte_array_new();
    done = len > 0 &&
           certificate_sign(&wish, &subject_der, issuer->certificate, issuer->key, row->der, why,
                            sizeof why) &&
           crypto_sha256(bytes_of(row->der->data, row->der->len), row->fingerprint);
    if (!done)
        log_error("%s cannot be signed by %s: %s", subject->row.file, issuer->row.file, why);
    OPENSSL_free(name);
    return done;
}

static bool cross(struct session *session, struct authority *subject, struct authority *issuer,
                  int64_t lasts_s)
{
    GArray *there = signed_for(session, subject, KIND_CROSS);
    struct ledger_row row = {0};
    bool done = false, reserved = false;

    if (there == NULL)
        return false;
    for (guint i = 0; i < there->len; i++)
        done = done || g_array_index(there, struct ledger_row, i).authority == issuer->row.id;
    g_array_unref(there);
    if (done)
        return true;
    if (!authority_unlock(session, issuer) || !describe(subject, issuer, lasts_s, &row))
        goto out;
    reserved = ledger_reserve(session->ledger, &row, 1, 0, NULL, 0, NULL) == LEDGER_OK;
    if (!reserved)
        log_error("%s", ledger_error(session->ledger));
    if (!reserved || !sign(subject, issuer, &row))
        goto out;
    done = ledger_complete(session->ledger, &row, 1) == LEDGER_OK;
    if (!done)
        log_error("%s", ledger_error(session->ledger));
out:
    if (!done && reserved)
        ledger_abandon(session->ledger, &row.id, 1, "a cross-certificate that did not come about");
    ledger_row_clear(&row);
    return done;
}

#define DISTRUST "rotate.distrust" /* the ledger's word, while it holds */

bool rotate_set_distrust(struct session *session, bool distrust)
{
    if (ledger_set_word(session->ledger, DISTRUST, distrust ? "yes" : NULL) == LEDGER_OK)
        return true;
    log_error("%s", ledger_error(session->ledger));
    return false;
}

static bool is_distrusted(struct session *session)
{
    char *value = NULL;
    bool distrusted = ledger_word(session->ledger, DISTRUST, &value) != LEDGER_NONE;

    g_free(value);
    return distrusted;
}

bool rotate_cross_both(struct session *session, struct authority *old, struct authority *new)
{
    if (X509_get_pathlen(old->certificate) == 0)
        log_warning(
            "%s may sign no CA (pathLen 0): who trusts it alone will refuse what the new CA "
            "signs, until trust.crt is brought there",
            old->row.file);
    else if (!cross(session, new, old, session->ca.leaf))
        return false;
    return old->row.purpose == PURPOSE_CLIENT || is_distrusted(session) ||
           cross(session, old, new, CROSS_OLD_S);
}

static bool revoke_all(struct session *session, const struct authority *dropped,
                       enum ledger_kind kind)
{
    GArray *rows = signed_for(session, dropped, kind);
    bool done = rows != NULL;

    for (guint i = 0; done && i < rows->len; i++) {
        done = ledger_revoke(session->ledger, g_array_index(rows, struct ledger_row, i).id,
                             REVOKED_SUPERSEDED) == LEDGER_OK;
        if (!done)
            log_error("%s", ledger_error(session->ledger));
    }
    if (rows != NULL)
        g_array_unref(rows);
    return done;
}

bool rotate_revoke_signed(struct session *session, const struct authority *dropped)
{
    return revoke_all(session, dropped, KIND_CROSS) && revoke_all(session, dropped, KIND_CA);
}
