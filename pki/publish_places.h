/*
 * publish_places.h - where `deploy` has put CRLs on this host: whoever publishes keeps them fresh from then on.
 *
 * Else they would end some day, with nobody in charge of them, and every client with a certificate be refused.
 */
#ifndef PGSIGNET_PKI_PUBLISH_PLACES_H
#define PGSIGNET_PKI_PUBLISH_PLACES_H

#include "pki/crl.h"

#define PUBLISH_PLACES     "publish.places" /* the ledger's word: paths, a line each */
#define PUBLISH_PLACES_MAX 100

struct publish_place {
    char *path; /* owned; of the file of CRLs; the target's */
    struct crl_target target;
    struct crl_published changes;
};

/* Notes a place, once.  False after a message. */
bool publish_remember(struct session *session, const char *path);

/*
 * The places but the one that is `except` (may be NULL): GArray of struct publish_place that clears them.  A place whose
 * folder or file is gone is left out, and forgotten unless the ledger is read-only; that is said.  NULL after a message.
 */
GArray *publish_places(struct session *session, const char *except);

#endif
