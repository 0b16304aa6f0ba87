/* pgsignet-mfa list: tokens, locked users, or roles without a token. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/session.h"
#include "mfa/store.h"
#include "common/table.h"
#include "mfa/unenrolled.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool check_list(const struct arguments *arguments)
{
    return arguments_one_of(arguments, OPT_BIT(OPT_UNENROLLED) | OPT_BIT(OPT_PENDING) |
                                           OPT_BIT(OPT_STALE) | OPT_BIT(OPT_LOCKED) |
                                           OPT_BIT(OPT_DISABLED));
}

/* Either a table or a JSON array, whichever is wanted; rows are added to both alike. */
struct listing {
    const struct cli *cli;
    struct table *table;
    json_t *array;
    bool failed;
};

static void begin(struct listing *listing, const struct cli *cli, const char *const *headings,
                  size_t n)
{
    *listing = (struct listing){.cli = cli};
    if (cli->json)
        listing->array = json_array();
    else
        listing->table = table_new(headings, n);
    listing->failed = listing->array == NULL && listing->table == NULL;
}

/* Takes object, which may be NULL for a table. */
static void add(struct listing *listing, const char *const *cells, json_t *object)
{
    if (listing->cli->json) {
        if (listing->failed)
            json_decref(object);
        else
            listing->failed = json_array_append_new(listing->array, object) != 0;
    } else {
        listing->failed = listing->failed || !table_add(listing->table, cells);
    }
}

static int end(struct listing *listing)
{
    int code = COMMAND_FAILED;

    if (listing->failed)
        log_error("memory is short");
    else if (listing->cli->json)
        code = display_end(json_incref(listing->array));
    else {
        table_print(listing->table, stdout);
        code = COMMAND_DONE;
    }
    json_decref(listing->array);
    table_free(listing->table);
    return code;
}

/* --- tokens --- */

static bool is_stale(const struct token_info *info, int64_t before_s)
{
    int64_t last_s = info->last_used_s != 0 ? info->last_used_s : info->confirmed_s;

    return info->state == TOKEN_ACTIVE && last_s < before_s;
}

static bool is_wanted(const struct arguments *arguments, const struct token_info *info,
                      int64_t now_s)
{
    if (arguments->given[OPT_PENDING])
        return info->state == TOKEN_PENDING;
    if (arguments->given[OPT_DISABLED])
        return info->state == TOKEN_DISABLED;
    if (arguments->given[OPT_STALE])
        return is_stale(info, now_s - arguments->number[OPT_STALE]);
    return true;
}

static void add_token(struct listing *listing, const struct token_info *info)
{
    const struct cli *cli = listing->cli;
    char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE], kind[DISPLAY_KIND_SIZE];
    char created[CLOCK_TEXT_MAX], used[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX] = "-";

    if (info->expires_s != 0)
        display_time(info->expires_s, expires);
    const char *const cells[] = {
        display_user(cli, display_owner(info), user),
        display_token(cli, info->name, name),
        display_state(info->state),
        display_parameters(info, kind),
        display_time(info->created_s, created),
        expires,
        display_time(info->last_used_s, used),
    };
    add(listing, cells, cli->json ? display_json(info) : NULL);
}

static int list_tokens(struct cli *cli, const struct arguments *arguments)
{
    static const char *const headings[] = {"USER",    "TOKEN",   "STATE",    "KIND",
                                           "CREATED", "EXPIRES", "LAST USED"};
    int64_t now_s = clock_wall_ms() / 1000;
    struct token_info *infos = NULL;
    struct listing listing;
    size_t n = 0;

    enum mfa_result result = mfa_list(cli->mfa, bytes_of(NULL, 0), &infos, &n);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return COMMAND_FAILED;
    }
    begin(&listing, cli, headings, COUNT(headings));
    for (size_t i = 0; i < n; i++)
        if (is_wanted(arguments, &infos[i], now_s))
            add_token(&listing, &infos[i]);
    free(infos);
    return end(&listing);
}

/* --- users whom an operator locked --- */

static bool add_locked(struct listing *listing, struct mfa *mfa, const struct user_row *row)
{
    const struct cli *cli = listing->cli;
    struct bytes user = bytes_of(row->name, row->name_len);
    char text[DISPLAY_USER_SIZE], since[CLOCK_TEXT_MAX], reason[ESCAPE_SIZE(STORE_TEXT)];
    json_t *object = NULL;
    struct user_info info;

    enum mfa_result result = mfa_user(mfa, user, clock_wall_ms(), &info);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, user, NULL);
        return false;
    }
    if (cli->json) {
        object =
            display_with(display_change(user, NULL), "locked", display_json_time(row->locked_s));
        object = display_with_text(object, "lock_reason", bytes_str(info.lock_reason));
    }
    const char *const cells[] = {
        display_user(cli, user, text),
        display_time(row->locked_s, since),
        escape_text(bytes_str(info.lock_reason), cli->utf8, reason, sizeof reason),
    };
    add(listing, cells, object);
    return true;
}

static int list_locked(struct cli *cli)
{
    static const char *const headings[] = {"USER", "LOCKED", "REASON"};
    struct user_row *users = NULL;
    struct listing listing;
    size_t n = 0;
    bool all = true;

    enum mfa_result result = mfa_users(cli->mfa, &users, &n);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return COMMAND_FAILED;
    }
    begin(&listing, cli, headings, COUNT(headings));
    for (size_t i = 0; all && i < n; i++)
        if (users[i].locked_s != 0)
            all = add_locked(&listing, cli->mfa, &users[i]);
    free(users);
    int code = end(&listing);
    return all ? code : COMMAND_FAILED;
}

/* --- roles without an active token --- */

static void add_unenrolled(struct listing *listing, const struct unenrolled *row)
{
    const struct cli *cli = listing->cli;
    struct bytes user = bytes_of(row->name, row->name_len);
    char text[DISPLAY_USER_SIZE], until[CLOCK_TEXT_MAX] = "-";
    json_t *object = NULL;

    if (cli->json) {
        object =
            display_with(display_change(user, NULL), "superuser", json_boolean(row->superuser));
        object = display_with(object, "pending", json_boolean(row->pending));
        object = display_with(object, "disabled", json_boolean(row->disabled));
        object = display_with(object, "exempt_until", display_json_time(row->exempt_until_s));
    }
    if (row->exempt_until_s != 0)
        display_time(row->exempt_until_s, until);
    const char *const cells[] = {
        display_user(cli, user, text),
        row->pending    ? "pending"
        : row->disabled ? "disabled"
                        : "none",
        row->superuser ? "yes" : "no",
        until,
    };
    add(listing, cells, object);
}

static int list_unenrolled(struct cli *cli)
{
    static const char *const headings[] = {"USER", "TOKEN", "SUPERUSER", "EXEMPT UNTIL"};
    struct unenrolled *rows = NULL;
    struct listing listing;
    size_t n = 0;
    int code = COMMAND_FAILED;

    if (unenrolled_list(cli, clock_wall_ms() / 1000, &rows, &n)) {
        begin(&listing, cli, headings, COUNT(headings));
        for (size_t i = 0; i < n; i++)
            add_unenrolled(&listing, &rows[i]);
        code = end(&listing);
    }
    free(rows);
    return code;
}

int cmd_list(struct cli *cli, const struct arguments *arguments)
{
    if (arguments->given[OPT_UNENROLLED])
        return list_unenrolled(cli);
    if (arguments->given[OPT_LOCKED])
        return list_locked(cli);
    return list_tokens(cli, arguments);
}
