/*
 * crl.h - certificate revocation lists: made from the ledger, judged, and put where PostgreSQL reads them.
 *
 * PostgreSQL wants one for every CA of the chain (X509_V_FLAG_CRL_CHECK_ALL), and refuses every client that
 * presents a certificate once one of them has expired.
 */
#ifndef PGSIGNET_PKI_CRL_H
#define PGSIGNET_PKI_CRL_H

#include "pki/session.h"

/* --- making --- */

/*
 * Makes a new CRL of this authority and appends its DER to out (emptied first).  The number is used up in the ledger
 * before anything is signed, in the transaction that reads who is revoked: of two programs at once, the one
 * with the higher number knows what the other one knew.  Own writer, linear memory: 100,000 entries within 40 MiB.  Has
 * passed lint_crl; its signature was verified.  authority->row says number and times after.  False after a message.
 */
bool crl_make(struct session *session, struct authority *authority, int64_t lasts_s,
              GByteArray *out);

/*
 * Puts it into the folder, under the ledger's lock; true also when one with a higher number is there, that somebody
 * else has made meanwhile and that stays.  False after a message: also when that number is above the ledger's.
 */
bool crl_put(struct session *session, struct authority *authority, struct bytes der);

/*
 * How long a new CRL lasts, and how long before its end the next one is due: ca.crl (or --lasts) and ca.crl_renew.  A root is
 * locked away, and signs nothing that anybody would revoke in a hurry: its CRL lasts a year at least.
 */
#define CRL_ROOT_S       (INT64_C(365) * 86400)
#define CRL_ROOT_EARLY_S (INT64_C(60) * 86400)
int64_t crl_lasts(const struct session *session, const struct authority *authority);
int64_t crl_early(const struct session *session, const struct authority *authority);

/*
 * New CRLs of these authorities (ids), in the folder: crl/NAME.crl (PEM), .der, crl.pem with those of all CAs that are
 * not dropped.  They last ca.crl.  One that cannot be made is said, and the others are made; false then.
 */
bool crl_make_of(struct session *session, const int64_t *authorities, size_t n);
/* Of all CAs that are not dropped. */
bool crl_make_all(struct session *session);
/* Only of those that crl_due says; *made says how many. */
bool crl_make_due(struct session *session, size_t *made);
/*
 * Why a new one is due: "it ends soon", "somebody was revoked since"; NULL = it is not.  Looks at the ledger and at the file
 * in the folder, which a program that was killed may have left behind the ledger.
 */
const char *crl_due(struct session *session, const struct authority *authority, int64_t early_s);
/* The CRL in the folder, DER; empty when there is none.  False after a message. */
bool crl_load(struct session *session, const struct authority *authority, GByteArray *der);

/* --- writing: pure --- */

struct crl_writer {
    GByteArray *out;               /* not owned */
    size_t whole, body, tbs, list; /* where each begins */
    size_t entries;
    uint8_t last[20]; /* serial of the last entry */
    size_t last_len;
};
struct crl_head {
    struct bytes algorithm, issuer; /* AlgorithmIdentifier and Name, DER */
    int64_t this_s, next_s;
};
void crl_begin(struct crl_writer *writer, GByteArray *out, const struct crl_head *head);
/* In the order of serials; false when they are not, or one comes twice.  reason: enum ledger_reason. */
bool crl_add(struct crl_writer *writer, struct bytes serial, int64_t revoked_s, int reason);
/* What is signed; it points into out, and is valid until crl_end. */
struct bytes crl_body(struct crl_writer *writer, struct bytes key_id, uint64_t number);
void crl_end(struct crl_writer *writer, struct bytes algorithm, struct bytes signature);

void crl_pem(struct bytes der, GByteArray *out); /* appends */
/* Takes the next CRL off a PEM text, or skips what else is between: 1 = *der is filled (emptied first), 0 = no more,
 * -1 = there is something that is no CRL.  *text, when not NULL, is the slice it was in, with its lines of dashes. */
int crl_pem_next(struct bytes *rest, GByteArray *der, struct bytes *text);

/* --- reading: pure --- */

/* What a CRL says of itself.  Slices point into the DER. */
struct crl_facts {
    struct bytes issuer;    /* the Name, DER */
    struct bytes key_id;    /* of the AKI; empty = none */
    struct bytes revoked;   /* content of the list */
    struct bytes body;      /* what is signed, DER */
    struct bytes algorithm; /* of the signature, DER */
    struct bytes signature;
    uint8_t number[20]; /* big-endian, at the end */
    bool has_number;
    int64_t this_s, next_s;
    size_t entries;
};
/* NULL, else a static phrase that says why it is no CRL. */
const char *crl_facts(struct bytes der, struct crl_facts *out);
/* The number, where it fits; else UINT64_MAX. */
uint64_t crl_number(const struct crl_facts *facts);
/* Takes the next entry off the list (facts->revoked); reason 0 = none.  False at its end. */
struct crl_entry {
    struct bytes serial; /* without a leading zero */
    int64_t revoked_s;
    int reason;
};
bool crl_next(struct bytes *revoked, struct crl_entry *entry);
/* Is the serial on it? */
bool crl_lists(struct bytes der, struct bytes serial);
bool crl_signed_by(struct bytes der, X509 *issuer);
/* Has it the issuer's name and key id?  Where one of them says no key id, the signature tells. */
bool crl_is_of(struct bytes der, X509 *issuer);

/*
 * May fresh take the place of old (DER; empty = there is none)?  NULL, else a sentence (static): fresh has expired,
 * begins in the future, is of another CA, has a lower number or an older date, is not signed by issuer.  An old one that
 * issuer has not signed does not count, nor does the date of one that has not begun yet.
 */
const char *crl_worse(struct bytes fresh, struct bytes old, X509 *issuer, int64_t now_s);

/* --- publishing --- */

/* Where CRLs go; NULL = not there. */
struct crl_target {
    const char *file; /* ssl_crl_file: PEM of all CRLs */
    const char *
        dir; /* ssl_crl_dir: HASH.rN (X509_NAME_hash) for each, stale ones of ours taken away after */
    bool set_owner;
    uid_t uid;
    gid_t gid;
};
/* What has become of it.  A changed file is in force only after a reload; a changed folder at once. */
struct crl_published {
    bool file_changed, dir_changed;
    bool
        worthless; /* one that stays is expired, or begins in the future: servers refuse every client */
    size_t largest; /* entries of the largest CRL */
};
/*
 * Puts the folder's CRLs there, by rename, unless one would be worse than what is there (a CRL of a foreign CA in
 * ssl_crl_file is kept).  A file that is as it should be is not touched.  False after a message, with nothing changed.
 * out may be NULL.  Before a file is changed the ledger's word CRL_RELOAD is set to its name: see publish.h.
 */
bool crl_publish(struct session *session, const struct crl_target *target,
                 struct crl_published *out);
/*
 * What of that can be known before: false after a message when what is there would be refused.  CRLs of the CAs to_come
 * (their ids) are to be made first, and so not compared.  Changes nothing.
 */
bool crl_publish_look(struct session *session, const struct crl_target *target,
                      const GArray *to_come, struct crl_published *out);
#define CRL_RELOAD "crl.reload"

#endif
