/*
 * ledger_inside.h - what the files of the ledger share, and nobody else sees.
 *
 * ledger.c opens, and runs statements and transactions; ledger_schema.c makes the tables; ledger_file.c
 * looks at the file; each other file is one topic of ledger.h.
 */
#ifndef PGSIGNET_PKI_LEDGER_INSIDE_H
#define PGSIGNET_PKI_LEDGER_INSIDE_H

#include "pki/ledger.h"
#include "pki/ledger_statements.h"

#include <sqlite3.h>

#define LEDGER_APPLICATION 0x50474341 /* "PGCA", in the file's header */
#define LEDGER_HASH        32         /* bytes: SHA-256 */
#define LEDGER_PROCESS     160        /* bytes of the text that tells a process */
#define LEDGER_SERIAL_TEXT 41         /* hex of 20 bytes, NUL */
#define LEDGER_ROW_COLUMNS 21         /* of LQ_ROW, with the DER */

struct ledger {
    sqlite3 *db;
    sqlite3_stmt *statement[LQ_COUNT]; /* prepared when first used */
    char *path;                        /* owned; absolute, without symbolic links */
    struct ledger_opening opening;
    dev_t device; /* of the file that is open, and its inode */
    ino_t inode;
    unsigned depth;               /* of transactions: 1 = BEGIN, 2 = a savepoint in it */
    int64_t wait_from_ms;         /* since when the lock is waited for */
    char process[LEDGER_PROCESS]; /* who we are; "" = not asked yet */
    char error[LEDGER_WHY];
};

/* --- ledger.c --- */

/* Opens, with all settings, a file of ours; false after why. */
bool ledger_connect(struct ledger *ledger, bool immutable, char *why, size_t size);
/* "cannot TRIED in the ledger PATH: SQLite's words; what to do" */
void ledger_explain(sqlite3 *db, int rc, const char *path, const char *tried, char *why,
                    size_t size);
enum ledger_result ledger_fail(struct ledger *ledger, int rc, const char *tried);
enum ledger_result ledger_damaged(struct ledger *ledger, const char *what);
enum ledger_result ledger_say(struct ledger *ledger, enum ledger_result result, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/* The statement, ready to be bound; NULL after ledger_error, which the calls below take. */
sqlite3_stmt *lq_take(struct ledger *ledger, enum lq_statement which);
void lq_number(sqlite3_stmt *statement, int at, int64_t value);
void lq_maybe(sqlite3_stmt *statement, int at, int64_t value); /* 0 is NULL */
void lq_text(sqlite3_stmt *statement, int at, const char *value);
void lq_bytes(sqlite3_stmt *statement, int at, struct bytes value);
void lq_end(sqlite3_stmt *statement);
/* LEDGER_OK with a row, LEDGER_NONE without; the statement goes on, until lq_end. */
enum ledger_result lq_step(struct ledger *ledger, sqlite3_stmt *statement, const char *tried);
/* Runs to its end. */
enum ledger_result lq_run(struct ledger *ledger, sqlite3_stmt *statement, const char *tried);
struct bytes lq_column(sqlite3_stmt *statement, int at);

/* A step that is a transaction of its own, or part of the open one: all of it is kept, or nothing. */
enum ledger_result ledger_enter(struct ledger *ledger, const char *tried);
enum ledger_result ledger_leave(struct ledger *ledger, enum ledger_result result);

/* --- ledger_file.c --- */

bool ledger_check_file(int folder_fd, const char *folder, bool read_only, char *why, size_t size);
/* The folder's true path, with name behind it; g_free.  NULL after why. */
char *ledger_true_path(int folder_fd, const char *folder, const char *name, char *why, size_t size);
/* Is path still that file of the folder? */
bool ledger_same_file(int folder_fd, const char *path);

/* --- ledger_schema.c --- */

bool ledger_check_version(struct ledger *ledger, char *why, size_t size);

/* --- ledger_process.c --- */

/* This process, as text; "" when /proc does not tell. */
void ledger_process_self(char out[LEDGER_PROCESS]);
/* Is that process no more?  One of another pid namespace cannot be asked: it is, after LEDGER_STRANGER_S. */
#define LEDGER_STRANGER_S 900
bool ledger_process_gone(const char *process, int64_t age_s);

/* --- ledger_row.c --- */

/* From a statement that selects LQ_ROW (and the DER, or NULL) from its first column on. */
enum ledger_result ledger_read_row(struct ledger *ledger, sqlite3_stmt *statement,
                                   struct ledger_row *out);
/* ?1 is id. */
enum ledger_result ledger_find_row(struct ledger *ledger, int64_t id, struct ledger_row *out);
void ledger_serial_text(struct bytes serial, char out[LEDGER_SERIAL_TEXT]);
/* Without zeroes in front: how the ledger keeps serials. */
struct bytes ledger_serial(struct bytes serial);
/* name_fold, and for what is not UTF-8 the bytes escaped; g_free. */
char *ledger_fold(const char *name);
/* The folded dNSNames of a row (and a server's CN, which logs in like one); array that frees them. */
GPtrArray *ledger_hosts(const struct ledger_row *row);

/* --- ledger_clock.c --- */

/* LEDGER_CLOCK when it is before what the ledger has seen. */
enum ledger_result ledger_check_clock(struct ledger *ledger, int64_t authority, int64_t now_s);
/* The last row that was there when a clock was accepted: of the word, and in the event's detail. */
#define LEDGER_CLOCK_WORD   "clock.rows"
#define LEDGER_CLOCK_DETAIL "accepted after certificate "

/* --- ledger_rules.c --- */

/* May this row be reserved now? */
enum ledger_result ledger_rules(struct ledger *ledger, const struct ledger_row *row, int64_t now_s,
                                unsigned flags, const char *const *roles, size_t n_roles);

/* --- ledger_events.c --- */

/* Part of the open transaction. */
enum ledger_result ledger_put_event(struct ledger *ledger, const struct ledger_event *event);
/* Dated so, and not after the one before it. */
enum ledger_result ledger_put_event_at(struct ledger *ledger, const struct ledger_event *event,
                                       int64_t time_s);
/* The last event; seq 0, zeroes when there is none. */
struct ledger_head {
    int64_t seq, time_s;
    uint8_t hash[LEDGER_HASH];
};
enum ledger_result ledger_read_head(struct ledger *ledger, struct ledger_head *head);
/* The time of what is recorded now: never before what was recorded last. */
enum ledger_result ledger_record_time(struct ledger *ledger, int64_t *time_s);
/* Appends ,"seq":..,"prev":".." - up to here the line is hashed - and ,"hash":".."}. */
void ledger_line_prev(GString *line, int64_t seq, const uint8_t prev[LEDGER_HASH]);
void ledger_line_hash(GString *line, const uint8_t hash[LEDGER_HASH]);

/* --- ledger_body.c --- */

/* What of its DER is not what the row (an issued one, with DER) says, as "has another ..."; NULL when all fits. */
const char *ledger_body_fault(const struct ledger_row *row);

#endif
