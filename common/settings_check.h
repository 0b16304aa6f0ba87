/*
 * settings_check.h - do the values make sense together?
 *
 * Internal to common/settings*.c.  Each rule is one function; each fault names the line of the value
 * to change.  No rule builds on a value that was already refused.
 */
#ifndef PGSIGNET_SETTINGS_CHECK_H
#define PGSIGNET_SETTINGS_CHECK_H

#include "common/settings.h"
#include "common/settings_notes.h"

/* Notes every fault between values, then fills in the defaults that depend on other values. */
void settings_check(struct settings *settings, enum settings_reader reader,
                    struct settings_notes *notes);

/* The rules of the keys section; called by settings_check. */
void settings_check_keys(const struct settings *settings, struct settings_notes *notes);

/* The rules of the ldap section; called by settings_check. */
void settings_check_ldap(const struct settings *settings, enum settings_reader reader,
                         struct settings_notes *notes);

/* Those of the sync section; reads what guards.max_leavers and max_revokes hold into two numbers
 * each. */
void settings_check_sync(struct settings *settings, struct settings_notes *notes);

/* Those of the ca section. */
void settings_check_ca(const struct settings *settings, struct settings_notes *notes);

/* Those of the store section. */
void settings_check_store(const struct settings *settings, struct settings_notes *notes);

#endif
