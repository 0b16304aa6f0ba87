/* clock: the way on after the clock was ahead: what was dated later then keeps from signing no more. */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/passphrase.h"
#include "pki/publish.h"
#include "pki/rows.h"

#include <stdio.h>

struct clock {
    struct session *session;
    int64_t now_s;
    struct ledger_ahead ahead;
    GArray *rows; /* of ledger_row: certificates that begin in the future, not revoked */
    bool accepted;
};

static void clear_row(void *row)
{
    ledger_row_clear(row);
}

static bool is_ahead(const struct clock *clock)
{
    return clock->ahead.entry_s != 0 || clock->ahead.crl_s != 0;
}

static bool begins_later(void *context, const struct ledger_row *row)
{
    struct clock *clock = context;
    struct ledger_row whole;

    if (row->not_before <= clock->now_s || row->revoked_s != 0)
        return true;
    if (ledger_get(clock->session->ledger, row->id, &whole) == LEDGER_OK)
        g_array_append_val(clock->rows, whole);
    return true;
}

static bool look(struct clock *clock)
{
    const struct ledger_filter filter = {.expires_before = 0};
    struct ledger *ledger = clock->session->ledger;

    if (ledger_ahead(ledger, clock->now_s, &clock->ahead) == LEDGER_OK &&
        ledger_each(ledger, &filter, begins_later, clock) == LEDGER_OK)
        return true;
    log_error("%s", ledger_error(ledger));
    return false;
}

/* --- what is said --- */

static void say_time(const char *what, int64_t time_s)
{
    char text[CLOCK_TEXT_MAX];

    if (time_s == 0)
        return;
    publish_time(time_s, text);
    fprintf(stderr, "  %s: %s\n", what, text);
}

static void say_ahead(const struct clock *clock)
{
    char now[CLOCK_TEXT_MAX];

    publish_time(clock->now_s, now);
    fprintf(stderr, "The clock says %s.  Dated later than that:\n", now);
    say_time("the ledger's last entry", clock->ahead.entry_s);
    say_time("the last CRL", clock->ahead.crl_s);
}

static json_t *time_json(int64_t time_s)
{
    char text[CLOCK_TEXT_MAX];

    if (time_s == 0)
        return json_null();
    publish_time(time_s, text);
    return json_string(text);
}

static bool print_json(const struct clock *clock)
{
    json_t *list = json_array();

    for (guint i = 0; i < clock->rows->len; i++)
        json_array_append_new(list, rows_json(clock->session,
                                              &g_array_index(clock->rows, struct ledger_row, i),
                                              clock->now_s));
    return session_print(json_pack("{s:o, s:o, s:o, s:o, s:b, s:b}", "now", time_json(clock->now_s),
                                   "last_entry", time_json(clock->ahead.entry_s), "last_crl",
                                   time_json(clock->ahead.crl_s), "certificates", list, "accepted",
                                   clock->accepted, "dry_run", clock->session->dry_run));
}

static bool print_rows(const struct clock *clock)
{
    struct rows rows;

    if (clock->rows->len == 0)
        return true;
    printf("Not valid yet; revoke those that are not meant to be (pgsignet-ca revoke SERIAL):\n");
    rows_begin(&rows, clock->session, clock->now_s, false);
    for (guint i = 0; i < clock->rows->len; i++)
        (void)rows_add(&rows, &g_array_index(clock->rows, struct ledger_row, i));
    return rows_end(&rows, true, NULL);
}

/* A CA that was made meanwhile signs nothing before that: it is to be made anew. */
static void print_authorities(const struct clock *clock)
{
    char begins[CLOCK_TEXT_MAX];

    for (size_t i = 0; i < clock->session->n_authorities; i++) {
        const struct ledger_authority *row = &clock->session->authorities[i].row;
        if (row->state == AUTHORITY_DROPPED || row->not_before <= clock->now_s)
            continue;
        publish_time(row->not_before, begins);
        printf("The CA %s does not begin before %s.\n", row->file, begins);
    }
}

static bool print(const struct clock *clock)
{
    if (clock->session->json)
        return print_json(clock);
    if (clock->accepted && !clock->session->quiet)
        printf("The clock is accepted as it is.  Next: pgsignet-ca crl --publish\n");
    else if (clock->session->dry_run && is_ahead(clock))
        printf("The clock would be accepted as it is.\n");
    else if (!is_ahead(clock) && !clock->session->quiet)
        printf("Nothing is dated later than now.\n");
    print_authorities(clock);
    return print_rows(clock);
}

/* --- the command --- */

static bool agreed(const struct clock *clock)
{
    if (!clock->session->json)
        say_ahead(clock);
    if (clock->session->arguments->given[OPT_YES])
        return true;
    if (!passphrase_can_ask()) {
        log_error("nothing was changed: compare the clock with another one (`timedatectl`), and if "
                  "it is right, say --yes");
        return false;
    }
    if (passphrase_agreed("Is the clock right now?  Then go on from there: [y/N] "))
        return true;
    log_error("nothing was changed");
    return false;
}

static bool work(struct clock *clock)
{
    if (!look(clock))
        return false;
    if (is_ahead(clock) && !clock->session->dry_run) {
        if (!agreed(clock))
            return false;
        enum ledger_result result = ledger_accept_clock(clock->session->ledger);
        if (result != LEDGER_OK && result != LEDGER_NONE) {
            log_error("%s", ledger_error(clock->session->ledger));
            return false;
        }
        clock->accepted = result == LEDGER_OK;
    }
    return print(clock);
}

int cmd_clock(const struct arguments *arguments)
{
    struct session session;
    struct clock clock = {.session = &session,
                          .rows = g_array_new(FALSE, TRUE, sizeof(struct ledger_row))};
    bool done = false;

    g_array_set_clear_func(clock.rows, clear_row);
    if (session_open(&session, arguments,
                     arguments->given[OPT_DRY_RUN] ? NEEDS_LOOK : NEEDS_WORK)) {
        clock.now_s = session_now_s();
        done = work(&clock);
    }
    g_array_unref(clock.rows);
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
