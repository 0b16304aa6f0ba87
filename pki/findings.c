#include "config.h"

#include "pki/findings.h"

#include "common/log.h"
#include "common/table.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
const struct finding_row finding_rows[FINDINGS] = {
    [FINDING_EXPIRING]       = {"expiring", "renew it: pgsignet-ca renew, or --all-due by a timer"},
    [FINDING_EXPIRED]        = {"expired", "its clients are refused: pgsignet-ca renew"},
    [FINDING_CA_EXPIRING]    = {"ca-expiring", "replace the CA while it lasts: pgsignet-ca rotate start"},
    [FINDING_CRL_NEAR_END]   = {"crl-near-end", "an expired CRL locks every client out: pgsignet-ca crl --publish, and enable pgsignet-ca.timer"},
    [FINDING_CRL_MISSING]    = {"crl-missing", "PostgreSQL wants one for every CA of the chain: pgsignet-ca crl --publish"},
    [FINDING_MODES]          = {"modes", "chmod it; if others could read the key: pgsignet-ca rekey, then revoke --reason keyCompromise; if it is the CA's: pgsignet-ca rotate start"},
    [FINDING_KEY_MISMATCH]   = {"key-mismatch", "a restart of the server would fail: put the right pair back, or pgsignet-ca rekey"},
    [FINDING_KEY_AWAY]       = {"key-away", "put it back from the backup: nothing makes it anew"},
    [FINDING_SERVED_DIFFERS] = {"served-differs", "the server has not read its file: SELECT pg_reload_conf(), or pgsignet-ca deploy"},
    [FINDING_SERVER_SILENT]  = {"server-silent", "look whether it runs, has ssl = on, and can be reached from here"},
    [FINDING_SERVER_REFUSES] = {"server-refuses", "it runs: grant what the message names, or let the role in (pg_hba.conf, pg_ident.conf)"},
    [FINDING_NO_ROLE]        = {"no-role", "revoke it, or create the role: whoever gets a role of that name gets a login with it"},
    [FINDING_SAN_IS_ROLE]    = {"san-is-role", "PgBouncer logs it in as that role: reissue it without the name, or make a CA for clients (init --client-ca)"},
    [FINDING_OUTLIVES_CA]    = {"outlives-ca", "it fails when its CA ends: pgsignet-ca rotate, or renew it"},
    [FINDING_LEDGER]         = {"ledger-damaged", "stop signing, and put the last backup back: pgsignet-ca restore"},
    [FINDING_HALF_DONE]      = {"half-done", "the next command that changes something finishes it, or takes it back"},
    [FINDING_CLOCK]          = {"clock", "nothing is signed before that: set the clock right, or if it is right, and was ahead before: pgsignet-ca clock"},
    [FINDING_FILE_DIFFERS]   = {"file-differs", "somebody else has written or removed it: pgsignet-ca renew makes it anew"},
    [FINDING_CRL_NOT_PUBLISHED] = {"crl-not-published", "revoked clients may still be let in: pgsignet-ca crl --publish"},
    [FINDING_NO_EKU]         = {"no-eku", "every server takes it as a login of its CN: reissue it"},
    [FINDING_SHARED_KEY]     = {"shared-key", "who has one has them all: pgsignet-ca rekey"},
    [FINDING_LONG_LEAF]      = {"long-leaf", "a stolen one is good for as long: renew it with a shorter time"},
    [FINDING_CA_KEY_USAGE]   = {"ca-key-usage", "some verifiers refuse it: pgsignet-ca rotate makes a sound one"},
    [FINDING_SUB_CA]         = {"sub-ca", "whoever has its key makes logins that no ledger knows: unless that is meant, pgsignet-ca revoke it"},
    [FINDING_LINT]           = {"lint", "reissue it; strict verifiers refuse it"},
};
/* clang-format on */

static void free_entry(void *entry)
{
    struct finding_entry *is = entry;

    g_free(is->object);
    g_free(is->text);
    g_free(is);
}

void findings_init(struct findings *findings)
{
    findings->at = g_ptr_array_new_with_free_func(free_entry);
}

void findings_clear(struct findings *findings)
{
    if (findings->at != NULL)
        g_ptr_array_unref(findings->at);
    findings->at = NULL;
}

void findings_add(struct findings *findings, enum finding finding, const char *object,
                  const char *format, ...)
{
    struct finding_entry *entry = g_new0(struct finding_entry, 1);
    va_list list;

    va_start(list, format);
    entry->finding = finding;
    entry->object = g_strdup(object);
    entry->text = g_strdup_vprintf(format, list);
    va_end(list);
    g_ptr_array_add(findings->at, entry);
}

/* Fit for a terminal: names and paths are of any bytes.  g_free. */
static char *printable(const char *text)
{
    size_t size = 4 * strlen(text) + 1;
    char *out = g_malloc(size);

    text_clean(out, size, bytes_str(text));
    return out;
}

static bool print_rows(const struct findings *findings)
{
    static const char *const headings[] = {"FINDING", "OBJECT", "WHAT"};
    struct table *table = table_new(headings, G_N_ELEMENTS(headings));
    bool done = table != NULL;

    for (guint i = 0; done && i < findings->at->len; i++) {
        const struct finding_entry *entry = g_ptr_array_index(findings->at, i);
        g_autofree char *object = printable(entry->object), *text = printable(entry->text);
        const char *const cells[] = {finding_rows[entry->finding].word, object, text};

        done = table_add(table, cells);
    }
    if (done)
        table_print(table, stdout);
    else
        log_error("cannot print the findings: memory is short");
    table_free(table);
    return done;
}

void findings_print(const struct findings *findings)
{
    bool said[FINDINGS] = {false};

    if (findings->at->len == 0 || !print_rows(findings))
        return;
    putchar('\n');
    for (guint i = 0; i < findings->at->len; i++) {
        const struct finding_entry *entry = g_ptr_array_index(findings->at, i);

        if (!said[entry->finding])
            printf("%s: %s.\n", finding_rows[entry->finding].word,
                   finding_rows[entry->finding].advice);
        said[entry->finding] = true;
    }
}

static json_t *text_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_string(valid);
}

json_t *findings_json(const struct findings *findings)
{
    json_t *list = json_array();

    for (guint i = 0; i < findings->at->len; i++) {
        const struct finding_entry *entry = g_ptr_array_index(findings->at, i);

        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:s}", "finding", finding_rows[entry->finding].word,
                            "object", text_json(entry->object), "text", text_json(entry->text),
                            "advice", finding_rows[entry->finding].advice));
    }
    return list;
}
