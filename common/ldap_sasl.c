#include "config.h"

#include "common/ldap_connect.h"

#include <stdio.h>

#include <sasl/sasl.h>

static void note_diagnostic(LDAP *ld, struct ldapc_bind_answer *answer)
{
    char *diagnostic = NULL;

    if (ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic) == LDAP_OPT_SUCCESS &&
        diagnostic != NULL)
        snprintf(answer->diagnostic, sizeof answer->diagnostic, "%s", diagnostic);
    ldap_memfree(diagnostic);
}

/* The answers of a server that may do better later, or never came. */
static enum ldapc_status judge(struct ldapc *connection, const char *what, int code,
                               struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX])
{
    answer->code = code;
    note_diagnostic(ldapc_handle(connection), answer);
    if (!LDAP_API_ERROR(code) && code != LDAP_BUSY && code != LDAP_UNAVAILABLE)
        return LDAPC_OK;
    ldapc_explain(ldapc_handle(connection), what, code, why);
    return LDAPC_DOWN;
}

static enum ldapc_status end_step(enum ldapc_status status, char why[LDAPC_WHY_MAX])
{
    if (!ldapc_step_end() || status != LDAPC_DOWN)
        return status;
    snprintf(why, LDAPC_WHY_MAX, "no answer in time");
    return LDAPC_TIMEOUT;
}

enum ldapc_status ldapc_bind_external(struct ldapc *connection, int64_t limit_ms,
                                      struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX])
{
    LDAP *ld = ldapc_handle(connection);
    LDAPMessage *result = NULL;
    struct berval nobody = {.bv_val = (char[]){""}}; /* no authorisation identity but our own */
    enum ldapc_status status = LDAPC_DOWN;
    int message, code;

    *answer = (struct ldapc_bind_answer){.code = -1, .policy_error = PP_noError};
    ldapc_step(connection, limit_ms);
    code = ldap_sasl_bind(ld, NULL, "EXTERNAL", &nobody, NULL, NULL, &message);
    if (code != LDAP_SUCCESS)
        ldapc_explain(ld, "the bind could not be sent", code, why);
    else
        status = ldapc_wait(connection, message, limit_ms, &result, why);
    if (status == LDAPC_OK) {
        int parsed = ldap_parse_result(ld, result, &code, NULL, NULL, NULL, NULL, 0);

        status = judge(connection, "bind by EXTERNAL", parsed == LDAP_SUCCESS ? code : parsed,
                       answer, why);
    }
    ldap_msgfree(result);
    return end_step(status, why);
}

/* Nothing is asked of anybody: what has no default stays empty. */
static int answer_by_default(LDAP *ld, unsigned flags, void *defaults, void *questions)
{
    (void)ld;
    (void)flags;
    (void)defaults;
    for (sasl_interact_t *at = questions; at->id != SASL_CB_LIST_END; at++) {
        at->result = at->defresult != NULL ? at->defresult : "";
        at->len = (unsigned)strlen(at->result);
    }
    return LDAP_SUCCESS;
}

enum ldapc_status ldapc_bind_gssapi(struct ldapc *connection, int64_t limit_ms,
                                    struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX])
{
    LDAP *ld = ldapc_handle(connection);
    LDAPMessage *result = NULL;
    const char *mechanism = NULL;
    enum ldapc_status status = LDAPC_OK;
    int message, code;

    *answer = (struct ldapc_bind_answer){.code = -1, .policy_error = PP_noError};
    if (ldap_tls_inplace(ld) &&
        ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, "maxssf=0") != LDAP_OPT_SUCCESS) {
        snprintf(why, LDAPC_WHY_MAX, "libldap refused sasl_secprops");
        return LDAPC_LOCAL;
    }
    ldapc_step(connection, limit_ms);
    for (;;) {
        code = ldap_sasl_interactive_bind(ld, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET,
                                          answer_by_default, NULL, result, &mechanism, &message);
        ldap_msgfree(result);
        result = NULL;
        if (code != LDAP_SASL_BIND_IN_PROGRESS)
            break;
        status = ldapc_wait(connection, message, limit_ms, &result, why);
        if (status != LDAPC_OK)
            break;
    }
    /* A ticket that is missing or too old is our side's, LDAP_LOCAL_ERROR, and so is a missing plug-in. */
    if (status == LDAPC_OK && code == LDAP_AUTH_UNKNOWN) {
        ldapc_explain(ld, "bind by GSSAPI (is its plug-in installed? libsasl2-modules-gssapi-mit)",
                      code, why);
        status = LDAPC_LOCAL;
    } else if (status == LDAPC_OK && code == LDAP_LOCAL_ERROR) {
        ldapc_explain(ld, "bind by GSSAPI (is there a ticket? see klist)", code, why);
        status = LDAPC_LOCAL;
    } else if (status == LDAPC_OK) {
        status = judge(connection, "bind by GSSAPI", code, answer, why);
    }
    ldap_msgfree(result);
    return end_step(status, why);
}
