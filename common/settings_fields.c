#include "config.h"

#include "common/settings_fields.h"

#include "common/number.h"
#include "common/text.h"

#include <stdlib.h>
#include <strings.h>

#define LIST_TEXT_MAX 4096 /* bytes of one entry of a list */

void *field_at(const struct schema_key *key, void *base)
{
    return (char *)base + key->offset;
}

size_t *field_count(const struct schema_key *key, void *base)
{
    return (size_t *)(void *)((char *)base + key->count_offset);
}

static enum field_result from_number(enum number_fault fault)
{
    return fault == NUMBER_OK ? FIELD_OK : fault == NUMBER_RANGE ? FIELD_RANGE : FIELD_WRONG;
}

static enum field_result set_text(const struct schema_key *key, char **field, const char *text,
                                  size_t len)
{
    char *copy;

    if ((int64_t)len < key->min || (int64_t)len > key->max)
        return FIELD_RANGE;
    /* A NUL or a newline that YAML's "\0" or "\n" smuggled in would cut or break what uses it. */
    if (!text_is_plain(bytes_of(text, len), false))
        return FIELD_WRONG;
    if (key->type == SCHEMA_PATH && len > 0 && text[0] != '/')
        return FIELD_WRONG;
    copy = strndup(text, len);
    if (copy == NULL)
        return FIELD_MEMORY;
    free(*field);
    *field = copy;
    return FIELD_OK;
}

static enum field_result set_bool(bool *field, const char *text, size_t len)
{
    struct bytes word = bytes_of(text, len);

    if (!bytes_equal(word, bytes_str("true")) && !bytes_equal(word, bytes_str("false")))
        return FIELD_WRONG;
    *field = text[0] == 't';
    return FIELD_OK;
}

static enum field_result set_choice(const struct schema_key *key, int64_t *field, const char *text,
                                    size_t len)
{
    for (int64_t i = 0; key->choices[i] != NULL; i++) {
        if (strlen(key->choices[i]) == len && strncasecmp(key->choices[i], text, len) == 0) {
            *field = i;
            return FIELD_OK;
        }
    }
    return FIELD_WRONG;
}

enum field_result field_set(const struct schema_key *key, void *base, const char *text, size_t len)
{
    void *field = field_at(key, base);

    switch (key->type) {
    case SCHEMA_TEXT:
    case SCHEMA_PATH:
        return set_text(key, field, text, len);
    case SCHEMA_BOOL:
        return set_bool(field, text, len);
    case SCHEMA_INTEGER:
        return from_number(number_parse(text, len, key->min, key->max, field));
    case SCHEMA_DURATION:
        return from_number(number_duration(text, len, key->min, key->max, field));
    case SCHEMA_DAY:
        return from_number(number_day_end(text, len, field));
    case SCHEMA_CHOICE:
        return set_choice(key, field, text, len);
    case SCHEMA_STRINGS:
    case SCHEMA_PAIRS:
    case SCHEMA_SECTION:
    case SCHEMA_RECORDS:
    case SCHEMA_NAMED:
        break;
    }
    return FIELD_WRONG;
}

static void free_strings(struct settings_strings *strings)
{
    for (size_t i = 0; i < strings->n; i++)
        free(strings->at[i]);
    free(strings->at);
    *strings = (struct settings_strings){0};
}

enum field_result field_list_start(const struct schema_key *key, void *base, size_t room)
{
    struct settings_strings *strings = field_at(key, base);

    if ((int64_t)room > key->max)
        return FIELD_RANGE;
    free_strings(strings);
    strings->at = calloc(room + 1, sizeof *strings->at);
    return strings->at != NULL ? FIELD_OK : FIELD_MEMORY;
}

enum field_result field_list_add(const struct schema_key *key, void *base, const char *text,
                                 size_t len)
{
    static const struct schema_key entry = {.type = SCHEMA_TEXT, .min = 1, .max = LIST_TEXT_MAX};
    struct settings_strings *strings = field_at(key, base);
    enum field_result result = set_text(&entry, &strings->at[strings->n], text, len);

    if (result == FIELD_OK)
        strings->n++;
    return result;
}

static bool default_strings(const struct schema_key *key, void *base)
{
    const char *words = key->fallback != NULL ? key->fallback : "";
    size_t room = strlen(words);

    if (field_list_start(key, base, room > 0 ? (size_t)key->max : 0) != FIELD_OK)
        return false;
    while (*words != '\0') {
        size_t n = strcspn(words, " ");

        if (field_list_add(key, base, words, n) != FIELD_OK)
            return false;
        words += n + (words[n] == ' ' ? 1 : 0);
    }
    return true;
}

bool fields_default(const struct schema_key *keys, void *base)
{
    for (const struct schema_key *key = keys; key->name != NULL; key++) {
        if (key->type == SCHEMA_SECTION) {
            if (!fields_default(key->keys, field_at(key, base)))
                return false;
        } else if (key->type == SCHEMA_STRINGS) {
            if (!default_strings(key, base))
                return false;
        } else if (key->fallback != NULL) {
            if (field_set(key, base, key->fallback, strlen(key->fallback)) != FIELD_OK)
                return false;
        }
    }
    return true;
}

bool field_records_start(const struct schema_key *key, void *base, size_t n)
{
    char **records = field_at(key, base);

    *records = calloc(n > 0 ? n : 1, key->record_size);
    if (*records == NULL)
        return false;
    *field_count(key, base) = n;
    for (size_t i = 0; key->keys != NULL && i < n; i++)
        if (!fields_default(key->keys, *records + i * key->record_size))
            return false;
    return true;
}

static void free_records(const struct schema_key *key, void *base)
{
    char **records = field_at(key, base);

    for (size_t i = 0; *records != NULL && i < *field_count(key, base); i++) {
        char *record = *records + i * key->record_size;

        fields_free(key->keys, record);
        if (key->type == SCHEMA_NAMED)
            free(*(char **)(void *)(record + key->name_offset));
    }
    free(*records);
    *records = NULL;
}

static void free_pairs(const struct schema_key *key, void *base)
{
    struct settings_sync_pair **pairs = field_at(key, base);

    for (size_t i = 0; *pairs != NULL && i < *field_count(key, base); i++) {
        free((*pairs)[i].name);
        free((*pairs)[i].value);
    }
    free(*pairs);
    *pairs = NULL;
}

void fields_free(const struct schema_key *keys, void *base)
{
    for (const struct schema_key *key = keys; key->name != NULL; key++) {
        char **text;

        switch (key->type) {
        case SCHEMA_TEXT:
        case SCHEMA_PATH:
            text = field_at(key, base);
            free(*text);
            *text = NULL;
            break;
        case SCHEMA_STRINGS:
            free_strings(field_at(key, base));
            break;
        case SCHEMA_PAIRS:
            free_pairs(key, base);
            break;
        case SCHEMA_SECTION:
            fields_free(key->keys, field_at(key, base));
            break;
        case SCHEMA_RECORDS:
        case SCHEMA_NAMED:
            free_records(key, base);
            break;
        case SCHEMA_BOOL:
        case SCHEMA_INTEGER:
        case SCHEMA_DURATION:
        case SCHEMA_DAY:
        case SCHEMA_CHOICE:
            break;
        }
    }
}
