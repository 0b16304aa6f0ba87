#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/ldap_dn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void values_clear(struct values *values)
{
    free(values->owned);
    values->owned = NULL;
}

static bool of_entry(struct values *values, const char *attribute, const char **value, size_t *len)
{
    const GPtrArray *names = values->scan->entry_attributes;

    for (guint i = 0; values->entry != NULL && i < names->len; i++) {
        if (strcasecmp(g_ptr_array_index(names, i), attribute) != 0)
            continue;
        if (values->entry->n[i] > 1)
            values->several = attribute;
        if (values->entry->n[i] != 1)
            return false;
        *value = values->entry->values[i][0].bv_val;
        *len = values->entry->values[i][0].bv_len;
        return true;
    }
    return false;
}

static bool of_group(struct values *values, const char *attribute, const char **value, size_t *len)
{
    const GPtrArray *names = values->scan->group_attributes;

    for (guint i = 0; values->group != NULL && i < names->len; i++) {
        if (strcasecmp(g_ptr_array_index(names, i), attribute) != 0)
            continue;
        *value = values->group->values[i];
        if (*value == group_several)
            values->several = attribute;
        *len = *value != NULL ? strlen(*value) : 0;
        return *value != NULL && *value != group_several;
    }
    return false;
}

/* "uid=alice" without a parser, where it is plain and its type is the one asked for. */
static bool of_plain_rdn(const char *rdn, size_t len, const char *attribute, const char **value,
                         size_t *value_len)
{
    char normal[LDAPC_RDN_MAX];
    size_t type = strlen(attribute), used, normal_len;

    if (len <= type || rdn[type] != '=' || strncasecmp(rdn, attribute, type) != 0)
        return false;
    used = ldapc_rdn_plain(rdn, len, normal, &normal_len);
    if (used == 0)
        return false;
    *value = rdn + type + 1;
    while (**value == ' ')
        (*value)++;
    while (used > 0 && rdn[used - 1] == ' ')
        used--;
    *value_len = (size_t)(rdn + used - *value);
    return true;
}

static bool of_dn(struct values *values, const char *dn, size_t len, const char *parent,
                  const char *attribute, const char **value, size_t *value_len)
{
    char *whole;

    if (of_plain_rdn(dn, len, attribute, value, value_len))
        return true;
    whole = g_strdup_printf("%.*s%s%s", (int)len, dn, *parent != '\0' ? "," : "", parent);
    free(values->owned);
    values->owned = strlen(whole) >= len ? ldapc_dn_value(whole, attribute, value_len) : NULL;
    g_free(whole);
    *value = values->owned;
    return *value != NULL;
}

bool values_get(void *context, enum template_from from, const char *attribute, const char **value,
                size_t *len)
{
    struct values *values = context;
    const struct persons *persons = &values->scan->persons;
    const char *raw;

    switch (from) {
    case FROM_MEMBER:
        return of_entry(values, attribute, value, len);
    case FROM_GROUP:
        return of_group(values, attribute, value, len);
    case FROM_GROUP_DN:
        return values->group != NULL && of_dn(values, values->group->dn, strlen(values->group->dn),
                                              "", attribute, value, len);
    case FROM_MEMBER_DN:
        if (values->entry != NULL)
            return of_dn(values, values->entry->dn.bv_val, values->entry->dn.bv_len, "", attribute,
                         value, len);
        if (values->person == NULL)
            return false;
        raw = person_raw(values->person);
        return of_dn(values, raw, strlen(raw),
                     g_array_index(persons->parents, struct parent, values->person->parent).raw,
                     attribute, value, len);
    case FROM_TEXT:
        break;
    }
    return false;
}
