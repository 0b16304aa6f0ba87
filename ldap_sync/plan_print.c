#include "config.h"

#include "ldap_sync/plan_role.h"

#include "common/text.h"

#include <string.h>

static const char *const kinds[CHANGE_KINDS] = {
    [CHANGE_LOCK] = "lock",       [CHANGE_REVOKE] = "revoke", [CHANGE_CREATE] = "create",
    [CHANGE_ADOPT] = "adopt",     [CHANGE_LOGIN] = "unlock",  [CHANGE_LIMIT] = "limit",
    [CHANGE_UNTIL] = "until",     [CHANGE_SET] = "set",       [CHANGE_RESET] = "reset",
    [CHANGE_COMMENT] = "comment", [CHANGE_GRANT] = "grant",   [CHANGE_TERMINATE] = "terminate",
    [CHANGE_DROP] = "drop",
};

const char *plan_kind_name(enum change_kind kind)
{
    return kinds[kind];
}

typedef size_t escaper(char *out, size_t size, struct bytes text);

static void append_safe(GString *out, const char *text, size_t len, escaper *escape)
{
    gsize before = out->len;

    g_string_set_size(out, before + 4 * len + 1);
    size_t written = escape(out->str + before, 4 * len + 1, bytes_of(text, len));
    g_string_truncate(out, before + written);
}

static void append_name(GString *out, const char *name)
{
    append_safe(out, name, strlen(name), text_escape);
}

/* The first RDN of a DN: up to a comma or semicolon that is neither escaped nor quoted. */
static size_t rdn_length(const char *dn)
{
    bool quoted = false;
    size_t i = 0;

    for (; dn[i] != '\0' && (quoted || (dn[i] != ',' && dn[i] != ';')); i++) {
        if (dn[i] == '"')
            quoted = !quoted;
        else if (dn[i] == '\\' && dn[i + 1] != '\0')
            i++;
    }
    return i;
}

/* Why, when it is not for a rule. */
static const char *unsourced(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_LOCK:
    case CHANGE_COMMENT:
        return "  (no rule names it)";
    case CHANGE_TERMINATE:
    case CHANGE_DROP:
        return "";
    default:
        return "  (no rule gives it)";
    }
}

static void append_source(GString *out, const struct change *change)
{
    const struct wanted_source *source = change->source;

    if (source == NULL) {
        g_string_append(out, unsourced(change->kind));
        return;
    }
    g_string_append(out, "  (");
    if (source->group == NULL)
        g_string_append(out, "static");
    else
        append_safe(out, source->group, rdn_length(source->group), text_clean);
    g_string_append_printf(out, ", rule %u)", source->rule);
}

static void append_time(GString *out, int64_t time_s)
{
    char time[LEFT_TIME_SIZE] = "infinity";

    if (time_s != UNTIL_INFINITY)
        left_time_text(time_s, 'T', "Z", time);
    g_string_append(out, time);
}

static void describe_grant(const struct change *change, GString *out)
{
    append_name(out, change->object);
    g_string_append(out, change->kind == CHANGE_REVOKE ? " from " : " to ");
    append_name(out, change->role);
    if (change->kind == CHANGE_REVOKE) {
        if (change->grantor != NULL) {
            g_string_append(out, ", granted by ");
            append_name(out, change->grantor);
        }
        g_string_append(out, change->cascade ? ", and from whom it passed it on to" : "");
        return;
    }
    g_string_append_printf(out, "%s%s%s", change->admin ? " with admin" : "",
                           change->inherit ? "" : " without inherit",
                           change->set ? "" : " without set");
}

static void describe_value(const struct change *change, GString *out)
{
    append_name(out, change->role);
    switch (change->kind) {
    case CHANGE_CREATE:
        if (change->options != NULL && change->options->has_limit)
            g_string_append_printf(out, ", connection limit %" G_GINT64_FORMAT,
                                   role_limit(change->options->limit));
        if (change->options != NULL && change->options->has_until) {
            g_string_append(out, ", valid until ");
            append_time(out, role_until(change->options->until_s));
        }
        break;
    case CHANGE_ADOPT:
        g_string_append(out, " into ");
        append_name(out, change->object);
        break;
    case CHANGE_LIMIT:
        g_string_append_printf(out, " to %" G_GINT64_FORMAT, change->number);
        break;
    case CHANGE_UNTIL:
        g_string_append(out, " to ");
        append_time(out, change->number);
        break;
    case CHANGE_COMMENT:
        g_string_append(out, change->value == NULL ? " to nothing" : " to ");
        if (change->value != NULL)
            append_name(out, change->value);
        break;
    case CHANGE_TERMINATE:
        g_string_append_printf(out, "  (%" G_GINT64_FORMAT " seen)", change->number);
        break;
    case CHANGE_DROP:
        g_string_append(out, "  (left ");
        append_time(out, change->number);
        g_string_append_c(out, ')');
        break;
    default:
        break;
    }
}

static void describe_setting(const struct change *change, GString *out)
{
    append_name(out, change->object);
    g_string_append(out, " of ");
    append_name(out, change->role);
    if (change->kind == CHANGE_RESET)
        g_string_append(out, ", which was ");
    else
        g_string_append(out, " to ");
    append_name(out, change->value);
}

void plan_describe(const struct change *change, GString *out)
{
    static const struct {
        const char *verb;
        void (*rest)(const struct change *change, GString *out);
    } rows[CHANGE_KINDS] = {
        [CHANGE_LOCK] = {"lock ", describe_value},
        [CHANGE_REVOKE] = {"revoke ", describe_grant},
        [CHANGE_CREATE] = {"create ", describe_value},
        [CHANGE_ADOPT] = {"adopt ", describe_value},
        [CHANGE_LOGIN] = {"unlock ", describe_value},
        [CHANGE_LIMIT] = {"set connection limit of ", describe_value},
        [CHANGE_UNTIL] = {"set valid until of ", describe_value},
        [CHANGE_SET] = {"set ", describe_setting},
        [CHANGE_RESET] = {"reset ", describe_setting},
        [CHANGE_COMMENT] = {"set comment of ", describe_value},
        [CHANGE_GRANT] = {"grant ", describe_grant},
        [CHANGE_TERMINATE] = {"end sessions of ", describe_value},
        [CHANGE_DROP] = {"drop ", describe_value},
    };

    g_string_append(out, rows[change->kind].verb);
    if (change->kind == CHANGE_REVOKE && change->admin)
        g_string_append(out, "admin option on ");
    rows[change->kind].rest(change, out);
    append_source(out, change);
}
