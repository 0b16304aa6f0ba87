/*
 * progress.h - how far long work has come, on one line of standard error that is drawn anew.
 *
 *     Enrolling  [#########-----------]  4,321/10,000  43%  0:12 left
 *
 * Shown only on a terminal (and not on one that is "dumb"), so that a script's log stays free of
 * it. The line fits the terminal's width: the bar shrinks, then goes, then what is on the right
 * goes. Drawn ten times a second at most; a step that is not drawn costs no system call.
 *
 *     struct progress progress;
 *
 *     progress_start(&progress, stderr, "Enrolling", n, clock_mono_ms());
 *     for (...) {
 *         progress_at(&progress, i + 1, clock_mono_ms());
 *         if (trouble) {
 *             progress_clear(&progress);   before any other line goes to the terminal
 *             log_error(...);
 *         }
 *     }
 *     progress_end(&progress);
 */
#ifndef PGSIGNET_PROGRESS_H
#define PGSIGNET_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_EVERY_MS 100 /* at least so long between two drawings */
#define PROGRESS_LINE_MAX 256 /* bytes, NUL included: the widest line that is drawn */

struct progress {
    FILE *stream;     /* not owned */
    const char *what; /* not owned; plain ASCII, of ours */
    bool shown;       /* stream is a terminal that can redraw a line */
    bool colour;      /* NO_COLOR (no-color.org) is unset or empty */
    uint64_t total;   /* 0 = not known */
    uint64_t done;
    int64_t started_ms; /* CLOCK_MONOTONIC */
    int64_t drawn_ms;
    size_t drawn; /* columns now on the terminal; 0 = its line is clear */
};

/*
 * Begins at 0 of total (0 = not known).  what and stream must stay valid.  Times are
 * CLOCK_MONOTONIC in milliseconds.  Nothing is drawn before the first PROGRESS_EVERY_MS are over.
 */
void progress_start(struct progress *progress, FILE *stream, const char *what, uint64_t total,
                    int64_t now_ms);

/* Notes that `done` are done, and draws when it is time. */
void progress_at(struct progress *progress, uint64_t done, int64_t now_ms);

/* Takes the line away; the next progress_at may draw it again. */
void progress_clear(struct progress *progress);

/* Takes the line away for good: whoever did the work says how it ended. */
void progress_end(struct progress *progress);

/*
 * The line for a terminal that is `columns` wide (pure; one column is left free, since writing the
 * last one makes some terminals wrap).  Returns its length; "" when nothing fits.
 */
size_t progress_line(const struct progress *progress, int64_t now_ms, size_t columns,
                     char out[PROGRESS_LINE_MAX]);

#endif
