#include "config.h"

#include "common/settings_schema.h"

#include "common/address.h"
#include "common/outage.h"
#include "common/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/un.h>

#define TEXT_MAX  4096 /* bytes of a text without a limit of its own */
#define PATH_MAX_ 4095
#define NAME_MAX_ 63 /* NAMEDATALEN - 1, and LOGIN_NAME_MAX is larger */
#define LIST_MAX  1000
#define SET_MAX   64 /* settings of a role */
#define SUN_MAX   ((int64_t)sizeof((struct sockaddr_un *)NULL)->sun_path - 1)
#define DAY       86400

#define AT(record, field) #field, .offset = offsetof(struct record, field)
#define TEXT(record, field, low, high, standard)                                                   \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_TEXT, .min = low, .max = high,                   \
        .fallback = standard                                                                       \
    }
#define FILE_(record, field, low, high, standard)                                                  \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_PATH, .min = low, .max = high,                   \
        .fallback = standard                                                                       \
    }
#define BOOL(record, field, standard)                                                              \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_BOOL, .fallback = standard                       \
    }
#define INTEGER(record, field, low, high, standard)                                                \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_INTEGER, .min = low, .max = high,                \
        .fallback = standard                                                                       \
    }
#define DURATION(record, field, low, high, standard)                                               \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_DURATION, .min = low, .max = high,               \
        .fallback = standard                                                                       \
    }
#define CHOICE(record, field, words, standard)                                                     \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_CHOICE, .choices = words, .fallback = standard   \
    }
#define STRINGS(record, field, high, standard)                                                     \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_STRINGS, .max = high, .fallback = standard       \
    }
#define LONE_STRINGS(record, field, high, standard)                                                \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_STRINGS, .max = high, .fallback = standard,      \
        .lone = true                                                                               \
    }
#define PART(record, field, table)                                                                 \
    {                                                                                              \
        .name = AT(record, field), .type = SCHEMA_SECTION, .keys = table                           \
    }
#define SECTION(field, table)                                                                      \
    {                                                                                              \
        .name = AT(settings, field), .type = SCHEMA_SECTION, .keys = table                         \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Each list of words is in the order of the enum of settings.h that it spells. */
static const char *const unknown_names[] = {"hash", "plain", NULL};
static const char *const providers[] = {"file", "credential", "command", "pkcs11", NULL};
static const char *const fips_modes[] = {"off", "require", NULL};
static const char *const engines[] = {"sqlite", "postgresql", NULL};
static const char *const standbys[] = {"asynchronous", "synchronous", NULL};
static const char *const algorithms[] = {"SHA1", "SHA256", "SHA512", NULL};
static const char *const tls_modes[] = {"demand", "never", NULL};
static const char *const memberships[] = {"member", "memberOf", "memberUid", NULL};
static const char *const sasl_mechanisms[] = {"none", "external", "gssapi", NULL};
static const char *const nestings[] = {"no", "climb", "in_chain", NULL};
static const char *const superusers[] = {"exclude", "include", NULL};
static const char *const passwords[] = {"ldap", "scram", "stack", "none", NULL};
static const char *const codes[] = {"required", "off", NULL};
static const char *const orders[] = {"password-then-code", "code-then-password", NULL};
static const char *const sync_members[] = {"member",   "uniqueMember", "memberUid",
                                           "memberOf", "memberURL",    NULL};
static const char *const scopes[] = {"subtree", "one", "base", NULL};
static const char *const references[] = {"skip", "follow", NULL};
static const char *const on_errors[] = {"abort", "skip", NULL};
static const char *const locks[] = {"now", "never", NULL};

/* clang-format off */
static const struct schema_key daemon_keys[] = {
    FILE_(settings_daemon, socket, 1, SUN_MAX, RUNSTATEDIR "/pgsignet/pgsignet.sock"),
    INTEGER(settings_daemon, workers, 1, 256, "8"),
    TEXT(settings_daemon, user, 1, NAME_MAX_, "pgsignet"),
    STRINGS(settings_daemon, clients, 32, "postgres pgbouncer"),
    END,
};

static const struct schema_key audit_keys[] = {
    FILE_(settings_audit, file, 0, PATH_MAX_, LOCALSTATEDIR "/log/pgsignet/audit.jsonl"),
    BOOL(settings_audit, syslog, "false"),
    CHOICE(settings_audit, unknown_names, unknown_names, "hash"),
    END,
};

static const struct schema_key store_keys[] = {
    CHOICE(settings_store, engine, engines, "sqlite"),
    FILE_(settings_store, path, 1, PATH_MAX_, LOCALSTATEDIR "/lib/pgsignet/store.db"),
    TEXT(settings_store, conninfo, 1, TEXT_MAX, NULL),
    TEXT(settings_store, admin_conninfo, 1, TEXT_MAX, NULL),
    DURATION(settings_store, timeout, 1, 30, "2s"),
    DURATION(settings_store, retry_after, 1, 300, "5s"),
    CHOICE(settings_store, standby, standbys, "asynchronous"),
    END,
};

static const struct schema_key keys_keys[] = {
    CHOICE(settings_keys, provider, providers, "file"),
    FILE_(settings_keys, path, 1, PATH_MAX_, SYSCONFDIR "/pgsignet/kek"),
    TEXT(settings_keys, credential, 1, 255, NULL),
    STRINGS(settings_keys, command, 64, NULL),
    STRINGS(settings_keys, environment, 64, NULL),
    TEXT(settings_keys, pkcs11, 1, TEXT_MAX, NULL),
    DURATION(settings_keys, timeout, 1, 60, "5s"),
    END,
};

static const struct schema_key token_keys[] = {
    TEXT(settings_token, issuer, 1, 64, "PostgreSQL"),
    CHOICE(settings_token, algorithm, algorithms, "SHA1"),
    INTEGER(settings_token, digits, 6, 8, "6"),
    DURATION(settings_token, period, 10, 300, "30"),
    INTEGER(settings_token, window, 0, 1, "1"),
    INTEGER(settings_token, look_ahead, 1, 50, "10"),
    END,
};

static const struct schema_key throttle_keys[] = {
    INTEGER(settings_throttle, after, 1, 20, "3"),
    DURATION(settings_throttle, first, 1, DAY, "1s"),
    DURATION(settings_throttle, longest, 1, DAY, "15m"),
    INTEGER(settings_throttle, cap, 10, 100, "100"),
    DURATION(settings_throttle, recent, 0, 366 * DAY, "30d"),
    INTEGER(settings_throttle, ipv4_prefix, 16, 32, "32"),
    INTEGER(settings_throttle, ipv6_prefix, 32, 128, "64"),
    STRINGS(settings_throttle, proxies, ADDRESS_PROXIES_MAX, NULL),
    END,
};

static const struct schema_key burst_keys[] = {
    INTEGER(settings_burst, connections, 1, 32, "8"),
    DURATION(settings_burst, seconds, 1, 60, "10s"),
    END,
};

static const struct schema_key ldap_keys[] = {
    STRINGS(settings_ldap, uris, OUTAGE_LDAP_MAX, NULL),
    CHOICE(settings_ldap, tls, tls_modes, "demand"),
    TEXT(settings_ldap, tls_reason, 1, TEXT_MAX, NULL),
    FILE_(settings_ldap, ca_file, 1, PATH_MAX_, NULL),
    FILE_(settings_ldap, cert_file, 1, PATH_MAX_, NULL),
    FILE_(settings_ldap, key_file, 1, PATH_MAX_, NULL),
    TEXT(settings_ldap, bind_dn, 1, TEXT_MAX, NULL),
    FILE_(settings_ldap, bind_password_file, 1, PATH_MAX_, NULL),
    CHOICE(settings_ldap, sasl, sasl_mechanisms, "none"),
    TEXT(settings_ldap, user_base, 1, TEXT_MAX, NULL),
    TEXT(settings_ldap, user_filter, 1, TEXT_MAX, NULL),
    TEXT(settings_ldap, user_dn, 1, TEXT_MAX, NULL),
    TEXT(settings_ldap, user_name, 1, 128, "uid"),
    TEXT(settings_ldap, group_base, 1, TEXT_MAX, NULL),
    CHOICE(settings_ldap, membership, memberships, "member"),
    CHOICE(settings_ldap, nested, nestings, "no"),
    INTEGER(settings_ldap, depth, 1, 50, "10"),
    DURATION(settings_ldap, timeout, 1, 30, "3s"),
    DURATION(settings_ldap, retry_after, 1, 300, "5s"),
    END,
};

static const struct schema_key postgres_keys[] = {
    TEXT(settings_postgres, conninfo, 1, TEXT_MAX, NULL),
    CHOICE(settings_postgres, superusers, superusers, "exclude"),
    DURATION(settings_postgres, timeout, 1, 30, "3s"),
    DURATION(settings_postgres, retry_after, 1, 300, "5s"),
    END,
};

static const struct schema_key exempt_keys[] = {
    TEXT(settings_exempt, user, 1, NAME_MAX_, NULL),
    TEXT(settings_exempt, reason, 1, 500, NULL),
    {.name = AT(settings_exempt, until), .type = SCHEMA_DAY},
    END,
};

static const struct schema_key policy_keys[] = {
    CHOICE(settings_policy, password, passwords, NULL),
    CHOICE(settings_policy, code, codes, "required"),
    {.name = AT(settings_policy, exempt), .type = SCHEMA_RECORDS, .max = LIST_MAX,
     .keys = exempt_keys, .record_size = sizeof(struct settings_exempt),
     .count_offset = offsetof(struct settings_policy, n_exempt)},
    STRINGS(settings_policy, require_groups, LIST_MAX, NULL),
    STRINGS(settings_policy, deny_groups, LIST_MAX, NULL),
    CHOICE(settings_policy, order, orders, "password-then-code"),
    BOOL(settings_policy, strict, "false"),
    BOOL(settings_policy, check_role, NULL),
    END,
};

static const struct schema_key sync_search_keys[] = {
    TEXT(settings_sync_search, base, 1, TEXT_MAX, NULL),
    TEXT(settings_sync_search, filter, 1, TEXT_MAX, "(objectClass=*)"),
    CHOICE(settings_sync_search, scope, scopes, "subtree"),
    END,
};

static const struct schema_key sync_with_keys[] = {
    BOOL(settings_sync_with, admin, "false"),
    BOOL(settings_sync_with, inherit, "true"),
    BOOL(settings_sync_with, set, "true"),
    END,
};

static const struct schema_key sync_options_keys[] = {
    TEXT(settings_sync_options, connection_limit, 1, TEXT_MAX, NULL),
    TEXT(settings_sync_options, valid_until, 1, TEXT_MAX, NULL),
    TEXT(settings_sync_options, comment, 1, TEXT_MAX, NULL),
    {.name = AT(settings_sync_options, set), .type = SCHEMA_PAIRS, .min = 0, .max = SET_MAX,
     .record_size = sizeof(struct settings_sync_pair),
     .count_offset = offsetof(struct settings_sync_options, n_set),
     .present_offset = offsetof(struct settings_sync_options, has_set)},
    END,
};

static const struct schema_key sync_rule_keys[] = {
    {.name = AT(settings_sync_rule, search), .type = SCHEMA_SECTION, .keys = sync_search_keys,
     .present_offset = offsetof(struct settings_sync_rule, has_search)},
    /* `static` is a word of C's. */
    {.name = "static", .offset = offsetof(struct settings_sync_rule, statics),
     .type = SCHEMA_STRINGS, .max = LIST_MAX, .lone = true},
    CHOICE(settings_sync_rule, members, sync_members, "member"),
    CHOICE(settings_sync_rule, nested, nestings, "no"),
    TEXT(settings_sync_rule, role, 1, TEXT_MAX, NULL),
    LONE_STRINGS(settings_sync_rule, grant, LIST_MAX, NULL),
    PART(settings_sync_rule, with, sync_with_keys),
    PART(settings_sync_rule, options, sync_options_keys),
    END,
};

static const struct schema_key sync_guards_keys[] = {
    TEXT(settings_sync_guards, max_leavers, 1, 20, "10%"),
    TEXT(settings_sync_guards, max_revokes, 1, 20, "10%"),
    INTEGER(settings_sync_guards, min_members, 0, 1000000, "1"),
    END,
};

static const struct schema_key sync_leavers_keys[] = {
    CHOICE(settings_sync_leavers, lock, locks, "now"),
    BOOL(settings_sync_leavers, terminate, "true"),
    BOOL(settings_sync_leavers, keep_movers, "false"),
    DURATION(settings_sync_leavers, drop_after, 0, 3660 * DAY, "0"),
    TEXT(settings_sync_leavers, reassign_to, 1, NAME_MAX_, NULL),
    END,
};

static const struct schema_key sync_roles_keys[] = {
    LONE_STRINGS(settings_sync_roles, owners, LIST_MAX, "dbrole_admin"),
    LONE_STRINGS(settings_sync_roles, databases, LIST_MAX, NULL),
    END,
};

static const struct schema_key sync_keys[] = {
    LONE_STRINGS(settings_sync, postgres, 100, NULL),
    TEXT(settings_sync, managed, 1, NAME_MAX_, "pgsignet_managed"),
    LONE_STRINGS(settings_sync, protect, LIST_MAX, NULL),
    {.name = AT(settings_sync, rules), .type = SCHEMA_RECORDS, .max = LIST_MAX,
     .keys = sync_rule_keys, .record_size = sizeof(struct settings_sync_rule),
     .count_offset = offsetof(struct settings_sync, n_rules)},
    PART(settings_sync, guards, sync_guards_keys),
    PART(settings_sync, leavers, sync_leavers_keys),
    PART(settings_sync, roles, sync_roles_keys),
    CHOICE(settings_sync, on_error, on_errors, "abort"),
    CHOICE(settings_sync, references, references, "skip"),
    DURATION(settings_sync, timeout, 1, 3600, "30s"),
    DURATION(settings_sync, apply_timeout, 1, 86400, "5m"),
    DURATION(settings_sync, read_timeout, 1, 86400, "5m"),
    DURATION(settings_sync, poll, 1, DAY, "2s"),
    FILE_(settings_sync, metrics, 1, PATH_MAX_, NULL),
    FILE_(settings_sync, audit, 0, PATH_MAX_, LOCALSTATEDIR "/log/pgsignet-sync/audit.jsonl"),
    END,
};

static const struct schema_key ca_keys[] = {
    FILE_(settings_ca, dir, 1, PATH_MAX_, LOCALSTATEDIR "/lib/pgsignet-ca"),
    FILE_(settings_ca, audit, 0, PATH_MAX_, LOCALSTATEDIR "/log/pgsignet-ca/audit.jsonl"),
    DURATION(settings_ca, leaf, 60, INT64_C(36500) * DAY, "398d"),
    DURATION(settings_ca, renew, 0, INT64_C(36500) * DAY, "30d"),
    DURATION(settings_ca, crl, 600, 3650 * DAY, "30d"),
    DURATION(settings_ca, crl_renew, 0, 3650 * DAY, "20d"),
    FILE_(settings_ca, passphrase_file, 1, PATH_MAX_, NULL),
    LONE_STRINGS(settings_ca, postgres, 100, NULL),
    LONE_STRINGS(settings_ca, pgbouncer, 100, NULL),
    FILE_(settings_ca, crl_file, 1, PATH_MAX_, NULL),
    FILE_(settings_ca, crl_dir, 1, PATH_MAX_, NULL),
    TEXT(settings_ca, owner, 1, NAME_MAX_, "postgres"),
    FILE_(settings_ca, metrics, 1, PATH_MAX_, NULL),
    FILE_(settings_ca, sslrootcert, 1, PATH_MAX_, NULL),
    END,
};

const struct schema_key settings_schema[] = {
    CHOICE(settings, fips, fips_modes, "off"),
    SECTION(daemon, daemon_keys),
    SECTION(audit, audit_keys),
    SECTION(store, store_keys),
    SECTION(keys, keys_keys),
    SECTION(token, token_keys),
    SECTION(throttle, throttle_keys),
    {.name = AT(settings, burst), .type = SCHEMA_SECTION, .keys = burst_keys,
     .present_offset = offsetof(struct settings, has_burst)},
    {.name = AT(settings, ldap), .type = SCHEMA_SECTION, .keys = ldap_keys,
     .present_offset = offsetof(struct settings, has_ldap)},
    SECTION(postgres, postgres_keys),
    {.name = AT(settings, policies), .type = SCHEMA_NAMED, .max = LIST_MAX, .keys = policy_keys,
     .record_size = sizeof(struct settings_policy),
     .count_offset = offsetof(struct settings, n_policies),
     .name_offset = offsetof(struct settings_policy, name)},
    {.name = AT(settings, sync), .type = SCHEMA_SECTION, .keys = sync_keys,
     .present_offset = offsetof(struct settings, has_sync),
     .only_for = 1 + SETTINGS_FOR_SYNC},
    {.name = AT(settings, ca), .type = SCHEMA_SECTION, .keys = ca_keys,
     .only_for = 1 + SETTINGS_FOR_CA},
    END,
};
/* clang-format on */

static void expect_choice(const struct schema_key *key, char *out, size_t size)
{
    size_t used = 0;

    for (const char *const *word = key->choices; *word != NULL && used < size; word++) {
        const char *between = word == key->choices ? "" : word[1] == NULL ? " or " : ", ";
        int n = snprintf(out + used, size - used, "%s%s", between, *word);

        used += n > 0 ? (size_t)n : 0;
    }
}

void schema_expect(const struct schema_key *key, char *out, size_t size)
{
    switch (key->type) {
    case SCHEMA_TEXT:
        snprintf(out, size, "a text of %" PRId64 " to %" PRId64 " bytes", key->min, key->max);
        break;
    case SCHEMA_PATH:
        snprintf(out, size, "an absolute path of at most %" PRId64 " bytes%s", key->max,
                 key->min == 0 ? ", or \"\" for none" : "");
        break;
    case SCHEMA_BOOL:
        snprintf(out, size, "true or false");
        break;
    case SCHEMA_INTEGER:
        snprintf(out, size, "a whole number from %" PRId64 " to %" PRId64, key->min, key->max);
        break;
    case SCHEMA_DURATION:
        snprintf(out, size, "a time from %" PRId64 "s to %" PRId64 "s, like 10s, 5m, 2h or 30d",
                 key->min, key->max);
        break;
    case SCHEMA_DAY:
        snprintf(out, size, "a day like 2027-01-31");
        break;
    case SCHEMA_CHOICE:
        expect_choice(key, out, size);
        break;
    case SCHEMA_STRINGS:
        snprintf(out, size, "%sa list like [a, b] of at most %" PRId64 " texts",
                 key->lone ? "a text, or " : "", key->max);
        break;
    case SCHEMA_PAIRS:
        snprintf(out, size, "a map like {name: text} of at most %" PRId64 " entries", key->max);
        break;
    case SCHEMA_RECORDS:
        snprintf(out, size, "a list of at most %" PRId64 " entries, each a map", key->max);
        break;
    case SCHEMA_SECTION:
    case SCHEMA_NAMED:
        snprintf(out, size, "a map: \"key: value\" lines, indented");
        break;
    }
}
