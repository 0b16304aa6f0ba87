/*
 * pki_deploy_test.c - the lines of pg_hba.conf and pg_ident.conf.  That PostgreSQL reads them as they are meant is proved
 * by tests/integration/pki_postgres.sh.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pki/deploy.h"

static void expect_ident(const char *role, const char *line)
{
    char *dn = deploy_dn_of_name(role);
    GString *out = g_string_new(NULL);

    deploy_ident(dn, role, out);
    assert_string_equal(out->str, line);
    g_string_free(out, TRUE);
    g_free(dn);
}

static void a_subject_is_matched_whole(void **state)
{
    (void)state;
    expect_ident("app", "pgsignet  \"/^CN=app$\"  \"app\"\n");
    expect_ident("a.b*c", "pgsignet  \"/^CN=a\\.b\\*c$\"  \"a.b*c\"\n");
    /* What RFC 2253 escapes, an expression has to escape once more. */
    expect_ident("a,b", "pgsignet  \"/^CN=a\\\\,b$\"  \"a,b\"\n");
    expect_ident("\xc3\xbc", "pgsignet  \"/^CN=\\\\C3\\\\BC$\"  \"\xc3\xbc\"\n");
}

static void quotation_marks_are_doubled(void **state)
{
    (void)state;
    expect_ident("say \"hi\"",
                 "pgsignet  \"/^CN=say \\\\\\\"\"hi\\\\\\\"\"$\"  \"say \"\"hi\"\"\"\n");
}

static void a_role_with_a_back_reference_gets_no_expression(void **state)
{
    (void)state;
    expect_ident("x\\1", "pgsignet  \"CN=x\\\\1\"  \"x\\1\"\n");
}

static void a_long_expression_becomes_a_text(void **state)
{
    (void)state;
    GString *long_role = g_string_new(NULL), *escaped = g_string_new(NULL);
    char *line;

    GString *quoted = g_string_new(NULL);

    for (int i = 0; i < 63; i++) {
        g_string_append(long_role, "\"");
        g_string_append(escaped, "\\\"\"");
        g_string_append(quoted, "\"\"");
    }
    line = g_strdup_printf("pgsignet  \"CN=%s\"  \"%s\"\n", escaped->str, quoted->str);
    g_string_free(quoted, TRUE);
    expect_ident(long_role->str, line);
    g_free(line);
    g_string_free(long_role, TRUE);
    g_string_free(escaped, TRUE);
}

static void the_line_for_all_takes_one_plain_cn(void **state)
{
    (void)state;
    GString *out = g_string_new(NULL);

    deploy_ident(NULL, NULL, out);
    assert_string_equal(out->str, "pgsignet  \"/^CN=([^,+\\\\]+)$\"  \"\\1\"\n");
    g_string_free(out, TRUE);
    assert_true(deploy_dn_is_plain("CN=app", "app"));
    assert_false(deploy_dn_is_plain("CN=app", "App"));
    assert_false(deploy_dn_is_plain("CN=app,O=x", "app"));
    assert_false(deploy_dn_is_plain("CN=\\C3\\BC", "\xc3\xbc"));
    assert_false(deploy_dn_is_plain("O=app", "app"));
}

static void hba_lines_name_the_role_in_quotation_marks(void **state)
{
    (void)state;
    GString *out = g_string_new(NULL);

    deploy_hba("all", false, out);
    deploy_hba("+x\"y", true, out);
    deploy_hba(NULL, false, out);
    assert_string_equal(
        out->str,
        "hostssl  all  \"all\"  all  cert  clientname=DN map=pgsignet\n"
        "hostssl  all  \"+x\"\"y\"  all  pam  pamservice=pgsignet clientcert=verify-full\n"
        "hostssl  all  all  all  cert  clientname=DN map=pgsignet\n");
    g_string_free(out, TRUE);
}

static void what_no_line_can_hold_is_refused(void **state)
{
    (void)state;
    assert_non_null(deploy_role_fault(""));
    assert_non_null(deploy_role_fault("a\nhost all all all trust"));
    assert_non_null(deploy_role_fault("a\r"));
    assert_non_null(deploy_role_fault("/app"));
    assert_null(deploy_role_fault("@app"));
    assert_null(deploy_dn_of_name("\xe9")); /* no UTF-8: no certificate either */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_is_matched_whole),
        cmocka_unit_test(quotation_marks_are_doubled),
        cmocka_unit_test(a_role_with_a_back_reference_gets_no_expression),
        cmocka_unit_test(a_long_expression_becomes_a_text),
        cmocka_unit_test(the_line_for_all_takes_one_plain_cn),
        cmocka_unit_test(hba_lines_name_the_role_in_quotation_marks),
        cmocka_unit_test(what_no_line_can_hold_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
