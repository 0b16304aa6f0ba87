/* Any bytes as configuration: no crash, no leak, and what is accepted holds the promises. */
#include "config.h"

#include "common/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *faults = NULL;
    size_t faults_len = 0;
    FILE *out = open_memstream(&faults, &faults_len);
    struct settings *settings;

    if (out == NULL)
        return 0;
    settings = settings_parse("fuzz.yaml", (const char *)data, size, out);
    fclose(out);
    /* Either faults or settings, never both, never neither. */
    if ((settings != NULL) == (faults_len > 0))
        abort();
    if (settings != NULL) {
        if (settings->n_policies == 0 ||
            (settings->audit.file[0] == '\0' && !settings->audit.syslog))
            abort();
        for (size_t i = 0; i < settings->n_policies; i++) {
            const struct settings_policy *policy = &settings->policies[i];

            if (policy->password == PASSWORD_NONE && (policy->code == CODE_OFF || policy->n_exempt))
                abort();
            if (policy->password == PASSWORD_LDAP &&
                (!settings->has_ldap || !settings->ldap.uris.n))
                abort();
            if (settings_policy_for(settings, policy->name, NULL) != policy)
                abort();
        }
    }
    settings_free(settings);
    free(faults);
    return 0;
}
