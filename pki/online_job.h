/*
 * online_job.h - inside of pgsignet-ca-online: one request, and who answers it.
 */
#ifndef PGSIGNET_PKI_ONLINE_JOB_H
#define PGSIGNET_PKI_ONLINE_JOB_H

#include "pki/online.h"

struct online_job {
    const json_t *request;
    int64_t timeout_s;   /* for everything */
    int64_t deadline_ms; /* CLOCK_MONOTONIC; a little before the parent's */
    char why[ONLINE_WHY];
};

/* What PostgreSQL, or libpq, said; with a hint where it wants one. */
void online_fail_as_said(struct online_job *job, const char *said);

/* Each returns the answer's fields (a new object), or NULL after job->why. */
json_t *online_answer_roles(struct online_job *job);
json_t *online_answer_server(struct online_job *job);
json_t *online_answer_up(struct online_job *job);
json_t *online_answer_reload(struct online_job *job);
json_t *online_answer_sessions(struct online_job *job);
json_t *online_answer_probe(struct online_job *job);
json_t *online_answer_group(struct online_job *job);

/* A text of the request (g_free); NULL when it is not there. */
char *online_job_text(const struct online_job *job, const char *key);
/* Sets why, and returns NULL. */
json_t *online_job_fail(struct online_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Waits for a moment between two looks at a server; false when the deadline has come. */
bool online_job_pause(const struct online_job *job, int ms);

/*
 * The subject of a Name (DER) as pg_stat_ssl shows it: "/O=pgsignet/CN=ca", UTF-8, uncut.  NULL when it is none.
 * g_free.
 */
char *online_dn(struct bytes name);
/* Whether pg_stat_ssl's text, cut at 63 bytes and in the server's encoding, can be that name. */
bool online_dn_matches(const char *dn, struct bytes shown);

#endif
