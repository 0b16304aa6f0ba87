/*
 * handover.h - the one moment at which a token's secret is shown.
 */
#ifndef PGSIGNET_MFA_HANDOVER_H
#define PGSIGNET_MFA_HANDOVER_H

#include "mfa/cli.h"

/*
 * Prints the QR code, the otpauth URI and the secret (or one JSON document with the latter two) on
 * standard output.  This is done by a child that ends at once: libqrencode, jansson and stdio keep
 * copies of what they are given, and this process may wait minutes for the code.  The child does not
 * touch the store.  False after a message when not all of it could be written.
 */
bool handover_secret(const struct cli *cli, const struct token_info *info, const char *issuer,
                     struct bytes secret);

/* The same with n fresh recovery codes, as a form to cut out. */
bool handover_recovery(const struct cli *cli, struct bytes user, const char (*codes)[RECOVERY_TEXT],
                       size_t n);

/* The same with the passphrase of a break-glass account, as a slip for the envelope. */
bool handover_passphrase(const struct cli *cli, struct bytes user, const char *passphrase);

#endif
