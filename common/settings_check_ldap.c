#include "config.h"

#include "common/settings_check.h"

#include "common/settings_syntax.h"

#include <string.h>

static size_t line_of(const struct settings_notes *notes, const struct settings_ldap *ldap,
                      const void *field)
{
    size_t line = notes_line(notes, NOTES_VALUE, field);

    return line > 0 ? line : notes_line(notes, NOTES_CONTAINER, ldap);
}

static void check_uris(const struct settings_ldap *ldap, struct settings_notes *notes)
{
    bool never = ldap->tls == TLS_NEVER && !notes_broken(notes, &ldap->tls);

    if (ldap->uris.n == 0 && !notes_broken(notes, &ldap->uris))
        notes_fault(notes, line_of(notes, ldap, &ldap->uris),
                    "ldap says no uris; write uris: [ldaps://ldap1.example.com]");
    for (size_t i = 0; i < ldap->uris.n; i++) {
        const char *uri = ldap->uris.at[i], *fault = syntax_uri_fault(uri);
        size_t line = notes_line(notes, NOTES_VALUE, &ldap->uris.at[i]);

        if (fault != NULL)
            notes_fault(notes, line, "ldap.uris: \"%s\" %s", uri, fault);
        else if (never && syntax_uri_is_plain(uri) && !syntax_uri_is_local(uri) &&
                 ldap->tls_reason == NULL && !notes_broken(notes, &ldap->tls_reason))
            notes_fault(notes, line,
                        "ldap.uris: \"%s\" with tls: never would send passwords in clear over the "
                        "network; write ldaps:// or tls: demand, or say tls_reason",
                        uri);
    }
}

/* Keys that only make sense together. */
static void check_pairs(const struct settings_ldap *ldap, struct settings_notes *notes)
{
    const struct {
        const char *said, *missing;
        char *const *field, *const *other;
    } pairs[] = {
        {"bind_dn", "bind_password_file", &ldap->bind_dn, &ldap->bind_password_file},
        {"bind_password_file", "bind_dn", &ldap->bind_password_file, &ldap->bind_dn},
        {"cert_file", "key_file", &ldap->cert_file, &ldap->key_file},
        {"key_file", "cert_file", &ldap->key_file, &ldap->cert_file},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (*pairs[i].field != NULL && *pairs[i].other == NULL &&
            !notes_broken(notes, pairs[i].other))
            notes_fault(notes, notes_line(notes, NOTES_VALUE, pairs[i].field),
                        "ldap.%s without ldap.%s; write both or neither", pairs[i].said,
                        pairs[i].missing);
}

static bool said(const struct settings_notes *notes, const void *field)
{
    return notes_line(notes, NOTES_VALUE, field) > 0;
}

static bool all_local_sockets(const struct settings_strings *uris)
{
    for (size_t i = 0; i < uris->n; i++)
        if (strncasecmp(uris->at[i], "ldapi:", 6) != 0)
            return false;
    return true;
}

static void check_sasl(const struct settings_ldap *ldap, struct settings_notes *notes)
{
    size_t line = line_of(notes, ldap, &ldap->sasl);

    if (notes_broken(notes, &ldap->sasl) || ldap->sasl == SASL_NONE)
        return;
    if (ldap->bind_dn != NULL)
        notes_fault(notes, line,
                    "ldap says both sasl and bind_dn; keep one way to bind the service account");
    if (ldap->sasl == SASL_EXTERNAL && ldap->cert_file == NULL &&
        !notes_broken(notes, &ldap->cert_file) && !all_local_sockets(&ldap->uris))
        notes_fault(notes, line,
                    "ldap.sasl: external needs a client certificate, write cert_file and key_file; "
                    "only ldapi:// does without");
}

static void check_user(const struct settings_ldap *ldap, enum settings_reader reader,
                       struct settings_notes *notes)
{
    bool dn = said(notes, &ldap->user_dn), base = said(notes, &ldap->user_base),
         filter = said(notes, &ldap->user_filter);

    if (dn && filter)
        notes_fault(notes, line_of(notes, ldap, &ldap->user_dn),
                    "ldap says both user_dn and user_filter; keep one way to find the user's "
                    "entry");
    else if (reader == SETTINGS_FOR_LOGINS && !dn && !(base && filter))
        notes_fault(notes, line_of(notes, ldap, base ? &ldap->user_base : &ldap->user_filter),
                    "ldap does not say how to find a user's entry; write user_base and "
                    "user_filter: \"(uid=%%u)\", or user_dn");
    if (ldap->user_dn != NULL && strstr(ldap->user_dn, "%u") == NULL)
        notes_fault(notes, line_of(notes, ldap, &ldap->user_dn),
                    "ldap.user_dn has no %%u, so every user would be one and the same entry; "
                    "write %%u where the name stands");
    if (ldap->user_filter != NULL && strstr(ldap->user_filter, "%u") == NULL)
        notes_fault(notes, line_of(notes, ldap, &ldap->user_filter),
                    "ldap.user_filter has no %%u, so it does not look for the user; write %%u "
                    "where the name stands");
    if (ldap->user_filter != NULL && !syntax_is_filter(ldap->user_filter))
        notes_fault(notes, line_of(notes, ldap, &ldap->user_filter),
                    "ldap.user_filter is no filter; write one like \"(uid=%%u)\", in quotes");
}

static void check_dns(const struct settings_ldap *ldap, struct settings_notes *notes)
{
    const struct {
        const char *name;
        char *const *field;
    } dns[] = {
        {"user_base", &ldap->user_base},
        {"user_dn", &ldap->user_dn},
        {"group_base", &ldap->group_base},
    };

    for (size_t i = 0; i < sizeof dns / sizeof dns[0]; i++)
        if (*dns[i].field != NULL && !syntax_is_dn(*dns[i].field))
            notes_fault(notes, notes_line(notes, NOTES_VALUE, dns[i].field),
                        "ldap.%s: \"%s\" is no DN; write one like ou=people,dc=example,dc=com",
                        dns[i].name, *dns[i].field);
}

static void check_groups(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_ldap *ldap = &settings->ldap;
    bool asked = false, searched;

    for (size_t i = 0; i < settings->n_policies; i++)
        asked = asked || settings->policies[i].require_groups.n > 0 ||
                settings->policies[i].deny_groups.n > 0;
    if (notes_broken(notes, &ldap->membership) || notes_broken(notes, &ldap->nested))
        return;
    if (ldap->membership == MEMBERSHIP_MEMBERUID && ldap->nested == NESTED_IN_CHAIN)
        notes_fault(notes, line_of(notes, ldap, &ldap->nested),
                    "ldap.nested: in_chain follows DNs, and memberUid holds none; write nested: "
                    "no, or membership: member");
    /* As directory_groups.c does it: memberOf and Active Directory's rule answer without a search. */
    searched = ldap->nested == NESTED_CLIMB ||
               (ldap->nested == NESTED_NO && ldap->membership != MEMBERSHIP_MEMBEROF);
    if (asked && searched && !said(notes, &ldap->group_base) && !said(notes, &ldap->user_base))
        notes_fault(notes, line_of(notes, ldap, &ldap->group_base),
                    "ldap does not say where groups are; write group_base");
}

void settings_check_ldap(const struct settings *settings, enum settings_reader reader,
                         struct settings_notes *notes)
{
    check_uris(&settings->ldap, notes);
    check_pairs(&settings->ldap, notes);
    check_sasl(&settings->ldap, notes);
    check_user(&settings->ldap, reader, notes);
    check_dns(&settings->ldap, notes);
    check_groups(settings, notes);
}
