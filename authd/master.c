#include "config.h"

#include "authd/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "authd/clients.h"
#include "authd/shared.h"
#include "authd/worker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/guard.h"
#include "common/log.h"

/* A worker that ends sooner than this after its start is started again with a growing pause. */
#define QUICK_DEATH_MS 1000
#define PAUSE_FIRST_MS 20
#define PAUSE_MOST_MS  2000
/* How long workers may take to finish their request at shutdown: longer than any deadline. */
#define STOP_MS (55 * 1000)

struct child {
    pid_t pid;            /* 0 = not running */
    int64_t started_ms;
    int64_t start_not_before_ms;
    int64_t pause_ms;
};

struct master {
    struct settings *settings;
    struct shared *shared;
    int listen_fd;
    bool stopping;
    struct child children[SHARED_WORKERS_MAX];
};

static void tell_systemd(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
    sd_notify(0, state);
#else
    (void)state;
#endif
}

static void start_child(struct master *m, size_t i)
{
    struct child *child = &m->children[i];
    pid_t parent = getpid();
    pid_t pid = fork();

    child->started_ms = clock_mono_ms();
    if (pid < 0) {
        log_error("cannot fork worker %zu: %s; trying again", i, strerror(errno));
        child->start_not_before_ms = child->started_ms + PAUSE_MOST_MS;
        return;
    }
    if (pid == 0)
        _exit(worker_run(m->settings, m->shared, i, m->listen_fd, parent));
    child->pid = pid;
}

static void start_missing(struct master *m)
{
    int64_t now = clock_mono_ms();

    if (m->stopping)
        return;
    for (size_t i = 0; i < (size_t)m->settings->daemon.workers; i++)
        if (m->children[i].pid == 0 && m->children[i].start_not_before_ms <= now)
            start_child(m, i);
}

/* Says how a worker ended when it was not asked to, and how soon its place is filled again. */
static void note_end(struct child *child, size_t i, int status)
{
    int64_t now = clock_mono_ms();
    bool quick = now - child->started_ms < QUICK_DEATH_MS;

    child->pid = 0;
    child->start_not_before_ms = now;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        child->pause_ms = 0;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == GUARD_EXIT)
        log_warning("worker %zu ended itself at its deadline, stuck in a call that has none "
                    "(TLS handshake, name resolution); its login was answered UNAVAILABLE",
                    i);
    else if (WIFSIGNALED(status))
        log_error("worker %zu was ended by signal %d (%s); its login was answered UNAVAILABLE", i,
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_error("worker %zu ended with status %d", i, WEXITSTATUS(status));
    if (!quick) {
        child->pause_ms = 0;
        return;
    }
    child->pause_ms = child->pause_ms == 0 ? PAUSE_FIRST_MS : child->pause_ms * 2;
    if (child->pause_ms > PAUSE_MOST_MS)
        child->pause_ms = PAUSE_MOST_MS;
    child->start_not_before_ms = now + child->pause_ms;
}

/* Returns how many children still run. */
static size_t reap(struct master *m)
{
    size_t running = 0;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < SHARED_WORKERS_MAX; i++)
            if (m->children[i].pid == pid)
                note_end(&m->children[i], i, status);
    for (size_t i = 0; i < SHARED_WORKERS_MAX; i++)
        running += m->children[i].pid != 0;
    return running;
}

static void signal_children(const struct master *m, int signo)
{
    for (size_t i = 0; i < SHARED_WORKERS_MAX; i++)
        if (m->children[i].pid != 0)
            kill(m->children[i].pid, signo);
}

/* Faults go to the log line by line: stderr may be nowhere once the daemon runs. */
static struct settings *load_and_log(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *faults = open_memstream(&text, &size);
    struct settings *fresh = settings_load(path, SETTINGS_FOR_LOGINS, faults);
    char *rest = NULL, why[512];

    if (faults != NULL)
        fclose(faults);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        log_error("%s", line);
    free(text);
    if (fresh != NULL && !crypto_start(fresh->fips == FIPS_REQUIRE, why, sizeof why)) {
        log_error("%s", why);
        settings_free(fresh);
        fresh = NULL;
    }
    if (fresh != NULL && !clients_any_known(&fresh->daemon.clients, why, sizeof why)) {
        log_error("%s", why);
        settings_free(fresh);
        fresh = NULL;
    }
    return fresh;
}

static void reload(struct master *m)
{
    tell_systemd("RELOADING=1");
    struct settings *fresh = load_and_log(m->settings->path);

    if (fresh == NULL) {
        log_error("%s is not valid: the old configuration stays in force", m->settings->path);
    } else if (strcmp(fresh->daemon.socket, m->settings->daemon.socket) != 0 ||
               strcmp(fresh->daemon.user, m->settings->daemon.user) != 0) {
        log_error("%s changes daemon.socket or daemon.user, which needs a restart: "
                  "the old configuration stays in force",
                  m->settings->path);
        settings_free(fresh);
    } else {
        settings_free(m->settings);
        m->settings = fresh;
        /* Each worker finishes its request and ends; its successor has the new settings. */
        signal_children(m, SIGTERM);
        clients_report_unknown(&fresh->daemon.clients);
        log_notice("configuration %s loaded anew", fresh->path);
    }
    tell_systemd("READY=1");
}

static int64_t next_start_ms(const struct master *m)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < (size_t)m->settings->daemon.workers; i++)
        if (m->children[i].pid == 0 && m->children[i].start_not_before_ms < next)
            next = m->children[i].start_not_before_ms;
    return next;
}

/* Waits for a signal of the set, no longer than until the next worker may be started. */
static int wait_for_signal(const struct master *m, const sigset_t *set)
{
    int64_t next = next_start_ms(m);
    if (next == INT64_MAX)
        return sigwaitinfo(set, NULL);

    int64_t wait = next - clock_mono_ms();
    if (wait < 1)
        wait = 1;
    struct timespec limit = {.tv_sec = wait / 1000, .tv_nsec = (wait % 1000) * 1000000};
    return sigtimedwait(set, NULL, &limit);
}

static void stop(struct master *m, const sigset_t *set)
{
    int64_t limit = clock_mono_ms() + STOP_MS;

    m->stopping = true;
    tell_systemd("STOPPING=1");
    signal_children(m, SIGTERM);
    while (reap(m) > 0) {
        struct timespec wait = {.tv_nsec = 100 * 1000000L}; /* ends early at SIGCHLD */
        if (clock_mono_ms() > limit) {
            signal_children(m, SIGKILL);
            limit = INT64_MAX;
        }
        sigtimedwait(set, NULL, &wait);
    }
}

int master_run(struct settings *settings, int listen_fd, int ready_fd)
{
    static struct master m; /* large, and only once */
    sigset_t set;

    m = (struct master){.settings = settings, .listen_fd = listen_fd, .shared = shared_new()};
    if (m.shared == NULL) {
        log_error("cannot map shared memory: %s", strerror(errno));
        settings_free(settings);
        return 1;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);

    clients_report_unknown(&settings->daemon.clients);
    start_missing(&m);
    log_notice("version %s serves on %s with %d workers, configuration %s", PACKAGE_VERSION,
               settings->daemon.socket, (int)settings->daemon.workers, settings->path);
    tell_systemd("READY=1");
    if (ready_fd >= 0 && write(ready_fd, "", 1) != 1)
        log_warning("the starting process went away before this one was ready");

    for (;;) {
        int signo = wait_for_signal(&m, &set);
        if (signo == SIGTERM || signo == SIGINT)
            break;
        if (signo == SIGHUP)
            reload(&m);
        reap(&m);
        start_missing(&m);
    }
    stop(&m, &set);
    log_notice("stopped");
    settings_free(m.settings);
    return 0;
}
