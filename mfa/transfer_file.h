/*
 * transfer_file.h - the files that import and export are given on the command line.
 *
 * They are opened and read before the program becomes the owner of the store, who may not see them, and
 * are not looked into before that: parsing hostile bytes is nothing for root.
 */
#ifndef PGSIGNET_MFA_TRANSFER_FILE_H
#define PGSIGNET_MFA_TRANSFER_FILE_H

#include <stddef.h>

#include "common/secret.h"

struct transfer_source {
    char *name; /* owned: as the operator gave it, or FOLDER/NAME */
    char *base; /* of a file in a folder: its name there, not owned; else NULL */
    struct secret text;
};

struct transfer_sources {
    struct transfer_source *at; /* in the order of their names */
    size_t n;
};

/*
 * Reads a file or pipe ("-" is standard input), or each regular file of a folder whose name does not
 * begin with a dot; max bytes in all.  False after a message.
 */
bool transfer_sources_read(const char *path, size_t max, struct transfer_sources *out);
void transfer_sources_free(struct transfer_sources *sources);

/*
 * A key of 16, 24 or 32 bytes, raw or as hexadecimal digits (which win); a password: the first line.  The
 * file must be fit for secrets (secret_read_file).  False after a message.
 */
bool transfer_key_read(const char *path, struct secret *key);
bool transfer_password_read(const char *path, struct secret *password);

#endif
