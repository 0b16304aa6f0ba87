/*
 * made.h - what issue, renew and rekey say of the certificates they made.
 */
#ifndef PGSIGNET_PKI_MADE_H
#define PGSIGNET_PKI_MADE_H

#include "pki/issue.h"

/*
 * Prints them: one in detail, with the connection strings of a client; several as a table; or all as JSON.  Those that
 * were refused are in the JSON alone: messages said so.  False after a message.
 */
bool made_print(struct session *session, const struct issue_wish *wishes,
                const struct issue_made *made, size_t n, const struct issue_options *options);
/* Releases an array of n. */
void made_free(struct issue_made *made, size_t n);

#endif
