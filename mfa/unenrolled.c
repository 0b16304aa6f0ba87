#include "config.h"

#include "mfa/unenrolled.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/role.h"
#include "mfa/session.h"

#include <stdlib.h>

#define WAIT_MS 60000 /* postgres.timeout is shorter; this bounds it all */

static int compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static struct bytes name_of(const struct user_row *row)
{
    return bytes_of(row->name, row->name_len);
}

static int by_name(const void *a, const void *b)
{
    return compare(name_of(a), name_of(b));
}

static int name_to_row(const void *key, const void *row)
{
    return compare(*(const struct bytes *)key, name_of(row));
}

static int64_t exempt_until(const struct settings *settings, struct bytes user, int64_t now_s)
{
    int64_t until_s = 0;

    for (size_t i = 0; i < settings->n_policies; i++) {
        const struct settings_policy *policy = &settings->policies[i];
        for (size_t k = 0; k < policy->n_exempt; k++) {
            const struct settings_exempt *exempt = &policy->exempt[k];
            if (bytes_equal(bytes_str(exempt->user), user) && now_s < exempt->until &&
                exempt->until > until_s)
                until_s = exempt->until;
        }
    }
    return until_s;
}

struct collection {
    const struct settings *settings;
    const struct user_row *users; /* in order of name */
    size_t n_users;
    int64_t now_s;
    struct unenrolled *rows; /* owned */
    size_t n, room;
    bool short_of_memory;
};

static void collect(void *context, struct bytes name, bool superuser)
{
    struct collection *c = context;
    const struct user_row *user =
        c->n_users == 0 ? NULL
                        : bsearch(&name, c->users, c->n_users, sizeof *c->users, name_to_row);

    if (name.len == 0 || name.len > MFA_USER_MAX || c->short_of_memory ||
        (user != NULL && user->tokens[TOKEN_ACTIVE] > 0))
        return;
    if (c->n == c->room) {
        size_t room = c->room == 0 ? 64 : 2 * c->room;
        struct unenrolled *rows = reallocarray(c->rows, room, sizeof *rows);
        c->short_of_memory = rows == NULL;
        if (rows == NULL)
            return;
        c->rows = rows;
        c->room = room;
    }
    struct unenrolled *row = &c->rows[c->n++];
    *row = (struct unenrolled){
        .name_len = name.len,
        .superuser = superuser,
        .pending = user != NULL && user->tokens[TOKEN_PENDING] > 0,
        .disabled = user != NULL && user->tokens[TOKEN_DISABLED] > 0,
        .exempt_until_s = exempt_until(c->settings, name, c->now_s),
    };
    memcpy(row->name, name.ptr, name.len);
}

/* False after a message. */
static bool read_roles(struct collection *c)
{
    struct role_source *source = role_source_new(&c->settings->postgres, NULL);
    enum reason reason = REASON_INTERNAL;

    if (source != NULL)
        reason = role_each_login(source, clock_mono_ms() + WAIT_MS, collect, c);
    if (source == NULL || c->short_of_memory)
        log_error("memory is short");
    else if (reason != REASON_GRANTED)
        log_error("%s", role_source_error(source));
    role_source_free(source);
    return reason == REASON_GRANTED && !c->short_of_memory;
}

bool unenrolled_list(struct cli *cli, int64_t now_s, struct unenrolled **rows, size_t *n)
{
    struct collection c = {.settings = cli->settings, .now_s = now_s};
    struct user_row *users = NULL;

    *rows = NULL;
    *n = 0;
    if (cli->settings->postgres.conninfo == NULL) {
        log_error("--unenrolled asks PostgreSQL for its roles: set postgres.conninfo in %s",
                  cli->config);
        return false;
    }
    enum mfa_result result = mfa_users(cli->mfa, &users, &c.n_users);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(cli, result, bytes_of(NULL, 0), NULL);
        return false;
    }
    if (c.n_users > 0)
        qsort(users, c.n_users, sizeof *users, by_name);
    c.users = users;
    bool done = read_roles(&c);
    free(users);
    if (!done) {
        free(c.rows);
        return false;
    }
    *rows = c.rows;
    *n = c.n;
    return true;
}
