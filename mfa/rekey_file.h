/*
 * rekey_file.h - a new key file, and the KEK in it, in one command.
 *
 * What stands where, before and after each stage; PATH is keys.path:
 *
 *                        PATH   PATH.new   PATH.old   wraps in the store
 *                        K1                           K1
 *   REKEY_FILE_MADE      K1     K2                    K1
 *   REKEY_FILE_ADDED     K1     K2                    K1 K2
 *   (link, then rename)  K1     K2         K1         K1 K2
 *   REKEY_FILE_SWITCHED  K2                K1         K1 K2
 *   REKEY_FILE_RETIRED   K2                K1         K2
 *   REKEY_FILE_WIPED     K2                           K2
 *
 * In every row the key at PATH opens the store, and the row tells what is to do next: whoever is killed
 * runs the same again.
 */
#ifndef PGSIGNET_MFA_REKEY_FILE_H
#define PGSIGNET_MFA_REKEY_FILE_H

#include "common/settings.h"
#include "mfa/tokens.h"

enum rekey_file_stage {
    REKEY_FILE_MADE,
    REKEY_FILE_ADDED,
    REKEY_FILE_SWITCHED,
    REKEY_FILE_RETIRED,
    REKEY_FILE_WIPED,
};

/* Called after each stage is on disk; false stops there, as a kill would. */
typedef bool rekey_file_watch(void *context, enum rekey_file_stage stage);

/*
 * Changes the key in settings->keys.path (provider `file`), or ends a change that was begun.  Called by
 * root (whose the folder is) or by daemon.user; the store is touched by a child that has become
 * daemon.user.  MFA_STATE: a watch stopped it, or another change has not ended; else as rekey.h.  why (size
 * bytes) holds the sentence.  watch may be NULL.
 */
enum mfa_result rekey_key_file(const struct settings *settings, rekey_file_watch *watch,
                               void *context, char *why, size_t size);

#endif
