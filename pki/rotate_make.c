#include "config.h"

#include "pki/rotate_make.h"

#include "common/log.h"
#include "pki/founding.h"
#include "pki/place.h"

#include <inttypes.h>
#include <stdio.h>

#define TAG "rotate" /* of the parts */

/* "Example CA", "Example CA G2": each generation has a name of its own, so that no path is built by a wrong key. */
static char *name_of_generation(const char *name, int64_t generation)
{
    size_t len = strlen(name), at = len;

    while (at > 0 && g_ascii_isdigit(name[at - 1]))
        at--;
    if (at < len && at > 2 && memcmp(name + at - 2, " G", 2) == 0)
        len = at - 2;
    return g_strdup_printf("%.*s G%" PRId64, (int)len, name, generation);
}

static char *subject_text(X509 *certificate, int nid)
{
    char text[128];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), nid, text, sizeof text);

    return len > 0 ? g_strndup(text, (gsize)len) : NULL;
}

/* One above all there were: after an abort its number stays taken. */
static int64_t next_generation(const struct session *session, enum ledger_purpose purpose)
{
    int64_t last = 0;

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;

        if (row->purpose == purpose && row->generation > last)
            last = row->generation;
    }
    return last + 1;
}

/* As the old one's, or what is nearest of what is made here. */
static enum key_algorithm algorithm_of(const struct session *session, const struct authority *old)
{
    if (session->arguments->given[OPT_ALGORITHM])
        return (enum key_algorithm)session->arguments->number[OPT_ALGORITHM];
    return key_algorithm_near(X509_get0_pubkey(old->certificate));
}

static bool key_place(const struct session *session, const struct authority *old,
                      const char **pkcs11)
{
    *pkcs11 = session->arguments->given[OPT_PKCS11] ? session->arguments->text[OPT_PKCS11] : NULL;
    if (*pkcs11 != NULL || !g_str_has_prefix(old->row.key, "pkcs11:"))
        return true;
    log_error(
        "the old CA's key is in a PKCS#11 token; say where the new one goes: --pkcs11 URI, with "
        "another object=");
    return false;
}

static bool make(struct session *session, const struct authority *old, struct authority *parent,
                 const struct secret *passphrase, struct founded *out)
{
    const struct founded under = {
        .certificate = parent != NULL ? parent->certificate : NULL,
        .key = parent != NULL ? parent->key : NULL,
    };
    char *old_name = subject_text(old->certificate, NID_commonName),
         *organisation = subject_text(old->certificate, NID_organizationName), *name = NULL;
    struct founding_plan plan = {
        .purpose = old->row.purpose,
        .generation = next_generation(session, old->row.purpose),
        .organisation = organisation,
        .algorithm = algorithm_of(session, old),
        .path_length = parent != NULL ? 0 : 1, /* room for the one that it signs crosswise */
        .lasts_s = session->arguments->given[OPT_LASTS] ? session->arguments->number[OPT_LASTS]
                                                        : CERTIFICATE_CA_S,
    };
    char why[LEDGER_WHY] = "";
    const char *fault;
    bool done = false;

    name = name_of_generation(old_name != NULL ? old_name : "pgsignet CA", plan.generation);
    plan.common_name = name;
    fault = name_common_fault(bytes_str(name), false);
    if (fault != NULL) {
        log_error("the new CA cannot be called \"%s\": it %s", name, fault);
    } else if (key_place(session, old, &plan.pkcs11)) {
        done = founded_make(&plan, session->layout, parent != NULL ? &under : NULL,
                            secret_bytes(passphrase), session_now_s(), out, why, sizeof why);
        if (!done)
            log_error("no new CA was made: %s", why);
    }
    out->row.state = AUTHORITY_NEXT;
    out->row.parent = old->row.parent;
    g_free(old_name);
    g_free(organisation);
    g_free(name);
    return done;
}

/*
 * In one transaction up to the parts: of two at once the second is refused before it touches those of the first.  Then the
 * files get their names; killed before that, rotate_mend does it.
 */
static bool put_into_place(struct session *session, struct founded *founded)
{
    struct ledger *ledger = session->ledger;
    struct place_file files[2] = {
        {.path = founded->row.file,
         .mode = 0644,
         .replace = true, /* what an attempt left that came to nothing */
         .content = bytes_of(founded->pem->str, founded->pem->len)},
        {.path = founded->key_path,
         .mode = 0600,
         .replace = true,
         .content = secret_bytes(&founded->key_pem)},
    };
    size_t n = founded->key_path != NULL ? 2 : 1;
    char why[PLACE_WHY] = "";
    bool prepared = false;

    if (ledger_begin(ledger) != LEDGER_OK ||
        ledger_add_authority(ledger, &founded->row, false) != LEDGER_OK ||
        !founded_record_signed(ledger, founded)) {
        log_error("no new CA was made: %s", ledger_error(ledger));
        goto failed;
    }
    prepared = place_prepare(session->folder_fd, files, n, TAG, why, sizeof why);
    if (!prepared) {
        log_error("no new CA was made: %s", why);
        goto failed;
    }
    if (ledger_commit(ledger) != LEDGER_OK) {
        log_error("no new CA was made: %s", ledger_error(ledger));
        goto failed;
    }
    if (place_commit(session->folder_fd, files, n, TAG, why, sizeof why))
        return true;
    log_error("the new CA is in the ledger, but not all of its files are in place: %s; the next "
              "command tries again",
              why);
    return false;
failed:
    if (prepared)
        place_rollback(session->folder_fd, files, n, TAG);
    ledger_rollback(ledger);
    return false;
}

bool rotate_start(struct session *session, struct authority *old)
{
    struct authority *parent = session_authority(session, old->row.parent);
    struct founded founded = {0};
    struct secret passphrase = {0};
    int64_t old_id = old->row.id, new_id;
    bool crosswise = parent == NULL;
    bool done =
        rotate_set_distrust(session, session->arguments->given[OPT_REASON]) &&
        authority_unlock(session, old) && (parent == NULL || authority_unlock(session, parent)) &&
        session_new_passphrase(session, &passphrase) &&
        make(session, old, parent, &passphrase, &founded) && put_into_place(session, &founded);

    new_id = founded.row.id;
    founded_clear(&founded);
    secret_free(&passphrase);
    if (!done || !session_read_authorities(session))
        return false;
    return !crosswise || rotate_cross_both(session, session_authority(session, old_id),
                                           session_authority(session, new_id));
}

bool rotate_mend(struct session *session)
{
    char why[LEDGER_WHY] = "";
    bool done = true;

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;
        const char *key = row->key;
        struct place_file files[2] = {{.path = row->file}, {0}};
        size_t n = 1;

        if (row->state != AUTHORITY_NEXT)
            continue;
        if (g_str_has_prefix(key, "file:"))
            files[n++] = (struct place_file){.path = key + strlen("file:")};
        if (place_state(session->folder_fd, files, n, TAG) == PLACE_NOTHING)
            continue;
        if (place_resume(session->folder_fd, files, n, TAG, why, sizeof why)) {
            log_notice("a run was killed while it made the new CA %s: its files are in place now",
                       row->file);
        } else {
            log_error("the files of the new CA %s cannot be put into place: %s", row->file, why);
            done = false;
        }
    }
    return done;
}
