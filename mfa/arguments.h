/*
 * arguments.h - the options of pgsignet-mfa, read and checked before anything is opened.
 */
#ifndef PGSIGNET_MFA_ARGUMENTS_H
#define PGSIGNET_MFA_ARGUMENTS_H

#include "common/arguments.h"

/* Each has its row in options.c. */
enum option_id {
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_VERSION,
    OPT_NAME,
    OPT_ISSUER,
    OPT_DIGITS,
    OPT_PERIOD,
    OPT_ALGORITHM,
    OPT_NO_CONFIRM,
    OPT_YES,
    OPT_HOTP,
    OPT_QR,
    OPT_NO_CONFIRM_UNTIL,
    OPT_FROM_FILE,
    OPT_LDAP_GROUP,
    OPT_PAGES,
    OPT_PAGE,
    OPT_EXPIRES,
    OPT_UNENROLLED,
    OPT_PENDING,
    OPT_UNPROVED, /* --pending of import */
    OPT_STALE,
    OPT_LOCKED,
    OPT_DISABLED,
    OPT_CODE_STDIN,
    OPT_CODES,
    OPT_REMOVE,
    OPT_REASON,
    OPT_FAILURES,
    OPT_TO,
    OPT_TO_STORE, /* --to of migrate */
    OPT_TO_USER,
    OPT_ADDRESS,
    OPT_SERVICE,
    OPT_POLICY,
    OPT_FORMAT,
    OPT_FOR_USER,
    OPT_ALL,
    OPT_MAP,
    OPT_KEY_FILE,
    OPT_PASSWORD_FILE,
    OPT_DRY_RUN,
    OPT_REPLACE,
    OPT_OUTPUT,
    OPT_UNTIL,
    OPT_FOR,
    OPT_KEK,
    OPT_DEK,
    OPT_TO_CONFIG, /* --to of rekey */
    OPT_RETIRE,
    OPT_PRINT_SQL,
    OPTIONS
};
#define OPT_GLOBALS                                                                                \
    (OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))
#define OPT_MAX_SIZE 64 /* bytes of an issuer or of a token's name */

/* Kinds besides those of common/arguments.h. */
enum option_own_kind {
    OPT_LABEL = OPT_OWN, /* an issuer: OPT_MAX_SIZE bytes, no ':' */
    OPT_TOKEN,           /* a token's name: OPT_MAX_SIZE bytes */
    OPT_USER,            /* a user's name */
    OPT_HASH,            /* SHA1, SHA256, SHA512; its number is an enum settings_algorithm */
};

extern const struct option_row option_rows[OPTIONS];
extern const struct option_table mfa_options;

#endif
