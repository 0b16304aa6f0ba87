/* pgsignet-mfa breakglass: accounts whose sealed passphrase admits alone, while armed. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/breakglass.h"
#include "mfa/display.h"
#include "mfa/handover.h"
#include "mfa/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct verb {
    const char *name;
    bool has_user;
    int (*run)(struct cli *cli, const struct arguments *arguments, struct bytes user);
};

/* --- what the verbs share ------------------------------------------------------------------------ */

static int explain(const struct cli *cli, enum mfa_result result, struct bytes user)
{
    char text[DISPLAY_USER_SIZE];

    display_user(cli, user, text);
    switch (result) {
    case MFA_NOT_FOUND:
        log_error("there is no break-glass account \"%s\"; make it with: pgsignet-mfa breakglass "
                  "create %s",
                  text, text);
        break;
    case MFA_EXISTS:
        log_error("there is a break-glass account \"%s\"; for a new passphrase remove it first",
                  text);
        break;
    case MFA_STATE:
        log_error("the break-glass account \"%s\" is not armed", text);
        break;
    default:
        session_explain(cli, result, user, NULL);
        break;
    }
    return COMMAND_FAILED;
}

static bool record(const struct cli *cli, const char *event, struct bytes user, const char *detail)
{
    const struct session_event what = {
        .event = event, .user = user, .detail = detail, .alert = true};

    return session_record_event(cli, &what);
}

static int done(const struct cli *cli, struct bytes user, const char *json_key, const char *text)
{
    char name[DISPLAY_USER_SIZE];

    if (cli->json)
        return display_end(display_with(display_change(user, NULL), json_key, json_true()));
    printf("The break-glass account \"%s\" %s.\n", display_user(cli, user, name), text);
    return COMMAND_DONE;
}

/* --- the verbs ----------------------------------------------------------------------------------- */

static int create(struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    char passphrase[GLASS_TEXT] = "";
    int code = COMMAND_FAILED;

    (void)arguments;
    enum mfa_result result =
        mfa_glass_create(cli->mfa, user, clock_wall_ms() / 1000, passphrase);
    if (result != MFA_OK)
        return explain(cli, result, user);
    if (!record(cli, "breakglass-create", user, NULL))
        goto out;
    if (handover_passphrase(cli, user, passphrase))
        code = COMMAND_DONE;
    else
        log_error("remove the account and make it anew: nobody may have all of the passphrase");
out:
    secret_wipe(passphrase, sizeof passphrase);
    return code;
}

static int list(struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct glass_info *infos = NULL;
    size_t n = 0;
    int code = COMMAND_DONE;

    (void)arguments;
    (void)user;
    enum mfa_result result = mfa_glass_list(cli->mfa, &infos, &n);
    if (result != MFA_OK) {
        session_explain(cli, result, bytes_str(""), NULL);
        return COMMAND_FAILED;
    }
    for (size_t i = 0; i < n && code == COMMAND_DONE; i++) {
        const struct glass_info *info = &infos[i];
        struct bytes name = bytes_of(info->user, info->user_len);
        bool armed = info->armed_until_s > now_s;
        char user_text[DISPLAY_USER_SIZE], time[CLOCK_TEXT_MAX], reason[ESCAPE_SIZE(STORE_TEXT)];

        if (cli->json) {
            json_t *object = display_with(display_change(name, NULL), "armed_until",
                                          display_json_time(armed ? info->armed_until_s : 0));
            object = display_with_text(object, "reason", bytes_str(armed ? info->reason : ""));
            object = display_with_text(object, "armed_by", bytes_str(armed ? info->armed_by : ""));
            code = display_end(display_with(object, "created", display_json_time(info->created_s)));
        } else if (armed) {
            escape_text(bytes_str(info->reason), cli->utf8, reason, sizeof reason);
            printf("%s  armed until %s: %s\n", display_user(cli, name, user_text),
                   display_time(info->armed_until_s, time), reason);
        } else {
            printf("%s  not armed\n", display_user(cli, name, user_text));
        }
    }
    free(infos);
    return code;
}

/* "2026-11-22T18:00Z", with seconds or without.  -1 for anything else. */
static int64_t read_time(const char *text)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);

        if (end != NULL && *end == '\0')
            return (int64_t)timegm(&tm);
    }
    return -1;
}

static int64_t end_of(const struct arguments *arguments, int64_t now_s)
{
    return arguments->given[OPT_FOR] ? now_s + arguments->number[OPT_FOR]
                                     : read_time(arguments->text[OPT_UNTIL]);
}

static int arm(struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    int64_t now_s = clock_wall_ms() / 1000, until_s = end_of(arguments, now_s);
    const char *reason = arguments->text[OPT_REASON];
    char by[STORE_TEXT], time[CLOCK_TEXT_MAX], detail[STORE_TEXT + 64];

    if (until_s <= now_s || until_s - now_s > GLASS_MOST_S) {
        log_error("--until: must be a time within the next 24 hours, like 2026-11-22T18:00Z (UTC)");
        return COMMAND_USAGE;
    }
    snprintf(by, sizeof by, "uid %lu%s%s", (unsigned long)cli->caller,
             cli->sudo_user[0] != '\0' ? ", " : "", cli->sudo_user);
    enum mfa_result result = mfa_glass_arm(cli->mfa, user, reason, by, until_s, now_s);
    if (result != MFA_OK)
        return explain(cli, result, user);
    snprintf(detail, sizeof detail, "until %s: %s", display_time(until_s, time), reason);
    if (!record(cli, "breakglass-arm", user, detail)) {
        /* Nobody arms unrecorded. */
        (void)mfa_glass_disarm(cli->mfa, user, now_s);
        log_error("the account was disarmed again");
        return COMMAND_FAILED;
    }
    snprintf(detail, sizeof detail, "is armed until %s", display_time(until_s, time));
    if (cli->json)
        return display_end(display_with(display_change(user, NULL), "armed_until",
                                        display_json_time(until_s)));
    return done(cli, user, "armed", detail);
}

static int disarm(struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    (void)arguments;
    enum mfa_result result = mfa_glass_disarm(cli->mfa, user, clock_wall_ms() / 1000);
    if (result != MFA_OK)
        return explain(cli, result, user);
    if (!record(cli, "breakglass-disarm", user, NULL))
        return COMMAND_FAILED;
    return done(cli, user, "disarmed", "is disarmed; sessions that are open go on");
}

static int remove_account(struct cli *cli, const struct arguments *arguments, struct bytes user)
{
    (void)arguments;
    enum mfa_result result = mfa_glass_remove(cli->mfa, user);
    if (result != MFA_OK)
        return explain(cli, result, user);
    if (!record(cli, "breakglass-remove", user, NULL))
        return COMMAND_FAILED;
    return done(cli, user, "removed", "is removed");
}

static const struct verb verbs[] = {
    {"create", true,  create        },
    {"list",   false, list          },
    {"arm",    true,  arm           },
    {"disarm", true,  disarm        },
    {"remove", true,  remove_account},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool check_breakglass(const struct arguments *arguments)
{
    static const uint64_t ends = OPT_BIT(OPT_UNTIL) | OPT_BIT(OPT_FOR);
    const struct verb *verb = find_verb(arguments->operand[0]);
    const char *reason = arguments->text[OPT_REASON];
    bool end = arguments->given[OPT_UNTIL] || arguments->given[OPT_FOR];

    if (verb == NULL) {
        log_error("breakglass knows create, list, arm, disarm and remove");
        return false;
    }
    if ((arguments->operands == 2) != verb->has_user) {
        log_error("breakglass %s %s", verb->name,
                  verb->has_user ? "needs a user" : "takes no user");
        return false;
    }
    if (verb->run != arm) {
        if (reason == NULL && !end)
            return true;
        log_error("--reason, --until and --for are for breakglass arm");
        return false;
    }
    if (reason == NULL || strlen(reason) >= STORE_TEXT || !end) {
        log_error("breakglass arm needs --reason (1 to %d bytes), and --for or --until",
                  STORE_TEXT - 1);
        return false;
    }
    return arguments_one_of(arguments, ends);
}

int cmd_breakglass(struct cli *cli, const struct arguments *arguments)
{
    const struct verb *verb = find_verb(arguments->operand[0]);

    return verb->run(cli, arguments, bytes_str(verb->has_user ? arguments->operand[1] : ""));
}
