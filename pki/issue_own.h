/*
 * issue_own.h - what the files of issue_*.c share; nobody else's.
 */
#ifndef PGSIGNET_PKI_ISSUE_OWN_H
#define PGSIGNET_PKI_ISSUE_OWN_H

#include "pki/issue.h"

/*
 * Of the parts of all certificates in the folder, so that issue_mend finds them.  Two processes never write one place
 * at once: the ledger reserves a path for one.
 */
#define ISSUE_TAG "issue"
#define ISSUE_WHY 1024 /* bytes of a sentence; a ledger's is in it */

/* One certificate on its way. */
struct issue_item {
    const struct issue_wish *wish;
    struct issue_made *made;
    struct authority *authority; /* that signs it */
    struct name_san *sans;       /* owned; all of them */
    size_t n_sans;
    EVP_PKEY *key;    /* public; not owned */
    bool in_folder;   /* its path is remembered, and its parts can be found again */
    bool replace;     /* the files that are there are of one that ended, or is replaced */
    bool first_place; /* it has the layout's one place for a first server */
    struct output_files files;
};

struct issue_batch {
    struct session *session;
    const struct issue_options *options;
    char **roles; /* not owned */
    size_t n_roles;
    bool first_taken; /* a server has the layout's place for the first one */
    bool rehearsal;   /* judge alone: no key is made, no serial is kept */
    int64_t now_s;
    struct issue_item *at; /* owned array */
    struct ledger_row *rows;
    size_t n;
};

/*
 * Judges one wish, and fills what of item and row can be known before the ledger is asked: names, place, key, serial,
 * window.  False with made->refused when it is refused; *failed when it was no refusal, after a message.
 */
bool issue_prepare(struct issue_batch *batch, struct issue_item *item, struct ledger_row *row,
                   bool *failed);
/* Another place for one that found the layout's first one taken by another process. */
void issue_second_place(struct issue_batch *batch, struct issue_item *item, struct ledger_row *row);
/* The messages of a refusal. */
void issue_say_refused(const struct issue_wish *wish, const char *sentence, bool goes_on);

/* Reserves, signs, places, completes all items of the batch.  False after a message. */
bool issue_run_batch(struct issue_batch *batch);

#endif
