/* list, expiring: certificates by what is asked for. */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/rows.h"

static int run(const struct arguments *arguments,
               void (*choose)(const struct session *session, int64_t now_s,
                              struct ledger_filter *filter),
               bool days, const char *none)
{
    struct session session;
    struct ledger_filter filter = {0};
    struct rows rows;
    bool done = session_open(&session, arguments, NEEDS_LOOK);

    if (done) {
        int64_t now_s = session_now_s();

        if (arguments->given[OPT_KIND])
            filter.kind = 1 + (int)arguments->number[OPT_KIND];
        choose(&session, now_s, &filter);
        rows_begin(&rows, &session, now_s, days);
        done = ledger_each(session.ledger, &filter, rows_add, &rows) == LEDGER_OK;
        if (!done)
            log_error("%s", ledger_error(session.ledger));
        done = rows_end(&rows, done, none) && done;
    }
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}

static void choose_list(const struct session *session, int64_t now_s, struct ledger_filter *filter)
{
    const struct arguments *arguments = session->arguments;

    if (arguments->given[OPT_NAME])
        filter->name = arguments->text[OPT_NAME];
    filter->revoked = arguments->given[OPT_REVOKED];
    filter->every_state = arguments->given[OPT_ALL];
    if (!arguments->given[OPT_ALL] && !arguments->given[OPT_REVOKED]) {
        filter->live_at = now_s;
        filter->not_replaced = true;
    }
}

int cmd_list(const struct arguments *arguments)
{
    return run(arguments, choose_list, false,
               "There is no such certificate; --all lists those that are no longer live as well.");
}

static void choose_expiring(const struct session *session, int64_t now_s,
                            struct ledger_filter *filter)
{
    filter->live_at = now_s;
    filter->not_replaced = true;
    filter->expires_before =
        now_s + (session->arguments->given[OPT_WINDOW] ? session->arguments->number[OPT_WINDOW]
                                                       : session->ca.renew);
}

int cmd_expiring(const struct arguments *arguments)
{
    return run(arguments, choose_expiring, true, "No certificate ends within that time.");
}
