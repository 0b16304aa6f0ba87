/* The five steps for one batch, each for all of it. */
#include "config.h"

#include "pki/issue_own.h"

#include "common/crypto.h"
#include "common/log.h"
#include "pki/place.h"
#include "pki/server_trust.h"

#include <stdio.h>
#include <string.h>

#define BUNDLED_CRLS (1024 * 1024) /* bytes at most */

/* --- reserve ------------------------------------------------------------------------------------------ */

static void take_out(struct issue_batch *batch, size_t at)
{
    struct issue_item *item = &batch->at[at];

    for (size_t i = 0; i < item->n_sans; i++)
        name_san_clear(&item->sans[i]);
    g_free(item->sans);
    key_free(item->made->key);
    item->made->key = NULL;
    g_clear_pointer(&item->made->path, g_free);
    ledger_row_clear(&batch->rows[at]);
    batch->n--;
    memmove(&batch->at[at], &batch->at[at + 1], (batch->n - at) * sizeof batch->at[0]);
    memmove(&batch->rows[at], &batch->rows[at + 1], (batch->n - at) * sizeof batch->rows[0]);
    batch->at[batch->n] = (struct issue_item){0};
    batch->rows[batch->n] = (struct ledger_row){0};
}

static unsigned flags_of(const struct issue_batch *batch)
{
    unsigned flags = batch->options->second ? LEDGER_SECOND : 0;

    for (size_t i = 0; i < batch->n; i++)
        if (batch->at[i].wish->same_key)
            flags |= LEDGER_SAME_KEY;
    return flags;
}

static enum ledger_result try_reserve(struct issue_batch *batch, size_t *refused)
{
    struct ledger *ledger = batch->session->ledger;
    enum ledger_result result;

    *refused = batch->n;
    if (!batch->rehearsal)
        return ledger_reserve(ledger, batch->rows, batch->n, flags_of(batch),
                              (const char *const *)batch->roles, batch->n_roles, refused);
    result = ledger_begin(ledger);
    if (result != LEDGER_OK)
        return result;
    result = ledger_reserve(ledger, batch->rows, batch->n, flags_of(batch),
                            (const char *const *)batch->roles, batch->n_roles, refused);
    ledger_rollback(ledger);
    return result;
}

/* Until the ledger takes all that are left.  False after a message. */
static bool reserve(struct issue_batch *batch)
{
    bool keep_going = batch->options->keep_going;
    size_t at;

    while (batch->n > 0) {
        enum ledger_result result = try_reserve(batch, &at);

        if (result == LEDGER_OK)
            return true;
        if (result != LEDGER_REFUSED || at >= batch->n) {
            log_error("%s", ledger_error(batch->session->ledger));
            return false;
        }
        struct issue_item *item = &batch->at[at];
        if (item->first_place) {
            /* Another process may have been faster; a refusal for another reason comes again. */
            issue_second_place(batch, item, &batch->rows[at]);
            if (!item->first_place && item->made->path != NULL)
                continue;
        }
        g_free(item->made->refused);
        item->made->refused = g_strdup(ledger_error(batch->session->ledger));
        issue_say_refused(item->wish, item->made->refused, keep_going);
        if (!keep_going)
            return false;
        take_out(batch, at);
    }
    return true;
}

static bool abandon(struct issue_batch *batch, const char *detail)
{
    g_autofree int64_t *ids = g_new(int64_t, batch->n);

    for (size_t i = 0; i < batch->n; i++)
        ids[i] = batch->rows[i].id;
    if (ledger_abandon(batch->session->ledger, ids, batch->n, detail) != LEDGER_OK)
        log_error("%s; the next start of pgsignet-ca takes the reserved serials back",
                  ledger_error(batch->session->ledger));
    return false;
}

/* Parts of certificates may have been in folders of others, who may have read them: those are revoked. */
static void withdraw(struct issue_batch *batch, const char *detail)
{
    struct ledger *ledger = batch->session->ledger;
    bool done = ledger_begin(ledger) == LEDGER_OK, away = false;

    for (size_t i = 0; done && i < batch->n; i++) {
        bool in_folder = batch->at[i].in_folder;
        away = away || !in_folder;
        done = (in_folder ? ledger_abandon : ledger_withdraw)(ledger, &batch->rows[i].id, 1,
                                                              detail) == LEDGER_OK;
    }
    done = done && ledger_commit(ledger) == LEDGER_OK;
    if (!done) {
        log_error("%s; the next start of pgsignet-ca takes the reserved serials back",
                  ledger_error(ledger));
        ledger_rollback(ledger);
    } else if (away) {
        log_notice("what was signed already, and meant for places outside of the CA's folder, is "
                   "revoked: pgsignet-ca crl --publish");
    }
}

/* --- sign ------------------------------------------------------------------------------------------------ */

static bool sign_one(const struct issue_batch *batch, struct issue_item *item,
                     struct ledger_row *row, char *why, size_t size)
{
    const struct certificate_wish wish = {
        .use = row->kind == KIND_SERVER ? LINT_SERVER : LINT_CLIENT,
        .common_name = bytes_str(row->name),
        .sans = item->sans,
        .n_sans = item->n_sans,
        .key = item->key,
        .not_before = row->not_before,
        .not_after = row->not_after,
        .path_length = -1,
        .server_auth = row->kind == KIND_SERVER,
        .client_auth = true,
        .serial = bytes_of(row->serial, row->serial_len),
        .now_s = batch->now_s,
        .longest_s = item->wish->lasts_s > 0 ? item->wish->lasts_s : batch->session->ca.leaf,
    };

    row->der = g_byte_array_new();
    return certificate_sign(&wish, NULL, item->authority->certificate, item->authority->key,
                            row->der, why, size);
}

static bool write_files(struct issue_batch *batch, struct issue_item *item,
                        const struct ledger_row *row, struct bytes trust, struct bytes crls,
                        char *why, size_t size)
{
    X509 *chain[4] = {0};
    const struct key *key = item->wish->own_key != NULL ? item->wish->own_key : item->made->key;
    struct output_leaf leaf = {
        .name = row->name,
        .host = batch->options->host,
        .database = batch->options->database,
        .client = row->kind == KIND_CLIENT,
        .der = bytes_of(row->der->data, row->der->len),
        .key = key,
        .keep_key = item->wish->own_key != NULL && item->in_folder,
        .chain = chain,
        .n_chain = session_chain(batch->session, item->authority, chain),
        .trust = trust,
        .crls = crls,
        .pkcs12_passphrase = batch->options->pkcs12_passphrase,
    };

    if (item->made->path[0] == '\0')
        return true;
    return output_make(&leaf, item->made->path, item->made->output, item->replace, batch->now_s,
                       &item->files, why, size);
}

static bool has_bundle(const struct issue_batch *batch, enum ledger_kind kind)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->rows[i].kind == kind && (batch->at[i].made->output >> OUTPUT_BUNDLE & 1u) != 0)
            return true;
    return false;
}

/* For bundles of servers; none where they are many: each bundle of a batch has its own. */
static void load_crls(const struct issue_batch *batch, GByteArray *crls)
{
    char why[PLACE_WHY];

    if (has_bundle(batch, KIND_SERVER) && !place_load(batch->session->folder_fd, LAYOUT_CRLS, false,
                                                      BUNDLED_CRLS, crls, why, sizeof why))
        g_byte_array_set_size(crls, 0);
}

static bool sign_all(struct issue_batch *batch)
{
    g_autoptr(GString) servers = g_string_new(NULL); /* what is to be trusted for servers */
    g_autoptr(GString) clients = g_string_new(NULL);
    g_autoptr(GByteArray) crls = g_byte_array_new();
    char why[ISSUE_WHY];

    load_crls(batch, crls);
    if (has_bundle(batch, KIND_CLIENT) && !server_trust(batch->session, servers))
        return abandon(batch, "the servers' CAs cannot be read");
    session_trust(batch->session, true, clients);
    for (size_t i = 0; i < batch->n; i++) {
        struct issue_item *item = &batch->at[i];
        struct ledger_row *row = &batch->rows[i];
        const GString *trust = row->kind == KIND_CLIENT ? servers : clients;

        if (sign_one(batch, item, row, why, sizeof why) &&
            write_files(batch, item, row, bytes_of(trust->str, trust->len),
                        bytes_of(crls->data, crls->len), why, sizeof why))
            continue;
        log_error("no certificate could be made for \"%s\": %s", row->name, why);
        return abandon(batch, why);
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------------------------- */

/* The places of all items in the folder, or of all that are given away; g_array_unref. */
static GArray *gather(const struct issue_batch *batch, bool in_folder)
{
    GArray *files = g_array_new(FALSE, FALSE, sizeof(struct place_file));

    for (size_t i = 0; i < batch->n; i++)
        if (batch->at[i].in_folder == in_folder)
            g_array_append_vals(files, batch->at[i].files.at, (guint)batch->at[i].files.n);
    return files;
}

static const struct place_file *places(const GArray *files)
{
    return (const struct place_file *)(const void *)files->data;
}

/* Those that the ledger has revoked as it took them, because somebody has revoked their key meanwhile. */
static void say_revoked(const struct issue_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct ledger_row *row = &batch->rows[i];
        g_autoptr(GString) serial = g_string_new(NULL);

        if (row->revoked_s == 0)
            continue;
        certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
        g_free(batch->at[i].made->refused);
        batch->at[i].made->refused =
            g_strdup_printf("\"%s\": while its certificate (serial %s) was being made, its key or "
                            "the one before it "
                            "was revoked (%s), and so is it: run pgsignet-ca crl --publish, and %s",
                            row->name, serial->str, ledger_reason_name(row->reason),
                            row->reason == REVOKED_HOLD ? "release both when the hold is over"
                                                        : "issue a new one with a new key");
        issue_say_refused(batch->at[i].wish, batch->at[i].made->refused, false);
    }
}

static bool place_all(struct issue_batch *batch)
{
    int fd = batch->session->folder_fd;
    GArray *folder = gather(batch, true), *away = gather(batch, false);
    g_autoptr(GString) tag = g_string_new(NULL); /* nobody else's: parts in a folder of others */
    bool done = false;
    char why[ISSUE_WHY];

    certificate_serial_text(bytes_of(batch->rows[0].serial, batch->rows[0].serial_len), tag);
    if (!place_prepare(fd, places(folder), folder->len, ISSUE_TAG, why, sizeof why)) {
        log_error("%s; nothing was issued", why);
        abandon(batch, why);
        goto out;
    }
    if (!place_prepare(fd, places(away), away->len, tag->str, why, sizeof why)) {
        log_error("%s; nothing was issued", why);
        place_rollback(fd, places(folder), folder->len, ISSUE_TAG);
        withdraw(batch, why);
        goto out;
    }
    if (!place_commit(fd, places(folder), folder->len, ISSUE_TAG, why, sizeof why)) {
        log_error("%s; once this is mended, the next start of pgsignet-ca finishes it", why);
        place_rollback(fd, places(away), away->len, tag->str);
        goto out;
    }
    if (ledger_complete(batch->session->ledger, batch->rows, batch->n) != LEDGER_OK) {
        log_error("%s; once this is mended, the next start of pgsignet-ca finishes it",
                  ledger_error(batch->session->ledger));
        place_rollback(fd, places(away), away->len, tag->str);
        goto out;
    }
    say_revoked(batch);
    done = place_commit(fd, places(away), away->len, tag->str, why, sizeof why);
    if (!done)
        log_error("%s; the certificates are in the ledger, but not where they should be: revoke "
                  "them (serial %s ...)",
                  why, tag->str);
out:
    g_array_unref(folder);
    g_array_unref(away);
    return done;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static void report(struct issue_batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct issue_made *made = batch->at[i].made;
        const struct ledger_row *row = &batch->rows[i];

        if (row->revoked_s != 0)
            continue;
        made->id = row->id;
        memcpy(made->serial, row->serial, sizeof made->serial);
        made->serial_len = row->serial_len;
        made->der = g_byte_array_ref(row->der);
    }
}

bool issue_run_batch(struct issue_batch *batch)
{
    if (!reserve(batch))
        return false;
    if (batch->rehearsal || batch->n == 0)
        return true;
    if (!sign_all(batch))
        return false;
    for (size_t i = 0; i < batch->n; i++)
        if (!crypto_sha256(bytes_of(batch->rows[i].der->data, batch->rows[i].der->len),
                           batch->rows[i].fingerprint)) {
            log_error("OpenSSL gives no SHA-256; nothing was issued");
            return abandon(batch, "no SHA-256");
        }
    if (!place_all(batch))
        return false;
    report(batch);
    return true;
}
