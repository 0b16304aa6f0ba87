#include "config.h"

#include "ldap_sync/template.h"

#include <string.h>

#include "ldap_sync/template_map.h"

/* What is done to a value, in turn. */
enum modifier_kind { MODIFY_LOWER, MODIFY_UPPER, MODIFY_STRIP_PREFIX, MODIFY_MAP };

struct modifier {
    enum modifier_kind kind;
    char *text;      /* owned: the prefix; else NULL */
    GHashTable *map; /* owned; else NULL */
};

struct part {
    enum template_from from;
    char *text;        /* owned: the attribute, or the text itself */
    GArray *modifiers; /* struct modifier; NULL = none */
};

struct template
{
    GArray *parts; /* struct part */
};

static const struct {
    const char *prefix;
    enum template_from from;
} sources[] = {
    {"group.dn.", FROM_GROUP_DN}, {"group.", FROM_GROUP}, {"dn.", FROM_MEMBER_DN},
    {"member.", FROM_MEMBER},     {"", FROM_MEMBER},
};

static const struct {
    const char *name; /* with ':' where a text follows */
    enum modifier_kind kind;
} modifiers[] = {
    {"lower", MODIFY_LOWER},
    {"upper", MODIFY_UPPER},
    {"strip_prefix:", MODIFY_STRIP_PREFIX},
    {"map:", MODIFY_MAP},
};

static void clear_modifier(void *data)
{
    struct modifier *modifier = data;

    g_free(modifier->text);
    if (modifier->map != NULL)
        g_hash_table_unref(modifier->map);
}

static void clear_part(void *data)
{
    struct part *part = data;

    g_free(part->text);
    if (part->modifiers != NULL)
        g_array_unref(part->modifiers);
}

void template_free(struct template *template)
{
    if (template == NULL)
        return;
    g_array_unref(template->parts);
    g_free(template);
}

/* --- reading --- */

/* As RFC 4512 2.5 writes attributes, without options: those are another attribute's values. */
static bool is_attribute(const char *text)
{
    return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-._") == strlen(text);
}

static bool read_modifier(struct part *part, const char *text, char *why, size_t size)
{
    struct modifier modifier = {0};
    const char *rest = NULL;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(modifiers) && rest == NULL; i++) {
        size_t len = strlen(modifiers[i].name);
        bool takes_text = modifiers[i].name[len - 1] == ':';

        if (takes_text ? g_str_has_prefix(text, modifiers[i].name)
                       : g_str_equal(text, modifiers[i].name)) {
            modifier.kind = modifiers[i].kind;
            rest = text + len;
        }
    }
    if (rest == NULL) {
        g_snprintf(why, size, "|%.60s is not known; write lower, upper, strip_prefix:X or map:FILE",
                   text);
        return false;
    }
    if (modifier.kind == MODIFY_STRIP_PREFIX)
        modifier.text = g_strdup(rest);
    if (modifier.kind == MODIFY_MAP && (modifier.map = template_map_read(rest, why, size)) == NULL)
        return false;
    if (part->modifiers == NULL) {
        part->modifiers = g_array_new(FALSE, FALSE, sizeof(struct modifier));
        g_array_set_clear_func(part->modifiers, clear_modifier);
    }
    g_array_append_val(part->modifiers, modifier);
    return true;
}

/* What stands between the braces. */
static bool read_braces(struct template *template, const char *text, char *why, size_t size)
{
    char **words = g_strsplit(text, "|", -1);
    const char *name = words[0] != NULL ? words[0] : "";
    struct part part = {0};
    size_t i = 0;
    bool good;

    while (!g_str_has_prefix(name, sources[i].prefix))
        i++;
    part.from = sources[i].from;
    part.text = g_strdup(name + strlen(sources[i].prefix));
    good = is_attribute(part.text);
    if (!good)
        g_snprintf(why, size,
                   "{%.60s} names no attribute; write {uid}, {dn.uid}, {group.cn} or {group.dn.cn}",
                   text);
    for (size_t w = 1; good && words[w] != NULL; w++)
        good = read_modifier(&part, words[w], why, size);
    if (good)
        g_array_append_val(template->parts, part);
    else
        clear_part(&part);
    g_strfreev(words);
    return good;
}

static void add_text(struct template *template, GString *text)
{
    struct part part = {.from = FROM_TEXT};

    if (text->len == 0)
        return;
    part.text = g_strdup(text->str);
    g_array_append_val(template->parts, part);
    g_string_truncate(text, 0);
}

struct template *template_parse(const char *text, char *why, size_t size)
{
    struct template *template = g_new0(struct template, 1);
    GString *plain = g_string_new(NULL);
    bool good = true;

    template->parts = g_array_new(FALSE, FALSE, sizeof(struct part));
    g_array_set_clear_func(template->parts, clear_part);
    while (good && *text != '\0') {
        const char *end;
        char *inner;

        if (*text != '{' || text[1] == '{') {
            g_string_append_c(plain, *text);
            text += *text == '{' ? 2 : 1;
            continue;
        }
        end = strchr(text, '}');
        if (end == NULL) {
            g_snprintf(why, size, "\"%.60s\" has no closing brace; write {{ for a brace", text);
            good = false;
            break;
        }
        add_text(template, plain);
        inner = g_strndup(text + 1, (size_t)(end - text) - 1);
        good = read_braces(template, inner, why, size);
        g_free(inner);
        text = end + 1;
    }
    add_text(template, plain);
    g_string_free(plain, TRUE);
    if (good)
        return template;
    template_free(template);
    return NULL;
}

void template_needs(const struct template *template, template_visit *visit, void *context)
{
    for (guint i = 0; i < template->parts->len; i++) {
        const struct part *part = &g_array_index(template->parts, struct part, i);

        if (part->from != FROM_TEXT)
            visit(context, part->from, part->text);
    }
}

/* --- writing --- */

/* Changes what stands in out from `from` on. */
static void apply(const struct modifier *modifier, GString *out, size_t from)
{
    char *text = out->str + from;
    size_t len = out->len - from, prefix;

    switch (modifier->kind) {
    case MODIFY_LOWER:
        for (size_t i = 0; i < len; i++)
            text[i] = g_ascii_tolower(text[i]);
        break;
    case MODIFY_UPPER:
        for (size_t i = 0; i < len; i++)
            text[i] = g_ascii_toupper(text[i]);
        break;
    case MODIFY_STRIP_PREFIX:
        prefix = strlen(modifier->text);
        if (prefix <= len && memcmp(text, modifier->text, prefix) == 0)
            g_string_erase(out, (gssize)from, (gssize)prefix);
        break;
    case MODIFY_MAP:
        if (memchr(text, '\0', len) == NULL) {
            const char *mapped = g_hash_table_lookup(modifier->map, text);

            if (mapped != NULL) {
                g_string_truncate(out, from);
                g_string_append(out, mapped);
            }
        }
        break;
    }
}

bool template_expand(const struct template *template, template_value *value, void *context,
                     GString *out, const char **missing)
{
    for (guint i = 0; i < template->parts->len; i++) {
        const struct part *part = &g_array_index(template->parts, struct part, i);
        const char *bytes;
        size_t len, from = out->len;

        if (part->from == FROM_TEXT) {
            g_string_append(out, part->text);
            continue;
        }
        if (!value(context, part->from, part->text, &bytes, &len)) {
            *missing = part->text;
            return false;
        }
        g_string_append_len(out, bytes, (gssize)len);
        for (guint c = 0; part->modifiers != NULL && c < part->modifiers->len; c++)
            apply(&g_array_index(part->modifiers, struct modifier, c), out, from);
    }
    return true;
}
