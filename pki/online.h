/*
 * online.h - everything that talks to a network, in a process of its own: pgsignet-ca-online.
 *
 * The process with the CA's keys opens no connection and parses nothing from a network: it starts
 * pgsignet-ca-online (found beside its own executable, else in PKGLIBEXECDIR), writes one JSON request to its
 * standard input, and reads one JSON answer of at most ONLINE_ANSWER_MAX bytes until a deadline, after which the
 * child is killed.  It also spares `issue` the loading of libpq, libldap and libssl: 4 ms a process.
 *
 *     {"ask":"roles","timeout":30,"conninfo":"host=..."} -> {"ok":true,"roles":["app",{"base64":"6Q=="}]}
 *                                                        or {"ok":false,"error":"a sentence"}
 *
 * Names are bytes: those that are not UTF-8 travel as {"base64":...} (online_text.h).  The child has the
 * environment (libpq's PG* and HOME are the operator's to set) and standard error, no other descriptors, no core,
 * and dies with its parent.  The role that asks PostgreSQL needs pg_monitor, for a reload EXECUTE ON FUNCTION
 * pg_reload_conf(), to end sessions pg_signal_backend; no superuser.  All functions return false after why: a sentence with what was asked, of whom, what
 * came back, what to do.
 */
#ifndef PGSIGNET_PKI_ONLINE_H
#define PGSIGNET_PKI_ONLINE_H

#include "common/bytes.h"

#include <glib.h>
#include <jansson.h>

#define ONLINE_ANSWER_MAX  (64 * 1024 * 1024) /* bytes */
#define ONLINE_REQUEST_MAX (1024 * 1024)      /* bytes */
#define ONLINE_TIMEOUT_S   30                 /* for one request, unless said otherwise */
#define ONLINE_UP_S        5                  /* for whether a server is there */
#define ONLINE_PROBE_S     15                 /* for one handshake */
#define ONLINE_GROUP_S     300                /* for a group of a large directory */
#define ONLINE_WHY         1024               /* bytes that are enough for a sentence */

/*
 * Asks; the answer is a new reference, "ok" is true.  NULL after why: it could not be started, did not end in
 * time, or answered with an error.  The request gets its "timeout", is wiped, and released.
 */
json_t *online_ask(json_t *request, int timeout_s, char *why, size_t size);
/* The same with another program, and its own bound (bytes) for the answer. */
json_t *online_run(const char *program, json_t *request, int timeout_s, size_t answer_max,
                   char *why, size_t size);

/* Names of all roles of the server, those that may not log in included, in the order of bytes. */
bool online_roles(const char *conninfo, char ***names, size_t *n, char *why,
                  size_t size); /* g_strfreev */
/* Settings as the server has them ("" = not set), absolute paths. */
struct online_server {
    char *cert_file, *key_file, *ca_file, *crl_file, *crl_dir, *data_directory; /* owned */
    int64_t version;                                                            /* 150020 */
    bool ssl;
    char *hosts; /* owned: the address for a probe, "127.0.0.1"; "" = no TCP */
    int port;
    bool local; /* it is on this machine: reached by a Unix socket, or by an address of ours */
};
/* Of one that did not answer a question: is there a server, which lets nobody of that name in, or tells him nothing? */
bool online_is_up(const char *conninfo);
bool online_server(const char *conninfo, struct online_server *out, char *why, size_t size);
void online_server_clear(struct online_server *server);
/*
 * pg_reload_conf(), and waits until the postmaster is through with it: connections made from then on meet the
 * new certificate, CA and CRL - or the old ones, if the server refused the files.  Only a handshake tells.
 */
bool online_reload(const char *conninfo, char *why, size_t size);
/*
 * SIGHUP to the server whose process id is on the file's first line: postmaster.pid, or one that PgBouncer writes.
 * A process that is neither is left alone.  Nothing tells when it is through; no network, no child.
 */
bool online_signal(const char *pid_file, char *why, size_t size);

struct online_session {
    int64_t pid;
    char *user, *database, *application, *address; /* owned; "" = none */
};
/*
 * Live sessions whose client certificate has this serial (decimal, of pg_stat_ssl) and issuer (DER of the Name;
 * compared as far as pg_stat_ssl shows it); terminate ends them, and those that came meanwhile, and waits until
 * they are gone.  GArray of struct online_session that clears them.
 */
bool online_sessions(const char *conninfo, const char *serial_decimal, struct bytes issuer,
                     bool terminate, GArray **out, char *why, size_t size);

/* One TLS handshake with a PostgreSQL (or PgBouncer) port. */
enum online_verdict {
    PROBE_ACCEPTED, /* the handshake ended, the server went on to ask who logs in */
    PROBE_REVOKED,  /* alert certificate_revoked */
    PROBE_REFUSED,  /* another alert: see alert */
    PROBE_NO_TLS,   /* the server answered N */
    PROBE_VERDICTS
};
struct online_probe {
    enum online_verdict verdict;
    char *alert;        /* owned; "unknown CA"; NULL */
    GByteArray *server; /* owned; the certificate that is served, DER; NULL with PROBE_NO_TLS */
    bool asked;         /* the server asked for a client certificate */
};
/*
 * certificate and key are PEM (certificate with its chain) or NULL.  The key goes through the pipe, not by a file.
 * server_name: for SNI, NULL = host.  Nobody logs in: the startup message names no user, which the server refuses
 * before any authentication (its log says "no PostgreSQL user name specified in startup packet").
 */
bool online_probe(const char *host, int port, const char *server_name, const char *certificate,
                  const char *key, struct online_probe *out, char *why, size_t size);
void online_probe_clear(struct online_probe *probe);
/* "HOST:PORT", "[::1]:PORT" or "HOST" (5432) as --probe and ca.pgbouncer have it; *host is g_free'd.  NULL, else
 * a static phrase. */
const char *online_address(const char *text, char **host, int *port);

/*
 * Names of the members of a directory's group (a DN), by the settings' ldap section (common/directory_members.h).
 * Members that are no people are said on standard error, and left out.
 */
bool online_group(const char *config, const char *group, char ***names, size_t *n, char *why,
                  size_t size);

#endif
