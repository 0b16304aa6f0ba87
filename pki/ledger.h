/*
 * ledger.h - the record of everything that was signed: one SQLite file, `ledger.db` in the CA's folder.
 *
 * A serial is written down before anything is signed with it (ledger_reserve), and completed when its files
 * are in place (ledger_complete).  Each call that changes something is one durable transaction (WAL,
 * synchronous=FULL) with its audit events in it, or is part of the one that ledger_begin opened.  Two
 * programs at once wait for each other, LEDGER_WAIT_MS at most.  `ledger.db-wal` and `-shm` belong to it and stay
 * beside it: who copies the file takes them along, or makes a backup.
 *
 * The events form a chain of hashes.  An event's line ends in
 *     ,"seq":N,"prev":"HEX64","hash":"HEX64"}
 * where hash is SHA-256 of all bytes of the line before `,"hash":"` (so the last 75 bytes are left out), and prev the
 * hash of line N - 1; of the first one, which has seq 1, 64 zeroes.
 */
#ifndef PGSIGNET_PKI_LEDGER_H
#define PGSIGNET_PKI_LEDGER_H

#include "pki/certificate.h"

#include <sys/types.h>

#define LEDGER_FILE    "ledger.db"
#define LEDGER_VERSION 1
#define LEDGER_WAIT_MS 60000
#define LEDGER_WHY     512 /* bytes of a sentence */

struct ledger;

enum ledger_result {
    LEDGER_OK,
    LEDGER_NONE,    /* there is no such row */
    LEDGER_REFUSED, /* a rule forbids it: see ledger_error */
    LEDGER_CLOCK,   /* the clock is before what the ledger has seen: nothing may be signed now */
    LEDGER_FAILED,  /* SQLite, disk, memory, busy for too long: see ledger_error */
};

/* When and by whom. */
struct ledger_opening {
    int64_t (*now_s)(
        void);      /* Unix time; read inside of the transaction, so that rows never go back */
    uid_t uid;      /* of the operator, for events */
    bool read_only; /* queries alone */
};

/* Makes the file (0600; EEXIST is a failure) in the folder.  NULL after why. */
struct ledger *ledger_create(int folder_fd, const char *folder,
                             const struct ledger_opening *opening, char *why, size_t size);
/* Opens it; one of another version, or that is no ledger, is refused. */
struct ledger *ledger_open(int folder_fd, const char *folder, const struct ledger_opening *opening,
                           char *why, size_t size);
void ledger_close(struct ledger *ledger); /* NULL is allowed; undoes an open transaction */
/* The last failure as a sentence: what was tried, on what, what came back, what to do. */
const char *ledger_error(const struct ledger *ledger);

/* Several calls as one transaction. */
/* A step that is refused (LEDGER_NONE, _REFUSED, _CLOCK) undoes itself alone; after LEDGER_FAILED only ledger_rollback. */
enum ledger_result ledger_begin(struct ledger *ledger);
enum ledger_result ledger_commit(struct ledger *ledger);
void ledger_rollback(struct ledger *ledger);

/* --- authorities: the CAs, one row for each key --- */

enum ledger_purpose {
    PURPOSE_ROOT,   /* signs other CAs alone */
    PURPOSE_ALL,    /* servers and clients */
    PURPOSE_SERVER, /* beside a client CA */
    PURPOSE_CLIENT,
    PURPOSES
};
extern const char *const ledger_purpose_names[PURPOSES]; /* "root", "all", "server", "client" */

enum ledger_authority_state {
    AUTHORITY_NEXT,    /* trusted, signs CRLs, not yet leaves */
    AUTHORITY_CURRENT, /* signs */
    AUTHORITY_OLD,     /* signs CRLs alone: its leaves are still about */
    AUTHORITY_DROPPED, /* out of trust */
};

/* Texts and arrays are the row's own: ledger_authority_clear. */
struct ledger_authority {
    int64_t id;
    enum ledger_purpose purpose;
    int64_t generation; /* 1.. */
    enum ledger_authority_state state;
    int64_t parent; /* the authority that signed it; 0 = itself */
    char *file;     /* its certificate, relative to the folder: "ca.crt", "ca/ca.crt" */
    char *key;      /* "file:ca.key", relative to the folder, or a "pkcs11:" URI */
    GByteArray *der;
    int64_t not_before, not_after;
    int64_t crl_number; /* of the last CRL; 0 = none yet */
    int64_t crl_this_s, crl_next_s;
};
void ledger_authority_clear(struct ledger_authority *authority);

/* Adds one; id is set.  Event "ca-init", or "ca-adopt" with adopted, "ca-rotate" for generation > 1. */
enum ledger_result ledger_add_authority(struct ledger *ledger, struct ledger_authority *authority,
                                        bool adopted);
enum ledger_result ledger_set_authority(struct ledger *ledger, int64_t id,
                                        enum ledger_authority_state state);
/* All, in the order of their ids: GArray of struct ledger_authority that clears them (g_array_unref). */
enum ledger_result ledger_authorities(struct ledger *ledger, GArray **out);

/* --- certificates --- */

enum ledger_state { LEDGER_RESERVED, LEDGER_ISSUED, LEDGER_ABANDONED };
enum ledger_kind { KIND_SERVER, KIND_CLIENT, KIND_CA, KIND_CROSS, KIND_OTHER, KINDS };
extern const char *const ledger_kind_names[KINDS];

/* RFC 5280 5.3.1: the values of CRLReason; unspecified is the absence of a reason. */
enum ledger_reason {
    REVOKED_UNSPECIFIED = 0,
    REVOKED_KEY_COMPROMISE = 1,
    REVOKED_CA_COMPROMISE = 2,
    REVOKED_AFFILIATION_CHANGED = 3,
    REVOKED_SUPERSEDED = 4,
    REVOKED_CESSATION = 5,
    REVOKED_HOLD = 6,
    REVOKED_PRIVILEGE_WITHDRAWN = 9,
};
/* "keyCompromise" for 1; NULL for values that are none of these.  And back; -1 for an unknown word. */
const char *ledger_reason_name(int reason);
int ledger_reason_find(const char *word);

/* One certificate.  Texts and arrays are the row's own: ledger_row_clear. */
struct ledger_row {
    int64_t id;
    int64_t authority; /* that signed it */
    enum ledger_kind kind;
    enum ledger_state state;
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t serial_len;
    char *name; /* CN; "" = none */
    char *sans; /* "DNS:a,IP:192.0.2.1"; "" = none */
    int64_t not_before, not_after;
    uint8_t key_id[KEY_ID];
    uint8_t fingerprint[32]; /* of an issued one */
    GByteArray *der;         /* of an issued one; NULL where a list did not ask for it */
    char *
        path; /* of the files, relative to the folder, without .crt/.key; "" = given away (stdout, --out) */
    bool has_key;        /* PATH.key is ours */
    int64_t replaces;    /* id of the one it renews; 0 = none */
    int64_t replaced_by; /* filled by the ledger */
    int64_t created_s;
    int64_t revoked_s; /* 0 = not */
    int reason;        /* enum ledger_reason */
    bool adopted;
};
void ledger_row_clear(struct ledger_row *row);

/* What ledger_reserve may pass over. */
#define LEDGER_SECOND   0x1u /* another live certificate for the role */
#define LEDGER_SAME_KEY 0x2u /* a renewal: the key of the row it replaces */

/*
 * Writes n rows down as reserved, all or none: serial, authority, kind, name, sans, window, key_id, path and
 * replaces are read; id, created_s and state are set.  In the same transaction it looks at the rules, whose
 * sentence names the other certificate:
 *   the clock is before the authority's notBefore, the last row or event, or the last CRL (LEDGER_CLOCK);
 *   the authority is not CURRENT (leaves alone);
 *   the key is a CA's, was revoked, or is another name's (leaves alone);
 *   a client's name folds (name_fold) to a dNSName or the CN of any live certificate of a server, or one of those
 *   covers (name_covers) a live client's name or one of `roles` - both only where authority's purpose is PURPOSE_ALL;
 *   a client's name is, or is covered by, a dNSName of another live client, which was adopted (ours have none);
 *   a live client certificate has the same folded name (unless LEDGER_SECOND, or the new one renews it, in one step
 *   or several);
 *   another row's files have the same path (unless that row is the one replaced, or was, or is not live).
 * Live are here, too, what is on hold, for it can come back, and what is reserved.
 * *refused (may be NULL) is the index of the row that a rule struck.
 */
enum ledger_result ledger_reserve(struct ledger *ledger, struct ledger_row *rows, size_t n,
                                  unsigned flags, const char *const *roles, size_t n_roles,
                                  size_t *refused);

/*
 * The files of these rows are in place: der and fingerprint are read.  Event "issue", "renew" (same key) or "rekey" for
 * each.  A leaf whose key, or whose predecessor, was revoked since it was reserved (but superseded) is revoked
 * with it, for the same reason: revoked_s and reason say so.
 */
enum ledger_result ledger_complete(struct ledger *ledger, struct ledger_row *rows, size_t n);
/* Nothing was, or will be, given out of these.  Event "abandon". */
enum ledger_result ledger_abandon(struct ledger *ledger, const int64_t *ids, size_t n,
                                  const char *detail);
/* The same of what was signed, and may have been seen in somebody else's folder: it is revoked, too (cessationOfOperation). */
enum ledger_result ledger_withdraw(struct ledger *ledger, const int64_t *ids, size_t n,
                                   const char *detail);
/* Reserved rows whose process is no more (its pid, start and boot are kept with them): GArray of ledger_row. */
enum ledger_result ledger_left_over(struct ledger *ledger, GArray **out);

/*
 * A certificate that was found, not made: complete at once, and revoked if the row says so.  Of one that only a CRL knows
 * there is no der: it is revoked.  LEDGER_REFUSED when its serial is there.
 */
enum ledger_result ledger_adopt(struct ledger *ledger, struct ledger_row *row);

enum ledger_result ledger_get(struct ledger *ledger, int64_t id,
                              struct ledger_row *out); /* with der */
/* LEDGER_REFUSED: certificates of two CAs have it, which were adopted. */
enum ledger_result ledger_by_serial(struct ledger *ledger, struct bytes serial,
                                    struct ledger_row *out);
enum ledger_result ledger_by_fingerprint(struct ledger *ledger, const uint8_t fingerprint[32],
                                         struct ledger_row *out);

/* Which rows; zeroed = all that were issued.  Every query has its index: with 100,000 rows it costs what it finds. */
struct ledger_filter {
    const char *name;       /* folded alike; NULL = any */
    int64_t authority;      /* 0 = any */
    int64_t expires_before; /* notAfter below; 0 = any */
    int64_t live_at;        /* valid at that time and not revoked (hold is revoked); 0 = any */
    int kind;               /* 1 + enum ledger_kind; 0 = any */
    bool revoked;           /* only those */
    bool not_replaced;      /* only those without a successor */
    bool every_state;       /* reserved and abandoned ones as well */
    bool with_der;
};
/* In the order of (notAfter, id).  The row is each's to read, not to keep; false from each ends it. */
enum ledger_result ledger_each(struct ledger *ledger, const struct ledger_filter *filter,
                               bool (*each)(void *context, const struct ledger_row *row),
                               void *context);
/* The same as a GArray that clears its rows. */
enum ledger_result ledger_list(struct ledger *ledger, const struct ledger_filter *filter,
                               GArray **out);

struct ledger_counts {
    int64_t live[KINDS], expired[KINDS], revoked[KINDS], abandoned, reserved;
    int64_t soonest[KINDS]; /* the first notAfter of a live, not replaced one; 0 = none */
};
enum ledger_result ledger_count(struct ledger *ledger, int64_t now_s, struct ledger_counts *out);

/* --- revocation and CRLs --- */

/*
 * Revokes (also one on hold, for good; its date stays that of the hold).  Whatever the clock says: in the ledger time
 * does not go back, so the date is that of the last entry if that is later.  LEDGER_REFUSED: is revoked already.  Event "revoke" or "hold".
 * ledger_release lifts a hold alone.  Event "release".
 */
enum ledger_result ledger_revoke(struct ledger *ledger, int64_t id, int reason);
enum ledger_result ledger_release(struct ledger *ledger, int64_t id);

/*
 * What a CRL of this authority has to hold, sorted by serial (as unsigned numbers; ours have one length, adopted
 * ones need not): revoked, and not expired before thisUpdate of the CRL before the last one - so each is on one
 * CRL after its end (RFC 5280 3.3).  Nothing is sorted or held in memory.
 */
enum ledger_result ledger_each_revoked(struct ledger *ledger, int64_t authority,
                                       bool (*each)(void *context, struct bytes serial,
                                                    int64_t revoked_s, int reason),
                                       void *context);
/*
 * Takes the next number of this authority's CRLs, which is then used up.  Call it inside of ledger_begin, before
 * ledger_each_revoked: nobody revokes between the two.  LEDGER_CLOCK as in ledger_reserve.  Event "crl".
 */
enum ledger_result ledger_next_crl(struct ledger *ledger, int64_t authority, int64_t this_s,
                                   int64_t next_s, int64_t *number);
/* Goes on from a CRL that was found, not made: crl_number (0 = it had none), crl_this_s and crl_next_s of a new authority. */
enum ledger_result ledger_adopt_crl(struct ledger *ledger,
                                    const struct ledger_authority *authority);

/* --- a clock that was ahead --- */

/* What lies ahead of now_s: times of the last row or event, and of the last CRL; 0 = it does not. */
struct ledger_ahead {
    int64_t entry_s, crl_s;
};
enum ledger_result ledger_ahead(struct ledger *ledger, int64_t now_s, struct ledger_ahead *out);
/*
 * The clock is right, and was ahead: what is dated later than now no longer keeps from signing; numbers of CRLs go on.
 * LEDGER_NONE when nothing is.  Event "clock", an alert, dated now.
 */
enum ledger_result ledger_accept_clock(struct ledger *ledger);

/* --- words by a key: the rotation's state, the layout, where things were published --- */

enum ledger_result ledger_word(struct ledger *ledger, const char *key,
                               char **value); /* g_free; LEDGER_NONE */
enum ledger_result ledger_set_word(struct ledger *ledger, const char *key,
                                   const char *value); /* NULL removes */

/* --- events --- */

/* An event of its own (deploy, publish, backup, restore, rotate...); plain texts of ours and foreign bytes. */
struct ledger_event {
    const char *event;   /* "publish" */
    const char *result;  /* "done", "failed" */
    struct bytes name;   /* whom it is about; may be empty */
    struct bytes serial; /* may be empty */
    const char *object;  /* file, server, authority; may be NULL */
    const char *detail;  /* a sentence; may be NULL */
    bool alert;
};
enum ledger_result ledger_record(struct ledger *ledger, const struct ledger_event *event);

/* Each event as its JSON line (with "seq", "prev", "hash"; no newline), from seq on. */
enum ledger_result ledger_each_event(struct ledger *ledger, int64_t from_seq,
                                     bool (*each)(void *context, int64_t seq, struct bytes line),
                                     void *context);
/*
 * Appends what is not there yet to the trail (a file of JSON lines, 0640, no symbolic link; its folder is made, 0750),
 * in order, each once: the file's last line of ours tells how far it is, and for one that was rotated away the
 * ledger remembers.  Alerts go to syslog as well.  Called after each command; false after a warning was logged: what
 * could not be written comes with the next call.
 */
bool ledger_write_trail(struct ledger *ledger, const char *path);

/*
 * Everything that can be wrong with the file: SQLite's integrity, the chain, DERs that do not fit their rows,
 * numbers that go back.  Each is a sentence given to say.  False when there was one, or it cannot be read.
 */
bool ledger_verify(struct ledger *ledger, void (*say)(void *context, const char *sentence),
                   void *context);

/* A consistent copy of the whole ledger in memory, while others write (sqlite3_serialize).  NULL after ledger_error. */
GByteArray *ledger_copy(struct ledger *ledger);
/*
 * Marks a ledger that came out of a backup: event "restore", with the detail.  What was done after the backup is not
 * in it, CRLs among that: their numbers go on LEDGER_RESTORE_CRLS further, so that the next is above any that is out.
 */
#define LEDGER_RESTORE_CRLS 100000
enum ledger_result ledger_restored(struct ledger *ledger, const char *detail);
/* The last event's number and hash: how far this ledger is. */
enum ledger_result ledger_head(struct ledger *ledger, int64_t *seq, uint8_t hash[32]);

#endif
