#include "config.h"

#include "authd/verifier.h"

#include "authd/scram.h"
#include "common/secret.h"

enum reason verifier_find_entry(struct login *login)
{
    const struct providers *p = login->providers;
    enum reason reason;

    if (login->entry != NULL)
        return REASON_GRANTED;
    if (p->directory == NULL)
        return REASON_DIRECTORY_UNAVAILABLE;
    reason = directory_find(p->directory, login->request->user, login->deadline_ms, &login->entry);
    if (reason == REASON_GRANTED)
        login->user_known = true;
    return reason;
}

enum reason verifier_read_role(struct login *login, bool with_verifier)
{
    const struct providers *p = login->providers;
    enum reason reason;

    if (login->role_was_read)
        return REASON_GRANTED;
    if (p->roles == NULL)
        return REASON_POSTGRES_UNAVAILABLE;
    reason =
        role_read(p->roles, login->request->user, with_verifier, login->deadline_ms, &login->role);
    login->role_was_read = reason == REASON_GRANTED;
    if (login->role_was_read && login->role.exists)
        login->user_known = true;
    return reason;
}

static enum reason check_ldap(struct login *login)
{
    struct directory *directory = login->providers->directory;
    enum reason found = verifier_find_entry(login);

    if (found == REASON_GRANTED) {
        found =
            directory_check_password(directory, login->entry, login->password, login->deadline_ms);
        login->password_sent = directory_password_sent(directory);
        return found;
    }
    /* A name without an entry costs a bind as well, so that time does not tell who exists. */
    if (reason_verdict(found) == VERDICT_DENIED)
        (void)directory_check_password(directory, NULL, login->password, login->deadline_ms);
    return found;
}

static enum reason check_scram(struct login *login)
{
    const struct role *role = &login->role;
    enum reason reason = verifier_read_role(login, true);

    if (reason != REASON_GRANTED)
        return reason;
    if (!role->exists)
        reason = REASON_NO_ROLE;
    else if (role->superuser &&
             login->providers->settings->postgres.superusers == SUPERUSERS_EXCLUDE)
        reason = REASON_SUPERUSER_EXCLUDED;
    else if (role->verifier[0] == '\0')
        reason = REASON_NO_VERIFIER;
    if (reason != REASON_GRANTED) {
        scram_spend(login->password);
        return reason;
    }
    switch (scram_check(role->verifier, login->password)) {
    case SCRAM_MATCH:
        return REASON_GRANTED;
    case SCRAM_MISMATCH:
        return REASON_PASSWORD_WRONG;
    case SCRAM_BAD_VERIFIER: /* found so at once: spend what a good one costs */
        scram_spend(login->password);
        return REASON_NO_VERIFIER;
    case SCRAM_FAILED:
        break;
    }
    return REASON_INTERNAL;
}

static const struct verifier verifiers[] = {
    [PASSWORD_LDAP] = {"ldap", true, STEP_NOT_TRIED, check_ldap},
    [PASSWORD_SCRAM] = {"scram", true, STEP_NOT_TRIED, check_scram},
    [PASSWORD_STACK] = {"stack", true, STEP_LEFT_TO_STACK, NULL},
    [PASSWORD_NONE] = {"none", false, STEP_NOT_ASKED_FOR, NULL},
};

const struct verifier *verifier_for(const struct settings_policy *policy)
{
    return &verifiers[policy->password];
}
