/* The clock: nothing is signed before what the ledger has seen; and the way on when that was seen by a clock that was ahead. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

/* 0 when there is none. */
static enum ledger_result latest(struct ledger *ledger, enum lq_statement which, int64_t *value)
{
    sqlite3_stmt *statement = lq_take(ledger, which);
    enum ledger_result result = lq_step(ledger, statement, "read the last time");

    *value = result == LEDGER_OK ? sqlite3_column_int64(statement, 0) : 0;
    if (statement != NULL)
        lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

/* What was seen last, by this clock or by one before it was accepted. */
static enum ledger_result read_last(struct ledger *ledger, int64_t *entry_s, int64_t *crl_s)
{
    struct ledger_head head = {0};
    enum ledger_result result = latest(ledger, LQ_NEWEST, entry_s);

    if (result == LEDGER_OK)
        result = ledger_read_head(ledger, &head);
    if (head.time_s > *entry_s)
        *entry_s = head.time_s;
    return result == LEDGER_OK ? latest(ledger, LQ_LAST_CRL, crl_s) : result;
}

static enum ledger_result compare_clock(struct ledger *ledger, int64_t now_s, int64_t then_s,
                                        const char *what, const char *advice)
{
    char now[CLOCK_TEXT_MAX], then[CLOCK_TEXT_MAX];

    if (now_s >= then_s)
        return LEDGER_OK;
    clock_text(now_s * 1000, now);
    clock_text(then_s * 1000, then);
    return ledger_say(ledger, LEDGER_CLOCK,
                      "nothing is signed while the clock is wrong: it says %.19sZ, which is before "
                      "%s, %.19sZ; set it right%s",
                      now, what, then, advice);
}

enum ledger_result ledger_check_clock(struct ledger *ledger, int64_t authority, int64_t now_s)
{
    static const char advice[] = ", or if it is right, and was ahead before: pgsignet-ca clock";
    sqlite3_stmt *statement = lq_take(ledger, LQ_AUTHORITY_BRIEF);
    int64_t not_before, entry_s = 0, crl_s = 0;

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, authority);
    enum ledger_result result = lq_step(ledger, statement, "look up a CA");
    not_before = result == LEDGER_OK ? sqlite3_column_int64(statement, 2) : 0;
    lq_end(statement);
    if (result == LEDGER_NONE)
        return ledger_say(ledger, LEDGER_REFUSED, "the ledger %s has no CA with the number %lld",
                          ledger->path, (long long)authority);
    if (result == LEDGER_OK)
        result = compare_clock(ledger, now_s, not_before, "the CA's notBefore", "");
    if (result == LEDGER_OK)
        result = read_last(ledger, &entry_s, &crl_s);
    if (result == LEDGER_OK)
        result = compare_clock(ledger, now_s, entry_s, "the ledger's last entry", advice);
    if (result == LEDGER_OK)
        result = compare_clock(ledger, now_s, crl_s, "the last CRL", advice);
    return result;
}

enum ledger_result ledger_ahead(struct ledger *ledger, int64_t now_s, struct ledger_ahead *out)
{
    enum ledger_result result;

    *out = (struct ledger_ahead){0};
    result = read_last(ledger, &out->entry_s, &out->crl_s);
    if (out->entry_s <= now_s)
        out->entry_s = 0;
    if (out->crl_s <= now_s)
        out->crl_s = 0;
    return result;
}

/* From here on the last row is the first one after these, and no CRL was made later than now. */
static enum ledger_result start_anew(struct ledger *ledger, int64_t now_s, int64_t rows)
{
    char number[24];
    sqlite3_stmt *statement = lq_take(ledger, LQ_CRL_BACK);

    snprintf(number, sizeof number, "%" PRId64, rows);
    if (statement != NULL) {
        lq_number(statement, 1, now_s);
        lq_number(statement, 2, now_s - CERTIFICATE_BACKDATE);
    }
    enum ledger_result result = lq_run(ledger, statement, "accept the clock");
    return result == LEDGER_OK ? ledger_set_word(ledger, LEDGER_CLOCK_WORD, number) : result;
}

enum ledger_result ledger_accept_clock(struct ledger *ledger)
{
    char detail[160], then[CLOCK_TEXT_MAX];
    struct ledger_ahead ahead;
    int64_t rows = 0;

    enum ledger_result result = ledger_enter(ledger, "accept the clock");
    if (result != LEDGER_OK)
        return result;
    int64_t now_s = ledger->opening.now_s();
    result = ledger_ahead(ledger, now_s, &ahead);
    if (result == LEDGER_OK && ahead.entry_s == 0 && ahead.crl_s == 0)
        result = ledger_say(ledger, LEDGER_NONE, "nothing in the ledger is dated later than now");
    if (result == LEDGER_OK)
        result = latest(ledger, LQ_LAST_ROW, &rows);
    if (result == LEDGER_OK)
        result = start_anew(ledger, now_s, rows);
    if (result == LEDGER_OK) {
        clock_text(MAX(ahead.entry_s, ahead.crl_s) * 1000, then);
        snprintf(detail, sizeof detail,
                 LEDGER_CLOCK_DETAIL "%" PRId64 ": the clock had been as far as %.19sZ", rows,
                 then);
        result = ledger_put_event_at(
            ledger,
            &(struct ledger_event){
                .event = "clock", .result = "done", .detail = detail, .alert = true},
            now_s);
    }
    return ledger_leave(ledger, result);
}
