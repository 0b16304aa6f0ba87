/*
 * archive_folder.h - a CA's folder into an archive, and out of it.
 */
#ifndef PGSIGNET_PKI_ARCHIVE_FOLDER_H
#define PGSIGNET_PKI_ARCHIVE_FOLDER_H

#include "pki/archive.h"

/*
 * Adds every regular file below the folder, but for the ledger's own (LEDGER_FILE and SQLite's beside it) and parts
 * of files that are just being put into place.  Symbolic links and the like are left out with a warning each.  The
 * caller holds the ledger's lock, so that nobody completes a certificate meanwhile.  False after why.
 */
bool archive_read_folder(int folder_fd, struct archive *archive, char *why, size_t size);

/* Writes all into an empty folder, with their modes, and syncs.  False after why; what was written stays. */
bool archive_write_folder(const struct archive *archive, int folder_fd, char *why, size_t size);

/* Removes a folder that a failed restore made, with all in it.  Best effort. */
void archive_remove_folder(int parent_fd, const char *name);

#endif
