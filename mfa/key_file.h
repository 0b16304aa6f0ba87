/*
 * key_file.h - the KEK in a file: one line (key_raw.h), readable by its owner alone.
 */
#ifndef PGSIGNET_MFA_KEY_FILE_H
#define PGSIGNET_MFA_KEY_FILE_H

#include "mfa/key_provider.h"
#include "mfa/owner.h"

/* Reads settings->path (see struct key_provider). */
bool key_file_open(const struct settings_keys *settings, struct kek *kek, char *why, size_t size);

/* Reads the key in any such file; what names the file in why ("the key file"). */
bool key_file_read(const char *what, const char *path, struct kek *kek, char *why, size_t size);

/*
 * Makes a fresh random key: written beside the path, synced, and linked to its name, so that it is
 * there whole or not at all and never replaces another.  Mode 0400, owner as given when run by root.
 * False, with a sentence in why and nothing left behind, on trouble (a file that exists is trouble).
 */
bool key_file_create(const char *path, const struct owner *owner, char *why, size_t size);

#endif
