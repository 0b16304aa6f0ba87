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
    char *socket;    /* absolute path; default RUNSTATEDIR "/pgsignet/pgsignet.sock" */
    int64_t workers; /* 1..256; default 8 */
    char *user;      /* OS user that owns store and audit file; default "pgsignet" */
    struct settings_strings clients; /* OS users that may ask; default postgres, pgbouncer */
};

enum settings_unknown_names { UNKNOWN_NAMES_HASH, UNKNOWN_NAMES_PLAIN };

struct settings_audit {
    char *
        file; /* absolute path, or "" for none; default LOCALSTATEDIR "/log/pgsignet/audit.jsonl" */
    bool syslog; /* also to syslog, facility authpriv; default false; one of the two must be on */
    int64_t unknown_names; /* enum settings_unknown_names; default hash */
};

enum settings_store_engine { STORE_ENGINE_SQLITE, STORE_ENGINE_POSTGRESQL };
enum settings_standby { STANDBY_ASYNCHRONOUS, STANDBY_SYNCHRONOUS };

struct settings_store {
    int64_t engine;       /* enum settings_store_engine */
    char *path;           /* sqlite: absolute; default LOCALSTATEDIR "/lib/pgsignet/store.db" */
    char *conninfo;       /* postgresql: libpq, as the daemon's role; NULL with sqlite */
    char *admin_conninfo; /* postgresql: as pgsignet-mfa's role; default conninfo */
    int64_t timeout;      /* postgresql: seconds for one round trip, 1..30; default 2 */
    int64_t retry_after;  /* postgresql: seconds, as for ldap */
    int64_t standby; /* enum settings_standby: how the server is replicated; default asynchronous */
    const char *witness; /* sqlite, not in the file: mfa_open's, see mfa/witness.h; NULL = none */
    bool as_admin;       /* not in the file: pgsignet-mfa connects by admin_conninfo */
};

enum settings_key_provider {
    KEY_PROVIDER_FILE,
    KEY_PROVIDER_CREDENTIAL,
    KEY_PROVIDER_COMMAND,
    KEY_PROVIDER_PKCS11,
};

struct settings_keys {
    int64_t provider; /* enum settings_key_provider; each field below is of one of them */
    char *path;       /* file: absolute; default SYSCONFDIR "/pgsignet/kek" */
    char *credential; /* credential: a name in $CREDENTIALS_DIRECTORY */
    struct settings_strings command;     /* command: argv; the first is an absolute path */
    struct settings_strings environment; /* command: NAME=value */
    char *pkcs11;                        /* pkcs11: an RFC 7512 URI */
    int64_t timeout;                     /* command, pkcs11: seconds, 1..60; default 5 */
};

enum settings_algorithm { ALGORITHM_SHA1, ALGORITHM_SHA256, ALGORITHM_SHA512 };

/* What `pgsignet-mfa enroll` gives to a new token; existing tokens keep theirs. */
struct settings_token {
    char *issuer;      /* shown by authenticator apps; default "PostgreSQL"; no ':' */
    int64_t algorithm; /* enum settings_algorithm; default SHA1 */
    int64_t digits;    /* 6..8; default 6 */
    int64_t period;    /* seconds, 10..300; default 30 */
    int64_t window;    /* steps accepted either way, 0..1 ; default 1 (RFC 6238 5.2) */
    int64_t
        look_ahead; /* HOTP: counters accepted past the last one, 1..50; default 10 (RFC 4226 7.4) */
};

struct settings_throttle {
    int64_t after;   /* failures before the first refusal, 1..20; default 3 */
    int64_t first;   /* seconds of the first refusal; default 1, doubling */
    int64_t longest; /* seconds; default 900 */
    int64_t cap;     /* consecutive failures per user, 10..100; default 100 (NIST SP 800-63B) */
    int64_t
        recent; /* seconds for which an address of success is spared by the cap; default 30 days */
    int64_t ipv4_prefix;             /* bits of an address that count, 16..32; default 32 */
    int64_t ipv6_prefix;             /* 32..128; default 64 */
    struct settings_strings proxies; /* addresses, networks, "local": neither trusted nor spared */
};

/* How often a string that was accepted whole counts again. */
struct settings_burst {
    int64_t connections; /* 1..32; default 8 */
    int64_t seconds;     /* 1..60; default 10 */
};

enum settings_tls { TLS_DEMAND, TLS_NEVER };
enum settings_membership { MEMBERSHIP_MEMBER, MEMBERSHIP_MEMBEROF, MEMBERSHIP_MEMBERUID };
enum settings_sasl { SASL_NONE, SASL_EXTERNAL, SASL_GSSAPI };
enum settings_nested { NESTED_NO, NESTED_CLIMB, NESTED_IN_CHAIN };

struct settings_ldap {
    struct settings_strings uris; /* tried in order; ldaps://, ldap:// (StartTLS) or ldapi:// */
    int64_t tls;                  /* enum settings_tls; default demand */
    char *tls_reason;             /* why tls is `never`; needed unless every URI is loopback */
    char *ca_file;                /* PEM; default: the system's store */
    char *cert_file, *key_file;   /* PEM, for servers that ask for a client certificate; or NULL */
    char *bind_dn;                /* service account for searches; NULL = anonymous */
    char *bind_password_file;     /* needed with bind_dn */
    int64_t sasl;        /* enum settings_sasl: bind by it instead of bind_dn; default none */
    char *user_base;     /* where user_filter searches */
    char *user_filter;   /* %u = the role's name, escaped by RFC 4515 */
    char *user_dn;       /* instead of base and filter: a DN, %u escaped by RFC 4514 */
    char *user_name;     /* attribute that must equal the role's name; default "uid" */
    char *group_base;    /* where groups are searched; default user_base, of the sync the rules' */
    int64_t membership;  /* enum settings_membership; default member (and uniqueMember) */
    int64_t nested;      /* enum settings_nested; default no */
    int64_t depth;       /* levels climbed at most, 1..50; default 10 */
    int64_t timeout;     /* seconds for one operation, 1..30; default 3 */
    int64_t retry_after; /* seconds a failed server is left alone, 1..300; default 5 */
};

enum settings_superusers { SUPERUSERS_EXCLUDE, SUPERUSERS_INCLUDE };

struct settings_postgres {
    char *conninfo;      /* libpq; NULL = no PostgreSQL connection */
    int64_t superusers;  /* enum settings_superusers; default exclude */
    int64_t timeout;     /* seconds for one statement, 1..30; default 3 */
    int64_t retry_after; /* seconds, as for ldap */
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
    int64_t order;   /* enum settings_order */
    bool strict;     /* no burst; default false */
    bool check_role; /* default true when postgres.conninfo is set, else false */
};

enum settings_sync_members {
    SYNC_MEMBER,
    SYNC_UNIQUE_MEMBER,
    SYNC_MEMBER_UID,
    SYNC_MEMBER_OF,
    SYNC_MEMBER_URL
};
enum settings_sync_scope { SYNC_SUBTREE, SYNC_ONE_LEVEL, SYNC_BASE };
enum settings_sync_references { REFERENCES_SKIP, REFERENCES_FOLLOW };
enum settings_sync_on_error { ON_ERROR_ABORT, ON_ERROR_SKIP };
enum settings_sync_lock { LEAVERS_LOCK_NOW, LEAVERS_LOCK_NEVER };

struct settings_sync_search {
    char *base;
    char *filter;  /* default (objectClass=*) */
    int64_t scope; /* enum settings_sync_scope; default subtree */
};

struct settings_sync_with {   /* of each grant of the rule; before PostgreSQL 16 admin alone */
    bool admin, inherit, set; /* default false, true, true */
};

struct settings_sync_pair {
    char *name;
    char *value; /* a template where the key says so */
};

/* Templates (ldap_sync/template.h); NULL = left alone. */
struct settings_sync_options {
    char *connection_limit;
    char *
        valid_until; /* AD's FILETIME, LDAP's GeneralizedTime, a day like 2027-01-31, or infinity */
    char *comment;
    struct settings_sync_pair *set; /* owned array: ALTER ROLE ... SET name = value */
    size_t n_set;
    bool has_set; /* the key is there; without it members of dbrole_admin get role = dbrole_admin */
};

struct settings_sync_rule {
    int64_t members;                    /* enum settings_sync_members; default member */
    int64_t nested;                     /* enum settings_nested; default no */
    struct settings_sync_search search; /* the groups; with members: memberOf the people */
    bool has_search;
    struct settings_strings statics; /* `static`: names of roles, instead of a search */
    char *role;                      /* template; needed with a search */
    struct settings_strings grant;   /* governed roles */
    struct settings_sync_with with;
    struct settings_sync_options options;
};

struct settings_sync_guards {
    char *max_leavers;     /* "10%" of the managed roles, or a number; default 10% */
    int64_t leavers;       /* that number; -1 when it is a share */
    int64_t leavers_share; /* percent */
    char *max_revokes;     /* the same for those who stay and lose a grant; default 10% */
    int64_t revokes, revokes_share;
    int64_t min_members;   /* of each rule with a search; default 1 */
};

struct settings_sync_leavers {
    int64_t lock;       /* enum settings_sync_lock; default now */
    bool terminate;     /* end their sessions; default true */
    bool keep_movers;   /* who loses a grant keeps his sessions; default false */
    int64_t drop_after; /* seconds; 0 = never (the default) */
    char *reassign_to;  /* role that gets what they own; needed with drop_after */
};

struct settings_sync_roles { /* of `roles init` and `roles check` */
    struct settings_strings
        owners; /* whose new objects are open to the tiers; default dbrole_admin */
    struct settings_strings databases; /* default: all that allow connections, template0 aside */
};

struct settings_sync {
    struct settings_strings postgres; /* conninfo of each cluster; a text is a list of one */
    char *managed;                    /* the marker role; default pgsignet_managed */
    struct settings_strings protect;  /* names, * for any bytes; never touched */
    struct settings_sync_rule *rules; /* owned array */
    size_t n_rules;
    struct settings_sync_guards guards;
    struct settings_sync_leavers leavers;
    struct settings_sync_roles roles;
    int64_t on_error;      /* enum settings_sync_on_error; default abort */
    int64_t references;    /* enum settings_sync_references; default skip */
    int64_t timeout;       /* seconds to connect, and for a read of the server; default 30s */
    int64_t apply_timeout; /* seconds for one message of changes; default 5m */
    int64_t read_timeout;  /* seconds for the whole reading of the directory; default 5m */
    int64_t poll;  /* seconds between looks of --watch where the server cannot notify; default 2s */
    char *metrics; /* file for node_exporter's textfile collector, or NULL */
    char *audit;   /* as audit.file, but of the sync's user; default
                            * LOCALSTATEDIR "/log/pgsignet-sync/audit.jsonl" */
};

struct settings_ca {
    char *dir; /* the CA's folder; default LOCALSTATEDIR "/lib/pgsignet-ca" */
    char *
        audit; /* file of JSON lines, or ""; default LOCALSTATEDIR "/log/pgsignet-ca/audit.jsonl" */
    int64_t leaf;  /* seconds a leaf is valid; default 398d */
    int64_t renew; /* seconds before its end at which it is due; default 30d, leaf / 3 at most */
    int64_t crl;   /* seconds from thisUpdate to nextUpdate; default 30d */
    int64_t
        crl_renew; /* seconds before nextUpdate at which `crl --due` makes a new one; default crl * 2/3 */
    char *passphrase_file;             /* of the CA's keys, or NULL */
    struct settings_strings postgres;  /* conninfo of each server: roles, reload, sessions */
    struct settings_strings pgbouncer; /* "HOST:PORT": whom nobody tells of a CRL */
    char *crl_file, *crl_dir;          /* where a PostgreSQL of this host reads CRLs, or NULL */
    char *owner;                       /* of files that are put there; default postgres */
    char *metrics;                     /* file for node_exporter's textfile collector, or NULL */
    char *sslrootcert;                 /* PEM of the CAs that sign the servers, or NULL: its own */
};

enum settings_fips { FIPS_OFF, FIPS_REQUIRE };

struct settings {
    char *path;   /* of the file, for messages */
    int64_t fips; /* enum settings_fips; default off; see common/crypto.h */
    struct settings_daemon daemon;
    struct settings_audit audit;
    struct settings_store store;
    struct settings_keys keys;
    struct settings_token token;
    struct settings_throttle throttle;
    bool has_burst; /* the section is there; without it no string counts twice */
    struct settings_burst burst;
    bool has_ldap;
    struct settings_ldap ldap;
    struct settings_postgres postgres;
    struct settings_policy *policies; /* owned array, in the file's order */
    size_t n_policies;
    bool has_sync;
    struct settings_sync sync;
    struct settings_ca ca;
};

/*
 * For whom a file is read.  The programs share it, but not each other's faults: who judges logins does
 * not read `sync` or `ca`, and sync and CA need no policies and no way to find one user's entry.
 */
enum settings_reader { SETTINGS_FOR_LOGINS, SETTINGS_FOR_SYNC, SETTINGS_FOR_CA };

/*
 * Reads and checks the file.  Each fault is written to faults as one line "PATH:LINE: what is wrong;
 * what to write instead".  Returns NULL if there was any fault; otherwise settings that the caller
 * frees.  faults may be NULL.
 */
struct settings *settings_load(const char *path, enum settings_reader reader, FILE *faults);

/* The same from memory; path is only for messages.  What the fuzzer calls. */
struct settings *settings_parse(const char *path, enum settings_reader reader, const char *text,
                                size_t len, FILE *faults);

/* NULL is allowed. */
void settings_free(struct settings *settings);

/*
 * The policy for one request: by the module's policy= name if it gave one (NULL when no policy bears
 * it), else the one named after the PAM service, else `default`, else NULL.  Not owned.
 */
const struct settings_policy *settings_policy_for(const struct settings *settings, const char *name,
                                                  const char *service);

#endif
