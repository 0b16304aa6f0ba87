/*
 * place.h - files that get into their places whole, with the modes and owners they should have.
 *
 * place_prepare writes each file beside its place as ".NAME.TAG.part" and syncs it; place_commit renames them
 * all and syncs the folders.  Killed in between, the parts tell how far it came: once all were prepared,
 * place_commit can be called again with the same places and tag (place_resume).  umask has no effect.
 */
#ifndef PGSIGNET_PKI_PLACE_H
#define PGSIGNET_PKI_PLACE_H

#include "common/bytes.h"

#include <glib.h>
#include <sys/types.h>

#define PLACE_WHY 512

struct place_file {
    const char *path; /* relative to the folder, or absolute; no ".." */
    mode_t mode;      /* 0600, 0644, 0640 */
    bool set_owner;   /* to uid and gid, before the mode; needs root */
    uid_t uid;
    gid_t gid;
    struct bytes content;
    bool replace; /* else a file that is there is a fault */
};

/*
 * Writes the parts, making folders (0700) on the way if they are below the folder; true when all are synced.
 * False after why, and nothing is left.  A place that is a symbolic link, a FIFO, a folder or anything but a
 * regular file is refused, and so is a link on the way to it below the folder.  Many files are synced at once (syncfs).
 */
bool place_prepare(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                   char *why, size_t size);
/* Renames and syncs.  False after why: some may be in place; call it again, or place_resume. */
bool place_commit(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                  char *why, size_t size);
void place_rollback(int folder_fd, const struct place_file *files, size_t n, const char *tag);

/* What a process that was killed left of these places (content, mode and owner do not matter here). */
enum place_state {
    PLACE_NOTHING, /* no part is there */
    PLACE_SOME,    /* some parts are there: either prepare or commit did not end; the places tell */
    PLACE_PREPARED, /* every part is there */
};
enum place_state place_state(int folder_fd, const struct place_file *files, size_t n,
                             const char *tag);
/* Renames the parts that are there, leaves the other places alone, and syncs. */
bool place_resume(int folder_fd, const struct place_file *files, size_t n, const char *tag,
                  char *why, size_t size);
/* The content of a part, or (part false) of the place, of at most max bytes.  False when there is none. */
bool place_read(int folder_fd, const char *path, const char *tag, bool part, size_t max,
                GByteArray *out);

/* All three steps for one batch. */
bool place_write(int folder_fd, const struct place_file *files, size_t n, char *why, size_t size);

/* Reads a whole regular file of at most max bytes, links refused when follow is false.  False after why. */
bool place_load(int folder_fd, const char *path, bool follow, size_t max, GByteArray *out,
                char *why, size_t size);

#endif
