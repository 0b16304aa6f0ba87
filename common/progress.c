#include "config.h"

#include "common/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_MAX       40
#define BAR_MIN       5
#define COLUMNS_USUAL 80
#define NUMBER_MAX    32 /* bytes of a number with its commas, NUL included */

#define GREEN "\033[32m"
#define PLAIN "\033[0m"

/* 10,000: people compare the length of numbers at a glance. */
static void write_number(uint64_t number, char out[NUMBER_MAX])
{
    char digits[NUMBER_MAX];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

/* "0:12 left", from the speed so far; "" while there is nothing to tell it from. */
static void write_left(const struct progress *progress, int64_t now_ms, char out[NUMBER_MAX])
{
    int64_t passed_ms = now_ms - progress->started_ms;

    out[0] = '\0';
    if (progress->done == 0 || progress->done >= progress->total || passed_ms < 1000)
        return;
    double left = (double)passed_ms / 1000.0 * (double)(progress->total - progress->done) /
                  (double)progress->done;
    if (left > 359999) /* 100 hours is not a forecast */
        return;
    unsigned s = (unsigned)(left + 0.5);
    if (s >= 3600)
        snprintf(out, NUMBER_MAX, "  %u:%02u:%02u left", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, NUMBER_MAX, "  %u:%02u left", s / 60, s % 60);
}

static unsigned percent(const struct progress *progress)
{
    if (progress->done >= progress->total)
        return 100;
    return (unsigned)((double)progress->done * 100.0 / (double)progress->total);
}

/* "  [####------]" into out, as wide as there is room for; "" when there is too little. */
static void write_bar(const struct progress *progress, size_t room, char *out)
{
    size_t at = 0;

    out[0] = '\0';
    if (room < BAR_MIN + 4)
        return;
    size_t width = room - 4 < BAR_MAX ? room - 4 : BAR_MAX;
    size_t full = width * percent(progress) / 100;
    memcpy(out, "  [", 3);
    at = 3;
    for (size_t i = 0; i < width; i++)
        out[at++] = i < full ? '#' : '-';
    out[at++] = ']';
    out[at] = '\0';
}

size_t progress_line(const struct progress *progress, int64_t now_ms, size_t columns,
                     char out[PROGRESS_LINE_MAX])
{
    char done[NUMBER_MAX], total[NUMBER_MAX], left[NUMBER_MAX] = "", bar[BAR_MAX + 8] = "";
    char count[2 * NUMBER_MAX + 16];
    size_t what = strlen(progress->what), room = columns > 0 ? columns - 1 : 0;

    out[0] = '\0';
    if (room > PROGRESS_LINE_MAX - 1)
        room = PROGRESS_LINE_MAX - 1;
    write_number(progress->done, done);
    if (progress->total == 0) {
        snprintf(count, sizeof count, "  %s", done);
    } else {
        write_number(progress->total, total);
        snprintf(count, sizeof count, "  %s/%s  %u%%", done, total, percent(progress));
        write_left(progress, now_ms, left);
    }
    if (what > room || what + strlen(count) > room)
        return 0;
    room -= what + strlen(count);
    if (strlen(left) > room)
        left[0] = '\0';
    if (progress->total > 0)
        write_bar(progress, room - strlen(left), bar);
    return (size_t)snprintf(out, PROGRESS_LINE_MAX, "%s%s%s%s", progress->what, bar, count, left);
}

static size_t columns_of(FILE *stream)
{
    struct winsize size = {0};

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return COLUMNS_USUAL;
}

/* Blanks, not an escape sequence: they work on every terminal that knows a carriage return. */
static void blank(struct progress *progress, size_t from)
{
    for (size_t i = from; i < progress->drawn; i++)
        fputc(' ', progress->stream);
}

static void draw(struct progress *progress, int64_t now_ms)
{
    char line[PROGRESS_LINE_MAX];
    size_t len = progress_line(progress, now_ms, columns_of(progress->stream), line);
    const char *open = strchr(line, '['), *end = NULL;

    fputc('\r', progress->stream);
    if (progress->colour && open != NULL)
        end = open + 1 + strspn(open + 1, "#");
    if (end != NULL)
        fprintf(progress->stream, "%.*s" GREEN "%.*s" PLAIN "%s", (int)(open + 1 - line), line,
                (int)(end - open - 1), open + 1, end);
    else
        fputs(line, progress->stream);
    blank(progress, len);
    fflush(progress->stream);
    progress->drawn = len;
    progress->drawn_ms = now_ms;
}

void progress_start(struct progress *progress, FILE *stream, const char *what, uint64_t total,
                    int64_t now_ms)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    int fd = fileno(stream);

    *progress = (struct progress){
        .stream = stream,
        .what = what,
        .shown = fd >= 0 && isatty(fd) && term != NULL && strcmp(term, "dumb") != 0,
        .colour = no_colour == NULL || no_colour[0] == '\0',
        .total = total,
        .started_ms = now_ms,
        .drawn_ms = now_ms,
    };
}

void progress_at(struct progress *progress, uint64_t done, int64_t now_ms)
{
    progress->done = done;
    if (progress->shown && now_ms - progress->drawn_ms >= PROGRESS_EVERY_MS)
        draw(progress, now_ms);
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn == 0)
        return;
    fputc('\r', progress->stream);
    blank(progress, 0);
    fputc('\r', progress->stream);
    fflush(progress->stream);
    progress->drawn = 0;
}

void progress_end(struct progress *progress)
{
    progress_clear(progress);
    progress->shown = false;
}
