#include "config.h"

#include "ldap_sync/plan_role.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BEFORE_REST " | "
#define WAS_LOCKED  ", was locked"
#define TIME_LENGTH 20 /* of 2026-11-29T04:52:59Z */

void left_time_text(int64_t time_s, char between, const char *end, char out[LEFT_TIME_SIZE])
{
    time_t at = (time_t)time_s;
    struct tm tm;

    if (gmtime_r(&at, &tm) == NULL)
        memset(&tm, 0, sizeof tm);
    (void)snprintf(out, LEFT_TIME_SIZE, "%04d-%02d-%02d%c%02d:%02d:%02d%s", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, between, tm.tm_hour, tm.tm_min, tm.tm_sec, end);
}

/* Reads just what left_time_text writes for these years. */
static bool read_time(const char *text, int64_t *time_s)
{
    static const char shape[TIME_LENGTH + 1] = "0000-00-00T00:00:00Z";
    char back[LEFT_TIME_SIZE];
    struct tm tm = {0};

    for (size_t i = 0; i < TIME_LENGTH; i++)
        if (shape[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != shape[i])
            return false;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *time_s = (int64_t)timegm(&tm);
    left_time_text(*time_s, 'T', "Z", back);
    return strncmp(back, text, TIME_LENGTH) == 0;
}

static bool is_marked(const char *comment)
{
    return comment != NULL && g_str_has_prefix(comment, LEFT_PREFIX);
}

struct left_mark left_read(const char *comment)
{
    struct left_mark mark = {.is_there = is_marked(comment), .rest = comment};

    if (!mark.is_there)
        return mark;
    const char *time = comment + strlen(LEFT_PREFIX);
    if (read_time(time, &mark.time_s)) {
        time += TIME_LENGTH;
        mark.was_locked = g_str_has_prefix(time, WAS_LOCKED);
        time += mark.was_locked ? strlen(WAS_LOCKED) : 0;
        mark.has_time = time[0] == '\0' || g_str_has_prefix(time, BEFORE_REST);
    }
    while (is_marked(mark.rest)) {
        const char *bar = strstr(mark.rest, BEFORE_REST);
        mark.rest = bar == NULL ? NULL : bar + strlen(BEFORE_REST);
    }
    if (mark.rest != NULL && mark.rest[0] == '\0')
        mark.rest = NULL;
    return mark;
}

char *left_write(const char *rest, bool was_locked, int64_t now_s)
{
    char time[LEFT_TIME_SIZE];

    left_time_text(now_s, 'T', "Z", time);
    return g_strconcat(LEFT_PREFIX, time, was_locked ? WAS_LOCKED : "",
                       rest == NULL ? "" : BEFORE_REST, rest, NULL);
}
