/* check: the ledger, and the dates that are in it. */
#include "config.h"

#include "pki/check.h"

#include "common/log.h"
#include "pki/publish.h"

#define CA_WINDOW_S (INT64_C(90) * 86400) /* a rotation lasts as long as its slowest client takes */

char *check_object(const struct ledger_row *row)
{
    g_autoptr(GString) serial = g_string_new(NULL);

    if (row->path[0] != '\0')
        return g_strconcat(row->path, ".crt", NULL);
    certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
    return g_strdup_printf("%s (serial %s)", row->name, serial->str);
}

static void say(void *context, const char *sentence)
{
    struct check *check = context;

    findings_add(&check->findings, FINDING_LEDGER, LEDGER_FILE, "%s", sentence);
}

void check_ledger(struct check *check)
{
    struct ledger *ledger = check->session->ledger;
    guint before = check->findings.at->len;
    GArray *rows = NULL;

    if (!ledger_verify(ledger, say, check) && check->findings.at->len == before)
        say(check, ledger_error(ledger));
    if (ledger_left_over(ledger, &rows) != LEDGER_OK)
        say(check, ledger_error(ledger));
    for (guint i = 0; rows != NULL && i < rows->len; i++) {
        const struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        g_autofree char *object = check_object(row);

        findings_add(&check->findings, FINDING_HALF_DONE, object,
                     "a program was killed while it made the certificate of \"%s\"", row->name);
    }
    if (rows != NULL)
        g_array_unref(rows);
}

static bool say_ending(void *context, const struct ledger_row *row)
{
    struct check *check = context;
    g_autofree char *object = check_object(row);
    char text[CLOCK_TEXT_MAX];
    bool ended = row->not_after <= check->now_s;

    /* What nobody has renewed for so long is not in use. */
    if (row->revoked_s != 0 || row->not_after < check->now_s - check->window_s)
        return true;
    publish_time(row->not_after, text);
    findings_add(&check->findings, ended ? FINDING_EXPIRED : FINDING_EXPIRING, object,
                 "the certificate of \"%s\" %s %s", row->name, ended ? "ended" : "ends", text);
    return true;
}

static bool say_outliving(void *context, const struct ledger_row *row)
{
    struct check *check = context;
    const struct authority *authority = session_authority(check->session, row->authority);
    char ends[CLOCK_TEXT_MAX], issuers[CLOCK_TEXT_MAX];

    if (authority == NULL || row->not_after <= authority->row.not_after)
        return true;
    g_autofree char *object = check_object(row);
    publish_time(row->not_after, ends);
    publish_time(authority->row.not_after, issuers);
    findings_add(&check->findings, FINDING_OUTLIVES_CA, object, "it ends %s, and its CA %s %s",
                 ends, authority->row.file, issuers);
    return true;
}

/* One that was adopted, and is none of ours: see adopt. */
static bool say_sub_ca(void *context, const struct ledger_row *row)
{
    struct check *check = context;
    uint8_t id[KEY_ID];

    for (size_t i = 0; i < check->session->n_authorities; i++)
        if (key_id(X509_get0_pubkey(check->session->authorities[i].certificate), id) &&
            memcmp(id, row->key_id, sizeof id) == 0)
            return true;
    g_autofree char *object = check_object(row);
    findings_add(&check->findings, FINDING_SUB_CA, object,
                 "it is a CA: what it signs is not in the ledger, nor on its CRLs");
    return true;
}

static void check_authorities(struct check *check)
{
    int64_t window_s = check->window_s > CA_WINDOW_S ? check->window_s : CA_WINDOW_S;
    char text[CLOCK_TEXT_MAX];

    for (size_t i = 0; i < check->session->n_authorities; i++) {
        const struct ledger_authority *row = &check->session->authorities[i].row;

        if (row->state == AUTHORITY_DROPPED || row->not_after > check->now_s + window_s)
            continue;
        publish_time(row->not_after, text);
        findings_add(&check->findings, FINDING_CA_EXPIRING, row->file, "the CA %s %s",
                     row->not_after <= check->now_s ? "ended" : "ends", text);
    }
}

static void check_clock(struct check *check)
{
    struct ledger_ahead ahead;
    char then[CLOCK_TEXT_MAX], now[CLOCK_TEXT_MAX];

    if (ledger_ahead(check->session->ledger, check->now_s, &ahead) != LEDGER_OK) {
        say(check, ledger_error(check->session->ledger));
        return;
    }
    if (ahead.entry_s == 0 && ahead.crl_s == 0)
        return;
    publish_time(ahead.entry_s != 0 ? ahead.entry_s : ahead.crl_s, then);
    publish_time(check->now_s, now);
    findings_add(&check->findings, FINDING_CLOCK, LEDGER_FILE,
                 "its last %s is of %s, and the clock says %s",
                 ahead.entry_s != 0 ? "entry" : "CRL", then, now);
}

void check_dates(struct check *check)
{
    const struct ledger_filter ending = {.expires_before = check->now_s + check->window_s,
                                         .not_replaced = true};
    const struct ledger_filter live = {.live_at = check->now_s};
    const struct ledger_filter cas = {.live_at = check->now_s, .kind = 1 + KIND_CA};
    struct ledger *ledger = check->session->ledger;

    check_clock(check);
    check_authorities(check);
    if (ledger_each(ledger, &ending, say_ending, check) != LEDGER_OK ||
        ledger_each(ledger, &live, say_outliving, check) != LEDGER_OK ||
        ledger_each(ledger, &cas, say_sub_ca, check) != LEDGER_OK)
        say(check, ledger_error(ledger));
}
