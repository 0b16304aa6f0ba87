/*
 * cli_issue.h - options that issue, renew and rekey share.
 */
#ifndef PGSIGNET_PKI_CLI_ISSUE_H
#define PGSIGNET_PKI_CLI_ISSUE_H

#include "pki/issue.h"

/* --out, --host, and passphrases of PKCS#12 files, judged; false after a message. */
bool cli_check_out(const struct arguments *arguments, bool several);
bool cli_check_strings(const struct arguments *arguments);
bool cli_check_forms(const struct arguments *arguments);

/* The options of issue_many; passphrase is owned by the caller.  False after a message. */
bool cli_issue_options(struct session *session, struct issue_options *options,
                       struct secret *passphrase);
/* Where --out puts the files of this name, in it if it is a folder: absolute, g_free; NULL for NULL. */
char *cli_out_path(const char *out, const char *name);

#endif
