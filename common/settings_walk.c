#include "config.h"

#include "common/settings_walk.h"

#include "common/settings_fields.h"
#include "common/text.h"

#include <stdlib.h>

#define WHERE_MAX 256 /* bytes of "policies.NAME.exempt" in messages */
#define SHOWN_MAX 80  /* bytes of a faulty value that a message repeats */
#define NAME_MAX_ 64  /* bytes of a policy's name */

struct walk {
    yaml_document_t *document;
    enum settings_reader reader;
    struct settings_notes *notes;
};

static void walk_map(struct walk *walk, const yaml_node_t *node, const struct schema_key *keys,
                     void *base, const char *where);

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static struct bytes scalar(const yaml_node_t *node)
{
    return bytes_of(node->data.scalar.value, node->data.scalar.length);
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* "key:" with nothing behind it, or one of YAML's words for that. */
static bool is_null(const yaml_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (bytes_equal(scalar(node), bytes_str(words[i])))
            return true;
    return false;
}

static void note_unknown(struct walk *walk, const yaml_node_t *name, const struct schema_key *keys,
                         const char *where)
{
    const struct schema_key *nearest = NULL;
    size_t best = 1 + name->data.scalar.length / 3; /* further off is no typing error */
    char shown[SHOWN_MAX];

    for (const struct schema_key *key = keys; key->name != NULL; key++) {
        size_t d = text_distance(scalar(name), key->name);

        if (d <= best && (nearest == NULL || d < best)) {
            best = d;
            nearest = key;
        }
    }
    text_escape(shown, sizeof shown, scalar(name));
    if (nearest != NULL)
        notes_fault(walk->notes, line_of(name), "%s has no key \"%s\"; did you mean \"%s\"?", where,
                    shown, nearest->name);
    else
        notes_fault(walk->notes, line_of(name),
                    "%s has no key \"%s\"; remove it (pgsignet.yaml(5) lists the keys)", where,
                    shown);
}

static void note_result(struct walk *walk, const struct schema_key *key, size_t line,
                        const yaml_node_t *node, const char *where, enum field_result result)
{
    char expected[256], shown[SHOWN_MAX];

    if (result == FIELD_MEMORY)
        walk->notes->memory_short = true;
    if (result == FIELD_OK || result == FIELD_MEMORY)
        return;
    schema_expect(key, expected, sizeof expected);
    if (node->type != YAML_SCALAR_NODE) {
        notes_fault(walk->notes, line, "%s is a %s; write %s", where,
                    node->type == YAML_MAPPING_NODE ? "map" : "list", expected);
        return;
    }
    text_escape(shown, sizeof shown, scalar(node));
    notes_fault(walk->notes, line, "%s: \"%s\" %s; write %s", where, shown,
                result == FIELD_RANGE ? "is out of range" : "will not do", expected);
}

/* Nothing where a value is due.  Silence would leave it open whether the default was meant. */
static bool note_null(struct walk *walk, const yaml_node_t *node, size_t line,
                      const struct schema_key *key, const char *where)
{
    char expected[256];

    if (!is_null(node))
        return false;
    schema_expect(key, expected, sizeof expected);
    notes_fault(walk->notes, line, "%s has no value; write %s, or remove the line", where,
                expected);
    return true;
}

static void walk_scalar(struct walk *walk, const yaml_node_t *node, size_t line,
                        const struct schema_key *key, void *base, const char *where)
{
    enum field_result result = FIELD_WRONG;

    if (!note_null(walk, node, line, key, where)) {
        if (node->type == YAML_SCALAR_NODE)
            result = field_set(key, base, scalar_text(node), node->data.scalar.length);
        note_result(walk, key, line, node, where, result);
    }
    notes_place(walk->notes, NOTES_VALUE, field_at(key, base), line, result != FIELD_OK);
}

/* False after a fault of this entry. */
static bool walk_entry(struct walk *walk, const yaml_node_t *text, const struct schema_key *key,
                       void *base, const char *where)
{
    static const struct schema_key entry = {.type = SCHEMA_TEXT, .min = 1, .max = 4096};
    struct settings_strings *strings = field_at(key, base);
    enum field_result added = FIELD_WRONG;
    char inner[WHERE_MAX];

    if (text->type == YAML_SCALAR_NODE)
        added = field_list_add(key, base, scalar_text(text), text->data.scalar.length);
    if (added == FIELD_OK)
        notes_place(walk->notes, NOTES_VALUE, &strings->at[strings->n - 1], line_of(text), false);
    snprintf(inner, sizeof inner, "an entry of %s", where);
    note_result(walk, &entry, line_of(text), text, inner, added);
    return added == FIELD_OK;
}

static void walk_strings(struct walk *walk, const yaml_node_t *node, size_t line,
                         const struct schema_key *key, void *base, const char *where)
{
    enum field_result result = FIELD_WRONG;
    bool broken = false;

    if (!note_null(walk, node, line, key, where)) {
        if (key->lone && node->type == YAML_SCALAR_NODE) {
            result = field_list_start(key, base, 1);
            if (result == FIELD_OK)
                broken = !walk_entry(walk, node, key, base, where);
            else
                note_result(walk, key, line, node, where, result);
        } else if (node->type == YAML_SEQUENCE_NODE) {
            const yaml_node_item_t *item = node->data.sequence.items.start;
            size_t n = (size_t)(node->data.sequence.items.top - item);

            result = field_list_start(key, base, n);
            if (result == FIELD_RANGE)
                notes_fault(walk->notes, line, "%s has %zu entries; write at most %d", where, n,
                            (int)key->max);
            for (; result == FIELD_OK && item < node->data.sequence.items.top; item++) {
                const yaml_node_t *text = yaml_document_get_node(walk->document, *item);

                if (!walk_entry(walk, text, key, base, where))
                    broken = true;
            }
        } else {
            note_result(walk, key, line, node, where, result);
        }
    }
    notes_place(walk->notes, NOTES_VALUE, field_at(key, base), line, broken || result != FIELD_OK);
}

static void walk_section(struct walk *walk, const yaml_node_t *node, size_t line,
                         const struct schema_key *key, void *base, const char *where)
{
    void *section = field_at(key, base);

    if (key->present_offset != 0)
        *(bool *)((char *)base + key->present_offset) = true;
    notes_place(walk->notes, NOTES_CONTAINER, section, line, false);
    if (is_null(node)) /* all its lines are comments: the defaults */
        return;
    if (node->type == YAML_MAPPING_NODE)
        walk_map(walk, node, key->keys, section, where);
    else
        note_result(walk, key, line, node, where, FIELD_WRONG);
}

/* Makes room for n records, unless that is more than the key may have. */
static bool start_records(struct walk *walk, size_t line, const struct schema_key *key, void *base,
                          size_t n, const char *where)
{
    if ((int64_t)n > key->max) {
        notes_fault(walk->notes, line, "%s has %zu entries; write at most %d", where, n,
                    (int)key->max);
        return false;
    }
    if (!field_records_start(key, base, n)) {
        walk->notes->memory_short = true;
        return false;
    }
    return true;
}

static void walk_records(struct walk *walk, const yaml_node_t *node, size_t line,
                         const struct schema_key *key, void *base, const char *where)
{
    const yaml_node_item_t *item;
    size_t n, i = 0;
    bool ok = node->type == YAML_SEQUENCE_NODE;

    notes_place(walk->notes, NOTES_VALUE, field_at(key, base), line, !ok);
    if (!ok) {
        note_result(walk, key, line, node, where, FIELD_WRONG);
        return;
    }
    item = node->data.sequence.items.start;
    n = (size_t)(node->data.sequence.items.top - item);
    if (!start_records(walk, line, key, base, n, where))
        return;
    for (; item < node->data.sequence.items.top; item++, i++) {
        const yaml_node_t *record_node = yaml_document_get_node(walk->document, *item);
        char *record = *(char **)field_at(key, base) + i * key->record_size;

        if (record_node->type == YAML_MAPPING_NODE) {
            notes_place(walk->notes, NOTES_CONTAINER, record, line_of(record_node), false);
            walk_map(walk, record_node, key->keys, record, where);
        } else {
            notes_fault(walk->notes, line_of(record_node),
                        "an entry of %s is not a map; write \"- key: value\" lines", where);
        }
    }
}

/* The record's name, checked; NULL after a fault. */
static char *record_name(struct walk *walk, const yaml_node_t *node, const char *where)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-";
    char shown[SHOWN_MAX];
    size_t len;
    char *name;

    if (node->type != YAML_SCALAR_NODE) {
        notes_fault(walk->notes, line_of(node), "a name in %s is a list or map; write a word",
                    where);
        return NULL;
    }
    len = node->data.scalar.length;
    if (len == 0 || len > NAME_MAX_ || strspn(scalar_text(node), allowed) != len) {
        text_escape(shown, sizeof shown, scalar(node));
        notes_fault(walk->notes, line_of(node),
                    "the name \"%s\" in %s will not do; write 1 to %d of A-Z a-z 0-9 _ . -", shown,
                    where, NAME_MAX_);
        return NULL;
    }
    name = strndup(scalar_text(node), len);
    if (name == NULL)
        walk->notes->memory_short = true;
    return name;
}

static bool name_is_taken(const struct schema_key *key, void *base, size_t n, const char *name)
{
    const char *records = *(char **)field_at(key, base);

    for (size_t i = 0; i < n; i++) {
        const char *const *other =
            (const char *const *)(const void *)(records + i * key->record_size + key->name_offset);

        if (*other != NULL && strcmp(*other, name) == 0)
            return true;
    }
    return false;
}

static void walk_named(struct walk *walk, const yaml_node_t *node, size_t line,
                       const struct schema_key *key, void *base, const char *where)
{
    const yaml_node_pair_t *pair;
    size_t n, i = 0;

    notes_place(walk->notes, NOTES_VALUE, field_at(key, base), line, false);
    if (is_null(node))
        return;
    if (node->type != YAML_MAPPING_NODE) {
        note_result(walk, key, line, node, where, FIELD_WRONG);
        return;
    }
    pair = node->data.mapping.pairs.start;
    n = (size_t)(node->data.mapping.pairs.top - pair);
    if (!start_records(walk, line, key, base, n, where))
        return;
    for (; pair < node->data.mapping.pairs.top; pair++, i++) {
        const yaml_node_t *name_node = yaml_document_get_node(walk->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(walk->document, pair->value);
        char *record = *(char **)field_at(key, base) + i * key->record_size;
        char *name = record_name(walk, name_node, where);
        char inner[WHERE_MAX];

        notes_place(walk->notes, NOTES_CONTAINER, record, line_of(name_node), name == NULL);
        if (name == NULL)
            continue;
        if (name_is_taken(key, base, i, name))
            notes_fault(walk->notes, line_of(name_node),
                        "%s has a second \"%s\"; keep one of the two", where, name);
        *(char **)(void *)(record + key->name_offset) = name;
        snprintf(inner, sizeof inner, "%s.%s", where, name);
        if (value->type == YAML_MAPPING_NODE)
            walk_map(walk, value, key->keys, record, inner);
        else if (!is_null(value))
            note_result(walk, key, line_of(name_node), value, inner, FIELD_WRONG);
    }
}

static void walk_pairs(struct walk *walk, const yaml_node_t *node, size_t line,
                       const struct schema_key *key, void *base, const char *where)
{
    static const struct schema_key value_key = {
        .type = SCHEMA_TEXT, .offset = offsetof(struct settings_sync_pair, value), .max = 4096};
    const yaml_node_pair_t *pair;
    size_t i = 0;

    *(bool *)((char *)base + key->present_offset) = true;
    notes_place(walk->notes, NOTES_VALUE, field_at(key, base), line, false);
    if (node->type != YAML_MAPPING_NODE) {
        note_result(walk, key, line, node, where, FIELD_WRONG);
        return;
    }
    pair = node->data.mapping.pairs.start;
    if (!start_records(walk, line, key, base, (size_t)(node->data.mapping.pairs.top - pair), where))
        return;
    for (; pair < node->data.mapping.pairs.top; pair++, i++) {
        const yaml_node_t *name_node = yaml_document_get_node(walk->document, pair->key);
        struct settings_sync_pair *record = *(struct settings_sync_pair **)field_at(key, base) + i;
        char *name = record_name(walk, name_node, where);
        char inner[WHERE_MAX];

        if (name == NULL)
            continue;
        if (name_is_taken(key, base, i, name))
            notes_fault(walk->notes, line_of(name_node),
                        "%s has a second \"%s\"; keep one of the two", where, name);
        record->name = name;
        snprintf(inner, sizeof inner, "%s.%s", where, name);
        walk_scalar(walk, yaml_document_get_node(walk->document, pair->value), line_of(name_node),
                    &value_key, record, inner);
    }
}

typedef void walk_value_function(struct walk *walk, const yaml_node_t *node, size_t line,
                                 const struct schema_key *key, void *base, const char *where);

static walk_value_function *const walk_value[] = {
    [SCHEMA_TEXT] = walk_scalar,     [SCHEMA_PATH] = walk_scalar,
    [SCHEMA_BOOL] = walk_scalar,     [SCHEMA_INTEGER] = walk_scalar,
    [SCHEMA_DURATION] = walk_scalar, [SCHEMA_DAY] = walk_scalar,
    [SCHEMA_CHOICE] = walk_scalar,   [SCHEMA_STRINGS] = walk_strings,
    [SCHEMA_SECTION] = walk_section, [SCHEMA_RECORDS] = walk_records,
    [SCHEMA_NAMED] = walk_named,     [SCHEMA_PAIRS] = walk_pairs,
};

static const struct schema_key *find_key(const struct schema_key *keys, struct bytes name)
{
    for (const struct schema_key *key = keys; key->name != NULL; key++)
        if (bytes_equal(name, bytes_str(key->name)))
            return key;
    return NULL;
}

static void walk_map(struct walk *walk, const yaml_node_t *node, const struct schema_key *keys,
                     void *base, const char *where)
{
    bool seen[SCHEMA_KEYS_MAX] = {false};
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

    for (; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(walk->document, pair->key);
        const struct schema_key *key;
        char inner[WHERE_MAX];

        if (name->type != YAML_SCALAR_NODE) {
            notes_fault(walk->notes, line_of(name), "a key in %s is a list or map; write a word",
                        where);
            continue;
        }
        key = find_key(keys, scalar(name));
        if (key == NULL) {
            note_unknown(walk, name, keys, where);
            continue;
        }
        if (seen[key - keys]) {
            notes_fault(walk->notes, line_of(name), "%s has a second \"%s\"; keep one of the two",
                        where, key->name);
            continue;
        }
        seen[key - keys] = true;
        if (key->only_for != 0 && key->only_for != 1 + (int)walk->reader)
            continue;
        if (keys == settings_schema)
            snprintf(inner, sizeof inner, "%s", key->name);
        else
            snprintf(inner, sizeof inner, "%s.%s", where, key->name);
        walk_value[key->type](walk, yaml_document_get_node(walk->document, pair->value),
                              line_of(name), key, base, inner);
    }
}

void settings_walk(yaml_document_t *document, enum settings_reader reader,
                   struct settings *settings, struct settings_notes *notes)
{
    struct walk walk = {.document = document, .reader = reader, .notes = notes};
    const yaml_node_t *root = yaml_document_get_root_node(document);

    if (root == NULL || is_null(root))
        notes_fault(notes, 1, "the file says nothing; start from an example");
    else if (root->type != YAML_MAPPING_NODE)
        notes_fault(notes, line_of(root), "the file is not a map; write \"section:\" lines");
    else
        walk_map(&walk, root, settings_schema, settings, "the file");
}
