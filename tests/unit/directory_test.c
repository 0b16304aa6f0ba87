/* What account attributes and answers to a bind mean; and the guard's steps. */
#include "config.h"

#include "common/clock.h"
#include "common/directory.h"
#include "common/directory_entry.h"
#include "common/directory_password.h"
#include "common/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1800000000 /* 2027-01-15, day 20833 of 1970 */

static const struct {
    enum directory_account_attribute attribute;
    const char *value;
    enum reason checked, unchecked; /* with and without the password */
} accounts[] = {
    {ACCOUNT_USER_CONTROL,          "512",                    REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_USER_CONTROL,          "514",                    REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_USER_CONTROL,          "-2147483136",            REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_USER_CONTROL,          "",                       REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_USER_CONTROL,          "0x200",                  REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_USER_CONTROL,          "99999999999",            REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_USER_CONTROL_COMPUTED, "0",                      REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_USER_CONTROL_COMPUTED, "16",                     REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_USER_CONTROL_COMPUTED, "x",                      REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_LOCKOUT_TIME,          "0",                      REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_LOCKOUT_TIME,          "133000000000000000",     REASON_GRANTED,          REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_LOCKOUT_TIME,          "-1",                     REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_EXPIRES,               "0",                      REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_EXPIRES,               "9223372036854775807",    REASON_GRANTED,          REASON_GRANTED         },
 /* (NOW + 11644473600) * 10^7, and one second more */
    {ACCOUNT_EXPIRES,               "134444736000000000",     REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_EXPIRES,               "134444736010000000",     REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_EXPIRES,               "9223372036854775808",    REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_EXPIRES,               "-1",                     REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_EXPIRES,               "never",                  REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_UNLOCK_TIME,            "20270115080000Z",        REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_UNLOCK_TIME,            "20270115080001Z",        REASON_GRANTED,          REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_UNLOCK_TIME,            "19700101000000Z",        REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_UNLOCK_TIME,            "20271315080000Z",        REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_UNLOCK_TIME,            "2027 115080000Z",        REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_UNLOCK_TIME,            "",                       REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_NS_LOCK,               "TRUE",                   REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_NS_LOCK,               "true",                   REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_NS_LOCK,               "false",                  REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_NS_LOCK,               "",                       REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
    {ACCOUNT_SHADOW_EXPIRE,         "",                       REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_SHADOW_EXPIRE,         "-1",                     REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_SHADOW_EXPIRE,         "20832",                  REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_SHADOW_EXPIRE,         "20833",                  REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_SHADOW_EXPIRE,         "20834",                  REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_SHADOW_EXPIRE,         "0",                      REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_SHADOW_EXPIRE,         "-2",                     REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_SHADOW_EXPIRE,         "20834 ",                 REASON_ACCOUNT_EXPIRED,  REASON_ACCOUNT_EXPIRED },
    {ACCOUNT_PWD_LOCKED_TIME,       "000001010000Z",          REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_LOCKED_TIME,       "20270115080000Z",        REASON_GRANTED,          REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_LOCKED_TIME,       "20270115080000.123456Z", REASON_GRANTED,          REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_LOCKED_TIME,       "20270115080000.Z",       REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_LOCKED_TIME,       "soon",                   REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_LOCKED_TIME,       "",                       REASON_ACCOUNT_LOCKED,   REASON_ACCOUNT_LOCKED  },
    {ACCOUNT_PWD_RESET,             "TRUE",                   REASON_GRANTED,          REASON_GRANTED         },
    {ACCOUNT_PWD_RESET,             "maybe",                  REASON_ACCOUNT_DISABLED, REASON_ACCOUNT_DISABLED},
};

static void set(struct directory_entry *entry, enum directory_account_attribute attribute,
                const char *value)
{
    struct directory_value *to = &entry->account[attribute];

    to->present = true;
    snprintf(to->text, sizeof to->text, "%s", value);
}

static void account_attributes_are_judged(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof accounts / sizeof accounts[0]; i++) {
        struct directory_entry entry = {0};

        set(&entry, accounts[i].attribute, accounts[i].value);
        if (directory_account(&entry, NOW, true) != accounts[i].checked ||
            directory_account(&entry, NOW, false) != accounts[i].unchecked)
            fail_msg("attribute %d, value \"%s\": %s, %s", accounts[i].attribute, accounts[i].value,
                     reason_name(directory_account(&entry, NOW, true)),
                     reason_name(directory_account(&entry, NOW, false)));
    }
}

static void an_entry_without_account_attributes_is_granted(void **state)
{
    struct directory_entry entry = {0};

    (void)state;
    assert_int_equal(directory_account(&entry, NOW, false), REASON_GRANTED);
}

static void a_damaged_value_of_any_attribute_denies(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < ACCOUNT_ATTRIBUTES; i++) {
        struct directory_entry entry = {0};

        entry.account[i] = (struct directory_value){.present = true, .damaged = true};
        assert_int_equal(reason_verdict(directory_account(&entry, NOW, true)), VERDICT_DENIED);
    }
}

static void the_computed_attribute_ends_an_old_lockout(void **state)
{
    struct directory_entry entry = {0};

    (void)state;
    set(&entry, ACCOUNT_LOCKOUT_TIME, "133000000000000000");
    set(&entry, ACCOUNT_USER_CONTROL_COMPUTED, "0");
    assert_int_equal(directory_account(&entry, NOW, false), REASON_GRANTED);
    /* ... and nothing else is taken for checked by it. */
    set(&entry, ACCOUNT_PWD_LOCKED_TIME, "20270115080000Z");
    assert_int_equal(directory_account(&entry, NOW, false), REASON_ACCOUNT_LOCKED);
}

#define AD(data)                                                                                   \
    "80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data " data ", v1db1"

static const struct {
    struct ldapc_bind_answer answer;
    enum reason reason;
} binds[] = {
    {{.code = 0, .policy_error = PP_noError},                                          REASON_GRANTED             },
    {{.code = 0, .policy = true, .policy_error = PP_noError},                          REASON_GRANTED             },
    {{.code = 0, .policy = true, .policy_error = PP_changeAfterReset},                 REASON_PASSWORD_MUST_CHANGE},
    {{.code = 0, .policy = true, .policy_error = PP_passwordExpired},                  REASON_PASSWORD_MUST_CHANGE},
    {{.code = 0, .policy = true, .policy_error = PP_accountLocked},                    REASON_ACCOUNT_LOCKED      },
    {{.code = 0, .policy = true, .policy_error = PP_passwordTooShort},                 REASON_DIRECTORY_ANSWER    },
    {{.code = 0, .policy = true, .policy_damaged = true, .policy_error = PP_noError},
     REASON_DIRECTORY_ANSWER                                                                                      },
    {{.code = 0, .expired_netscape = true, .policy_error = PP_noError},
     REASON_PASSWORD_MUST_CHANGE                                                                                  },
    {{.code = 49, .policy_error = PP_noError},                                         REASON_PASSWORD_WRONG      },
    {{.code = 49, .policy = true, .policy_error = PP_accountLocked},                   REASON_ACCOUNT_LOCKED      },
    {{.code = 49, .policy = true, .policy_error = PP_passwordExpired},                 REASON_PASSWORD_MUST_CHANGE},
    {{.code = 49, .policy = true, .policy_damaged = true},                             REASON_PASSWORD_WRONG      },
    {{.code = 49, .diagnostic = AD("52e"), .policy_error = PP_noError},                REASON_PASSWORD_WRONG      },
    {{.code = 49, .diagnostic = AD("525"), .policy_error = PP_noError},                REASON_PASSWORD_WRONG      },
    {{.code = 49, .diagnostic = AD("532"), .policy_error = PP_noError},
     REASON_PASSWORD_MUST_CHANGE                                                                                  },
    {{.code = 49, .diagnostic = AD("533"), .policy_error = PP_noError},                REASON_ACCOUNT_DISABLED    },
    {{.code = 49, .diagnostic = AD("701"), .policy_error = PP_noError},                REASON_ACCOUNT_EXPIRED     },
    {{.code = 49, .diagnostic = AD("773"), .policy_error = PP_noError},
     REASON_PASSWORD_MUST_CHANGE                                                                                  },
    {{.code = 49, .diagnostic = AD("775"), .policy_error = PP_noError},                REASON_ACCOUNT_LOCKED      },
    {{.code = 49, .diagnostic = AD("7750"), .policy_error = PP_noError},               REASON_PASSWORD_WRONG      },
    {{.code = 49, .diagnostic = "data 775", .policy_error = PP_noError},               REASON_PASSWORD_WRONG      },
    {{.code = 19, .policy_error = PP_noError},                                         REASON_ACCOUNT_LOCKED      },
    {{.code = 53, .diagnostic = "Account inactivated. Contact system administrator."},
     REASON_ACCOUNT_DISABLED                                                                                      },
    {{.code = 53},                                                                     REASON_PASSWORD_WRONG      },
    {{.code = 50},                                                                     REASON_PASSWORD_WRONG      },
    {{.code = 48},                                                                     REASON_PASSWORD_WRONG      },
    {{.code = 32},                                                                     REASON_PASSWORD_WRONG      },
    {{.code = 8},                                                                      REASON_DIRECTORY_ANSWER    }, /* strongerAuthRequired */
    {{.code = 10},                                                                     REASON_DIRECTORY_ANSWER    }, /* referral */
    {{.code = 14},                                                                     REASON_DIRECTORY_ANSWER    }, /* saslBindInProgress */
    {{.code = 80},                                                                     REASON_DIRECTORY_ANSWER    },
    {{.code = -1},                                                                     REASON_DIRECTORY_ANSWER    },
    {{.code = 12345},                                                                  REASON_DIRECTORY_ANSWER    },
};

static void answers_to_a_bind_are_judged(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof binds / sizeof binds[0]; i++)
        if (directory_judge_bind(&binds[i].answer) != binds[i].reason)
            fail_msg("row %zu: code %d, \"%s\": %s", i, binds[i].answer.code,
                     binds[i].answer.diagnostic,
                     reason_name(directory_judge_bind(&binds[i].answer)));
}

static char *no_servers[] = {NULL};
static const struct settings_ldap no_server = {.uris = {.at = no_servers},
                                               .user_base = (char[]){"dc=x"},
                                               .user_filter = (char[]){"(uid=%u)"},
                                               .user_name = (char[]){"uid"},
                                               .timeout = 1};

static void nothing_is_sent_for_empty_passwords_and_impossible_names(void **state)
{
    struct directory *directory = directory_new(&no_server, NULL);
    struct directory_entry entry = {.dn = (char[]){""}}, *found;
    int64_t deadline = clock_mono_ms() + 60000;

    (void)state;
    assert_int_equal(directory_check_password(directory, &entry, bytes_str(""), deadline),
                     REASON_PASSWORD_EMPTY);
    assert_int_equal(directory_check_password(directory, &entry, bytes_str("x"), deadline),
                     REASON_INTERNAL);
    assert_int_equal(directory_find(directory, bytes_str(""), deadline, &found), REASON_NO_ENTRY);
    assert_int_equal(directory_find(directory, bytes_of("a\0b", 3), deadline, &found),
                     REASON_NO_ENTRY);
    assert_int_equal(directory_find(directory, bytes_str("a"), deadline, &found),
                     REASON_DIRECTORY_UNAVAILABLE);
    assert_int_equal(directory_find(directory, bytes_str("a"), clock_mono_ms(), &found),
                     REASON_DEADLINE);
    assert_string_not_equal(directory_error(directory), "");
    directory_free(directory);
}

static void no_group_asked_for_asks_nobody(void **state)
{
    struct directory *directory = directory_new(&no_server, NULL);
    struct directory_entry entry = {.dn = (char[]){"uid=a,dc=x"}};
    struct settings_strings none = {0};
    char *matched;

    (void)state;
    assert_int_equal(directory_groups(directory, &entry, &none, &none, 0, &matched),
                     REASON_GRANTED);
    assert_null(matched);
    directory_free(directory);
}

/* memberOf needs no server either, so its rules can be tried here. */
static void groups_of_memberof_are_judged_without_a_search(void **state)
{
    struct settings_ldap settings = no_server;
    struct directory *directory = directory_new(&settings, NULL);
    char *member_of[] = {(char[]){"cn=DBA,dc=x"}}, *dba[] = {(char[]){"cn=dba,dc=x"}},
         *other[] = {(char[]){"cn=other,dc=x"}}, *bad[] = {(char[]){"dba"}}, *matched;
    struct directory_entry entry = {
        .dn = (char[]){"uid=a,dc=x"}, .member_of = member_of, .n_member_of = 1};
    struct settings_strings none = {0}, in = {dba, 1}, out = {other, 1}, odd = {bad, 1};

    (void)state;
    settings.membership = MEMBERSHIP_MEMBEROF;
    assert_int_equal(directory_groups(directory, &entry, &in, &out, 0, &matched), REASON_GRANTED);
    assert_string_equal(matched, "cn=dba,dc=x");
    free(matched);
    assert_int_equal(directory_groups(directory, &entry, &out, &in, 0, &matched),
                     REASON_IN_DENIED_GROUP);
    assert_string_equal(matched, "cn=dba,dc=x");
    free(matched);
    assert_int_equal(directory_groups(directory, &entry, &out, &none, 0, &matched),
                     REASON_NOT_IN_GROUP);
    assert_int_equal(directory_groups(directory, &entry, &none, &out, 0, &matched), REASON_GRANTED);
    assert_null(matched);
    assert_int_equal(directory_groups(directory, &entry, &none, &odd, 0, &matched),
                     REASON_DIRECTORY_ANSWER);
    entry.member_of_partial = true;
    assert_int_equal(directory_groups(directory, &entry, &in, &none, 0, &matched),
                     REASON_DIRECTORY_ANSWER);
    directory_free(directory);
}

static const struct {
    const char *sid; /* in hexadecimal digits */
    const char *rid, *base;
} primaries[] = {
    {"010500000000000515000000e94b7918a8a21513d7e2a7a950040000", "513",
     "<SID=S-1-5-21-410602473-320185000-2846352087-513>"},
    {"01020000000000052000000021020000", "4294967295", "<SID=S-1-5-32-4294967295>"},
    {"01020000000000052000000021020000", "4294967296", ""},
    {"01020000000000052000000021020000", "0", ""},
    {"01020000000000052000000021020000", "-1", ""},
    {"01020000000000052000000021020000", "", ""},
    {"0102000000000005200000002102000000", "545", ""},
    {"010200000000000520000000210200", "545", ""},
    {"02020000000000052000000021020000", "545", ""},
    {"0100000000000005", "545", ""},
    {"0101ffffffffffff01000000", "7", "<SID=S-1-281474976710655-7>"},
    {"", "513", ""},
};

static void an_ad_primary_group_is_named_by_its_sid(void **state)
{
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof primaries / sizeof primaries[0]; i++) {
        struct directory_entry entry = {0};
        uint8_t sid[80];
        unsigned byte;

        for (n = 0; sscanf(primaries[i].sid + 2 * n, "%2x", &byte) == 1; n++)
            sid[n] = (uint8_t)byte;
        directory_primary_base(&entry, bytes_of(sid, n), bytes_str(primaries[i].rid));
        assert_true(entry.has_primary);
        assert_string_equal(entry.primary_base, primaries[i].base);
    }
}

/* The longest there is: fifteen numbers of ten digits. */
static void the_longest_sid_fits(void **state)
{
    struct directory_entry entry = {0};
    uint8_t sid[8 + 15 * 4 + 4];
    const char *end;

    (void)state;
    memset(sid, 0xff, sizeof sid);
    sid[0] = 1;
    sid[1] = 15;
    directory_primary_base(&entry, bytes_of(sid, 8 + 15 * 4), bytes_str("4294967295"));
    end = strrchr(entry.primary_base, '-');
    assert_non_null(end);
    assert_string_equal(end, "-4294967295>");
    sid[1] = 16;
    directory_primary_base(&entry, bytes_of(sid, sizeof sid), bytes_str("4294967295"));
    assert_string_equal(entry.primary_base, "");
}

static void a_primary_group_that_cannot_be_told_is_no_clean_bill(void **state)
{
    struct settings_ldap settings = no_server;
    struct directory *directory = directory_new(&settings, NULL);
    char *member_of[] = {(char[]){"cn=dba,dc=x"}}, *dba[] = {(char[]){"cn=dba,dc=x"}},
         *other[] = {(char[]){"cn=other,dc=x"}}, *matched;
    struct directory_entry entry = {.dn = (char[]){"cn=a,dc=x"},
                                    .member_of = member_of,
                                    .n_member_of = 1,
                                    .has_primary = true};
    struct settings_strings none = {0}, in = {dba, 1}, out = {other, 1};

    (void)state;
    settings.membership = MEMBERSHIP_MEMBEROF;
    assert_int_equal(directory_groups(directory, &entry, &in, &none, 0, &matched), REASON_GRANTED);
    free(matched);
    assert_int_equal(directory_groups(directory, &entry, &out, &none, 0, &matched),
                     REASON_NOT_IN_GROUP);
    assert_int_equal(directory_groups(directory, &entry, &none, &in, 0, &matched),
                     REASON_IN_DENIED_GROUP);
    free(matched);
    assert_int_equal(directory_groups(directory, &entry, &in, &out, 0, &matched),
                     REASON_DIRECTORY_ANSWER);
    directory_free(directory);
}

/* Blocks until the guard shuts the socket down; the limit of the test is the guard's own. */
static void wait_for_end(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char byte;

    while (poll(&poll_fd, 1, -1) < 0)
        ;
    assert_int_equal(read(fd, &byte, 1), 0);
}

static void a_step_of_the_guard_ends_early_and_gives_the_deadline_back(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    guard_arm(clock_mono_ms() + 60000);
    guard_watch(fds[0]);
    guard_step(clock_mono_ms() + 20);
    wait_for_end(fds[0]);
    assert_true(guard_step_end());
    /* The step's own end is forgotten, the guard's is still far away. */
    assert_false(guard_disarm());
    guard_watch(-1);
    close(fds[0]);
    close(fds[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    guard_arm(clock_mono_ms() + 20);
    guard_watch(fds[0]);
    guard_step(clock_mono_ms() + 60000);
    wait_for_end(fds[0]);
    assert_true(guard_step_end());
    assert_true(guard_disarm());
    guard_watch(-1);
    close(fds[0]);
    close(fds[1]);

    guard_step(clock_mono_ms() + 60000);
    assert_false(guard_step_end());
    assert_false(guard_disarm());
}

static void a_process_that_stays_in_a_step_is_ended(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        guard_step(clock_mono_ms());
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GUARD_EXIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_attributes_are_judged),
        cmocka_unit_test(an_entry_without_account_attributes_is_granted),
        cmocka_unit_test(a_damaged_value_of_any_attribute_denies),
        cmocka_unit_test(the_computed_attribute_ends_an_old_lockout),
        cmocka_unit_test(answers_to_a_bind_are_judged),
        cmocka_unit_test(nothing_is_sent_for_empty_passwords_and_impossible_names),
        cmocka_unit_test(no_group_asked_for_asks_nobody),
        cmocka_unit_test(groups_of_memberof_are_judged_without_a_search),
        cmocka_unit_test(an_ad_primary_group_is_named_by_its_sid),
        cmocka_unit_test(the_longest_sid_fits),
        cmocka_unit_test(a_primary_group_that_cannot_be_told_is_no_clean_bill),
        cmocka_unit_test(a_step_of_the_guard_ends_early_and_gives_the_deadline_back),
        cmocka_unit_test(a_process_that_stays_in_a_step_is_ended),
    };

    return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
