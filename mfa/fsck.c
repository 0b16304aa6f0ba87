#include "config.h"

#include "mfa/fsck.h"

#include "common/clock.h"
#include "common/secret.h"
#include "common/text.h"
#include "mfa/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS   10000
#define BATCH         100   /* users of one view */
#define CLOCK_SLACK_S 86400 /* times further ahead than this are faults */
#define FLOOR_SLACK_S 300   /* hosts' clocks differ by so much */
#define SECRET_LEAST  10    /* bytes; what an import takes at least */

struct check {
    struct mfa *mfa;
    int64_t now_s;
    fsck_report *report;
    void *context;
    struct fsck_count *count;
    const struct store_user *user;   /* that is looked at, or NULL */
    const struct store_token *token; /* or NULL */
    bool stopped;
};

static void fault(struct check *c, const char *kind, int64_t id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void fault(struct check *c, const char *kind, int64_t id, const char *format, ...)
{
    char what[300];
    struct fsck_fault row = {.kind = kind, .id = id, .what = what};
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (c->user != NULL)
        row.user = bytes_of(c->user->name, c->user->name_len);
    if (c->token != NULL)
        row.token = c->token->name;
    c->count->faults++;
    if (!c->stopped)
        c->stopped = !c->report(c->context, &row);
}

static bool begin(struct check *c)
{
    return c->mfa->store->engine->begin(c->mfa->store, STORE_READ, clock_mono_ms() + PATIENCE_MS) ==
           STORE_OK;
}

static void check_time(struct check *c, const char *kind, int64_t id, const char *name, int64_t at)
{
    if (at < 0 || at > c->now_s + CLOCK_SLACK_S)
        fault(c, kind, id, "its %s (%" PRId64 ") is not in the past", name, at);
}

/* Every data key opens by the configured KEK: else mfa_open would have failed; the rest is told. */
static void check_identity(struct check *c, const struct store_identity *identity)
{
    int64_t last = 0;

    for (size_t i = 0; i < identity->n_keys; i++) {
        const struct store_data_key *row = &identity->keys[i];
        c->count->wraps++;
        if (row->id != last) {
            c->count->data_keys++;
            if (!keyring_has(&c->mfa->ring, row->id))
                fault(c, "data-key", row->id, "the configured key does not open it");
        }
        if (row->id <= 0 || row->id < last)
            fault(c, "data-key", row->id, "its number is out of order");
        last = row->id;
    }
    if (!keyring_has(&c->mfa->ring, identity->hash_data_key))
        fault(c, "hash-keys", identity->hash_data_key, "their data key is not in the store");
}

/* A clock that was ahead when it was raised: nobody's code counts until then, and nothing lowers it. */
static void check_floor(struct check *c, int64_t floor_s)
{
    if (floor_s > c->now_s + FLOOR_SLACK_S)
        fault(c, "store", 0,
              "its floor (%" PRId64 ") lies %" PRId64 " s in the future: no code counts until then; a "
              "clock was wrong when it was raised, and only SQL lowers it: set floor_s to the present",
              floor_s, floor_s - c->now_s);
}

static void check_token_ranges(struct check *c, const struct store_token *t)
{
    bool hotp = t->kind == TOKEN_HOTP;
    int64_t latest = c->now_s;

    if (t->kind != TOKEN_TOTP && t->kind != TOKEN_HOTP)
        fault(c, "token", t->id, "its kind (%d) is unknown", (int)t->kind);
    if ((unsigned)t->state > TOKEN_DISABLED)
        fault(c, "token", t->id, "its state (%d) is unknown", (int)t->state);
    if ((unsigned)t->algorithm > ALGORITHM_SHA512)
        fault(c, "token", t->id, "its algorithm (%d) is unknown", (int)t->algorithm);
    if (t->digits < 6 || t->digits > 8)
        fault(c, "token", t->id, "it has %u digits, not 6 to 8", t->digits);
    if (hotp ? t->period != 0 : t->period < 1 || t->period > STORE_PERIOD_MAX)
        fault(c, "token", t->id, "its period is %u", t->period);
    if (!hotp && t->period > 0)
        latest = (c->now_s + CLOCK_SLACK_S) / (int64_t)t->period + RESYNC_STEPS;
    if (t->last_step < -1 || (!hotp && t->last_step > latest))
        fault(c, "token", t->id,
              "its last step (%" PRId64 ") lies in the future: no code counts until then",
              t->last_step);
    if (t->offset < -RESYNC_STEPS || t->offset > RESYNC_STEPS || (hotp && t->offset != 0))
        fault(c, "token", t->id, "its offset is %" PRId64 " steps", t->offset);
    if (t->drift < -1 || t->drift > 1)
        fault(c, "token", t->id, "its drift is %" PRId64 " steps", t->drift);
    if (t->version < 1)
        fault(c, "token", t->id, "its version is %" PRId64, t->version);
    if (t->state == TOKEN_ACTIVE && t->confirmed_s == 0)
        fault(c, "token", t->id, "it is active, but nothing proved it");
    check_time(c, "token", t->id, "creation", t->created_s);
    check_time(c, "token", t->id, "proof", t->confirmed_s);
    check_time(c, "token", t->id, "last use", t->last_used_s);
}

static void check_token(struct check *c, const struct store_token *t)
{
    uint8_t secret[SEAL_PLAIN_MAX];
    size_t len, name_len = strnlen(t->name, sizeof t->name);

    c->count->tokens++;
    c->token = t;
    if (t->id <= 0 || t->user != c->user->id)
        fault(c, "token", t->id, "it belongs to another user (%" PRId64 ")", t->user);
    if (name_len == 0 || name_len > MFA_TOKEN_NAME_MAX ||
        !text_is_utf8(bytes_of(t->name, name_len)))
        fault(c, "token", t->id, "its name is no name");
    check_token_ranges(c, t);
    if (c->user->data_key != 0 && keyring_has(&c->mfa->ring, c->user->data_key)) {
        if (!keyring_unseal(&c->mfa->ring, c->user, t, secret, &len))
            fault(c, "secret", t->id,
                  "its secret does not open: it was changed, or moved here from another row");
        else if (len < SECRET_LEAST)
            fault(c, "secret", t->id, "its secret has %zu bytes", len);
        secret_wipe(secret, sizeof secret);
    }
    c->token = NULL;
}

static bool check_recovery(struct check *c)
{
    struct store_recovery set;
    enum store_status status =
        c->mfa->store->engine->recovery_find(c->mfa->store, c->user->id, &set);

    if (status != STORE_OK)
        return status == STORE_NONE;
    c->count->recovery_sets++;
    if (set.user != c->user->id)
        fault(c, "recovery", set.user, "the codes belong to another user");
    if (set.n > RECOVERY_CODES || set.iterations < 1)
        fault(c, "recovery", set.user, "the codes' number or iterations are out of range");
    for (size_t i = 0; i < set.n && i < RECOVERY_CODES; i++)
        if (set.codes[i].id <= 0 || set.codes[i].used_s < 0)
            fault(c, "recovery", set.codes[i].id, "the code's row is out of range");
    check_time(c, "recovery", set.user, "creation", set.created_s);
    return true;
}

static bool check_user(struct check *c, const struct store_user *user)
{
    struct store_token tokens[MFA_TOKENS_PER_USER];
    struct store_user found;
    size_t n = 0;
    const struct store_engine *engine = c->mfa->store->engine;
    struct bytes name = bytes_of(user->name, user->name_len);

    c->user = user;
    c->count->users++;
    if (user->id <= 0 || name.len == 0 || name.len > MFA_USER_MAX ||
        memchr(name.ptr, 0, name.len) != NULL)
        fault(c, "user", user->id, "the name is no name");
    else if (engine->user_find(c->mfa->store, name, &found) != STORE_OK || found.id != user->id)
        fault(c, "user", user->id, "by its name another row is found");
    check_time(c, "user", user->id, "floor", user->floor_s);
    check_time(c, "user", user->id, "lock", user->locked_s);
    if (!keyring_has(&c->mfa->ring, user->data_key) && user->data_key != 0)
        fault(c, "user-key", user->id, "data key %" PRId64 ", which seals it, is not in the store",
              user->data_key);
    else if (user->data_key != 0 && !keyring_opens(&c->mfa->ring, user))
        fault(c, "user-key", user->id,
              "it does not open: it was changed, or moved here from another user");
    if (engine->token_list(c->mfa->store, user->id, tokens, &n) == STORE_FAILED) {
        /* The row is not what it can be; if it is the store that fails, the next batch finds that. */
        fault(c, "token", user->id, "a row cannot be read: %s", c->mfa->store->error);
        n = 0;
    }
    if (n > 0 && user->data_key == 0)
        fault(c, "user-key", user->id, "there is none, but there are tokens");
    for (size_t i = 0; i < n; i++)
        check_token(c, &tokens[i]);
    secret_wipe(tokens, sizeof tokens);
    return check_recovery(c);
}

/*
 * One batch in one view.  *unknown: stopped before a user whose data key this process does not have and
 * that was not `tried` yet.
 */
static bool check_batch(struct check *c, struct store_user *page, int64_t tried, int64_t *after,
                        int64_t *unknown, size_t *n)
{
    const struct store_engine *engine = c->mfa->store->engine;

    *unknown = 0;
    bool ok = begin(c) && engine->user_page(c->mfa->store, *after, page, n) == STORE_OK;
    for (size_t i = 0; ok && i < *n && i < BATCH && !c->stopped; i++) {
        int64_t data_key = page[i].data_key;
        if (data_key != 0 && data_key != tried && !keyring_has(&c->mfa->ring, data_key)) {
            *unknown = data_key;
            break;
        }
        ok = check_user(c, &page[i]);
        *after = page[i].id;
    }
    c->user = NULL;
    if (!ok)
        mfa_note_store(c->mfa);
    engine->rollback(c->mfa->store);
    return ok;
}

/* All users, a batch a view: no reader holds the store's log back for long. */
static bool check_users(struct check *c, struct store_user *page, fsck_progress *progress)
{
    int64_t after = 0, tried = 0, unknown = 0;

    for (size_t n = 1; n > 0 && !c->stopped;) {
        if (!check_batch(c, page, tried, &after, &unknown, &n))
            return false;
        if (unknown != 0) { /* another program may have made it meanwhile */
            (void)mfa_learn_data_key(c->mfa, unknown);
            tried = unknown;
        }
        if (progress != NULL)
            progress(c->context, c->count->users);
    }
    return true;
}

static bool check_break_glass(void *context, const struct store_break_glass *row)
{
    struct check *c = context;

    c->count->break_glass++;
    if (row->name_len == 0 || row->name_len > MFA_USER_MAX || row->iterations < 1)
        fault(c, "break-glass", 0, "an account's name or iterations are out of range");
    if (row->armed_until_s > 0 && row->reason[0] == '\0')
        fault(c, "break-glass", 0, "an account is armed without a reason");
    return !c->stopped;
}

enum mfa_result mfa_fsck(struct mfa *mfa, int64_t now_s, fsck_report *report,
                         fsck_progress *progress, void *context, struct fsck_count *count)
{
    struct check c = {
        .mfa = mfa, .now_s = now_s, .report = report, .context = context, .count = count};
    struct store_identity identity;
    struct store_state state;
    struct store_user *page = NULL;
    const struct store_engine *engine = mfa->store->engine;
    bool ok = false;

    *count = (struct fsck_count){0};
    if (!mfa_usable(mfa))
        return MFA_STORE;
    page = calloc(STORE_BATCH, sizeof *page);
    if (page == NULL) {
        mfa_note(mfa, "cannot check the store: memory is short");
        return MFA_STORE;
    }
    ok = begin(&c) && engine->identity(mfa->store, &identity) == STORE_OK &&
         engine->state(mfa->store, &state) == STORE_OK &&
         engine->break_glass_scan(mfa->store, check_break_glass, &c) == STORE_OK;
    if (!ok)
        mfa_note_store(mfa);
    engine->rollback(mfa->store);
    if (ok) {
        check_identity(&c, &identity);
        check_floor(&c, state.floor_s);
        ok = check_users(&c, page, progress);
    }
    secret_wipe(page, STORE_BATCH * sizeof *page);
    free(page);
    return ok ? MFA_OK : MFA_STORE;
}
