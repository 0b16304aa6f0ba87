/*
 * directory_link.h - inside of directory.h: the two kept connections, and which server gets a call.
 */
#ifndef PGSIGNET_DIRECTORY_LINK_H
#define PGSIGNET_DIRECTORY_LINK_H

#include "common/directory.h"
#include "common/ldap_connect.h"

#define DIRECTORY_ERROR_MAX 1024 /* bytes of directory_error(), NUL included */

struct directory_link {
    struct ldapc *connection; /* NULL when there is none */
    unsigned server;          /* its place in ldap.uris */
    bool for_binds;           /* not bound as the service account */
    bool chain_known;         /* this server has the in-chain rule */
};

struct directory {
    const struct settings_ldap *settings;
    struct outage *outage;
    struct directory_link searches, binds;
    bool password_sent; /* see directory_password_sent */
    size_t answer_max;  /* bytes of one message; 0 = for logins, LDAPC_ANSWER_MAX; set before the first call */
    char error[DIRECTORY_ERROR_MAX];
};

/* One exchange with a server; may be run again, on another one, when the first try fails. */
typedef enum ldapc_status directory_call(struct directory_link *link, int64_t limit_ms,
                                         void *context, char why[LDAPC_WHY_MAX]);

/*
 * Runs a call on the kept connection, or on a new one to the first server that will have it.
 * REASON_GRANTED when the call ended LDAPC_OK, else _DIRECTORY_UNAVAILABLE or _DEADLINE with
 * directory->error set.  what names the call for that text.
 */
enum reason directory_run(struct directory *directory, struct directory_link *link,
                          const char *what, int64_t deadline_ms, directory_call *call,
                          void *context);

/* Sets directory->error, cleaned of control characters; always returns REASON_DIRECTORY_ANSWER. */
enum reason directory_bad_answer(struct directory *directory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What a server added to its result, for the brackets behind its text: many add nothing. */
static inline const char *directory_details(const char *diagnostic)
{
    return *diagnostic != '\0' ? diagnostic : "no details";
}

#endif
