/*
 * crl_take.h - revocations that a published CRL has, and the ledger has not.
 *
 * A ledger that came out of a backup does not know what was revoked after it.  A CRL that this CA has signed, and that
 * is still where the servers read it, does: what would vanish from there is taken over before anything is published.
 */
#ifndef PGSIGNET_PKI_CRL_TAKE_H
#define PGSIGNET_PKI_CRL_TAKE_H

#include "pki/crl_plan.h"

/*
 * Adds to the plan's vanished the entries of `there`, a CRL that own's CA has signed, that own's CRL does not have.
 * Linear: both are sorted, or there is sorted first.
 */
void crl_take_find(struct crl_plan *plan, const struct crl_own *own, struct bytes there);

/*
 * Writes into the ledger, in the open transaction, those of the plan's vanished that have no reason to be gone: that
 * are neither expired nor released.  *taken says how many; their CAs are then due for a new CRL.  False after a message.
 */
bool crl_take_over(struct session *session, const struct crl_plan *plan, size_t *taken);

#endif
