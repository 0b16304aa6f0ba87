/* pgsignet-mfa rekey: another KEK, or another data key, while logins go on. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/escape.h"
#include "common/progress.h"
#include "mfa/rekey.h"
#include "mfa/rekey_file.h"
#include "mfa/session.h"

#include <inttypes.h>
#include <stdio.h>

#define DETAIL   200 /* bytes of what an event says */
#define WHY_SIZE 640

/* This command as root leaves the store to children until the key file is in place; see rekey_file.h. */
static bool changes_file(const struct arguments *arguments)
{
    return arguments->given[OPT_KEK] && !arguments->given[OPT_TO_CONFIG] &&
           !arguments->given[OPT_RETIRE];
}

bool check_rekey(const struct arguments *arguments)
{
    if (!arguments->given[OPT_KEK] && !arguments->given[OPT_DEK]) {
        log_error("say which key is to change: --kek (the key outside of the store) or --dek (the "
                  "data key in it); see docs/keys.md");
        return false;
    }
    return arguments_one_of(arguments, OPT_BIT(OPT_KEK) | OPT_BIT(OPT_DEK)) &&
           arguments_one_of(arguments, OPT_BIT(OPT_TO_CONFIG) | OPT_BIT(OPT_RETIRE)) &&
           arguments_needs(arguments, OPT_TO_CONFIG, OPT_BIT(OPT_KEK)) &&
           arguments_needs(arguments, OPT_RETIRE, OPT_BIT(OPT_KEK));
}

static int finish(struct cli *cli, const char *said)
{
    const struct session_event event = {.event = "rekey", .detail = said};

    if (!session_record_event(cli, &event))
        return COMMAND_FAILED;
    if (!cli->json) {
        printf("%s.\n", said);
        return COMMAND_DONE;
    }
    json_t *object = json_object();
    if (object != NULL && !escape_json(object, "done", bytes_str(said))) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object) ? COMMAND_DONE : COMMAND_FAILED;
}

static int explain(const struct cli *cli)
{
    log_error("%s", mfa_error(cli->mfa));
    return COMMAND_FAILED;
}

static bool say_stage(void *context, enum rekey_file_stage stage)
{
    static const char *const said[] = {
        [REKEY_FILE_MADE] = "the new key is written beside the old one",
        [REKEY_FILE_ADDED] = "the store opens by both",
        [REKEY_FILE_SWITCHED] = "the new key is in place of the old one",
        [REKEY_FILE_RETIRED] = "the store opens by the new key alone",
        [REKEY_FILE_WIPED] = "the old key is wiped",
    };
    const struct cli *cli = context;

    if (!cli->json)
        fprintf(stderr, "%s\n", said[stage]);
    return true;
}

static int rekey_file(struct cli *cli)
{
    const struct settings *settings = cli->settings;
    char why[WHY_SIZE] = "", said[DETAIL];

    if (settings->keys.provider != KEY_PROVIDER_FILE) {
        log_error("only a key file can be changed in one command (keys.provider is %s): make the "
                  "new key where it is kept, then run rekey --kek --to FILE with a configuration "
                  "whose keys section names it",
                  key_provider(&settings->keys)->name);
        return COMMAND_FAILED;
    }
    if (rekey_key_file(settings, say_stage, cli, why, sizeof why) != MFA_OK) {
        log_error("%s", why);
        return COMMAND_FAILED;
    }
    if (!session_become_owner(cli) || !session_open_audit(cli)) {
        log_error("the key was changed all the same, without an audit event");
        return COMMAND_FAILED;
    }
    snprintf(said, sizeof said, "the key file %.120s holds a new KEK, the old one is gone",
             settings->keys.path);
    return finish(cli, said);
}

/* Everything but the change of a key file works on the open store, as its owner. */
static bool open_store(struct cli *cli)
{
    char why[WHY_SIZE] = "";

    if (!session_become_owner(cli) || !session_open_audit(cli))
        return false;
    if (mfa_open(cli->settings, &cli->mfa, why, sizeof why) == REASON_GRANTED)
        return true;
    log_error("%s", why);
    return false;
}

static int add_wraps(struct cli *cli, const char *path)
{
    struct settings *to = settings_load(path, SETTINGS_FOR_LOGINS, stderr);
    char id[KEK_ID_MAX] = "", said[DETAIL];
    int code = COMMAND_FAILED;

    if (to == NULL)
        return COMMAND_FAILED;
    switch (rekey_add_wraps(cli->mfa, &to->keys, id)) {
    case MFA_OK:
        snprintf(said, sizeof said,
                 "the store opens by the key %s (%s) too; put its keys section into %.60s, reload "
                 "the daemon, then run rekey --kek --retire",
                 id, key_provider(&to->keys)->name, cli->config);
        code = finish(cli, said);
        break;
    case MFA_EXISTS:
        printf("The store opens by the key %s already; nothing was changed.\n", id);
        code = COMMAND_DONE;
        break;
    default:
        explain(cli);
        break;
    }
    settings_free(to);
    return code;
}

static int retire(struct cli *cli)
{
    size_t removed;
    char said[DETAIL];

    if (rekey_retire_wraps(cli->mfa, &removed) != MFA_OK)
        return explain(cli);
    if (removed == 0) {
        printf("The store opens by the configured key alone; nothing was changed.\n");
        return COMMAND_DONE;
    }
    snprintf(said, sizeof said,
             "the store opens by the key of %.60s (%s) alone: %zu wraps of others removed",
             cli->config, key_provider(&cli->settings->keys)->name, removed);
    return finish(cli, said);
}

static bool show_stage(void *context, enum rekey_stage stage, int64_t done, int64_t total)
{
    struct progress *progress = context;

    if (stage == REKEY_USERS) {
        progress->total = (uint64_t)total;
        progress_at(progress, (uint64_t)done, clock_mono_ms());
    }
    return true;
}

static int change_data_key(struct cli *cli)
{
    struct progress progress;
    struct rekey_count count;
    char said[DETAIL];

    progress_start(&progress, stderr, "Sealing anew", 0, clock_mono_ms());
    enum mfa_result result = rekey_data_key(cli->mfa, show_stage, &progress, &count);
    progress_end(&progress);
    if (result != MFA_OK)
        return explain(cli);
    snprintf(said, sizeof said,
             "data key %" PRId64 " seals everything: %" PRId64 " users and %" PRId64
             " tokens sealed anew, %zu data keys retired",
             count.data_key, count.users, count.tokens, count.retired);
    return finish(cli, said);
}

int cmd_rekey(struct cli *cli, const struct arguments *arguments)
{
    if (changes_file(arguments))
        return rekey_file(cli);
    if (!open_store(cli))
        return COMMAND_FAILED;
    if (arguments->given[OPT_TO_CONFIG])
        return add_wraps(cli, arguments->text[OPT_TO_CONFIG]);
    return arguments->given[OPT_RETIRE] ? retire(cli) : change_data_key(cli);
}
