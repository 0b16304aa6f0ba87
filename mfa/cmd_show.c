/* pgsignet-mfa show: all that is known of one user, but for the secrets. */
#include "config.h"

#include "mfa/cli.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/otpauth.h"
#include "mfa/session.h"
#include "mfa/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct person {
    struct bytes name;
    struct user_info info;
    struct token_info *tokens; /* owned */
    size_t n;
};

static bool print_tokens(const struct cli *cli, const struct person *person)
{
    static const char *const headings[] = {"TOKEN",     "STATE",     "KIND", "CREATED",
                                           "CONFIRMED", "LAST USED", "FROM"};
    struct table *table = table_new(headings, sizeof headings / sizeof headings[0]);
    bool done = table != NULL;

    for (size_t i = 0; done && i < person->n; i++) {
        const struct token_info *token = &person->tokens[i];
        char name[DISPLAY_TOKEN_SIZE], kind[64], address[ESCAPE_SIZE(sizeof token->last_address)];
        char created[CLOCK_TEXT_MAX], confirmed[CLOCK_TEXT_MAX], used[CLOCK_TEXT_MAX];
        snprintf(kind, sizeof kind, "%s/%u/%u", otpauth_algorithm(token->algorithm), token->digits,
                 token->period);
        escape_text(bytes_str(token->last_address), cli->utf8, address, sizeof address);
        const char *const cells[] = {
            display_token(cli, token->name, name),
            display_state(token->state),
            kind,
            display_time(token->created_s, created),
            display_time(token->confirmed_s, confirmed),
            display_time(token->last_used_s, used),
            address[0] ? address : "-",
        };
        done = table_add(table, cells);
    }
    if (done)
        table_print(table, stdout);
    table_free(table);
    return done;
}

static bool print_text(const struct cli *cli, const struct person *person)
{
    const struct user_info *info = &person->info;
    char user[DISPLAY_USER_SIZE], until[CLOCK_TEXT_MAX];

    printf("user:        %s\n", display_user(cli, person->name, user));
    printf("audit hash:  %s\n", info->hash);
    printf("failures:    %" PRId64 " of %" PRId64 "%s\n", info->failures,
           cli->settings->throttle.cap, info->capped ? ", locked: see `unlock`" : "");
    if (info->addresses > 0)
        printf("refused:     %zu address%s, the last until %s\n", info->addresses,
               info->addresses == 1 ? "" : "es", display_time(info->refused_until_s, until));
    else
        printf("refused:     no address\n");
    if (person->n == 0) {
        printf("tokens:      none\n");
        return true;
    }
    printf("\n");
    if (print_tokens(cli, person))
        return true;
    log_error("memory is short");
    return false;
}

static bool print_json(const struct person *person)
{
    const struct user_info *info = &person->info;
    json_t *object = json_object(), *tokens = json_array();
    bool done = object != NULL && tokens != NULL;

    for (size_t i = 0; done && i < person->n; i++)
        done = json_array_append_new(tokens, display_json(&person->tokens[i])) == 0;
    done = done && escape_json(object, "user", person->name) &&
           json_object_set_new(object, "audit_hash", json_string(info->hash)) == 0 &&
           json_object_set_new(object, "failures", json_integer(info->failures)) == 0 &&
           json_object_set_new(object, "locked", json_boolean(info->capped)) == 0 &&
           json_object_set_new(object, "refused_addresses",
                               json_integer((json_int_t)info->addresses)) == 0 &&
           json_object_set_new(object, "refused_until", display_json_time(info->refused_until_s)) ==
               0 &&
           json_object_set(object, "tokens", tokens) == 0;
    json_decref(tokens);
    if (!done) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object);
}

int cmd_show(struct cli *cli, const struct arguments *arguments)
{
    struct person person = {.name = bytes_str(arguments->operand[0])};
    int code = CLI_FAILED;

    enum mfa_result result = mfa_user(cli->mfa, person.name, clock_wall_ms(), &person.info);
    if (result == MFA_OK)
        result = mfa_list(cli->mfa, person.name, &person.tokens, &person.n);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, person.name, NULL);
        goto out;
    }
    /* a name without tokens is shown too: its hash is what the audit log has of it */
    if (!(cli->json ? print_json(&person) : print_text(cli, &person)))
        goto out;
    if (result == MFA_OK)
        code = CLI_DONE;
    else
        session_explain(cli, result, person.name, NULL);
out:
    free(person.tokens);
    return code;
}
