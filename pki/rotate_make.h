/*
 * rotate_make.h - the new CA of a rotation, and the certificates that carry trust from one to the other.
 */
#ifndef PGSIGNET_PKI_ROTATE_MAKE_H
#define PGSIGNET_PKI_ROTATE_MAKE_H

#include "pki/session.h"

/*
 * Makes the successor of old: a key where --pkcs11 says or in a file beside the old one's, of the same kind unless
 * --algorithm is given; a name of its own ("... G2"); signed by the old one's parent if it has one, else by itself and
 * crosswise.  Parts are written, the authority goes into the ledger, then the files get their names: killed in between,
 * rotate_mend finishes it.  The session's authorities are read anew.  False after a message.
 */
bool rotate_start(struct session *session, struct authority *old);

/*
 * Certificates for the key of each by the other: clients that trust only one of the two CAs get from the other's leaves to
 * it.  Nothing is done where there is a live one; one that may sign no CA (pathLen 0) signs none, which is said.
 *
 * Whoever looks at no CRL - PgBouncer, most clients - believes what vouches for the old CA until it ends, also after that
 * one is dropped.  So it ends after CROSS_OLD_S; a CA of clients has none, since servers trust both before the new one
 * signs; and an old CA whose key was stolen (rotate_set_distrust) gets none.  False after a message.
 */
#define CROSS_OLD_S (INT64_C(90) * 86400)
bool rotate_cross_both(struct session *session, struct authority *old, struct authority *new);
/* Remembers, until the next `start`, whether the old key is in wrong hands.  False after a message. */
bool rotate_set_distrust(struct session *session, bool distrust);
/* Fills authority->cross of a session, while two CAs of one purpose are trusted.  False after a message. */
bool rotate_read_crosses(struct session *session);
/*
 * Revokes whatever another CA signed for one that is dropped - crosswise, or the root above it - so that it does not come
 * back by that.  In the open transaction.  False after a message.
 */
bool rotate_revoke_signed(struct session *session, const struct authority *dropped);

/* Gives the files of a new CA their names if a program was killed before it did.  False after a message. */
bool rotate_mend(struct session *session);

#endif
