#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authd/clients.h"
#include "authd/listen.h"
#include "authd/master.h"
#include "authd/named_files.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/settings.h"
#include "mfa/owner.h"

#define EXIT_USAGE 64

static const char usage[] =
    "Usage: pgsignetd [--config FILE] [--foreground]\n"
    "       pgsignetd [--config FILE] --check-config\n"
    "\n"
    "Decides PostgreSQL logins for pam_pgsignet.so: one-time code, password, LDAP groups.\n"
    "\n"
    "  -c, --config FILE   configuration (default " SETTINGS_DEFAULT_PATH ")\n"
    "  -f, --foreground    stay in the foreground and log to standard error\n"
    "  -t, --check-config  say every fault of the configuration with its line, and exit\n"
    "  -d, --debug         log more; never a secret\n"
    "  -h, --help          show this help\n"
    "  -V, --version       show the version\n"
    "\n"
    "Signals: HUP reads the configuration anew, TERM finishes the requests in hand and ends.\n"
    "Exit status: 0 done, 1 failed, 64 usage.\n";

struct options {
    const char *config;
    bool foreground;
    bool check_config;
    bool debug;
};

/* Returns -1 to go on, or an exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"config",       required_argument, NULL, 'c'},
        {"foreground",   no_argument,       NULL, 'f'},
        {"check-config", no_argument,       NULL, 't'},
        {"debug",        no_argument,       NULL, 'd'},
        {"help",         no_argument,       NULL, 'h'},
        {"version",      no_argument,       NULL, 'V'},
        {NULL,           0,                 NULL, 0  },
    };
    int c;

    while ((c = getopt_long(argc, argv, "c:ftdhV", known, NULL)) != -1) {
        switch (c) {
        case 'c':
            options->config = optarg;
            break;
        case 'f':
            options->foreground = true;
            break;
        case 't':
            options->check_config = true;
            break;
        case 'd':
            options->debug = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            puts("pgsignetd (" PACKAGE_NAME ") " PACKAGE_VERSION);
            return 0;
        default:
            fputs("Try 'pgsignetd --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "pgsignetd: unexpected argument '%s'\nTry 'pgsignetd --help'.\n",
                argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* Who the daemon is going to be: daemon.user when started as root, else whoever started it. */
static bool find_user(const struct settings *settings, uid_t *uid, gid_t *gid)
{
    *uid = geteuid();
    *gid = getegid();
    if (*uid != 0)
        return true;

    const struct passwd *pw = getpwnam(settings->daemon.user);
    if (pw == NULL || pw->pw_uid == 0) {
        log_error("daemon.user %s %s; make one with: useradd --system %s", settings->daemon.user,
                  pw == NULL ? "is not a user of this host" : "is root, which it must not be",
                  settings->daemon.user);
        return false;
    }
    *uid = pw->pw_uid;
    *gid = pw->pw_gid;
    return true;
}

/*
 * Leaves the terminal.  The starting process waits for the byte that master_run writes once the
 * workers run, so that its exit code tells whether the daemon serves.
 */
static int go_to_background(void)
{
    int ready[2];
    char byte;

    if (pipe2(ready, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(ready[1]);
        _exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ready[0]);
    if (setsid() < 0 || chdir("/") != 0)
        return -1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* The system log takes the messages from here on: whoever reads the starter's output to its end
     * (a shell's $( ), ssh) must not wait for the daemon's. */
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        return -1;
    return ready[1];
}

static int serve(struct settings *settings, const struct options *options)
{
    char why[512];
    uid_t uid;
    gid_t gid;
    int ready_fd = -1;

    if (!find_user(settings, &uid, &gid))
        goto fail;
    if (!clients_any_known(&settings->daemon.clients, why, sizeof why)) {
        log_error("%s", why);
        goto fail;
    }
    int listen_fd = listen_open(settings->daemon.socket, uid, gid, why, sizeof why);
    if (listen_fd < 0) {
        log_error("%s", why);
        goto fail;
    }
    if (!options->foreground) {
        ready_fd = go_to_background();
        if (ready_fd < 0) {
            log_error("cannot go to the background: %s", strerror(errno));
            goto fail;
        }
    }
    if (!owner_become(settings->daemon.user, why, sizeof why)) {
        log_error("%s", why);
        goto fail;
    }
    secret_harden_process();
    return master_run(settings, listen_fd, ready_fd);

fail:
    settings_free(settings);
    return 1;
}

/* SIGHUP reads the file again, by then from another folder.  Owned by the caller; NULL: no memory. */
static char *absolute(const char *path)
{
    char *folder = path[0] != '/' ? realpath(".", NULL) : NULL, *whole = NULL;

    if (folder == NULL)
        return strdup(path);
    if (asprintf(&whole, "%s/%s", folder, path) < 0)
        whole = NULL;
    free(folder);
    return whole;
}

/*
 * A valid configuration can name files and users that are not there yet, so these are warnings.
 * Only root and daemon.user can tell what daemon.user may read.
 */
static void check_files(const struct settings *settings)
{
    struct owner owner;
    char why[512];

    if (!clients_any_known(&settings->daemon.clients, why, sizeof why))
        fprintf(stderr, "warning: %s\n", why);
    if (!owner_find(settings->daemon.user, &owner, why, sizeof why)) {
        fprintf(stderr, "warning: %s\n", why);
        return;
    }
    if (geteuid() != 0 && geteuid() != owner.uid)
        return;
    if (owner_become(settings->daemon.user, why, sizeof why))
        named_files_report(settings, stderr);
    else
        fprintf(stderr, "warning: %s\n", why);
}

int main(int argc, char **argv)
{
    struct options options = {.config = SETTINGS_DEFAULT_PATH};
    char why[512];
    int done = parse_options(argc, argv, &options);

    if (done >= 0)
        return done;
    secret_harden_process();
    log_open("pgsignetd", !options.foreground && !options.check_config, options.debug);
    char *config = absolute(options.config);
    struct settings *settings =
        config != NULL ? settings_load(config, SETTINGS_FOR_LOGINS, stderr) : NULL;
    free(config);
    if (settings == NULL)
        return 1;
    if (!crypto_start(settings->fips == FIPS_REQUIRE, why, sizeof why)) {
        log_error("%s", why);
        settings_free(settings);
        return 1;
    }
    if (options.check_config) {
        printf("%s: no faults\n", options.config);
        check_files(settings);
        settings_free(settings);
        return 0;
    }
    return serve(settings, &options);
}
