#include "config.h"

#include "mfa/migrate_pass.h"

#include "common/clock.h"
#include "mfa/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define PATIENCE_MS 10000 /* for one page, and for logins that are under way */

int64_t migrate_soon(void)
{
    return clock_mono_ms() + PATIENCE_MS;
}

/* The sentence of whichever store failed becomes the handle's.  What is tried next may fail as well. */
enum mfa_result migrate_trouble(struct migration *m, struct store *store)
{
    mfa_note(m->mfa, "%s",
             store->error[0] != '\0' ? store->error
                                     : "two rows of the old store want one place in "
                                       "the new one; run migrate again");
    store->error[0] = '\0';
    store->engine->rollback(store);
    if (m->to != NULL)
        m->to->engine->rollback(m->to); /* it may be in the middle of writing what the other gave */
    return MFA_STORE;
}

enum mfa_result migrate_short_of_memory(struct migration *m)
{
    mfa_note(m->mfa, "cannot migrate: memory is short");
    return MFA_STORE;
}

/* --- rows --- */

/* Reads the next page of a store into rows; true with *n = 0 at the end. */
static bool next_page(struct store *store, const struct migrate_table *table, const void *last,
                      void *rows, size_t *n)
{
    bool ok = store->engine->begin(store, STORE_READ, migrate_soon()) == STORE_OK &&
              table->page(store, last, rows, n) != STORE_FAILED;

    store->engine->rollback(store);
    return ok;
}

/* What one row means for the target. */
typedef bool row_visit(struct migration *m, size_t which, const void *row, struct bytes key,
                       uint64_t digest);

/* Visits every row of a table of a store; `store` is the one that failed if this is false. */
static bool each_row(struct migration *m, struct store *store, size_t which, bool writes,
                     row_visit *visit)
{
    const struct migrate_table *table = &migrate_tables[which];
    const struct store_engine *to = m->to->engine;
    uint8_t key[MIGRATE_KEY];
    size_t n = 0;
    bool ok;
    /* One row more than a page: the last one of the page before is where the next begins. */
    uint8_t *rows = calloc(STORE_BATCH + 1, table->size);

    if (rows == NULL) {
        migrate_short_of_memory(m);
        return false;
    }
    uint8_t *last = rows + STORE_BATCH * table->size;
    ok = next_page(store, table, NULL, rows, &n);
    while (ok && n > 0) {
        ok = !writes || to->begin(m->to, STORE_DURABLE, migrate_soon()) == STORE_OK;
        for (size_t i = 0; ok && i < n; i++) {
            const void *row = rows + i * table->size;
            ok = visit(m, which, row, table->key(row, key), table->digest(row));
        }
        ok = ok && (!writes || to->commit(m->to) == STORE_OK);
        memcpy(last, rows + (n - 1) * table->size, table->size);
        ok = ok && next_page(store, table, last, rows, &n);
        if (m->progress != NULL)
            m->progress(m->context, m->stage, m->done);
    }
    if (!ok)
        migrate_trouble(m, m->to->error[0] != '\0' ? m->to : store);
    free(rows);
    return ok;
}

static bool remember_row(struct migration *m, size_t which, const void *row, struct bytes key,
                         uint64_t digest)
{
    (void)row;
    return migrate_remember(&m->memory[which], key, digest);
}

/* --- one pass: the target is made equal to what the source has now --- */

static void merge_next(struct migration *m, size_t which)
{
    struct merge *merge = &m->merge;

    merge->at = merge->next;
    merge->at_end = !migrate_recall(&m->memory[which], &merge->next, &merge->record);
}

static void merge_start(struct migration *m, size_t which)
{
    m->merge = (struct merge){0};
    merge_next(m, which);
}

/* Moves on to the first remembered row that is not below the key; removes those between if asked to. */
static bool merge_to(struct migration *m, size_t which, const struct bytes *key, bool removes)
{
    while (!m->merge.at_end && (key == NULL || migrate_compare(m->merge.record.key, *key) < 0)) {
        if (removes) {
            if (migrate_tables[which].remove(m->to, m->merge.record.key) == STORE_FAILED)
                return false;
            migrate_decide(&m->memory[which], m->merge.at, MIGRATE_GONE);
            m->report->again++;
        }
        merge_next(m, which);
    }
    return true;
}

static bool is_remembered(const struct migration *m, struct bytes key)
{
    return !m->merge.at_end && migrate_compare(m->merge.record.key, key) == 0;
}

static bool remove_below(struct migration *m, size_t which, const void *row, struct bytes key,
                         uint64_t digest)
{
    const struct migrate_table *table = &migrate_tables[which];

    if (!merge_to(m, which, &key, true))
        return false;
    if (!is_remembered(m, key))
        return true;
    if (table->vacate != NULL && m->merge.record.digest != digest) {
        enum store_status status = table->vacate(m->to, row);
        if (status != STORE_OK && status != STORE_NONE)
            return false;
        /* It will be put even if the source takes its change back before. */
        migrate_decide(&m->memory[which], m->merge.at,
                       status == STORE_NONE ? MIGRATE_GONE : MIGRATE_VACATED);
    }
    merge_next(m, which);
    return true;
}

/*
 * Rows that the source has no more, and the names of those that it has changed.  First of all: another row
 * may bear such a name by now.
 */
static bool remove_gone(struct migration *m, size_t which)
{
    const struct store_engine *to = m->to->engine;

    merge_start(m, which);
    if (m->merge.at_end)
        return true;
    if (!each_row(m, m->from, which, true, remove_below))
        return false;
    if (to->begin(m->to, STORE_DURABLE, migrate_soon()) == STORE_OK && merge_to(m, which, NULL, true) &&
        to->commit(m->to) == STORE_OK)
        return true;
    migrate_trouble(m, m->to);
    return false;
}

static bool put_row(struct migration *m, size_t which, const void *row, struct bytes key,
                    uint64_t digest)
{
    const struct migrate_table *table = &migrate_tables[which];
    uint8_t parent[MIGRATE_KEY];

    (void)merge_to(m, which, &key, false);
    bool is_there = is_remembered(m, key) && m->merge.record.fate != MIGRATE_GONE;
    m->done++;
    /* What it hangs on came after its table was copied.  Both come when the source is closed. */
    if (m->stage == MIGRATE_COPY && table->parent != NULL &&
        !migrate_knows(&m->memory[table->parent - migrate_tables], table->parent_key(row, parent)))
        return true;
    if (!migrate_remember(&m->fresh, key, digest)) {
        snprintf(m->to->error, sizeof m->to->error, "cannot migrate: memory is short");
        return false;
    }
    if (is_there && m->merge.record.fate == MIGRATE_STANDS && m->merge.record.digest == digest)
        return true;
    m->report->again += m->stage == MIGRATE_AGAIN;
    return table->put(m->to, row, is_there) == STORE_OK;
}

static bool put_rows(struct migration *m, size_t which)
{
    size_t before = m->done;

    m->fresh = (struct migrate_memory){0};
    merge_start(m, which);
    bool ok = each_row(m, m->from, which, true, put_row);
    migrate_forget(&m->memory[which]);
    m->memory[which] = m->fresh;
    m->report->rows[which] = m->done - before;
    return ok;
}

static bool put_break_glass(void *context, const struct store_break_glass *row)
{
    struct migration *m = context;

    m->report->break_glass++;
    return m->to->engine->break_glass_put(m->to, row) == STORE_OK;
}

struct names {
    uint8_t (*at)[1 + MFA_USER_MAX];
    size_t n;
    bool ok;
};

static bool note_name(void *context, const struct store_break_glass *row)
{
    struct names *names = context;
    void *at = reallocarray(names->at, names->n + 1, sizeof *names->at);

    names->ok = at != NULL;
    if (at == NULL)
        return false;
    names->at = at;
    names->at[names->n][0] = (uint8_t)row->name_len;
    memcpy(names->at[names->n++] + 1, row->name, row->name_len);
    return true;
}

/* A handful of rows: taken out and put in again, in one transaction. */
static bool copy_break_glass(struct migration *m)
{
    const struct store_engine *to = m->to->engine, *from = m->from->engine;
    struct names names = {.ok = true};

    m->report->break_glass = 0;
    bool ok = to->begin(m->to, STORE_DURABLE, migrate_soon()) == STORE_OK &&
              to->break_glass_scan(m->to, note_name, &names) == STORE_OK && names.ok;
    for (size_t i = 0; ok && i < names.n; i++)
        ok = to->break_glass_remove(m->to, bytes_of(names.at[i] + 1, names.at[i][0])) == STORE_OK;
    free(names.at);
    ok = ok && from->begin(m->from, STORE_READ, migrate_soon()) == STORE_OK &&
         from->break_glass_scan(m->from, put_break_glass, m) == STORE_OK;
    from->rollback(m->from);
    ok = ok && to->commit(m->to) == STORE_OK;
    if (!ok)
        migrate_trouble(m, m->to->error[0] != '\0' ? m->to : m->from);
    return ok;
}

enum mfa_result migrate_pass(struct migration *m, enum migrate_stage stage)
{
    m->stage = stage;
    m->done = 0;
    for (size_t i = MIGRATE_TABLES; i-- > 0;)
        if (!remove_gone(m, i))
            return MFA_STORE;
    for (size_t i = 0; i < MIGRATE_TABLES; i++)
        if (!put_rows(m, i))
            return MFA_STORE;
    return copy_break_glass(m) ? MFA_OK : MFA_STORE;
}

/* --- the start --- */

bool migrate_remember_target(struct migration *m)
{
    for (size_t i = 0; i < MIGRATE_TABLES; i++) {
        migrate_forget(&m->memory[i]);
        if (!each_row(m, m->to, i, false, remember_row))
            return false;
    }
    return true;
}
