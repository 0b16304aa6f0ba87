/* A whole ledger in memory. */
#include "config.h"

#include "pki/ledger_inside.h"

GByteArray *ledger_copy(struct ledger *ledger)
{
    sqlite3_int64 len = 0;
    GByteArray *copy = NULL;
    unsigned char *all = NULL;
    struct ledger_head head;
    bool own = ledger->depth == 0;

    /* One moment of it: a transaction that reads, begun by the first thing that is read. */
    if (own && lq_run(ledger, lq_take(ledger, LQ_BEGIN_READ), "begin to read") != LEDGER_OK)
        return NULL;
    if (ledger_read_head(ledger, &head) != LEDGER_OK)
        goto out;
    all = sqlite3_serialize(ledger->db, "main", &len, 0);
    if (all == NULL || len <= 0 || len > G_MAXUINT)
        ledger_fail(ledger, all == NULL ? SQLITE_NOMEM : SQLITE_TOOBIG, "copy what is");
    else {
        copy = g_byte_array_sized_new((guint)len);
        g_byte_array_append(copy, all, (guint)len);
    }
out:
    sqlite3_free(all);
    if (own)
        lq_run(ledger, lq_take(ledger, LQ_ROLLBACK), "end to read");
    return copy;
}
