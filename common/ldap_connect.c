#include "config.h"

#include "common/ldap_connect.h"

#include "common/clock.h"
#include "common/guard.h"
#include "common/ldap_memory.h"
#include "common/secret.h"
#include "common/text.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_AHEAD 32768 /* bytes */

struct ldapc {
    LDAP *ld;
    int fd;       /* libldap's; -1 when there is none */
    bool reached; /* there was a socket, so what fails later is TLS */
    bool opened;  /* after this no further socket is let through */
    ldap_conncb callbacks;
    int64_t limit_ms; /* of ldapc_open, for the socket's own timeouts */
    ber_len_t answer_max;
    bool bulk;
};

LDAP *ldapc_handle(struct ldapc *connection)
{
    return connection->ld;
}

int ldapc_socket(const struct ldapc *connection)
{
    return connection->fd;
}

void ldapc_explain(LDAP *ld, const char *what, int code, char why[LDAPC_WHY_MAX])
{
    char *diagnostic = NULL, clean[200] = "";

    if (ld != NULL)
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic);
    /* The exception is what libldap makes of GnuTLS's silence. */
    if (diagnostic != NULL && strcmp(diagnostic, "(unknown error code)") != 0)
        text_clean(clean, sizeof clean, bytes_str(diagnostic));
    snprintf(why, LDAPC_WHY_MAX, "%s: %s%s%s%s", what, ldap_err2string(code), *clean ? " (" : "",
             clean, *clean ? ")" : "");
    ldap_memfree(diagnostic);
}

void ldapc_step(struct ldapc *connection, int64_t limit_ms)
{
    guard_step(limit_ms);
    guard_watch(connection->fd);
}

bool ldapc_step_end(void)
{
    guard_watch(-1);
    return guard_step_end();
}

/* How long until the limit, as libldap wants it; never negative, for that means for ever. */
static struct timeval time_left(int64_t limit_ms)
{
    int64_t left = limit_ms - clock_mono_ms();

    if (left < 0)
        left = 0;
    return (struct timeval){.tv_sec = left / 1000, .tv_usec = (left % 1000) * 1000};
}

/*
 * liblber's own layer writes with write(): a peer that has gone, or our own shutdown before the close,
 * would end a program that does not ignore SIGPIPE.
 */
static ber_slen_t write_quietly(Sockbuf_IO_Desc *layer, void *data, ber_len_t len)
{
    int fd = -1;

    if (ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &fd) != 1 || fd < 0) {
        errno = EBADF;
        return -1;
    }
    return send(fd, data, len, MSG_NOSIGNAL);
}

static ber_slen_t read_below(Sockbuf_IO_Desc *layer, void *data, ber_len_t len)
{
    return LBER_SBIOD_READ_NEXT(layer, data, len);
}

static int control_below(Sockbuf_IO_Desc *layer, int option, void *argument)
{
    return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

static Sockbuf_IO quiet_layer = {
    .sbi_ctrl = control_below,
    .sbi_read = read_below,
    .sbi_write = write_quietly,
};

/* libldap has a connected socket and has not yet begun TLS on it. */
static int socket_added(LDAP *ld, Sockbuf *sockbuf, LDAPURLDesc *url, struct sockaddr *address,
                        ldap_conncb *callbacks)
{
    struct ldapc *connection = callbacks->lc_arg;
    ber_len_t max = connection->answer_max, ahead = READ_AHEAD;
    int64_t left = connection->limit_ms - clock_mono_ms();
    unsigned user_timeout = left > 0 && left < 60000 ? (unsigned)left : 60000;
    int on = 1, fd = -1;

    (void)url;
    /* libldap would reconnect on its own, but without StartTLS: the password would go in clear. */
    if (connection->opened)
        return -1;
    if (ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_GET_FD, &fd) != 1 || fd < 0)
        return -1;
    if (ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &max) < 0 ||
        ber_sockbuf_add_io(sockbuf, &quiet_layer, LBER_SBIOD_LEVEL_PROVIDER + 1, NULL) != 0)
        return -1;
    /* Below TLS and above our layer; a read for each header and each value is most of the time of long answers. */
    if (connection->bulk &&
        (ber_sockbuf_add_io(sockbuf, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER + 2,
                            NULL) != 0 ||
         ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_READAHEAD, &ahead) < 0))
        return -1;
    if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    }
    connection->fd = fd;
    connection->reached = true;
    guard_watch(fd);
    /* This address answers: TLS may take all that is left. */
    struct timeval rest = time_left(connection->limit_ms);
    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &rest);
    return 0;
}

static void socket_closing(LDAP *ld, Sockbuf *sockbuf, ldap_conncb *callbacks)
{
    struct ldapc *connection = callbacks->lc_arg;

    (void)ld;
    /* Its number may soon be another's: nothing must be shut down by it any more. */
    if (sockbuf != NULL) {
        connection->fd = -1;
        guard_watch(-1);
    }
}

/* Distributions' CA bundles: libldap built with GnuTLS trusts nobody unless told. */
static const char *system_ca_file(void)
{
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/ca-bundle.pem"};
    size_t i;

    for (i = 0; i < sizeof bundles / sizeof bundles[0]; i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return bundles[0];
}

/*
 * What libldap's own variables and files say where the configuration says nothing, for a program that heeds
 * them: malloc'ed, or NULL.  A handle does not inherit these.  That no certificate need be checked is not among them.
 */
static char *said_elsewhere(int option, const struct ldapc_target *target)
{
    const struct {
        int option;
        const char *configured;
    } files[] = {
        {LDAP_OPT_X_TLS_CACERTDIR,  target->ca_file  },
        {LDAP_OPT_X_TLS_CACERTFILE, target->ca_file  },
        {LDAP_OPT_X_TLS_CERTFILE,   target->cert_file},
        {LDAP_OPT_X_TLS_KEYFILE,    target->key_file },
    };
    char *value = NULL;

    for (size_t i = 0; ldapc_heeds_environment() && i < sizeof files / sizeof files[0]; i++)
        if (files[i].option == option && files[i].configured == NULL &&
            ldap_get_option(NULL, option, &value) != LDAP_OPT_SUCCESS)
            value = NULL;
    return value;
}

/* Every option that ldap.conf could have set is set here, so that none of it counts unasked. */
static int set_options(struct ldapc *connection, const struct ldapc_target *target)
{
    static const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, zero = 0,
                     deref = LDAP_DEREF_NEVER, minimum = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    struct timeval timeout = time_left(connection->limit_ms);
    int64_t now = clock_mono_ms();
    /* For each address of the name: a domain controller that is switched off leaves time for the next. */
    struct timeval reach = time_left(now + (connection->limit_ms - now) / 2);
    const char *ca = target->ca_file != NULL ? target->ca_file : system_ca_file();
    const struct {
        int option;
        const void *value;
    } table[] = {
        {LDAP_OPT_PROTOCOL_VERSION,   &version              },
        {LDAP_OPT_REFERRALS,          LDAP_OPT_OFF          },
        {LDAP_OPT_RESTART,            LDAP_OPT_OFF          },
        {LDAP_OPT_DEREF,              &deref                },
        {LDAP_OPT_SIZELIMIT,          &zero                 },
        {LDAP_OPT_TIMELIMIT,          &zero                 },
        {LDAP_OPT_NETWORK_TIMEOUT,    &reach                },
        {LDAP_OPT_TIMEOUT,            &timeout              },
        {LDAP_OPT_CONNECT_CB,         &connection->callbacks},
        {LDAP_OPT_X_TLS_REQUIRE_CERT, &demand               },
        {LDAP_OPT_X_TLS_PROTOCOL_MIN, &minimum              },
        {LDAP_OPT_X_TLS_CACERTDIR,    NULL                  },
        {LDAP_OPT_X_TLS_CACERTFILE,   ca                    },
        {LDAP_OPT_X_TLS_CERTFILE,     target->cert_file     },
        {LDAP_OPT_X_TLS_KEYFILE,      target->key_file      },
        {LDAP_OPT_X_TLS_NEWCTX,       &zero                 }, /* last: it takes the above */
    };
    bool tls = target->starttls || strncasecmp(target->uri, "ldaps:", 6) == 0;
    size_t i;

    for (i = 0; i < sizeof table / sizeof table[0]; i++) {
        /* Without TLS a CA file that cannot be read hurts nobody. */
        if (table[i].option == LDAP_OPT_X_TLS_NEWCTX && !tls)
            continue;
        char *elsewhere = said_elsewhere(table[i].option, target);
        int code = ldap_set_option(connection->ld, table[i].option,
                                   elsewhere != NULL ? elsewhere : table[i].value);

        ldap_memfree(elsewhere);
        if (code != LDAP_OPT_SUCCESS)
            return table[i].option;
    }
    return 0;
}

enum ldapc_status ldapc_wait(struct ldapc *connection, int message, int64_t limit_ms,
                             LDAPMessage **result, char why[LDAPC_WHY_MAX])
{
    struct timeval timeout = time_left(limit_ms);
    int type = ldap_result(connection->ld, message, LDAP_MSG_ONE, &timeout, result), code = 0;

    if (type > 0)
        return LDAPC_OK;
    if (type == 0) {
        snprintf(why, LDAPC_WHY_MAX, "no answer in time");
        return LDAPC_TIMEOUT;
    }
    ldap_get_option(connection->ld, LDAP_OPT_RESULT_CODE, &code);
    ldapc_explain(connection->ld, "the connection was lost", code, why);
    return LDAPC_DOWN;
}

/* GnuTLS inside libldap keeps its reason to itself, so ours names the usual ones. */
static const char tls_failed[] = "the TLS handshake failed (is the server's certificate signed by "
                                 "ldap.ca_file, still valid, and made out for the host in the URI?)";

/* libldap says of a file that it cannot use neither which it is nor why. */
static void explain_context(const struct ldapc_target *target, char why[LDAPC_WHY_MAX])
{
    const struct {
        const char *key, *path;
    } files[] = {
        {"ldap.ca_file",   target->ca_file  },
        {"ldap.cert_file", target->cert_file},
        {"ldap.key_file",  target->key_file },
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i].path != NULL && access(files[i].path, R_OK) != 0) {
            snprintf(why, LDAPC_WHY_MAX, "TLS cannot be prepared: %s %.200s: %s", files[i].key,
                     files[i].path, strerror(errno));
            return;
        }
    snprintf(why, LDAPC_WHY_MAX, "TLS cannot be prepared: ldap.ca_file, cert_file or key_file is no "
                                 "PEM file, or certificate and key do not belong together");
}

/* StartTLS (RFC 4511 section 4.14), its answer awaited with a limit, then the handshake. */
static enum ldapc_status start_tls(struct ldapc *connection, char why[LDAPC_WHY_MAX])
{
    LDAPMessage *result = NULL;
    enum ldapc_status status;
    int message, code;

    code = ldap_start_tls(connection->ld, NULL, NULL, &message);
    if (code != LDAP_SUCCESS) {
        ldapc_explain(connection->ld, "StartTLS", code, why);
        return LDAPC_DOWN;
    }
    status = ldapc_wait(connection, message, connection->limit_ms, &result, why);
    if (status != LDAPC_OK)
        return status;
    if (ldap_parse_result(connection->ld, result, &code, NULL, NULL, NULL, NULL, 1) !=
            LDAP_SUCCESS ||
        code != LDAP_SUCCESS) {
        ldapc_explain(connection->ld, "the server refused StartTLS", code, why);
        return LDAPC_DOWN;
    }
    code = ldap_install_tls(connection->ld);
    if (code != LDAP_SUCCESS) {
        ldapc_explain(connection->ld, tls_failed, code, why);
        return LDAPC_DOWN;
    }
    return LDAPC_OK;
}

static enum ldapc_status connect_and_secure(struct ldapc *connection,
                                            const struct ldapc_target *target,
                                            char why[LDAPC_WHY_MAX])
{
    bool ldaps = strncasecmp(target->uri, "ldaps:", 6) == 0;
    enum ldapc_status status = LDAPC_OK;
    int code;

    code = ldap_connect(connection->ld);
    if (code != LDAP_SUCCESS || connection->fd < 0) {
        ldapc_explain(connection->ld, connection->reached ? tls_failed : "not reached",
                      code != LDAP_SUCCESS ? code : LDAP_CONNECT_ERROR, why);
        return LDAPC_DOWN;
    }
    if (target->starttls && !ldaps)
        status = start_tls(connection, why);
    if (status == LDAPC_OK && (target->starttls || ldaps) && !ldap_tls_inplace(connection->ld)) {
        snprintf(why, LDAPC_WHY_MAX, "the connection has no TLS after the handshake");
        status = LDAPC_DOWN;
    }
    return status;
}

enum ldapc_status ldapc_open(const struct ldapc_target *target, int64_t limit_ms,
                             struct ldapc **out, char why[LDAPC_WHY_MAX])
{
    enum ldapc_status status = LDAPC_LOCAL;
    struct ldapc *connection;
    int code;

    ldapc_prepare();
    *out = NULL;
    snprintf(why, LDAPC_WHY_MAX, "memory is short");
    connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return LDAPC_LOCAL;
    connection->fd = -1;
    connection->limit_ms = limit_ms;
    connection->answer_max = target->answer_max != 0 ? target->answer_max : LDAPC_ANSWER_MAX;
    connection->bulk = target->bulk;
    connection->callbacks =
        (ldap_conncb){.lc_add = socket_added, .lc_del = socket_closing, .lc_arg = connection};
    code = ldap_initialize(&connection->ld, target->uri);
    if (code != LDAP_SUCCESS) {
        ldapc_explain(NULL, "the URI was not accepted", code, why);
        goto out;
    }
    code = set_options(connection, target);
    if (code != 0) {
        if (code == LDAP_OPT_X_TLS_NEWCTX)
            explain_context(target, why);
        else
            snprintf(why, LDAPC_WHY_MAX, "libldap refused option 0x%x", (unsigned)code);
        goto out;
    }
    ldapc_step(connection, limit_ms);
    status = connect_and_secure(connection, target, why);
    if (ldapc_step_end() && status != LDAPC_OK) {
        snprintf(why, LDAPC_WHY_MAX, "not connected and secured in time");
        status = LDAPC_TIMEOUT;
    }
    connection->opened = true;
out:
    if (status != LDAPC_OK) {
        ldapc_close(connection);
        connection = NULL;
    }
    *out = connection;
    return status;
}

void ldapc_close(struct ldapc *connection)
{
    if (connection == NULL)
        return;
    /* No goodbye: libldap would write an unbind and a TLS alert to a peer that may not read. */
    if (connection->fd >= 0)
        shutdown(connection->fd, SHUT_RDWR);
    if (connection->ld != NULL)
        ldap_unbind_ext(connection->ld, NULL, NULL);
    free(connection);
}

/* Reads the two controls that tell about a password's state. */
static void read_bind_controls(LDAP *ld, LDAPControl **controls, struct ldapc_bind_answer *answer)
{
    ber_int_t expire, grace;
    size_t i;

    for (i = 0; controls != NULL && controls[i] != NULL; i++) {
        if (strcmp(controls[i]->ldctl_oid, LDAP_CONTROL_X_PASSWORD_EXPIRED) == 0)
            answer->expired_netscape = true;
        if (strcmp(controls[i]->ldctl_oid, LDAP_CONTROL_PASSWORDPOLICYRESPONSE) != 0)
            continue;
        answer->policy = true;
        if (ldap_parse_passwordpolicy_control(ld, controls[i], &expire, &grace,
                                              &answer->policy_error) != LDAP_SUCCESS)
            answer->policy_damaged = true;
    }
}

static enum ldapc_status read_bind_answer(LDAP *ld, LDAPMessage *result,
                                          struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX])
{
    LDAPControl **controls = NULL;
    char *diagnostic = NULL;
    enum ldapc_status status = LDAPC_OK;

    if (ldap_msgtype(result) != LDAP_RES_BIND ||
        ldap_parse_result(ld, result, &answer->code, NULL, &diagnostic, NULL, &controls, 0) !=
            LDAP_SUCCESS) {
        snprintf(why, LDAPC_WHY_MAX, "the server's answer to the bind cannot be read");
        status = LDAPC_DOWN;
        goto out;
    }
    if (diagnostic != NULL)
        snprintf(answer->diagnostic, sizeof answer->diagnostic, "%s", diagnostic);
    read_bind_controls(ld, controls, answer);
    if (answer->code == LDAP_BUSY || answer->code == LDAP_UNAVAILABLE) {
        ldapc_explain(ld, "bind", answer->code, why);
        status = LDAPC_DOWN;
    }
out:
    ldap_controls_free(controls);
    ldap_memfree(diagnostic);
    return status;
}

enum ldapc_status ldapc_bind(struct ldapc *connection, const char *dn, struct bytes password,
                             bool ask_policy, int64_t limit_ms, struct ldapc_bind_answer *answer,
                             char why[LDAPC_WHY_MAX])
{
    LDAPControl policy = {.ldctl_oid = (char[]){LDAP_CONTROL_PASSWORDPOLICYREQUEST}};
    LDAPControl *controls[] = {ask_policy ? &policy : NULL, NULL};
    /* libldap takes a pointer that is not const and only reads. */
    struct berval secret = {.bv_len = password.len, .bv_val = (char *)(uintptr_t)password.ptr};
    LDAPMessage *result = NULL;
    enum ldapc_status status;
    int message, code;

    *answer = (struct ldapc_bind_answer){.code = -1, .policy_error = PP_noError};
    if (dn == NULL || *dn == '\0' || password.len == 0) {
        snprintf(why, LDAPC_WHY_MAX, "a bind without name or password would be anonymous");
        return LDAPC_LOCAL;
    }
    ldapc_step(connection, limit_ms);
    answer->sent = true;
    secret_wipe_freed(true); /* GnuTLS copies what it encrypts */
    code = ldap_sasl_bind(connection->ld, dn, LDAP_SASL_SIMPLE, &secret, controls, NULL, &message);
    if (code != LDAP_SUCCESS) {
        ldapc_explain(connection->ld, "the bind could not be sent", code, why);
        status = LDAPC_DOWN;
    } else {
        status = ldapc_wait(connection, message, limit_ms, &result, why);
        if (status == LDAPC_OK)
            status = read_bind_answer(connection->ld, result, answer, why);
    }
    if (ldapc_step_end() && status == LDAPC_DOWN) {
        snprintf(why, LDAPC_WHY_MAX, "no answer in time");
        status = LDAPC_TIMEOUT;
    }
    secret_wipe_freed(false);
    ldap_msgfree(result);
    return status;
}
