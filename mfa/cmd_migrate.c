/* pgsignet-mfa migrate: the whole store into another one, while logins go on. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/migrate.h"
#include "common/progress.h"
#include "mfa/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct showing {
    struct progress progress;
    enum migrate_stage stage;
};

static void show(void *context, enum migrate_stage stage, size_t done)
{
    struct showing *showing = context;

    if (stage != showing->stage) {
        progress_end(&showing->progress);
        progress_start(&showing->progress, stderr, "Closed; catching up", 0, clock_mono_ms());
        showing->stage = stage;
    }
    progress_at(&showing->progress, done, clock_mono_ms());
}

bool check_migrate(const struct arguments *arguments)
{
    if (arguments->given[OPT_TO_STORE])
        return true;
    log_error("migrate needs --to FILE: a configuration whose store: section names the new place");
    return false;
}

static bool print_json(const struct migrate_report *r)
{
    json_t *object = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "resumed", r->resumed, "users",
        (json_int_t)r->rows[0], "tokens", (json_int_t)r->rows[1], "recovery_sets",
        (json_int_t)r->rows[2], "names", (json_int_t)r->rows[3], "addresses",
        (json_int_t)r->rows[4], "break_glass", (json_int_t)r->break_glass, "caught_up",
        (json_int_t)r->again, "closed_ms", (json_int_t)r->closed_ms);

    return display_print(object);
}

static void print_text(const struct migrate_report *r, const char *to, const char *config)
{
    printf("Migrated%s: %zu users, %zu tokens, %zu sets of recovery codes, %zu break-glass accounts,\n"
           "%zu names with failures or successes from %zu addresses. %zu rows had changed meanwhile.\n"
           "The old store is closed: nobody gets in until you\n\n"
           "    install the store: section of %s in %s, and\n"
           "    reload pgsignetd on every host (systemctl reload pgsignetd).\n\n"
           "Remove the old store when logins work. (Catching up after it was closed took %.1f s.)\n",
           r->resumed ? " (gone on with)" : "", r->rows[0], r->rows[1], r->rows[2], r->break_glass,
           r->rows[3], r->rows[4], r->again, to, config, (double)r->closed_ms / 1000);
}

/* A copy of the old configuration whose store: section was forgotten. */
static bool same_place(const struct settings_store *from, const struct settings_store *to)
{
    struct stat a, b;

    if (from->engine != to->engine)
        return false;
    if (from->engine == STORE_ENGINE_POSTGRESQL)
        return strcmp(from->conninfo, to->conninfo) == 0;
    return stat(from->path, &a) == 0 && stat(to->path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

int cmd_migrate(struct cli *cli, const struct arguments *arguments)
{
    struct showing showing = {.stage = MIGRATE_COPY};
    struct migrate_report report;
    const char *path = arguments->text[OPT_TO_STORE];

    struct settings *to = settings_load(path, SETTINGS_FOR_LOGINS, stderr);
    if (to == NULL)
        return COMMAND_FAILED;
    if (same_place(&cli->settings->store, &to->store)) {
        log_error("nothing was migrated: %s names the store that %s names; let its store: section "
                  "name the new place",
                  path, cli->config);
        settings_free(to);
        return COMMAND_FAILED;
    }
    to->store.as_admin = true;
    progress_start(&showing.progress, stderr, "Copying", 0, clock_mono_ms());
    enum mfa_result result = mfa_migrate(cli->mfa, to, show, &showing, &report);
    progress_end(&showing.progress);
    settings_free(to);
    if (result != MFA_OK) {
        log_error("nothing was migrated: %s", mfa_error(cli->mfa));
        return COMMAND_FAILED;
    }
    if (!session_record_event(cli, &(struct session_event){.event = "migrate", .detail = path}))
        return COMMAND_FAILED;
    if (cli->json)
        return print_json(&report) ? COMMAND_DONE : COMMAND_FAILED;
    print_text(&report, path, cli->config);
    return COMMAND_DONE;
}
