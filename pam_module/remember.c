#include "config.h"

#include "pam_module/remember.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_NAME "pam_pgsignet_account"

struct remembered {
    enum verdict verdict;
    size_t key_len;
    char *key; /* owned */
};

/* The four names, each ended by a NUL, so that no two sets of names read alike; NULL: no memory. */
static char *make_key(const struct module_args *args, const char *user, const char *service,
                      size_t *len)
{
    char *key = NULL;
    int n =
        asprintf(&key, "%s%c%s%c%s%c%s%c", user, 0, service, 0, args->policy, 0, args->socket, 0);

    if (n < 0)
        return NULL;
    *len = (size_t)n;
    return key;
}

static void cleanup(pam_handle_t *pamh, void *data, int status)
{
    struct remembered *remembered = data;

    (void)pamh;
    (void)status;
    if (remembered == NULL)
        return;
    free(remembered->key);
    free(remembered);
}

bool module_forget(pam_handle_t *pamh)
{
    const void *data = NULL;

    if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS || data == NULL)
        return true;
    return pam_set_data(pamh, DATA_NAME, NULL, NULL) == PAM_SUCCESS;
}

bool module_remember(pam_handle_t *pamh, const struct module_args *args, const char *user,
                     const char *service, enum verdict verdict)
{
    struct remembered *remembered = calloc(1, sizeof *remembered);

    if (remembered == NULL)
        return false;
    remembered->verdict = verdict;
    remembered->key = make_key(args, user, service, &remembered->key_len);
    if (remembered->key == NULL ||
        pam_set_data(pamh, DATA_NAME, remembered, cleanup) != PAM_SUCCESS) {
        cleanup(pamh, remembered, 0);
        return false;
    }
    return true;
}

enum verdict module_recall(pam_handle_t *pamh, const struct module_args *args, const char *user,
                           const char *service)
{
    enum verdict verdict = VERDICT_UNAVAILABLE;
    const struct remembered *remembered;
    const void *data = NULL;
    size_t len = 0;
    char *key;

    if (pam_get_data(pamh, DATA_NAME, &data) != PAM_SUCCESS || data == NULL)
        return verdict;
    remembered = data;
    key = make_key(args, user, service, &len);
    if (key != NULL && len == remembered->key_len && memcmp(key, remembered->key, len) == 0)
        verdict = remembered->verdict;
    free(key);
    return verdict;
}
