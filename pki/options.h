/*
 * options.h - the options of pgsignet-ca.
 */
#ifndef PGSIGNET_PKI_OPTIONS_H
#define PGSIGNET_PKI_OPTIONS_H

#include "common/arguments.h"

/* Each has its row in options.c. */
enum option_id {
    OPT_DIR,
    OPT_CONFIG,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
    OPT_DRY_RUN,
    OPT_YES,
    OPT_FORCE,
    OPT_LAYOUT,    /* number: enum layout */
    OPT_ALGORITHM, /* number: enum key_algorithm */
    OPT_INTERMEDIATE,
    OPT_CLIENT_CA,
    OPT_ORGANISATION,
    OPT_NAME,
    OPT_PKCS11,
    OPT_PASSPHRASE, /* init: encrypt the keys, ask for a passphrase */
    OPT_PASSPHRASE_FILE,
    OPT_PASSPHRASE_FD,
    OPT_OTHER_PASSPHRASE_FILE, /* of the archive, of the PKCS#12 file */
    OPT_OTHER_PASSPHRASE_FD,
    OPT_LASTS, /* seconds */
    OPT_SAN,   /* many: see options_list */
    OPT_FROM_FILE,
    OPT_LDAP_GROUP,
    OPT_OUTPUT, /* number: bits 1 << enum output_form */
    OPT_BUNDLE,
    OPT_OUT,
    OPT_HOST,
    OPT_DATABASE,
    OPT_SSLROOTCERT,
    OPT_SECOND,
    OPT_KEEP_GOING,
    OPT_REQUEST,
    OPT_TAKE_NAMES,
    OPT_ALL_DUE,
    OPT_WINDOW, /* seconds */
    OPT_JITTER, /* seconds */
    OPT_REVOKE_OLD,
    OPT_REASON,   /* number: enum ledger_reason */
    OPT_POSTGRES, /* many: see options_list */
    OPT_PID_FILE,
    OPT_CRL_FILE,
    OPT_CRL_DIR,
    OPT_OWNER,
    OPT_PROBE,
    OPT_TERMINATE,
    OPT_NO_PUBLISH,
    OPT_SERVER, /* revoke, release: which of those of one name; both flags = both */
    OPT_CLIENT,
    OPT_PUBLISH,
    OPT_DUE,
    OPT_KIND, /* number: enum ledger_kind */
    OPT_REVOKED,
    OPT_ALL,
    OPT_TO,
    OPT_GROUP_KEY, /* deploy: root:GROUP 0640 */
    OPT_PRINT,
    OPT_VERIFY,
    OPTIONS
};
#define OPT_GLOBALS                                                                                \
    (OPT_BIT(OPT_DIR) | OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_QUIET) |             \
     OPT_BIT(OPT_VERBOSE) | OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))

enum option_own_kind {
    OPT_LAYOUT_WORD = OPT_OWN,
    OPT_ALGORITHM_WORD,
    OPT_REASON_WORD,
    OPT_KIND_WORD,
    OPT_FORMS, /* pk8,p12,tar */
    OPT_LIST,  /* a text that may be given again; kept in a list */
};

extern const struct option_table ca_options;

/* All texts of an option of OPT_LIST, in order (not owned). */
size_t options_list(int id, const char *const **texts);

#endif
