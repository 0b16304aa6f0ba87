#include "config.h"

#include "common/number.h"

#include <stdbool.h>
#include <string.h>

#define DAY_S 86400

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum number_fault number_parse(const char *text, size_t len, int64_t min, int64_t max, int64_t *out)
{
    bool negative = len > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t value = 0;
    bool too_big = false;

    if (i == len || (text[i] == '0' && (len > i + 1 || negative)))
        return NUMBER_SYNTAX;
    for (; i < len; i++) {
        if (!is_digit(text[i]))
            return NUMBER_SYNTAX;
        /* Counted downwards: INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[i] - '0', &value))
            too_big = true;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        too_big = true;
    if (too_big || value < min || value > max)
        return NUMBER_RANGE;
    *out = value;
    return NUMBER_OK;
}

enum number_fault number_duration(const char *text, size_t len, int64_t min, int64_t max,
                                  int64_t *out)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {
        {'s', 1    },
        {'m', 60   },
        {'h', 3600 },
        {'d', DAY_S}
    };
    int64_t factor = 1, value;
    enum number_fault fault;

    for (size_t i = 0; len > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (text[len - 1] == units[i].unit) {
            factor = units[i].seconds;
            len--;
            break;
        }
    }
    if (len > 0 && text[0] == '-')
        return NUMBER_SYNTAX;
    fault = number_parse(text, len, 0, INT64_MAX, &value);
    if (fault != NUMBER_OK)
        return fault;
    if (__builtin_mul_overflow(value, factor, &value) || value < min || value > max)
        return NUMBER_RANGE;
    *out = value;
    return NUMBER_OK;
}

static int64_t digits(const char *text, size_t n)
{
    int64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

enum number_fault number_day_end(const char *text, size_t len, int64_t *out)
{
    static const char pattern[] = "dddd-dd-dd";
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day, days = 0;

    if (len != sizeof pattern - 1)
        return NUMBER_SYNTAX;
    for (size_t i = 0; i < len; i++)
        if (pattern[i] == 'd' ? !is_digit(text[i]) : text[i] != pattern[i])
            return NUMBER_SYNTAX;
    year = digits(text, 4);
    month = digits(text + 5, 2);
    day = digits(text + 8, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > month_days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0))
        return NUMBER_RANGE;
    for (int64_t y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (int64_t m = 1; m < month; m++)
        days += month_days[m - 1] + (m == 2 && is_leap(year) ? 1 : 0);
    *out = (days + day) * DAY_S;
    return NUMBER_OK;
}
