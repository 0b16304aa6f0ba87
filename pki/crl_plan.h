/*
 * crl_plan.h - what has to change where PostgreSQL reads CRLs: planned first, so that a refusal changes nothing.
 */
#ifndef PGSIGNET_PKI_CRL_PLAN_H
#define PGSIGNET_PKI_CRL_PLAN_H

#include "pki/crl.h"
#include "pki/place.h"

#define CRL_FILE_MAX ((size_t)64 * 1024 * 1024) /* bytes of a file that is read */

/* A CRL of the folder. */
struct crl_own {
    const struct authority *authority; /* not owned */
    GByteArray *der;                   /* owned */
    bool judged;                       /* against what is in ssl_crl_file */
};

/* A file that is to be written; its content and path are the plan's. */
struct crl_write {
    char *path;
    GByteArray *content;
};
/* After that: takes `path` away, or puts `from` in its place, when that is not NULL. */
struct crl_tidy {
    char *path, *from;
};

/* An entry of a CRL of ours that is in place, and that the one to be published does not have. */
struct crl_vanished {
    int64_t authority;
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t serial_len;
    int64_t revoked_s;
    int reason;
};

struct crl_plan {
    GArray *own;      /* struct crl_own */
    GArray *writes;   /* struct crl_write */
    GArray *tidies;   /* struct crl_tidy, in order */
    GArray *vanished; /* struct crl_vanished */
    bool worthless;   /* see crl_published */
    const GArray *
        to_come; /* not owned; ids of CAs that get a new CRL before: see crl_publish_look; NULL = none */
    int64_t now_s;
};
void crl_plan_init(struct crl_plan *plan, int64_t now_s);
void crl_plan_clear(struct crl_plan *plan);

/* All add to the plan; false after a message. */
bool crl_plan_own(struct session *session, struct crl_plan *plan);
bool crl_plan_file(struct session *session, const struct crl_target *target, struct crl_plan *plan);
bool crl_plan_dir(struct session *session, const struct crl_target *target, struct crl_plan *plan);

/* The CA of ours, dropped ones included, whose CRL this is; NULL = a foreign one. */
const struct authority *crl_plan_author(const struct session *session, struct bytes der);
/* May ours take the place of what is there?  False after a message that names the place.  What would vanish is noted. */
bool crl_plan_judge(struct crl_plan *plan, const struct crl_own *own, struct bytes there,
                    const char *place);
/* Has the file this content, and mode and owner as they should be? */
bool crl_plan_is_as_wanted(const char *path, const struct crl_target *target, struct bytes there,
                           const GByteArray *wanted);
void crl_plan_write(struct crl_plan *plan, const char *path, GByteArray *content);

#endif
