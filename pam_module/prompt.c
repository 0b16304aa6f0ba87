#include "config.h"

#include "pam_module/prompt.h"

#include <stdlib.h>

/* PostgreSQL and PgBouncer never show it; other applications do. */
#define PROMPT_TEXT "Password and code: "

bool module_secret_is_sound(struct bytes secret)
{
    if (secret.len == 0 || secret.len > WIRE_SECRET_MAX)
        return false;
    for (size_t i = 0; i < secret.len; i++)
        if (secret.ptr[i] < 0x20 || secret.ptr[i] == 0x7f)
            return false;
    return true;
}

static int take(struct module_secret *secret, const char *text)
{
    if (!module_secret_is_sound(bytes_str(text)))
        return PAM_AUTH_ERR;
    secret->len = strlen(text);
    memcpy(secret->at, text, secret->len);
    return PAM_SUCCESS;
}

/* A conversation may say PAM_SUCCESS and give no response, or a response without text. */
static int judge_answer(int code, const struct pam_response *response, struct module_secret *secret)
{
    if (code == PAM_BUF_ERR)
        return PAM_BUF_ERR;
    if (code != PAM_SUCCESS)
        return PAM_CONV_ERR;
    if (response == NULL)
        return PAM_AUTH_ERR;
    return take(secret, response->resp);
}

static int ask(pam_handle_t *pamh, struct module_secret *secret)
{
    const struct pam_message message = {.msg_style = PAM_PROMPT_ECHO_OFF, .msg = PROMPT_TEXT};
    const struct pam_message *messages = &message;
    const void *item = NULL;
    const struct pam_conv *conv;
    struct pam_response *response = NULL;
    int code;

    if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || item == NULL)
        return PAM_CONV_ERR;
    conv = item;
    if (conv->conv == NULL)
        return PAM_CONV_ERR;
    code = conv->conv(1, &messages, &response, conv->appdata_ptr);
    code = judge_answer(code, response, secret);
    /* After a failure as well: what a careless application left there was meant for us. */
    if (response != NULL) {
        if (response->resp != NULL)
            explicit_bzero(response->resp, strlen(response->resp));
        free(response->resp);
        free(response);
    }
    return code;
}

int module_secret_get(pam_handle_t *pamh, const struct module_args *args,
                      struct module_secret *secret)
{
    const void *item = NULL;

    secret->len = 0;
    if (args->use_first_pass || args->try_first_pass) {
        int code = pam_get_item(pamh, PAM_AUTHTOK, &item);

        if (code != PAM_SUCCESS)
            return code == PAM_BUF_ERR ? PAM_BUF_ERR : PAM_AUTH_ERR;
        if (item != NULL || args->use_first_pass)
            return take(secret, item);
    }
    return ask(pamh, secret);
}
