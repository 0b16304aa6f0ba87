/* The CAs in the ledger. */
#include "config.h"

#include "pki/ledger_inside.h"

#include <stdio.h>

const char *const ledger_purpose_names[PURPOSES] = {
    [PURPOSE_ROOT] = "root",
    [PURPOSE_ALL] = "all",
    [PURPOSE_SERVER] = "server",
    [PURPOSE_CLIENT] = "client",
};

static const char *const state_names[] = {
    [AUTHORITY_NEXT] = "next",
    [AUTHORITY_CURRENT] = "current",
    [AUTHORITY_OLD] = "old",
    [AUTHORITY_DROPPED] = "dropped",
};

void ledger_authority_clear(struct ledger_authority *authority)
{
    if (authority == NULL)
        return;
    g_free(authority->file);
    g_free(authority->key);
    if (authority->der != NULL)
        g_byte_array_unref(authority->der);
    *authority = (struct ledger_authority){0};
}

static struct bytes der_of(const struct ledger_authority *authority)
{
    return authority->der == NULL ? bytes_of(NULL, 0)
                                  : bytes_of(authority->der->data, authority->der->len);
}

/* Its key's id and its serial.  False when the DER is no certificate. */
static bool look_into(const struct ledger_authority *authority, uint8_t id[KEY_ID],
                      uint8_t serial[CERTIFICATE_SERIAL], size_t *serial_len)
{
    struct bytes der = der_of(authority);
    const uint8_t *at = der.ptr;
    X509 *certificate = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    EVP_PKEY *key = certificate != NULL ? X509_get0_pubkey(certificate) : NULL;
    bool fine = key != NULL && key_id(key, id);

    if (fine) {
        const ASN1_INTEGER *number = X509_get0_serialNumber(certificate);
        *serial_len = (size_t)ASN1_STRING_length(number);
        fine = *serial_len <= CERTIFICATE_SERIAL;
        if (fine && *serial_len > 0)
            memcpy(serial, ASN1_STRING_get0_data(number), *serial_len);
    }
    X509_free(certificate);
    return fine;
}

static enum ledger_result insert(struct ledger *ledger, struct ledger_authority *authority,
                                 const uint8_t id[KEY_ID])
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_AUTHORITY_ADD);

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, authority->purpose);
    lq_number(statement, 2, authority->generation);
    lq_number(statement, 3, authority->state);
    lq_maybe(statement, 4, authority->parent);
    lq_text(statement, 5, authority->file);
    lq_text(statement, 6, authority->key);
    lq_bytes(statement, 7, bytes_of(id, KEY_ID));
    lq_bytes(statement, 8, der_of(authority));
    lq_number(statement, 9, authority->not_before);
    lq_number(statement, 10, authority->not_after);
    enum ledger_result result = lq_run(ledger, statement, "add a CA");
    if (result == LEDGER_OK)
        authority->id = sqlite3_last_insert_rowid(ledger->db);
    else if (sqlite3_extended_errcode(ledger->db) == SQLITE_CONSTRAINT_UNIQUE)
        result = ledger_say(ledger, LEDGER_REFUSED,
                            "the ledger %s has a CA for %s of generation %lld, or in %s, already",
                            ledger->path, ledger_purpose_names[authority->purpose],
                            (long long)authority->generation, authority->file);
    return result;
}

enum ledger_result ledger_add_authority(struct ledger *ledger, struct ledger_authority *authority,
                                        bool adopted)
{
    uint8_t id[KEY_ID], serial[CERTIFICATE_SERIAL];
    size_t serial_len = 0;
    char detail[128];

    if (!look_into(authority, id, serial, &serial_len))
        return ledger_say(ledger, LEDGER_FAILED, "cannot add the CA %s: it is no certificate",
                          authority->file);
    enum ledger_result result = ledger_enter(ledger, "add a CA");
    if (result != LEDGER_OK)
        return result;
    result = insert(ledger, authority, id);
    snprintf(detail, sizeof detail, "purpose %s, generation %lld, state %s",
             ledger_purpose_names[authority->purpose], (long long)authority->generation,
             state_names[authority->state]);
    if (result == LEDGER_OK)
        result = ledger_put_event(ledger, &(struct ledger_event){
                                              .event = adopted                     ? "ca-adopt"
                                                       : authority->generation > 1 ? "ca-rotate"
                                                                                   : "ca-init",
                                              .result = "done",
                                              .serial = bytes_of(serial, serial_len),
                                              .object = authority->file,
                                              .detail = detail,
                                          });
    return ledger_leave(ledger, result);
}

/* purpose, state, not_before, file of one, which stay in the statement until lq_end. */
static enum ledger_result brief(struct ledger *ledger, int64_t id, sqlite3_stmt **statement)
{
    *statement = lq_take(ledger, LQ_AUTHORITY_BRIEF);
    if (*statement == NULL)
        return LEDGER_FAILED;
    lq_number(*statement, 1, id);
    enum ledger_result result = lq_step(ledger, *statement, "look up a CA");
    if (result == LEDGER_NONE)
        ledger_say(ledger, LEDGER_NONE, "the ledger %s has no CA with the number %lld",
                   ledger->path, (long long)id);
    return result;
}

enum ledger_result ledger_set_authority(struct ledger *ledger, int64_t id,
                                        enum ledger_authority_state state)
{
    sqlite3_stmt *statement = NULL;
    char detail[64];
    char *file = NULL;

    enum ledger_result result = ledger_enter(ledger, "change a CA's state");
    if (result != LEDGER_OK)
        return result;
    result = brief(ledger, id, &statement);
    if (result == LEDGER_OK) {
        snprintf(detail, sizeof detail, "from %s to %s",
                 state_names[sqlite3_column_int(statement, 1) & 3], state_names[state]);
        file = g_strdup((const char *)sqlite3_column_text(statement, 3));
    }
    if (statement != NULL)
        lq_end(statement);
    if (result == LEDGER_OK && (statement = lq_take(ledger, LQ_AUTHORITY_STATE)) == NULL)
        result = LEDGER_FAILED;
    if (result == LEDGER_OK) {
        lq_number(statement, 1, id);
        lq_number(statement, 2, state);
        result = lq_run(ledger, statement, "change a CA's state");
    }
    if (result == LEDGER_OK)
        result = ledger_put_event(
            ledger, &(struct ledger_event){
                        .event = "ca-state", .result = "done", .object = file, .detail = detail});
    g_free(file);
    return ledger_leave(ledger, result);
}

static char *column_copy(sqlite3_stmt *statement, int at)
{
    struct bytes text = lq_column(statement, at);

    return g_strndup((const char *)text.ptr, text.len);
}

static bool read_authority(sqlite3_stmt *statement, struct ledger_authority *out)
{
    int64_t purpose = sqlite3_column_int64(statement, 1),
            state = sqlite3_column_int64(statement, 3);
    struct bytes der = lq_column(statement, 7);

    if (purpose < 0 || purpose >= PURPOSES || state < 0 || state > AUTHORITY_DROPPED ||
        der.len == 0)
        return false;
    *out = (struct ledger_authority){
        .id = sqlite3_column_int64(statement, 0),
        .purpose = (enum ledger_purpose)purpose,
        .generation = sqlite3_column_int64(statement, 2),
        .state = (enum ledger_authority_state)state,
        .parent = sqlite3_column_int64(statement, 4),
        .file = column_copy(statement, 5),
        .key = column_copy(statement, 6),
        .der = g_byte_array_sized_new((guint)der.len),
        .not_before = sqlite3_column_int64(statement, 8),
        .not_after = sqlite3_column_int64(statement, 9),
        .crl_number = sqlite3_column_int64(statement, 10),
        .crl_this_s = sqlite3_column_int64(statement, 11),
        .crl_next_s = sqlite3_column_int64(statement, 12),
    };
    g_byte_array_append(out->der, der.ptr, (guint)der.len);
    return true;
}

static void clear_element(void *element)
{
    ledger_authority_clear(element);
}

enum ledger_result ledger_authorities(struct ledger *ledger, GArray **out)
{
    sqlite3_stmt *statement = lq_take(ledger, LQ_AUTHORITY_LIST);
    enum ledger_result result = LEDGER_FAILED;
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct ledger_authority));

    g_array_set_clear_func(list, clear_element);
    *out = NULL;
    while (statement != NULL &&
           (result = lq_step(ledger, statement, "read the CAs")) == LEDGER_OK) {
        struct ledger_authority authority;
        if (!read_authority(statement, &authority)) {
            result = ledger_damaged(ledger, "the list of CAs");
            break;
        }
        g_array_append_val(list, authority);
    }
    if (statement != NULL)
        lq_end(statement);
    if (result != LEDGER_NONE) {
        g_array_unref(list);
        return LEDGER_FAILED;
    }
    *out = list;
    return LEDGER_OK;
}
