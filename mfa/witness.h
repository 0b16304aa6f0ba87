/*
 * witness.h - what a SQLite store cannot say of itself: that it is older than it was.
 *
 * A store restored from a backup has forgotten which codes were accepted since.  So two small files of one
 * form, which no backup of the store holds, know of it:
 *
 * - WITNESS_FILE beside the daemon's socket (a tmpfs).  Every process that burns notes there which step
 *   each token stands at.  After a restart of the machine the boot floor takes its place.  Its name holds
 *   a hash of the store's path: a copy that somebody opens elsewhere, to try a backup, is not about this one.
 * - The store's path and WITNESS_LASTING, on its disk.  It knows one number: how many changes the store
 *   has seen (an entry of WITNESS_CHANGES) that do not grow old: uses of HOTP counters and recovery codes,
 *   and all that operators do.  These are on the disk before they are noted.  TOTP steps do not count: a
 *   power cut that loses one, which the boot floor allows for, would look like a restored store.
 *
 * Whoever opens the store compares: an entry that is higher than what the store has means that the store
 * was restored; so does a store whose file is not the one a witness is about; so does a missing lasting
 * one; and a missing other one, unless the machine has been restarted since the last burn the store knows
 * of.  Then store_state.floor_s rises to now, before anything is accepted (store_sqlite_witness.c).
 *
 * An entry is one write of its own: it is there whole or, after a crash, known by its check and passed
 * over.  The file is allocated when it is made, and never mapped: one that somebody cuts short, or a disk
 * that fails, costs no program its life.
 */
#ifndef PGSIGNET_MFA_WITNESS_H
#define PGSIGNET_MFA_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WITNESS_FILE    "store-%02x%02x%02x%02x.witness" /* in the folder of daemon.socket */
#define WITNESS_LASTING "-witness"      /* behind the store's path */
#define WITNESS_SLOTS   127 /* tokens share one where their ids leave the same remainder */
#define WITNESS_CHANGES 0   /* no token's id */

struct witness; /* an open file; one a process */

/*
 * Opens the witness at path, making it (0600) if there is none.  A link, a file of another owner, mode
 * or size is refused.  NULL, with a sentence in why, on trouble; with an empty one when there is no
 * folder for it, or none that the caller may write to: then nothing can be witnessed.
 */
struct witness *witness_open(const char *path, char *why, size_t size);
void witness_close(struct witness *witness); /* NULL is allowed */

struct witness_entry {
    int64_t token; /* or recovery code, or WITNESS_CHANGES */
    int64_t step;  /* of a recovery code when it was used, 0 = given back; or how many changes */
    int64_t at_s;  /* when it was burnt, Unix time; 0 = it was given back */
};

/* Each of these is false when the file could not be written; errno says why. */

/* From now on it is about that file (a mark of the store's), and knows `first` (may be NULL) alone. */
bool witness_begin(struct witness *witness, uint64_t file, const struct witness_entry *first);
/* In place of what it knew of that token; counts of changes fill all slots in turn.  Waits for nothing. */
bool witness_note(struct witness *witness, const struct witness_entry *entry);
/* Returns when all of it is on the disk. */
bool witness_sync(struct witness *witness);

/*
 * Until it is closed, or the process ends, no other may claim it; it waits for nobody.  Who notes or reads
 * does not care.  EWOULDBLOCK: another has claimed it.
 */
bool witness_claim(struct witness *witness);

/*
 * Copies out what is whole; returns how many.  *file is the mark of the one that it is about; 0 when it
 * knows none yet (it was just made, or whoever made it died), or cannot be read.
 */
size_t witness_read(const struct witness *witness, uint64_t *file,
                    struct witness_entry out[WITNESS_SLOTS]);

#endif
