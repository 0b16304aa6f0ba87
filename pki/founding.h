/*
 * founding.h - new CAs, and the folder they begin in: what `init`, `adopt` and `rotate` have in common.
 *
 * A folder becomes a CA's in one transaction of its ledger: before it there are parts alone (place.h), which the next
 * `init` throws away; after it the ledger's word FOUNDING_BEGUN says that files are to be renamed, and bundles and CRLs to be
 * made, which the next `init` or `adopt` finishes.  The word SESSION_LAYOUT is set last; without it no other
 * command goes on.
 */
#ifndef PGSIGNET_PKI_FOUNDING_H
#define PGSIGNET_PKI_FOUNDING_H

#include "pki/session.h"

#define FOUNDING_BEGUN   "founding" /* the ledger's word; its value is the layout's name */
#define FOUNDING_MOST    3          /* root, CA, client CA */
/* Behind the names of the two others: of the CA's, and (blanks as hyphens) of objects in a token. */
#define FOUNDING_ROOT    " root"
#define FOUNDING_CLIENTS " clients"

/* --- CAs --- */

struct founding_plan {
    enum ledger_purpose purpose;
    int64_t generation;       /* 1.. */
    const char *common_name;  /* fit by name_common_fault */
    const char *organisation; /* or NULL */
    enum key_algorithm algorithm;
    const char *pkcs11; /* the URI of its key, which is made there; NULL = a file */
    int path_length;
    int64_t lasts_s;
};

/* A CA that was made or found, and is in no ledger yet. */
struct founded {
    struct ledger_authority row; /* owned; id and parent are set by founding_record */
    X509 *certificate;           /* owned */
    struct key *key;             /* owned */
    const struct founded *under; /* not owned; NULL = it signed itself */
    struct secret key_pem;       /* to be written; empty: it is in a token, or there already */
    char *key_path;              /* owned; relative to the folder; NULL as before */
    GString *pem;                /* owned; NULL: the certificate's file is there already */
};

/*
 * Makes a key and a certificate, in memory (and in the token).  passphrase seals the key's file, or is the token's
 * PIN.  under: the CA above it, or NULL.  False after why; founded_clear is due either way.
 */
bool founded_make(const struct founding_plan *plan, enum layout layout, const struct founded *under,
                  struct bytes passphrase, int64_t now_s, struct founded *out, char *why,
                  size_t size);
void founded_clear(struct founded *founded);
/*
 * A CA that another one signed can be revoked by it: so it has a row like any certificate.  For one that is recorded
 * (row.id and row.parent are set), in the open transaction; nothing is done for one that signed itself, or has its
 * row.  False after ledger_error.
 */
bool founded_record_signed(struct ledger *ledger, const struct founded *founded);
/* {"purpose","certificate","name","key","serial","not_before","not_after","sha256"}; NULL without memory. */
json_t *founding_json(const struct ledger_authority *row, X509 *certificate);

/* --- the folder --- */

enum founding_state {
    FOUNDING_FREE,    /* nothing there, or what a killed init left, which is thrown away */
    FOUNDING_HALF,    /* the ledger is there, and FOUNDING_BEGUN in it: founding_finish is due */
    FOUNDING_TAKEN,   /* a CA is there */
    FOUNDING_FOREIGN, /* files are there, and no ledger: for adopt */
    FOUNDING_FAILED,  /* a message was printed */
};
/*
 * Opens the folder, which is made (0700) with made != NULL, unless it is a dry run (folder_fd stays
 * -1 then); *made says whether it was.
 * With FOUNDING_HALF and FOUNDING_TAKEN the ledger is open; *foreign (g_free) is the name of a file that is not ours.
 */
enum founding_state founding_look(struct session *session, bool *made, char **foreign);

/* Sets the folder's mode to 0700, where others may get in, and says so.  A dry run only says it.  False after a message. */
bool founding_close_folder(const struct session *session);

/* Throws away what a killed init left, if anything.  False after a message. */
bool founding_sweep(struct session *session);

/*
 * The transaction: creates the ledger, writes the parts of all files, records the CAs.  rows (may be NULL) are recorded with
 * them: what adopt found; their authority is an index into founded until then.  CAs that have a CRL already (crl_this_s)
 * go on from it.  False after a message, with nothing left.
 */
bool founding_record(struct session *session, enum layout layout, struct founded *founded, size_t n,
                     bool adopted, struct ledger_row *rows, size_t n_rows);

/*
 * Everything after the transaction: renames, bundles, first CRLs, and the word that it is done.  founded may be NULL: keys
 * are then opened as authority_unlock does.  crls false: CRLs are there already.  False after a message.
 */
bool founding_finish(struct session *session, struct founded *founded, size_t n, bool crls);

#endif
