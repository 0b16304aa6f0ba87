/*
 * ldap_memory.h - liblber's memory, wiped before it is freed.
 *
 * libldap encodes a bind's password into a buffer of its own and frees that as it is.  The only hook is
 * the allocator of liblber, which is global to the process.
 */
#ifndef PGSIGNET_LDAP_MEMORY_H
#define PGSIGNET_LDAP_MEMORY_H

#include <stdbool.h>

/*
 * Makes liblber wipe what it frees, and libldap ignore ldap.conf, ~/.ldaprc and LDAP* variables
 * (ldap.conf(5), LDAPNOINIT), which could turn certificate checks off.  Call it before anything else of
 * libldap; once more is harmless.
 */
void ldapc_prepare(void);

/*
 * The same for a program that an operator runs as himself: libldap reads its variables and files (the
 * variables win) for what the configuration leaves open: CA and client certificate, ciphers, SASL.  That
 * certificates are demanded, no referral is followed and no limit applies stays as it is.  Only before the first
 * ldapc_prepare.
 */
void ldapc_prepare_heeding_environment(void);
bool ldapc_heeds_environment(void);

#endif
