#include "config.h"

#include "mfa/migrate_rows.h"

#include <stdlib.h>

#define SUBJECT_KEY (STORE_SUBJECT + 1)

enum { USERS, TOKENS, RECOVERY, SUBJECTS, ADDRESSES };

/* --- digests: FNV-1a over the fields, never over a struct with its padding --- */

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static uint64_t digest_bytes(uint64_t digest, const void *at, size_t len)
{
    const uint8_t *byte = at;

    for (size_t i = 0; i < len; i++)
        digest = (digest ^ byte[i]) * UINT64_C(0x100000001b3);
    /* The length as well: two fields side by side never read like two others. */
    return (digest ^ len) * UINT64_C(0x100000001b3);
}

static uint64_t digest_number(uint64_t digest, int64_t number)
{
    return digest_bytes(digest, &number, sizeof number);
}

static uint64_t digest_text(uint64_t digest, const char *text)
{
    return digest_bytes(digest, text, strlen(text));
}

static uint64_t user_digest(const void *row)
{
    const struct store_user *user = row;
    uint64_t d = digest_bytes(DIGEST_START, user->name, user->name_len);

    d = digest_number(d, user->floor_s);
    d = digest_number(d, user->data_key);
    d = digest_bytes(d, user->key.at, user->key.len);
    d = digest_number(d, user->locked_s);
    return digest_text(d, user->lock_reason);
}

static uint64_t token_digest(const void *row)
{
    const struct store_token *token = row;
    const int64_t numbers[] = {
        token->user,        (int64_t)token->state, (int64_t)token->algorithm,
        token->digits,      token->period,         token->created_s,
        token->last_used_s, token->confirmed_s,    (int64_t)token->kind,
        token->last_step,   token->version,        token->offset,
        token->drift,       token->synced_s,       token->expires_s,
    };
    uint64_t d = digest_text(DIGEST_START, token->name);

    d = digest_text(d, token->last_address);
    d = digest_bytes(d, token->secret.at, token->secret.len);
    return digest_bytes(d, numbers, sizeof numbers);
}

static uint64_t recovery_digest(const void *row)
{
    const struct store_recovery *set = row;
    uint64_t d = digest_bytes(DIGEST_START, set->salt, sizeof set->salt);

    d = digest_number(d, set->iterations);
    d = digest_number(d, set->created_s);
    for (size_t i = 0; i < set->n; i++) {
        d = digest_number(d, set->codes[i].id);
        d = digest_bytes(d, set->codes[i].hash, sizeof set->codes[i].hash);
        d = digest_number(d, set->codes[i].used_s);
    }
    return d;
}

static uint64_t subject_digest(const void *row)
{
    const struct store_subject *subject = row;
    const int64_t numbers[] = {subject->slot, subject->failures, subject->touched_ms};

    return digest_bytes(DIGEST_START, numbers, sizeof numbers);
}

static uint64_t address_digest(const void *row)
{
    const struct store_address *address = &((const struct store_from *)row)->address;
    const int64_t numbers[] = {address->failures, address->last_failure_ms,
                               address->last_success_ms};

    return digest_bytes(DIGEST_START, numbers, sizeof numbers);
}

/* --- keys: their bytes stand in the order of the rows --- */

static struct bytes number_key(int64_t number, uint8_t out[MIGRATE_KEY])
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    return bytes_of(out, 8);
}

static int64_t key_number(struct bytes key)
{
    uint64_t number = 0;

    for (size_t i = 0; i < key.len; i++)
        number = number << 8 | key.ptr[i];
    return (int64_t)number;
}

static struct bytes user_key(const void *row, uint8_t out[MIGRATE_KEY])
{
    return number_key(((const struct store_user *)row)->id, out);
}

static struct bytes token_key(const void *row, uint8_t out[MIGRATE_KEY])
{
    return number_key(((const struct store_token *)row)->id, out);
}

static struct bytes recovery_key(const void *row, uint8_t out[MIGRATE_KEY])
{
    return number_key(((const struct store_recovery *)row)->user, out);
}

/* Subjects differ in length: filled up, and the length behind it, they still stand in their order. */
static struct bytes filled_up(const uint8_t *id, size_t len, uint8_t out[MIGRATE_KEY])
{
    memset(out, 0, STORE_SUBJECT);
    memcpy(out, id, len);
    out[STORE_SUBJECT] = (uint8_t)len;
    return bytes_of(out, SUBJECT_KEY);
}

static struct bytes subject_key(const void *row, uint8_t out[MIGRATE_KEY])
{
    const struct store_subject *subject = row;

    return filled_up(subject->id, subject->id_len, out);
}

static struct bytes address_key(const void *row, uint8_t out[MIGRATE_KEY])
{
    const struct store_from *from = row;

    filled_up(from->subject, from->subject_len, out);
    memcpy(out + SUBJECT_KEY, from->address.at, from->address.len);
    return bytes_of(out, SUBJECT_KEY + from->address.len);
}

static struct bytes token_parent(const void *row, uint8_t out[MIGRATE_KEY])
{
    return number_key(((const struct store_token *)row)->user, out);
}

static struct bytes address_parent(const void *row, uint8_t out[MIGRATE_KEY])
{
    const struct store_from *from = row;

    return filled_up(from->subject, from->subject_len, out);
}

int migrate_compare(struct bytes a, struct bytes b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least > 0 ? memcmp(a.ptr, b.ptr, least) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* --- pages --- */

static enum store_status user_page(struct store *from, const void *last, void *rows, size_t *n)
{
    return from->engine->user_page(from, last ? ((const struct store_user *)last)->id : 0, rows, n);
}

static enum store_status token_page(struct store *from, const void *last, void *rows, size_t *n)
{
    return from->engine->token_page(from, last ? ((const struct store_token *)last)->id : 0, rows,
                                    n);
}

static enum store_status recovery_page(struct store *from, const void *last, void *rows, size_t *n)
{
    return from->engine->recovery_page(
        from, last ? ((const struct store_recovery *)last)->user : 0, rows, n);
}

static enum store_status subject_page(struct store *from, const void *last, void *rows, size_t *n)
{
    const struct store_subject *subject = last;
    struct bytes after = {0};

    if (subject != NULL)
        after = bytes_of(subject->id, subject->id_len);
    return from->engine->subject_page(from, after, rows, n);
}

static enum store_status address_page(struct store *from, const void *last, void *rows, size_t *n)
{
    const struct store_from *row = last;
    struct bytes subject = {0}, address = {0};

    if (row != NULL) {
        subject = bytes_of(row->subject, row->subject_len);
        address = bytes_of(row->address.at, row->address.len);
    }
    return from->engine->address_page(from, subject, address, rows, n);
}

/* --- writing --- */

static enum store_status user_put(struct store *to, const void *row, bool is_there)
{
    const struct store_engine *engine = to->engine;
    const struct store_user *user = row;

    if (!is_there)
        return engine->user_add(to, user); /* all of it */
    enum store_status status =
        engine->user_rename(to, user->id, bytes_of(user->name, user->name_len));
    if (status == STORE_OK)
        status = engine->user_set_key(to, user);
    /* Raising to what it is changes nothing, which is no fault. */
    if (status == STORE_OK && engine->user_raise_floor(to, user->id, user->floor_s) == STORE_FAILED)
        return STORE_FAILED;
    if (status == STORE_OK)
        status = engine->user_set_lock(to, user->id, user->locked_s, user->lock_reason);
    return status;
}

/* No user's name has a NUL. */
static enum store_status user_vacate(struct store *to, const void *row)
{
    const struct store_user *user = row;
    uint8_t name[1 + MIGRATE_KEY] = {0};

    struct bytes id = number_key(user->id, name + 1);
    return to->engine->user_rename(to, user->id, bytes_of(name, 1 + id.len));
}

static enum store_status token_put(struct store *to, const void *row, bool is_there)
{
    const struct store_token *token = row;

    if (is_there && to->engine->token_remove(to, token->id) == STORE_FAILED)
        return STORE_FAILED;
    return to->engine->token_add(to, token);
}

static enum store_status token_vacate(struct store *to, const void *row)
{
    enum store_status status = to->engine->token_remove(to, ((const struct store_token *)row)->id);

    return status == STORE_OK ? STORE_NONE : status;
}

static enum store_status recovery_put(struct store *to, const void *row, bool is_there)
{
    (void)is_there;
    return to->engine->recovery_put(to, row);
}

static enum store_status subject_put(struct store *to, const void *row, bool is_there)
{
    (void)is_there;
    return to->engine->subject_put(to, row);
}

static enum store_status address_put(struct store *to, const void *row, bool is_there)
{
    const struct store_from *from = row;

    (void)is_there;
    return to->engine->address_put(to, bytes_of(from->subject, from->subject_len), &from->address);
}

static enum store_status user_remove(struct store *to, struct bytes key)
{
    return to->engine->user_remove(to, key_number(key));
}

static enum store_status token_remove(struct store *to, struct bytes key)
{
    return to->engine->token_remove(to, key_number(key));
}

static enum store_status recovery_remove(struct store *to, struct bytes key)
{
    return to->engine->recovery_remove(to, key_number(key));
}

static enum store_status subject_remove(struct store *to, struct bytes key)
{
    return to->engine->subject_remove(to, bytes_of(key.ptr, key.ptr[STORE_SUBJECT]));
}

static enum store_status address_remove(struct store *to, struct bytes key)
{
    return to->engine->address_remove(to, bytes_of(key.ptr, key.ptr[STORE_SUBJECT]),
                                      bytes_of(key.ptr + SUBJECT_KEY, key.len - SUBJECT_KEY));
}

/* clang-format off */
const struct migrate_table migrate_tables[MIGRATE_TABLES] = {
    [USERS] = {"users", sizeof(struct store_user),
     user_page, user_key, user_digest, user_put, user_remove, user_vacate, NULL, NULL},
    [TOKENS] = {"tokens", sizeof(struct store_token),
     token_page, token_key, token_digest, token_put, token_remove, token_vacate,
     &migrate_tables[USERS], token_parent},
    [RECOVERY] = {"sets of recovery codes", sizeof(struct store_recovery),
     recovery_page, recovery_key, recovery_digest, recovery_put, recovery_remove, NULL,
     &migrate_tables[USERS], recovery_key},
    [SUBJECTS] = {"names with failures or successes", sizeof(struct store_subject),
     subject_page, subject_key, subject_digest, subject_put, subject_remove, NULL, NULL, NULL},
    [ADDRESSES] = {"addresses", sizeof(struct store_from),
     address_page, address_key, address_digest, address_put, address_remove, NULL,
     &migrate_tables[SUBJECTS], address_parent},
};
/* clang-format on */

/* --- memory --- */

#define RECORD_HEAD 2 /* bytes before the key */

bool migrate_remember(struct migrate_memory *memory, struct bytes key, uint64_t digest)
{
    size_t need = RECORD_HEAD + key.len + sizeof digest;

    if (memory->cap - memory->len < need) {
        size_t cap = memory->cap == 0 ? 4096 : 2 * memory->cap;
        uint8_t *at = realloc(memory->at, cap);
        if (at == NULL)
            return false;
        memory->at = at;
        memory->cap = cap;
    }
    uint8_t *out = memory->at + memory->len;
    out[0] = (uint8_t)key.len;
    out[1] = MIGRATE_STANDS;
    memcpy(out + RECORD_HEAD, key.ptr, key.len);
    memcpy(out + RECORD_HEAD + key.len, &digest, sizeof digest);
    memory->len += need;
    return true;
}

bool migrate_recall(const struct migrate_memory *memory, size_t *offset,
                    struct migrate_record *record)
{
    if (*offset == memory->len)
        return false;
    const uint8_t *in = memory->at + *offset;
    record->key = bytes_of(in + RECORD_HEAD, in[0]);
    record->fate = (enum migrate_fate)in[1];
    memcpy(&record->digest, in + RECORD_HEAD + in[0], sizeof record->digest);
    *offset += RECORD_HEAD + record->key.len + sizeof record->digest;
    return true;
}

void migrate_decide(struct migrate_memory *memory, size_t offset, enum migrate_fate fate)
{
    memory->at[offset + 1] = (uint8_t)fate;
}

bool migrate_knows(const struct migrate_memory *memory, struct bytes key)
{
    size_t size = RECORD_HEAD + key.len + sizeof(uint64_t);
    size_t low = 0, high = memory->len / size;

    while (low < high) {
        size_t middle = low + (high - low) / 2, offset = middle * size;
        struct migrate_record record = {0};
        migrate_recall(memory, &offset, &record);
        int order = migrate_compare(record.key, key);
        if (order == 0)
            return record.fate != MIGRATE_GONE;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void migrate_forget(struct migrate_memory *memory)
{
    free(memory->at);
    *memory = (struct migrate_memory){0};
}
