#include "config.h"

#include "pki/crl_take.h"

#include "common/log.h"

#include <string.h>

/* --- what is gone: pure --- */

static GArray *entries_of(struct bytes der)
{
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct crl_entry));
    struct crl_facts facts;
    struct crl_entry entry;

    if (crl_facts(der, &facts) == NULL)
        for (struct bytes rest = facts.revoked; crl_next(&rest, &entry);)
            g_array_append_val(entries, entry);
    return entries;
}

/* As numbers; serials have no leading zeroes here. */
static int by_serial(const void *a, const void *b)
{
    const struct crl_entry *x = a, *y = b;

    if (x->serial.len != y->serial.len)
        return x->serial.len < y->serial.len ? -1 : 1;
    return x->serial.len == 0 ? 0 : memcmp(x->serial.ptr, y->serial.ptr, x->serial.len);
}

void crl_take_find(struct crl_plan *plan, const struct crl_own *own, struct bytes there)
{
    GArray *old = entries_of(there), *fresh = entries_of(bytes_of(own->der->data, own->der->len));
    guint at = 0;

    g_array_sort(old, by_serial);
    g_array_sort(fresh, by_serial);
    for (guint i = 0; i < old->len; i++) {
        const struct crl_entry *entry = &g_array_index(old, struct crl_entry, i);
        struct crl_vanished vanished = {.authority = own->authority->row.id,
                                        .serial_len = entry->serial.len,
                                        .revoked_s = entry->revoked_s,
                                        .reason = entry->reason};

        while (at < fresh->len && by_serial(&g_array_index(fresh, struct crl_entry, at), entry) < 0)
            at++;
        if ((at < fresh->len &&
             by_serial(&g_array_index(fresh, struct crl_entry, at), entry) == 0) ||
            entry->serial.len > sizeof vanished.serial)
            continue;
        memcpy(vanished.serial, entry->serial.ptr, entry->serial.len);
        g_array_append_val(plan->vanished, vanished);
    }
    g_array_unref(old);
    g_array_unref(fresh);
}

/* --- what of it the ledger should know --- */

struct seek {
    char *serial; /* as events have it: "serial":"01AB" */
    bool found;
};

static bool is_release(void *context, int64_t seq, struct bytes line)
{
    static const char word[] = "\"event\":\"release\"";
    struct seek *seek = context;

    (void)seq;
    seek->found = memmem(line.ptr, line.len, word, strlen(word)) != NULL &&
                  memmem(line.ptr, line.len, seek->serial, strlen(seek->serial)) != NULL;
    return !seek->found;
}

/* A hold may be lifted; anything else is for good. */
static bool was_released(struct ledger *ledger, const struct crl_vanished *vanished)
{
    GString *serial = g_string_new("\"serial\":\"");
    struct seek seek = {0};
    bool known;

    if (vanished->reason != REVOKED_HOLD) {
        g_string_free(serial, TRUE);
        return false;
    }
    certificate_serial_text(bytes_of(vanished->serial, vanished->serial_len), serial);
    g_string_append_c(serial, '"');
    seek.serial = serial->str;
    known = ledger_each_event(ledger, 1, is_release, &seek) == LEDGER_OK;
    g_string_free(serial, TRUE);
    return known && seek.found;
}

static int reason_of(const struct crl_vanished *vanished)
{
    return ledger_reason_name(vanished->reason) != NULL ? vanished->reason : REVOKED_UNSPECIFIED;
}

/* One that the ledger never saw: all there is of it is its serial, and that it is valid no longer than its CA. */
static enum ledger_result take_unknown(struct session *session, const struct crl_vanished *vanished)
{
    const struct authority *authority = session_authority(session, vanished->authority);
    struct ledger_row row = {
        .authority = vanished->authority,
        .kind = KIND_OTHER,
        .serial_len = vanished->serial_len,
        .name = g_strdup(""),
        .sans = g_strdup(""),
        .path = g_strdup(""),
        .not_before = authority->row.not_before,
        .not_after = authority->row.not_after,
        .revoked_s = vanished->revoked_s,
        .reason = reason_of(vanished),
    };
    enum ledger_result result;

    memcpy(row.serial, vanished->serial, vanished->serial_len);
    result = ledger_adopt(session->ledger, &row);
    ledger_row_clear(&row);
    return result;
}

static enum ledger_result take_one(struct session *session, const struct crl_vanished *vanished,
                                   bool *taken)
{
    struct ledger_row row = {0};
    enum ledger_result result =
        ledger_by_serial(session->ledger, bytes_of(vanished->serial, vanished->serial_len), &row);

    *taken = false;
    if (result == LEDGER_NONE || (result == LEDGER_OK && row.authority != vanished->authority)) {
        *taken = true;
        result = take_unknown(session, vanished);
    } else if (result == LEDGER_OK && row.revoked_s == 0 && row.not_after > session_now_s() &&
               !was_released(session->ledger, vanished)) {
        *taken = true;
        result = ledger_revoke(session->ledger, row.id, reason_of(vanished));
    }
    ledger_row_clear(&row);
    return result;
}

bool crl_take_over(struct session *session, const struct crl_plan *plan, size_t *taken)
{
    *taken = 0;
    for (guint i = 0; i < plan->vanished->len; i++) {
        bool one;

        if (take_one(session, &g_array_index(plan->vanished, struct crl_vanished, i), &one) !=
            LEDGER_OK) {
            log_error("the CRL in place revokes what the ledger does not know of, and it cannot be "
                      "taken over: %s",
                      ledger_error(session->ledger));
            return false;
        }
        *taken += one;
    }
    if (*taken > 0)
        log_warning("%zu revocation%s of the CRL in place %s not in the ledger (put back from a "
                    "backup?), and %s taken over",
                    *taken, *taken == 1 ? "" : "s", *taken == 1 ? "was" : "were",
                    *taken == 1 ? "is" : "are");
    return true;
}
