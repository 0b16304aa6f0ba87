#include "config.h"

#include "common/settings_check.h"

#include "common/address.h"
#include "common/conninfo.h"
#include "common/settings_syntax.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The line of a value, or of the record it should stand in. */
static size_t line_of(const struct settings_notes *notes, const void *field, const void *container)
{
    size_t line = notes_line(notes, NOTES_VALUE, field);

    return line > 0 ? line : notes_line(notes, NOTES_CONTAINER, container);
}

static void check_audit(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_audit *audit = &settings->audit;

    if (audit->file[0] == '\0' && !audit->syslog && !notes_broken(notes, &audit->syslog))
        notes_fault(notes, line_of(notes, &audit->file, audit),
                    "audit.file is \"\" and audit.syslog is false; no login may go unrecorded, "
                    "write a file or syslog: true");
}

static void check_token(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_token *token = &settings->token;

    if (strchr(token->issuer, ':') != NULL)
        notes_fault(notes, notes_line(notes, NOTES_VALUE, &token->issuer),
                    "token.issuer has a ':', which authenticator apps take for its end; write "
                    "it without");
}

static void check_throttle(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_throttle *throttle = &settings->throttle;

    if (throttle->first > throttle->longest && !notes_broken(notes, &throttle->first) &&
        !notes_broken(notes, &throttle->longest))
        notes_fault(notes, line_of(notes, &throttle->first, throttle),
                    "throttle.first (%" PRId64 " s) is longer than throttle.longest (%" PRId64
                    " s); write a shorter one",
                    throttle->first, throttle->longest);
    for (size_t i = 0; i < throttle->proxies.n; i++) {
        struct address_rules rules = {.n_proxies = 0};

        if (!address_rules_add_proxy(&rules, bytes_str(throttle->proxies.at[i])))
            notes_fault(
                notes, notes_line(notes, NOTES_VALUE, &throttle->proxies.at[i]),
                "throttle.proxies: \"%s\" is no address or network; write one like "
                "192.0.2.7, 192.0.2.0/24 (no bits beyond the prefix) or 2001:db8::7, or local",
                throttle->proxies.at[i]);
    }
}

static void check_postgres(const struct settings *settings, struct settings_notes *notes)
{
    const char *conninfo = settings->postgres.conninfo;
    const char *fault = conninfo != NULL ? conninfo_fault(conninfo) : NULL;

    if (fault != NULL)
        notes_fault(notes, notes_line(notes, NOTES_VALUE, &settings->postgres.conninfo),
                    "postgres.conninfo %s", fault);
}

static void check_exempt(const struct settings_policy *policy, struct settings_notes *notes)
{
    for (size_t i = 0; i < policy->n_exempt; i++) {
        const struct settings_exempt *exempt = &policy->exempt[i];
        size_t line = notes_line(notes, NOTES_CONTAINER, exempt);
        const struct {
            const char *name, *example;
            const void *field;
        } needed[] = {
            {"user", "user: NAME", &exempt->user},
            {"reason", "reason: \"why, who approved\"", &exempt->reason},
            {"until", "until: 2027-01-31", &exempt->until},
        };

        if (line == 0) /* not a map, and refused as such */
            continue;
        for (size_t k = 0; k < sizeof needed / sizeof needed[0]; k++)
            if (notes_line(notes, NOTES_VALUE, needed[k].field) == 0)
                notes_fault(notes, line, "an exemption in policies.%s says no %s; write %s",
                            policy->name, needed[k].name, needed[k].example);
        for (size_t k = 0; exempt->user != NULL && k < i; k++) {
            if (policy->exempt[k].user != NULL &&
                strcmp(exempt->user, policy->exempt[k].user) == 0) {
                notes_fault(notes, line_of(notes, &exempt->user, exempt),
                            "policies.%s exempts \"%s\" twice; keep one of the two", policy->name,
                            exempt->user);
                break;
            }
        }
    }
}

static void check_factors(const struct settings_policy *policy, struct settings_notes *notes)
{
    bool none = policy->password == PASSWORD_NONE && notes_sound(notes, &policy->password);

    if (notes_line(notes, NOTES_VALUE, &policy->password) == 0)
        notes_fault(notes, notes_line(notes, NOTES_CONTAINER, policy),
                    "policies.%s says no password; write password: ldap, scram, stack or none",
                    policy->name);
    if (none && policy->code == CODE_OFF)
        notes_fault(notes, line_of(notes, &policy->code, policy),
                    "policies.%s asks for neither password nor code, so anybody could log in; "
                    "write code: required",
                    policy->name);
    else if (none && policy->n_exempt > 0)
        notes_fault(notes, line_of(notes, &policy->exempt, policy),
                    "policies.%s has password: none, so its exempt users would need nothing at "
                    "all; remove the exemptions, or give these users a policy with a password",
                    policy->name);
    else if (policy->code == CODE_OFF && policy->n_exempt > 0)
        notes_fault(notes, line_of(notes, &policy->exempt, policy),
                    "policies.%s has code: off, so there is nothing to be exempt from; remove "
                    "the exemptions",
                    policy->name);
}

static bool uses_groups(const struct settings_policy *policy)
{
    return policy->require_groups.n + policy->deny_groups.n > 0;
}

static void check_sources(const struct settings *settings, const struct settings_policy *policy,
                          struct settings_notes *notes)
{
    bool sound = notes_sound(notes, &policy->password);
    bool has_conninfo =
        settings->postgres.conninfo != NULL || notes_broken(notes, &settings->postgres.conninfo);

    if (sound && policy->password == PASSWORD_LDAP && !settings->has_ldap)
        notes_fault(notes, line_of(notes, &policy->password, policy),
                    "policies.%s has password: ldap, but there is no ldap section; write one",
                    policy->name);
    else if (uses_groups(policy) && !settings->has_ldap)
        notes_fault(
            notes,
            line_of(notes,
                    policy->require_groups.n > 0 ? &policy->require_groups : &policy->deny_groups,
                    policy),
            "policies.%s asks for groups, but there is no ldap section; write one", policy->name);
    if (has_conninfo)
        return;
    if (sound && policy->password == PASSWORD_SCRAM)
        notes_fault(notes, line_of(notes, &policy->password, policy),
                    "policies.%s has password: scram, but there is no postgres.conninfo; write one",
                    policy->name);
    if (policy->check_role)
        notes_fault(notes, line_of(notes, &policy->check_role, policy),
                    "policies.%s has check_role: true, but there is no postgres.conninfo; write "
                    "one, or check_role: false",
                    policy->name);
}

static void check_group_names(const struct settings *settings, const struct settings_policy *policy,
                              const struct settings_strings *groups, const char *key,
                              struct settings_notes *notes)
{
    if (settings->ldap.membership == MEMBERSHIP_MEMBERUID ||
        notes_broken(notes, &settings->ldap.membership))
        return;
    for (size_t i = 0; i < groups->n; i++)
        if (!syntax_is_dn(groups->at[i]))
            notes_fault(notes, notes_line(notes, NOTES_VALUE, &groups->at[i]),
                        "policies.%s.%s: \"%s\" is no DN; write one like "
                        "cn=dba,ou=groups,dc=example,dc=com",
                        policy->name, key, groups->at[i]);
}

static void check_policies(const struct settings *settings, enum settings_reader reader,
                           struct settings_notes *notes)
{
    size_t line = notes_line(notes, NOTES_VALUE, &settings->policies);

    if (reader == SETTINGS_FOR_LOGINS && settings->n_policies == 0 &&
        !notes_broken(notes, &settings->policies))
        notes_fault(notes, line > 0 ? line : 1,
                    "there is no policy; write at least policies: {default: {password: ...}}");
    for (size_t i = 0; i < settings->n_policies; i++) {
        const struct settings_policy *policy = &settings->policies[i];

        if (policy->name == NULL) /* its name was refused; its content was not read */
            continue;
        check_factors(policy, notes);
        check_exempt(policy, notes);
        check_sources(settings, policy, notes);
        check_group_names(settings, policy, &policy->require_groups, "require_groups", notes);
        check_group_names(settings, policy, &policy->deny_groups, "deny_groups", notes);
    }
}

static void fill_dependent(struct settings *settings, enum settings_reader reader,
                           struct settings_notes *notes)
{
    struct settings_ldap *ldap = &settings->ldap;
    struct settings_store *store = &settings->store;
    struct settings_ca *ca = &settings->ca;

    if (store->admin_conninfo == NULL && store->conninfo != NULL) {
        store->admin_conninfo = strdup(store->conninfo);
        if (store->admin_conninfo == NULL)
            notes->memory_short = true;
    }
    /* The sync's rules have bases of their own. */
    if (reader == SETTINGS_FOR_LOGINS && ldap->group_base == NULL && ldap->user_base != NULL) {
        ldap->group_base = strdup(ldap->user_base);
        if (ldap->group_base == NULL)
            notes->memory_short = true;
    }
    /* Their defaults go along with what was written for the time that they are a part of. */
    if (notes_line(notes, NOTES_VALUE, &ca->crl_renew) == 0)
        ca->crl_renew = ca->crl / 3 * 2;
    if (notes_line(notes, NOTES_VALUE, &ca->renew) == 0 && ca->renew > ca->leaf / 3)
        ca->renew = ca->leaf / 3;
    for (size_t i = 0; i < settings->n_policies; i++) {
        struct settings_policy *policy = &settings->policies[i];

        if (notes_line(notes, NOTES_VALUE, &policy->check_role) == 0)
            policy->check_role = settings->postgres.conninfo != NULL;
    }
}

void settings_check(struct settings *settings, enum settings_reader reader,
                    struct settings_notes *notes)
{
    check_audit(settings, notes);
    settings_check_store(settings, notes);
    check_token(settings, notes);
    check_throttle(settings, notes);
    settings_check_keys(settings, notes);
    if (settings->has_ldap)
        settings_check_ldap(settings, reader, notes);
    check_postgres(settings, notes);
    check_policies(settings, reader, notes);
    if (reader == SETTINGS_FOR_SYNC)
        settings_check_sync(settings, notes);
    if (reader == SETTINGS_FOR_CA)
        settings_check_ca(settings, notes);
    fill_dependent(settings, reader, notes);
}
