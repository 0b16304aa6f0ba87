/* New CRLs: number and entries from the ledger in one transaction, signed after it, put into place under its lock. */
#include "config.h"

#include "pki/crl.h"

#include "common/log.h"
#include "pki/lint.h"
#include "pki/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#define CRL_MAX    (64 * 1024 * 1024) /* bytes of a file that is read */
#define PART_TAG   "crl" /* the same each time: what a killed program left is overwritten */
#define RFC7093_ID 20    /* octets of a key id made of a SHA-256 */

static bool ledger_failed(struct session *session, const char *what)
{
    log_error("%s: %s", what, ledger_error(session->ledger));
    ledger_rollback(session->ledger);
    return false;
}

/* The row as it is now: another program may have made a CRL since this one read it. */
static bool reread(struct session *session, struct authority *authority)
{
    GArray *rows = NULL;
    bool found = false;

    if (ledger_authorities(session->ledger, &rows) != LEDGER_OK)
        return ledger_failed(session, "cannot read the CAs");
    for (guint i = 0; i < rows->len; i++) {
        const struct ledger_authority *row = &g_array_index(rows, struct ledger_authority, i);
        if (row->id != authority->row.id)
            continue;
        authority->row.crl_number = row->crl_number;
        authority->row.crl_this_s = row->crl_this_s;
        authority->row.crl_next_s = row->crl_next_s;
        found = true;
    }
    g_array_unref(rows);
    return found;
}

/*
 * A server whose clock is behind ours refuses everybody when a CRL begins in its future, so it begins a little
 * earlier, as certificates do; never before the one that it follows.
 */
static int64_t begins_s(const struct authority *authority, int64_t now_s)
{
    int64_t begins = now_s - CERTIFICATE_BACKDATE;

    if (begins < authority->row.crl_this_s)
        begins = authority->row.crl_this_s;
    if (begins < authority->row.not_before)
        begins = authority->row.not_before;
    return begins < now_s ? begins : now_s;
}

struct adding {
    struct crl_writer writer;
    int64_t this_s;
    bool in_order;
};

static bool add_entry(void *context, struct bytes serial, int64_t revoked_s, int reason)
{
    struct adding *adding = context;

    /* Nothing on a list can be younger than the list, which was moved back by some minutes. */
    adding->in_order = crl_add(&adding->writer, serial, MIN(revoked_s, adding->this_s), reason);
    return adding->in_order;
}

/* Number and entries of one moment; the number is used up when this returns true. */
static bool write_entries(struct session *session, struct authority *authority, int64_t lasts_s,
                          struct bytes algorithm, struct bytes issuer, GByteArray *out,
                          struct crl_writer *writer)
{
    struct ledger *ledger = session->ledger;
    struct adding adding = {.in_order = true};
    int64_t number = 0;

    if (ledger_begin(ledger) != LEDGER_OK)
        return ledger_failed(session, "cannot make a CRL");
    if (!reread(session, authority))
        return ledger_failed(session, "cannot make a CRL");
    int64_t now_s = session_now_s();
    struct crl_head head = {.algorithm = algorithm,
                            .issuer = issuer,
                            .this_s = begins_s(authority, now_s),
                            .next_s = now_s + lasts_s};
    if (ledger_next_crl(ledger, authority->row.id, head.this_s, head.next_s, &number) != LEDGER_OK)
        return ledger_failed(session, "cannot make a CRL");
    adding.this_s = head.this_s;
    crl_begin(&adding.writer, out, &head);
    enum ledger_result result = ledger_each_revoked(ledger, authority->row.id, add_entry, &adding);
    if (!adding.in_order) {
        log_error("cannot make a CRL: the ledger gives serials out of order or twice; it is "
                  "damaged: run pgsignet-ca check");
        ledger_rollback(ledger);
        return false;
    }
    if (result != LEDGER_OK)
        return ledger_failed(session, "cannot read who is revoked");
    if (ledger_commit(ledger) != LEDGER_OK)
        return ledger_failed(session, "cannot make a CRL");
    authority->row.crl_number = number;
    authority->row.crl_this_s = head.this_s;
    authority->row.crl_next_s = head.next_s;
    *writer = adding.writer;
    return true;
}

/* The CA's subjectKeyIdentifier; a CA that was adopted without one gets what RFC 7093 2 (1) makes of its key. */
static bool key_id_of(struct authority *authority, uint8_t made[KEY_ID], struct bytes *out)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(authority->certificate);

    if (id != NULL) {
        *out = bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
        return true;
    }
    *out = bytes_of(made, RFC7093_ID);
    return key_id(X509_get0_pubkey(authority->certificate), made);
}

static bool is_sound(const struct authority *authority, struct bytes der)
{
    struct lint_finding findings[LINT_FINDINGS];
    struct lint_context context = {.use = LINT_CA,
                                   .issuer =
                                       bytes_of(authority->row.der->data, authority->row.der->len),
                                   .now_s = session_now_s()};
    size_t n = lint_crl(der, &context, findings);

    for (size_t i = 0; i < n; i++)
        log_error("the new CRL of %s breaks a rule (%s, %s): %s; it was not given out",
                  authority->row.file, findings[i].rule, findings[i].source, findings[i].text);
    if (n == 0 && !crl_signed_by(der, authority->certificate)) {
        log_error("the new CRL of %s does not verify with the CA's certificate; it was not given "
                  "out: is %s the certificate's key?",
                  authority->row.file, authority->row.key);
        return false;
    }
    return n == 0;
}

bool crl_make(struct session *session, struct authority *authority, int64_t lasts_s,
              GByteArray *out)
{
    GByteArray *algorithm = g_byte_array_new(), *signature = g_byte_array_new();
    unsigned char *name = NULL;
    uint8_t made_id[KEY_ID];
    struct crl_writer writer;
    struct bytes id;
    char why[LEDGER_WHY];
    bool done = false;

    if (!authority_unlock(session, authority))
        goto out;
    int name_len = i2d_X509_NAME(X509_get_subject_name(authority->certificate), &name);
    if (name_len <= 0 || !key_id_of(authority, made_id, &id)) {
        log_error("cannot make a CRL: the certificate %s cannot be read", authority->row.file);
        goto out;
    }
    key_signature_algorithm(authority->key, algorithm);
    struct bytes signed_with = bytes_of(algorithm->data, algorithm->len);
    if (!write_entries(session, authority, lasts_s, signed_with, bytes_of(name, (size_t)name_len),
                       out, &writer))
        goto out;
    struct bytes body = crl_body(&writer, id, (uint64_t)authority->row.crl_number);
    if (!key_sign(authority->key, body, signature, why, sizeof why)) {
        log_error("cannot sign the CRL of %s: %s", authority->row.file, why);
        goto out;
    }
    crl_end(&writer, signed_with, bytes_of(signature->data, signature->len));
    done = is_sound(authority, bytes_of(out->data, out->len));
out:
    OPENSSL_free(name);
    g_byte_array_unref(signature);
    g_byte_array_unref(algorithm);
    return done;
}

/* --- into the folder --- */

bool crl_load(struct session *session, const struct authority *authority, GByteArray *der)
{
    char *path = layout_crl(&authority->row), *file = g_strconcat(path, ".der", NULL);
    char why[PLACE_WHY];
    bool done = true;

    g_byte_array_set_size(der, 0);
    if (faccessat(session->folder_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) {
        done = place_load(session->folder_fd, file, false, CRL_MAX, der, why, sizeof why);
        if (!done)
            log_error("cannot read the CRL %s: %s", file, why);
    }
    g_free(file);
    g_free(path);
    return done;
}

enum folder { FOLDER_FREE, FOLDER_TAKEN, FOLDER_AHEAD, FOLDER_UNKNOWN };

/* What is in the folder, to this one: nothing or an older one, a newer one, or one that the ledger cannot have made. */
static enum folder look_at_folder(struct session *session, struct authority *authority,
                                  struct bytes der)
{
    GByteArray *old = g_byte_array_new();
    struct crl_facts fresh, there;
    enum folder folder = FOLDER_FREE;

    if (!reread(session, authority) || !crl_load(session, authority, old))
        folder = FOLDER_UNKNOWN;
    else if (old->len > 0 && crl_facts(der, &fresh) == NULL &&
             crl_facts(bytes_of(old->data, old->len), &there) == NULL && there.has_number &&
             crl_signed_by(bytes_of(old->data, old->len), authority->certificate)) {
        bool same_number = crl_number(&there) == crl_number(&fresh);
        if (crl_number(&there) > (uint64_t)authority->row.crl_number ||
            (same_number && !bytes_equal(bytes_of(old->data, old->len), der)))
            folder = FOLDER_AHEAD;
        else if (crl_number(&there) > crl_number(&fresh))
            folder = FOLDER_TAKEN;
    }
    if (folder == FOLDER_AHEAD)
        log_error("the CRL of %s in the folder has number %" PRIu64 ", and the ledger has used no "
                  "more than %" PRId64
                  ": the ledger is older than its folder (put back by hand?), and "
                  "may lack revocations; enter again what the CRL lists and `list --revoked` does "
                  "not, then run pgsignet-ca crl until it has passed that number",
                  authority->row.file, crl_number(&there), authority->row.crl_number);
    g_byte_array_unref(old);
    return folder;
}

static bool write_files(struct session *session, struct authority *authority, struct bytes der)
{
    char *path = layout_crl(&authority->row), *der_path = g_strconcat(path, ".der", NULL);
    GByteArray *pem = g_byte_array_new();
    char why[PLACE_WHY];
    bool done;

    crl_pem(der, pem);
    /* The DER is what crl_due looks at: it comes last. */
    const struct place_file files[] = {
        {.path = path, .mode = 0644, .content = bytes_of(pem->data, pem->len), .replace = true},
        {.path = der_path, .mode = 0644, .content = der, .replace = true},
    };
    const size_t n = sizeof files / sizeof files[0];
    place_rollback(session->folder_fd, files, n, PART_TAG);
    done = place_prepare(session->folder_fd, files, n, PART_TAG, why, sizeof why) &&
           place_commit(session->folder_fd, files, n, PART_TAG, why, sizeof why);
    if (!done)
        log_error("cannot write the CRL of %s: %s; the one that was there is still there",
                  authority->row.file, why);
    g_byte_array_unref(pem);
    g_free(der_path);
    g_free(path);
    return done;
}

bool crl_put(struct session *session, struct authority *authority, struct bytes der)
{
    bool done = false;

    if (ledger_begin(session->ledger) != LEDGER_OK)
        return ledger_failed(session, "cannot write the CRL");
    switch (look_at_folder(session, authority, der)) {
    case FOLDER_FREE:
        done = write_files(session, authority, der);
        break;
    case FOLDER_TAKEN: /* it knows all that this one knows */
        done = true;
        break;
    case FOLDER_AHEAD:
    case FOLDER_UNKNOWN:
        break;
    }
    ledger_rollback(session->ledger); /* nothing was written in it */
    return done;
}

/* What crl.pem should hold: the CRLs of all CAs that are not dropped. */
static bool collect(struct session *session, GByteArray *out)
{
    GByteArray *der = g_byte_array_new();
    bool done = true;

    for (size_t i = 0; done && i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        if (authority->row.state == AUTHORITY_DROPPED)
            continue;
        done = crl_load(session, authority, der);
        if (done && der->len > 0)
            crl_pem(bytes_of(der->data, der->len), out);
    }
    g_byte_array_unref(der);
    return done;
}

static bool is_there(const struct session *session, const char *path, const GByteArray *content)
{
    GByteArray *there = g_byte_array_new();
    bool same =
        place_read(session->folder_fd, path, NULL, false, (size_t)content->len + 1, there) &&
        bytes_equal(bytes_of(there->data, there->len), bytes_of(content->data, content->len));

    g_byte_array_unref(there);
    return same;
}

/*
 * Also where no CRL was made: one that was killed, or a CA that was dropped, may have left it behind.  Under the ledger's
 * lock, so that of two the one who knows more is the last.
 */
static bool write_bundle(struct session *session)
{
    GByteArray *all = g_byte_array_new();
    struct place_file file = {.path = LAYOUT_CRLS, .mode = 0644, .replace = true};
    char why[PLACE_WHY] = "";
    bool done;

    if (ledger_begin(session->ledger) != LEDGER_OK) {
        g_byte_array_unref(all);
        return ledger_failed(session, "cannot write " LAYOUT_CRLS);
    }
    done = collect(session, all);
    file.content = bytes_of(all->data, all->len);
    if (done && !is_there(session, LAYOUT_CRLS, all)) {
        done = place_prepare(session->folder_fd, &file, 1, PART_TAG, why, sizeof why) &&
               place_commit(session->folder_fd, &file, 1, PART_TAG, why, sizeof why);
        if (!done)
            log_error("cannot write %s: %s; the one that was there is still there", LAYOUT_CRLS,
                      why);
    }
    ledger_rollback(session->ledger); /* nothing was written in it */
    g_byte_array_unref(all);
    return done;
}

int64_t crl_lasts(const struct session *session, const struct authority *authority)
{
    bool long_life =
        authority->row.purpose == PURPOSE_ROOT && !session->arguments->given[OPT_LASTS];

    return long_life && session->ca.crl < CRL_ROOT_S ? CRL_ROOT_S : session->ca.crl;
}

int64_t crl_early(const struct session *session, const struct authority *authority)
{
    return authority->row.purpose == PURPOSE_ROOT ? CRL_ROOT_EARLY_S : session->ca.crl_renew;
}

bool crl_make_of(struct session *session, const int64_t *authorities, size_t n)
{
    GByteArray *der = g_byte_array_new();
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        struct authority *authority = session_authority(session, authorities[i]);
        bool done = authority != NULL &&
                    crl_make(session, authority, crl_lasts(session, authority), der) &&
                    crl_put(session, authority, bytes_of(der->data, der->len));
        all = all && done;
    }
    g_byte_array_unref(der);
    return write_bundle(session) && all;
}

bool crl_make_all(struct session *session)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.state != AUTHORITY_DROPPED)
            g_array_append_val(ids, session->authorities[i].row.id);
    bool done = crl_make_of(session, (const int64_t *)(const void *)ids->data, ids->len);
    g_array_unref(ids);
    return done;
}

bool crl_make_due(struct session *session, size_t *made)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (size_t i = 0; i < session->n_authorities; i++)
        if (crl_due(session, &session->authorities[i],
                    crl_early(session, &session->authorities[i])) != NULL)
            g_array_append_val(ids, session->authorities[i].row.id);
    *made = ids->len;
    bool done = crl_make_of(session, (const int64_t *)(const void *)ids->data, ids->len);
    g_array_unref(ids);
    return done;
}
