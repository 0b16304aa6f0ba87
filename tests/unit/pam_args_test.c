/* The words behind pam_pgsignet.so: defaults, and that what is returned points where it says. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pam_module/args.h"
#include "pam_module/outcome.h"
#include "pam_module/prompt.h"

static void defaults(void **state)
{
    struct module_args args;
    struct module_args_fault fault;
    (void)state;

    assert_true(module_args_parse(0, NULL, &args, &fault));
    assert_string_equal(args.socket, RUNSTATEDIR "/pgsignet/pgsignet.sock");
    assert_string_equal(args.policy, "");
    assert_int_equal(args.timeout, 10);
    assert_false(args.use_first_pass || args.try_first_pass || args.debug);
}

static void all_together(void **state)
{
    static const char *const words[] = {"debug", "try_first_pass", "timeout=50", "policy=a=b",
                                        "socket=/x"};
    struct module_args args;
    struct module_args_fault fault;
    (void)state;

    assert_true(module_args_parse(5, words, &args, &fault));
    assert_string_equal(args.socket, "/x");
    assert_string_equal(args.policy, "a=b");
    assert_int_equal(args.timeout, 50);
    assert_true(args.try_first_pass && args.debug && !args.use_first_pass);
}

static void first_fault_is_named(void **state)
{
    static const char *const words[] = {"debug", "timeout=x", "what"};
    struct module_args args;
    struct module_args_fault fault;
    (void)state;

    assert_false(module_args_parse(3, words, &args, &fault));
    assert_ptr_equal(fault.argument, words[1]);
    assert_non_null(fault.problem);
}

static void blanks_and_control_bytes_in_a_policy(void **state)
{
    static const char *const words[] = {"policy=a b", "policy=a\nb", "policy=\x7f"};
    struct module_args args;
    struct module_args_fault fault;
    (void)state;

    for (size_t i = 0; i < 3; i++)
        assert_false(module_args_parse(1, words + i, &args, &fault));
}

static void secret_with_a_nul_inside(void **state)
{
    (void)state;
    assert_false(module_secret_is_sound(bytes_of("a\0b", 3)));
    assert_true(module_secret_is_sound(bytes_of("a b", 3)));
    assert_false(module_secret_is_sound(bytes_of(NULL, 0)));
}

static void only_granted_is_success(void **state)
{
    (void)state;
    for (int verdict = 0; verdict < 512; verdict++) {
        int expected = verdict == VERDICT_GRANTED ? PAM_SUCCESS : -1;

        for (int kind = WIRE_AUTHENTICATE; kind <= WIRE_ACCOUNT; kind++) {
            int code = module_verdict_code((enum wire_kind)kind, (enum verdict)verdict);

            assert_true(expected == PAM_SUCCESS ? code == PAM_SUCCESS : code != PAM_SUCCESS);
        }
    }
    for (int ending = EXCHANGE_DONE; ending <= EXCHANGE_COUNT; ending++) {
        assert_int_not_equal(module_exchange_code((enum exchange)ending), PAM_SUCCESS);
        assert_int_not_equal(module_exchange_code((enum exchange)ending), PAM_IGNORE);
        assert_non_null(exchange_what((enum exchange)ending));
        assert_non_null(exchange_advice((enum exchange)ending));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_together),
        cmocka_unit_test(first_fault_is_named),
        cmocka_unit_test(blanks_and_control_bytes_in_a_policy),
        cmocka_unit_test(secret_with_a_nul_inside),
        cmocka_unit_test(only_granted_is_success),
    };
    return cmocka_run_group_tests_name("pam_args", tests, NULL, NULL);
}
