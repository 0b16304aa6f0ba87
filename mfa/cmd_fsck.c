/* pgsignet-mfa fsck: whether every record opens and belongs to what it names. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/escape.h"
#include "mfa/fsck.h"
#include "common/progress.h"
#include "mfa/session.h"

#include <inttypes.h>
#include <stdio.h>

struct printer {
    const struct cli *cli;
    struct progress progress;
    bool failed;
};

static bool print_json(const struct fsck_fault *fault)
{
    json_t *object = json_object();

    if (object == NULL || !escape_json(object, "fault", bytes_str(fault->what)) ||
        !escape_json(object, "kind", bytes_str(fault->kind)) ||
        (fault->id != 0 && json_object_set_new(object, "id", json_integer(fault->id)) != 0) ||
        (fault->user.len > 0 && !escape_json(object, "user", fault->user)) ||
        (fault->token != NULL && !escape_json(object, "token", bytes_str(fault->token)))) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object);
}

static void print_line(const struct cli *cli, const struct fsck_fault *fault)
{
    char user[DISPLAY_USER_SIZE], token[DISPLAY_TOKEN_SIZE];

    printf("%s", fault->kind);
    if (fault->user.len > 0)
        printf(" of user \"%s\"", display_user(cli, fault->user, user));
    if (fault->token != NULL)
        printf(", token \"%s\"", display_token(cli, fault->token, token));
    if (fault->id != 0)
        printf(" (row %" PRId64 ")", fault->id);
    printf(": %s\n", fault->what);
}

static bool report(void *context, const struct fsck_fault *fault)
{
    struct printer *printer = context;

    progress_clear(&printer->progress);
    if (!printer->cli->json)
        print_line(printer->cli, fault);
    else if (!print_json(fault))
        printer->failed = true;
    return !printer->failed;
}

static void step(void *context, int64_t users)
{
    struct printer *printer = context;

    progress_at(&printer->progress, (uint64_t)users, clock_mono_ms());
}

static bool print_summary(const struct cli *cli, const struct fsck_count *count)
{
    if (!cli->json) {
        printf("%" PRId64 " users, %" PRId64 " tokens, %" PRId64 " sets of recovery codes, %" PRId64
               " break-glass accounts, %" PRId64 " data keys in %" PRId64 " wraps: %" PRId64
               " faults\n",
               count->users, count->tokens, count->recovery_sets, count->break_glass,
               count->data_keys, count->wraps, count->faults);
        return true;
    }
    return display_print(json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "users", (json_int_t)count->users, "tokens",
        (json_int_t)count->tokens, "recovery_sets", (json_int_t)count->recovery_sets, "break_glass",
        (json_int_t)count->break_glass, "data_keys", (json_int_t)count->data_keys, "wraps",
        (json_int_t)count->wraps, "faults", (json_int_t)count->faults));
}

int cmd_fsck(struct cli *cli, const struct arguments *arguments)
{
    struct printer printer = {.cli = cli};
    struct fsck_count count;

    (void)arguments;
    progress_start(&printer.progress, stderr, "Checking", 0, clock_mono_ms());
    enum mfa_result result =
        mfa_fsck(cli->mfa, clock_wall_ms() / 1000, report, step, &printer, &count);
    progress_end(&printer.progress);
    if (result != MFA_OK) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return COMMAND_FAILED;
    }
    if (printer.failed || !print_summary(cli, &count))
        return COMMAND_FAILED;
    return count.faults == 0 ? COMMAND_DONE : COMMAND_DIFFERS;
}
