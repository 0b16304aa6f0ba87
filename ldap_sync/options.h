/*
 * options.h - the options of pgsignet-ldap-sync.
 */
#ifndef PGSIGNET_SYNC_OPTIONS_H
#define PGSIGNET_SYNC_OPTIONS_H

#include "common/arguments.h"

/* Each has its row in options.c. */
enum option_id {
    OPT_CONFIG,
    OPT_JSON,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
    OPT_FORCE, /* number: bits 1 << enum sync_guard */
    OPT_METRICS,
    OPT_DRY_RUN,
    OPT_WATCH,
    OPT_FORMAT, /* number: enum sync_form */
    OPT_PRINT_GRANTS,
    OPT_RUNNER,
    OPT_SERVER_VERSION,
    OPTIONS
};
#define OPT_GLOBALS                                                                                \
    (OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_QUIET) | OPT_BIT(OPT_VERBOSE) |         \
     OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))

enum option_own_kind {
    OPT_GUARD = OPT_OWN, /* a guard's name */
    OPT_FORM,            /* text, sql, json */
    OPT_ROLE,            /* a role's name */
};

enum sync_form { FORM_TEXT, FORM_SQL, FORM_JSON };

extern const struct option_table sync_options;

#endif
