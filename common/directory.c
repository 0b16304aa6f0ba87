#include "config.h"

#include "common/directory.h"

#include "common/directory_entry.h"
#include "common/directory_link.h"
#include "common/ldap_dn.h"
#include "common/ldap_escape.h"
#include "common/ldap_memory.h"
#include "common/ldap_search.h"
#include "common/text.h"

#include <stdlib.h>
#include <strings.h>

#define USER_MAX      512   /* bytes of a role's name */
#define MEMBER_OF_MAX 10000 /* values; more is DIRECTORY_ANSWER when groups are asked for */

static const char *const account_names[ACCOUNT_ATTRIBUTES] = {
#define ACCOUNT_NAME(constant, name) [constant] = name,
    DIRECTORY_ACCOUNT_TABLE(ACCOUNT_NAME)
#undef ACCOUNT_NAME
};

struct directory *directory_new(const struct settings_ldap *settings, struct outage *outage)
{
    struct directory *directory = calloc(1, sizeof *directory);

    if (directory == NULL)
        return NULL;
    ldapc_prepare();
    directory->settings = settings;
    directory->outage = outage;
    directory->binds.for_binds = true;
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL)
        return;
    ldapc_close(directory->searches.connection);
    ldapc_close(directory->binds.connection);
    free(directory);
}

const char *directory_error(const struct directory *directory)
{
    return directory->error;
}

void directory_entry_free(struct directory_entry *entry)
{
    size_t i;

    if (entry == NULL)
        return;
    for (i = 0; i < entry->n_member_of; i++)
        free(entry->member_of[i]);
    free(entry->member_of);
    free(entry->member_uid);
    free(entry->dn);
    free(entry);
}

const char *directory_entry_dn(const struct directory_entry *entry)
{
    return entry->dn;
}

/* What one search for a user collects. */
struct find {
    const struct settings_ldap *settings;
    struct bytes user;
    char *base, *filter; /* owned */
    int scope;
    struct directory_entry *entry; /* owned; of the first entry */
    bool name_equal;               /* a value of ldap.user_name is the role's name */
    struct ldapc_search_answer answer;
};

static struct bytes slice(const struct berval *value)
{
    return bytes_of(value->bv_val, value->bv_len);
}

static char *copy_text(const struct berval *value)
{
    return memchr(value->bv_val, '\0', value->bv_len) != NULL
               ? NULL
               : strndup(value->bv_val, value->bv_len);
}

static void read_account(struct directory_value *account, struct berval **values)
{
    account->present = true;
    if (values[0] == NULL || values[1] != NULL || values[0]->bv_len >= sizeof account->text ||
        memchr(values[0]->bv_val, '\0', values[0]->bv_len) != NULL) {
        account->damaged = true;
        return;
    }
    memcpy(account->text, values[0]->bv_val, values[0]->bv_len);
    account->text[values[0]->bv_len] = '\0';
}

static bool read_member_of(struct directory_entry *entry, struct berval **values)
{
    int n = ldap_count_values_len(values), i;

    if (n > MEMBER_OF_MAX || entry->member_of != NULL) {
        entry->member_of_partial = true;
        return true;
    }
    entry->member_of = calloc((size_t)n + 1, sizeof *entry->member_of);
    if (entry->member_of == NULL)
        return false;
    for (i = 0; i < n; i++) {
        char *dn = copy_text(values[i]);

        if (dn == NULL) {
            entry->member_of_partial = true;
            return true;
        }
        entry->member_of[entry->n_member_of++] = dn;
    }
    return true;
}

/* memberUid is matched against the entry's uid: the role's name if it is one, else the only one. */
static bool read_uid(struct find *find, struct berval **values)
{
    struct directory_entry *entry = find->entry;
    const struct berval *chosen = values[0] != NULL && values[1] == NULL ? values[0] : NULL;
    size_t i;

    for (i = 0; values[i] != NULL; i++)
        if (bytes_equal(slice(values[i]), find->user))
            chosen = values[i];
    free(entry->member_uid);
    entry->member_uid = chosen != NULL ? copy_text(chosen) : NULL;
    return true;
}

static bool read_attribute(struct find *find, const char *name, struct berval **values)
{
    struct directory_entry *entry = find->entry;
    size_t i;

    if (strcasecmp(name, find->settings->user_name) == 0)
        for (i = 0; values[i] != NULL; i++)
            find->name_equal = find->name_equal || bytes_equal(slice(values[i]), find->user);
    if (strcasecmp(name, "uid") == 0)
        return read_uid(find, values);
    if (strcasecmp(name, "memberOf") == 0)
        return read_member_of(entry, values);
    /* AD gives long lists in ranges, under another name ([MS-ADTS] 3.1.1.3.1.3.3). */
    if (strncasecmp(name, "memberOf;", 9) == 0)
        entry->member_of_partial = true;
    for (i = 0; i < ACCOUNT_ATTRIBUTES; i++)
        if (strcasecmp(name, account_names[i]) == 0)
            read_account(&entry->account[i], values);
    return true;
}

/* An AD's primary group, of which only these two attributes together tell. */
static void read_primary(struct directory_entry *entry, LDAP *ld, LDAPMessage *message)
{
    struct berval **sid = ldap_get_values_len(ld, message, "objectSid");
    struct berval **rid = ldap_get_values_len(ld, message, "primaryGroupID");

    if (rid != NULL && rid[0] != NULL)
        directory_primary_base(
            entry, sid != NULL && sid[0] != NULL ? slice(sid[0]) : bytes_str(NULL), slice(rid[0]));
    ldap_value_free_len(sid);
    ldap_value_free_len(rid);
}

static bool read_entry(LDAP *ld, LDAPMessage *message, void *context)
{
    struct find *find = context;
    BerElement *position = NULL;
    char *dn, *name;
    bool good;

    /* Of a second entry it is enough to know that it is there. */
    if (find->entry != NULL)
        return true;
    find->entry = calloc(1, sizeof *find->entry);
    dn = ldap_get_dn(ld, message);
    good = find->entry != NULL && dn != NULL;
    if (good) {
        find->entry->dn = strdup(dn);
        find->entry->member_uid = strndup((const char *)find->user.ptr, find->user.len);
        good = find->entry->dn != NULL && find->entry->member_uid != NULL;
    }
    ldap_memfree(dn);
    for (name = good ? ldap_first_attribute(ld, message, &position) : NULL; name != NULL;
         name = ldap_next_attribute(ld, message, position)) {
        struct berval **values = ldap_get_values_len(ld, message, name);

        if (values != NULL)
            good = read_attribute(find, name, values) && good;
        ldap_value_free_len(values);
        ldap_memfree(name);
    }
    ber_free(position, 0);
    if (good)
        read_primary(find->entry, ld, message);
    return good;
}

static enum ldapc_status call_find(struct directory_link *link, int64_t limit_ms, void *context,
                                   char why[LDAPC_WHY_MAX])
{
    struct find *find = context;
    const char *attributes[ACCOUNT_ATTRIBUTES + 6] = {find->settings->user_name, "uid", "memberOf",
                                                      "objectSid", "primaryGroupID"};
    const struct ldapc_search search = {.base = find->base,
                                        .scope = find->scope,
                                        .filter = find->filter,
                                        .attributes = attributes,
                                        .max_entries = 2,
                                        .each = read_entry,
                                        .context = find};
    size_t i;

    for (i = 0; i < ACCOUNT_ATTRIBUTES; i++)
        attributes[5 + i] = account_names[i];
    /* A try on another server before may have left something. */
    directory_entry_free(find->entry);
    find->entry = NULL;
    find->name_equal = false;
    return ldapc_search(link->connection, &search, limit_ms, &find->answer, why);
}

static bool is_ascii(struct bytes text)
{
    size_t i;

    for (i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x80)
            return false;
    return true;
}

static enum reason judge_find(struct directory *directory, const struct find *find)
{
    const struct ldapc_search_answer *answer = &find->answer;
    bool by_dn = find->scope == LDAP_SCOPE_BASE;
    /* Not the DN made of the name: an unknown name may be a mistyped password. */
    const char *place = by_dn ? find->settings->user_dn : find->base;

    if (answer->code == LDAP_SIZELIMIT_EXCEEDED || answer->entries > 1)
        return REASON_AMBIGUOUS_ENTRY;
    /* References beside entries (AD gives three at a domain's root) are to other servers' entries,
     * which do not exist here; a referral instead of an answer is no answer. */
    if (answer->code == LDAP_REFERRAL)
        return directory_bad_answer(
            directory, "the search for a user below %s was referred to %s; correct ldap.user_base",
            place, answer->diagnostic);
    if (by_dn && answer->code == LDAP_NO_SUCH_OBJECT)
        return REASON_NO_ENTRY;
    /* The server's syntax for names has no place for bytes that are not UTF-8. */
    if (by_dn && answer->code == LDAP_INVALID_DN_SYNTAX && !is_ascii(find->user))
        return REASON_NO_ENTRY;
    if (answer->code != LDAP_SUCCESS)
        return directory_bad_answer(directory,
                                    "the search for a user in %s was answered: %s (%s); check "
                                    "ldap.user_base and the service account's rights",
                                    place, ldap_err2string(answer->code),
                                    directory_details(answer->diagnostic));
    if (answer->entries == 0)
        return REASON_NO_ENTRY;
    if (*find->entry->dn == '\0')
        return directory_bad_answer(directory, "an entry without a name was answered");
    return find->name_equal ? REASON_GRANTED : REASON_NAME_DIFFERS;
}

enum reason directory_find(struct directory *directory, struct bytes user, int64_t deadline_ms,
                           struct directory_entry **out)
{
    const struct settings_ldap *settings = directory->settings;
    struct find find = {.settings = settings, .user = user};
    enum reason reason = REASON_INTERNAL;

    *out = NULL;
    directory->error[0] = '\0';
    /* What no entry can be called: nothing, and names that C strings would cut. */
    if (user.len == 0 || user.len > USER_MAX || memchr(user.ptr, '\0', user.len) != NULL)
        return REASON_NO_ENTRY;
    if (settings->user_dn != NULL) {
        find.scope = LDAP_SCOPE_BASE;
        find.base = ldapc_dn_expand(settings->user_dn, user);
        find.filter = strdup("(objectClass=*)");
    } else {
        find.scope = LDAP_SCOPE_SUBTREE;
        find.base = strdup(settings->user_base);
        find.filter = ldapc_filter_expand(settings->user_filter, user);
    }
    if (find.base == NULL || find.filter == NULL)
        goto out;
    reason = directory_run(directory, &directory->searches, "searching a user", deadline_ms,
                           call_find, &find);
    if (reason == REASON_GRANTED)
        reason = judge_find(directory, &find);
    if (reason == REASON_GRANTED) {
        *out = find.entry;
        find.entry = NULL;
    }
out:
    directory_entry_free(find.entry);
    free(find.base);
    free(find.filter);
    return reason;
}
