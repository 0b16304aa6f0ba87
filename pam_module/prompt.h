/*
 * prompt.h - the one string that the client typed.
 *
 * PostgreSQL asks its client when the module prompts; that call may never come back (the backend
 * exits inside it when the client has gone), so nothing is held while it runs.
 */
#ifndef PGSIGNET_MODULE_PROMPT_H
#define PGSIGNET_MODULE_PROMPT_H

#include <security/pam_modules.h>

#include "common/bytes.h"
#include "common/wire.h"
#include "pam_module/args.h"

/* On the caller's stack; the caller wipes it with explicit_bzero on every path. */
struct module_secret {
    size_t len; /* bytes, 1..WIRE_SECRET_MAX */
    uint8_t at[WIRE_SECRET_MAX];
};

/*
 * True for a string that can be a password with a code: 1..WIRE_SECRET_MAX bytes, none of them
 * NUL, 0x01-0x1f or 0x7f.  Bytes above 0x7f pass: passwords are UTF-8.
 */
bool module_secret_is_sound(struct bytes secret);

/*
 * Fills *secret from PAM_AUTHTOK or by exactly one ECHO_OFF message, as the arguments say.
 *
 * PAM_SUCCESS; PAM_AUTH_ERR when there is no sound string (none given, empty, too long, control
 * bytes); PAM_CONV_ERR when the application has no conversation or it failed; PAM_BUF_ERR when the
 * conversation or libpam was short of memory.  The answer is wiped before it is freed.
 */
int module_secret_get(pam_handle_t *pamh, const struct module_args *args,
                      struct module_secret *secret);

#endif
