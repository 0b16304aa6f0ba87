/*
 * key_command.h - the KEK as what a command prints: the client of a key management service.
 *
 * The command is run as it stands (execve, no shell) with no standard input, PATH=/usr/bin:/bin and
 * keys.environment for its environment, in a session of its own, of which nothing is left afterwards.
 */
#ifndef PGSIGNET_MFA_KEY_COMMAND_H
#define PGSIGNET_MFA_KEY_COMMAND_H

#include "mfa/key_provider.h"

/* Runs settings->command, for settings->timeout at most (see struct key_provider). */
bool key_command_open(const struct settings_keys *settings, struct kek *kek, char *why,
                      size_t size);

#endif
