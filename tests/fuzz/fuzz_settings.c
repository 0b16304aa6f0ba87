/* Any bytes as configuration: no crash, no leak, and what is accepted holds the promises. */
#include "config.h"

#include "common/settings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_logins(const struct settings *settings)
{
    if (settings->n_policies == 0 || (settings->audit.file[0] == '\0' && !settings->audit.syslog))
        abort();
    for (size_t i = 0; i < settings->n_policies; i++) {
        const struct settings_policy *policy = &settings->policies[i];

        if (policy->password == PASSWORD_NONE && (policy->code == CODE_OFF || policy->n_exempt))
            abort();
        if (policy->password == PASSWORD_LDAP && (!settings->has_ldap || !settings->ldap.uris.n))
            abort();
        if (settings_policy_for(settings, policy->name, NULL) != policy)
            abort();
    }
}

static void check_sync(const struct settings *settings)
{
    const struct settings_sync *sync = &settings->sync;

    if (!settings->has_sync || sync->postgres.n == 0 || sync->n_rules == 0)
        abort();
    for (size_t i = 0; i < sync->n_rules; i++) {
        const struct settings_sync_rule *rule = &sync->rules[i];

        if (rule->grant.n == 0 || rule->has_search == (rule->statics.n > 0))
            abort();
        if (rule->has_search && (rule->search.base == NULL || rule->role == NULL))
            abort();
        for (size_t k = 0; k < rule->options.n_set; k++)
            if (rule->options.set[k].name == NULL || rule->options.set[k].value == NULL)
                abort();
    }
}

static void read_for(enum settings_reader reader, const uint8_t *data, size_t size)
{
    char *faults = NULL;
    size_t faults_len = 0;
    FILE *out = open_memstream(&faults, &faults_len);
    struct settings *settings;

    if (out == NULL)
        return;
    settings = settings_parse("fuzz.yaml", reader, (const char *)data, size, out);
    fclose(out);
    /* Either faults or settings, never both, never neither. */
    if ((settings != NULL) == (faults_len > 0))
        abort();
    if (settings != NULL && reader == SETTINGS_FOR_LOGINS)
        check_logins(settings);
    if (settings != NULL && reader == SETTINGS_FOR_SYNC)
        check_sync(settings);
    settings_free(settings);
    free(faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_for(SETTINGS_FOR_LOGINS, data, size);
    read_for(SETTINGS_FOR_SYNC, data, size);
    read_for(SETTINGS_FOR_CA, data, size);
    return 0;
}
