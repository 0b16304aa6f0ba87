/*
 * unenrolled.h - the roles of PostgreSQL that may log in and could not prove a code.
 */
#ifndef PGSIGNET_MFA_UNENROLLED_H
#define PGSIGNET_MFA_UNENROLLED_H

#include "mfa/cli.h"

struct unenrolled {
    uint8_t name[MFA_USER_MAX];
    size_t name_len;
    bool superuser;
    bool pending, disabled; /* has tokens of that state */
    int64_t exempt_until_s; /* the latest day of an exemption that still holds; 0 = none */
};

/*
 * Reads pg_roles by postgres.conninfo, and leaves out who has an active token.  In order of name; *rows
 * is the caller's to free.  False after a message.
 */
bool unenrolled_list(struct cli *cli, int64_t now_s, struct unenrolled **rows, size_t *n);

#endif
