/*
 * revoke.h - the parts of `revoke` and `release`: whom it means, what proves that it took effect, what is said.
 *
 * The order of things: the ledger first (one transaction for all), then CRLs, publishing, reload; then a handshake
 * on each server shows whether it is in force; then live sessions, which no CRL ends.
 */
#ifndef PGSIGNET_PKI_REVOKE_H
#define PGSIGNET_PKI_REVOKE_H

#include "common/secret.h"
#include "pki/canary.h"
#include "pki/online.h"
#include "pki/publish.h"

/* A certificate and its private key as a client shows them to a server. */
struct revoke_pair {
    char *certificate; /* owned; PEM with the chain but the root; NULL = is not to be had */
    struct secret key; /* owned; PEM */
};

/* One that is to be revoked, or released. */
struct revoke_one {
    struct ledger_row row; /* owned */
    bool already;          /* it is so: publishing and proving are done again */
    struct revoke_pair pair;
};

enum revoke_outcome {
    OUTCOME_PROVED,      /* as it should be */
    OUTCOME_NOT_ASKED,   /* the server wants no certificates, or has no TLS: nothing to prove */
    OUTCOME_BOUNCER,     /* PgBouncer, which reads no CRL, took it */
    OUTCOME_NOT_TRUSTED, /* its CA is out of trust: nobody was asked */
    OUTCOME_FAILED,
    OUTCOMES
};
extern const char *const revoke_outcomes[OUTCOMES]; /* "proved", ... */

struct revoke_proof {
    enum revoke_outcome outcome;
    char *server;       /* owned; HOST:PORT */
    const char *name;   /* CN of the certificate in question; not owned */
    char *text;         /* owned; a sentence */
    const char *advice; /* static; NULL = none */
    const char *by;     /* static: "certificate", "canary", or "crl"; NULL = nobody was asked */
    bool silent;        /* the server could not be reached */
};

struct revoke_session {
    char *server; /* owned */
    struct online_session at;
    const char *name; /* of the certificate; not owned */
    bool ended;
};

/* A port to be asked. */
struct revoke_door {
    char *host, *label; /* owned */
    int port;
    bool is_bouncer;
    char *places; /* owned: "its ssl_crl_file is ...", "" = it has none; NULL = was not asked */
    bool uses_tls;
};

struct revoke {
    struct session *session; /* not owned */
    bool release;
    int reason; /* enum ledger_reason */
    int64_t now_s;
    size_t being_made; /* certificates of those names that could not be revoked yet */
    GArray *ones;      /* struct revoke_one */
    GArray *canaries;  /* struct canary */
    GArray *doors;     /* struct revoke_door */
    GArray *proofs;    /* struct revoke_proof */
    GArray *sessions;  /* struct revoke_session */
    GPtrArray *warnings;
    struct publish publish;
};
void revoke_init(struct revoke *revoke, struct session *session, bool release, int64_t now_s);
void revoke_clear(struct revoke *revoke);
/* Says it, and keeps it for the document. */
void revoke_warn(struct revoke *revoke, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* PEM of a certificate and of its issuers but the root; g_free. */
char *revoke_chain(const struct session *session, const struct authority *authority,
                   struct bytes der);

/* --- whom: revoke_find.c --- */

/*
 * Adds the rows that an operand means; false after a message.  A name means all of its certificates that have not expired,
 * of the kinds of --server and --client; without these it must not be a server's and a client's.
 */
bool revoke_find(struct revoke *revoke, const char *operand);
/* In the transaction that revokes: is all that is live of a name that was given among them?  False after a message. */
bool revoke_has_all(struct revoke *revoke, const char *operand);
/* The pairs of those whose private key is in the folder. */
void revoke_load_pairs(struct revoke *revoke);

/* --- proof --- */

/* Is there anybody to ask?  Asks nobody. */
bool revoke_has_doors(const struct revoke *revoke);
/* Doors from --probe, else from the servers and ca.pgbouncer; those that cannot be asked become failed proofs. */
void revoke_find_doors(struct revoke *revoke);
/* A canary for each CA of a row without a pair; false after a message: there will be no proof for these. */
bool revoke_make_canaries(struct revoke *revoke);
/*
 * Knocks at each door with each certificate, or its canary; of many of one CA with the first alone, which then proves for
 * the others which CRL is in force.  True when nothing failed.
 */
bool revoke_prove(struct revoke *revoke);
/* What a handshake says about the one (pure); text is the caller's. */
struct revoke_proof revoke_judge(bool release, bool by_canary, bool listed,
                                 const struct revoke_door *door, const struct online_probe *probe);
/* Lists, and with --terminate ends, live sessions.  False after a message. */
bool revoke_look_for_sessions(struct revoke *revoke);

/* --- what is said --- */

/* At a terminal: may it go on?  Without one, or with --yes, yes. */
bool revoke_agreed(struct revoke *revoke);
bool revoke_report(struct revoke *revoke);
bool revoke_report_dry(struct revoke *revoke);
/* Is its CA out of trust (`rotate drop`, `abort`)?  Then there is nothing that a CRL could change. */
bool revoke_is_out_of_trust(const struct revoke *revoke, const struct revoke_one *one);
/* "app (serial 01AB..)"; g_free */
char *revoke_describe(const struct revoke_one *one);

#endif
