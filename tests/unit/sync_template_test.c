/*
 * Templates: what they ask for, what they come to, what is refused.
 */
#include "config.h"

#include "ldap_sync/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char map_path[] = "/tmp/pgsignet-map.XXXXXX";

static bool value(void *context, enum template_from from, const char *attribute, const char **bytes,
                  size_t *len)
{
    static const struct {
        enum template_from from;
        const char *attribute, *value;
    } values[] = {
        {FROM_MEMBER, "uid", "Alice"},
        {FROM_MEMBER, "displayName", "Alice {A|B}"},
        {FROM_MEMBER, "2.5.4.3", "by oid"},
        {FROM_MEMBER_DN, "uid", "alice.dn"},
        {FROM_GROUP, "cn", "pg-DBA"},
        {FROM_GROUP_DN, "cn", "pg-dba.dn"},
        {FROM_MEMBER, "utf", "\xc3\x84\xc3\xa4 X"},
    };

    (void)context;
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        if (values[i].from == from && strcmp(values[i].attribute, attribute) == 0) {
            *bytes = values[i].value;
            *len = strlen(*bytes);
            return true;
        }
    return false;
}

static void texts_come_out_as_written(void **state)
{
    char mapped[100];
    const struct {
        const char *template, *text; /* NULL: a value is missing */
    } rows[] = {
        {"plain", "plain"},
        {"", ""},
        {"{uid}", "Alice"},
        {"{member.uid}", "Alice"},
        {"{uid|lower}", "alice"},
        {"{uid|upper}", "ALICE"},
        {"{utf|lower}", "\xc3\x84\xc3\xa4 x"},
        {"ldap_{dn.uid}", "ldap_alice.dn"},
        {"{group.cn|lower|strip_prefix:pg-}", "dba"},
        {"{group.cn|strip_prefix:x}", "pg-DBA"},
        {"{group.cn|strip_prefix:pg-DBA}", ""},
        {"{group.dn.cn}_{uid}", "pg-dba.dn_Alice"},
        {"{2.5.4.3}", "by oid"},
        {"{{uid}}", "{uid}}"},
        {"a{{{uid}}b", "a{Alice}b"},
        {"{displayName}", "Alice {A|B}"},
        {"{nothing}", NULL},
        {"a{dn.cn}", NULL},
        {"{uid|map:%s}", "a.l"},
        {"{dn.uid|map:%s}", "x"},
        {"{group.cn|map:%s}", "pg-DBA"},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char why[200] = "";
        GString *out = g_string_new(NULL);
        const char *missing = NULL;
        struct template *template;

        g_snprintf(mapped, sizeof mapped, "%s", rows[i].template);
        if (strstr(mapped, "%s") != NULL)
            g_snprintf(mapped, sizeof mapped, "%.*s%s}",
                       (int)(strstr(rows[i].template, "%s") - rows[i].template), rows[i].template,
                       map_path);
        template = template_parse(mapped, why, sizeof why);
        assert_string_equal(why, "");
        assert_non_null(template);
        if (template_expand(template, value, NULL, out, &missing))
            assert_string_equal(out->str,
                                rows[i].text != NULL ? rows[i].text : "(was to be missing)");
        else
            assert_null(rows[i].text);
        g_string_free(out, TRUE);
        template_free(template);
    }
}

static void what_is_no_template_is_refused_by_a_sentence(void **state)
{
    static const struct {
        const char *template, *why;
    } rows[] = {
        {"{uid", "closing brace"},
        {"{}", "no attribute"},
        {"{ uid }", "no attribute"},
        {"{group.}", "no attribute"},
        {"{uid|title}", "|title"},
        {"{uid|}", "is not known"},
        {"{uid|map:/nowhere}", "/nowhere"},
        {"{uid|map:/}", "regular file"},
        {"{uid|map:/dev/null}", "regular file"},
        {"{uid;binary}", "no attribute"},
        {"{uid|lower:x}", "is not known"},
        {"{u*d}", "no attribute"},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char why[200] = "";

        assert_null(template_parse(rows[i].template, why, sizeof why));
        if (strstr(why, rows[i].why) == NULL)
            fail_msg("%s: wanted \"%s\", got \"%s\"", rows[i].template, rows[i].why, why);
    }
}

static void visit(void *context, enum template_from from, const char *attribute)
{
    g_string_append_printf(context, "%d %s,", (int)from, attribute);
}

static void needs_are_visited_in_order(void **state)
{
    char why[200];
    GString *needs = g_string_new(NULL);
    struct template *template =
        template_parse("{uid}x{dn.cn|lower}{group.cn}{group.dn.ou}", why, sizeof why);

    (void)state;
    template_needs(template, visit, needs);
    assert_string_equal(needs->str, "1 uid,2 cn,3 cn,4 ou,");
    g_string_free(needs, TRUE);
    template_free(template);
}

static bool nul_value(void *context, enum template_from from, const char *attribute,
                      const char **bytes, size_t *len)
{
    static const char value[] = {'A', '\0', 'B'};

    (void)context;
    (void)from;
    (void)attribute;
    *bytes = value;
    *len = sizeof value;
    return true;
}

/* So that the guard of names sees them: a text that ended there would be another name. */
static void nul_bytes_are_carried_through(void **state)
{
    char why[200], text[100];
    GString *out = g_string_new(NULL);
    struct template *template;
    const char *missing;

    (void)state;
    g_snprintf(text, sizeof text, "{uid|lower|map:%s}", map_path);
    template = template_parse(text, why, sizeof why);
    assert_true(template_expand(template, nul_value, NULL, out, &missing));
    assert_int_equal(out->len, 3);
    assert_memory_equal(out->str, "a\0b", 3);
    g_string_free(out, TRUE);
    template_free(template);
}

static void maps_are_read_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"a,b\na,c\n", "line 2 maps \"a\" a second time"},
        {"a\n", "line 1 is not OLD,NEW"},
        {",b\n", "line 1 is not OLD,NEW"},
        {"# a\n\na,\n", "line 3 is not OLD,NEW"},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char path[] = "/tmp/pgsignet-map.XXXXXX", why[300] = "", text[100];
        int fd = mkstemp(path);

        assert_true(write(fd, rows[i].text, strlen(rows[i].text)) > 0);
        close(fd);
        g_snprintf(text, sizeof text, "{uid|map:%s}", path);
        assert_null(template_parse(text, why, sizeof why));
        unlink(path);
        if (strstr(why, rows[i].why) == NULL)
            fail_msg("wanted \"%s\", got \"%s\"", rows[i].why, why);
    }
}

static void a_pipe_is_no_map_and_is_not_waited_for(void **state)
{
    char path[] = "/tmp/pgsignet-map.XXXXXX", why[300] = "", text[100];

    (void)state;
    close(mkstemp(path));
    unlink(path);
    assert_return_code(mkfifo(path, 0600), errno);
    g_snprintf(text, sizeof text, "{uid|map:%s}", path);
    assert_null(template_parse(text, why, sizeof why));
    unlink(path);
    assert_non_null(strstr(why, "regular file"));
}

static int make_map(void **state)
{
    static const char text[] = "\xef\xbb\xbf# people\n\nAlice,a.l\r\nalice.dn,x\nA, B,ab\n";
    int fd = mkstemp(map_path);

    (void)state;
    return fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) != 0;
}

static int remove_map(void **state)
{
    (void)state;
    return unlink(map_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_out_as_written),
        cmocka_unit_test(what_is_no_template_is_refused_by_a_sentence),
        cmocka_unit_test(needs_are_visited_in_order),
        cmocka_unit_test(nul_bytes_are_carried_through),
        cmocka_unit_test(maps_are_read_whole_or_not_at_all),
        cmocka_unit_test(a_pipe_is_no_map_and_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, make_map, remove_map);
}
