/*
 * session.h - what one start of the program keeps: the settings, the options, the directory, the servers,
 * the audit trail.  Connections are made when they are needed, and kept between the runs of --watch.
 */
#ifndef PGSIGNET_SYNC_SESSION_H
#define PGSIGNET_SYNC_SESSION_H

#include "common/audit.h"
#include "common/directory.h"
#include "ldap_sync/options.h"
#include "ldap_sync/server.h"

struct cluster {
    char *label; /* owned: "prod" of service=prod, "db1:5433/app"; each differs from the others */
    struct server *server; /* owned */
    char *findings;        /* owned: what guards said last; NULL = nothing */
};

struct session {
    struct settings *settings;
    struct directory *directory; /* NULL without an ldap section */
    struct cluster *clusters;    /* owned array, as in sync.postgres */
    size_t n_clusters;
    unsigned forced; /* bits 1 << enum sync_guard */
    bool json, quiet, verbose;
    const char *metrics;         /* not owned; NULL = none */
    struct settings_audit trail; /* audit of the settings, with the sync's own file */
    struct audit *audit;         /* NULL before session_open_audit */
    bool again;                  /* --watch: a run before this one has told everything */
    bool audit_failed;           /* it did not take an event, and that was said */
};

/* Loads the settings and prepares the rest.  False after a message; session_close is due either way. */
bool session_open(struct session *session, const struct arguments *arguments);
void session_close(struct session *session);

/* Opens the audit trail before a run; anew, as its file may have been rotated.  False after a message. */
bool session_open_audit(struct session *session);

/* A connection string as a short name for people and metrics; the caller frees it (g_free). */
char *session_label(const char *conninfo);

#endif
