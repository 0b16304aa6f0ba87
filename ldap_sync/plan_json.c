#include "config.h"

#include "ldap_sync/plan_role.h"

#include "common/text.h"

#include <jansson.h>
#include <string.h>

/* A text as it is when it is UTF-8, else with its bytes escaped; NULL is null. */
static json_t *text_or_null(const char *text)
{
    if (text == NULL)
        return json_null();
    struct bytes bytes = bytes_str(text);
    if (text_is_utf8(bytes))
        return json_string(text);
    char *safe = g_malloc(4 * bytes.len + 1);
    (void)text_escape(safe, 4 * bytes.len + 1, bytes);
    json_t *value = json_string(safe);
    g_free(safe);
    return value;
}

static json_t *time_or_null(int64_t time_s)
{
    char time[LEFT_TIME_SIZE];

    if (time_s == UNTIL_INFINITY)
        return json_string("infinity");
    left_time_text(time_s, 'T', "Z", time);
    return json_string(time);
}

/* Sets a key and takes the value over; NULL (no memory) makes the whole fail. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(object, key, value) == 0 && *ok;
}

static void put_details(json_t *object, const struct change *change, bool *ok)
{
    switch (change->kind) {
    case CHANGE_REVOKE:
        put(object, "granted_by", text_or_null(change->grantor), ok);
        put(object, "admin_option_only", json_boolean(change->admin), ok);
        put(object, "cascade", json_boolean(change->cascade), ok);
        break;
    case CHANGE_CREATE:
        if (change->options != NULL && change->options->has_limit)
            put(object, "limit", json_integer(role_limit(change->options->limit)), ok);
        if (change->options != NULL && change->options->has_until)
            put(object, "until", time_or_null(role_until(change->options->until_s)), ok);
        break;
    case CHANGE_LIMIT:
        put(object, "limit", json_integer(change->number), ok);
        break;
    case CHANGE_UNTIL:
        put(object, "until", time_or_null(change->number), ok);
        break;
    case CHANGE_SET:
    case CHANGE_RESET:
    case CHANGE_COMMENT:
        put(object, "value", text_or_null(change->value), ok);
        break;
    case CHANGE_GRANT:
        put(object, "admin", json_boolean(change->admin), ok);
        put(object, "inherit", json_boolean(change->inherit), ok);
        put(object, "set", json_boolean(change->set), ok);
        break;
    case CHANGE_TERMINATE:
        put(object, "sessions", json_integer(change->number), ok);
        break;
    case CHANGE_DROP:
        put(object, "left", time_or_null(change->number), ok);
        break;
    default:
        break;
    }
}

static json_t *change_object(const struct change *change, bool *ok)
{
    json_t *object = json_object();

    put(object, "kind", json_string(plan_kind_name(change->kind)), ok);
    put(object, "role", text_or_null(change->role), ok);
    if (change->object != NULL)
        put(object, "object", text_or_null(change->object), ok);
    put_details(object, change, ok);
    if (change->source != NULL) {
        put(object, "rule", json_integer(change->source->rule), ok);
        put(object, "group", text_or_null(change->source->group), ok);
    }
    return object;
}

static json_t *finding_object(const struct sync_finding *finding, bool *ok)
{
    const struct sync_guard_row *row = &sync_guard_rows[finding->guard];
    json_t *object = json_object();

    put(object, "guard", json_string(row->name), ok);
    put(object, "exit_code", json_integer(row->exit_code), ok);
    put(object, "forced", json_boolean(finding->forced), ok);
    put(object, "role", text_or_null(finding->name), ok);
    put(object, "text", text_or_null(finding->text), ok);
    put(object, "advice", json_string(row->advice), ok);
    return object;
}

static json_t *figures_object(const struct plan *plan, bool *ok)
{
    const struct {
        const char *name;
        size_t value;
    } rows[] = {
        {"roles", plan->roles},         {"managed", plan->managed},      {"joiners", plan->joiners},
        {"movers", plan->movers},       {"losers", plan->losers},        {"leavers", plan->leavers},
        {"droppable", plan->droppable}, {"changes", plan->changes->len},
    };
    json_t *object = json_object();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        put(object, rows[i].name, json_integer((json_int_t)rows[i].value), ok);
    return object;
}

char *plan_print_json(const struct plan *plan)
{
    json_t *root = json_object(), *changes = json_array(), *findings = json_array();
    bool ok = true;

    for (guint i = 0; i < plan->changes->len; i++)
        ok = json_array_append_new(
                 changes, change_object(&g_array_index(plan->changes, struct change, i), &ok)) ==
                 0 &&
             ok;
    for (guint i = 0; i < plan->findings->len; i++)
        ok = json_array_append_new(
                 findings, finding_object(&g_array_index(plan->findings, struct sync_finding, i),
                                          &ok)) == 0 &&
             ok;
    put(root, "may_be_applied", json_boolean(plan_stop(plan) == NULL), &ok);
    put(root, "figures", figures_object(plan, &ok), &ok);
    put(root, "findings", findings, &ok);
    put(root, "changes", changes, &ok);
    char *text = ok ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    return text;
}
