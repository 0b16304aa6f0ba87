#include "config.h"

#include "tests/unit/decide_fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct decide_fakes fake;
int dummy;

static void note(const char *call)
{
    size_t used = strlen(fake.calls);

    snprintf(fake.calls + used, sizeof fake.calls - used, "%s%s", used > 0 ? " " : "", call);
}

enum reason mfa_attempt(struct mfa *mfa, const struct mfa_attempt *attempt, int64_t deadline_ms,
                        struct mfa_outcome *outcome)
{
    (void)mfa;
    (void)deadline_ms;
    note("code");
    fake.code_due = attempt->code_due;
    fake.whole_is_code = attempt->whole_is_code;
    enum reason reason = fake.code_is_used && attempt->code_due ? REASON_CODE_USED : fake.code;
    *outcome = (struct mfa_outcome){.reason = reason, .user_known = !fake.nobody, .enrolled = !fake.nobody,
                                    .user_hash = "5a", .success_is_noted = fake.noted};
    outcome->glass = fake.glass;
    if (reason != REASON_GRANTED)
        return reason;
    if (fake.glass == MFA_GLASS_ARMED) {
        outcome->means = MFA_BY_BREAK_GLASS;
        return REASON_GRANTED;
    }
    outcome->password_length = attempt->secret.len;
    if (attempt->code_due) {
        outcome->password_length -= 6;
        outcome->burn = (struct mfa_burn){.token = 7, .step = 100, .previous = 90};
    }
    return REASON_GRANTED;
}

bool mfa_give_back(struct mfa *mfa, const struct mfa_burn *burn, int64_t deadline_ms)
{
    (void)mfa;
    (void)deadline_ms;
    assert_int_equal(burn->token, 7);
    assert_int_equal(burn->previous, 90);
    note("give-back");
    return true;
}

bool mfa_count_failure(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    (void)mfa;
    (void)user;
    (void)address;
    (void)now_ms;
    (void)deadline_ms;
    note("failure");
    return fake.counts;
}

bool mfa_count_success(struct mfa *mfa, struct bytes user, struct bytes address, int64_t now_ms,
                       int64_t deadline_ms)
{
    (void)mfa;
    (void)user;
    (void)address;
    (void)now_ms;
    (void)deadline_ms;
    note("success");
    return true;
}

enum reason directory_find(struct directory *directory, struct bytes user, int64_t deadline_ms,
                           struct directory_entry **out)
{
    (void)directory;
    (void)user;
    (void)deadline_ms;
    note("find");
    *out = fake.find == REASON_GRANTED ? (struct directory_entry *)&dummy : NULL;
    return fake.find;
}

void directory_entry_free(struct directory_entry *entry)
{
    (void)entry;
}

enum reason directory_check_password(struct directory *directory,
                                     const struct directory_entry *entry, struct bytes password,
                                     int64_t deadline_ms)
{
    (void)directory;
    (void)deadline_ms;
    note("bind");
    fake.entry_was_null = entry == NULL;
    snprintf(fake.password_seen, sizeof fake.password_seen, "%.*s", (int)password.len,
             (const char *)password.ptr);
    return entry == NULL ? REASON_PASSWORD_WRONG : fake.password;
}

bool directory_password_sent(const struct directory *directory)
{
    (void)directory;
    return fake.sent;
}

enum reason directory_account(const struct directory_entry *entry, int64_t now_s,
                              bool password_was_checked)
{
    (void)now_s;
    assert_non_null(entry);
    note("account");
    fake.by_bind = password_was_checked;
    return fake.account;
}

enum reason directory_groups(struct directory *directory, const struct directory_entry *entry,
                             const struct settings_strings *require,
                             const struct settings_strings *deny, int64_t deadline_ms,
                             char **matched)
{
    (void)directory;
    (void)require;
    (void)deny;
    (void)deadline_ms;
    assert_non_null(entry);
    note("groups");
    *matched = strdup("cn=dba");
    return fake.groups;
}

enum reason role_read(struct role_source *source, struct bytes name, bool with_verifier,
                      int64_t deadline_ms, struct role *role)
{
    (void)source;
    (void)name;
    (void)deadline_ms;
    note(with_verifier ? "verifier" : "role");
    *role = (struct role){.exists = fake.role_exists, .superuser = fake.superuser};
    if (fake.verifier)
        strcpy(role->verifier, "SCRAM-SHA-256$...");
    return fake.read;
}

enum reason role_judge(const struct role *role, int64_t now_s)
{
    (void)role;
    (void)now_s;
    note("judge");
    return fake.role;
}

enum scram_result scram_check(const char *verifier, struct bytes password)
{
    (void)verifier;
    (void)password;
    note("scram");
    return fake.scram;
}

void scram_spend(struct bytes password)
{
    (void)password;
    note("spend");
}
