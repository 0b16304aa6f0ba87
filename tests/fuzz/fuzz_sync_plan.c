/*
 * Any name and any text: quoted they read back as they were, a line stays one line, the mark of a
 * leaver never grows, and values of search_path are read within their bounds.
 */
#include "config.h"

#include "common/text.h"
#include "ldap_sync/plan_role.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Reads a quoted text as PostgreSQL's lexer does: the mark twice is the mark, once is the end. */
static void check_quoted(const GString *quoted, const char *text, char mark)
{
    const char *p = quoted->str;

    require(*p++ == mark);
    for (; *text != '\0'; text++, p++) {
        require(*p == *text);
        if (*p == mark)
            require(*++p == mark);
    }
    require(p[0] == mark && p[1] == '\0');
}

static void check_quoting(const char *text)
{
    GString *identifier = g_string_new(NULL), *literal = g_string_new(NULL);

    plan_quote_identifier(identifier, text);
    plan_quote_literal(literal, text);
    check_quoted(identifier, text, '"');
    check_quoted(literal, text, '\'');
    g_string_free(identifier, TRUE);
    g_string_free(literal, TRUE);
}

static void check_line(const char *text, uint8_t kind)
{
    const struct wanted_source source = {.rule = 1, .group = text};
    const struct change change = {
        .kind = (enum change_kind)(kind % CHANGE_KINDS),
        .role = text,
        .object = text,
        .value = text,
        .grantor = text,
        .source = (kind & 0x80) != 0 ? &source : NULL,
    };
    GString *line = g_string_new(NULL);

    plan_describe(&change, line);
    require(text_is_plain(bytes_of(line->str, line->len), false));
    require(strlen(line->str) == line->len);
    g_string_free(line, TRUE);
}

static void check_mark(const char *comment)
{
    struct left_mark mark = left_read(comment);
    char *left = left_write(mark.rest, mark.was_locked, 1795928400);
    struct left_mark again = left_read(left);

    require(again.is_there && again.has_time && again.time_s == 1795928400);
    require(again.was_locked == mark.was_locked);
    require(g_strcmp0(again.rest, mark.rest) == 0 || comment[0] == '\0');
    g_free(left);
}

static void check_list(const char *value)
{
    GPtrArray *elements = role_setting_elements("search_path", value);
    size_t bytes = 0;

    for (guint i = 0; i < elements->len; i++)
        bytes += strlen(elements->pdata[i]);
    require(bytes <= strlen(value));
    g_ptr_array_unref(elements);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = g_strndup((const char *)data + 1, size - 1);
    check_quoting(text);
    check_line(text, data[0]);
    check_mark(text);
    check_list(text);
    g_free(text);
    return 0;
}
