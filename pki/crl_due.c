/* Is it time for a new CRL?  By the ledger, and by what lies in the folder. */
#include "config.h"

#include "pki/crl.h"

/* Walks ledger and CRL together, both in the order of serials. */
struct comparing {
    struct session *session;
    struct bytes rest; /* of the CRL's list */
    struct crl_entry entry;
    bool has_entry;
    const char *difference;
};

static int order(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.ptr, b.ptr, a.len);
}

/* An entry that the ledger does not give any more: its certificate has expired, or was released. */
static void judge_missing(struct comparing *comparing)
{
    struct ledger_row row = {0};

    if (ledger_by_serial(comparing->session->ledger, comparing->entry.serial, &row) == LEDGER_OK &&
        row.revoked_s == 0)
        comparing->difference = "a hold was lifted since";
    ledger_row_clear(&row);
}

static bool compare_row(void *context, struct bytes serial, int64_t revoked_s, int reason)
{
    struct comparing *comparing = context;

    (void)revoked_s;
    while (serial.len > 1 && serial.ptr[0] == 0)
        serial = bytes_of(serial.ptr + 1, serial.len - 1);
    while (comparing->has_entry && order(comparing->entry.serial, serial) < 0 &&
           comparing->difference == NULL) {
        judge_missing(comparing);
        comparing->has_entry = crl_next(&comparing->rest, &comparing->entry);
    }
    if (comparing->difference != NULL)
        return false;
    if (!comparing->has_entry || order(comparing->entry.serial, serial) != 0)
        comparing->difference = "something was revoked since";
    else if (comparing->entry.reason != reason)
        comparing->difference = "a reason was changed since";
    else
        comparing->has_entry = crl_next(&comparing->rest, &comparing->entry);
    return comparing->difference == NULL;
}

static const char *differs(struct session *session, const struct authority *authority,
                           const struct crl_facts *facts)
{
    struct comparing comparing = {.session = session, .rest = facts->revoked};

    comparing.has_entry = crl_next(&comparing.rest, &comparing.entry);
    if (ledger_each_revoked(session->ledger, authority->row.id, compare_row, &comparing) !=
            LEDGER_OK &&
        comparing.difference == NULL)
        return "the ledger could not be compared with it";
    while (comparing.has_entry && comparing.difference == NULL) {
        judge_missing(&comparing);
        comparing.has_entry = crl_next(&comparing.rest, &comparing.entry);
    }
    return comparing.difference;
}

const char *crl_due(struct session *session, const struct authority *authority, int64_t early_s)
{
    GByteArray *der = g_byte_array_new();
    const char *why = NULL;
    struct crl_facts facts;

    if (authority->row.state == AUTHORITY_DROPPED)
        goto out;
    if (!crl_load(session, authority, der) || der->len == 0) {
        why = "there is none in the folder";
        goto out;
    }
    if (crl_facts(bytes_of(der->data, der->len), &facts) != NULL ||
        !crl_signed_by(bytes_of(der->data, der->len), authority->certificate))
        why = "the one in the folder is damaged";
    else if (facts.next_s - early_s <= session_now_s())
        why = "it ends soon";
    else if (facts.this_s > session_now_s())
        why =
            "it begins in the future, so that servers refuse every client with a certificate: the "
            "clock was ahead";
    else if (crl_number(&facts) < (uint64_t)authority->row.crl_number)
        why = "the one in the folder is not the last that was begun";
    else if (crl_number(&facts) > (uint64_t)authority->row.crl_number)
        why = "the one in the folder has a number that the ledger does not know";
    else
        why = differs(session, authority, &facts);
out:
    g_byte_array_unref(der);
    return why;
}
