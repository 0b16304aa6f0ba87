/*
 * session.h - what one start of pgsignet-ca keeps: the folder, the ledger, the CAs, and how to get at their keys.
 *
 * session_open finishes, or takes back, what a program that was killed left half done, and says so.
 */
#ifndef PGSIGNET_PKI_SESSION_H
#define PGSIGNET_PKI_SESSION_H

#include "common/settings.h"
#include "pki/layout.h"
#include "pki/options.h"

#include <jansson.h>

/* A CA whose certificate is read; its key when somebody asks. */
struct authority {
    struct ledger_authority row; /* owned */
    X509 *certificate;           /* owned */
    struct key *key;             /* owned; NULL before authority_unlock */
    X509
        *cross; /* owned; this CA signed by the one it replaces, or that replaces it; NULL = none */
};

struct session {
    const struct arguments *arguments;
    struct settings *settings; /* owned; without a file, and without --config, the defaults */
    struct settings_ca
        ca;        /* what holds: options over the file over defaults.  Texts are not owned */
    char *folder;  /* owned; absolute */
    int folder_fd; /* -1 = not open */
    struct ledger *ledger; /* owned */
    enum layout layout;
    struct authority *authorities; /* owned array, as ledger_authorities */
    size_t n_authorities;
    struct secret passphrase; /* of the CA's keys; read at most once */
    bool passphrase_read;
    bool passphrase_asked; /* from a person, who may mistype it */
    bool read_only;        /* of the ledger */
    bool json, quiet, verbose, dry_run;
};

enum session_needs {
    NEEDS_NOTHING, /* init, adopt, restore: the folder's name alone */
    NEEDS_LOOK, /* queries: the ledger is opened read-only, nothing is mended, what is half done is said */
    NEEDS_WORK, /* changes: the folder must be ours, 0700 */
};

/* False after a message; session_close is due either way. */
bool session_open(struct session *session, const struct arguments *arguments,
                  enum session_needs needs);
void session_close(struct session *session);
/*
 * For those with NEEDS_NOTHING, once there is a folder with a ledger: opens it, with the checks of session_open, and the
 * ledger with layout and authorities.  False after a message.
 */
bool session_open_folder(struct session *session, enum session_needs needs);
bool session_open_ledger(struct session *session, bool read_only);
/* The folder that is meant instead of ca.dir, before it is opened. */
void session_set_folder(struct session *session, const char *dir);
#define SESSION_LAYOUT "layout" /* the ledger's word for the name of the layout */

/* The clock of this run; for ledger_opening too.  The only place in pki/ that asks for the time. */
int64_t session_now_s(void);

/*
 * The file that events are copied to when the session is closed; NULL = none.  Where ca.audit was not set, and its
 * folder was not made, there is none: `init` says so once.
 */
const char *session_trail(const struct session *session);

/* Reads the authorities anew, after one was added. */
bool session_read_authorities(struct session *session);
void session_forget_authorities(struct session *session);
/* The one that signs certificates of this kind now; NULL after a message when there is none. */
struct authority *session_signer(struct session *session, enum ledger_kind kind);
struct authority *session_authority(struct session *session, int64_t id); /* NULL = no such */

/*
 * The key, opened with the passphrase from --passphrase-file, --passphrase-fd, ca.passphrase_file, or the
 * terminal (never echoed); checked to be the certificate's.  False after a message.
 */
bool authority_unlock(struct session *session, struct authority *authority);
/*
 * The passphrase for new keys: the one of this run, if a key was opened with it; or as for authority_unlock, but a person
 * is asked (twice) only with --passphrase.  Empty when none is wanted.  False after a message.
 */
bool session_new_passphrase(struct session *session, struct secret *out);
/* A secret that is none of the CA's key: of a backup, of a PKCS#12 file.  what: "for the archive". */
bool session_other_passphrase(struct session *session, int file_option, int fd_option,
                              const char *what, bool twice, struct secret *out);

/*
 * The certificates of the issuers of a leaf of this CA, itself first, the root last; while it is being replaced also the one
 * by which the other CA vouches for it.  Not owned, NULL-ended, at most 4.
 */
size_t session_chain(const struct session *session, const struct authority *authority,
                     X509 *chain[4]);
/* PEM of the CAs that are to be trusted for servers, or for clients: NEXT, CURRENT and OLD ones, roots included.
 * With a client CA, clients are trusted by that one alone. */
void session_trust(const struct session *session, bool clients, GString *out);
/* Is there a CA for clients alone, not dropped? */
bool session_has_client_ca(const struct session *session);
/*
 * Writes trust.crt and, with a client CA, client-trust.crt, where they are not what session_trust says; the authorities
 * are then read anew.  Also called at the start of whatever changes something: a rotation may have been killed before
 * it did.  False after a message.
 */
bool session_write_trust(struct session *session);

/*
 * The names of all roles of the servers that --postgres, or else ca.postgres, names: none where none is named.  False
 * after warnings when one does not answer: its roles are then missing.  roles is owned (g_strfreev), and never NULL.
 */
bool session_roles(struct session *session, char ***roles, size_t *n);

/* One JSON document on standard output, and its release; false after a message. */
bool session_print(json_t *document);

#endif
