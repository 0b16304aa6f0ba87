#include "config.h"

#include "authd/worker.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "authd/listen.h"
#include "authd/request.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/log.h"
#include "common/secret.h"
#include "mfa/store.h"

/* A store or an audit file that could not be opened is tried again at most this often. */
#define REOPEN_MS 1000

static volatile sig_atomic_t quit;
static struct slot *own_slot; /* for the guard's last words */

static void handle_quit(int signo)
{
    (void)signo;
    quit = 1;
}

static void last_words(void)
{
    own_slot->gave_up = 1;
    outage_hung();
}

/* SIGTERM is blocked except while waiting, so that it can never interrupt a request. */
static bool prepare_signals(sigset_t *while_waiting)
{
    struct sigaction term = {.sa_handler = handle_quit};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t block;

    sigemptyset(&term.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGTERM, &term, NULL);
    sigaction(SIGINT, &ignore, NULL); /* Ctrl-C reaches the whole group; the master decides */
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    sigemptyset(while_waiting); /* nothing blocked */
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    return sigprocmask(SIG_SETMASK, &block, NULL) == 0;
}

/* epoll_pwait looks at signals only when nothing waits to be accepted, which under load is never. */
static bool told_to_quit(void)
{
    sigset_t pending;

    return quit || (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1);
}

/* A backup that is put back under the open store is found out by a login. */
static void tell_notice(struct mfa *mfa)
{
    if (mfa == NULL || mfa_notice(mfa)[0] == '\0')
        return;
    log_error("%s", mfa_notice(mfa));
    mfa_notice_was_said(mfa);
}

/* Opens what is not open yet of store and audit trail; a worker serves without, and refuses all. */
static void open_state(struct worker *worker)
{
    struct providers *p = &worker->providers;
    char why[512];

    if (p->mfa == NULL) {
        p->mfa_reason = mfa_open(p->settings, &p->mfa, p->mfa_why, sizeof p->mfa_why);
        if (p->mfa_reason != REASON_GRANTED)
            log_error("%s; until then every login is answered UNAVAILABLE", p->mfa_why);
        tell_notice(p->mfa);
    }
    if (worker->audit == NULL) {
        worker->audit = audit_open(&p->settings->audit, why, sizeof why);
        if (worker->audit == NULL)
            log_error("%s; until then every login is answered UNAVAILABLE", why);
    }
}

/* Whom libpq takes for the user where neither the connection string nor the environment names one. */
static const char *os_user(const struct settings *settings)
{
    const struct passwd *me = getpwuid(geteuid());

    return me != NULL ? me->pw_name : settings->daemon.user;
}

static bool open_worker(struct worker *worker, const struct settings *settings,
                        struct shared *shared, size_t slot)
{
    *worker = (struct worker){
        .providers = {.settings = settings, .outage = &shared->outage, .returns = &shared->returns,
                      .burst = &shared->burst},
        .slot = &shared->slots[slot],
    };
    if (!clients_resolve(&settings->daemon.clients, &worker->clients)) {
        log_error("none of daemon.clients is a user of this host: nobody could ask");
        return false;
    }
    /* A string that is none cannot connect, and so needs no guard. */
    (void)own_roles_add(&worker->own_roles, settings->postgres.conninfo, os_user(settings));
    (void)own_roles_add(&worker->own_roles, settings->store.conninfo, os_user(settings));
    address_rules_read(&settings->throttle, &worker->providers.origins);
    worker->providers.own_roles = &worker->own_roles;
    if (settings->has_ldap)
        worker->providers.directory = directory_new(&settings->ldap, &shared->outage);
    if (settings->postgres.conninfo != NULL)
        worker->providers.roles = role_source_new(&settings->postgres, &shared->outage);
    if ((settings->has_ldap && worker->providers.directory == NULL) ||
        (settings->postgres.conninfo != NULL && worker->providers.roles == NULL)) {
        log_error("memory is short: the worker cannot start");
        return false;
    }
    store_share_outage(&shared->outage);
    store_share_queue(&shared->queue);
    open_state(worker);
    return true;
}

static void close_worker(struct worker *worker)
{
    mfa_close(worker->providers.mfa);
    directory_free(worker->providers.directory);
    role_source_free(worker->providers.roles);
    audit_close(worker->audit);
    clients_free(&worker->clients);
}

/* An own epoll set with EPOLLEXCLUSIVE: a connection wakes one idle worker, not all of them. */
static int watch_listener(int listen_fd)
{
    struct epoll_event interest = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, listen_fd, &interest) == 0)
        return fd;
    log_error("cannot watch the socket: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* False when nobody was waiting (any more). */
static bool serve_next(struct worker *worker, int listen_fd, int64_t *reopened_ms)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return false; /* another worker was quicker, or the asker has gone */
    if ((worker->providers.mfa == NULL || worker->audit == NULL) &&
        clock_mono_ms() - *reopened_ms >= REOPEN_MS) {
        open_state(worker);
        *reopened_ms = clock_mono_ms();
    }
    request_serve(worker, fd);
    close(fd);
    tell_notice(worker->providers.mfa);
    return true;
}

int worker_run(const struct settings *settings, struct shared *shared, size_t slot, int listen_fd,
               pid_t parent)
{
    struct worker worker;
    sigset_t while_waiting;
    int64_t reopened_ms = clock_mono_ms();
    int exit_code = 1, epoll_fd = -1;
    char name[16];

    snprintf(name, sizeof name, "pgsignetd-%zu", slot % 1000);
    prctl(PR_SET_NAME, name, 0, 0, 0);
    /* A killed master must not leave workers behind that answer beside its successor's. */
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    listen_leave_lock();
    secret_harden_process(); /* setuid made us dumpable again */
    own_slot = &shared->slots[slot];
    guard_on_exit(last_words);
    if (!prepare_signals(&while_waiting) || getppid() != parent)
        return 1;
    if (!open_worker(&worker, settings, shared, slot))
        goto out;
    epoll_fd = watch_listener(listen_fd);
    if (epoll_fd < 0)
        goto out;
    request_settle(&worker);
    exit_code = 0;
    /* Under load the next one waits already: asking for it costs less than being told of it. */
    while (!told_to_quit()) {
        struct epoll_event event;
        if (!serve_next(&worker, listen_fd, &reopened_ms))
            epoll_pwait(epoll_fd, &event, 1, -1, &while_waiting);
    }
out:
    if (epoll_fd >= 0)
        close(epoll_fd);
    close_worker(&worker);
    return exit_code;
}
