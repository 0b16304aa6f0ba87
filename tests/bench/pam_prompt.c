/*
 * A PAM module for the benchmark of logins: asks once and takes any answer.
 *
 * What separates it from pam_permit is the price of asking the client anything at all over TLS; what
 * separates a method that asks from it is the method.
 */
#include "config.h"

#include <stddef.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv);
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv);

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    const char *answer;

    (void)flags;
    (void)argc;
    (void)argv;
    return pam_get_authtok(pamh, PAM_AUTHTOK, &answer, NULL);
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
