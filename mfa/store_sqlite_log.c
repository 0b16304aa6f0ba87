#include "config.h"

#include "mfa/store_sqlite.h"

#include "common/clock.h"

#include <stdatomic.h>
#include <time.h>

/*
 * What is committed stands in the log.  It must be copied back into the file, and then the log be begun
 * anew, or it grows without limit.
 *
 * Copying takes long, some LOG_COPY pages all over the file and two waits for the disk, but others read
 * and write meanwhile.  Beginning anew holds up every writer, until what has come since is copied too and
 * readers have ended: so it comes seldom, and right after a copy.  Done in one, once in 1,000 logins, the
 * others waited for all of it, which was the slowest hundredth of them when there were many tokens.
 * SQLite by itself does only the first: it begins the log anew in a moment without readers, and under a
 * steady flood there is none.
 */
#define LOG_COPY     500  /* pages */
#define LOG_RESTART  2000 /* pages from which it is begun anew */
#define LOG_CUT      4000 /* and from which the file is cut as well */
/* Readers that do not end: some 20 ms at most are waited for them, and then not again for 5 s. */
#define LOG_TRIES    100
#define LOG_PAUSE_MS 5000
#define LOG_TURN_MS  20 /* that it waits behind other writers */

/*
 * Waits for another writer in steps of 50 to 200 us: a transaction here takes some 50 us, and SQLite's
 * own back-off, which grows to 100 ms, would be what most logins wait for.
 */
int sq_wait_for_lock(void *context, int tries)
{
    const struct store_sqlite *s = context;

    if (s->log_restarts ? tries >= LOG_TRIES : clock_mono_ms() >= s->deadline_ms)
        return 0;
    struct timespec pause = {.tv_nsec = tries < 15 ? 50000 + 10000 * (long)tries : 200000};
    nanosleep(&pause, NULL);
    return 1;
}

int sq_see_log(void *context, sqlite3 *db, const char *name, int pages)
{
    struct store_sqlite *s = context;

    (void)db;
    (void)name;
    s->log_pages = pages;
    return SQLITE_OK;
}

/* Of several that write at the same time, in workers of one daemon, one copies. */
static bool is_copy_due(const struct store_sqlite *s, int pages)
{
    int at = *s->copy_at;

    if (pages < LOG_COPY || at > pages + LOG_COPY) { /* begun anew meanwhile */
        if (at != LOG_COPY)
            *s->copy_at = LOG_COPY;
        return false;
    }
    return pages >= at && atomic_compare_exchange_strong(s->copy_at, &at, pages + LOG_COPY);
}

static void begin_anew(struct store_sqlite *s, int mode)
{
    int in_log = -1;

    s->deadline_ms = clock_mono_ms() + LOG_TURN_MS;
    sq_take_turn(s);
    s->log_restarts = true;
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", mode, &in_log, NULL);
    s->log_restarts = false;
    sq_end_turn(s);
    /* -1: another process is at it. */
    if (rc != SQLITE_OK && in_log >= 0)
        s->log_restart_ms = clock_mono_ms() + LOG_PAUSE_MS;
}

/* The commit stands, whatever becomes of the log. */
void sq_tend_log(struct store_sqlite *s)
{
    int pages = s->log_pages;

    s->log_pages = 0;
    if (pages == 0 || !is_copy_due(s, pages))
        return;
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (pages >= LOG_RESTART && clock_mono_ms() >= s->log_restart_ms)
        begin_anew(s, pages >= LOG_CUT ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART);
}
