/* Who is changed in which transaction, when the server has no room for all the locks. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ldap_sync/apply_turns.h"

#define V15 150000
#define V16 160000

static const struct change changes[] = {
    {.kind = CHANGE_LOCK, .role = "zoe"},     {.kind = CHANGE_REVOKE, .role = "yan"},
    {.kind = CHANGE_CREATE, .role = "ann"},   {.kind = CHANGE_CREATE, .role = "bob"},
    {.kind = CHANGE_CREATE, .role = "cyd"},   {.kind = CHANGE_SET, .role = "ann"},
    {.kind = CHANGE_COMMENT, .role = "ann"},  {.kind = CHANGE_COMMENT, .role = "bob"},
    {.kind = CHANGE_COMMENT, .role = "yan"},  {.kind = CHANGE_COMMENT, .role = "zoe"},
    {.kind = CHANGE_GRANT, .role = "dan"},    {.kind = CHANGE_GRANT, .role = "cyd"},
    {.kind = CHANGE_TERMINATE, .role = "zoe"}};

/* The turns as text: "ann0 bob1 ...". */
static void expect(int version, size_t most, const char *wanted)
{
    static const char *const names[] = {"ann", "bob", "cyd", "dan", "yan", "zoe"};
    GHashTable *known = g_hash_table_new(g_str_hash, g_str_equal);
    GArray *array = g_array_new(FALSE, FALSE, sizeof(struct change));
    struct plan plan = {.changes = array};
    GString *got = g_string_new(NULL);
    struct turns turns;

    /* Equal names are equal pointers, whatever the compiler made of the texts. */
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_hash_table_add(known, (gpointer)(uintptr_t)names[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        struct change change = changes[i];
        change.role = g_hash_table_lookup(known, change.role);
        g_array_append_val(array, change);
    }
    turns_make(&plan, version, most, &turns);
    g_string_append_printf(got, "%zu:", turns.n);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_string_append_printf(got, " %s%zu", names[i], turns_of(&turns, names[i]));
    assert_string_equal(got->str, wanted);
    turns_clear(&turns);
    g_string_free(got, TRUE);
    g_array_unref(array);
    g_hash_table_unref(known);
}

static void test_what_fits_is_one_transaction(void **state)
{
    (void)state;
    expect(V15, 1000, "1: ann0 bob0 cyd0 dan0 yan0 zoe0");
    expect(V15, 4, "1: ann0 bob0 cyd0 dan0 yan0 zoe0");
    expect(V16, 5, "1: ann0 bob0 cyd0 dan0 yan0 zoe0");
}

static void test_who_loses_something_is_first_and_who_locks_nothing_with_them(void **state)
{
    (void)state;
    expect(V15, 2, "2: ann1 bob1 cyd0 dan0 yan0 zoe0");
    expect(V15, 3, "2: ann0 bob1 cyd0 dan0 yan0 zoe0");
    expect(V15, 1, "4: ann2 bob3 cyd0 dan0 yan1 zoe0");
}

static void test_from_16_on_who_is_created_is_locked(void **state)
{
    (void)state;
    expect(V16, 4, "2: ann0 bob0 cyd1 dan0 yan0 zoe0");
    expect(V16, 2, "3: ann1 bob1 cyd2 dan0 yan0 zoe0");
}

static void test_an_empty_plan_has_one_turn(void **state)
{
    struct plan plan = {.changes = g_array_new(FALSE, FALSE, sizeof(struct change))};
    struct turns turns;

    (void)state;
    turns_make(&plan, V16, 1, &turns);
    assert_int_equal(turns.n, 1);
    turns_clear(&turns);
    g_array_unref(plan.changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_is_one_transaction),
        cmocka_unit_test(test_who_loses_something_is_first_and_who_locks_nothing_with_them),
        cmocka_unit_test(test_from_16_on_who_is_created_is_locked),
        cmocka_unit_test(test_an_empty_plan_has_one_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
