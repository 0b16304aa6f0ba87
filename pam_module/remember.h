/*
 * remember.h - the account verdict that pam_sm_authenticate leaves for pam_sm_acct_mgmt.
 *
 * Kept in the PAM handle, bound to what was asked: the user's name, the service, and this line's
 * policy and socket.  Holds no secret: PostgreSQL does not end the handle after a failure.
 */
#ifndef PGSIGNET_MODULE_REMEMBER_H
#define PGSIGNET_MODULE_REMEMBER_H

#include <security/pam_modules.h>

#include "common/reason.h"
#include "pam_module/args.h"

/* Forgets what an earlier authentication on this handle left.  False when libpam refuses. */
bool module_forget(pam_handle_t *pamh);

/* Keeps VERDICT_GRANTED or VERDICT_CONTINUE.  False when memory is short. */
bool module_remember(pam_handle_t *pamh, const struct module_args *args, const char *user,
                     const char *service, enum verdict verdict);

/* The verdict kept for exactly these, or VERDICT_UNAVAILABLE when there is none. */
enum verdict module_recall(pam_handle_t *pamh, const struct module_args *args, const char *user,
                           const char *service);

#endif
