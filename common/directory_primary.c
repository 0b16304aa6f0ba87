#include "config.h"

#include "common/directory_groups.h"

#include "common/directory_entry.h"
#include "common/number.h"

#include <stdio.h>
#include <string.h>

#define SID_HEAD                                                                                   \
    8 /* [MS-DTYP] 2.4.2.2: revision, count, six bytes of authority; then 32 bit each */
#define SID_PARTS 15 /* at most */

void directory_primary_base(struct directory_entry *entry, struct bytes sid, struct bytes rid)
{
    uint64_t authority = 0;
    size_t i, used;
    int64_t group;

    entry->has_primary = true;
    entry->primary_base[0] = '\0';
    if (sid.len < SID_HEAD + 4 || sid.ptr[0] != 1 || sid.ptr[1] < 1 || sid.ptr[1] > SID_PARTS ||
        sid.len != SID_HEAD + (size_t)sid.ptr[1] * 4 ||
        number_parse((const char *)rid.ptr, rid.len, 1, UINT32_MAX, &group) != NUMBER_OK)
        return;
    for (i = 2; i < SID_HEAD; i++)
        authority = authority << 8 | sid.ptr[i];
    used = (size_t)snprintf(entry->primary_base, sizeof entry->primary_base, "<SID=S-1-%llu",
                            (unsigned long long)authority);
    for (i = SID_HEAD; i + 4 < sid.len; i += 4) {
        const unsigned char *part = sid.ptr + i;
        uint32_t value = (uint32_t)part[0] | (uint32_t)part[1] << 8 | (uint32_t)part[2] << 16 |
                         (uint32_t)part[3] << 24;

        used += (size_t)snprintf(entry->primary_base + used, sizeof entry->primary_base - used,
                                 "-%lu", (unsigned long)value);
    }
    /* The group's SID is the user's with another last number. */
    snprintf(entry->primary_base + used, sizeof entry->primary_base - used, "-%lld>",
             (long long)group);
}

/* What is not known might admit: so it does not.  It might deny: so there is no verdict. */
static enum reason unknown(struct climb *climb, const char *why)
{
    if (climb->n_deny == 0)
        return REASON_GRANTED;
    return directory_bad_answer(climb->directory,
                                "the primary group of %s cannot be found (%s), so deny_groups "
                                "cannot be ruled out; let the service account read objectSid, "
                                "primaryGroupID and that group",
                                climb->entry->dn, why);
}

static enum ldapc_status call_primary(struct directory_link *link, int64_t limit_ms, void *context,
                                      char why[LDAPC_WHY_MAX])
{
    struct group_search *call = context;

    return ldapc_search(link->connection, &call->search, limit_ms, &call->answer, why);
}

enum reason directory_primary(struct climb *climb)
{
    static const char *const attributes[] = {"cn", NULL};
    struct group_search call = {.climb = climb,
                                .search = {.base = climb->entry->primary_base,
                                           .scope = LDAP_SCOPE_BASE,
                                           .filter = "(objectClass=*)",
                                           .attributes = attributes,
                                           .max_entries = 1,
                                           .each = directory_read_group,
                                           .context = climb}};
    enum reason reason;

    if (!climb->entry->has_primary)
        return REASON_GRANTED;
    if (*climb->entry->primary_base == '\0')
        return unknown(climb, "no objectSid that can be read");
    reason = directory_run(climb->directory, &climb->directory->searches,
                           "asking for the primary group", climb->deadline_ms, call_primary, &call);
    if (reason != REASON_GRANTED)
        return reason;
    if (call.answer.code == LDAP_NO_SUCH_OBJECT ||
        (call.answer.code == LDAP_SUCCESS && call.answer.entries == 0))
        return unknown(climb, climb->entry->primary_base);
    return directory_judge_groups(climb, &call.answer);
}
