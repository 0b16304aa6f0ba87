/*
 * metrics.h - figures for node_exporter's textfile collector, written anew after each run.
 *
 * What counts up (changes, guard hits, runs) and the time of the last success go on from the file that
 * was there: a program that ends after each run has no other memory.
 */
#ifndef PGSIGNET_SYNC_METRICS_H
#define PGSIGNET_SYNC_METRICS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ldap_sync/outcome.h"

/* Of one server in one run. */
struct metrics_row {
    const char *cluster; /* the label */
    bool succeeded;      /* nothing failed, and no guard of the whole run struck */
    bool planned;        /* else roles and the like are as they were before */
    size_t roles, managed, leavers;
    size_t changes[CHANGE_KINDS];
    size_t guards[SYNC_GUARDS]; /* findings that were not forced */
    double seconds[STEPS];
};

void metrics_row(const struct outcome *outcome, struct metrics_row *row);

/* Appends the file's text; old is what it held before ("" for none).  Pure. */
void metrics_render(const struct metrics_row *rows, size_t n, int64_t now_s, const char *old,
                    GString *out);

/* Reads the old file and puts the new one in its place at once.  False after a message. */
bool metrics_write(const char *path, const struct metrics_row *rows, size_t n, int64_t now_s);

#endif
