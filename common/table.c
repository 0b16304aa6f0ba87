#include "config.h"

#include "common/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct table {
    size_t columns;
    size_t rows, room; /* room: for so many rows is memory in cells */
    char **cells;      /* owned; rows * columns strings, each owned */
    size_t *width;     /* owned; terminal columns */
};

/* Terminal columns; bytes where the locale cannot say. */
static size_t width_of(const char *text)
{
    mbstate_t state = {0};
    size_t width = 0, len = strlen(text), plain = 0;

    while (plain < len && text[plain] >= 0x20 && text[plain] < 0x7f)
        plain++;
    if (plain == len) /* nearly all of a long list */
        return len;
    for (size_t i = 0; i < len;) {
        wchar_t c;
        size_t n = mbrtowc(&c, text + i, len - i, &state);
        if (n == 0 || n > len - i)
            return len;
        int columns = wcwidth(c);
        width += columns > 0 ? (size_t)columns : 0;
        i += n;
    }
    return width;
}

struct table *table_new(const char *const *headings, size_t columns)
{
    struct table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    table->columns = columns;
    table->width = calloc(columns > 0 ? columns : 1, sizeof *table->width);
    if (columns == 0 || table->width == NULL || !table_add(table, headings)) {
        table_free(table);
        return NULL;
    }
    return table;
}

bool table_add(struct table *table, const char *const *cells)
{
    size_t used = table->rows * table->columns;
    char **grown = table->cells;

    if (table->rows == table->room) {
        /* Doubled: a realloc that wipes what it leaves copies all of it each time. */
        size_t room = table->room > 0 ? 2 * table->room : 16;

        if (room > SIZE_MAX / table->columns)
            return false;
        grown = reallocarray(table->cells, room * table->columns, sizeof *grown);
        if (grown == NULL)
            return false;
        table->cells = grown;
        table->room = room;
    }
    for (size_t i = 0; i < table->columns; i++) {
        grown[used + i] = strdup(cells[i]);
        if (grown[used + i] == NULL) {
            while (i-- > 0)
                free(grown[used + i]);
            return false;
        }
    }
    table->rows++;
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = width_of(cells[i]);
        if (width > table->width[i])
            table->width[i] = width;
    }
    return true;
}

void table_print(const struct table *table, FILE *stream)
{
    for (size_t row = 0; row < table->rows; row++) {
        char *const *cell = table->cells + row * table->columns;
        for (size_t i = 0; i < table->columns; i++) {
            fputs(cell[i], stream);
            if (i + 1 == table->columns)
                break;
            for (size_t pad = table->width[i] + 2 - width_of(cell[i]); pad > 0; pad--)
                fputc(' ', stream);
        }
        fputc('\n', stream);
    }
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->rows * table->columns; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->width);
    free(table);
}
