#include "config.h"

#include "common/directory_password.h"

#include "common/directory_entry.h"
#include "common/directory_link.h"
#include "common/ldap_escape.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* AD's reasons inside result 49: "... AcceptSecurityContext error, data 775, v4563". */
static const struct {
    const char *code;
    enum reason reason;
} active_directory[] = {
    {"530", REASON_ACCOUNT_DISABLED    }, /* not at this time */
    {"531", REASON_ACCOUNT_DISABLED    }, /* not from this machine */
    {"532", REASON_PASSWORD_MUST_CHANGE}, /* password expired */
    {"533", REASON_ACCOUNT_DISABLED    },
    {"701", REASON_ACCOUNT_EXPIRED     },
    {"773", REASON_PASSWORD_MUST_CHANGE}, /* reset by an administrator */
    {"775", REASON_ACCOUNT_LOCKED      },
};

/* Result codes (RFC 4511 section 4.1.9) that blame the user; every other one is an odd answer. */
static const struct {
    int code;
    const char *words; /* part of the diagnostic, in lower case; NULL = any */
    enum reason reason;
} results[] = {
    {LDAP_CONSTRAINT_VIOLATION, NULL,          REASON_ACCOUNT_LOCKED       }, /* 389 */
    {LDAP_UNWILLING_TO_PERFORM, "inactivated", REASON_ACCOUNT_DISABLED     }, /* 389 */
    {LDAP_UNWILLING_TO_PERFORM, NULL,          REASON_PASSWORD_WRONG       },
    {LDAP_INSUFFICIENT_ACCESS,  NULL,          REASON_PASSWORD_WRONG       },
    {LDAP_INAPPROPRIATE_AUTH,   NULL,          REASON_PASSWORD_WRONG       }, /* no password */
    {LDAP_NO_SUCH_OBJECT,       NULL,          REASON_PASSWORD_WRONG       },
    {LDAP_TIMELIMIT_EXCEEDED,   NULL,          REASON_DIRECTORY_UNAVAILABLE},
};

static bool says(const char *diagnostic, const char *words)
{
    return words == NULL || strcasestr(diagnostic, words) != NULL;
}

/* What the password policy control says, or REASON_GRANTED. */
static enum reason judge_policy(const struct ldapc_bind_answer *answer)
{
    if (answer->policy_damaged)
        return REASON_DIRECTORY_ANSWER;
    if (answer->expired_netscape)
        return REASON_PASSWORD_MUST_CHANGE;
    if (!answer->policy)
        return REASON_GRANTED;
    switch (answer->policy_error) {
    case PP_noError:
        return REASON_GRANTED;
    case PP_accountLocked:
        return REASON_ACCOUNT_LOCKED;
    case PP_passwordExpired:
    case PP_changeAfterReset:
        return REASON_PASSWORD_MUST_CHANGE;
    default: /* about changing a password, which nobody asked for */
        return REASON_DIRECTORY_ANSWER;
    }
}

static enum reason judge_refusal(const struct ldapc_bind_answer *answer)
{
    const char *data = strstr(answer->diagnostic, "AcceptSecurityContext error, data ");
    enum reason policy = judge_policy(answer);
    size_t i;

    if (policy != REASON_GRANTED && policy != REASON_DIRECTORY_ANSWER)
        return policy;
    if (data == NULL)
        return REASON_PASSWORD_WRONG;
    data += strlen("AcceptSecurityContext error, data ");
    for (i = 0; i < sizeof active_directory / sizeof active_directory[0]; i++)
        if (strncmp(data, active_directory[i].code, 3) == 0 && !isxdigit((unsigned char)data[3]))
            return active_directory[i].reason;
    return REASON_PASSWORD_WRONG;
}

enum reason directory_judge_bind(const struct ldapc_bind_answer *answer)
{
    size_t i;

    if (answer->code == LDAP_SUCCESS)
        return judge_policy(answer);
    if (answer->code == LDAP_INVALID_CREDENTIALS)
        return judge_refusal(answer);
    for (i = 0; i < sizeof results / sizeof results[0]; i++)
        if (answer->code == results[i].code && says(answer->diagnostic, results[i].words))
            return results[i].reason;
    return REASON_DIRECTORY_ANSWER;
}

struct bind_call {
    const char *dn;
    struct bytes password;
    struct ldapc_bind_answer answer;
    bool sent; /* to this server or to one tried before it */
};

static enum ldapc_status call_bind(struct directory_link *link, int64_t limit_ms, void *context,
                                   char why[LDAPC_WHY_MAX])
{
    struct bind_call *call = context;
    enum ldapc_status status =
        ldapc_bind(link->connection, call->dn, call->password, true, limit_ms, &call->answer, why);

    call->sent = call->sent || call->answer.sent;
    return status;
}

/* A name that nobody has, in the place where users are.  malloc'ed. */
static char *nobody(const struct settings_ldap *settings)
{
    char name[64], *dn;
    uint64_t number[2];

    if (getrandom(number, sizeof number, 0) != sizeof number)
        return NULL;
    snprintf(name, sizeof name, "pgsignet-nobody-%016llx%016llx", (unsigned long long)number[0],
             (unsigned long long)number[1]);
    if (settings->user_dn != NULL)
        return ldapc_dn_expand(settings->user_dn, bytes_str(name));
    if (asprintf(&dn, "cn=%s,%s", name, settings->user_base) < 0)
        return NULL;
    return dn;
}

bool directory_password_sent(const struct directory *directory)
{
    return directory->password_sent;
}

enum reason directory_check_password(struct directory *directory,
                                     const struct directory_entry *entry, struct bytes password,
                                     int64_t deadline_ms)
{
    struct bind_call call = {.dn = entry != NULL ? entry->dn : NULL, .password = password};
    char *unknown = NULL;
    enum reason reason;

    directory->error[0] = '\0';
    directory->password_sent = false;
    if (password.len == 0)
        return REASON_PASSWORD_EMPTY;
    if (entry == NULL)
        call.dn = unknown = nobody(directory->settings);
    if (call.dn == NULL || *call.dn == '\0')
        return REASON_INTERNAL;
    reason = directory_run(directory, &directory->binds, "checking a password", deadline_ms,
                           call_bind, &call);
    directory->password_sent = call.sent;
    if (reason == REASON_GRANTED)
        reason = directory_judge_bind(&call.answer);
    if (reason == REASON_DIRECTORY_ANSWER)
        directory_bad_answer(directory, "the bind of a user was answered: %s (%s)",
                             ldap_err2string(call.answer.code),
                             directory_details(call.answer.diagnostic));
    /* A server that admits anybody must not admit nobody. */
    if (entry == NULL && reason == REASON_GRANTED)
        reason = REASON_PASSWORD_WRONG;
    free(unknown);
    return reason;
}
