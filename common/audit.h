/*
 * audit.h - one event, one JSON line.  docs/audit.md documents every field and every reason.
 *
 * Every text in an event may be bytes from an attacker.  The line is always one line of valid UTF-8
 * and at most AUDIT_LINE_MAX bytes, newline included.
 */
#ifndef PGSIGNET_AUDIT_H
#define PGSIGNET_AUDIT_H

#include "common/bytes.h"
#include "common/reason.h"
#include "common/settings.h"

#include <sys/types.h>

#define AUDIT_LINE_MAX 4096 /* bytes with the newline */

enum audit_factor {
    FACTOR_NOT_TRIED = 0, /* left out of the line */
    FACTOR_OK,
    FACTOR_WRONG,
    FACTOR_USED,
    FACTOR_MISSING,
    FACTOR_EXEMPT,
    FACTOR_OFF,
    FACTOR_REFUSED,
    FACTOR_UNAVAILABLE,
    FACTOR_LEFT_TO_STACK,
    FACTOR_BURST,
    FACTOR_BREAK_GLASS,
    FACTOR_COUNT
};

/* How much an event wants to be looked at. */
enum audit_severity { SEVERITY_USUAL = 0, SEVERITY_ALERT };

struct audit_factors {
    enum audit_factor throttle, code, password, account, group, role;
};

/* Microseconds of each step; 0 = not taken, left out of the line.  Printed in ms, to 3 decimals. */
struct audit_steps {
    int64_t code_us; /* throttle and code */
    int64_t password_us;
    int64_t account_us;
    int64_t groups_us;
    int64_t role_us;
    int64_t total_us;
};

/*
 * Plain data; nothing is owned.  All zero is the empty event.  Empty slices, NULL and "" texts, and
 * zero numbers are left out of the line.
 */
struct audit_event {
    int64_t time_ms;   /* Unix time */
    const char *event; /* "login", "account", "give-back", "peer", "enroll", "confirm", "remove",
                        * "unlock", "init", "sync-grant", "issue", ...; ours, never foreign */
    uint64_t id;       /* 16 hex digits in the line; the module logs the same */

    /* What became of it: with result NULL the reason and the verdict it implies; else result alone
     * ("done", "failed", ...: the acts of an operator or of the sync, who are not being judged). */
    enum reason reason;
    const char *result;
    enum audit_severity severity; /* also the priority in syslog: LOG_INFO or LOG_ALERT */

    struct bytes user;
    bool user_known;       /* else the line shows user_hash, unless settings say plain */
    const char *user_hash; /* mfa_outcome.user_hash; NULL or "" when the key was not to be had: the
                            * line then has "user_hash":null and still no name */

    struct bytes subject; /* of the CA: the name in the certificate; never hidden */
    struct bytes serial;  /* of the CA: of the certificate; upper-case hex in the line */

    struct bytes address; /* empty with result NULL: shown as "local" */
    struct bytes service;
    struct bytes policy;
    struct audit_factors factors;
    const char *group;         /* that matched, as configured; of the sync: that gave it, its DN */
    const char *cluster;       /* of the sync: which server */
    const char *object;        /* of the sync: role granted or revoked, setting, guard; of the CA: file */
    const char *token;         /* name of the token that matched */
    const char *exempt_reason; /* of the exemption that was used */
    const char *break_glass_reason; /* for which the account was armed */
    struct audit_steps steps;
    pid_t backend_pid; /* of the asking process */
    bool has_uid;
    uid_t uid;          /* of the asking process, or of the operator */
    const char *detail; /* a sentence for the operator: what failed, on what; never a secret */
    size_t room;        /* bytes of the line left free for what the caller puts behind it */
};

/*
 * Renders the line with its newline and a NUL behind it.  Texts that are too long for the line are
 * cut (then they end in "...").  Returns the length without the NUL; 0 if it cannot be made to fit.
 */
size_t audit_render(const struct audit_event *event, enum settings_unknown_names unknown_names,
                    char line[AUDIT_LINE_MAX + 1]);

/* A random id for a new event. */
uint64_t audit_new_id(void);

/*
 * Is this open file fit to be a trail?  NULL, else what is wrong with it and what to do: strerror's, or static.  For
 * whoever writes lines of his own.
 */
const char *audit_file_fault(int fd);

struct audit; /* an open trail; may be used across fork: every line is one append */

/*
 * Opens (creating it with mode 0640) the file that settings name; a symbolic link at its end, a file
 * that is not regular, or one that everybody may write is refused.  settings must outlive it.  NULL on
 * failure; why (size bytes) then holds a sentence for the operator.
 */
struct audit *audit_open(const struct settings_audit *settings, char *why, size_t size);
void audit_close(struct audit *audit); /* NULL is allowed */

enum audit_written {
    AUDIT_LOST = 0,   /* no sink surely took the line */
    AUDIT_ON_STDERR,  /* standard error took it, because no file is configured or the file did not */
    AUDIT_IN_FILE,
};

/*
 * Writes one event to every sink of the settings, and an alert to syslog in any case.  If the file does not take the whole line, the line
 * goes to stderr and the trouble to syslog (LOG_ALERT).  With no file configured the line goes to stderr
 * as well as to syslog, which does not say whether it took it.  A stderr that is /dev/null takes
 * nothing.  A file that was removed is made anew; one that was renamed is written on.
 */
enum audit_written audit_write(struct audit *audit, const struct audit_event *event);

/*
 * For thousands of events at once: from audit_hold to audit_release lines for the file wait for each other,
 * many to one append, and audit_write says AUDIT_IN_FILE of what it holds; audit_release tells the worst
 * that became of them.  A process that ends in between loses what it holds.  audit_close releases.
 */
void audit_hold(struct audit *audit);
enum audit_written audit_release(struct audit *audit);

/* The word for a factor's result in events; NULL for FACTOR_NOT_TRIED and values outside the enum. */
const char *audit_factor_name(enum audit_factor factor);

#endif
