/*
 * check.h - inside of `check`: each part looks at one side of the CA and adds what it finds.
 *
 * Nothing is changed.  What cannot be looked at is a finding as well, or is said in a message.
 */
#ifndef PGSIGNET_PKI_CHECK_H
#define PGSIGNET_PKI_CHECK_H

#include "pki/findings.h"
#include "pki/session.h"

struct check {
    struct session *session; /* not owned */
    struct findings findings;
    int64_t now_s, window_s;
    GByteArray *chain; /* owned: what came behind the last certificate, and is well */
};

/* The ledger against itself, and what a killed program left. */
void check_ledger(struct check *check);
/* What ends soon, has ended, or outlives its CA. */
void check_dates(struct check *check);
/* Files in the folder against the ledger; modes; keys against certificates. */
void check_files(struct check *check);
/* What was adopted, and has what adopt found; keys that several names share. */
void check_adopted(struct check *check);
/* The CRLs in the folder, and where PostgreSQL reads them. */
void check_crls(struct check *check);
/* Servers that can be asked: what they serve, what they read, and who of their roles has a certificate. */
void check_servers(struct check *check);
/* Certificates against the names of all roles.  all: every server has told its own. */
void check_roles(struct check *check, const GPtrArray *roles, bool all);

/* "clients/app.crt", or "app (serial 01AB)" where there is no file.  g_free. */
char *check_object(const struct ledger_row *row);

#endif
