#include "config.h"

#include "common/settings_check.h"

#include "common/conninfo.h"
#include "common/number.h"
#include "common/settings_syntax.h"

#include <string.h>

#define ROLE_MAX 63 /* bytes of a role's name: NAMEDATALEN - 1 */

/* The line of a value, or of the record it should stand in. */
static size_t line_of(const struct settings_notes *notes, const void *field, const void *container)
{
    size_t line = notes_line(notes, NOTES_VALUE, field);

    return line > 0 ? line : notes_line(notes, NOTES_CONTAINER, container);
}

static bool said(const struct settings_notes *notes, const void *field)
{
    return notes_line(notes, NOTES_VALUE, field) > 0;
}

static void check_servers(const struct settings_sync *sync, struct settings_notes *notes)
{
    if (sync->postgres.n == 0 && !notes_broken(notes, &sync->postgres))
        notes_fault(notes, line_of(notes, &sync->postgres, sync),
                    "sync says no postgres; write postgres: \"service=NAME\", or a list of several "
                    "servers");
    for (size_t i = 0; i < sync->postgres.n; i++) {
        size_t line = notes_line(notes, NOTES_VALUE, &sync->postgres.at[i]);
        const char *fault = conninfo_fault(sync->postgres.at[i]);

        if (fault != NULL)
            notes_fault(notes, line, "sync.postgres %s", fault);
        for (size_t k = 0; k < i; k++)
            if (strcmp(sync->postgres.at[i], sync->postgres.at[k]) == 0)
                notes_fault(notes, line,
                            "sync.postgres names one server twice; keep one of the two");
    }
}

/* PostgreSQL would cut a longer name, and so mean another role. */
static void check_names(const struct settings_strings *names, const char *where,
                        struct settings_notes *notes)
{
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->at[i]) > ROLE_MAX)
            notes_fault(notes, notes_line(notes, NOTES_VALUE, &names->at[i]),
                        "%s: \"%s\" is longer than a role's name can be; write at most %d bytes",
                        where, names->at[i], ROLE_MAX);
}

static void check_search(const struct settings_sync_rule *rule, size_t line,
                         struct settings_notes *notes)
{
    const struct settings_sync_search *search = &rule->search;
    bool has_dns = rule->members != SYNC_MEMBER_UID && rule->members != SYNC_MEMBER_URL;

    if (search->base == NULL && !notes_broken(notes, &search->base))
        notes_fault(notes, line_of(notes, &search->base, search),
                    "a search in sync.rules says no base; write base: "
                    "\"ou=groups,dc=example,dc=com\"");
    if (search->base != NULL && !syntax_is_dn(search->base))
        notes_fault(notes, line_of(notes, &search->base, search),
                    "sync.rules.search.base: \"%s\" is no DN; write one like "
                    "ou=groups,dc=example,dc=com",
                    search->base);
    if (!syntax_is_filter(search->filter))
        notes_fault(notes, line_of(notes, &search->filter, search),
                    "sync.rules.search.filter is no filter; write one like \"(cn=pg-dba)\", in "
                    "quotes");
    if (rule->role == NULL && !notes_broken(notes, &rule->role))
        notes_fault(notes, line,
                    "a rule with a search says no role; write how a member's role is called, like "
                    "role: \"{dn.uid}\" or role: \"{sAMAccountName|lower}\"");
    if (rule->nested != NESTED_NO && !has_dns && !notes_broken(notes, &rule->members))
        notes_fault(notes, line_of(notes, &rule->nested, rule),
                    "sync.rules.nested follows DNs, and %s holds none; write nested: no, or "
                    "members: member",
                    rule->members == SYNC_MEMBER_UID ? "memberUid" : "memberURL");
}

/* What says nothing where it stands is refused: somebody who wrote it expects that it counts. */
static void check_static(const struct settings_sync_rule *rule, struct settings_notes *notes)
{
    const struct {
        const char *name;
        const void *field;
    } rows[] = {
        {"members", &rule->members},
        {"nested", &rule->nested},
        {"role", &rule->role},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (said(notes, rows[i].field))
            notes_fault(notes, notes_line(notes, NOTES_VALUE, rows[i].field),
                        "sync.rules.%s means nothing with `static`, whose roles are named there; "
                        "remove it",
                        rows[i].name);
    check_names(&rule->statics, "sync.rules.static", notes);
}

static void check_rule(const struct settings *settings, const struct settings_sync_rule *rule,
                       struct settings_notes *notes)
{
    size_t line = notes_line(notes, NOTES_CONTAINER, rule);
    bool has_static = said(notes, &rule->statics);

    if (line == 0) /* not a map, and refused as such */
        return;
    if (rule->has_search && has_static)
        notes_fault(notes, line_of(notes, &rule->statics, rule),
                    "a rule says both search and static; make two rules of it");
    else if (rule->has_search)
        check_search(rule, line, notes);
    else if (has_static)
        check_static(rule, notes);
    else
        notes_fault(notes, line,
                    "a rule says neither search nor static; write search: {base: ..., filter: "
                    "...}, or static: [role]");
    if (has_static && rule->statics.n == 0 && notes_sound(notes, &rule->statics))
        notes_fault(notes, line_of(notes, &rule->statics, rule),
                    "sync.rules.static is empty; name roles, or remove the rule");
    if (rule->has_search && !settings->has_ldap)
        notes_fault(notes, line, "a rule searches, but there is no ldap section; write one");
    if (rule->grant.n == 0 && !notes_broken(notes, &rule->grant))
        notes_fault(notes, line_of(notes, &rule->grant, rule),
                    "a rule grants nothing; write grant: [dbrole_readonly]");
    check_names(&rule->grant, "sync.rules.grant", notes);
    for (size_t i = 0; settings->sync.managed != NULL && i < rule->grant.n; i++)
        if (strcmp(rule->grant.at[i], settings->sync.managed) == 0)
            notes_fault(notes, notes_line(notes, NOTES_VALUE, &rule->grant.at[i]),
                        "sync.rules.grant names the marker role %s, which every managed role is in "
                        "anyway; remove it",
                        rule->grant.at[i]);
}

static void check_rules(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_sync *sync = &settings->sync;

    if (sync->n_rules == 0 && !notes_broken(notes, &sync->rules))
        notes_fault(notes, line_of(notes, &sync->rules, sync),
                    "sync has no rules, so nobody would be wanted; write at least one");
    for (size_t i = 0; i < sync->n_rules; i++)
        check_rule(settings, &sync->rules[i], notes);
}

/* "10%" or "25", into the two numbers that a guard compares with. */
static void read_most(char *const *key, const char *name, int64_t *number, int64_t *share,
                      struct settings_notes *notes)
{
    const char *text = *key;
    size_t len = strlen(text);
    bool is_share = len > 0 && text[len - 1] == '%';
    enum number_fault fault;

    *number = -1;
    if (is_share)
        fault = number_parse(text, len - 1, 0, 100, share);
    else
        fault = number_parse(text, len, 0, INT32_MAX, number);
    if (fault != NUMBER_OK)
        notes_fault(notes, notes_line(notes, NOTES_VALUE, key),
                    "sync.guards.%s: \"%s\" will not do; write a share of the managed roles "
                    "like \"10%%\", or a number of roles like 25",
                    name, text);
}

static void read_guards(struct settings_sync_guards *guards, struct settings_notes *notes)
{
    read_most(&guards->max_leavers, "max_leavers", &guards->leavers, &guards->leavers_share, notes);
    read_most(&guards->max_revokes, "max_revokes", &guards->revokes, &guards->revokes_share, notes);
}

static void check_leavers(const struct settings_sync_leavers *leavers, struct settings_notes *notes)
{
    if (notes_broken(notes, &leavers->drop_after) || notes_broken(notes, &leavers->reassign_to))
        return;
    if (leavers->drop_after > 0 && leavers->reassign_to == NULL)
        notes_fault(notes, line_of(notes, &leavers->drop_after, leavers),
                    "sync.leavers.drop_after without reassign_to: what a dropped role owns needs a "
                    "new owner; write reassign_to: dbrole_admin");
    if (leavers->drop_after == 0 && leavers->reassign_to != NULL)
        notes_fault(notes, line_of(notes, &leavers->reassign_to, leavers),
                    "sync.leavers.reassign_to means nothing without drop_after; write drop_after: "
                    "30d, or remove it");
    if (leavers->drop_after > 0 && leavers->lock == LEAVERS_LOCK_NEVER)
        notes_fault(
            notes, line_of(notes, &leavers->lock, leavers),
            "sync.leavers.lock is never, and drop_after would drop roles that may still log "
            "in; write lock: now");
}

static void check_files(const struct settings *settings, struct settings_notes *notes)
{
    static const char ending[] = ".prom";
    const struct settings_sync *sync = &settings->sync;
    size_t len = sync->metrics != NULL ? strlen(sync->metrics) : 0;

    if (sync->metrics != NULL &&
        (len < sizeof ending || strcmp(sync->metrics + len - strlen(ending), ending) != 0))
        notes_fault(notes, notes_line(notes, NOTES_VALUE, &sync->metrics),
                    "sync.metrics does not end in .prom, and node_exporter reads no other files; "
                    "write a name that does");
    if (sync->audit[0] == '\0' && !settings->audit.syslog &&
        !notes_broken(notes, &settings->audit.syslog))
        notes_fault(notes, line_of(notes, &sync->audit, sync),
                    "sync.audit is \"\" and audit.syslog is false; no change may go unrecorded, "
                    "write a file or audit: {syslog: true}");
}

void settings_check_sync(struct settings *settings, struct settings_notes *notes)
{
    if (!settings->has_sync) {
        notes_fault(notes, 1,
                    "there is no sync section; write one, as in " DOCDIR
                    "/examples/ldap-sync.yaml");
        return;
    }
    check_servers(&settings->sync, notes);
    check_rules(settings, notes);
    read_guards(&settings->sync.guards, notes);
    check_leavers(&settings->sync.leavers, notes);
    check_files(settings, notes);
}
