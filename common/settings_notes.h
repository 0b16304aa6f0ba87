/*
 * settings_notes.h - what is noted while a configuration is read: faults, and where each value stood.
 *
 * Internal to common/settings*.c.  Faults are kept until the end so that they can be printed in the
 * order of the file's lines, whichever check found them.
 */
#ifndef PGSIGNET_SETTINGS_NOTES_H
#define PGSIGNET_SETTINGS_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define NOTES_FAULTS_MAX 200 /* printed at most; one more line says that there are more */
#define NOTES_FAULT_TEXT 600 /* bytes of one fault */

/* Which of the two things at one address a note is about. */
enum notes_what {
    NOTES_VALUE,     /* a field, or an entry of a list */
    NOTES_CONTAINER, /* a section or record as a whole, which begins at its first field's address */
};

struct notes_fault;
struct notes_place;

struct settings_notes {
    struct notes_fault *faults; /* owned */
    size_t n_faults;
    struct notes_place *places; /* owned; sorted by notes_settle */
    size_t n_places, cap_places;
    bool memory_short; /* a note was lost: the configuration must not be used */
};

/* Notes a fault of one line (1 = first; 0 = the file as a whole): "what is wrong; what to write". */
void notes_fault(struct settings_notes *notes, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes that the value at this address came from this line; broken: its fault was noted already. */
void notes_place(struct settings_notes *notes, enum notes_what what, const void *address,
                 size_t line, bool broken);

/* Sorts the places; to be called once, after the last notes_place and before any question. */
void notes_settle(struct settings_notes *notes);

/* The line of a value that the file says; 0 when it does not. */
size_t notes_line(const struct settings_notes *notes, enum notes_what what, const void *address);

/* Whether the file says this value and it was well formed. */
bool notes_sound(const struct settings_notes *notes, const void *field);

/* Whether the file tried to say this value and it was refused: no check may build on it. */
bool notes_broken(const struct settings_notes *notes, const void *field);

/* True when nothing was found wrong. */
bool notes_clean(const struct settings_notes *notes);

/* Writes "PATH:LINE: ..." lines, ordered by line.  out may be NULL. */
void notes_print(struct settings_notes *notes, const char *path, FILE *out);

void notes_free(struct settings_notes *notes);

#endif
