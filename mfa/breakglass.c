#include "config.h"

#include "mfa/breakglass.h"

#include "common/crypto.h"
#include "mfa/change.h"
#include "mfa/recovery.h"
#include "mfa/subject.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

/* --- one attempt --------------------------------------------------------------------------------- */

bool glass_has_form(struct bytes secret, struct glass_try *try)
{
    *try = (struct glass_try){.has_form = false};
    try->has_form = letters_read(secret, try->letters, GLASS_LETTERS);
    return try->has_form;
}

static bool hash_letters(const uint8_t letters[GLASS_LETTERS], const uint8_t salt[RECOVERY_SALT],
                         int64_t iterations, uint8_t hash[RECOVERY_HASH])
{
    if (iterations < 1 || iterations > RECOVERY_ITERATIONS_MAX)
        return false;
    return crypto_pbkdf2_sha256(bytes_of(letters, GLASS_LETTERS), bytes_of(salt, RECOVERY_SALT),
                                (unsigned)iterations, hash, RECOVERY_HASH);
}

bool glass_hash(struct glass_try *try, const struct store_break_glass *row,
                const uint8_t dummy_salt[RECOVERY_SALT])
{
    memcpy(try->salt, row != NULL ? row->salt : dummy_salt, sizeof try->salt);
    try->iterations = row != NULL ? row->iterations : GLASS_ITERATIONS;
    return hash_letters(try->letters, try->salt, try->iterations, try->hash);
}

enum mfa_glass glass_judge(const struct glass_try *try, const struct store_break_glass *row,
                           int64_t now_s)
{
    if (!try->has_form || row == NULL)
        return MFA_GLASS_NONE;
    /* An account that was made anew since its salt was read has another passphrase. */
    if (row->iterations != try->iterations || memcmp(row->salt, try->salt, sizeof row->salt) != 0 ||
        CRYPTO_memcmp(row->hash, try->hash, RECOVERY_HASH) != 0)
        return MFA_GLASS_WRONG;
    /* An end further off than one can be set is a row that was tampered with, or a clock set back. */
    return row->armed_until_s > now_s && row->armed_until_s - now_s <= GLASS_MOST_S
               ? MFA_GLASS_ARMED
               : MFA_GLASS_UNARMED;
}

/* --- operators ----------------------------------------------------------------------------------- */

/* Inside of a transaction.  MFA_NOT_FOUND when there is no such account. */
static enum mfa_result find(struct mfa *mfa, struct bytes user, struct store_break_glass *row)
{
    enum store_status status = mfa->store->engine->break_glass_find(mfa->store, user, row);

    return status == STORE_NONE ? MFA_NOT_FOUND : change_result(status);
}

static enum mfa_result put(struct mfa *mfa, const struct store_break_glass *row)
{
    return change_result(mfa->store->engine->break_glass_put(mfa->store, row));
}

/* Its failures get rows of their own, for good: shared ones are full in the very flood it may be for. */
static enum mfa_result add(struct mfa *mfa, struct bytes user, const struct store_break_glass *row,
                           int64_t now_s)
{
    struct store_break_glass present;
    enum mfa_result result = find(mfa, user, &present);

    if (result != MFA_NOT_FOUND)
        return result == MFA_OK ? MFA_EXISTS : result;
    if (subject_keep(mfa, user, now_s * 1000) == STORE_FAILED)
        return MFA_STORE;
    return put(mfa, row);
}

enum mfa_result mfa_glass_create(struct mfa *mfa, struct bytes user, int64_t now_s,
                                 char passphrase[GLASS_TEXT])
{
    struct store_break_glass row = {.name_len = user.len,
                                    .iterations = GLASS_ITERATIONS,
                                    .created_s = now_s};
    uint8_t letters[GLASS_LETTERS];

    if (!change_good_user(user))
        return MFA_BAD_NAME;
    memcpy(row.name, user.ptr, user.len);
    bool ok = crypto_random(row.salt, sizeof row.salt) && letters_draw(letters, GLASS_LETTERS) &&
              hash_letters(letters, row.salt, row.iterations, row.hash);
    if (ok)
        letters_write(letters, GLASS_LETTERS, passphrase);
    secret_wipe(letters, sizeof letters);
    if (!ok) {
        mfa_note(mfa, "cannot make a passphrase: OpenSSL fails or has no random bytes");
        return MFA_KEY;
    }
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result == MFA_OK)
        result = change_end(mfa, add(mfa, user, &row, now_s));
    if (result != MFA_OK)
        secret_wipe(passphrase, GLASS_TEXT);
    return result;
}

enum mfa_result mfa_glass_arm(struct mfa *mfa, struct bytes user, const char *reason,
                              const char *armed_by, int64_t until_s, int64_t now_s)
{
    struct store_break_glass row;

    if (!change_good_user(user) || reason[0] == '\0' || strlen(reason) >= sizeof row.reason)
        return MFA_BAD_NAME;
    if (until_s <= now_s || until_s - now_s > GLASS_MOST_S)
        return MFA_STATE;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = find(mfa, user, &row);
    if (result == MFA_OK) {
        row.armed_until_s = until_s;
        snprintf(row.reason, sizeof row.reason, "%s", reason);
        snprintf(row.armed_by, sizeof row.armed_by, "%s", armed_by);
        result = put(mfa, &row);
    }
    return change_end(mfa, result);
}

enum mfa_result mfa_glass_disarm(struct mfa *mfa, struct bytes user, int64_t now_s)
{
    struct store_break_glass row;
    bool was_armed = false;

    if (!change_good_user(user))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    result = find(mfa, user, &row);
    if (result == MFA_OK) {
        was_armed = row.armed_until_s > now_s;
        row.armed_until_s = 0;
        row.reason[0] = row.armed_by[0] = '\0';
        result = put(mfa, &row);
    }
    result = change_end(mfa, result);
    return result == MFA_OK && !was_armed ? MFA_STATE : result;
}

enum mfa_result mfa_glass_remove(struct mfa *mfa, struct bytes user)
{
    if (!change_good_user(user))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_DURABLE);
    if (result != MFA_OK)
        return result;
    enum store_status status = mfa->store->engine->break_glass_remove(mfa->store, user);
    return change_end(mfa, status == STORE_NONE ? MFA_NOT_FOUND : change_result(status));
}

struct listing {
    struct glass_info *infos; /* owned */
    size_t n, room;
    bool memory_short;
};

static bool list_one(void *context, const struct store_break_glass *row)
{
    struct listing *list = context;

    if (list->n == list->room) {
        size_t room = list->room > 0 ? list->room * 2 : 16;
        struct glass_info *more = reallocarray(list->infos, room, sizeof *more);

        list->memory_short = more == NULL;
        if (more == NULL)
            return false;
        list->infos = more;
        list->room = room;
    }
    struct glass_info *info = &list->infos[list->n++];
    *info = (struct glass_info){.user_len = row->name_len,
                                .created_s = row->created_s,
                                .armed_until_s = row->armed_until_s};
    memcpy(info->user, row->name, row->name_len);
    memcpy(info->reason, row->reason, sizeof info->reason);
    memcpy(info->armed_by, row->armed_by, sizeof info->armed_by);
    return true;
}

enum mfa_result mfa_glass_list(struct mfa *mfa, struct glass_info **infos, size_t *n)
{
    struct listing list = {.infos = NULL};

    *infos = NULL;
    *n = 0;
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    result = change_result(mfa->store->engine->break_glass_scan(mfa->store, list_one, &list));
    if (result == MFA_OK && list.memory_short) {
        snprintf(mfa->store->error, sizeof mfa->store->error, "memory is short");
        result = MFA_STORE;
    }
    if (result == MFA_STORE)
        mfa_note_store(mfa);
    mfa->store->engine->rollback(mfa->store);
    if (result != MFA_OK) {
        free(list.infos);
        return result;
    }
    *infos = list.infos;
    *n = list.n;
    return MFA_OK;
}
