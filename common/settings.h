/*
 * settings.h - /etc/pgsignet/pgsignet.yaml, read and checked.
 *
 * settings_load reads the file, checks every value against the table in settings_schema.c, then the
 * values against each other, and reports every fault with its line.  A program sees either a whole,
 * valid configuration or none.
 */
#ifndef PGSIGNET_SETTINGS_H
#define PGSIGNET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SETTINGS_DEFAULT_PATH SYSCONFDIR "/pgsignet/pgsignet.yaml"
#define SETTINGS_FILE_MAX     (1024 * 1024) /* bytes */

struct settings_strings {
    char **at; /* owned; at[n] is NULL */
    size_t n;
};

struct settings_daemon {
    char *socket;                    /* absolute path; default RUNSTATEDIR "/pgsignet/pgsignet.sock" */
    int64_t workers;                 /* 1..256; default 8 */
    char *user;                      /* OS user that owns store and audit file; default "pgsignet" */
    struct settings_strings clients; /* OS users that may ask; default postgres, pgbouncer */
};

enum settings_unknown_names { UNKNOWN_NAMES_HASH, UNKNOWN_NAMES_PLAIN };

struct settings_audit {
    char *file;    /* absolute path, or "" for none; default LOCALSTATEDIR "/log/pgsignet/audit.jsonl" */
    bool syslog;   /* also to syslog, facility authpriv; default false; one of the two must be on */
    int64_t unknown_names; /* enum settings_unknown_names; default hash */
};

enum settings_store_engine { STORE_ENGINE_SQLITE };

struct settings_store {
    int64_t engine; /* enum settings_store_engine */
    char *path;     /* absolute; default LOCALSTATEDIR "/lib/pgsignet/store.db" */
};

enum settings_key_provider { KEY_PROVIDER_FILE };

struct settings_keys {
    int64_t provider; /* enum settings_key_provider */
    char *path;       /* absolute; default SYSCONFDIR "/pgsignet/kek" */
};

enum settings_algorithm { ALGORITHM_SHA1, ALGORITHM_SHA256, ALGORITHM_SHA512 };

/* What `pgsignet-mfa enroll` gives to a new token; existing tokens keep theirs. */
struct settings_token {
    char *issuer;      /* shown by authenticator apps; default "PostgreSQL"; no ':' */
    int64_t algorithm; /* enum settings_algorithm; default SHA1 */
    int64_t digits;    /* 6..8; default 6 */
    int64_t period;    /* seconds, 10..300; default 30 */
    int64_t window;    /* steps accepted either way, 0..1 ; default 1 (RFC 6238 5.2) */
};

struct settings_throttle {
    int64_t after;   /* failures before the first refusal, 1..20; default 3 */
    int64_t first;   /* seconds of the first refusal; default 1, doubling */
    int64_t longest; /* seconds; default 900 */
    int64_t cap;     /* consecutive failures per user, 10..100; default 100 (NIST SP 800-63B) */
    int64_t recent;  /* seconds for which an address of success is spared by the cap; default 30 days */
};

enum settings_tls { TLS_DEMAND, TLS_NEVER };
enum settings_membership { MEMBERSHIP_MEMBER, MEMBERSHIP_MEMBEROF, MEMBERSHIP_MEMBERUID };
enum settings_nested { NESTED_NO, NESTED_CLIMB, NESTED_IN_CHAIN };

struct settings_ldap {
    struct settings_strings uris; /* tried in order; ldaps://, ldap:// (StartTLS) or ldapi:// */
    int64_t tls;                  /* enum settings_tls; default demand */
    char *tls_reason;             /* why tls is `never`; needed unless every URI is loopback */
    char *ca_file;                /* PEM; default: the system's store */
    char *cert_file, *key_file;   /* PEM, for servers that ask for a client certificate; or NULL */
    char *bind_dn;                /* service account for searches; NULL = anonymous */
    char *bind_password_file;     /* needed with bind_dn */
    char *user_base;              /* where user_filter searches */
    char *user_filter;            /* %u = the role's name, escaped by RFC 4515 */
    char *user_dn;                /* instead of base and filter: a DN, %u escaped by RFC 4514 */
    char *user_name;              /* attribute that must equal the role's name; default "uid" */
    char *group_base;             /* where groups are searched; default user_base */
    int64_t membership;           /* enum settings_membership; default member (and uniqueMember) */
    int64_t nested;               /* enum settings_nested; default no */
    int64_t depth;                /* levels climbed at most, 1..50; default 10 */
    int64_t timeout;              /* seconds for one operation, 1..30; default 3 */
    int64_t retry_after;          /* seconds a failed server is left alone, 1..300; default 5 */
};

enum settings_superusers { SUPERUSERS_EXCLUDE, SUPERUSERS_INCLUDE };

struct settings_postgres {
    char *conninfo;     /* libpq; NULL = no PostgreSQL connection */
    int64_t superusers; /* enum settings_superusers; default exclude */
    int64_t timeout;    /* seconds for one statement, 1..30; default 3 */
    int64_t retry_after;/* seconds, as for ldap */
};

enum settings_password { PASSWORD_LDAP, PASSWORD_SCRAM, PASSWORD_STACK, PASSWORD_NONE };
enum settings_code { CODE_REQUIRED, CODE_OFF };
enum settings_order { ORDER_PASSWORD_THEN_CODE, ORDER_CODE_THEN_PASSWORD };

struct settings_exempt {
    char *user;    /* the role's name */
    char *reason;  /* not empty; goes into each event */
    int64_t until; /* Unix seconds: the end (UTC) of the day named */
};

struct settings_policy {
    char *name;
    int64_t password;               /* enum settings_password; no default: it must be said */
    int64_t code;                   /* enum settings_code; default required */
    struct settings_exempt *exempt; /* owned array */
    size_t n_exempt;
    struct settings_strings require_groups; /* DNs (or cn with memberUid); any of these */
    struct settings_strings deny_groups;
    int64_t order;                  /* enum settings_order */
    bool check_role;                /* default true when postgres.conninfo is set, else false */
};

struct settings {
    char *path; /* of the file, for messages */
    struct settings_daemon daemon;
    struct settings_audit audit;
    struct settings_store store;
    struct settings_keys keys;
    struct settings_token token;
    struct settings_throttle throttle;
    bool has_ldap;
    struct settings_ldap ldap;
    struct settings_postgres postgres;
    struct settings_policy *policies; /* owned array, in the file's order */
    size_t n_policies;
};

/*
 * Reads and checks the file.  Each fault is written to faults as one line "PATH:LINE: what is wrong;
 * what to write instead".  Returns NULL if there was any fault; otherwise settings that the caller
 * frees.  faults may be NULL.
 */
struct settings *settings_load(const char *path, FILE *faults);

/* The same from memory; path is only for messages.  What the fuzzer calls. */
struct settings *settings_parse(const char *path, const char *text, size_t len, FILE *faults);

/* NULL is allowed. */
void settings_free(struct settings *settings);

/*
 * The policy for one request: by the module's policy= name if it gave one (NULL when no policy bears
 * it), else the one named after the PAM service, else `default`, else NULL.  Not owned.
 */
const struct settings_policy *settings_policy_for(const struct settings *settings, const char *name,
                                                  const char *service);

#endif
