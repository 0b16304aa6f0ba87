/*
 * publish.h - after new CRLs are made: into the places that PostgreSQL reads, and a reload where it takes one.
 *
 * Where to is --crl-file, --crl-dir and --owner over ca.crl_file, ca.crl_dir and ca.owner; whom to tell is --postgres
 * over ca.postgres, and --pid-file.  That a reload is due is kept in the ledger (CRL_RELOAD) until all servers have
 * done it, so that one who was killed in between, or a server that was down, does not stay with an old CRL.
 */
#ifndef PGSIGNET_PKI_PUBLISH_H
#define PGSIGNET_PKI_PUBLISH_H

#include "common/clock.h"
#include "pki/crl.h"
#include "pki/publish_places.h"

#include <jansson.h>

struct publish_reload {
    char *server; /* owned: as publish_label has it, or the pid file */
    char *why;    /* owned; NULL = it has reloaded */
};
struct publish {
    struct crl_target target; /* its paths are the two below */
    char *file, *dir;         /* owned; without slashes at the end */
    GArray *places;  /* owned: struct publish_place, unless an option says where to; NULL = none */
    bool has_target; /* something says where CRLs go */
    struct crl_published changes;
    bool reload_needed; /* a file was changed, now or before */
    GArray *reloads;    /* owned: struct publish_reload, that clears them */
};

/* What options and settings say; false after a message (no such user).  publish_clear is due either way. */
bool publish_init(struct session *session, struct publish *publish);
void publish_clear(struct publish *publish);

/*
 * Publishes and reloads.  False after messages when the CRLs could not be put into place, or a server did not reload.
 * Without a target nothing is done, and true.
 */
bool publish_run(struct session *session, struct publish *publish);
/* What there is to say, on standard output. */
void publish_say(const struct session *session, const struct publish *publish);
/* {"file":..., "dir":..., "changed":true, "reloads":[{"server":..., "done":true}]}; null without a target. */
json_t *publish_json(const struct publish *publish);

/* The servers: --postgres, else ca.postgres.  Not owned. */
size_t publish_servers(const struct session *session, const char *const **conninfos);
/* host:port of a connection string, never a password: for people.  g_free. */
char *publish_label(const char *conninfo);

/* "2026-11-29T10:08:47Z" */
void publish_time(int64_t unix_s, char out[CLOCK_TEXT_MAX]);

#endif
