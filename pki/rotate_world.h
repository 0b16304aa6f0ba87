/*
 * rotate_world.h - what a rotation has to know before its next step.
 */
#ifndef PGSIGNET_PKI_ROTATE_WORLD_H
#define PGSIGNET_PKI_ROTATE_WORLD_H

#include "pki/rotate.h"
#include "pki/session.h"

/* The two sides of a rotation; point into the session's authorities. */
struct rotate_sides {
    enum ledger_purpose purpose;
    enum rotate_state state;
    struct authority *old; /* CURRENT before `issue`, OLD after it; never NULL */
    struct authority *new; /* NULL when idle */
};

/*
 * The sides of the CA that signs this kind (KIND_SERVER or KIND_CLIENT).  False after a message when there is none.
 */
bool rotate_find(struct session *session, enum ledger_kind kind, struct rotate_sides *sides);

/* One live leaf of the old CA. */
struct rotate_leaf {
    char *name, *serial; /* owned */
    enum ledger_kind kind;
    bool replaced; /* there is a successor */
    int64_t id, not_after;
};
/* GArray of struct rotate_leaf that clears them; NULL after a message. */
GArray *rotate_leaves(struct session *session, const struct rotate_sides *sides);

/* What one server thinks of the new CA. */
enum rotate_trust { TRUST_YES, TRUST_NO, TRUST_SILENT, TRUST_NOT_ASKED };
struct rotate_server {
    char *server; /* owned: "127.0.0.1:5432", or its connection string */
    enum rotate_trust trust;
    char *text; /* owned: what came back */
};
/*
 * Shows a certificate of the new CA to every server of --postgres or ca.postgres, which is made for this, never
 * written to a file, and revoked afterwards.  Servers that ask for no certificate have nothing to trust.  GArray of
 * struct rotate_server; NULL after a message.  Only a CA that signs clients is asked about: empty otherwise.
 */
GArray *rotate_servers(struct session *session, const struct rotate_sides *sides);

void rotate_world_fill(const struct session *session, const struct rotate_sides *sides,
                       const GArray *leaves, const GArray *servers, struct rotate_world *world);

#endif
