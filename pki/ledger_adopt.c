/* What a CA that somebody else made brings along besides certificates. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum ledger_result ledger_adopt_crl(struct ledger *ledger, const struct ledger_authority *authority)
{
    char detail[128], end[CLOCK_TEXT_MAX];
    enum ledger_result result = ledger_enter(ledger, "go on from a CRL");

    if (result != LEDGER_OK)
        return result;
    sqlite3_stmt *statement = lq_take(ledger, LQ_CRL_NEXT);
    if (statement != NULL) {
        lq_number(statement, 1, authority->id);
        lq_number(statement, 2, authority->crl_number);
        lq_number(statement, 3, authority->crl_this_s);
        lq_number(statement, 4, authority->crl_next_s);
    }
    result = lq_run(ledger, statement, "go on from a CRL");
    if (result == LEDGER_OK && authority->crl_number > 0) {
        clock_text(authority->crl_next_s * 1000, end);
        snprintf(detail, sizeof detail, "number %" PRId64 ", next update %.19sZ, found",
                 authority->crl_number, end);
        result = ledger_put_event(ledger, &(struct ledger_event){.event = "crl",
                                                                 .result = "done",
                                                                 .object = authority->file,
                                                                 .detail = detail});
    }
    return ledger_leave(ledger, result);
}
