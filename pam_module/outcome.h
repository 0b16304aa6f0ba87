/*
 * outcome.h - what each ending means to the application: the module's whole vocabulary.
 *
 *   ending                                        authenticate          acct_mgmt
 *   --------------------------------------------  --------------------  --------------------
 *   pgsignetd: GRANTED                            PAM_SUCCESS           PAM_SUCCESS
 *   pgsignetd: CONTINUE (left to the stack)       PAM_IGNORE            PAM_IGNORE
 *   pgsignetd: DENIED                             PAM_AUTH_ERR          PAM_PERM_DENIED
 *   pgsignetd: UNAVAILABLE                        PAM_AUTHINFO_UNAVAIL  PAM_AUTHINFO_UNAVAIL
 *   pgsignetd absent, busy, slow, closing;        PAM_AUTHINFO_UNAVAIL  PAM_AUTHINFO_UNAVAIL
 *     its answer short, long, damaged, of another
 *     version or to another request; a signal
 *   no password, an empty one, over 512 bytes,    PAM_AUTH_ERR          -
 *     a control byte in it (pgsignetd not asked)
 *   no user name, or one over 512 bytes           PAM_AUTH_ERR          PAM_PERM_DENIED
 *   the conversation failed or there is none      PAM_CONV_ERR          -
 *   an argument unknown, malformed, given twice   PAM_SERVICE_ERR       PAM_SERVICE_ERR
 *   an item of PAM too long for a request         PAM_SYSTEM_ERR        PAM_SYSTEM_ERR
 *   short of memory                               PAM_BUF_ERR           PAM_BUF_ERR
 *
 * setcred always answers PAM_SUCCESS: there are no credentials to set.
 */
#ifndef PGSIGNET_MODULE_OUTCOME_H
#define PGSIGNET_MODULE_OUTCOME_H

#include "common/reason.h"
#include "common/wire.h"
#include "pam_module/exchange.h"

/* The PAM code for a verdict; PAM_AUTHINFO_UNAVAIL for a value outside the enum. */
int module_verdict_code(enum wire_kind kind, enum verdict verdict);

/* The PAM code for an exchange that ended otherwise than EXCHANGE_DONE; never PAM_SUCCESS. */
int module_exchange_code(enum exchange exchange);

/* The PAM code for what is refused here without asking pgsignetd. */
int module_refusal_code(enum wire_kind kind);

#endif
