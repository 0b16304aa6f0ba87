/* Revocation, and what CRLs are made of. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    enum ledger_reason reason;
    const char *word; /* RFC 5280 5.3.1 */
} reasons[] = {
    {REVOKED_UNSPECIFIED, "unspecified"},    {REVOKED_KEY_COMPROMISE, "keyCompromise"},
    {REVOKED_CA_COMPROMISE, "cACompromise"}, {REVOKED_AFFILIATION_CHANGED, "affiliationChanged"},
    {REVOKED_SUPERSEDED, "superseded"},      {REVOKED_CESSATION, "cessationOfOperation"},
    {REVOKED_HOLD, "certificateHold"},       {REVOKED_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
};

const char *ledger_reason_name(int reason)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if ((int)reasons[i].reason == reason)
            return reasons[i].word;
    return NULL;
}

int ledger_reason_find(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (strcmp(reasons[i].word, word) == 0)
            return (int)reasons[i].reason;
    return -1;
}

/* Sets revoked_s and reason, with the event. */
static enum ledger_result mark(struct ledger *ledger, const struct ledger_row *row,
                               int64_t revoked_s, int reason, const char *event, const char *detail)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_ROW_REVOKE);

    if (statement != NULL) {
        lq_number(statement, 1, row->id);
        lq_number(statement, 2, revoked_s);
        lq_number(statement, 3, reason);
    }
    enum ledger_result result = lq_run(ledger, statement, "revoke a certificate");
    if (result != LEDGER_OK)
        return result;
    return ledger_put_event(ledger,
                            &(struct ledger_event){.event = event,
                                                   .result = "done",
                                                   .name = bytes_str(row->name),
                                                   .serial = bytes_of(row->serial, row->serial_len),
                                                   .object = row->path,
                                                   .detail = detail});
}

static enum ledger_result may_revoke(struct ledger *ledger, const struct ledger_row *row,
                                     int reason)
{
    char serial[LEDGER_SERIAL_TEXT], when[CLOCK_TEXT_MAX];

    ledger_serial_text(bytes_of(row->serial, row->serial_len), serial);
    if (ledger_reason_name(reason) == NULL)
        return ledger_say(ledger, LEDGER_REFUSED, "there is no reason %d for a revocation", reason);
    if (row->state == LEDGER_RESERVED)
        return ledger_say(ledger, LEDGER_REFUSED,
                          "the certificate \"%s\" (serial %s) is being made right now; try again",
                          row->name, serial);
    if (row->revoked_s == 0 || (row->reason == REVOKED_HOLD && reason != REVOKED_HOLD))
        return LEDGER_OK;
    clock_text(row->revoked_s * 1000, when);
    return ledger_say(ledger, LEDGER_REFUSED,
                      "the certificate \"%s\" (serial %s) was %s on %.19sZ already", row->name,
                      serial, row->reason == REVOKED_HOLD ? "put on hold" : "revoked", when);
}

enum ledger_result ledger_revoke(struct ledger *ledger, int64_t id, int reason)
{
    struct ledger_row row = {0};
    int64_t now_s = 0;

    enum ledger_result result = ledger_enter(ledger, "revoke a certificate");
    if (result != LEDGER_OK)
        return result;
    result = ledger_find_row(ledger, id, &row);
    if (result == LEDGER_OK)
        result = may_revoke(ledger, &row, reason);
    if (result == LEDGER_OK)
        result = ledger_record_time(ledger, &now_s);
    /* The date of what was on hold stays that of the hold (X.509 9.5.3.1). */
    if (result == LEDGER_OK)
        result = mark(ledger, &row, row.revoked_s != 0 ? row.revoked_s : now_s, reason,
                      reason == REVOKED_HOLD ? "hold" : "revoke", ledger_reason_name(reason));
    ledger_row_clear(&row);
    return ledger_leave(ledger, result);
}

enum ledger_result ledger_release(struct ledger *ledger, int64_t id)
{
    struct ledger_row row = {0};

    enum ledger_result result = ledger_enter(ledger, "release a certificate");
    if (result != LEDGER_OK)
        return result;
    result = ledger_find_row(ledger, id, &row);
    if (result == LEDGER_OK && (row.revoked_s == 0 || row.reason != REVOKED_HOLD))
        result = ledger_say(ledger, LEDGER_REFUSED, "the certificate \"%s\" is not on hold%s",
                            row.name, row.revoked_s != 0 ? ": it was revoked for good" : "");
    if (result == LEDGER_OK)
        result = mark(ledger, &row, 0, 0, "release", NULL);
    ledger_row_clear(&row);
    return ledger_leave(ledger, result);
}

enum ledger_result ledger_each_revoked(struct ledger *ledger, int64_t authority,
                                       bool (*each)(void *context, struct bytes serial,
                                                    int64_t revoked_s, int reason),
                                       void *context)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_REVOKED);
    enum ledger_result result = LEDGER_FAILED;
    bool more = true;

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, authority);
    while (more && (result = lq_step(ledger, statement, "read what is revoked")) == LEDGER_OK)
        more = each(context, lq_column(statement, 0), sqlite3_column_int64(statement, 1),
                    sqlite3_column_int(statement, 2));
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

/* The last number and the file of this CA; LEDGER_CLOCK when this_s goes back. */
static enum ledger_result last_crl(struct ledger *ledger, int64_t authority, int64_t this_s,
                                   int64_t *number, char **file)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_CRL);

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, authority);
    enum ledger_result result = lq_step(ledger, statement, "look up the last CRL");
    if (result == LEDGER_OK) {
        *number = sqlite3_column_int64(statement, 0);
        *file = g_strdup((const char *)sqlite3_column_text(statement, 2));
        if (this_s < sqlite3_column_int64(statement, 1))
            result = ledger_say(
                ledger, LEDGER_CLOCK,
                "the CRL of %s would be older than the last one; set the clock right, or if it is "
                "right, and was ahead before: pgsignet-ca clock",
                *file);
        else if (*number == INT64_MAX)
            result =
                ledger_say(ledger, LEDGER_REFUSED, "the numbers for CRLs of %s are used up", *file);
    }
    lq_end(statement);
    return result;
}

enum ledger_result ledger_next_crl(struct ledger *ledger, int64_t authority, int64_t this_s,
                                   int64_t next_s, int64_t *number)
{
    char detail[128], end[CLOCK_TEXT_MAX];
    char *file = NULL;

    enum ledger_result result = ledger_enter(ledger, "take the next number of a CRL");
    if (result != LEDGER_OK)
        return result;
    result = ledger_check_clock(ledger, authority, ledger->opening.now_s());
    if (result == LEDGER_OK)
        result = last_crl(ledger, authority, this_s, number, &file);
    if (result == LEDGER_OK) {
        sqlite3_stmt *statement = lq_take(ledger, LQ_CRL_NEXT);
        if (statement != NULL) {
            lq_number(statement, 1, authority);
            lq_number(statement, 2, ++*number);
            lq_number(statement, 3, this_s);
            lq_number(statement, 4, next_s);
        }
        result = lq_run(ledger, statement, "take the next number of a CRL");
    }
    if (result == LEDGER_OK) {
        clock_text(next_s * 1000, end);
        snprintf(detail, sizeof detail, "number %" PRId64 ", next update %.19sZ", *number, end);
        result = ledger_put_event(
            ledger, &(struct ledger_event){
                        .event = "crl", .result = "done", .object = file, .detail = detail});
    }
    g_free(file);
    return ledger_leave(ledger, result);
}

enum ledger_result ledger_restored(struct ledger *ledger, const char *detail)
{
    enum ledger_result result = ledger_enter(ledger, "note the restore");

    if (result != LEDGER_OK)
        return result;
    sqlite3_stmt *statement = lq_take(ledger, LQ_CRL_PASS_OVER);
    if (statement != NULL)
        lq_number(statement, 1, LEDGER_RESTORE_CRLS);
    result = lq_run(ledger, statement, "pass over the numbers of CRLs");
    if (result == LEDGER_OK)
        result = ledger_put_event(
            ledger, &(struct ledger_event){.event = "restore", .result = "done", .detail = detail});
    return ledger_leave(ledger, result);
}
