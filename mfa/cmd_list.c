/* pgsignet-mfa list: every token of everybody. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/table.h"

#include <stdio.h>
#include <stdlib.h>

static bool print_table(const struct cli *cli, const struct token_info *infos, size_t n)
{
    static const char *const headings[] = {"USER", "TOKEN", "STATE", "CREATED", "LAST USED"};
    struct table *table = table_new(headings, sizeof headings / sizeof headings[0]);
    bool done = table != NULL;

    for (size_t i = 0; done && i < n; i++) {
        char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE];
        char created[CLOCK_TEXT_MAX], used[CLOCK_TEXT_MAX];
        const char *const cells[] = {
            display_user(cli, display_owner(&infos[i]), user),
            display_token(cli, infos[i].name, name),
            display_state(infos[i].state),
            display_time(infos[i].created_s, created),
            display_time(infos[i].last_used_s, used),
        };
        done = table_add(table, cells);
    }
    if (done)
        table_print(table, stdout);
    else
        log_error("memory is short");
    table_free(table);
    return done;
}

static bool print_json(const struct token_info *infos, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < n; i++) {
        if (json_array_append_new(array, display_json(&infos[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return display_print(array);
}

int cmd_list(struct cli *cli, const struct arguments *arguments)
{
    struct token_info *infos = NULL;
    size_t n = 0;

    (void)arguments;
    enum mfa_result result = mfa_list(cli->mfa, bytes_of(NULL, 0), &infos, &n);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return CLI_FAILED;
    }
    bool done = cli->json ? print_json(infos, n) : print_table(cli, infos, n);
    free(infos);
    return done ? CLI_DONE : CLI_FAILED;
}
