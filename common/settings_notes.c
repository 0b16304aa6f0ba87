#include "config.h"

#include "common/settings_notes.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

struct notes_fault {
    size_t line, order;
    char text[NOTES_FAULT_TEXT];
};

struct notes_place {
    uintptr_t address;
    enum notes_what what;
    size_t line;
    bool broken;
};

void notes_fault(struct settings_notes *notes, size_t line, const char *format, ...)
{
    char message[2 * NOTES_FAULT_TEXT];
    struct notes_fault *fault;
    va_list args;

    if (notes->faults == NULL)
        notes->faults = calloc(NOTES_FAULTS_MAX, sizeof *notes->faults);
    if (notes->faults == NULL) {
        notes->memory_short = true;
        return;
    }
    if (notes->n_faults++ >= NOTES_FAULTS_MAX)
        return;
    fault = &notes->faults[notes->n_faults - 1];
    fault->line = line;
    fault->order = notes->n_faults;
    va_start(args, format);
    if (vsnprintf(message, sizeof message, format, args) < 0)
        message[0] = '\0';
    va_end(args);
    text_clean(fault->text, sizeof fault->text, bytes_str(message));
}

void notes_place(struct settings_notes *notes, enum notes_what what, const void *address,
                 size_t line, bool broken)
{
    if (notes->n_places == notes->cap_places) {
        size_t cap = notes->cap_places == 0 ? 128 : notes->cap_places * 2;
        struct notes_place *more = reallocarray(notes->places, cap, sizeof *more);

        if (more == NULL) {
            notes->memory_short = true;
            return;
        }
        notes->places = more;
        notes->cap_places = cap;
    }
    notes->places[notes->n_places++] = (struct notes_place){(uintptr_t)address, what, line, broken};
}

static int compare_places(const void *a, const void *b)
{
    const struct notes_place *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (int)x->what - (int)y->what;
}

void notes_settle(struct settings_notes *notes)
{
    if (notes->n_places > 0)
        qsort(notes->places, notes->n_places, sizeof *notes->places, compare_places);
}

static const struct notes_place *find(const struct settings_notes *notes, enum notes_what what,
                                      const void *address)
{
    struct notes_place key = {.address = (uintptr_t)address, .what = what};

    if (notes->n_places == 0)
        return NULL;
    return bsearch(&key, notes->places, notes->n_places, sizeof key, compare_places);
}

size_t notes_line(const struct settings_notes *notes, enum notes_what what, const void *address)
{
    const struct notes_place *place = find(notes, what, address);

    return place != NULL ? place->line : 0;
}

bool notes_sound(const struct settings_notes *notes, const void *field)
{
    const struct notes_place *place = find(notes, NOTES_VALUE, field);

    return place != NULL && !place->broken;
}

bool notes_broken(const struct settings_notes *notes, const void *field)
{
    const struct notes_place *place = find(notes, NOTES_VALUE, field);

    return place != NULL && place->broken;
}

bool notes_clean(const struct settings_notes *notes)
{
    return notes->n_faults == 0 && !notes->memory_short;
}

static int compare_faults(const void *a, const void *b)
{
    const struct notes_fault *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

void notes_print(struct settings_notes *notes, const char *path, FILE *out)
{
    char name[1024];
    size_t n = notes->n_faults < NOTES_FAULTS_MAX ? notes->n_faults : NOTES_FAULTS_MAX;

    if (out == NULL)
        return;
    text_clean(name, sizeof name, bytes_str(path));
    if (n > 0)
        qsort(notes->faults, n, sizeof *notes->faults, compare_faults);
    for (size_t i = 0; i < n; i++) {
        if (notes->faults[i].line > 0)
            fprintf(out, "%s:%zu: %s\n", name, notes->faults[i].line, notes->faults[i].text);
        else
            fprintf(out, "%s: %s\n", name, notes->faults[i].text);
    }
    if (n < notes->n_faults)
        fprintf(out, "%s: there are %zu faults more; correct these first\n", name,
                notes->n_faults - n);
    if (notes->memory_short)
        fprintf(out, "%s: memory ran out while the file was read; try again\n", name);
}

void notes_free(struct settings_notes *notes)
{
    free(notes->faults);
    free(notes->places);
    *notes = (struct settings_notes){0};
}
