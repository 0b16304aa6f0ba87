/*
 * place_path.h - from a path to the folder that holds it and the last name in it, without being led elsewhere.
 */
#ifndef PGSIGNET_PKI_PLACE_PATH_H
#define PGSIGNET_PKI_PLACE_PATH_H

#include "common/bytes.h"

#include <glib.h>
#include <sys/stat.h>

/*
 * The folder that holds path, opened, and *name, which points into path.  Below folder_fd no symbolic link is
 * followed, and folders that are missing are made (0700) if make; an absolute path's folder has to be there (place_open_folder).
 * -1 after why.
 */
int place_open_parent(int folder_fd, const char *path, bool make, const char **name, char *why,
                      size_t size);

/*
 * The folder at the end of an absolute path, opened part by part: what this descriptor is used for stays there, whatever
 * becomes of the names.  PostgreSQL's folders belong to its user, and root writes into them: so a symbolic link is
 * followed only where it belongs to root or the caller and lies in a folder that nobody else may write.  -1 after why.
 */
int place_open_folder(const char *path, char *why, size_t size);

/* ".NAME.TAG.part"; g_free. */
char *place_part_name(const char *name, const char *tag);

/* NULL when there is a regular file, or nothing (errno is then ENOENT); else what is wrong with it. */
const char *place_fault(int dir_fd, const char *name, struct stat *st);

/* The content of an open file of at most max bytes; NULL, else what is wrong with it.  Closes fd. */
const char *place_read_fd(int fd, size_t max, GByteArray *out);

#endif
