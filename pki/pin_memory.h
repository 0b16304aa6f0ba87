/*
 * pin_memory.h - a PIN in a file that a PKCS#11 token has refused is not tried again until the file is written anew.
 *
 * A timer would give it without end, and a few wrong PINs lock a token.  What is kept, in the CA's folder, is which file it
 * was, as the file system tells one state of it from another (inode, size, times), and which token; nothing of the PIN.
 */
#ifndef PGSIGNET_PKI_PIN_MEMORY_H
#define PGSIGNET_PKI_PIN_MEMORY_H

#include <glib.h>
#include <stdbool.h>

#define PIN_MEMORY_FILE "pin-refused"

/* The file as it is now, before its PIN is read; NULL = cannot be looked at.  g_free. */
char *pin_memory_state(const char *file);
/* Was the PIN of that state refused by the token (key_pkcs11_token)?  What cannot be read was not. */
bool pin_memory_holds(int folder_fd, const char *token, const char *state);
/* Remembers it, instead of what was known of the same token; false after a warning. */
bool pin_memory_keep(int folder_fd, const char *token, const char *state);

#endif
