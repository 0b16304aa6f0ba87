/*
 * wishes.h - who is to get a certificate: from the command line, a file with one a line, or a group of the directory.
 *
 * All faults of a list are said, each with its file and line, before anything is done.
 */
#ifndef PGSIGNET_PKI_WISHES_H
#define PGSIGNET_PKI_WISHES_H

#include "pki/issue.h"

#define WISHES_FILE_MOST (16 * 1024 * 1024) /* bytes of a list */
#define WISHES_FAULTS    20                 /* that are said one by one */

struct wishes {
    enum ledger_kind kind;
    int64_t lasts_s;  /* of each; 0 = ca.leaf */
    GArray *at;       /* owned; of struct issue_wish, which it clears */
    GHashTable *seen; /* owned; folded names, each with its source */
    size_t faults;
};
void wishes_init(struct wishes *wishes, enum ledger_kind kind, int64_t lasts_s);
void wishes_clear(struct wishes *wishes);

/* One more; sans as people write them.  False, and one fault more, after a message; source may be NULL. */
bool wishes_add(struct wishes *wishes, struct bytes name, const struct bytes *sans, size_t n_sans,
                const char *source);

/*
 * All of a text, one a line: NAME,SAN,SAN...  A name with a comma is in double quotes ("" is a quote in it); blanks
 * around a SAN do not matter; empty lines and lines that begin with "#" are passed over.  Faults are counted.
 */
void wishes_parse(struct wishes *wishes, struct bytes text, const char *file);
/* Reads the file ("-": standard input).  False after a message when it cannot be read. */
bool wishes_read(struct wishes *wishes, const char *file);

#endif
