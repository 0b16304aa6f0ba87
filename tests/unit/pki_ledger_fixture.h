/*
 * pki_ledger_fixture.h - a ledger in a folder of its own, with one CA, a clock that stands, and certificates that fit
 * their rows.
 */
#ifndef PGSIGNET_TESTS_PKI_LEDGER_FIXTURE_H
#define PGSIGNET_TESTS_PKI_LEDGER_FIXTURE_H

#include "pki/ledger.h"

#define LEDGER_NOW INT64_C(1800000000) /* where the clock begins: 2027-01-15 */
#define LEDGER_DAY INT64_C(86400)

extern int64_t ledger_clock_s; /* what the ledger is told */

struct ledger_fixture {
    char folder[64];
    int folder_fd;
    struct ledger *ledger;
    int64_t ca; /* id of a CA for everything */
    char why[LEDGER_WHY];
    unsigned drawn; /* serials so far */
};

/* cmocka's setup and teardown. */
int ledger_fixture_begin(void **state);
int ledger_fixture_end(void **state);

struct ledger_opening ledger_fixture_opening(bool read_only);
void ledger_fixture_reopen(struct ledger_fixture *f);

/* One more CA; its id. */
int64_t ledger_fixture_ca(struct ledger_fixture *f, enum ledger_purpose purpose, int64_t generation,
                          const char *file);

/* A row to be reserved, for a year; key 0..7 is one of eight pairs, -1 a key id that nobody has.  ledger_row_clear. */
struct ledger_row ledger_fixture_row(struct ledger_fixture *f, enum ledger_kind kind,
                                     const char *name, const char *sans, int key);
/* Gives a row that is reserved its certificate, signed by its own key (the ledger does not verify signatures). */
void ledger_fixture_sign(struct ledger_row *row, int key);
/* All of it: reserved with these flags, signed, completed; its id. */
int64_t ledger_fixture_issue(struct ledger_fixture *f, enum ledger_kind kind, const char *name,
                             const char *sans, int key, unsigned flags, int64_t replaces);

/* The last sentence of the ledger has these words. */
void ledger_says(struct ledger_fixture *f, const char *words);
/* What the filter finds, in the ledger's order: a name and a space each. */
void ledger_finds(struct ledger_fixture *f, struct ledger_filter filter, const char *names);
/* Reserving such a row, alone, ends like this, with these words in the ledger's last sentence (NULL = any). */
void ledger_reserving(struct ledger_fixture *f, struct ledger_row *row, unsigned flags,
                      enum ledger_result wanted, const char *words);
/* The same for a row made on the spot (key as in ledger_fixture_row), and for one that replaces another at its path. */
void ledger_asked(struct ledger_fixture *f, enum ledger_kind kind, const char *name,
                  const char *sans, int key, unsigned flags, enum ledger_result wanted,
                  const char *words);
void ledger_asked_in_place_of(struct ledger_fixture *f, int64_t replaces, const char *name,
                              const char *path, int key, unsigned flags, enum ledger_result wanted,
                              const char *words);
/* ledger_verify finds nothing (NULL), or says these words. */
void ledger_verifies(struct ledger_fixture *f, const char *words);
/* Runs SQL on the file behind the ledger's back. */
void ledger_tamper(struct ledger_fixture *f, const char *sql);

#endif
