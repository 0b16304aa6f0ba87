#include "config.h"

#include "pki/revoke.h"

#include "common/log.h"

#include <stdarg.h>

const char *const revoke_outcomes[OUTCOMES] = {
    [OUTCOME_PROVED] = "proved",   [OUTCOME_NOT_ASKED] = "not-asked",
    [OUTCOME_BOUNCER] = "bouncer", [OUTCOME_NOT_TRUSTED] = "not-trusted",
    [OUTCOME_FAILED] = "failed",
};

static void clear_one(void *at)
{
    struct revoke_one *one = at;

    ledger_row_clear(&one->row);
    g_free(one->pair.certificate);
    secret_free(&one->pair.key);
}

static void clear_canary(void *at)
{
    canary_clear(at);
}

static void clear_door(void *at)
{
    struct revoke_door *door = at;

    g_free(door->host);
    g_free(door->label);
    g_free(door->places);
}

static void clear_proof(void *at)
{
    struct revoke_proof *proof = at;

    g_free(proof->server);
    g_free(proof->text);
}

static void clear_session(void *at)
{
    struct revoke_session *session = at;

    g_free(session->server);
    g_free(session->at.user);
    g_free(session->at.database);
    g_free(session->at.application);
    g_free(session->at.address);
}

static GArray *array_of(guint size, GDestroyNotify clear)
{
    GArray *array = g_array_new(FALSE, TRUE, size);

    g_array_set_clear_func(array, clear);
    return array;
}

void revoke_init(struct revoke *revoke, struct session *session, bool release, int64_t now_s)
{
    *revoke = (struct revoke){
        .session = session,
        .release = release,
        .now_s = now_s,
        .ones = array_of(sizeof(struct revoke_one), clear_one),
        .canaries = array_of(sizeof(struct canary), clear_canary),
        .doors = array_of(sizeof(struct revoke_door), clear_door),
        .proofs = array_of(sizeof(struct revoke_proof), clear_proof),
        .sessions = array_of(sizeof(struct revoke_session), clear_session),
        .warnings = g_ptr_array_new_with_free_func(g_free),
    };
}

void revoke_clear(struct revoke *revoke)
{
    publish_clear(&revoke->publish);
    g_ptr_array_unref(revoke->warnings);
    g_array_unref(revoke->sessions);
    g_array_unref(revoke->proofs);
    g_array_unref(revoke->doors);
    g_array_unref(revoke->canaries);
    g_array_unref(revoke->ones);
}

bool revoke_is_out_of_trust(const struct revoke *revoke, const struct revoke_one *one)
{
    const struct authority *authority = session_authority(revoke->session, one->row.authority);

    return authority != NULL && authority->row.state == AUTHORITY_DROPPED;
}

void revoke_warn(struct revoke *revoke, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (g_ptr_array_find_with_equal_func(revoke->warnings, text, g_str_equal, NULL)) {
        g_free(text);
        return;
    }
    log_warning("%s", text);
    g_ptr_array_add(revoke->warnings, text);
}

char *revoke_chain(const struct session *session, const struct authority *authority,
                   struct bytes der)
{
    GString *text = g_string_new(NULL);
    X509 *chain[4];
    size_t n = authority != NULL ? session_chain(session, authority, chain) : 0;

    certificate_pem(der, text);
    for (size_t i = 0; i < n; i++) {
        GByteArray *issuer = certificate_der(chain[i]);
        if (X509_self_signed(chain[i], 0) != 1)
            certificate_pem(bytes_of(issuer->data, issuer->len), text);
        g_byte_array_unref(issuer);
    }
    return g_string_free(text, FALSE);
}

char *revoke_describe(const struct revoke_one *one)
{
    GString *text = g_string_new(one->row.name[0] != '\0' ? one->row.name : "a certificate");

    g_string_append(text, " (serial ");
    certificate_serial_text(bytes_of(one->row.serial, one->row.serial_len), text);
    g_string_append_c(text, ')');
    return g_string_free(text, FALSE);
}
