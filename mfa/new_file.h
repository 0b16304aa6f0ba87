/*
 * new_file.h - files and folders that come into being whole, with their modes, or not at all.
 */
#ifndef PGSIGNET_MFA_NEW_FILE_H
#define PGSIGNET_MFA_NEW_FILE_H

#include <sys/types.h>

#include "common/bytes.h"
#include "mfa/owner.h"

#define NEW_FILE_PATH_MAX 4096

/* Each returns 0 or an errno.  owner is applied only when run by root; NULL changes nothing. */

/* A temporary name beside path, in out; the file is made empty (O_EXCL) with mode and owner. */
int new_file_begin(const char *path, mode_t mode, const struct owner *owner,
                   char out[NEW_FILE_PATH_MAX]);

/* Syncs the temporary file, gives it its name (EEXIST if that is taken), syncs the folder. */
int new_file_finish(const char *temporary, const char *path);

/* Both at once around the given content.  Nothing is left behind on failure. */
int new_file_write(const char *path, mode_t mode, const struct owner *owner, struct bytes content);

/* Removes what runs of new_file_write that were killed left beside path; nobody else may write it now. */
int new_file_sweep(const char *path);

/* Syncs the folder that holds path. */
int new_file_sync_folder(const char *path);

/* The folders that were made, to be taken away again if what follows fails. */
struct new_folders {
    char *at[16];
    size_t n;
};

/*
 * Makes the folder that holds path, with mode and owner, and (0755, of the caller) those above it.
 * An existing folder is left as it is.
 */
int new_folder_for(const char *path, mode_t mode, const struct owner *owner,
                   struct new_folders *made);
void new_folders_undo(struct new_folders *made); /* removes those that are empty; frees */
void new_folders_keep(struct new_folders *made); /* frees */

#endif
