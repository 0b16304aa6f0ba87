/* One wish, judged: what it may be called, where it goes, its key, serial and window. */
#include "config.h"

#include "pki/issue_own.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PLACES_MOST 1000 /* of certificates of one name that are live at once */

/* --- names ------------------------------------------------------------------------------------------ */

static void refuse(struct issue_item *item, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void refuse(struct issue_item *item, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(item->made->refused);
    item->made->refused = g_strdup_printf("\"%s\": %s", item->wish->name, text);
}

static void add_san(struct issue_item *item, enum name_kind kind, const char *text)
{
    for (size_t i = 0; i < item->n_sans; i++)
        if (item->sans[i].kind == kind && strcmp(item->sans[i].text, text) == 0)
            return;
    item->sans = g_renew(struct name_san, item->sans, item->n_sans + 1);
    item->sans[item->n_sans++] = (struct name_san){.kind = kind, .text = g_strdup(text)};
}

/* A server: its CN is one of its SANs, where clients look nowadays (RFC 9525 6.3); IPs as CN too. */
static bool name_server(struct issue_item *item)
{
    const struct issue_wish *wish = item->wish;
    struct bytes name = bytes_str(wish->name);
    const char *fault = name_common_fault(name, true);
    struct name_san san = {0};

    if (fault != NULL) {
        refuse(item, "the name %s", fault);
        return false;
    }
    if (name_san_parse(name, &san) == NULL) {
        if (san.kind != NAME_URI)
            add_san(item, san.kind, san.text);
        name_san_clear(&san);
    }
    for (size_t i = 0; i < wish->n_sans; i++)
        add_san(item, wish->sans[i].kind, wish->sans[i].text);
    for (size_t i = 0; i < item->n_sans; i++)
        if (item->sans[i].kind != NAME_URI)
            return true;
    refuse(item, "its name is neither a host name nor an address, and no --san is: nobody could "
                 "verify a connection to it");
    return false;
}

static bool name_client(struct issue_item *item)
{
    const struct issue_wish *wish = item->wish;
    struct bytes name = bytes_str(wish->name);
    const char *fault = name_role_fault(name);

    if (fault != NULL) {
        refuse(item, "the name %s", fault);
        return false;
    }
    g_autofree char *urn = name_role_urn(name);
    for (size_t i = 0; i < wish->n_sans; i++) {
        if (wish->sans[i].kind != NAME_URI || strcmp(wish->sans[i].text, urn) != 0) {
            refuse(item, "a client's certificate takes no further names: PgBouncer would let it "
                         "log in as them");
            return false;
        }
    }
    add_san(item, NAME_URI, urn);
    return true;
}

static bool judge_names(struct issue_item *item)
{
    if (!(item->wish->kind == KIND_CLIENT ? name_client(item) : name_server(item)))
        return false;
    if (item->n_sans <= NAME_SANS_MAX)
        return true;
    refuse(item, "it has %zu names, and %d is the most", item->n_sans, NAME_SANS_MAX);
    return false;
}

static char *sans_text(const struct issue_item *item)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < item->n_sans; i++) {
        if (i > 0)
            g_string_append_c(text, ',');
        name_san_write(&item->sans[i], text);
    }
    return g_string_free(text, FALSE);
}

/* --- places ------------------------------------------------------------------------------------------- */

/* All rows of this name that ever were issued; NULL after a message. */
static GArray *namesakes(struct issue_batch *batch, const struct issue_item *item)
{
    const struct ledger_filter filter = {.name = item->wish->name};
    GArray *rows = NULL;

    if (ledger_list(batch->session->ledger, &filter, &rows) == LEDGER_OK)
        return rows;
    log_error("%s", ledger_error(batch->session->ledger));
    return NULL;
}

static bool is_live(const struct issue_batch *batch, const struct ledger_row *row)
{
    /* What is on hold can come back; its files stay. */
    return (row->revoked_s == 0 || row->reason == REVOKED_HOLD) && row->replaced_by == 0 &&
           row->not_after >= batch->now_s;
}

/* Does one of them have this place? */
static bool has_place(const struct issue_batch *batch, GArray *rows, const char *path, bool live)
{
    for (guint i = 0; i < rows->len; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);

        if (row->path != NULL && strcmp(row->path, path) == 0 && (!live || is_live(batch, row)))
            return true;
    }
    return false;
}

static bool is_there(const struct issue_batch *batch, const char *path)
{
    g_autofree char *file = g_strconcat(path, ".crt", NULL);
    struct stat stat;

    return fstatat(batch->session->folder_fd, file, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "~2" behind it: a byte that name_file never leaves as it is, so that no other name meets it. */
static char *free_place(const struct issue_batch *batch, GArray *rows, char *place)
{
    char *free = place;

    for (int i = 2; i <= PLACES_MOST && has_place(batch, rows, free, true); i++) {
        if (free != place)
            g_free(free);
        free = g_strdup_printf("%s~%d", place, i);
    }
    if (free != place)
        g_free(place);
    return free;
}

/* The place in the layout; NULL after a message. */
static char *layout_place(struct issue_batch *batch, struct issue_item *item)
{
    const struct issue_wish *wish = item->wish;
    struct bytes name = bytes_str(wish->name);
    g_autofree char *first = layout_leaf(batch->session->layout, wish->kind, name, true);
    g_autofree char *other = layout_leaf(batch->session->layout, wish->kind, name, false);
    GArray *rows = namesakes(batch, item);
    char *place;

    if (rows == NULL)
        return NULL;
    bool special = strcmp(first, other) != 0;
    bool own = special && has_place(batch, rows, first, false);
    item->first_place = special && (own || (!batch->first_taken && !is_there(batch, first)));
    batch->first_taken = batch->first_taken || item->first_place;
    place = g_strdup(item->first_place ? first : other);
    if (batch->options->second)
        place = free_place(batch, rows, place);
    item->replace = has_place(batch, rows, place, false);
    g_array_unref(rows);
    return place;
}

static bool choose_place(struct issue_batch *batch, struct issue_item *item)
{
    const char *wanted = item->wish->path;

    item->made->path = wanted != NULL ? g_strdup(wanted) : layout_place(batch, item);
    if (item->made->path == NULL)
        return false;
    item->in_folder = item->made->path[0] != '\0' && item->made->path[0] != '/';
    if (wanted != NULL)
        item->replace = item->in_folder && item->wish->replaces != 0;
    return true;
}

void issue_second_place(struct issue_batch *batch, struct issue_item *item, struct ledger_row *row)
{
    batch->first_taken = true;
    g_clear_pointer(&item->made->path, g_free);
    if (!choose_place(batch, item))
        return;
    g_free(row->path);
    row->path = g_strdup(item->made->path);
}

/* --- forms ---------------------------------------------------------------------------------------------- */

/* What is wanted, and what of the replaced one's files is there. */
static void choose_forms(struct issue_batch *batch, struct issue_item *item)
{
    unsigned forms = batch->options->output;

    for (unsigned form = 0; form < OUTPUT_FORMS && item->replace; form++) {
        g_autofree char *file = g_strdup_printf("%s.%s", item->made->path, output_names[form]);
        struct stat stat;

        if (fstatat(batch->session->folder_fd, file, &stat, AT_SYMLINK_NOFOLLOW) == 0)
            forms |= 1u << form;
    }
    if (batch->options->pkcs12_passphrase.len == 0 && (forms >> OUTPUT_PKCS12 & 1u) != 0) {
        forms &= ~(1u << OUTPUT_PKCS12);
        if (!batch->rehearsal)
            log_warning("%s.p12 keeps the certificate that was before: a new one needs a "
                        "passphrase (--output p12 --file-passphrase-file FILE)",
                        item->made->path);
    }
    item->made->output = item->wish->key != NULL || item->made->path[0] == '\0' ? 0 : forms;
}

/* A folder of others is not made on the way. */
static bool has_folder(struct issue_item *item)
{
    g_autofree char *folder = g_path_get_dirname(item->made->path);
    struct stat st;

    if (item->in_folder || (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)))
        return true;
    refuse(item, "there is no folder %s; make it first", folder);
    return false;
}

/* What is at the places already, and must not be.  Again, and without a race, when the parts are written. */
static bool judge_places(struct issue_batch *batch, struct issue_item *item, bool has_key)
{
    struct output_files places;
    bool clean = true;

    if (item->made->path[0] == '\0')
        return true;
    if (!has_folder(item))
        return false;
    output_places(item->made->path, has_key, item->made->output, &places);
    for (size_t i = 0; i < places.n && clean; i++) {
        struct stat stat;

        if (fstatat(batch->session->folder_fd, places.at[i].path, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        clean = S_ISREG(stat.st_mode) && item->replace;
        if (S_ISREG(stat.st_mode) && !item->replace)
            refuse(item, "%s is there already, and is not replaced; move it away",
                   places.at[i].path);
        else if (!clean)
            refuse(item, "%s is no regular file; nothing is written there", places.at[i].path);
    }
    output_clear(&places);
    return clean;
}

/* --- key, serial, window ----------------------------------------------------------------------------------- */

static bool choose_key(struct issue_batch *batch, struct issue_item *item, struct ledger_row *row)
{
    const struct issue_wish *wish = item->wish;
    char why[ISSUE_WHY];

    item->key = wish->key;
    if (item->key == NULL && wish->own_key != NULL)
        item->key = key_public(wish->own_key);
    row->has_key = wish->key == NULL && item->in_folder;
    if (item->key == NULL && batch->rehearsal) /* stands for a key that nobody has */
        return crypto_random(row->key_id, sizeof row->key_id);
    if (item->key == NULL) {
        item->made->key = key_generate(
            wish->own_algorithm ? wish->algorithm : batch->options->algorithm, why, sizeof why);
        if (item->made->key == NULL) {
            log_error("no key could be made for \"%s\": %s", wish->name, why);
            return false;
        }
        item->key = key_public(item->made->key);
    }
    if (key_id(item->key, row->key_id))
        return true;
    log_error("the key of \"%s\" cannot be written as DER", wish->name);
    return false;
}

static bool choose_window(struct issue_batch *batch, struct issue_item *item,
                          struct ledger_row *row)
{
    char now[CLOCK_TEXT_MAX], then[CLOCK_TEXT_MAX];
    int64_t lasts_s = item->wish->lasts_s > 0 ? item->wish->lasts_s : batch->session->ca.leaf;

    if (batch->now_s < item->authority->row.not_before) {
        clock_text(batch->now_s * 1000, now);
        clock_text(item->authority->row.not_before * 1000, then);
        refuse(
            item,
            "nothing is signed while the clock is wrong: it says %.19sZ, which is before the CA's "
            "notBefore, %.19sZ; set it right",
            now, then);
        return false;
    }
    if (!certificate_validity(item->authority->certificate, batch->now_s, lasts_s, &row->not_before,
                              &row->not_after)) {
        refuse(item,
               "the CA's own certificate (%s) is not valid now, or ends too soon; "
               "`pgsignet-ca rotate` makes a new one",
               item->authority->row.file);
        return false;
    }
    item->made->not_before = row->not_before;
    item->made->not_after = row->not_after;
    return true;
}

bool issue_prepare(struct issue_batch *batch, struct issue_item *item, struct ledger_row *row,
                   bool *failed)
{
    const struct issue_wish *wish = item->wish;

    *failed = false;
    if (!judge_names(item))
        return false;
    item->authority = session_signer(batch->session, wish->kind);
    *failed = item->authority == NULL ||
              (!batch->rehearsal && !authority_unlock(batch->session, item->authority)) ||
              !choose_place(batch, item) || !choose_key(batch, item, row);
    if (*failed || !choose_window(batch, item, row))
        return false;
    choose_forms(batch, item);
    if (!judge_places(batch, item, wish->key == NULL)) {
        /* Another run is just taking the first server's place: this one is not the first. */
        if (!item->first_place || item->replace)
            return false;
        g_clear_pointer(&item->made->refused, g_free);
        issue_second_place(batch, item, row);
        *failed = item->made->path == NULL;
        if (!*failed)
            choose_forms(batch, item);
        if (*failed || !judge_places(batch, item, wish->key == NULL))
            return false;
    }
    if (!certificate_serial(row->serial, &row->serial_len)) {
        log_error("no serial could be drawn: there are no random bytes");
        *failed = true;
        return false;
    }
    row->authority = item->authority->row.id;
    row->kind = wish->kind;
    row->name = g_strdup(wish->name);
    row->sans = sans_text(item);
    g_free(row->path);
    row->path = g_strdup(item->in_folder ? item->made->path : "");
    row->replaces = wish->replaces;
    return true;
}
