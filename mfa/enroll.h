/*
 * enroll.h - what the ways to enroll share: what the token will be, and where its secret goes.
 */
#ifndef PGSIGNET_MFA_ENROLL_H
#define PGSIGNET_MFA_ENROLL_H

#include "mfa/cli.h"

#define ENROLL_DAYS 14 /* for which pages are good without --expires */

/* Options and settings together. */
struct enrolment {
    const char *name;             /* of the token; not owned */
    const char *issuer;           /* not owned */
    struct token_request request; /* with everything but the user */
};

void enroll_read(const struct cli *cli, const struct arguments *arguments, int64_t now_s,
                 struct enrolment *out);

/*
 * The end of a term: a duration (14d) from now or the last day of it (2026-12-31, UTC), in the
 * future and at most ten years away.  False when the text is neither.
 */
bool enroll_until(const char *text, int64_t now_s, int64_t *until_s);

/* Where --qr wants the code. */
enum enroll_qr { QR_IN_TERMINAL, QR_IN_SVG, QR_IN_PNG };

/* "terminal", "svg:FILE", "png:FILE"; *path is then FILE, a part of text, else NULL. */
bool enroll_qr_read(const char *text, enum enroll_qr *form, const char **path);

/*
 * Makes the file, mode 0600, as whoever runs the program (before it becomes the store's owner).
 * One that is there is taken only if it is such a one and empty, as an enrolment that failed leaves
 * it.  Returns the descriptor, or -1 after a message.
 */
int enroll_qr_open(const char *path);

/* Writes the token's code into it, and brings it to disk.  False after a message. */
bool enroll_qr_write(int fd, enum enroll_qr form, const char *path, const struct token_info *info,
                     const char *issuer, struct bytes secret);

/* enroll --from-file and --ldap-group: returns the exit code.  Called before root's rights are dropped. */
int enroll_many(struct cli *cli, const struct arguments *arguments);

#endif
