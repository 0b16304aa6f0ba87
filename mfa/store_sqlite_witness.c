#include "config.h"

#include "mfa/store_sqlite.h"

#include "common/clock.h"
#include "mfa/new_file.h"

#include <errno.h>
#include <stdio.h>

#define OPEN_PATIENCE_MS 5000

void sq_note(struct store *store, int64_t token, int64_t step, int64_t at_s)
{
    struct store_sqlite *s = sq_of(store);

    if (s->n_notes < SQ_NOTES)
        s->notes[s->n_notes++] = (struct witness_entry){token, step, at_s};
}

void sq_note_back(struct store *store, int64_t token, int64_t step)
{
    struct store_sqlite *s = sq_of(store);

    /* At once: from the commit on an entry that is higher would look like a restored store. */
    if (s->witness != NULL)
        (void)witness_note(s->witness, &(struct witness_entry){token, step, 0});
}

void sq_bear_witness(struct store_sqlite *s)
{
    for (size_t i = 0; s->witness != NULL && i < s->n_notes; i++)
        (void)witness_note(s->witness, &s->notes[i]); /* in memory: it does not fail */
    s->n_notes = 0;
}

/* A statement that takes one number and gives at most one; STORE_NONE leaves *value alone. */
static enum store_status ask(struct store *store, enum sq_statement which, int64_t argument,
                             int64_t *value)
{
    sqlite3_stmt *statement = sq_take(store, which);

    if (sqlite3_bind_parameter_count(statement) > 0)
        sq_number(statement, 1, argument);
    enum store_status status = sq_row(store, statement, "compare with the witness");
    if (status == STORE_OK)
        *value = sqlite3_column_int64(statement, 0);
    sq_end(statement);
    return status;
}

/* What the witnesses say together. */
struct testimony {
    const char *reason; /* why the store may be older than it was, or NULL */
    int64_t newest_s;   /* the latest burn there is a trace of */
    int64_t changes;    /* the highest count of them that was witnessed */
};

/* The witness on the store's own disk.  NULL, with a sentence in store->error, on trouble. */
static struct witness *open_lasting(struct store_sqlite *s)
{
    struct store *store = &s->base;
    char path[NEW_FILE_PATH_MAX];

    int n = snprintf(path, sizeof path, "%s" WITNESS_LASTING, s->path);
    if (n < 0 || (size_t)n >= sizeof path) {
        snprintf(store->error, sizeof store->error, "store.path is too long");
        return NULL;
    }
    struct witness *lasting = witness_open(path, store->error, sizeof store->error);
    if (lasting == NULL && store->error[0] == '\0')
        snprintf(store->error, sizeof store->error,
                 "cannot make %.400s, which tells a restored token store from one that is not: its "
                 "folder is not writable for daemon.user",
                 path);
    return lasting;
}

static enum store_status unwritable(struct store_sqlite *s, const char *done)
{
    snprintf(s->base.error, sizeof s->base.error,
             "%s, but a witness of the token store %s, which tells a restored one from one that is "
             "not, cannot be written: %s; see the kernel's log and the free space",
             done, s->path, strerror(errno));
    return STORE_FAILED;
}

/* One more change; the count rises above at_least as well. */
static enum store_status count_change(struct store *store, int64_t at_least, int64_t *count)
{
    sqlite3_stmt *statement = sq_take(store, SQ_COUNT_CHANGE);

    sq_number(statement, 1, at_least);
    enum store_status status = sq_row(store, statement, "count a change");
    if (status == STORE_OK)
        *count = sqlite3_column_int64(statement, 0);
    sq_end(statement);
    return status == STORE_NONE ? sq_damaged(store, "its state") : status;
}

enum store_status sq_lasting_count(struct store_sqlite *s, struct sq_lasting *lasting)
{
    lasting->witness = open_lasting(s);
    if (lasting->witness == NULL)
        return STORE_FAILED;
    lasting->entry.at_s = s->n_notes > 0 ? s->notes[s->n_notes - 1].at_s : clock_wall_ms() / 1000;
    return count_change(&s->base, 0, &lasting->entry.step);
}

enum store_status sq_lasting_note(struct store_sqlite *s, const struct sq_lasting *lasting)
{
    if (witness_note(lasting->witness, &lasting->entry) && witness_sync(lasting->witness))
        return STORE_OK;
    return unwritable(s, "the change was made");
}

/* What one witness, NULL where there is none, says.  STORE_FAILED when that cannot be told. */
static enum store_status hear(struct store_sqlite *s, const struct witness *witness, bool lasting,
                              uint64_t *file, struct testimony *t)
{
    struct store *store = &s->base;
    struct witness_entry entries[WITNESS_SLOTS];
    int64_t value = 0, boot_s = clock_boot_s();

    if (witness == NULL)
        return STORE_OK;
    size_t n = witness_read(witness, file, entries);
    if (*file == 0 && lasting) {
        t->reason = "the file beside it with " WITNESS_LASTING " behind its name is missing";
    } else if (*file == 0) {
        enum store_status status = ask(store, SQ_USED_SINCE, boot_s, &value);
        if (status == STORE_FAILED)
            return status;
        if (status == STORE_OK)
            t->reason =
                "there is no trace of the codes that were accepted since the machine started";
        if (value > t->newest_s)
            t->newest_s = value;
    } else if (*file != s->mark) {
        t->reason = "it is another file than before";
    }
    for (size_t i = 0; i < n; i++) {
        const struct witness_entry *entry = &entries[i];
        /* Beside a socket on a disk it outlasts a power cut, and knows steps that the store has lost. */
        if (!lasting && entry->at_s != 0 && entry->at_s < boot_s)
            continue;
        enum store_status status = ask(store, SQ_ACCEPTED, entry->token, &value);
        if (status == STORE_FAILED)
            return status;
        if (status == STORE_OK && value < entry->step)
            t->reason = entry->token == WITNESS_CHANGES
                            ? "it has forgotten changes"
                            : "it has forgotten codes that were accepted";
        if (entry->at_s > t->newest_s)
            t->newest_s = entry->at_s;
        if (entry->token == WITNESS_CHANGES && entry->step > t->changes)
            t->changes = entry->step;
    }
    return STORE_OK;
}

/* Not committed yet.  *first: what the lasting witness is to know. */
static enum store_status raise_floor(struct store_sqlite *s, struct store_state *state,
                                     const struct testimony *t, struct witness_entry *first)
{
    struct store *store = &s->base;

    /* Past this very second: a code may have been accepted in it.  Past what was proved on the last
     * floor, too. */
    state->floor_s = (t->newest_s > state->floor_s ? t->newest_s : state->floor_s) + 1;
    if (sq_state_set(store, state) != STORE_OK)
        return STORE_FAILED;
    snprintf(store->notice, sizeof store->notice,
             "the token store %s seems to have been restored from a backup (%s): codes and "
             "recovery codes from before now are refused, and counter-based tokens need a "
             "resync (`pgsignet-mfa resync`)",
             s->path, t->reason);
    /* Above all that was witnessed: another backup may come back after this one. */
    first->at_s = t->newest_s;
    return count_change(store, t->changes, &first->step);
}

/* Under the write lock: of several that open at once the first compares, the others find it done. */
static enum store_status compare(struct store_sqlite *s, struct witness *lasting)
{
    struct store *store = &s->base;
    struct store_state state;
    struct testimony t = {.newest_s = clock_wall_ms() / 1000};
    struct witness_entry first = {.token = WITNESS_CHANGES};
    uint64_t file = 0, lasting_file = 0;
    int64_t any = 0;

    if (sq_state(store, &state) != STORE_OK)
        return STORE_FAILED;
    if (state.moved != 0)
        return STORE_OK; /* it admits nobody, and the witness may be about the store that it became */
    if (ask(store, SQ_ANY_TOKEN, 0, &any) == STORE_FAILED ||
        ask(store, SQ_ACCEPTED, WITNESS_CHANGES, &first.step) != STORE_OK ||
        hear(s, s->witness, false, &file, &t) != STORE_OK ||
        hear(s, lasting, true, &lasting_file, &t) != STORE_OK)
        return STORE_FAILED;
    bool suspect = t.reason != NULL && any != 0; /* an empty one can have accepted nothing */
    bool anew = t.reason != NULL || lasting_file != s->mark;
    if (suspect && raise_floor(s, &state, &t, &first) != STORE_OK)
        return STORE_FAILED;
    /* Before the commit: if that fails, the store has seen fewer changes than are known here. */
    if (anew && !witness_begin(lasting, s->mark, &first))
        return unwritable(s, "nothing was changed");
    if (s->witness != NULL && (suspect || file != s->mark) &&
        !witness_begin(s->witness, s->mark, NULL))
        return unwritable(s, "nothing was changed");
    return suspect ? store->engine->commit(store) : STORE_OK;
}

static enum store_status open_and_compare(struct store_sqlite *s, int64_t deadline_ms)
{
    struct store *store = &s->base;
    struct witness *lasting = open_lasting(s);

    if (lasting == NULL)
        return STORE_FAILED;
    enum store_status status = store->engine->begin(store, STORE_DURABLE, deadline_ms);
    if (status == STORE_OK)
        status = compare(s, lasting);
    store->engine->rollback(store);
    witness_close(lasting);
    return status;
}

bool sq_witness(struct store_sqlite *s, const char *path, char *why, size_t size)
{
    if (path != NULL) {
        s->witness = witness_open(path, why, size);
        if (s->witness == NULL && why[0] != '\0')
            return false;
    }
    if (open_and_compare(s, clock_mono_ms() + OPEN_PATIENCE_MS) == STORE_OK)
        return true;
    snprintf(why, size, "%s", s->base.error);
    return false;
}

/*
 * SQLite's backup (the shell's .restore) puts other pages into the same file under programs that have it
 * open, and changes the schema's cookie; so do VACUUM and an upgrade.
 */
enum store_status sq_is_same(struct store_sqlite *s)
{
    struct store *store = &s->base;
    int64_t cookie = 0;

    enum store_status status = ask(store, SQ_SCHEMA_COOKIE, 0, &cookie);
    if (status == STORE_OK && s->schema_cookie == 0)
        s->schema_cookie = cookie;
    if (status == STORE_OK && cookie == s->schema_cookie)
        return STORE_OK;
    store->engine->rollback(store);
    return status == STORE_OK ? STORE_NONE : STORE_FAILED;
}

enum store_status sq_witness_again(struct store_sqlite *s)
{
    s->schema_cookie = 0;
    enum store_status status = open_and_compare(s, s->deadline_ms);
    if (status != STORE_OK)
        s->schema_cookie = -1; /* none: the next transaction compares */
    return status;
}

enum store_status sq_adopt(struct store *store, const char *path)
{
    struct store_sqlite *s = sq_of(store);
    struct witness_entry first = {.token = WITNESS_CHANGES};
    struct witness *witness = NULL, *lasting = open_lasting(s);
    enum store_status status = STORE_FAILED;

    if (lasting == NULL || ask(store, SQ_ACCEPTED, WITNESS_CHANGES, &first.step) != STORE_OK)
        goto out;
    if (path != NULL) {
        witness = witness_open(path, store->error, sizeof store->error);
        if (witness == NULL && store->error[0] != '\0')
            goto out;
    }
    status = witness_begin(lasting, s->mark, &first) &&
                     (witness == NULL || witness_begin(witness, s->mark, NULL))
                 ? STORE_OK
                 : unwritable(s, "the copy is complete");
out:
    witness_close(witness);
    witness_close(lasting);
    return status;
}

/*
 * A lock on the lasting witness: SQLite's own locks on the store's file would be lost if that were opened
 * once more and closed.
 */
enum store_status sq_claim(struct store *store, int64_t deadline_ms)
{
    struct store_sqlite *s = sq_of(store);

    (void)deadline_ms;
    if (s->claimed != NULL)
        return STORE_OK;
    struct witness *lasting = open_lasting(s);
    if (lasting == NULL)
        return STORE_FAILED;
    if (witness_claim(lasting)) {
        s->claimed = lasting;
        return STORE_OK;
    }
    int error = errno;
    witness_close(lasting);
    if (error == EWOULDBLOCK)
        return STORE_NONE;
    snprintf(store->error, sizeof store->error,
             "cannot lock %.400s" WITNESS_LASTING
             ", which tells who migrates: %s; its file system must "
             "know locks",
             s->path, strerror(error));
    return STORE_FAILED;
}
