#include "config.h"

#include "common/ldap_search.h"

#include "common/text.h"

#include <stdio.h>

static void note_referral(struct ldapc_search_answer *answer, char **uris)
{
    answer->referral = true;
    if (uris != NULL && uris[0] != NULL)
        text_clean(answer->diagnostic, sizeof answer->diagnostic, bytes_str(uris[0]));
    ldap_memvfree((void **)uris);
}

/* The last message of a search. */
static enum ldapc_status read_done(LDAP *ld, LDAPMessage *message,
                                   struct ldapc_search_answer *answer, char why[LDAPC_WHY_MAX])
{
    char *diagnostic = NULL, **uris = NULL;

    if (ldap_parse_result(ld, message, &answer->code, NULL, &diagnostic, &uris, NULL, 0) !=
        LDAP_SUCCESS) {
        snprintf(why, LDAPC_WHY_MAX, "the end of the search cannot be read");
        return LDAPC_DOWN;
    }
    if (diagnostic != NULL && !answer->referral)
        text_clean(answer->diagnostic, sizeof answer->diagnostic, bytes_str(diagnostic));
    ldap_memfree(diagnostic);
    if (uris != NULL)
        note_referral(answer, uris);
    if (answer->code == LDAP_BUSY || answer->code == LDAP_UNAVAILABLE) {
        ldapc_explain(ld, "search", answer->code, why);
        return LDAPC_DOWN;
    }
    return LDAPC_OK;
}

/* One message of the answer.  *more is false after the last. */
static enum ldapc_status read_message(LDAP *ld, LDAPMessage *message,
                                      const struct ldapc_search *search,
                                      struct ldapc_search_answer *answer, bool *more,
                                      char why[LDAPC_WHY_MAX])
{
    char **uris = NULL;

    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        if (answer->entries >= search->max_entries) {
            answer->code = LDAP_SIZELIMIT_EXCEEDED;
            *more = false;
            return LDAPC_OK;
        }
        answer->entries++;
        if (search->each(ld, message, search->context))
            return LDAPC_OK;
        snprintf(why, LDAPC_WHY_MAX, "memory is short");
        return LDAPC_LOCAL;
    case LDAP_RES_SEARCH_REFERENCE:
        /* Which URI is only for the operator; an unreadable one is a referral all the same. */
        ldap_parse_reference(ld, message, &uris, NULL, 0);
        note_referral(answer, uris);
        return LDAPC_OK;
    case LDAP_RES_SEARCH_RESULT:
        *more = false;
        return read_done(ld, message, answer, why);
    default: /* RFC 4511 4.13: intermediate responses that nobody asked for */
        snprintf(why, LDAPC_WHY_MAX, "an answer of a kind that was not asked for");
        return LDAPC_DOWN;
    }
}

enum ldapc_status ldapc_search(struct ldapc *connection, const struct ldapc_search *search,
                               int64_t limit_ms, struct ldapc_search_answer *answer,
                               char why[LDAPC_WHY_MAX])
{
    LDAP *ld = ldapc_handle(connection);
    enum ldapc_status status = LDAPC_OK;
    bool more = true, finished = false;
    int id, code;

    *answer = (struct ldapc_search_answer){.code = -1};
    ldapc_step(connection, limit_ms);
    /* libldap's prototype lacks a const; it reads the list of attributes only. */
    code = ldap_search_ext(ld, search->base, search->scope, search->filter,
                           (char **)(uintptr_t)search->attributes, 0, NULL, NULL, NULL,
                           search->max_entries, &id);
    if (code == LDAP_FILTER_ERROR || code == LDAP_PARAM_ERROR || code == LDAP_NO_MEMORY) {
        ldapc_explain(ld, "the search could not be made", code, why);
        status = LDAPC_LOCAL;
    } else if (code != LDAP_SUCCESS) {
        ldapc_explain(ld, "the search could not be sent", code, why);
        status = LDAPC_DOWN;
    }
    while (status == LDAPC_OK && more) {
        LDAPMessage *message = NULL;

        status = ldapc_wait(connection, id, limit_ms, &message, why);
        if (status == LDAPC_OK) {
            finished = ldap_msgtype(message) == LDAP_RES_SEARCH_RESULT;
            status = read_message(ld, message, search, answer, &more, why);
        }
        ldap_msgfree(message);
    }
    /* We stopped before the server did: the rest of its answer must not meet the next search. */
    if (code == LDAP_SUCCESS && !finished && (status == LDAPC_OK || status == LDAPC_LOCAL))
        ldap_abandon_ext(ld, id, NULL, NULL);
    if (ldapc_step_end() && status == LDAPC_DOWN) {
        snprintf(why, LDAPC_WHY_MAX, "no answer in time");
        status = LDAPC_TIMEOUT;
    }
    return status;
}
