#include "config.h"

#include "tests/pam_driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int converse(int n, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    struct pam_script *script = data;
    struct pam_response *all;

    for (int i = 0; i < n; i++) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            script->asked++;
        else
            script->others++;
    }
    *responses = NULL;
    if (script->code != PAM_SUCCESS)
        return script->code;
    if (script->no_response)
        return PAM_SUCCESS;
    all = calloc((size_t)n, sizeof *all);
    if (all == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < n && script->answer != NULL; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            all[i].resp = strdup(script->answer);
    *responses = all;
    return PAM_SUCCESS;
}

bool pam_driver_login(struct pam_login *login)
{
    const struct pam_conv conv = {.conv = converse, .appdata_ptr = &login->script};
    pam_handle_t *pamh = NULL;
    int last = PAM_SUCCESS;

    login->authenticate = login->account = PAM_DRIVER_NOT_CALLED;
    login->script.asked = login->script.others = 0;
    if (pam_start_confdir(login->service, login->user, &conv, login->confdir, &pamh) != PAM_SUCCESS)
        return false;
    if (login->rhost != NULL)
        last = pam_set_item(pamh, PAM_RHOST, login->rhost);
    if (last == PAM_SUCCESS && login->steps != PAM_ACCOUNT_ONLY)
        last = login->authenticate = pam_authenticate(pamh, login->flags);
    if (last == PAM_SUCCESS && login->before_account != NULL)
        login->before_account(pamh);
    if (last == PAM_SUCCESS && login->steps != PAM_AUTHENTICATE_ONLY)
        last = login->account = pam_acct_mgmt(pamh, login->flags);
    pam_end(pamh, last);
    return true;
}

bool pam_driver_service(const char *confdir, const char *service, const char *format, ...)
{
    char path[4096];
    bool written;
    va_list ap;
    FILE *file;

    if (snprintf(path, sizeof path, "%s/%s", confdir, service) >= (int)sizeof path)
        return false;
    file = fopen(path, "we");
    if (file == NULL)
        return false;
    va_start(ap, format);
    written = vfprintf(file, format, ap) >= 0;
    va_end(ap);
    return fclose(file) == 0 && written;
}
