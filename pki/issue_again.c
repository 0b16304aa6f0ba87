/* From a row of the ledger to the wish for its successor. */
#include "config.h"

#include "pki/issue_own.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_MOST (64 * 1024) /* bytes of a key file */

static const char *state_fault(const struct ledger_row *row)
{
    if (row->state != LEDGER_ISSUED)
        return "was never given out; issue it anew";
    if (row->kind != KIND_SERVER && row->kind != KIND_CLIENT)
        return "is no server's or client's: a CA is replaced by `rotate`, and what was adopted "
               "without a purpose by `issue`";
    if (row->revoked_s != 0)
        return row->reason == REVOKED_HOLD ? "is on hold; `release` it first"
                                           : "is revoked; issue a new one";
    if (row->replaced_by != 0)
        return "was replaced already: name the newer one";
    return NULL;
}

/* The names of the old one, but those that issue_many adds. */
static bool copy_sans(const struct ledger_row *row, X509 *old, struct issue_wish *wish)
{
    struct certificate_facts facts = {0};

    if (!certificate_facts(old, &facts))
        return false;
    if (row->kind == KIND_SERVER) {
        wish->sans = facts.sans;
        wish->n_sans = facts.n_sans;
        facts.sans = NULL;
        facts.n_sans = 0;
    }
    certificate_facts_clear(&facts);
    return true;
}

static struct key *load_key(struct session *session, const struct ledger_row *row)
{
    g_autofree char *file = g_strconcat(row->path, ".key", NULL);
    GByteArray *text = g_byte_array_new();
    struct key *key = NULL;
    char why[ISSUE_WHY];

    if (!place_load(session->folder_fd, file, false, KEY_MOST, text, why, sizeof why))
        log_error("\"%s\" cannot be renewed with its key: %s; rekey makes a new one", row->name,
                  why);
    else if ((key = key_read(bytes_of(text->data, text->len), (struct bytes){0}, why,
                             sizeof why)) == NULL)
        log_error("%s: %s; rekey makes a new one", file, why);
    secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    return key;
}

/* The same key: ours where it is ours, else its public half. */
static bool same_key(struct session *session, const struct ledger_row *row, X509 *old,
                     struct issue_wish *wish)
{
    if (!row->has_key) {
        wish->key = X509_get_pubkey(old);
        return wish->key != NULL;
    }
    wish->own_key = load_key(session, row);
    if (wish->own_key == NULL)
        return false;
    if (key_fits(wish->own_key, X509_get0_pubkey(old)))
        return true;
    log_error("%s.key is not the key of the certificate of \"%s\"; rekey makes a new one",
              row->path, row->name);
    return false;
}

/* One that was adopted, whose key is another's (a whole cluster's), gets its own where nothing lies yet. */
static bool has_room_for_key(const struct session *session, const struct ledger_row *row)
{
    g_autofree char *file = g_strconcat(row->path, ".key", NULL);
    struct stat st;

    return row->adopted && row->path[0] != '\0' &&
           fstatat(session->folder_fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

static bool next_key(const struct session *session, const struct ledger_row *row, X509 *old,
                     EVP_PKEY *public_key, bool away, struct issue_wish *wish)
{
    if (public_key == NULL && !row->has_key && !away && !has_room_for_key(session, row)) {
        log_error(
            "the key of \"%s\" is not here: give a request with its new key (--request FILE), "
            "or a place for a key that is made here (--out PATH)",
            row->name);
        return false;
    }
    if (public_key != NULL && row->has_key && !away) {
        log_error("%s.key is here, and would not fit the key of the request: give another place "
                  "(--out PATH)",
                  row->path);
        return false;
    }
    if (public_key != NULL) {
        EVP_PKEY_up_ref(public_key);
        wish->key = public_key;
        return true;
    }
    wish->own_algorithm = true;
    wish->algorithm = key_algorithm_near(X509_get0_pubkey(old));
    return true;
}

bool issue_again(struct session *session, const struct ledger_row *row, bool new_key,
                 EVP_PKEY *public_key, const char *out, struct issue_wish *wish)
{
    const char *fault = state_fault(row);
    X509 *old = NULL;
    char why[ISSUE_WHY];
    bool done = false;

    *wish = (struct issue_wish){0};
    if (fault != NULL) {
        log_error("the certificate of \"%s\" %s", row->name, fault);
        return false;
    }
    if (out == NULL && (row->path == NULL || row->path[0] == '\0')) {
        log_error("the certificate of \"%s\" was given away: say where its successor goes "
                  "(--out PATH)",
                  row->name);
        return false;
    }
    if (row->der == NULL || (old = certificate_read(bytes_of(row->der->data, row->der->len), why,
                                                    sizeof why)) == NULL) {
        log_error("the certificate of \"%s\" cannot be read from the ledger: see check", row->name);
        return false;
    }
    wish->kind = row->kind;
    wish->name = g_strdup(row->name);
    wish->path = g_strdup(out != NULL ? out : row->path);
    wish->replaces = row->id;
    wish->same_key = !new_key;
    done = copy_sans(row, old, wish) &&
           (new_key ? next_key(session, row, old, public_key, out != NULL, wish)
                    : same_key(session, row, old, wish));
    X509_free(old);
    if (!done)
        issue_wish_clear(wish);
    return done;
}
