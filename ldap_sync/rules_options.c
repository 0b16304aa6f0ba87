#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/number.h"
#include "common/text.h"
#include "ldap_sync/plan.h"

#include <string.h>
#include <time.h>

#define FILETIME_EPOCH_S INT64_C(11644473600) /* from 1601 to 1970 */
#define FILETIME_PER_S   10000000
#define FILETIME_NEVER   INT64_MAX
#define ADMIN_ROLE       "dbrole_admin"

/* --- times --- */

/* AD's: 100 ns since 1601; 0 and the largest number are never.  One before 1970 is none. */
static bool read_filetime(const char *text, size_t len, int64_t *out)
{
    int64_t at;

    if (number_parse(text, len, 0, INT64_MAX, &at) != NUMBER_OK)
        return false;
    if (at == 0 || at == FILETIME_NEVER)
        *out = UNTIL_INFINITY;
    else
        *out = at / FILETIME_PER_S - FILETIME_EPOCH_S;
    return *out >= 0;
}

/* GeneralizedTime (RFC 4517 3.3.13) in UTC, to the hour at least; a fraction is cut off. */
static bool read_generalized(const char *text, size_t len, int64_t *out)
{
    struct tm tm = {0};
    char copy[32], format[] = "%Y%m%d%H%M%S";
    size_t digits = 0, end;
    const char *rest;

    while (digits < len && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    end = digits;
    if (end < len && (text[end] == '.' || text[end] == ','))
        for (end++; end < len && text[end] >= '0' && text[end] <= '9'; end++)
            ;
    if ((digits != 10 && digits != 12 && digits != 14) || end + 1 != len || text[end] != 'Z' ||
        text[end - 1] == '.' || text[end - 1] == ',')
        return false;
    memcpy(copy, text, digits);
    copy[digits] = '\0';
    format[digits - 2] = '\0'; /* "%Y" is four digits, the others two */
    rest = strptime(copy, format, &tm);
    if (rest == NULL || *rest != '\0')
        return false;
    *out = timegm(&tm);
    return true;
}

bool options_until(const char *text, size_t len, int64_t *out)
{
    if (len == 8 && memcmp(text, "infinity", 8) == 0) {
        *out = UNTIL_INFINITY;
        return true;
    }
    return number_day_end(text, len, out) == NUMBER_OK || read_filetime(text, len, out) ||
           read_generalized(text, len, out);
}

/* --- one row --- */

struct row {
    struct scan *scan;
    struct rule *rule;
    struct values *values;
    char *why;
    size_t size;
};

static bool refuse(const struct row *row, const char *key, const GString *text, const char *what)
{
    char clean[80];

    text_escape(clean, sizeof clean, bytes_of(text->str, text->len));
    g_snprintf(row->why, row->size, "%s of rule %u comes to \"%s\", which is %s", key,
               row->rule->number, clean, what);
    return false;
}

/* Whether the option is said and its values are there. */
static bool expand(const struct row *row, const struct template *template, GString *out)
{
    const char *missing;

    g_string_truncate(out, 0);
    row->values->several = NULL;
    return template != NULL && template_expand(template, values_get, row->values, out, &missing);
}

/*
 * Of several values none is the right one: values of an attribute have no order, so the next
 * reading might take another.
 */
static bool has_several(const struct row *row, const char *key)
{
    if (row->values->several == NULL)
        return false;
    g_snprintf(row->why, row->size,
               "%s of rule %u needs one value of %s, which has several; take the others away", key,
               row->rule->number, row->values->several);
    return true;
}

/* What a C string and a UTF-8 database can hold. */
static bool is_text(const GString *text)
{
    return memchr(text->str, '\0', text->len) == NULL &&
           text_is_utf8(bytes_of(text->str, text->len));
}

static bool read_plain(const struct row *row, struct wanted_options *options, GString *text)
{
    options->has_limit = expand(row, row->rule->limit, text);
    if (has_several(row, "connection_limit"))
        return false;
    if (options->has_limit &&
        number_parse(text->str, text->len, -1, INT32_MAX, &options->limit) != NUMBER_OK)
        return refuse(row, "connection_limit", text, "no number of -1 and up");
    options->has_until = expand(row, row->rule->until, text) && text->len > 0;
    if (has_several(row, "valid_until"))
        return false;
    if (options->has_until && !options_until(text->str, text->len, &options->until_s))
        return refuse(row, "valid_until", text,
                      "neither a FILETIME, a GeneralizedTime, a day, nor infinity");
    /*
     * A comment gives nobody anything: what cannot be one is left out.  One that says that somebody
     * has left would be read as that.
     */
    if (expand(row, row->rule->comment, text) && is_text(text) &&
        !g_str_has_prefix(text->str, LEFT_PREFIX))
        options->comment = text->str;
    return true;
}

/* Appends the rule's settings to wanted.settings. */
static bool read_settings(const struct row *row, bool default_set, struct wanted_options *options,
                          GString *text)
{
    struct wanted *wanted = row->scan->wanted;
    struct wanted_setting setting;

    options->setting = wanted->settings->len;
    for (guint i = 0; i < row->rule->set_names->len; i++) {
        setting.name = g_ptr_array_index(row->rule->set_names, i);
        if (!expand(row, g_ptr_array_index(row->rule->set_values, i), text)) {
            if (has_several(row, setting.name))
                return false;
            continue;
        }
        if (!is_text(text))
            return refuse(row, setting.name, text, "no text");
        setting.value = g_string_chunk_insert_const(wanted->names, text->str);
        g_array_append_val(wanted->settings, setting);
    }
    if (default_set) {
        setting.name = g_string_chunk_insert_const(wanted->names, "role");
        setting.value = g_string_chunk_insert_const(wanted->names, ADMIN_ROLE);
        g_array_append_val(wanted->settings, setting);
    }
    options->n_settings = wanted->settings->len - options->setting;
    return true;
}

static bool same_settings(const struct wanted *wanted, const struct wanted_options *a,
                          const struct wanted_options *b)
{
    if (a->n_settings != b->n_settings)
        return false;
    for (uint32_t i = 0; i < a->n_settings; i++) {
        const struct wanted_setting *left =
            &g_array_index(wanted->settings, struct wanted_setting, a->setting + i);
        const struct wanted_setting *right =
            &g_array_index(wanted->settings, struct wanted_setting, b->setting + i);

        if (left->name != right->name || left->value != right->value)
            return false;
    }
    return true;
}

/* The row made last for this rule, if it says the same: most roles of one rule share one. */
static bool same_as_last(const struct wanted *wanted, const struct wanted_options *options,
                         int64_t last)
{
    const struct wanted_options *row;

    if (last < 0)
        return false;
    row = &g_array_index(wanted->options, struct wanted_options, last);
    return row->has_limit == options->has_limit && row->has_until == options->has_until &&
           row->limit == options->limit && row->until_s == options->until_s &&
           g_strcmp0(row->comment, options->comment) == 0 && same_settings(wanted, row, options);
}

bool options_row(struct scan *scan, struct rule *rule, struct values *values, bool default_set,
                 uint32_t *row, char *why, size_t size)
{
    struct wanted *wanted = scan->wanted;
    const struct row context = {scan, rule, values, why, size};
    struct wanted_options options = {0};
    GString *text, *setting;
    bool good;

    if (rule->fixed_options && rule->rows[default_set] >= 0) {
        *row = (uint32_t)rule->rows[default_set];
        return true;
    }
    text = g_string_new(NULL);
    setting = g_string_new(NULL);
    options.setting = wanted->settings->len;
    good = read_plain(&context, &options, text) &&
           read_settings(&context, default_set, &options, setting);
    if (good && same_as_last(wanted, &options, rule->rows[default_set])) {
        g_array_set_size(wanted->settings, options.setting);
    } else if (good) {
        if (options.comment != NULL)
            options.comment = g_string_chunk_insert(wanted->names, options.comment);
        rule->rows[default_set] = wanted->options->len;
        g_array_append_val(wanted->options, options);
    } else {
        g_array_set_size(wanted->settings, options.setting);
    }
    *row = good ? (uint32_t)rule->rows[default_set] : 0;
    g_string_free(setting, TRUE);
    g_string_free(text, TRUE);
    return good;
}
