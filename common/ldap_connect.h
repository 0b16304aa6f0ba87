/*
 * ldap_connect.h - one connection to one LDAP server: opened, secured, bound, and never waited on
 * longer than told.
 *
 * limit_ms is CLOCK_MONOTONIC in milliseconds.  Where libldap has no limit of its own (a TLS handshake,
 * the rest of a TLS record), a guard step (guard.h) shuts the socket down; a name server that does not
 * answer can only be bounded by the guard ending the process, so URIs are better written with addresses.
 * After LDAPC_TIMEOUT and LDAPC_DOWN the connection is of no more use than to be closed.
 *
 * No SIGPIPE comes of it, whatever the process does with that signal.
 */
#ifndef PGSIGNET_LDAP_CONNECT_H
#define PGSIGNET_LDAP_CONNECT_H

#include "common/bytes.h"

#include <ldap.h>

enum ldapc_status {
    LDAPC_OK,      /* the server answered; for a bind or a search, see the result code */
    LDAPC_TIMEOUT, /* no whole answer by limit_ms */
    LDAPC_DOWN,    /* not reached, lost, not to be trusted (TLS), or it says it is busy */
    LDAPC_LOCAL,   /* our side: memory, a file, an option; another server would not do better */
};

#define LDAPC_ANSWER_MAX (4 * 1024 * 1024) /* bytes of one message from a server, unless said */
#define LDAPC_WHY_MAX    384               /* bytes of an error text, NUL included */

struct ldapc; /* an open connection */

struct ldapc_target {
    const char *uri;                  /* one server */
    bool starttls;                    /* StartTLS right after connecting (ldap:// only) */
    const char *ca_file;              /* PEM, or NULL for the system's store */
    const char *cert_file, *key_file; /* PEM, or NULL */
    size_t answer_max; /* bytes of one message from the server; 0 = LDAPC_ANSWER_MAX */
    bool bulk;         /* much will be read: fewer and larger reads of the socket */
};

/*
 * Connects and, for ldaps:// or starttls, secures the connection with the server's certificate checked.
 * *out is the caller's on LDAPC_OK; otherwise NULL and why says what happened.
 */
enum ldapc_status ldapc_open(const struct ldapc_target *target, int64_t limit_ms,
                             struct ldapc **out, char why[LDAPC_WHY_MAX]);

/* Closes without waiting for the server.  NULL is allowed. */
void ldapc_close(struct ldapc *connection);

/* What a server said to a bind. */
struct ldapc_bind_answer {
    bool sent;            /* the password has left this host, or a part of it */
    int code;             /* LDAP result code (RFC 4511 section 4.1.9) */
    char diagnostic[256]; /* the server's words: foreign bytes, cut to fit */
    bool policy;          /* it sent a password policy answer (draft-behera-ldap-password-policy) */
    bool policy_damaged;  /* ... that cannot be read */
    LDAPPasswordPolicyError policy_error; /* PP_noError if none */
    bool expired_netscape; /* 389's control 2.16.840.1.113730.3.4.4: the password has expired */
};

/*
 * A simple bind.  dn and password must not be empty (RFC 4513 5.1.2 would make it anonymous): that is
 * LDAPC_LOCAL.  ask_policy sends the password policy control, not critical.
 */
enum ldapc_status ldapc_bind(struct ldapc *connection, const char *dn, struct bytes password,
                             bool ask_policy, int64_t limit_ms, struct ldapc_bind_answer *answer,
                             char why[LDAPC_WHY_MAX]);

/*
 * SASL EXTERNAL (RFC 4422 appendix A): the server takes who we are from the layer below, the client
 * certificate or, on ldapi://, the user of this process.
 */
enum ldapc_status ldapc_bind_external(struct ldapc *connection, int64_t limit_ms,
                                      struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX]);

/*
 * SASL GSSAPI (RFC 4752) with the credentials cache or keytab that Kerberos finds in the environment
 * (KRB5CCNAME, KRB5_CLIENT_KTNAME).  Under TLS without a security layer of its own, which AD refuses there.  A
 * ticket server that does not answer is only bounded by the guard ending the process.
 */
enum ldapc_status ldapc_bind_gssapi(struct ldapc *connection, int64_t limit_ms,
                                    struct ldapc_bind_answer *answer, char why[LDAPC_WHY_MAX]);

/* The socket, to poll(2) for what the server sends unasked; -1 when there is none.  Not the caller's. */
int ldapc_socket(const struct ldapc *connection);

/* For ldap_search.c: the handle, a bounded wait for one message, and a call inside a guard step. */
LDAP *ldapc_handle(struct ldapc *connection);
void ldapc_step(struct ldapc *connection, int64_t limit_ms);
bool ldapc_step_end(void); /* whether the limit cut the step short */
enum ldapc_status ldapc_wait(struct ldapc *connection, int message, int64_t limit_ms,
                             LDAPMessage **result, char why[LDAPC_WHY_MAX]);

/* "WHAT: libldap's text (its diagnostic)" for the last error of the handle. */
void ldapc_explain(LDAP *ld, const char *what, int code, char why[LDAPC_WHY_MAX]);

#endif
