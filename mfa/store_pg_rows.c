/* Rows to structs.  What a stranger's hand may have written is checked before it is used. */
#include "config.h"

#include "mfa/store_pg.h"

static bool in_range(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

/* Numbers from one row, column by column; ok stays false once one was none. */
struct reader {
    const PGresult *rows;
    int row;
    bool ok;
};

static int64_t number(struct reader *r, int column)
{
    int64_t value;

    r->ok = pgconn_number(r->rows, r->row, column, &value) && r->ok;
    return value;
}

bool pg_state_of(const PGresult *rows, struct store_state *state)
{
    struct reader r = {rows, 0, true};

    *state = (struct store_state){0};
    state->floor_s = number(&r, 0);
    state->moved = number(&r, 1);
    return r.ok && PQntuples(rows) == 1 && pg_text(rows, 0, 2, state->home, sizeof state->home);
}

bool pg_user_of(const PGresult *rows, int row, struct store_user *user)
{
    struct reader r = {rows, row, true};

    *user = (struct store_user){0};
    user->id = number(&r, 0);
    user->floor_s = number(&r, 2);
    user->locked_s = number(&r, 3);
    user->data_key = number(&r, 5);
    return r.ok && user->id > 0 &&
           pg_take(rows, row, 1, user->name, sizeof user->name, &user->name_len) &&
           pg_text(rows, row, 4, user->lock_reason, sizeof user->lock_reason) &&
           pg_sealed(rows, row, 6, &user->key);
}

bool pg_token_of(const PGresult *rows, int row, struct store_token *token)
{
    struct reader r = {rows, row, true};
    int64_t state = number(&r, 3), algorithm = number(&r, 4), digits = number(&r, 5);
    int64_t period = number(&r, 6), kind = number(&r, 11), offset = number(&r, 15);

    *token = (struct store_token){
        .id = number(&r, 0),
        .user = number(&r, 1),
        .created_s = number(&r, 7),
        .confirmed_s = number(&r, 8),
        .last_used_s = number(&r, 9),
        .last_step = number(&r, 12),
        .version = number(&r, 13),
        .offset = offset,
        .drift = number(&r, 16),
        .synced_s = number(&r, 17),
        .expires_s = number(&r, 18),
    };
    if (!r.ok || !in_range(state, TOKEN_PENDING, TOKEN_DISABLED) ||
        !in_range(algorithm, ALGORITHM_SHA1, ALGORITHM_SHA512) || !in_range(digits, 6, 8) ||
        !in_range(kind, TOKEN_TOTP, TOKEN_HOTP) ||
        !in_range(period, kind == TOKEN_TOTP ? 1 : 0, STORE_PERIOD_MAX) ||
        !in_range(offset, -RESYNC_STEPS, RESYNC_STEPS))
        return false;
    token->state = (enum token_state)state;
    token->algorithm = (enum settings_algorithm)algorithm;
    token->digits = (unsigned)digits;
    token->period = (unsigned)period;
    token->kind = (enum token_kind)kind;
    return token->id > 0 && pg_text(rows, row, 2, token->name, sizeof token->name) &&
           pg_text(rows, row, 10, token->last_address, sizeof token->last_address) &&
           pg_sealed(rows, row, 14, &token->secret);
}

bool pg_tokens_of(const PGresult *rows, struct store_token tokens[MFA_TOKENS_PER_USER], size_t *n)
{
    int got = PQntuples(rows);

    *n = 0;
    for (int i = 0; i < got; i++) {
        if (*n == MFA_TOKENS_PER_USER || !pg_token_of(rows, i, &tokens[*n]))
            return false;
        ++*n;
    }
    return true;
}

bool pg_recovery_of(const PGresult *rows, int *row, struct store_recovery *recovery)
{
    struct reader r = {rows, *row, true};
    size_t len;

    *recovery = (struct store_recovery){0};
    recovery->user = number(&r, 0);
    recovery->iterations = number(&r, 2);
    recovery->created_s = number(&r, 3);
    if (!r.ok || recovery->iterations < 1 ||
        !pg_take(rows, *row, 1, recovery->salt, RECOVERY_SALT, &len) || len != RECOVERY_SALT)
        return false;
    for (; r.row < PQntuples(rows) && number(&r, 0) == recovery->user; r.row++) {
        if (PQgetisnull(rows, r.row, 4) != 0)
            continue; /* a set without codes */
        if (recovery->n == RECOVERY_CODES)
            return false;
        struct store_recovery_code *code = &recovery->codes[recovery->n++];
        code->id = number(&r, 4);
        code->used_s = number(&r, 6);
        if (!r.ok || !pg_take(rows, r.row, 5, code->hash, RECOVERY_HASH, &len) ||
            len != RECOVERY_HASH)
            return false;
    }
    *row = r.row;
    return r.ok;
}

bool pg_break_glass_of(const PGresult *rows, int row, struct store_break_glass *out)
{
    struct reader r = {rows, row, true};
    size_t salt, hash;

    *out = (struct store_break_glass){0};
    out->iterations = number(&r, 2);
    out->created_s = number(&r, 4);
    out->armed_until_s = number(&r, 5);
    return r.ok && out->iterations > 0 &&
           pg_take(rows, row, 0, out->name, sizeof out->name, &out->name_len) &&
           pg_take(rows, row, 1, out->salt, sizeof out->salt, &salt) && salt == RECOVERY_SALT &&
           pg_take(rows, row, 3, out->hash, sizeof out->hash, &hash) && hash == RECOVERY_HASH &&
           pg_text(rows, row, 6, out->reason, sizeof out->reason) &&
           pg_text(rows, row, 7, out->armed_by, sizeof out->armed_by);
}

bool pg_subject_of(const PGresult *rows, int row, struct store_subject *subject)
{
    struct reader r = {rows, row, true};

    *subject = (struct store_subject){.slot = -1};
    if (PQgetisnull(rows, row, 1) == 0)
        subject->slot = number(&r, 1);
    subject->failures = number(&r, 2);
    subject->touched_ms = number(&r, 3);
    return r.ok && pg_take(rows, row, 0, subject->id, sizeof subject->id, &subject->id_len);
}

bool pg_address_of(const PGresult *rows, int row, int at, struct store_address *address)
{
    struct reader r = {rows, row, true};

    *address = (struct store_address){0};
    address->failures = number(&r, at + 1);
    address->last_failure_ms = number(&r, at + 2);
    address->last_success_ms = number(&r, at + 3);
    return r.ok && pg_take(rows, row, at, address->at, sizeof address->at, &address->len);
}
