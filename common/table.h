/*
 * table.h - rows of text in aligned columns.
 */
#ifndef PGSIGNET_TABLE_H
#define PGSIGNET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

/* A table with these headings, copied.  NULL when memory is short; the caller frees it. */
struct table *table_new(const char *const *headings, size_t columns);

/* Adds a row of as many cells, copied; they are printable already.  False when memory is short. */
bool table_add(struct table *table, const char *const *cells);

/* Prints all rows, two spaces between columns, none at the end of a line. */
void table_print(const struct table *table, FILE *stream);

void table_free(struct table *table); /* NULL is allowed */

#endif
