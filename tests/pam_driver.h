/*
 * pam_driver.h - drives a PAM service in this process, for tests and benchmarks.
 *
 * A service file in a folder of the caller's (pam_start_confdir), one login from pam_start to
 * pam_end, and a conversation that follows a script and counts what it was asked.
 */
#ifndef PGSIGNET_TESTS_PAM_DRIVER_H
#define PGSIGNET_TESTS_PAM_DRIVER_H

#include <stdbool.h>

#include <security/pam_appl.h>

/* What the conversation does with every ECHO_OFF prompt. */
struct pam_script {
    const char *answer; /* not owned; NULL = PAM_SUCCESS with a NULL text, as PgBouncer does */
    bool no_response;   /* PAM_SUCCESS without even an array of responses */
    int code;           /* returned in place of PAM_SUCCESS when not 0 */
    unsigned asked;     /* out: ECHO_OFF prompts seen */
    unsigned others;    /* out: messages of any other style */
};

enum pam_steps { PAM_BOTH_STEPS, PAM_AUTHENTICATE_ONLY, PAM_ACCOUNT_ONLY };

struct pam_login {
    const char *confdir; /* holds the service files */
    const char *service;
    const char *user;  /* NULL = not set */
    const char *rhost; /* NULL = not set */
    int flags;         /* PAM_SILENT or 0 */
    enum pam_steps steps;
    struct pam_script script;
    void (*before_account)(pam_handle_t *pamh); /* called between the steps; NULL = nothing */
    int authenticate;                           /* out: PAM code; PAM_DRIVER_NOT_CALLED */
    int account; /* out: as above; called after a successful authenticate, as PostgreSQL does */
};

#define PAM_DRIVER_NOT_CALLED (-1)

/* One login.  False when PAM could not even be started. */
bool pam_driver_login(struct pam_login *login);

/* Writes CONFDIR/SERVICE with the text made from format.  False with errno set on failure. */
bool pam_driver_service(const char *confdir, const char *service, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
