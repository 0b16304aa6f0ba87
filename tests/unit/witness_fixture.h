/*
 * witness_fixture.h - a SQLite store with its witnesses, and a backup of it; on top of attempt_fixture.h.
 */
#ifndef PGSIGNET_WITNESS_FIXTURE_H
#define PGSIGNET_WITNESS_FIXTURE_H

#include "tests/unit/attempt_fixture.h"

/* Alice has a phone and recovery codes, bob a counter; the backup was made before any of it was used. */
struct scene {
    struct fixture f;
    char socket[128], lasting[128], backup[128];
    char *witness;   /* owned */
    char other[128]; /* a free name; removed by teardown */
    struct secret phone;
    char codes[3][RECOVERY_TEXT];
};

/* For cmocka_unit_test_setup_teardown: *state is a struct scene whose store is open. */
int witness_setup(void **state);
int witness_teardown(void **state);

/* "pw" and the code of bob's counter; valid until the next call. */
const char *counter_code(int64_t counter);

/* Alice's phone at NOON and her first recovery code, bob's counter 0. */
void use_everything(struct scene *s);

void copy_file(const char *from, const char *to, int flags); /* of open */
void forget_log(struct scene *s);                            /* closes the store */
/* Writes a backup into the store's file, which stays the same one. */
void put_back(struct scene *s, const char *backup);

/* Where the store is as it is now, closed and in one file; then it is open again. */
void keep(struct scene *s, const char *path);

/* After use_everything, a restore and an opening: it was said, nothing counts again, and all goes on. */
void nothing_is_revived(struct scene *s);
/* After use_everything and an opening: nothing was said, and all goes on. */
void all_is_as_it_was(struct scene *s);

#endif
