#include "config.h"

#include "common/directory_groups.h"

#include "common/ldap_dn.h"

#include <stdlib.h>

enum reason directory_judge_groups(struct climb *climb, const struct ldapc_search_answer *answer)
{
    struct directory *directory = climb->directory;

    /* What lies behind a reference is not known.  It might admit: so it does not.  It might deny: so
     * there is no verdict. */
    if (answer->code == LDAP_REFERRAL || (answer->referral && climb->n_deny > 0))
        return directory_bad_answer(directory,
                                    "the search for groups below %s was referred to %s, so "
                                    "deny_groups cannot be ruled out; narrow ldap.group_base",
                                    climb->base, answer->diagnostic);
    if (answer->code != LDAP_SUCCESS)
        return directory_bad_answer(directory,
                                    "the search for groups below %s was answered: %s (%s); check "
                                    "ldap.group_base and the server's limits",
                                    climb->base, ldap_err2string(answer->code),
                                    directory_details(answer->diagnostic));
    if (climb->damaged)
        return directory_bad_answer(directory, "a group's name in the answer is not a DN");
    if (climb->too_many)
        return directory_bad_answer(directory, "the user is in more than %d groups", GROUPS_MAX);
    return REASON_GRANTED;
}

/*
 * Brings configured groups into the forms they are compared in.  A group that could never be found (no
 * DN, or not below the base that is searched) must not pass for one the user is not in.
 */
static enum reason prepare(struct climb *climb, const struct settings_strings *groups,
                           struct wanted **list, size_t *n)
{
    const struct settings_ldap *settings = climb->directory->settings;
    bool by_uid = settings->membership == MEMBERSHIP_MEMBERUID;
    bool searched = settings->nested == NESTED_CLIMB ||
                    (settings->nested == NESTED_NO && settings->membership != MEMBERSHIP_MEMBEROF);
    char *base = climb->base != NULL ? ldapc_dn_normalise(climb->base) : NULL;
    enum reason reason = REASON_GRANTED;
    size_t i;

    *list = calloc(groups->n + 1, sizeof **list);
    if (*list == NULL)
        reason = REASON_INTERNAL;
    else if (searched && base == NULL)
        reason = directory_bad_answer(climb->directory, "ldap.group_base is not a DN");
    for (i = 0; reason == REASON_GRANTED && i < groups->n; i++) {
        struct wanted *wanted = &(*list)[(*n)++];

        wanted->text = groups->at[i];
        wanted->dn = ldapc_dn_normalise(wanted->text);
        if (wanted->dn == NULL && (!by_uid || settings->nested == NESTED_IN_CHAIN))
            reason = directory_bad_answer(climb->directory,
                                          "the group %s is not a DN; write it as "
                                          "the directory does",
                                          wanted->text);
        else if (wanted->dn != NULL && searched && !ldapc_dn_is_below(wanted->dn, base))
            reason = directory_bad_answer(climb->directory,
                                          "the group %s is not below ldap.group_base (%s), where "
                                          "groups are searched",
                                          wanted->text, climb->base);
    }
    free(base);
    return reason;
}

static void free_wanted(struct wanted *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free(list[i].dn);
    free(list);
}

static enum reason decide(const struct climb *climb, char **matched)
{
    const struct wanted *wanted = climb->denied != NULL ? climb->denied : climb->required;

    if (wanted == NULL)
        return climb->n_require == 0 ? REASON_GRANTED : REASON_NOT_IN_GROUP;
    *matched = strdup(wanted->text);
    if (*matched == NULL)
        return REASON_INTERNAL;
    return climb->denied != NULL ? REASON_IN_DENIED_GROUP : REASON_GRANTED;
}

enum reason directory_groups(struct directory *directory, const struct directory_entry *entry,
                             const struct settings_strings *require,
                             const struct settings_strings *deny, int64_t deadline_ms,
                             char **matched)
{
    const struct settings_ldap *settings = directory->settings;
    struct climb climb = {.directory = directory,
                          .entry = entry,
                          .deadline_ms = deadline_ms,
                          .base = settings->group_base != NULL ? settings->group_base
                                                               : settings->user_base};
    enum reason reason;

    *matched = NULL;
    directory->error[0] = '\0';
    if (require->n == 0 && deny->n == 0)
        return REASON_GRANTED;
    reason = prepare(&climb, deny, &climb.deny, &climb.n_deny);
    if (reason == REASON_GRANTED)
        reason = prepare(&climb, require, &climb.require, &climb.n_require);
    if (reason == REASON_GRANTED)
        reason = settings->nested == NESTED_IN_CHAIN ? directory_in_chain(&climb)
                                                     : directory_climb(&climb);
    if (reason == REASON_GRANTED)
        reason = decide(&climb, matched);
    free_wanted(climb.deny, climb.n_deny);
    free_wanted(climb.require, climb.n_require);
    group_set_free(&climb.seen);
    return reason;
}
