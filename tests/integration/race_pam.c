/*
 * race_pam - PAM logins from lines, many of them at one instant.
 *
 * Usage: race_pam CONFDIR SERVICE
 *
 * Standard input: one attempt a line, USER TAB ADDRESS TAB SECRET (ADDRESS may be empty).  An empty line
 * ends a group: each attempt of a group has a process of its own, all released at one instant by a
 * barrier in shared memory.  A group of one attempt runs in this process.  Standard output: a line a
 * group, the PAM codes of its attempts in their order ("0" is success), -1 for one that ended by a
 * signal or could not be made.
 */
#include "config.h"

#include "tests/pam_driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define GROUP_MAX 128
#define LIMIT_S   120 /* a group that takes longer has hung */

struct attempt {
    char *line; /* owned; the fields point into it */
    const char *user, *address, *secret;
};

struct shared {
    pthread_barrier_t gate;
    int code[GROUP_MAX];
};

static const char *confdir, *service;

static bool parse(struct attempt *attempt)
{
    char *rest = attempt->line;

    attempt->user = strsep(&rest, "\t");
    attempt->address = strsep(&rest, "\t");
    attempt->secret = rest;
    return rest != NULL;
}

static int log_in(const struct attempt *attempt)
{
    struct pam_login login = {
        .confdir = confdir,
        .service = service,
        .user = attempt->user,
        .rhost = attempt->address[0] != '\0' ? attempt->address : NULL,
        .script = {.answer = attempt->secret},
    };

    if (!pam_driver_login(&login))
        return -1;
    return login.authenticate == PAM_SUCCESS ? login.account : login.authenticate;
}

static bool open_gate(struct shared *shared, unsigned n)
{
    pthread_barrierattr_t attributes;

    return pthread_barrierattr_init(&attributes) == 0 &&
           pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
           pthread_barrier_init(&shared->gate, &attributes, n) == 0;
}

/* False when a process could not be made: those that were made wait at the gate and are killed. */
static bool race(struct shared *shared, const struct attempt *attempts, size_t n)
{
    pid_t children[GROUP_MAX];
    size_t made = 0;

    if (!open_gate(shared, (unsigned)n))
        return false;
    while (made < n && (children[made] = fork()) >= 0) {
        if (children[made] == 0) {
            alarm(LIMIT_S);
            pthread_barrier_wait(&shared->gate);
            shared->code[made] = log_in(&attempts[made]);
            _exit(0);
        }
        made++;
    }
    for (size_t i = 0; i < made; i++) {
        if (made < n)
            kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    pthread_barrier_destroy(&shared->gate);
    return made == n;
}

static bool run_group(struct shared *shared, struct attempt *attempts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        shared->code[i] = -1;
    if (n == 1)
        shared->code[0] = log_in(&attempts[0]);
    else if (!race(shared, attempts, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        printf("%s%d", i > 0 ? " " : "", shared->code[i]);
        free(attempts[i].line);
    }
    putchar('\n');
    /* Before the next fork, and for a reader that waits for each answer. */
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct attempt attempts[GROUP_MAX];
    char *line = NULL;
    size_t cap = 0, n = 0;
    ssize_t len;

    if (argc != 3 || shared == MAP_FAILED) {
        fputs("Usage: race_pam CONFDIR SERVICE <ATTEMPTS\n", stderr);
        return 64;
    }
    confdir = argv[1];
    service = argv[2];
    while ((len = getline(&line, &cap, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[--len] = '\0';
        if (len > 0) {
            attempts[n].line = strdup(line);
            if (attempts[n].line == NULL || !parse(&attempts[n]) || ++n == GROUP_MAX)
                goto fail;
        } else if (n > 0) {
            if (!run_group(shared, attempts, n))
                goto fail;
            n = 0;
        }
    }
    if (n > 0 && !run_group(shared, attempts, n))
        goto fail;
    free(line);
    return 0;
fail:
    fputs("race_pam: a malformed line, a group too large, or no more processes\n", stderr);
    return 1;
}
