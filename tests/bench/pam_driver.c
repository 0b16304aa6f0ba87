/*
 * pam_driver - authentications through one PAM service, as PostgreSQL does them: pam_start,
 * pam_authenticate, pam_acct_mgmt, pam_end.  tests/bench/pam starts it for each sample.
 */
#include "config.h"

#include "tests/bench/runner.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct driver {
    const char *confdir;
    const char *service;
    const char *fork; /* "yes": each authentication in a child */
    int64_t *child_ns; /* shared with the child of this process */
};

/* Answers every prompt with the secret, as PostgreSQL does with what the client sent. */
static int converse(int n, const struct pam_message **messages, struct pam_response **responses,
                    void *context)
{
    struct pam_response *all = calloc((size_t)n, sizeof *all);

    if (all == NULL) {
        return PAM_BUF_ERR;
    }
    for (int i = 0; i < n; i++) {
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
            all[i].resp = strdup(context);
        }
    }
    *responses = all;
    return PAM_SUCCESS;
}

static bool authenticate(const struct driver *driver, const char *user, const char *secret,
                         int64_t *ns)
{
    struct pam_conv conversation = {converse, (void *)(uintptr_t)secret};
    pam_handle_t *pam = NULL;
    int64_t began = runner_now_ns();
    int result = pam_start_confdir(driver->service, user, &conversation, driver->confdir, &pam);

    if (result == PAM_SUCCESS) {
        result = pam_set_item(pam, PAM_RHOST, "127.0.0.1");
    }
    if (result == PAM_SUCCESS) {
        result = pam_authenticate(pam, 0);
    }
    if (result == PAM_SUCCESS) {
        result = pam_acct_mgmt(pam, 0);
    }
    pam_end(pam, result);
    *ns = runner_now_ns() - began;
    return result == PAM_SUCCESS;
}

/* The time is that of the PAM calls in the child; fork and exit count for rate and CPU alone. */
static bool authenticate_in_child(const struct driver *driver, const char *user, const char *secret,
                                  int64_t *ns)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(authenticate(driver, user, secret, driver->child_ns) ? 0 : 1);
    }
    if (pid > 0) {
        waitpid(pid, &status, 0);
    }
    *ns = *driver->child_ns;
    return status == 0;
}

static bool start(void *context)
{
    struct driver *driver = context;
    void *page = mmap(NULL, sizeof *driver->child_ns, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    driver->child_ns = page;
    return page != MAP_FAILED;
}

static bool attempt(void *context, const char *user, const char *secret, int64_t *ns)
{
    const struct driver *driver = context;

    bool forks = driver->fork != NULL && strcmp(driver->fork, "yes") == 0;

    return forks ? authenticate_in_child(driver, user, secret, ns)
                 : authenticate(driver, user, secret, ns);
}

int main(int argc, char **argv)
{
    struct driver driver = {0};
    const struct runner_driver runner = {
        .usage = "pam_driver --confdir DIR --service NAME [--fork yes|no]",
        .options = {{"confdir", &driver.confdir, false},
                    {"service", &driver.service, false},
                    {"fork", &driver.fork, true}},
        .start = start,
        .attempt = attempt,
        .context = &driver,
    };

    return runner_main(&runner, argc, argv);
}
