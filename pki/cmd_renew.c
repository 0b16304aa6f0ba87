/* pgsignet-ca renew, rekey: a successor for a certificate, with its key or with a new one. */
#include "config.h"

#include "pki/cli.h"
#include "pki/cli_issue.h"

#include "common/crypto.h"
#include "common/log.h"
#include "pki/crl.h"
#include "pki/made.h"
#include "pki/publish.h"
#include "pki/request.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define WHY 1024 /* bytes of a sentence */

/* --- the command line --------------------------------------------------------------------------------- */

bool check_renew(const struct arguments *arguments)
{
    bool all = arguments->given[OPT_ALL_DUE];

    if (all == (arguments->operands > 0)) {
        log_error(
            all ? "--all-due finds them itself: name none"
                : "what is to be renewed? Name it (serial, name or file), or write --all-due");
        return false;
    }
    if (!arguments_needs(arguments, OPT_WINDOW, OPT_BIT(OPT_ALL_DUE)) ||
        !arguments_needs(arguments, OPT_JITTER, OPT_BIT(OPT_ALL_DUE)))
        return false;
    if (arguments->given[OPT_REQUEST] && arguments->operands != 1) {
        log_error("--request is for one certificate: a key is one name's");
        return false;
    }
    if (arguments->given[OPT_OUT] && all) {
        log_error("--out is for those that are named: --all-due renews what is in the CA's folder");
        return false;
    }
    if (arguments->given[OPT_REQUEST] && arguments->given[OPT_ALGORITHM]) {
        log_error("--algorithm is for a key that is made here, and --request brings one");
        return false;
    }
    return cli_check_out(arguments, arguments->operands > 1) && cli_check_forms(arguments);
}

/* --- what is due ------------------------------------------------------------------------------------------ */

struct due {
    struct session *session;
    int64_t now_s, window_s, jitter_s;
    bool old_ca;       /* looks at the leaves of a CA that is being replaced: all of them are due */
    GArray *rows;      /* of int64_t: ids */
    size_t given_away; /* due, but not here to be replaced */
};

/* The same each time for one serial, and spread evenly over all of them. */
static int64_t jitter_of(const struct ledger_row *row, int64_t jitter_s)
{
    uint8_t hash[CRYPTO_SHA256];
    uint64_t number = 0;

    if (jitter_s <= 0 || !crypto_sha256(bytes_of(row->serial, row->serial_len), hash))
        return 0;
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | hash[i];
    return (int64_t)(number % (uint64_t)(jitter_s + 1));
}

static bool add_due(void *context, const struct ledger_row *row)
{
    struct due *due = context;
    bool ends_soon = row->not_after - due->window_s - jitter_of(row, due->jitter_s) <= due->now_s;

    if (row->kind != KIND_SERVER && row->kind != KIND_CLIENT)
        return true;
    if (ends_soon == due->old_ca) /* each is found once */
        return true;
    if (row->path == NULL || row->path[0] == '\0')
        due->given_away++;
    else
        g_array_append_val(due->rows, row->id);
    return true;
}

/* `rotate issue` makes everything due that the old CA has signed. */
static bool find_old(const struct session *session, struct due *due)
{
    due->old_ca = true;
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *authority = &session->authorities[i].row;
        const struct ledger_filter filter = {
            .authority = authority->id, .live_at = due->now_s, .not_replaced = true};

        if (authority->state == AUTHORITY_OLD &&
            ledger_each(session->ledger, &filter, add_due, due) != LEDGER_OK)
            return false;
    }
    return true;
}

/* NULL after a message; ids in the order of their ends. */
static GArray *find_due(struct session *session)
{
    const struct arguments *arguments = session->arguments;
    struct due due = {
        .session = session,
        .now_s = session_now_s(),
        .window_s =
            arguments->given[OPT_WINDOW] ? arguments->number[OPT_WINDOW] : session->ca.renew,
        .jitter_s = arguments->number[OPT_JITTER],
        .rows = g_array_new(FALSE, FALSE, sizeof(int64_t)),
    };
    const struct ledger_filter filter = {
        .expires_before = due.now_s + due.window_s + due.jitter_s + 1,
        .live_at = due.now_s,
        .not_replaced = true,
    };

    if (ledger_each(session->ledger, &filter, add_due, &due) != LEDGER_OK ||
        !find_old(session, &due)) {
        log_error("%s", ledger_error(session->ledger));
        g_array_unref(due.rows);
        return NULL;
    }
    if (due.given_away > 0)
        log_notice("%zu more %s due, but given away: see `pgsignet-ca expiring`, and renew with "
                   "--out, or with a new request",
                   due.given_away, due.given_away == 1 ? "is" : "are");
    return due.rows;
}

/* --- wishes ------------------------------------------------------------------------------------------------- */

struct renewal {
    bool new_key;
    struct request request; /* --request; its key is NULL without */
    GArray *wishes;         /* of struct issue_wish */
};

static void clear_wish(void *wish)
{
    issue_wish_clear(wish);
}

/* The new key, judged for what the old certificate was for. */
static bool read_request(struct session *session, struct renewal *renewal, enum ledger_kind kind)
{
    const char *file = session->arguments->text[OPT_REQUEST];
    GByteArray *text = g_byte_array_new();
    char why[WHY];
    bool done =
        file == NULL || (place_load(AT_FDCWD, file, true, REQUEST_MAX, text, why, sizeof why) &&
                         request_read(bytes_of(text->data, text->len),
                                      kind == KIND_SERVER ? REQUEST_SERVER : REQUEST_CLIENT,
                                      &renewal->request, why, sizeof why));

    if (!done)
        log_error("%s: %s", file, why);
    g_byte_array_unref(text);
    return done;
}

static bool add_row(struct session *session, struct renewal *renewal, const struct ledger_row *row)
{
    const struct arguments *arguments = session->arguments;
    g_autofree char *out = cli_out_path(arguments->text[OPT_OUT], row->name);
    struct issue_wish wish = {0};

    if (!read_request(session, renewal, row->kind) ||
        !issue_again(session, row, renewal->new_key, renewal->request.key, out, &wish))
        return false;
    wish.lasts_s = arguments->number[OPT_LASTS];
    if (arguments->given[OPT_ALGORITHM])
        wish.own_algorithm = false;
    g_array_append_val(renewal->wishes, wish);
    return true;
}

static void say_ambiguous(const char *operand, const GArray *rows)
{
    GString *list = g_string_new(NULL);
    char ends[CLOCK_TEXT_MAX];

    for (guint i = 0; i < rows->len; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);

        g_string_append_printf(list, "%s%s ", i > 0 ? "; " : "", ledger_kind_names[row->kind]);
        certificate_serial_text(bytes_of(row->serial, row->serial_len), list);
        publish_time(row->not_after, ends);
        g_string_append_printf(list, " (ends %s)", ends);
    }
    log_error("\"%s\" means %u certificates: name one by its serial: %s", operand, rows->len,
              list->str);
    g_string_free(list, TRUE);
}

static bool add_named(struct session *session, struct renewal *renewal, const char *operand)
{
    GArray *rows = cli_find(session, operand);
    bool done = rows != NULL;

    if (rows != NULL && rows->len != 1) {
        say_ambiguous(operand, rows);
        done = false;
    }
    done = done && add_row(session, renewal, &g_array_index(rows, struct ledger_row, 0));
    if (rows != NULL)
        g_array_unref(rows);
    return done;
}

static bool add_id(struct session *session, struct renewal *renewal, int64_t id)
{
    struct ledger_row row = {0};
    bool done = ledger_get(session->ledger, id, &row) == LEDGER_OK;

    if (!done)
        log_error("%s", ledger_error(session->ledger));
    done = done && add_row(session, renewal, &row);
    ledger_row_clear(&row);
    return done;
}

/* All that can be; false when one cannot, and the others are not to be made without it. */
static bool collect(struct session *session, struct renewal *renewal, bool *all)
{
    const struct arguments *arguments = session->arguments;
    bool keep_going = arguments->given[OPT_KEEP_GOING] || arguments->given[OPT_ALL_DUE];
    GArray *due = NULL;

    *all = true;
    for (int i = 0; i < arguments->operands; i++)
        *all = add_named(session, renewal, arguments->operand[i]) && *all;
    if (arguments->given[OPT_ALL_DUE] && (due = find_due(session)) == NULL)
        return false;
    for (guint i = 0; due != NULL && i < due->len; i++)
        *all = add_id(session, renewal, g_array_index(due, int64_t, i)) && *all;
    if (due != NULL)
        g_array_unref(due);
    return *all || keep_going;
}

/* --- what was replaced ---------------------------------------------------------------------------------------- */

static bool revoke_old(struct session *session, const struct renewal *renewal,
                       const struct issue_made *made)
{
    size_t n = 0, crls = 0;

    for (guint i = 0; i < renewal->wishes->len; i++) {
        const struct issue_wish *wish = &g_array_index(renewal->wishes, struct issue_wish, i);

        if (made[i].id == 0)
            continue;
        enum ledger_result result =
            ledger_revoke(session->ledger, wish->replaces, REVOKED_SUPERSEDED);
        if (result != LEDGER_OK && result != LEDGER_REFUSED) {
            log_error("the old certificate of \"%s\" is not revoked: %s", wish->name,
                      ledger_error(session->ledger));
            return false;
        }
        n++;
    }
    if (n == 0)
        return true;
    /* Not the root's, whose key may be away. */
    if (!crl_make_due(session, &crls))
        return false;
    log_notice("%zu old one%s revoked, and new CRLs made; `pgsignet-ca crl --publish` takes them "
               "to the servers",
               n, n == 1 ? " was" : "s were");
    return true;
}

/* --- the commands ----------------------------------------------------------------------------------------------- */

static int run(const struct arguments *arguments, bool new_key)
{
    struct session session = {.folder_fd = -1};
    struct renewal renewal = {.new_key = new_key};
    struct issue_options options = {0};
    struct secret passphrase = {0};
    struct issue_made *made = NULL;
    int code = COMMAND_FAILED;
    bool all = false;
    size_t n = 0;

    renewal.wishes = g_array_new(FALSE, TRUE, sizeof(struct issue_wish));
    g_array_set_clear_func(renewal.wishes, clear_wish);
    if (!session_open(&session, arguments, NEEDS_WORK) || !collect(&session, &renewal, &all) ||
        !cli_issue_options(&session, &options, &passphrase))
        goto out;
    options.second = true; /* a successor is no further login for its role */
    /* A timer's run is to renew what can be. */
    options.keep_going = options.keep_going || arguments->given[OPT_ALL_DUE];
    n = renewal.wishes->len;
    made = g_new0(struct issue_made, MAX(n, 1));
    const struct issue_wish *wishes = (const struct issue_wish *)(void *)renewal.wishes->data;
    bool done = issue_many(&session, wishes, n, &options, made);
    if (arguments->given[OPT_REVOKE_OLD] && !options.dry_run)
        done = revoke_old(&session, &renewal, made) && done;
    if (n == 0 && all && !session.quiet && !session.json)
        puts("Nothing is due.");
    if (made_print(&session, wishes, made, n, &options) && done && all)
        code = COMMAND_DONE;
out:
    made_free(made, n);
    session_close(&session);
    secret_free(&passphrase);
    request_clear(&renewal.request);
    g_array_unref(renewal.wishes);
    return code;
}

int cmd_renew(const struct arguments *arguments)
{
    return run(arguments, false);
}

int cmd_rekey(const struct arguments *arguments)
{
    return run(arguments, true);
}
