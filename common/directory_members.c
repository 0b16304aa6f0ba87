#include "config.h"

#include "common/directory_members.h"

#include "common/directory_people.h"
#include "common/group_set.h"
#include "common/ldap_dn.h"
#include "common/ldap_search.h"
#include "common/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define GROUPS_MAX 5000 /* groups inside the group, over all levels; more is DIRECTORY_ANSWER */

struct walk {
    struct directory *directory;
    int64_t deadline_ms;
    struct directory_people people;
    struct group_set others; /* the group, then members that are not people, as they are found */
    struct group_set unknown;
    bool too_many;
    /* of the group that is being read */
    struct ldapc_search_answer answer;
    bool is_group;
    char *next;     /* owned: the attribute of the next range; NULL = there is none */
    const char *dn; /* not owned */
};

void directory_members_free(struct directory_members *members)
{
    for (size_t i = 0; i < members->n; i++)
        free(members->at[i].name);
    free(members->at);
    free(members->an_unknown);
    *members = (struct directory_members){0};
}

/* --- one group --- */

/* Notes a DN in a set once, under its normal form, which it takes over. */
static bool note(struct walk *walk, struct group_set *set, char *normal, const char *text)
{
    if (set->n >= GROUPS_MAX && set == &walk->others) {
        walk->too_many = true;
        free(normal);
        return true;
    }
    return group_set_add(set, normal, text) != GROUP_SET_NO_MEMORY;
}

static bool note_unknown(struct walk *walk, const char *text)
{
    char *copy = strdup(text);

    return copy != NULL && note(walk, &walk->unknown, copy, text);
}

static bool read_value(struct walk *walk, const char *text, bool is_uid)
{
    char *normal = is_uid ? NULL : ldapc_dn_normalise(text);
    struct directory_person *person =
        is_uid ? directory_person_by_uid(&walk->people, text)
               : (normal != NULL ? directory_person_by_dn(&walk->people, normal) : NULL);

    if (person != NULL && person->name != NULL) {
        person->member = true;
        free(normal);
        return true;
    }
    if (person == NULL && normal != NULL && walk->directory->settings->nested != NESTED_NO)
        return note(walk, &walk->others, normal, text);
    free(normal);
    return note_unknown(walk, text);
}

/* "member;range=0-1499" ([MS-ADTS] 3.1.1.3.1.3.3): what to ask for next, unless it ends in "*". */
static bool read_range(struct walk *walk, const char *attribute, size_t name_len)
{
    const char *range = strcasestr(attribute + name_len, ";range="), *dash;
    int64_t last;

    if (range == NULL || (dash = strchr(range, '-')) == NULL || strcmp(dash + 1, "*") == 0)
        return true;
    if (number_parse(dash + 1, strlen(dash + 1), 0, PEOPLE_MAX, &last) != NUMBER_OK)
        return true;
    free(walk->next);
    if (asprintf(&walk->next, "%.*s;range=%lld-*", (int)name_len, attribute, (long long)last + 1) <
        0)
        walk->next = NULL;
    return walk->next != NULL;
}

static bool read_attribute(struct walk *walk, const char *attribute, struct berval **values)
{
    size_t len = strcspn(attribute, ";");
    bool is_uid = len == 9 && strncasecmp(attribute, "memberUid", 9) == 0;

    if (!is_uid && !(len == 6 && strncasecmp(attribute, "member", 6) == 0) &&
        !(len == 12 && strncasecmp(attribute, "uniqueMember", 12) == 0))
        return true;
    walk->is_group = true;
    for (size_t i = 0; values[i] != NULL; i++) {
        if (memchr(values[i]->bv_val, '\0', values[i]->bv_len) != NULL)
            continue;
        if (!read_value(walk, values[i]->bv_val, is_uid)) /* libldap puts a NUL behind */
            return false;
    }
    return read_range(walk, attribute, len);
}

/* Whose primary group it is, by the last number of its SID ([MS-DTYP] 2.4.2.2). */
static void read_primary(struct walk *walk, struct berval **sid)
{
    if (sid == NULL || sid[0] == NULL || sid[0]->bv_len < 12)
        return;
    const uint8_t *last = (const uint8_t *)sid[0]->bv_val + sid[0]->bv_len - 4;
    int64_t rid =
        (int64_t)last[0] | (int64_t)last[1] << 8 | (int64_t)last[2] << 16 | (int64_t)last[3] << 24;
    for (size_t i = 0; i < walk->people.n; i++) {
        struct directory_person *person = &walk->people.at[i];
        if (rid != 0 && person->primary == rid && person->name != NULL) {
            person->member = true;
            walk->is_group = true;
        }
    }
}

static bool read_group(LDAP *ld, LDAPMessage *message, void *context)
{
    struct walk *walk = context;
    struct berval **sid = ldap_get_values_len(ld, message, "objectSid");
    BerElement *position = NULL;
    bool good = true;

    for (char *name = ldap_first_attribute(ld, message, &position); name != NULL;
         name = ldap_next_attribute(ld, message, position)) {
        struct berval **values = ldap_get_values_len(ld, message, name);

        if (values != NULL && good)
            good = read_attribute(walk, name, values);
        ldap_value_free_len(values);
        ldap_memfree(name);
    }
    ber_free(position, 0);
    read_primary(walk, sid);
    ldap_value_free_len(sid);
    return good;
}

/* A group with all its ranges.  Run again, it finds the same members known. */
static enum ldapc_status call_group(struct directory_link *link, int64_t limit_ms, void *context,
                                    char why[LDAPC_WHY_MAX])
{
    static const char *const all[] = {"member", "uniqueMember", "memberUid", "objectSid", NULL};
    struct walk *walk = context;
    const char *range[] = {NULL, NULL};
    struct ldapc_search search = {.base = walk->dn,
                                  .scope = LDAP_SCOPE_BASE,
                                  .filter = "(objectClass=*)",
                                  .attributes = all,
                                  .max_entries = 1,
                                  .each = read_group,
                                  .context = walk};
    enum ldapc_status status;
    char *asked = NULL;

    do {
        free(walk->next);
        walk->next = NULL;
        status = ldapc_search(link->connection, &search, limit_ms, &walk->answer, why);
        free(asked);
        asked = walk->next; /* ours from here on */
        walk->next = NULL;
        range[0] = asked;
        search.attributes = range;
        limit_ms = directory_call_limit(walk->directory, walk->deadline_ms);
    } while (status == LDAPC_OK && walk->answer.code == LDAP_SUCCESS && asked != NULL);
    free(asked);
    return status;
}

/* --- all groups --- */

static enum reason read_one(struct walk *walk, size_t i)
{
    walk->dn = walk->others.at[i].dn;
    walk->is_group = false;
    enum reason reason = directory_run(walk->directory, &walk->directory->searches,
                                       "reading a group", walk->deadline_ms, call_group, walk);
    if (reason != REASON_GRANTED)
        return reason;
    if (i > 0 && (walk->answer.code == LDAP_NO_SUCH_OBJECT ||
                  (walk->answer.code == LDAP_SUCCESS && !walk->is_group)))
        /* at[] may have moved, the text in it has not */
        return note_unknown(walk, walk->dn) ? REASON_GRANTED : REASON_INTERNAL;
    if (walk->answer.code != LDAP_SUCCESS || walk->answer.entries == 0)
        return directory_bad_answer(
            walk->directory, "reading the group %s was answered: %s (%s)", walk->dn,
            walk->answer.code == LDAP_SUCCESS ? "no entry" : ldap_err2string(walk->answer.code),
            directory_details(walk->answer.diagnostic));
    return walk->too_many ? directory_bad_answer(walk->directory,
                                                 "the group holds more than %d entries that are "
                                                 "not people below ldap.user_base",
                                                 GROUPS_MAX)
                          : REASON_GRANTED;
}

static enum reason read_all(struct walk *walk)
{
    const struct settings_ldap *settings = walk->directory->settings;
    enum reason reason = read_one(walk, 0);
    size_t i = 1;

    for (int64_t level = 0; reason == REASON_GRANTED && i < walk->others.n; level++) {
        size_t end = walk->others.n;
        if (level >= settings->depth)
            return directory_bad_answer(walk->directory,
                                        "groups nest deeper than ldap.depth (%d); raise it",
                                        (int)settings->depth);
        for (; reason == REASON_GRANTED && i < end; i++)
            reason = read_one(walk, i);
    }
    return reason;
}

static int by_name(const void *a, const void *b)
{
    const struct directory_member *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static bool collect(struct walk *walk, struct directory_members *out)
{
    size_t n = 0, kept = 0;

    out->at = calloc(walk->people.n + 1, sizeof *out->at);
    if (out->at == NULL)
        return false;
    for (size_t i = 0; i < walk->people.n; i++) {
        struct directory_person *person = &walk->people.at[i];
        if (!person->member)
            continue;
        out->at[n++] =
            (struct directory_member){.name = person->name, .name_len = person->name_len};
        person->name = NULL;
    }
    qsort(out->at, n, sizeof *out->at, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && strcmp(out->at[kept - 1].name, out->at[i].name) == 0)
            free(out->at[i].name);
        else
            out->at[kept++] = out->at[i];
    }
    out->n = kept;
    out->unknown = walk->unknown.n;
    if (out->unknown > 0)
        out->an_unknown = strdup(walk->unknown.at[0].dn);
    return out->unknown == 0 || out->an_unknown != NULL;
}

enum reason directory_members(struct directory *directory, const char *group, int64_t deadline_ms,
                              struct directory_members *out)
{
    struct walk walk = {.directory = directory, .deadline_ms = deadline_ms};
    char *normal = ldapc_dn_normalise(group);
    enum reason reason = REASON_INTERNAL;

    *out = (struct directory_members){0};
    if (normal == NULL)
        return directory_bad_answer(directory, "the group %s is not a DN", group);
    if (group_set_add(&walk.others, normal, group) != GROUP_SET_NEW)
        goto out;
    reason = directory_people(directory, deadline_ms, &walk.people);
    if (reason == REASON_GRANTED)
        reason = read_all(&walk);
    if (reason == REASON_GRANTED && !collect(&walk, out))
        reason = REASON_INTERNAL;
out:
    if (reason != REASON_GRANTED)
        directory_members_free(out);
    free(walk.next);
    group_set_free(&walk.others);
    group_set_free(&walk.unknown);
    directory_people_free(&walk.people);
    return reason;
}
