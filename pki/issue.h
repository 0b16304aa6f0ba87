/*
 * issue.h - many certificates in one go: reserve, sign, put into place, complete.
 *
 *     reserve all in the ledger          one transaction: rules, serials
 *     make keys, sign, lint              in memory
 *     write the parts, sync once         place_prepare
 *     rename, sync                       place_commit
 *     complete all                       one transaction, with their events
 *
 * In batches of ISSUE_BATCH.  A refusal of one refuses all before anything is signed, unless keep_going: then that
 * one alone is left out and said.
 *
 * What is given away (an absolute path) is completed when its parts are written, and renamed after that: the ledger
 * does not remember where it went, so nobody could finish it later.
 */
#ifndef PGSIGNET_PKI_ISSUE_H
#define PGSIGNET_PKI_ISSUE_H

#include "pki/output.h"
#include "pki/session.h"

#define ISSUE_BATCH 200

struct issue_wish {
    enum ledger_kind kind; /* KIND_SERVER or KIND_CLIENT */
    char *name;            /* owned; judged by issue_many */
    struct name_san *sans; /* owned array; issue_many adds a server's CN, and a client's URI */
    size_t n_sans;
    EVP_PKEY *key;       /* owned; public half of a request; NULL: a key is made */
    struct key *own_key; /* owned; renew: the key that is there */
    bool own_algorithm;  /* of the key that is made: algorithm instead of the options' */
    enum key_algorithm algorithm;
    int64_t lasts_s;  /* 0 = ca.leaf */
    int64_t replaces; /* ledger id; 0 = none */
    bool same_key;    /* as the one it replaces */
    /*
     * Owned; without .crt/.key.  NULL: where the layout has it.  Relative to the folder: a renewal's.  Absolute: given
     * away, the ledger does not remember it.  "": nowhere, der is for the caller.
     */
    char *path;
    char *source; /* owned; "FILE:12", for messages; NULL = none */
};
void issue_wish_clear(struct issue_wish *wish);

struct issue_made {
    int64_t id; /* in the ledger; 0 = was left out, or a dry run */
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t serial_len; /* 0: as id */
    int64_t not_before, not_after;
    GByteArray *der; /* owned; NULL: as id */
    struct key *key; /* owned; NULL with a request */
    char *path;      /* owned; as above; NULL: was left out */
    unsigned output; /* bits 1 << enum output_form: which further files there are */
    char *refused;   /* owned; a sentence that names it; NULL = was made */
};
void issue_made_clear(struct issue_made *made);

struct issue_options {
    enum key_algorithm algorithm; /* of keys that are made */
    unsigned output;              /* bits 1 << enum output_form */
    struct bytes pkcs12_passphrase;
    const char *host, *database; /* for the strings in bundles; may be NULL */
    bool second;                 /* LEDGER_SECOND */
    bool keep_going;
    bool dry_run; /* judge, and write nothing */
};

/*
 * Makes n; made is an array of n, zeroed, to be cleared by the caller either way.  True when all were made; else
 * messages were printed.  Shows progress.
 */
bool issue_many(struct session *session, const struct issue_wish *wishes, size_t n,
                const struct issue_options *options, struct issue_made *made);

/* What session_open does about rows that a killed program left: finishes those whose parts were all written,
 * abandons the others, says each.  False after a message when the ledger does not take it. */
bool issue_mend(struct session *session);

/*
 * A new certificate for a row (with der): with its own key (renew) or a new one (rekey; of the old one's kind unless
 * own_algorithm is taken back).  A row without a key of ours needs public_key of a new request for rekey.  out: an
 * absolute path, "" or NULL, which is where the old one is.  *wish is filled, for issue_many; false after a message.
 */
bool issue_again(struct session *session, const struct ledger_row *row, bool new_key,
                 EVP_PKEY *public_key, const char *out, struct issue_wish *wish);

#endif
