#include "config.h"

#include "common/directory_groups.h"

#include "common/directory_entry.h"
#include "common/ldap_dn.h"
#include "common/ldap_escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FILTER_BATCH 50 /* groups in one filter while climbing */

static const struct wanted *match(const struct wanted *list, size_t n, const char *normal,
                                  struct berval **names)
{
    size_t i, j;

    for (i = 0; i < n; i++) {
        if (list[i].dn != NULL && strcmp(list[i].dn, normal) == 0)
            return &list[i];
        for (j = 0; list[i].dn == NULL && names != NULL && names[j] != NULL; j++)
            if (strlen(list[i].text) == names[j]->bv_len &&
                strncasecmp(list[i].text, names[j]->bv_val, names[j]->bv_len) == 0)
                return &list[i];
    }
    return NULL;
}

/* Notes one group the user is in; once.  False when memory is short. */
static bool note_group(struct climb *climb, const char *dn, struct berval **names)
{
    char *normal = ldapc_dn_normalise(dn);
    enum group_set_result result;

    if (normal == NULL) {
        climb->damaged = true;
        return true;
    }
    if (climb->seen.n >= GROUPS_MAX) {
        climb->too_many = true;
        free(normal);
        return true;
    }
    result = group_set_add(&climb->seen, normal, dn);
    if (result != GROUP_SET_NEW)
        return result == GROUP_SET_KNOWN;
    normal = climb->seen.at[climb->seen.n - 1].normal;
    if (climb->denied == NULL)
        climb->denied = match(climb->deny, climb->n_deny, normal, names);
    if (climb->required == NULL)
        climb->required = match(climb->require, climb->n_require, normal, names);
    return true;
}

/* Whether more groups cannot change the verdict. */
static bool settled(const struct climb *climb)
{
    return climb->denied != NULL || (climb->required != NULL && climb->n_deny == 0);
}

bool directory_read_group(LDAP *ld, LDAPMessage *message, void *context)
{
    struct climb *climb = context;
    char *dn = ldap_get_dn(ld, message);
    struct berval **names = ldap_get_values_len(ld, message, "cn");
    bool good = dn != NULL && note_group(climb, dn, names);

    ldap_value_free_len(names);
    ldap_memfree(dn);
    return good;
}

static enum ldapc_status call_search(struct directory_link *link, int64_t limit_ms, void *context,
                                     char why[LDAPC_WHY_MAX])
{
    struct group_search *call = context;

    return ldapc_search(link->connection, &call->search, limit_ms, &call->answer, why);
}

static enum reason search_groups(struct climb *climb, const char *filter)
{
    static const char *const attributes[] = {"cn", NULL};
    struct group_search call = {
        .climb = climb,
        .search = {.base = climb->base,
                   .scope = LDAP_SCOPE_SUBTREE,
                   .filter = filter,
                   .attributes = attributes,
                   .max_entries = GROUPS_MAX,
                   .each = directory_read_group,
                   .context = climb}
    };
    enum reason reason = directory_run(climb->directory, &climb->directory->searches,
                                       "searching groups", climb->deadline_ms, call_search, &call);

    return reason != REASON_GRANTED ? reason : directory_judge_groups(climb, &call.answer);
}

/* (|(member=A)(uniqueMember=A)(member=B)...) for n DNs; malloc'ed. */
static char *member_filter(const char *const *dns, size_t n)
{
    char *out = NULL;
    size_t size, i;
    FILE *stream = open_memstream(&out, &size);
    bool good = stream != NULL;

    if (!good)
        return NULL;
    fputs("(|", stream);
    for (i = 0; good && i < n; i++) {
        char *value = ldapc_filter_escape(bytes_str(dns[i]));

        good = value != NULL;
        if (good)
            fprintf(stream, "(member=%s)(uniqueMember=%s)", value, value);
        free(value);
    }
    fputc(')', stream);
    good = ferror(stream) == 0 && good;
    good = fclose(stream) == 0 && good;
    if (!good) {
        free(out);
        out = NULL;
    }
    return out;
}

/* Finds the groups that hold any of the DNs as members. */
static enum reason search_members(struct climb *climb, const char *const *dns, size_t n)
{
    char *filter = member_filter(dns, n);
    enum reason reason = filter != NULL ? search_groups(climb, filter) : REASON_INTERNAL;

    free(filter);
    return reason;
}

static enum reason direct_member_uid(struct climb *climb)
{
    char *value, *filter = NULL;
    enum reason reason = REASON_INTERNAL;

    if (climb->entry->member_uid == NULL)
        return directory_bad_answer(climb->directory,
                                    "the entry %s has several uid values, none of them the role's "
                                    "name: which one memberUid means cannot be told",
                                    climb->entry->dn);
    value = ldapc_filter_escape(bytes_str(climb->entry->member_uid));
    if (value != NULL && asprintf(&filter, "(memberUid=%s)", value) > 0)
        reason = search_groups(climb, filter);
    free(filter);
    free(value);
    return reason;
}

static enum reason direct_member_of(struct climb *climb)
{
    size_t i;

    if (climb->entry->member_of_partial)
        return directory_bad_answer(climb->directory,
                                    "the server gave only a part of memberOf of %s; use "
                                    "ldap.membership: member",
                                    climb->entry->dn);
    for (i = 0; i < climb->entry->n_member_of; i++)
        if (!note_group(climb, climb->entry->member_of[i], NULL))
            return REASON_INTERNAL;
    if (climb->damaged)
        return directory_bad_answer(climb->directory, "a value of memberOf of %s is not a DN",
                                    climb->entry->dn);
    return climb->too_many ? directory_bad_answer(climb->directory,
                                                  "the user is in more than %d groups", GROUPS_MAX)
                           : REASON_GRANTED;
}

static enum reason direct_groups(struct climb *climb)
{
    const char *dn = climb->entry->dn;

    switch ((enum settings_membership)climb->directory->settings->membership) {
    case MEMBERSHIP_MEMBER:
        return search_members(climb, &dn, 1);
    case MEMBERSHIP_MEMBEROF:
        return direct_member_of(climb);
    case MEMBERSHIP_MEMBERUID:
        return direct_member_uid(climb);
    }
    return REASON_INTERNAL;
}

/* One level up: the groups that hold any of seen[from..to). */
static enum reason climb_level(struct climb *climb, size_t from, size_t to)
{
    const char *dns[FILTER_BATCH];

    while (from < to && !settled(climb)) {
        size_t n = 0;
        enum reason reason;

        while (n < FILTER_BATCH && from < to)
            dns[n++] = climb->seen.at[from++].dn;
        reason = search_members(climb, dns, n);
        if (reason != REASON_GRANTED)
            return reason;
    }
    return REASON_GRANTED;
}

static enum reason climb_up(struct climb *climb)
{
    const struct settings_ldap *settings = climb->directory->settings;
    size_t from = 0;
    int64_t level;

    for (level = 0; level < settings->depth; level++) {
        size_t to = climb->seen.n;
        enum reason reason;

        if (from == to || settled(climb))
            return REASON_GRANTED;
        reason = climb_level(climb, from, to);
        if (reason != REASON_GRANTED)
            return reason;
        from = to;
    }
    /* What lies above is not known.  It might admit: so it does not.  It might deny: so no verdict. */
    if (from < climb->seen.n && climb->n_deny > 0 && !settled(climb))
        return directory_bad_answer(climb->directory,
                                    "groups of %s nest deeper than ldap.depth (%d), so deny_groups "
                                    "cannot be ruled out; raise ldap.depth",
                                    climb->entry->dn, (int)settings->depth);
    return REASON_GRANTED;
}

enum reason directory_climb(struct climb *climb)
{
    enum reason reason = direct_groups(climb);

    if (reason == REASON_GRANTED && !settled(climb))
        reason = directory_primary(climb);
    if (reason == REASON_GRANTED && climb->directory->settings->nested == NESTED_CLIMB)
        reason = climb_up(climb);
    return reason;
}
