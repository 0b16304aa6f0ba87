/* Words by a key. */
#include "config.h"

#include "pki/ledger_inside.h"

enum ledger_result ledger_word(struct ledger *ledger, const char *key, char **value)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_WORD);

    *value = NULL;
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_text(statement, 1, key);
    enum ledger_result result = lq_step(ledger, statement, "look up a word");
    if (result == LEDGER_OK) {
        struct bytes text = lq_column(statement, 0);
        *value = text.len > 0 ? g_strndup((const char *)text.ptr, text.len) : g_strdup("");
    }
    lq_end(statement);
    return result;
}

enum ledger_result ledger_set_word(struct ledger *ledger, const char *key, const char *value)
{
    enum ledger_result result = ledger_enter(ledger, "keep a word");

    if (result != LEDGER_OK)
        return result;
    sqlite3_stmt *statement = lq_take(ledger, value != NULL ? LQ_WORD_SET : LQ_WORD_REMOVE);
    if (statement != NULL) {
        lq_text(statement, 1, key);
        if (value != NULL)
            lq_text(statement, 2, value);
    }
    return ledger_leave(ledger, lq_run(ledger, statement, "keep a word"));
}
