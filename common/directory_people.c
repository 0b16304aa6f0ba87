#include "config.h"

#include "common/directory_people.h"

#include "common/clock.h"
#include "common/ldap_dn.h"
#include "common/ldap_search.h"
#include "common/number.h"

#include <stdlib.h>

#define PAGE 500 /* entries: what OpenLDAP gives anybody, and half of AD's most */

int64_t directory_call_limit(const struct directory *directory, int64_t deadline_ms)
{
    int64_t limit = clock_mono_ms() + directory->settings->timeout * 1000;

    return limit < deadline_ms ? limit : deadline_ms;
}

void directory_people_free(struct directory_people *people)
{
    for (size_t i = 0; i < people->n; i++) {
        free(people->at[i].normal);
        free(people->at[i].name);
        free(people->at[i].uid);
    }
    free(people->at);
    free(people->by_uid);
    *people = (struct directory_people){0};
}

static int by_normal(const void *a, const void *b)
{
    const struct directory_person *left = a, *right = b;

    return strcmp(left->normal, right->normal);
}

static int by_uid(const void *a, const void *b)
{
    const struct directory_person *const *left = a, *const *right = b;

    return strcmp((*left)->uid, (*right)->uid);
}

struct directory_person *directory_person_by_dn(const struct directory_people *people,
                                                const char *normal)
{
    const struct directory_person key = {.normal = (char *)(uintptr_t)normal};

    return people->n == 0 ? NULL
                          : bsearch(&key, people->at, people->n, sizeof *people->at, by_normal);
}

struct directory_person *directory_person_by_uid(const struct directory_people *people,
                                                 const char *uid)
{
    const struct directory_person key = {.uid = (char *)(uintptr_t)uid}, *at = &key;
    struct directory_person **found =
        people->n_by_uid == 0
            ? NULL
            : bsearch(&at, people->by_uid, people->n_by_uid, sizeof *people->by_uid, by_uid);

    return found != NULL ? *found : NULL;
}

/* --- one entry --- */

struct scan {
    struct directory *directory;
    struct directory_people *people;
    int64_t deadline_ms;
    char *base, *filter; /* owned */
    int scope;
    struct ldapc_search_answer answer;
    bool referred, too_many;
};

/* The only value, copied; *copied stays NULL if there are several, or one that no C string can hold. */
static bool copy_only(LDAP *ld, LDAPMessage *message, const char *attribute, char **copied,
                      size_t *len)
{
    struct berval **values = ldap_get_values_len(ld, message, attribute);
    bool good = true;

    if (values != NULL && values[0] != NULL && values[1] == NULL && values[0]->bv_len > 0 &&
        memchr(values[0]->bv_val, '\0', values[0]->bv_len) == NULL) {
        *len = values[0]->bv_len;
        *copied = strndup(values[0]->bv_val, *len);
        good = *copied != NULL;
    }
    ldap_value_free_len(values);
    return good;
}

static bool grow(struct directory_people *people)
{
    if (people->n < people->room)
        return true;
    size_t room = people->room == 0 ? 256 : 2 * people->room;
    struct directory_person *at = reallocarray(people->at, room, sizeof *at);
    if (at == NULL)
        return false;
    people->at = at;
    people->room = room;
    return true;
}

static bool read_person(LDAP *ld, LDAPMessage *message, void *context)
{
    struct scan *scan = context;
    struct directory_people *people = scan->people;
    struct directory_person person = {0};
    char *dn = ldap_get_dn(ld, message), *rid = NULL;
    size_t len;

    if (people->n >= PEOPLE_MAX) {
        scan->too_many = true;
        ldap_memfree(dn);
        return true;
    }
    bool good = dn != NULL && grow(people);
    if (good) {
        person.normal = ldapc_dn_normalise(dn);
        good = copy_only(ld, message, scan->directory->settings->user_name, &person.name,
                         &person.name_len) &&
               copy_only(ld, message, "uid", &person.uid, &len) &&
               copy_only(ld, message, "primaryGroupID", &rid, &len);
    }
    if (rid != NULL && number_parse(rid, len, 1, UINT32_MAX, &person.primary) != NUMBER_OK)
        person.primary = 0;
    free(rid);
    ldap_memfree(dn);
    if (good && person.normal != NULL) {
        people->at[people->n++] = person;
        return true;
    }
    free(person.normal);
    free(person.name);
    free(person.uid);
    return good; /* an entry whose DN cannot be read is nobody */
}

/* --- all pages --- */

static enum ldapc_status call_scan(struct directory_link *link, int64_t limit_ms, void *context,
                                   char why[LDAPC_WHY_MAX])
{
    struct scan *scan = context;
    const char *const attributes[] = {scan->directory->settings->user_name, "uid", "primaryGroupID",
                                      NULL};
    struct ldapc_pages pages = {.size = PAGE};
    const struct ldapc_search search = {.base = scan->base,
                                        .scope = scan->scope,
                                        .filter = scan->filter,
                                        .attributes = attributes,
                                        .max_entries = PAGE,
                                        .pages = &pages,
                                        .each = read_person,
                                        .context = scan};
    enum ldapc_status status;

    directory_people_free(scan->people); /* of a try on another server */
    scan->referred = scan->too_many = false;
    do {
        status = ldapc_search(link->connection, &search, limit_ms, &scan->answer, why);
        scan->referred = scan->referred || scan->answer.code == LDAP_REFERRAL;
        limit_ms = directory_call_limit(scan->directory, scan->deadline_ms);
    } while (status == LDAPC_OK && scan->answer.code == LDAP_SUCCESS && pages.more &&
             !scan->too_many);
    return status;
}

/* A filter with any name: every %u becomes *. */
static char *any_name(const char *filter)
{
    char *out = strdup(filter), *at = out;

    while (at != NULL && (at = strstr(at, "%u")) != NULL) {
        *at++ = '*';
        memmove(at, at + 1, strlen(at));
    }
    return out;
}

/* What stands beside a user's DN: all after its first comma, if the name is before it alone. */
static const char *beside(const char *user_dn)
{
    const char *comma = user_dn;

    while ((comma = strchr(comma, ',')) != NULL && comma > user_dn && comma[-1] == '\\')
        comma++;
    return comma == NULL || strstr(comma, "%u") != NULL ? NULL : comma + 1;
}

bool directory_people_search(const struct settings_ldap *settings, char **base, int *scope,
                             char **filter)
{
    bool by_dn = settings->user_dn != NULL;
    const char *where = by_dn ? beside(settings->user_dn) : settings->user_base;

    *base = *filter = NULL;
    *scope = by_dn ? LDAP_SCOPE_ONELEVEL : LDAP_SCOPE_SUBTREE;
    if (where == NULL || (!by_dn && settings->user_filter == NULL))
        return false;
    *base = strdup(where);
    *filter = by_dn ? strdup("(objectClass=*)") : any_name(settings->user_filter);
    if (*base != NULL && *filter != NULL)
        return true;
    free(*base);
    free(*filter);
    *base = *filter = NULL;
    return false;
}

static enum reason judge(struct scan *scan)
{
    if (scan->too_many)
        return directory_bad_answer(scan->directory, "more than %d people below %s", PEOPLE_MAX,
                                    scan->base);
    if (scan->referred || scan->answer.code == LDAP_REFERRAL)
        return directory_bad_answer(
            scan->directory,
            "the search for people below %s was referred to %s; correct ldap.user_base", scan->base,
            scan->answer.diagnostic);
    if (scan->answer.code != LDAP_SUCCESS)
        return directory_bad_answer(scan->directory,
                                    "the search for people below %s was answered: %s (%s); check "
                                    "the server's limits for the service account",
                                    scan->base, ldap_err2string(scan->answer.code),
                                    directory_details(scan->answer.diagnostic));
    return REASON_GRANTED;
}

static enum reason make_index(struct directory_people *people)
{
    if (people->n == 0)
        return REASON_GRANTED;
    people->by_uid = calloc(people->n, sizeof *people->by_uid);
    if (people->by_uid == NULL)
        return REASON_INTERNAL;
    qsort(people->at, people->n, sizeof *people->at, by_normal);
    for (size_t i = 0; i < people->n; i++)
        if (people->at[i].uid != NULL)
            people->by_uid[people->n_by_uid++] = &people->at[i];
    qsort(people->by_uid, people->n_by_uid, sizeof *people->by_uid, by_uid);
    return REASON_GRANTED;
}

enum reason directory_people(struct directory *directory, int64_t deadline_ms,
                             struct directory_people *out)
{
    const struct settings_ldap *settings = directory->settings;
    struct scan scan = {.directory = directory, .people = out, .deadline_ms = deadline_ms};
    enum reason reason = REASON_INTERNAL;

    *out = (struct directory_people){0};
    if (settings->user_dn != NULL && beside(settings->user_dn) == NULL)
        return directory_bad_answer(directory, "ldap.user_dn says not where people are; write "
                                               "ldap.user_base and ldap.user_filter instead");
    if (!directory_people_search(settings, &scan.base, &scan.scope, &scan.filter))
        goto out;
    reason = directory_run(directory, &directory->searches, "searching people", deadline_ms,
                           call_scan, &scan);
    if (reason == REASON_GRANTED)
        reason = judge(&scan);
    if (reason == REASON_GRANTED)
        reason = make_index(out);
out:
    if (reason != REASON_GRANTED)
        directory_people_free(out);
    free(scan.filter);
    free(scan.base);
    return reason;
}
