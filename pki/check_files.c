/* check: files against the ledger. */
#include "config.h"

#include "pki/check.h"

#include "pki/place.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX 1048576 /* bytes */

/* Files beside a certificate in which its key lies. */
static const char *const with_key[] = {".key", ".pk8", ".p12", ".tar"};

/* The content of a file of the folder; NULL after a finding when it is not there or cannot be read. */
static GByteArray *load(struct check *check, const char *path)
{
    GByteArray *content = g_byte_array_new();
    char why[PLACE_WHY] = "";

    if (place_load(check->session->folder_fd, path, false, FILE_MAX, content, why, sizeof why))
        return content;
    findings_add(&check->findings, FINDING_FILE_DIFFERS, path, "%s", why);
    g_byte_array_unref(content);
    return NULL;
}

static void wipe(GByteArray *content)
{
    OPENSSL_cleanse(content->data, content->len);
    g_byte_array_unref(content);
}

/*
 * Is the file as we write it: this certificate, and behind it nothing, or what was read behind the last one?  OpenSSL sets
 * up a key for each certificate that it reads, so it is for the others.
 */
static bool is_ours(const struct check *check, const GByteArray *content, struct bytes der)
{
    g_autoptr(GString) pem = g_string_sized_new(2048);

    certificate_pem(der, pem);
    return content->len >= pem->len && memcmp(content->data, pem->str, pem->len) == 0 &&
           (content->len == pem->len ||
            bytes_equal(bytes_of(content->data + pem->len, content->len - pem->len),
                        bytes_of(check->chain->data, check->chain->len)));
}

static void note_chain(struct check *check, const GByteArray *content, struct bytes der)
{
    g_autoptr(GString) pem = g_string_sized_new(2048);

    certificate_pem(der, pem);
    g_byte_array_set_size(check->chain, 0);
    if (content->len > pem->len && memcmp(content->data, pem->str, pem->len) == 0)
        g_byte_array_append(check->chain, content->data + pem->len, content->len - (guint)pem->len);
}

/* Is the first certificate of the file this one? */
static void compare_certificate(struct check *check, const char *path, struct bytes der)
{
    g_autoptr(GByteArray) content = load(check, path), there = NULL;
    char why[PLACE_WHY] = "";
    GPtrArray *all;

    if (content == NULL || is_ours(check, content, der))
        return;
    all = certificate_read_all(bytes_of(content->data, content->len), why, sizeof why);
    if (all == NULL) {
        findings_add(&check->findings, FINDING_FILE_DIFFERS, path, "%s", why);
        return;
    }
    there = certificate_der(g_ptr_array_index(all, 0));
    if (there == NULL || !bytes_equal(bytes_of(there->data, there->len), der))
        findings_add(&check->findings, FINDING_FILE_DIFFERS, path,
                     "it holds another certificate than the ledger has");
    else
        note_chain(check, content, der);
    g_ptr_array_unref(all);
}

/* Only its owner may get at it.  False when it is not there. */
static bool check_mode(struct check *check, const char *path, mode_t allowed)
{
    struct stat folder, st;

    if (fstatat(check->session->folder_fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        findings_add(&check->findings, FINDING_MODES, path, "it is no regular file");
    else if ((st.st_mode & 07777 & ~allowed) != 0)
        findings_add(&check->findings, FINDING_MODES, path,
                     "others can get at it (mode %04o instead of %04o)",
                     (unsigned)(st.st_mode & 07777), (unsigned)allowed);
    else if (fstat(check->session->folder_fd, &folder) == 0 && st.st_uid != folder.st_uid)
        findings_add(&check->findings, FINDING_MODES, path,
                     "it belongs to user %lu, and the folder to user %lu", (unsigned long)st.st_uid,
                     (unsigned long)folder.st_uid);
    return true;
}

/* Does the key go with the certificate?  One that is encrypted is left alone. */
static void compare_key(struct check *check, const char *path, const uint8_t id[KEY_ID])
{
    GByteArray *content = load(check, path);
    char why[PLACE_WHY] = "";
    uint8_t found[KEY_ID];
    struct key *key;

    if (content == NULL)
        return;
    if (memmem(content->data, content->len, "ENCRYPTED", 9) == NULL) {
        key = key_read(bytes_of(content->data, content->len), bytes_of(NULL, 0), why, sizeof why);
        if (key == NULL)
            findings_add(&check->findings, FINDING_KEY_MISMATCH, path, "%s", why);
        else if (!key_id(key_public(key), found) || memcmp(found, id, KEY_ID) != 0)
            findings_add(&check->findings, FINDING_KEY_MISMATCH, path,
                         "it is not the key of the certificate beside it");
        key_free(key);
    }
    wipe(content);
}

static bool check_row(void *context, const struct ledger_row *row)
{
    struct check *check = context;

    if (row->path[0] == '\0' || row->der == NULL)
        return true;
    g_autofree char *certificate = g_strconcat(row->path, ".crt", NULL);
    compare_certificate(check, certificate, bytes_of(row->der->data, row->der->len));
    for (size_t i = 0; i < G_N_ELEMENTS(with_key); i++) {
        g_autofree char *path = g_strconcat(row->path, with_key[i], NULL);
        bool is_there = check_mode(check, path, 0600);

        if (i > 0 || !row->has_key)
            continue;
        if (is_there)
            compare_key(check, path, row->key_id);
        else
            findings_add(&check->findings, FINDING_FILE_DIFFERS, path, "it is not there");
    }
    return true;
}

static void check_authority(struct check *check, const struct authority *authority)
{
    const struct ledger_authority *row = &authority->row;
    const char *file = "file:";
    uint8_t id[KEY_ID];

    compare_certificate(check, row->file, bytes_of(row->der->data, row->der->len));
    if (row->key == NULL || strncmp(row->key, file, strlen(file)) != 0)
        return;
    const char *path = row->key + strlen(file);
    if (!check_mode(check, path, 0600)) {
        /* A root's may be in a safe until its CRL is wanted, which is a finding of its own. */
        if (row->purpose != PURPOSE_ROOT)
            findings_add(&check->findings, FINDING_KEY_AWAY, path,
                         "it is not there: without it nothing can be signed, no CRL either");
    } else if (key_id(X509_get0_pubkey(authority->certificate), id)) {
        compare_key(check, path, id);
    }
}

static void check_trust(struct check *check, bool clients)
{
    const char *path = layout_trust(clients);
    GByteArray *content = load(check, path);
    g_autoptr(GString) wanted = g_string_new(NULL);

    if (content == NULL)
        return;
    session_trust(check->session, clients, wanted);
    if (!bytes_equal(bytes_of(content->data, content->len), bytes_of(wanted->str, wanted->len)))
        findings_add(&check->findings, FINDING_FILE_DIFFERS, path,
                     "it holds other CAs than are to be trusted");
    g_byte_array_unref(content);
}

void check_files(struct check *check)
{
    const struct ledger_filter filter = {
        .live_at = check->now_s, .not_replaced = true, .with_der = true};
    struct session *session = check->session;

    (void)check_mode(check, ".", 0700);
    (void)check_mode(check, LEDGER_FILE, 0600);
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.state != AUTHORITY_DROPPED)
            check_authority(check, &session->authorities[i]);
    check_trust(check, false);
    if (session_has_client_ca(session))
        check_trust(check, true);
    if (ledger_each(session->ledger, &filter, check_row, check) != LEDGER_OK)
        findings_add(&check->findings, FINDING_LEDGER, LEDGER_FILE, "%s",
                     ledger_error(session->ledger));
}
