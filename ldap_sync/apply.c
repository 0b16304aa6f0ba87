/* server_apply: a transaction, or a few, in messages of many statements. */
#include "config.h"

#include "common/clock.h"
#include "ldap_sync/apply_turns.h"
#include "ldap_sync/server_link.h"

#define TASK        "change the roles of"
#define COMMIT_TASK "commit the changes of"

#define STATEMENTS_MOST 500          /* of one message */
#define BYTES_MOST      (512 * 1024) /* the same: members and comments may be long */
/*
 * From 16 on a statement takes the longer the more memberships the runner has, 8 to 50 ms with
 * 10,000: messages get smaller before they come near their limit.
 */
#define SLOW_SHARE      8 /* 1/8 of it is slow */

/* One statement of a message. */
struct statement {
    size_t from, n; /* changes that it makes */
    size_t piece;   /* the first statement of its struct plan_piece */
};

struct applying {
    struct server *server;
    const struct plan *plan;
    struct server_report *report;
    size_t n;           /* changes of the transaction; after them terminations and drops */
    size_t n_terminate; /* terminations */
    struct turns turns;
    size_t turn;        /* the present one */
    size_t at;          /* changes before are in the transaction, if it is their turn */
    size_t done;        /* changes that were made, in all transactions */
    size_t statements;  /* at most in the next message */
    size_t members;     /* at most in one statement of it */
    bool begun;         /* a message of this transaction went out */
    bool torn;          /* the last one failed: its savepoint is there */
    GString *sql;       /* the message */
    size_t covered;     /* changes in it */
    size_t end;         /* the change behind them */
    GArray *sent;       /* struct statement: its own, without the lead */
    GHashTable *failed; /* const struct change * that could not be made */
    GHashTable *unmade; /* names of the roles that could not be created */
};

static const struct change *change_at(const struct applying *a, size_t i)
{
    return &g_array_index(a->plan->changes, struct change, i);
}

static bool is_left_out(const struct applying *a, size_t i)
{
    const struct change *change = change_at(a, i);

    return turns_of(&a->turns, change->role) != a->turn ||
           g_hash_table_contains(a->failed, change) ||
           g_hash_table_contains(a->unmade, change->role);
}

/* --- composing a message ---------------------------------------------------------------------- */

static const struct statement *sent_at(const struct applying *a, size_t i)
{
    return &g_array_index(a->sent, struct statement, i);
}

/* Where the changes that are made in one piece from `from` on end at the latest. */
static size_t piece_end(const struct applying *a, size_t from, size_t end)
{
    size_t to = MIN(end, from + a->members);

    /* A statement each, and one for all. */
    if (change_at(a, from)->kind == CHANGE_CREATE)
        to = MIN(to, from + MAX(a->statements, a->sent->len + 2) - a->sent->len - 1);

    if (a->turns.n == 1 && g_hash_table_size(a->failed) == 0)
        return to;
    for (size_t i = from; i < to; i++)
        if (is_left_out(a, i))
            return i;
    return to;
}

/* Appends what makes the changes from `from` on. */
static struct plan_piece add_piece(struct applying *a, size_t from, size_t end)
{
    GArray view = {.data = a->plan->changes->data, .len = (guint)piece_end(a, from, end)};
    struct plan part = *a->plan;

    part.changes = &view;
    return plan_sql(&part, from, a->server->settings, PQserverVersion(a->server->pg), a->sql);
}

static void note_sent(struct applying *a, size_t from, const struct plan_piece *piece)
{
    struct statement statement = {.n = 1, .piece = a->sent->len};

    for (size_t i = 0; piece->apart && i < piece->n; i++) {
        statement.from = from + i;
        g_array_append_val(a->sent, statement);
    }
    statement.from = from;
    statement.n = piece->n;
    g_array_append_val(a->sent, statement);
}

/* Appends what comes before the changes; returns how many statements. */
static size_t add_lead(struct applying *a)
{
    size_t n = 1;

    g_string_append(a->sql, a->torn ? "ROLLBACK TO SAVEPOINT pgsignet;\n" : "");
    if (!a->begun) {
        g_string_append_printf(a->sql, "SET LOCAL statement_timeout = '%" G_GINT64_FORMAT "s';\n",
                               a->server->settings->apply_timeout);
        n++;
    }
    g_string_append(a->sql, a->torn ? "" : "SAVEPOINT pgsignet;\n");
    a->begun = true;
    return n;
}

/* Writes the next message; returns how many statements come before the first change. */
static size_t compose(struct applying *a)
{
    size_t i = a->at, lead;

    g_string_truncate(a->sql, 0);
    g_array_set_size(a->sent, 0);
    a->covered = 0;
    lead = add_lead(a);
    while (i < a->n && a->sent->len < a->statements && a->sql->len < BYTES_MOST) {
        if (is_left_out(a, i)) {
            i++;
            continue;
        }
        struct plan_piece piece = add_piece(a, i, a->n);
        note_sent(a, i, &piece);
        i += piece.n;
        a->covered += piece.n;
    }
    a->end = i;
    g_string_append(a->sql, "RELEASE SAVEPOINT pgsignet;\n");
    return lead;
}

/* --- a message that failed -------------------------------------------------------------------- */

static void tell(const struct applying *a, const struct change *change, const char *text)
{
    const struct server_trouble trouble = {.change = change, .text = text};

    if (a->report->trouble != NULL)
        a->report->trouble(a->report->context, &trouble);
}

static void note_culprit(struct applying *a, const struct change *change,
                         const struct link_answer *answer)
{
    GString *what = g_string_new(NULL);

    plan_describe(change, what);
    g_string_append_printf(what, ": %s; %s (sync.on_error: abort)", answer->words,
                           a->turn == 0 ? "nothing was changed"
                                        : "what was committed before it stays");
    link_note(a->server, TASK, what->str, "mend that, or write on_error: skip");
    g_string_free(what, TRUE);
}

/* One change is the culprit.  False when that ends it all. */
static bool take_culprit(struct applying *a, size_t i, const struct link_answer *answer)
{
    const struct change *change = change_at(a, i);

    tell(a, change, answer->words);
    g_hash_table_add(a->failed, (gpointer)(uintptr_t)change);
    if (change->kind == CHANGE_CREATE)
        g_hash_table_add(a->unmade, (gpointer)(uintptr_t)change->role);
    a->statements = MAX(a->statements / 2, 1);
    if (a->server->settings->on_error == ON_ERROR_SKIP)
        return true;
    note_culprit(a, change, answer);
    return false;
}

/*
 * The number of statements that ended well tells which one failed.  If it is of many members, first
 * what came before it is done, then it is tried by halves.
 */
static bool take_failure(struct applying *a, const struct link_answer *answer, size_t lead)
{
    size_t bad = answer->done - lead;

    a->torn = true;
    if (answer->done < lead || bad >= a->sent->len) {
        link_note_answer(a->server, TASK, LINK_REFUSED, answer);
        return false;
    }
    const struct statement *culprit = sent_at(a, bad);
    if (culprit->n == 1)
        return take_culprit(a, culprit->from, answer);
    a->statements = MAX(culprit->piece, 1);
    if (culprit->piece == 0)
        a->members = culprit->n / 2;
    return true;
}

/* --- the transaction -------------------------------------------------------------------------- */

static void take_success(struct applying *a, int64_t took_ms)
{
    bool slow = took_ms * SLOW_SHARE > a->server->settings->apply_timeout * 1000;

    a->torn = false;
    a->done += a->covered;
    a->at = a->end;
    a->statements = slow ? MAX(a->sent->len / 2, 1) : MIN(2 * a->statements, STATEMENTS_MOST);
    a->members = MIN(2 * a->members, PLAN_GRANT_MOST);
    if (a->report->progress != NULL)
        a->report->progress(a->report->context, a->done, a->plan->changes->len);
}

static bool make_changes(struct applying *a)
{
    struct link_answer answer;

    while (a->at < a->n) {
        size_t lead = compose(a);
        int64_t began_ms = clock_mono_ms();
        enum link_step step =
            link_ask(a->server, a->sql->str, a->server->settings->apply_timeout, &answer);

        PQclear(answer.rows);
        if (step == LINK_DONE)
            take_success(a, clock_mono_ms() - began_ms);
        else if (step != LINK_REFUSED) {
            link_note_answer(a->server, TASK, step, &answer);
            return false;
        } else if (!take_failure(a, &answer, lead))
            return false;
    }
    return true;
}

/* A transaction of its own: the search path of the one before went with it. */
static void add_terminations(struct applying *a, size_t from, size_t end)
{
    bool any = false;

    while (from < end) {
        if (is_left_out(a, from)) {
            from++;
            continue;
        }
        if (!any)
            g_string_append(a->sql, "BEGIN;\nSET LOCAL search_path = pg_catalog, pg_temp;\n");
        any = true;
        from += add_piece(a, from, end).n;
    }
    g_string_append(a->sql, any ? "COMMIT;\n" : "");
}

/* What could not be ended together is ended one by one, to tell which. */
static void terminate_each(struct applying *a)
{
    struct link_answer answer;

    for (size_t i = a->n; i < a->n + a->n_terminate; i++) {
        if (is_left_out(a, i))
            continue;
        g_string_truncate(a->sql, 0);
        add_terminations(a, i, i + 1);
        if (link_ask(a->server, a->sql->str, a->server->settings->timeout, &answer) != LINK_DONE) {
            tell(a, change_at(a, i), answer.words);
            g_hash_table_add(a->failed, (gpointer)(uintptr_t)change_at(a, i));
            server_end(a->server);
        }
        PQclear(answer.rows);
    }
}

/* In one message: the COMMIT, and the end of the sessions that are to end. */
static enum server_result commit(struct applying *a)
{
    size_t lead = a->torn ? 1 : 0;
    struct link_answer answer;
    enum link_step step;

    g_string_assign(a->sql, a->torn ? "ROLLBACK TO SAVEPOINT pgsignet;\nCOMMIT;\n" : "COMMIT;\n");
    a->members = PLAN_GRANT_MOST;
    add_terminations(a, a->n, a->n + a->n_terminate);
    if (a->report->commits != NULL)
        a->report->commits(a->report->context);
    step = link_ask(a->server, a->sql->str, a->server->settings->apply_timeout, &answer);
    PQclear(answer.rows);
    if (answer.done <= lead) {
        if (step == LINK_REFUSED) {
            link_note_answer(a->server, COMMIT_TASK, step, &answer);
            return SERVER_FAILED;
        }
        link_note(
            a->server, COMMIT_TASK, answer.words[0] != '\0' ? answer.words : "no answer in time",
            "either all of them are there or none: look again with `pgsignet-ldap-sync plan`");
        return SERVER_UNKNOWN;
    }
    if (step != LINK_DONE) {
        server_end(a->server);
        terminate_each(a);
    }
    return SERVER_OK;
}

static void tell_all(const struct applying *a)
{
    for (size_t i = 0; i < a->n + a->n_terminate && a->report->changed != NULL; i++)
        if (!is_left_out(a, i))
            a->report->changed(a->report->context, change_at(a, i));
}

static void count(struct applying *a)
{
    const GArray *changes = a->plan->changes;

    while (a->n < changes->len && change_at(a, a->n)->kind < CHANGE_TERMINATE)
        a->n++;
    while (a->n + a->n_terminate < changes->len &&
           change_at(a, a->n + a->n_terminate)->kind == CHANGE_TERMINATE)
        a->n_terminate++;
}

static enum server_result take_turn(struct applying *a)
{
    enum server_result result;

    a->at = 0;
    a->begun = a->torn = false;
    if ((a->turn > 0 && !link_lock_again(a->server, TASK)) || !make_changes(a)) {
        server_end(a->server);
        return SERVER_FAILED;
    }
    result = commit(a);
    if (result == SERVER_OK)
        tell_all(a);
    return result;
}

static enum server_result apply(struct applying *a)
{
    enum server_result result = SERVER_OK;

    if (a->server->pg == NULL || PQtransactionStatus(a->server->pg) != PQTRANS_INTRANS) {
        link_note(a->server, TASK, "there is no transaction with the lock",
                  "read with SERVER_CHANGE first");
        return SERVER_FAILED;
    }
    for (a->turn = 0; a->turn < a->turns.n && result == SERVER_OK; a->turn++)
        result = take_turn(a);
    if (result == SERVER_OK && g_hash_table_size(a->failed) > 0)
        return SERVER_SKIPPED;
    return result;
}

enum server_result server_apply(struct server *server, const struct plan *plan,
                                struct server_report *report)
{
    struct applying a = {.server = server,
                         .plan = plan,
                         .report = report,
                         .statements = STATEMENTS_MOST,
                         .members = PLAN_GRANT_MOST,
                         .sql = g_string_new(NULL),
                         .sent = g_array_new(FALSE, FALSE, sizeof(struct statement)),
                         .failed = g_hash_table_new(g_direct_hash, g_direct_equal),
                         .unmade = g_hash_table_new(g_direct_hash, g_direct_equal)};
    size_t before = server->messages;
    enum server_result result;

    count(&a);
    turns_make(plan, PQserverVersion(server->pg), server->roles_most, &a.turns);
    result = apply(&a);
    turns_clear(&a.turns);
    report->messages = server->messages - before;
    g_string_free(a.sql, TRUE);
    g_array_unref(a.sent);
    g_hash_table_unref(a.failed);
    g_hash_table_unref(a.unmade);
    return result;
}
