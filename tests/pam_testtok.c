/*
 * A PAM module for the tests: looks at, or sets, PAM_AUTHTOK between other modules.
 *
 *   set=TEXT     sets it, PAM_SUCCESS
 *   expect=TEXT  PAM_SUCCESS if it is exactly that, else PAM_AUTH_ERR
 *   unset        PAM_SUCCESS if it is not set, else PAM_AUTH_ERR
 */
#include "config.h"

#include <string.h>

#include <security/pam_modules.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv);
EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv);
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv);

static int obey(pam_handle_t *pamh, const char *word)
{
    const void *item = NULL;

    if (strncmp(word, "set=", 4) == 0)
        return pam_set_item(pamh, PAM_AUTHTOK, word + 4);
    if (pam_get_item(pamh, PAM_AUTHTOK, &item) != PAM_SUCCESS)
        return PAM_SYSTEM_ERR;
    if (strncmp(word, "expect=", 7) == 0)
        return item != NULL && strcmp(item, word + 7) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
    if (strcmp(word, "unset") == 0)
        return item == NULL ? PAM_SUCCESS : PAM_AUTH_ERR;
    return PAM_SERVICE_ERR;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    return argc == 1 ? obey(pamh, argv[0]) : PAM_SERVICE_ERR;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return pam_sm_authenticate(pamh, flags, argc, argv);
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
