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

/* Where the next page begins; without the control there is none. */
static bool read_pages(LDAP *ld, LDAPControl **controls, struct ldapc_pages *pages)
{
    LDAPControl *control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
    struct berval cookie = {0};
    ber_int_t estimate = 0;
    bool good = true;

    pages->cookie_len = 0;
    if (control != NULL) {
        good = ldap_parse_pageresponse_control(ld, control, &estimate, &cookie) == LDAP_SUCCESS &&
               cookie.bv_len <= sizeof pages->cookie;
        if (good && cookie.bv_len > 0) {
            memcpy(pages->cookie, cookie.bv_val, cookie.bv_len);
            pages->cookie_len = cookie.bv_len;
        }
        ber_memfree(cookie.bv_val);
    }
    pages->more = pages->cookie_len > 0;
    return good;
}

/* The last message of a search. */
static enum ldapc_status read_done(LDAP *ld, LDAPMessage *message, struct ldapc_pages *pages,
                                   struct ldapc_search_answer *answer, char why[LDAPC_WHY_MAX])
{
    char *diagnostic = NULL, **uris = NULL;
    LDAPControl **controls = NULL;
    bool good = ldap_parse_result(ld, message, &answer->code, NULL, &diagnostic, &uris, &controls,
                                  0) == LDAP_SUCCESS;

    if (good && pages != NULL)
        good = read_pages(ld, controls, pages);
    ldap_controls_free(controls);
    if (!good) {
        ldap_memfree(diagnostic);
        ldap_memvfree((void **)uris);
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
    bool good;

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
        /* An unreadable one is a referral all the same, to nowhere. */
        ldap_parse_reference(ld, message, &uris, NULL, 0);
        good = search->refer == NULL ||
               search->refer(uris != NULL ? uris : (char *[]){NULL}, search->context);
        note_referral(answer, uris);
        if (good)
            return LDAPC_OK;
        snprintf(why, LDAPC_WHY_MAX, "memory is short");
        return LDAPC_LOCAL;
    case LDAP_RES_SEARCH_RESULT:
        *more = false;
        return read_done(ld, message, search->pages, answer, why);
    default: /* RFC 4511 4.13: intermediate responses that nobody asked for */
        snprintf(why, LDAPC_WHY_MAX, "an answer of a kind that was not asked for");
        return LDAPC_DOWN;
    }
}

/* Critical: a server that cannot give pages would cut the answer instead. */
static bool ask_page(LDAP *ld, struct ldapc_pages *pages, LDAPControl **control)
{
    struct berval cookie = {.bv_val = (char *)pages->cookie, .bv_len = pages->cookie_len};

    pages->more = false;
    return ldap_create_page_control(ld, pages->size, &cookie, 1, control) == LDAP_SUCCESS;
}

enum ldapc_status ldapc_search(struct ldapc *connection, const struct ldapc_search *search,
                               int64_t limit_ms, struct ldapc_search_answer *answer,
                               char why[LDAPC_WHY_MAX])
{
    LDAP *ld = ldapc_handle(connection);
    LDAPControl *page = NULL, *controls[] = {NULL, NULL};
    enum ldapc_status status = LDAPC_OK;
    bool more = true, finished = false;
    int id, code;

    *answer = (struct ldapc_search_answer){.code = -1};
    if (search->pages != NULL && !ask_page(ld, search->pages, &page)) {
        snprintf(why, LDAPC_WHY_MAX, "the search could not be made: memory is short");
        return LDAPC_LOCAL;
    }
    controls[0] = page;
    ldapc_step(connection, limit_ms);
    /* libldap's prototype lacks a const; it reads the list of attributes only. */
    code = ldap_search_ext(ld, search->base, search->scope, search->filter,
                           (char **)(uintptr_t)search->attributes, 0,
                           page != NULL ? controls : NULL, NULL, NULL,
                           /* servers count it over all pages */
                           page != NULL ? 0 : search->max_entries, &id);
    if (page != NULL)
        ldap_control_free(page);
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
