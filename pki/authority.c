/* The CAs of a session: read from the ledger, their keys opened, what is to be trusted because of them. */
#include "config.h"

#include "pki/session.h"

#include "common/log.h"
#include "pki/passphrase.h"
#include "pki/pin_memory.h"
#include "pki/place.h"
#include "pki/rotate_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE  "file:"
#define KEY_TOKEN "pkcs11:"
#define KEY_MAX   65536 /* bytes of a key's file */
#define TRIES     3

/* Keys that were opened stay open: to open one takes a passphrase, or a quarter of a second. */
static void keep_keys(struct session *session, struct authority *before, size_t n_before)
{
    for (size_t i = 0; i < n_before; i++) {
        struct authority *now = session_authority(session, before[i].row.id);
        if (now != NULL && now->certificate != NULL && before[i].key != NULL &&
            X509_cmp(now->certificate, before[i].certificate) == 0) {
            now->key = before[i].key;
            before[i].key = NULL;
        }
    }
}

bool session_read_authorities(struct session *session)
{
    struct session before = {.authorities = session->authorities,
                             .n_authorities = session->n_authorities};
    GArray *rows = NULL;
    char why[LEDGER_WHY] = "";
    bool done = true;

    if (ledger_authorities(session->ledger, &rows) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    session->n_authorities = 0;
    session->authorities = g_new0(struct authority, rows->len + 1);
    for (guint i = 0; done && i < rows->len; i++) {
        struct ledger_authority *row = &g_array_index(rows, struct ledger_authority, i);
        struct authority *authority = &session->authorities[session->n_authorities++];

        authority->row = *row;
        *row = (struct ledger_authority){0}; /* moved */
        if (authority->row.der != NULL)
            authority->certificate = certificate_read(
                bytes_of(authority->row.der->data, authority->row.der->len), why, sizeof why);
        done = authority->certificate != NULL;
        if (!done)
            log_error("the ledger holds no readable certificate for %s: %s; see `pgsignet-ca "
                      "check`",
                      authority->row.file, why);
    }
    g_array_unref(rows);
    keep_keys(session, before.authorities, before.n_authorities);
    session_forget_authorities(&before);
    return done && rotate_read_crosses(session);
}

struct authority *session_authority(struct session *session, int64_t id)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.id == id)
            return &session->authorities[i];
    return NULL;
}

static struct authority *find_current(struct session *session, enum ledger_purpose purpose)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.purpose == purpose &&
            session->authorities[i].row.state == AUTHORITY_CURRENT)
            return &session->authorities[i];
    return NULL;
}

struct authority *session_signer(struct session *session, enum ledger_kind kind)
{
    struct authority *found = NULL;

    if (kind == KIND_SERVER)
        found = find_current(session, PURPOSE_SERVER);
    else if (kind == KIND_CLIENT)
        found = find_current(session, PURPOSE_CLIENT);
    else if (kind == KIND_CA || kind == KIND_CROSS)
        found = find_current(session, PURPOSE_ROOT);
    if (found == NULL)
        found = find_current(session, PURPOSE_ALL);
    if (found == NULL)
        log_error("no CA in %s signs certificates of this kind (%s) now; see `pgsignet-ca rotate "
                  "status`",
                  session->folder, ledger_kind_names[kind]);
    return found;
}

size_t session_chain(const struct session *session, const struct authority *authority,
                     X509 *chain[4])
{
    size_t n = 0;

    while (authority != NULL && n < 3) {
        int64_t parent = authority->row.parent;

        chain[n++] = authority->certificate;
        if (authority->cross != NULL && n < 3)
            chain[n++] = authority->cross;
        authority = NULL;
        for (size_t i = 0; parent != 0 && i < session->n_authorities; i++)
            if (session->authorities[i].row.id == parent)
                authority = &session->authorities[i];
    }
    chain[n] = NULL;
    return n;
}

/* --- trust --- */

bool session_has_client_ca(const struct session *session)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.purpose == PURPOSE_CLIENT &&
            session->authorities[i].row.state != AUTHORITY_DROPPED)
            return true;
    return false;
}

void session_trust(const struct session *session, bool clients, GString *out)
{
    bool apart = session_has_client_ca(session);

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;
        bool of_clients = row->purpose == PURPOSE_CLIENT;

        if (row->state != AUTHORITY_DROPPED && (apart && clients ? of_clients : !of_clients))
            certificate_pem(bytes_of(row->der->data, row->der->len), out);
    }
}

#define TRUST_TAG "trust"   /* of the parts; they are written under the ledger's lock */
#define TRUST_MAX (1 << 20) /* bytes */

struct trust {
    GString *text[2]; /* owned: for servers, for clients */
    struct place_file files[2];
    size_t n;
};

static void trust_make(const struct session *session, struct trust *trust)
{
    *trust = (struct trust){.n = session_has_client_ca(session) ? 2 : 1};
    for (size_t i = 0; i < 2; i++) {
        trust->text[i] = g_string_new(NULL);
        session_trust(session, i == 1, trust->text[i]);
        trust->files[i] =
            (struct place_file){.path = layout_trust(i == 1),
                                .mode = 0644,
                                .replace = true,
                                .content = bytes_of(trust->text[i]->str, trust->text[i]->len)};
    }
}

static void trust_clear(struct trust *trust)
{
    for (size_t i = 0; i < 2; i++)
        g_string_free(trust->text[i], TRUE);
}

static bool trust_is_there(const struct session *session)
{
    GByteArray *there = g_byte_array_new();
    char why[PLACE_WHY];
    struct trust trust;
    bool same = true;

    trust_make(session, &trust);
    for (size_t i = 0; same && i < trust.n; i++)
        same = place_load(session->folder_fd, trust.files[i].path, false, TRUST_MAX, there, why,
                          sizeof why) &&
               bytes_equal(bytes_of(there->data, there->len), trust.files[i].content);
    trust_clear(&trust);
    g_byte_array_unref(there);
    return same;
}

bool session_write_trust(struct session *session)
{
    char why[PLACE_WHY] = "";
    struct trust trust;
    bool done;

    if (trust_is_there(session))
        return true;
    /* Of two at once, the one with the older list must not be the last: it is read again under the lock. */
    if (ledger_begin(session->ledger) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    done = session_read_authorities(session);
    if (done) {
        trust_make(session, &trust);
        done =
            place_prepare(session->folder_fd, trust.files, trust.n, TRUST_TAG, why, sizeof why) &&
            place_commit(session->folder_fd, trust.files, trust.n, TRUST_TAG, why, sizeof why);
        if (!done)
            log_error("cannot write what is to be trusted into %s: %s", session->folder, why);
        trust_clear(&trust);
    }
    ledger_rollback(session->ledger);
    return done;
}

/* --- passphrases --- */

/* From the options or the settings; *read says whether one was named. */
static bool read_named(struct session *session, int file_option, int fd_option,
                       const char *configured, bool *read, struct secret *out)
{
    const struct arguments *arguments = session->arguments;

    *out = (struct secret){0};
    *read = true;
    if (arguments->given[file_option])
        return passphrase_from_file(arguments->text[file_option], out);
    if (arguments->given[fd_option])
        return passphrase_from_fd((int)arguments->number[fd_option], out);
    if (configured != NULL)
        return passphrase_from_file(configured, out);
    *read = false;
    return true;
}

/* The one passphrase of this run; object names what it is for when a person is asked. */
static bool need_passphrase(struct session *session, const char *object)
{
    bool named;

    if (session->passphrase_read)
        return true;
    if (!read_named(session, OPT_PASSPHRASE_FILE, OPT_PASSPHRASE_FD, session->ca.passphrase_file,
                    &named, &session->passphrase))
        return false;
    if (!named) {
        char *prompt = g_strdup_printf("Passphrase of %s: ", object);
        bool asked = passphrase_ask(prompt, false, &session->passphrase);
        g_free(prompt);
        if (!asked)
            return false;
    }
    session->passphrase_read = true;
    session->passphrase_asked = !named;
    return true;
}

bool session_new_passphrase(struct session *session, struct secret *out)
{
    bool named;

    *out = (struct secret){0};
    if (session->passphrase_read)
        return secret_copy(out, secret_bytes(&session->passphrase));
    if (!read_named(session, OPT_PASSPHRASE_FILE, OPT_PASSPHRASE_FD, session->ca.passphrase_file,
                    &named, out))
        return false;
    if (named || !session->arguments->given[OPT_PASSPHRASE])
        return true;
    return passphrase_ask("New passphrase of the CA's keys: ", true, out);
}

bool session_other_passphrase(struct session *session, int file_option, int fd_option,
                              const char *what, bool twice, struct secret *out)
{
    bool named;
    char *prompt = NULL;

    if (!read_named(session, file_option, fd_option, NULL, &named, out))
        return false;
    if (named)
        return true;
    prompt = g_strdup_printf("Passphrase %s: ", what);
    bool done = passphrase_ask(prompt, twice, out);
    g_free(prompt);
    return done;
}

/* --- keys --- */

static void forget_passphrase(struct session *session)
{
    secret_free(&session->passphrase);
    session->passphrase_read = session->passphrase_asked = false;
}

static struct key *open_file(struct session *session, const char *path, char *why, size_t size)
{
    GByteArray *text = g_byte_array_new();
    struct key *key = NULL;
    char *whole = g_build_filename(session->folder, path, NULL);

    if (place_load(session->folder_fd, path, false, KEY_MAX, text, why, size)) {
        struct bytes slice = bytes_of(text->data, text->len);
        bool sealed = key_is_sealed(slice);

        for (int try = 0; key == NULL && try < TRIES; try++) {
            if (sealed && !need_passphrase(session, whole)) {
                why[0] = '\0'; /* was said */
                break;
            }
            key = key_read(slice, sealed ? secret_bytes(&session->passphrase) : bytes_of(NULL, 0),
                           why, size);
            if (key != NULL || !sealed || !session->passphrase_asked)
                break;
            forget_passphrase(session); /* a person may have mistyped it */
            if (try + 1 < TRIES)
                log_error("cannot open %s: %s", whole, why);
        }
    }
    secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    g_free(whole);
    return key;
}

/* The file that the PIN comes from; NULL: a person gives it, or a descriptor.  g_free. */
static char *pin_file(const struct session *session, const char *uri, bool has_source)
{
    const struct arguments *arguments = session->arguments;

    if (has_source)
        return key_pkcs11_pin_file(uri);
    if (arguments->given[OPT_PASSPHRASE_FILE])
        return g_strdup(arguments->text[OPT_PASSPHRASE_FILE]);
    return arguments->given[OPT_PASSPHRASE_FD] ? NULL : g_strdup(session->ca.passphrase_file);
}

static struct key *open_token(struct session *session, const char *uri, char *why, size_t size)
{
    bool has_source = strstr(uri, "pin-source=") != NULL;
    g_autofree char *file = pin_file(session, uri, has_source);
    g_autofree char *token = file != NULL ? key_pkcs11_token(uri) : NULL;
    g_autofree char *state = token != NULL ? pin_memory_state(file) : NULL; /* as it was before */
    bool remembers = state != NULL && session->ledger != NULL;
    struct key *key = NULL;

    why[0] = '\0';
    if (remembers && pin_memory_holds(session->folder_fd, token, state)) {
        snprintf(why, size,
                 "the token has refused the PIN in %s, and a few wrong ones lock it: this is not "
                 "tried again until the file is written anew (or touched, if the token has got "
                 "this PIN since)",
                 file);
        return NULL;
    }
    if (!has_source && !need_passphrase(session, "the PKCS#11 token (its PIN)"))
        return NULL;
    key = key_open_pkcs11(uri, has_source ? bytes_of(NULL, 0) : secret_bytes(&session->passphrase),
                          why, size);
    if (key == NULL && remembers && key_pkcs11_pin_refused())
        (void)pin_memory_keep(session->folder_fd, token, state);
    return key;
}

bool authority_unlock(struct session *session, struct authority *authority)
{
    const char *where = authority->row.key;
    char why[PLACE_WHY + 256] = "";

    if (authority->key != NULL)
        return true;
    if (strncmp(where, KEY_FILE, strlen(KEY_FILE)) == 0)
        authority->key = open_file(session, where + strlen(KEY_FILE), why, sizeof why);
    else if (strncmp(where, KEY_TOKEN, strlen(KEY_TOKEN)) == 0)
        authority->key = open_token(session, where, why, sizeof why);
    else
        snprintf(why, sizeof why, "the ledger names no place that is known");
    if (authority->key == NULL) {
        if (why[0] != '\0')
            log_error("cannot open the key of the CA %s (%s): %s", authority->row.file, where, why);
        return false;
    }
    if (key_fits(authority->key, X509_get0_pubkey(authority->certificate)))
        return true;
    log_error("the key %s is not the one of the certificate %s in %s: one of them was replaced; "
              "restore the right one from a backup",
              where, authority->row.file, session->folder);
    key_free(authority->key);
    authority->key = NULL;
    return false;
}
