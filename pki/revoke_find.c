/* Which certificates an operand of revoke or release means, and their private keys, where they are ours. */
#include "config.h"

#include "pki/revoke.h"

#include "common/clock.h"
#include "common/log.h"
#include "pki/cli.h"
#include "pki/place.h"

#include <stdio.h>

#define KEY_FILE_MAX 65536

static bool is_in(const struct revoke *revoke, int64_t id)
{
    for (guint i = 0; i < revoke->ones->len; i++)
        if (g_array_index(revoke->ones, struct revoke_one, i).row.id == id)
            return true;
    return false;
}

/* Takes the row over, once; what it holds is then no longer the list's. */
static bool take(struct revoke *revoke, struct ledger_row *row)
{
    struct revoke_one one = {.row = *row};

    if (is_in(revoke, row->id))
        return false;
    *row = (struct ledger_row){0};
    g_array_append_val(revoke->ones, one);
    return true;
}

/* Can it still be revoked, or released? */
static bool is_candidate(const struct revoke *revoke, const struct ledger_row *row)
{
    if (row->state != LEDGER_ISSUED || row->not_after <= revoke->now_s)
        return false;
    if (revoke->release)
        return row->revoked_s != 0 && row->reason == REVOKED_HOLD;
    return row->revoked_s == 0 || (row->reason == REVOKED_HOLD && revoke->reason != REVOKED_HOLD);
}

/* It is as it should be already, and matters still. */
static bool is_done(const struct revoke *revoke, const struct ledger_row *row)
{
    return !revoke->release && row->state == LEDGER_ISSUED && row->not_after > revoke->now_s &&
           row->revoked_s != 0;
}

/* Of a kind that --server and --client leave: what is neither is meant with both. */
static bool is_meant(const struct revoke *revoke, const struct ledger_row *row)
{
    bool servers = revoke->session->arguments->given[OPT_SERVER],
         clients = revoke->session->arguments->given[OPT_CLIENT];

    return servers == clients || row->kind != (servers ? KIND_CLIENT : KIND_SERVER);
}

/* Those of the list that fit; names that fold alike are on it, and only the same octets are meant. */
static bool take_fitting(struct revoke *revoke, GArray *rows, const char *name,
                         bool (*fits)(const struct revoke *revoke, const struct ledger_row *row))
{
    bool found = false;

    for (guint i = 0; i < rows->len; i++) {
        struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        if (row->name == NULL || strcmp(row->name, name) != 0 || !is_meant(revoke, row) ||
            !fits(revoke, row))
            continue;
        found = true;
        if (take(revoke, row))
            g_array_index(revoke->ones, struct revoke_one, revoke->ones->len - 1).already =
                fits == is_done;
    }
    return found;
}

static bool is_serial(struct revoke *revoke, const char *operand)
{
    uint8_t serial[CERTIFICATE_SERIAL];
    struct ledger_row row = {0};
    size_t len;
    bool found =
        certificate_serial_parse(operand, serial, &len) &&
        ledger_by_serial(revoke->session->ledger, bytes_of(serial, len), &row) == LEDGER_OK;

    if (found)
        ledger_row_clear(&row);
    return found;
}

/* Those of a name that another process makes right now: the ledger revokes them only when they are whole. */
static void look_for_reserved(struct revoke *revoke, const GArray *rows, const char *name)
{
    for (guint i = 0; i < rows->len && !revoke->release; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        if (row->state != LEDGER_RESERVED || row->name == NULL || strcmp(row->name, name) != 0 ||
            !is_meant(revoke, row))
            continue;
        char *text = revoke_describe(&(struct revoke_one){.row = *row});
        log_error("%s is being made right now; try again when that is done", text);
        g_free(text);
        revoke->being_made++;
    }
}

/*
 * A server and a role may have one name, and to take both for one costs somebody his server, or lets somebody in.  True
 * after a message.  What is revoked already counts: else the command that revokes one, given again, takes the other.
 */
static bool is_ambiguous(const struct revoke *revoke, const GArray *rows, const char *name)
{
    const bool *given = revoke->session->arguments->given;
    g_autoptr(GString) list = g_string_new(NULL);
    size_t n[KINDS] = {0};
    bool any = false;

    for (guint i = 0; i < rows->len && !given[OPT_SERVER] && !given[OPT_CLIENT]; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        bool fits = is_candidate(revoke, row);

        if (row->name == NULL || strcmp(row->name, name) != 0 || (!fits && !is_done(revoke, row)))
            continue;
        n[row->kind]++;
        any = any || fits;
        if (!fits)
            continue;
        g_string_append_printf(list, "%s%s ", list->len > 0 ? ", " : "",
                               ledger_kind_names[row->kind]);
        certificate_serial_text(bytes_of(row->serial, row->serial_len), list);
    }
    if (!any || n[KIND_SERVER] == 0 || n[KIND_CLIENT] == 0)
        return false;
    log_error(
        "\"%s\" is a server and a client (%s): say which with --server or --client, with both "
        "for both, or give the serial",
        name, list->str);
    return true;
}

enum named { NAMED_NONE, NAMED_FOUND, NAMED_FAILED };

/*
 * All certificates of a name, replaced ones too: whoever holds one of them would go on logging in.  Where all of them
 * are revoked, these: publishing and proof are done again.  NAMED_FAILED after a message.
 */
static enum named find_named(struct revoke *revoke, const char *name)
{
    const struct ledger_filter filter = {.name = name, .with_der = true, .every_state = true};
    GArray *rows = NULL;
    enum named named = NAMED_NONE;

    if (ledger_list(revoke->session->ledger, &filter, &rows) != LEDGER_OK) {
        log_error("%s", ledger_error(revoke->session->ledger));
        return NAMED_FAILED;
    }
    look_for_reserved(revoke, rows, name);
    if (is_ambiguous(revoke, rows, name))
        named = NAMED_FAILED;
    else if (take_fitting(revoke, rows, name, is_candidate) ||
             take_fitting(revoke, rows, name, is_done))
        named = NAMED_FOUND;
    g_array_unref(rows);
    return named;
}

bool revoke_has_all(struct revoke *revoke, const char *operand)
{
    const struct ledger_filter filter = {.name = operand};
    GArray *rows = NULL;
    bool all = true;

    if (is_serial(revoke, operand))
        return true;
    if (ledger_list(revoke->session->ledger, &filter, &rows) != LEDGER_OK) {
        log_error("%s", ledger_error(revoke->session->ledger));
        return false;
    }
    for (guint i = 0; i < rows->len && all; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        all = row->name == NULL || strcmp(row->name, operand) != 0 || !is_meant(revoke, row) ||
              !is_candidate(revoke, row) || is_in(revoke, row->id);
    }
    if (!all)
        log_error("\"%s\" got another certificate just now; try again", operand);
    g_array_unref(rows);
    return all;
}

/* One that was named by its serial or file must be fit; else it is said why it is not. */
static bool judge(struct revoke *revoke, const struct ledger_row *row, bool *already)
{
    char when[CLOCK_TEXT_MAX];
    char *name = revoke_describe(&(struct revoke_one){.row = *row});
    const char *word = ledger_reason_name(row->reason);
    bool fit = true;

    *already = false;
    publish_time(row->revoked_s != 0 ? row->revoked_s : row->not_after, when);
    if (!is_meant(revoke, row)) {
        log_error("%s is a %s's, and --%s was given", name, ledger_kind_names[row->kind],
                  row->kind == KIND_SERVER ? "client" : "server");
        fit = false;
    } else if (row->state == LEDGER_RESERVED) {
        log_error("%s is being made right now; try again when that is done", name);
        fit = false;
    } else if (row->state != LEDGER_ISSUED) {
        log_error("%s was never given out: %s", name,
                  row->revoked_s != 0 ? "it was taken back, and is revoked already"
                                      : "there is nothing to revoke");
        fit = false;
    } else if (row->not_after <= revoke->now_s) {
        publish_time(row->not_after, when);
        log_error("%s has expired (%s): servers refuse it already", name, when);
        fit = false;
    } else if (revoke->release && row->revoked_s == 0) {
        *already = true;
        log_notice("%s is not on hold; CRL and proof are made anew", name);
    } else if (revoke->release && row->reason != REVOKED_HOLD) {
        log_error("%s was revoked for good (%s, %s): only a hold can be lifted; issue a new one",
                  name, when, word != NULL ? word : "unspecified");
        fit = false;
    } else if (!revoke->release && !is_candidate(revoke, row)) {
        *already = true;
        log_notice("%s was revoked on %s (%s); CRL and proof are made anew", name, when,
                   word != NULL ? word : "unspecified");
    }
    g_free(name);
    return fit;
}

bool revoke_find(struct revoke *revoke, const char *operand)
{
    size_t being_made = revoke->being_made;
    enum named named = is_serial(revoke, operand) ? NAMED_NONE : find_named(revoke, operand);
    bool fit = true;

    if (named != NAMED_NONE)
        return named == NAMED_FOUND;
    if (revoke->being_made > being_made) /* and there is nothing else of that name */
        return false;
    GArray *rows = cli_find(revoke->session, operand);
    if (rows == NULL)
        return false;
    for (guint i = 0; i < rows->len; i++) {
        struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        bool already;
        if (!judge(revoke, row, &already)) {
            fit = false;
            continue;
        }
        if (take(revoke, row) && already)
            g_array_index(revoke->ones, struct revoke_one, revoke->ones->len - 1).already = true;
    }
    g_array_unref(rows);
    return fit;
}

/* --- private keys --- */

static struct key *load_key(struct session *session, const struct ledger_row *row)
{
    char *path = g_strconcat(row->path, ".key", NULL);
    GByteArray *text = g_byte_array_sized_new(KEY_FILE_MAX);
    char why[PLACE_WHY];
    struct key *key = NULL;

    if (place_load(session->folder_fd, path, false, KEY_FILE_MAX, text, why, sizeof why))
        key = key_read(bytes_of(text->data, text->len), bytes_of(NULL, 0), why, sizeof why);
    secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    g_free(path);
    return key;
}

/* After a rekey the file is the next one's: that is no fault, a canary will do. */
static void load_pair(struct session *session, struct revoke_one *one)
{
    const struct ledger_row *row = &one->row;
    struct key *key = NULL;
    X509 *certificate = NULL;
    char why[PLACE_WHY];

    if (!row->has_key || row->path[0] == '\0' || row->der == NULL)
        return;
    key = load_key(session, row);
    certificate = certificate_read(bytes_of(row->der->data, row->der->len), why, sizeof why);
    if (key != NULL && certificate != NULL && key_fits(key, X509_get0_pubkey(certificate)) &&
        key_write_pem(key, bytes_of(NULL, 0), &one->pair.key, why, sizeof why))
        one->pair.certificate = revoke_chain(session, session_authority(session, row->authority),
                                             bytes_of(row->der->data, row->der->len));
    X509_free(certificate);
    key_free(key);
}

void revoke_load_pairs(struct revoke *revoke)
{
    for (guint i = 0; i < revoke->ones->len; i++)
        load_pair(revoke->session, &g_array_index(revoke->ones, struct revoke_one, i));
}
