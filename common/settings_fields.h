/*
 * settings_fields.h - the fields behind the table: default them, set one from text, free them.
 *
 * Internal to common/settings*.c.  base is always the struct that a table's offsets are about.
 */
#ifndef PGSIGNET_SETTINGS_FIELDS_H
#define PGSIGNET_SETTINGS_FIELDS_H

#include "common/settings.h"
#include "common/settings_schema.h"

enum field_result {
    FIELD_OK,
    FIELD_WRONG, /* not of the type: what must stand there is schema_expect's phrase */
    FIELD_RANGE, /* of the type, but out of range */
    FIELD_MEMORY,
};

/* Gives every field of a zeroed struct its default, sections included.  False: memory is short. */
bool fields_default(const struct schema_key *keys, void *base);

/* Sets a field that is one scalar (not a list, section or record); the old value is freed. */
enum field_result field_set(const struct schema_key *key, void *base, const char *text, size_t len);

/* Appends one text to a list that has room for it (allocated for the count the caller gave). */
enum field_result field_list_start(const struct schema_key *key, void *base, size_t room);
enum field_result field_list_add(const struct schema_key *key, void *base, const char *text,
                                 size_t len);

/* Makes room for n zeroed, defaulted records.  They do not move afterwards.  False: memory. */
bool field_records_start(const struct schema_key *key, void *base, size_t n);

/* Frees whatever the fields own, sections and records included; not base itself. */
void fields_free(const struct schema_key *keys, void *base);

/* The parts of a field that callers need typed. */
void *field_at(const struct schema_key *key, void *base);
size_t *field_count(const struct schema_key *key, void *base);

#endif
