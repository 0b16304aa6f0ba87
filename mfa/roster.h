/*
 * roster.h - the users of a roll-out: from a file, or from a group of the directory.
 */
#ifndef PGSIGNET_MFA_ROSTER_H
#define PGSIGNET_MFA_ROSTER_H

#include "common/bytes.h"
#include "common/settings.h"

#include <stdio.h>

#define ROSTER_FILE_MAX (64 * 1024 * 1024) /* bytes */
#define ROSTER_FAULTS   20                 /* lines about faults; then how many more there are */

struct roster_user {
    char *name; /* owned; len bytes, NUL behind */
    size_t len;
    size_t line; /* of the file; 0 = from the directory */
};

/* Users in the order of their names' bytes, each once.  A zeroed one is empty. */
struct roster {
    struct roster_user *at; /* owned array */
    size_t n, room;
};

/*
 * Reads one user a line.  Blanks around a name, empty lines and lines that begin with '#' are
 * skipped.  A name that is too long for a role, is not printable UTF-8, or was there before is a
 * fault: it is written to faults as "LABEL:LINE: what is wrong", and the answer is false with the
 * roster empty.  So it is for a text without users, and when memory is short.
 */
bool roster_parse(struct bytes text, const char *label, FILE *faults, struct roster *out);

/* The same from an open file (read to its end; LABEL is for messages on standard error). */
bool roster_read(int fd, const char *label, struct roster *out);

/*
 * The members of a group of the directory (directory_members.h); waits for it up to ten minutes.
 * False after a message.  Names that are no role names are left out with a message each.
 */
bool roster_from_group(const struct settings *settings, const char *group, struct roster *out);

void roster_free(struct roster *roster);

#endif
