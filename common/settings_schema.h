/*
 * settings_schema.h - the table of everything that a configuration can say.
 *
 * Internal to common/settings*.c and to the tests that hold the documentation to the table.  A new
 * key is a row here, a field in settings.h, and a paragraph in docs/configuration.md and
 * man/pgsignet.yaml.5.
 */
#ifndef PGSIGNET_SETTINGS_SCHEMA_H
#define PGSIGNET_SETTINGS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
    SCHEMA_TEXT,     /* char *; min..max bytes */
    SCHEMA_PATH,     /* char *; absolute, at most max bytes; min 0 lets "" stand for none */
    SCHEMA_BOOL,     /* bool; true or false */
    SCHEMA_INTEGER,  /* int64_t; min..max */
    SCHEMA_DURATION, /* int64_t seconds; min..max */
    SCHEMA_DAY,      /* int64_t Unix time: the end (UTC) of the day */
    SCHEMA_CHOICE,   /* int64_t; the index of the word in choices, upper and lower case alike */
    SCHEMA_STRINGS,  /* struct settings_strings; a list of at most max texts */
    SCHEMA_PAIRS,    /* owned array of struct settings_sync_pair; a map of at most max texts */
    SCHEMA_SECTION,  /* a struct within the struct; keys */
    SCHEMA_RECORDS,  /* owned array of structs, a list of maps; keys, at most max */
    SCHEMA_NAMED,    /* the same, a map from name to map; the name goes to name_offset */
};

struct schema_key {
    const char *name; /* NULL ends a table */
    enum schema_type type;
    size_t offset; /* of the field in its struct, bytes */
    int64_t min, max;
    const char *const *choices; /* ended by NULL */
    const char *fallback; /* default as one would write it (a list: blanks between); or NULL */
    const struct schema_key *keys; /* of a section or record */
    size_t record_size;            /* bytes */
    size_t count_offset;           /* of the size_t that counts records, in the same struct */
    size_t name_offset;            /* of the char * name, in the record */
    size_t present_offset; /* of a bool in the same struct to set when a section or map is there;
                            * 0 = none */
    bool lone;             /* of strings: one text is a list of one */
    int only_for; /* 1 + enum settings_reader: others skip it whatever it holds; 0 = for all */
};

#define SCHEMA_KEYS_MAX 64 /* rows of one table at most */

/* The keys at the top of the file; their base is struct settings. */
extern const struct schema_key settings_schema[];

/* The phrase "a whole number from 1 to 256" for a key; out is NUL-terminated. */
void schema_expect(const struct schema_key *key, char *out, size_t size);

#endif
