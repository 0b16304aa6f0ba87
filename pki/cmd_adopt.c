#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/adopt.h"
#include "pki/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATE_MAX 65536 /* bytes of a CA's file */

struct adopt {
    struct session *session;
    enum layout layout;
    struct adopt_tree tree;
    struct findings findings;
    GArray *rows;   /* owned: of ledger_row, for the ledger */
    size_t revoked; /* of rows */
    size_t unfit;   /* leaves that cannot be in the ledger */
    bool crls;      /* none are where ours would be: first ones are made */
};

static bool is_there(const struct session *session, const char *path)
{
    struct stat st;

    return fstatat(session->folder_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- rows --- */

static char *sans_text(const struct certificate_facts *facts)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < facts->n_sans; i++) {
        /* What could not be told from a list of several is left out; the lint has said it. */
        if (strpbrk(facts->sans[i].text, ", ") != NULL ||
            !g_utf8_validate(facts->sans[i].text, -1, NULL))
            continue;
        if (text->len > 0)
            g_string_append_c(text, ',');
        name_san_write(&facts->sans[i], text);
    }
    return g_string_free(text, FALSE);
}

static void clear_row(void *at)
{
    ledger_row_clear(at);
}

static char *serial_key(size_t authority, struct bytes serial)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%zu:", authority);
    certificate_serial_text(serial, text);
    return g_string_free(text, FALSE);
}

/* The CN, and of several the first: PostgreSQL logs in by that (X509_NAME_get_text_by_NID).  "" = none; g_free. */
static char *login_name(const struct adopted *leaf)
{
    const X509_NAME *subject = X509_get_subject_name(leaf->certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    char *name = NULL;

    int len =
        at >= 0
            ? ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))
            : -1;
    if (len > 0 && memchr(utf8, 0, (size_t)len) == NULL)
        name = g_strndup((const char *)utf8, (size_t)len);
    OPENSSL_free(utf8);
    return name != NULL ? name : g_strdup("");
}

/* NULL: it cannot be in the ledger, which was said. */
static struct ledger_row *add_row(struct adopt *adopt, const struct adopted *leaf,
                                  GHashTable *by_serial)
{
    const struct certificate_facts *facts = &leaf->facts;
    struct ledger_row row = {0};
    char *key;

    if (adopt_unfit(leaf) != NULL) {
        adopt->unfit++; /* a finding of the judge */
        return NULL;
    }
    key = serial_key(leaf->authority, facts->serial);
    if (g_hash_table_contains(by_serial, key)) {
        findings_add(&adopt->findings, FINDING_LINT, leaf->file,
                     "it cannot be in the ledger: the CA has signed another one of this serial");
        adopt->unfit++;
        g_free(key);
        return NULL;
    }
    row.authority = (int64_t)leaf->authority;
    row.kind = leaf->kind;
    row.serial_len = facts->serial.len;
    memcpy(row.serial, facts->serial.ptr, facts->serial.len);
    row.name = login_name(leaf);
    row.sans = sans_text(facts);
    row.not_before = facts->not_before;
    row.not_after = facts->not_after;
    memcpy(row.key_id, facts->key_id, KEY_ID);
    row.der = g_byte_array_ref(leaf->der);
    row.path = leaf->has_stem ? g_strndup(leaf->file, strlen(leaf->file) - 4) : g_strdup("");
    row.has_key = leaf->has_key;
    g_array_append_val(adopt->rows, row);
    g_hash_table_insert(by_serial, key, GUINT_TO_POINTER(adopt->rows->len)); /* index + 1 */
    return &g_array_index(adopt->rows, struct ledger_row, adopt->rows->len - 1);
}

/* What a CRL revokes stays revoked, whether its certificate was found or not. */
static void take_revoked(struct adopt *adopt, size_t authority, GHashTable *by_serial)
{
    const struct founded *founded = &adopt->tree.founded[authority];
    const struct adopted_crl *crl = &adopt->tree.crls[authority];
    struct bytes rest = crl->facts.revoked;
    struct crl_entry entry;

    while (crl->der != NULL && crl_next(&rest, &entry)) {
        char *key = serial_key(authority, entry.serial);
        guint index = GPOINTER_TO_UINT(g_hash_table_lookup(by_serial, key));

        if (index == 0 && entry.serial.len <= CERTIFICATE_SERIAL) {
            struct ledger_row row = {
                .authority = (int64_t)authority,
                .kind = KIND_OTHER,
                .serial_len = entry.serial.len,
                .name = g_strdup(""),
                .sans = g_strdup(""),
                .path = g_strdup(""),
                .not_before = founded->row.not_before,
                .not_after = founded->row.not_after, /* not known: so long at most */
            };
            memcpy(row.serial, entry.serial.ptr, entry.serial.len);
            g_array_append_val(adopt->rows, row);
            index = adopt->rows->len;
            g_hash_table_insert(by_serial, key, GUINT_TO_POINTER(index));
            key = NULL;
        }
        if (index != 0) {
            struct ledger_row *row = &g_array_index(adopt->rows, struct ledger_row, index - 1);
            row->revoked_s = MAX(entry.revoked_s, 1); /* 0 would say that it is not */
            row->reason =
                ledger_reason_name(entry.reason) != NULL ? entry.reason : REVOKED_UNSPECIFIED;
            adopt->revoked++;
        }
        g_free(key);
    }
}

static bool make_rows(struct adopt *adopt)
{
    GHashTable *by_serial = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const int64_t now_s = session_now_s();
    bool done = true;

    for (guint i = 0; i < adopt->tree.leaves->len; i++) {
        const struct adopted *leaf = g_ptr_array_index(adopt->tree.leaves, i);
        (void)add_row(adopt, leaf, by_serial);
        adopt->tree.expired += leaf->facts.not_after < now_s ? 1 : 0;
    }
    for (size_t i = 0; done && i < adopt->tree.n_founded; i++) {
        struct adopted_crl *crl = &adopt->tree.crls[i];
        if (crl->der == NULL)
            continue;
        uint64_t number = crl->facts.has_number ? crl_number(&crl->facts) : 0;
        done = number < INT64_MAX;
        if (!done) {
            log_error("the CRL %s has a number above 2^63, and ours could not go on from there",
                      crl->file);
            break;
        }
        adopt->tree.founded[i].row.crl_number = (int64_t)number;
        adopt->tree.founded[i].row.crl_this_s = crl->facts.this_s;
        adopt->tree.founded[i].row.crl_next_s = crl->facts.next_s;
        take_revoked(adopt, i, by_serial);
    }
    g_hash_table_destroy(by_serial);
    return done;
}

/* --- nothing is overwritten --- */

/* What would be written to trust.crt, or to client-trust.crt; empty = no such file. */
static void trust_text(const struct adopt *adopt, bool clients, GString *out)
{
    struct authority authorities[FOUNDING_MOST];
    const struct session view = {.authorities = authorities,
                                 .n_authorities = adopt->tree.n_founded};

    for (size_t i = 0; i < adopt->tree.n_founded; i++)
        authorities[i] = (struct authority){.row = adopt->tree.founded[i].row};
    g_string_truncate(out, 0);
    if (!clients || session_has_client_ca(&view))
        session_trust(&view, clients, out);
}

static bool may_write(struct adopt *adopt)
{
    const struct session *session = adopt->session;
    GString *trust = g_string_new(NULL);
    GByteArray *old = g_byte_array_new();
    bool done = true;

    adopt->crls = !is_there(session, LAYOUT_CRLS);
    for (size_t i = 0; i < adopt->tree.n_founded; i++) {
        char *crl = layout_crl(&adopt->tree.founded[i].row);
        char *der = g_strconcat(crl, ".der", NULL);

        adopt->crls = adopt->crls && !is_there(session, crl) && !is_there(session, der);
        g_free(der);
        g_free(crl);
    }
    for (int clients = 0; done && clients < 2; clients++) {
        const char *path = layout_trust(clients == 1);
        trust_text(adopt, clients == 1, trust);
        g_byte_array_set_size(old, 0);
        if (trust->len == 0 || !is_there(session, path))
            continue;
        done = place_read(session->folder_fd, path, NULL, false, CERTIFICATE_MAX, old) &&
               bytes_equal(bytes_of(old->data, old->len), bytes_of(trust->str, trust->len));
        if (!done)
            log_error("%s/%s is there and is something else than what would be written to it: move "
                      "it away, nothing is overwritten",
                      session->folder, path);
    }
    g_byte_array_unref(old);
    g_string_free(trust, TRUE);
    return done;
}

/* --- the command --- */

static bool print_result(const struct adopt *adopt)
{
    const struct session *session = adopt->session;
    const struct adopt_tree *tree = &adopt->tree;
    json_t *list = NULL;

    if (session->json) {
        list = json_array();
        for (size_t i = 0; i < tree->n_founded; i++)
            json_array_append_new(
                list, founding_json(&tree->founded[i].row, tree->founded[i].certificate));
        return session_print(json_pack(
            "{s:s, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "folder", session->folder,
            "layout", layout_names[adopt->layout], "dry_run", session->dry_run, "authorities", list,
            "certificates", (json_int_t)adopt->rows->len, "expired", (json_int_t)tree->expired,
            "revoked", (json_int_t)adopt->revoked, "not_recorded", (json_int_t)adopt->unfit,
            "of_other_cas", (json_int_t)tree->foreign, "findings",
            findings_json(&adopt->findings)));
    }
    if (!session->quiet) {
        printf("%s %s (layout %s): %u certificates, %zu of them expired, %zu revoked%s\n",
               session->dry_run ? "Would adopt" : "Adopted", session->folder,
               layout_names[adopt->layout], adopt->rows->len, tree->expired, adopt->revoked,
               adopt->crls ? ""
                           : "; its CRLs are left as they are: `pgsignet-ca crl` makes new ones");
        if (tree->foreign > 0)
            printf("%zu certificates of other CAs were left alone.\n", tree->foreign);
        if (!session->dry_run && !session->arguments->given[OPT_DIR])
            printf("Write ca.dir: %s into pgsignet.yaml, or give --dir with each command.\n",
                   session->folder);
    }
    if (adopt->findings.at != NULL && adopt->findings.at->len > 0)
        findings_print(&adopt->findings);
    return true;
}

/* Where nobody can make another, the one that was found is the root's CRL. */
static bool keep_root_crl(struct adopt *adopt)
{
    const struct founded *root = &adopt->tree.founded[0];
    const struct adopted_crl *crl = &adopt->tree.crls[0];
    struct authority *authority;

    if (!adopt->tree.root_is_away || !adopt->crls || crl->der == NULL)
        return true;
    if (!session_read_authorities(adopt->session))
        return false;
    authority = session_authority(adopt->session, root->row.id);
    return authority != NULL &&
           crl_put(adopt->session, authority, bytes_of(crl->der->data, crl->der->len));
}

static void judge_root(struct adopt *adopt)
{
    const struct founded *root = &adopt->tree.founded[0];
    const struct adopted_crl *crl = &adopt->tree.crls[0];
    char *path;

    if (!adopt->tree.root_is_away)
        return;
    path = layout_crl(&root->row);
    if (crl->der == NULL)
        findings_add(&adopt->findings, FINDING_CRL_MISSING, path,
                     "%s has no CRL, and its key (%s) is away: put the key there, and run "
                     "`pgsignet-ca crl`, before a CRL is published",
                     root->row.file, root->row.key + strlen("file:"));
    else if (crl->facts.next_s <= session_now_s())
        findings_add(&adopt->findings, FINDING_CRL_NEAR_END, path,
                     "the CRL of %s that was found (%s) has ended", root->row.file, crl->file);
    g_free(path);
}

static bool adopt_folder(struct adopt *adopt)
{
    struct session *session = adopt->session;
    bool read = adopt_authorities(session, adopt->layout, &adopt->tree) &&
                adopt_read(session->folder_fd, session->folder, &adopt->tree, &adopt->findings) &&
                make_rows(adopt) && may_write(adopt);

    if (!read)
        return false;
    adopt_judge(&adopt->tree, session->folder_fd, session_now_s(), &adopt->findings);
    judge_root(adopt);
    if (session->dry_run)
        return founding_close_folder(session) && print_result(adopt);
    if (!founding_sweep(session) || !founding_close_folder(session) ||
        !founding_record(session, adopt->layout, adopt->tree.founded, adopt->tree.n_founded, true,
                         (struct ledger_row *)(void *)adopt->rows->data, adopt->rows->len))
        return false;
    session->layout = adopt->layout;
    return keep_root_crl(adopt) &&
           founding_finish(session, adopt->tree.founded, adopt->tree.n_founded, adopt->crls) &&
           print_result(adopt);
}

static bool run(struct adopt *adopt)
{
    struct session *session = adopt->session;
    char *foreign = NULL;
    enum founding_state state = founding_look(session, NULL, &foreign);

    g_free(foreign);
    if (state == FOUNDING_FAILED)
        return false;
    if (state == FOUNDING_TAKEN) {
        log_error("%s has a ledger already: there is nothing to adopt", session->folder);
        return false;
    }
    if (state == FOUNDING_HALF) {
        if (session->dry_run) {
            log_notice("an `adopt` was killed in %s after it was recorded; without --dry-run this "
                       "finishes it",
                       session->folder);
            return true;
        }
        log_notice("an `adopt` was killed in %s after it was recorded: it is finished now",
                   session->folder);
        return founding_finish(session, NULL, 0, !is_there(session, LAYOUT_CRLS));
    }
    if (session->arguments->given[OPT_LAYOUT])
        adopt->layout = (enum layout)session->arguments->number[OPT_LAYOUT];
    else
        adopt->layout = is_there(session, "ca/ca.crt") ? LAYOUT_PIGSTY : LAYOUT_SEED;
    return adopt_folder(adopt);
}

bool check_adopt(const struct arguments *arguments)
{
    if (!arguments_one_of(arguments, OPT_BIT(OPT_PASSPHRASE_FILE) | OPT_BIT(OPT_PASSPHRASE_FD)))
        return false;
    if (arguments->operands == 0 || !arguments->given[OPT_DIR])
        return true;
    log_error("name the tree once: as an operand, or with --dir");
    return false;
}

int cmd_adopt(const struct arguments *arguments)
{
    struct session session;
    struct adopt adopt = {.session = &session,
                          .rows = g_array_new(FALSE, TRUE, sizeof(struct ledger_row))};
    bool done = session_open(&session, arguments, NEEDS_NOTHING);

    g_array_set_clear_func(adopt.rows, clear_row);
    adopt_tree_init(&adopt.tree);
    findings_init(&adopt.findings);
    if (done && arguments->operands > 0)
        session_set_folder(&session, arguments->operand[0]);
    done = done && run(&adopt);
    findings_clear(&adopt.findings);
    adopt_tree_clear(&adopt.tree);
    g_array_unref(adopt.rows);
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
