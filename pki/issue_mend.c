/*
 * What a killed program left half done.  Its rows are reserved still.  The certificate's part is written last and
 * renamed last (output.c): where it is whole, and fits its row, all was written, and the rest is renaming.
 */
#include "config.h"

#include "pki/issue_own.h"

#include "common/crypto.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

#define FILE_MOST (64 * 1024) /* bytes of a certificate with its chain, or of a key */

#define ALL_FORMS ((1u << OUTPUT_FORMS) - 1u)

/* The part, or else what is in its place. */
static GByteArray *read_either(struct session *session, const char *path, const char *suffix)
{
    g_autofree char *file = g_strconcat(path, suffix, NULL);
    GByteArray *text = g_byte_array_new();

    if (place_read(session->folder_fd, file, ISSUE_TAG, true, FILE_MOST, text))
        return text;
    g_byte_array_set_size(text, 0);
    if (place_read(session->folder_fd, file, ISSUE_TAG, false, FILE_MOST, text))
        return text;
    g_byte_array_unref(text);
    return NULL;
}

/* Is it the certificate that this row was reserved for, signed by its CA? */
static bool is_of_row(struct session *session, X509 *certificate, const struct ledger_row *row)
{
    struct authority *authority = session_authority(session, row->authority);
    struct certificate_facts facts = {0};
    bool fits = authority != NULL && certificate_facts(certificate, &facts) &&
                bytes_equal(facts.serial, bytes_of(row->serial, row->serial_len)) &&
                memcmp(facts.key_id, row->key_id, sizeof row->key_id) == 0 &&
                X509_verify(certificate, X509_get0_pubkey(authority->certificate)) == 1;

    certificate_facts_clear(&facts);
    return fits;
}

static X509 *whole_certificate(struct session *session, const struct ledger_row *row)
{
    GByteArray *text = read_either(session, row->path, ".crt");
    GPtrArray *all = NULL;
    X509 *found = NULL;
    char why[ISSUE_WHY];

    if (text == NULL)
        return NULL;
    all = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
    if (all != NULL && all->len > 0 && is_of_row(session, g_ptr_array_index(all, 0), row)) {
        found = g_ptr_array_index(all, 0);
        X509_up_ref(found);
    }
    if (all != NULL)
        g_ptr_array_unref(all);
    g_byte_array_unref(text);
    return found;
}

static bool has_its_key(struct session *session, const struct ledger_row *row, X509 *certificate)
{
    GByteArray *text = read_either(session, row->path, ".key");
    struct key *key = NULL;
    char why[ISSUE_WHY];
    bool fits;

    if (text == NULL)
        return false;
    key = key_read(bytes_of(text->data, text->len), (struct bytes){0}, why, sizeof why);
    fits = key != NULL && key_fits(key, X509_get0_pubkey(certificate));
    key_free(key);
    secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    return fits;
}

static bool finish(struct session *session, struct ledger_row *row, X509 *certificate,
                   const struct output_files *places, const char *serial)
{
    char why[ISSUE_WHY];

    if (!place_resume(session->folder_fd, places->at, places->n, ISSUE_TAG, why, sizeof why)) {
        log_error("certificate %s of \"%s\", which another run left half done, cannot be finished: "
                  "%s",
                  serial, row->name, why);
        return false;
    }
    row->der = certificate_der(certificate);
    if (row->der == NULL ||
        !crypto_sha256(bytes_of(row->der->data, row->der->len), row->fingerprint) ||
        ledger_complete(session->ledger, row, 1) != LEDGER_OK) {
        log_error("certificate %s of \"%s\", which another run left half done, cannot be finished: "
                  "%s",
                  serial, row->name, ledger_error(session->ledger));
        return false;
    }
    log_notice("finished certificate %s of \"%s\" (%s.crt), which another run had left half done",
               serial, row->name, row->path);
    if (row->revoked_s != 0)
        log_warning("it is revoked: its key, or the one before it, was revoked meanwhile (%s); "
                    "pgsignet-ca crl --publish",
                    ledger_reason_name(row->reason));
    return true;
}

static bool take_back(struct session *session, const struct ledger_row *row,
                      const struct output_files *places, const char *serial)
{
    /* Where it was to be given away is not known, nor whether somebody has found it there. */
    bool away = row->path == NULL || row->path[0] == '\0';

    place_rollback(session->folder_fd, places->at, places->n, ISSUE_TAG);
    if ((away ? ledger_withdraw : ledger_abandon)(session->ledger, &row->id, 1,
                                                  "the run ended before its files were written") !=
        LEDGER_OK) {
        log_error("the serial %s, reserved for \"%s\" by a run that ended early, cannot be taken "
                  "back: %s",
                  serial, row->name, ledger_error(session->ledger));
        return false;
    }
    log_notice("took back the serial %s, reserved for \"%s\" by a run that ended before the "
               "certificate was written%s: ask for it again",
               serial, row->name,
               away ? ", and revoked it, for somebody may have seen what was written" : "");
    return true;
}

static bool mend_row(struct session *session, struct ledger_row *row)
{
    bool in_folder = row->path != NULL && row->path[0] != '\0';
    X509 *certificate = in_folder ? whole_certificate(session, row) : NULL;
    g_autoptr(GString) serial = g_string_new(NULL);
    struct output_files places = {0};
    bool done;

    certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
    if (in_folder)
        output_places(row->path, true, ALL_FORMS, &places);
    if (certificate != NULL && (!row->has_key || has_its_key(session, row, certificate)))
        done = finish(session, row, certificate, &places, serial->str);
    else
        done = take_back(session, row, &places, serial->str);
    output_clear(&places);
    X509_free(certificate);
    return done;
}

/* What is left over; NULL after a message. */
static GArray *left_over(struct session *session)
{
    GArray *rows = NULL;

    if (ledger_left_over(session->ledger, &rows) != LEDGER_OK)
        log_error("%s", ledger_error(session->ledger));
    return rows;
}

/* In one transaction: of two that would mend the same row, the second finds it done. */
static bool mend_all(struct session *session)
{
    GArray *rows = NULL;
    bool done = ledger_begin(session->ledger) == LEDGER_OK;

    if (!done) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    rows = left_over(session);
    done = rows != NULL;
    for (guint i = 0; done && i < rows->len; i++)
        done = mend_row(session, &g_array_index(rows, struct ledger_row, i));
    if (rows != NULL)
        g_array_unref(rows);
    if (!done) {
        ledger_rollback(session->ledger);
        return false;
    }
    done = ledger_commit(session->ledger) == LEDGER_OK;
    if (!done)
        log_error("%s", ledger_error(session->ledger));
    return done;
}

bool issue_mend(struct session *session)
{
    GArray *rows = left_over(session);
    bool none = rows != NULL && rows->len == 0;
    bool known = rows != NULL;

    if (rows != NULL)
        g_array_unref(rows);
    return known && (none || mend_all(session));
}
