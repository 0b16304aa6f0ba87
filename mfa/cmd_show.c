/* pgsignet-mfa show: all that is known of one user, but for the secrets. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "common/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct person {
    struct bytes name;
    struct user_info info;
    struct token_info *tokens; /* owned */
    size_t n;
    struct address_info *addresses; /* owned */
    size_t n_addresses;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DRIFT_SIZE   32

/* "+30 s", or of a counter "next 17". */
static const char *state_of_clock(const struct token_info *token, char out[DRIFT_SIZE])
{
    if (token->kind == TOKEN_HOTP)
        snprintf(out, DRIFT_SIZE, "next %" PRId64, token->last_step + 1);
    else
        snprintf(out, DRIFT_SIZE, "%+" PRId64 " s", display_drift_s(token));
    return out;
}

static bool print_tokens(const struct cli *cli, const struct person *person)
{
    static const char *const headings[] = {"TOKEN",     "STATE", "KIND",      "CREATED",
                                           "CONFIRMED", "DRIFT", "LAST USED", "FROM"};
    struct table *table = table_new(headings, COUNT(headings));
    bool done = table != NULL;

    for (size_t i = 0; done && i < person->n; i++) {
        const struct token_info *token = &person->tokens[i];
        char name[DISPLAY_TOKEN_SIZE], kind[DISPLAY_KIND_SIZE], drift[DRIFT_SIZE];
        char address[ESCAPE_SIZE(sizeof token->last_address)];
        char created[CLOCK_TEXT_MAX], confirmed[CLOCK_TEXT_MAX], used[CLOCK_TEXT_MAX];
        escape_text(bytes_str(token->last_address), cli->utf8, address, sizeof address);
        const char *const cells[] = {
            display_token(cli, token->name, name),
            display_state(token->state),
            display_parameters(token, kind),
            display_time(token->created_s, created),
            display_time(token->confirmed_s, confirmed),
            state_of_clock(token, drift),
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

static struct bytes address_of(const struct address_info *row)
{
    return row->len > 0 ? bytes_of(row->at, row->len) : bytes_str("local");
}

static bool print_addresses(const struct cli *cli, const struct person *person)
{
    static const char *const headings[] = {"ADDRESS",      "FAILURES", "LAST FAILURE",
                                           "LAST SUCCESS", "TRUSTED",  "REFUSED UNTIL"};
    struct table *table = table_new(headings, COUNT(headings));
    bool done = table != NULL;

    for (size_t i = 0; done && i < person->n_addresses; i++) {
        const struct address_info *row = &person->addresses[i];
        char address[ESCAPE_SIZE(sizeof row->at)], failures[DRIFT_SIZE];
        char failed[CLOCK_TEXT_MAX], succeeded[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX] = "-";
        snprintf(failures, sizeof failures, "%" PRId64, row->failures);
        if (row->refused_until_s != 0)
            display_time(row->refused_until_s, until);
        const char *const cells[] = {
            escape_text(address_of(row), cli->utf8, address, sizeof address),
            failures,
            display_time(row->last_failure_s, failed),
            display_time(row->last_success_s, succeeded),
            row->trusted ? "yes" : "no",
            until,
        };
        done = table_add(table, cells);
    }
    if (done)
        table_print(table, stdout);
    table_free(table);
    return done;
}

static void print_states(const struct cli *cli, const struct person *person)
{
    const struct user_info *info = &person->info;
    char user[DISPLAY_USER_SIZE], when[CLOCK_TEXT_MAX];
    char reason[ESCAPE_SIZE(sizeof info->lock_reason)];

    printf("user:        %s\n", display_user(cli, person->name, user));
    printf("audit hash:  %s\n", info->hash);
    if (info->locked_s != 0)
        printf("locked:      since %s: %s\n", display_time(info->locked_s, when),
               escape_text(bytes_str(info->lock_reason), cli->utf8, reason, sizeof reason));
    else
        printf("locked:      no\n");
    printf("failures:    %" PRId64 " of %" PRId64 "%s\n", info->failures,
           cli->settings->throttle.cap, info->capped ? ", at the cap: see `unlock`" : "");
    if (info->addresses > 0)
        printf("refused:     %zu address%s, the last until %s\n", info->addresses,
               info->addresses == 1 ? "" : "es", display_time(info->refused_until_s, when));
    else
        printf("refused:     no address\n");
    if (info->recovery_made_s != 0)
        printf("recovery:    %zu code%s left, made %s\n", info->recovery_codes,
               info->recovery_codes == 1 ? "" : "s", display_time(info->recovery_made_s, when));
    else
        printf("recovery:    no codes\n");
}

static bool print_text(const struct cli *cli, const struct person *person)
{
    bool done = true;

    print_states(cli, person);
    if (person->n == 0)
        printf("tokens:      none\n");
    if (person->n > 0) {
        printf("\n");
        done = print_tokens(cli, person);
    }
    if (done && person->n_addresses > 0) {
        printf("\n");
        done = print_addresses(cli, person);
    }
    if (!done)
        log_error("memory is short");
    return done;
}

static json_t *address_json(const struct address_info *row)
{
    json_t *object = display_with_text(json_object(), "address", address_of(row));

    object = display_with(object, "failures", json_integer(row->failures));
    object = display_with(object, "last_failure", display_json_time(row->last_failure_s));
    object = display_with(object, "last_success", display_json_time(row->last_success_s));
    object = display_with(object, "trusted", json_boolean(row->trusted));
    return display_with(object, "refused_until", display_json_time(row->refused_until_s));
}

static bool print_json(const struct person *person)
{
    const struct user_info *info = &person->info;
    json_t *tokens = json_array(), *addresses = json_array();
    json_t *object = display_change(person->name, NULL);
    bool locked = info->locked_s != 0;

    for (size_t i = 0; i < person->n; i++)
        if (json_array_append_new(tokens, display_json(&person->tokens[i])) != 0)
            goto fail;
    for (size_t i = 0; i < person->n_addresses; i++)
        if (json_array_append_new(addresses, address_json(&person->addresses[i])) != 0)
            goto fail;
    object = display_with(object, "audit_hash", json_string(info->hash));
    object = display_with(object, "locked", display_json_time(info->locked_s));
    object = locked ? display_with_text(object, "lock_reason", bytes_str(info->lock_reason))
                    : display_with(object, "lock_reason", json_null());
    object = display_with(object, "failures", json_integer(info->failures));
    object = display_with(object, "capped", json_boolean(info->capped));
    object = display_with(object, "refused_addresses", json_integer((json_int_t)info->addresses));
    object = display_with(object, "refused_until", display_json_time(info->refused_until_s));
    object = display_with(object, "recovery_codes", json_integer((json_int_t)info->recovery_codes));
    object = display_with(object, "recovery_made", display_json_time(info->recovery_made_s));
    object = display_with(object, "tokens", tokens);
    return display_print(display_with(object, "addresses", addresses));
fail:
    json_decref(object);
    json_decref(tokens);
    json_decref(addresses);
    return display_print(NULL);
}

int cmd_show(struct cli *cli, const struct arguments *arguments)
{
    struct person person = {.name = bytes_str(arguments->operand[0])};
    int64_t now_ms = clock_wall_ms();
    int code = COMMAND_FAILED;

    enum mfa_result result = mfa_user(cli->mfa, person.name, now_ms, &person.info);
    if (result == MFA_OK)
        result =
            mfa_addresses(cli->mfa, person.name, now_ms, &person.addresses, &person.n_addresses);
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
        code = COMMAND_DONE;
    else
        session_explain(cli, result, person.name, NULL);
out:
    free(person.addresses);
    free(person.tokens);
    return code;
}
