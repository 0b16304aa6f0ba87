/*
 * Drives directory.h from the command line: the steps of one login, or several in one process.
 *
 *   directory_probe [KEY=VALUE]... login:USER:PASSWORD | groups:USER | find:USER | members:DN | wait
 *                   | retry ...
 *
 * KEY is a setting of ldap: (uri and require/deny may be repeated) or `deadline` in milliseconds.  Each
 * step prints one line: STEP USER REASON MILLISECONDS [DN or matched group] and, indented, the error
 * text.  `wait` reads one line from stdin, so that a script can change the world between two steps;
 * `retry` waits until no server is marked as failed (at most 10 s).  Exits 0 if every step was answered.
 * The guard is armed as the daemon's worker does it.
 */
#include "config.h"

#include "common/clock.h"
#include "common/directory.h"
#include "common/directory_members.h"
#include "common/guard.h"
#include "common/number.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct settings_ldap settings = {
    .user_base = (char[]){"ou=people,dc=example,dc=com"},
    .user_filter = (char[]){"(&(objectClass=inetOrgPerson)(uid=%u))"},
    .user_name = (char[]){"uid"},
    .group_base = (char[]){"ou=groups,dc=example,dc=com"},
    .depth = 10,
    .timeout = 1,
    .retry_after = 1,
};
static char *uri_list[8], *require_list[8], *deny_list[8];
static struct settings_strings require = {.at = require_list}, deny = {.at = deny_list};
static int64_t deadline_after_ms = 5000;
static struct outage outage;
static struct directory *directory;

static const struct {
    const char *name;
    char **field;
} texts[] = {
    {"ca_file",            &settings.ca_file           },
    {"cert_file",          &settings.cert_file         },
    {"key_file",           &settings.key_file          },
    {"bind_dn",            &settings.bind_dn           },
    {"bind_password_file", &settings.bind_password_file},
    {"user_base",          &settings.user_base         },
    {"user_filter",        &settings.user_filter       },
    {"user_dn",            &settings.user_dn           },
    {"user_name",          &settings.user_name         },
    {"group_base",         &settings.group_base        },
    {"tls_reason",         &settings.tls_reason        },
};

static const struct {
    const char *name;
    int64_t *field;
} numbers[] = {
    {"tls",         &settings.tls        },
    {"membership",  &settings.membership },
    {"nested",      &settings.nested     },
    {"depth",       &settings.depth      },
    {"timeout",     &settings.timeout    },
    {"retry_after", &settings.retry_after},
    {"deadline",    &deadline_after_ms   },
};

static const struct {
    const char *name;
    struct settings_strings *list;
} lists[] = {
    {"uri",     &settings.uris},
    {"require", &require      },
    {"deny",    &deny         }
};

static bool set_option(const char *key, size_t len, char *value)
{
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strlen(texts[i].name) == len && strncmp(texts[i].name, key, len) == 0) {
            *texts[i].field = value;
            return true;
        }
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strlen(numbers[i].name) == len && strncmp(numbers[i].name, key, len) == 0)
            return number_parse(value, strlen(value), 0, 1000000, numbers[i].field) == NUMBER_OK;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strlen(lists[i].name) == len && strncmp(lists[i].name, key, len) == 0 &&
            lists[i].list->n < 8) {
            lists[i].list->at[lists[i].list->n++] = value;
            return true;
        }
    return false;
}

static void report(const char *step, const char *user, enum reason reason, int64_t started_us,
                   const char *detail)
{
    printf("%s %s %s %lld %s\n", step, user, reason_name(reason),
           (long long)((clock_mono_us() - started_us) / 1000), detail);
    if (*directory_error(directory) != '\0')
        printf("    %s\n", directory_error(directory));
    fflush(stdout);
}

/* One login as the daemon does it: find, password, account, groups; to the first that fails. */
static void login(const char *user, struct bytes password, bool check_password, bool check_groups)
{
    struct directory_entry *entry = NULL;
    char *matched = NULL;
    int64_t started = clock_mono_us(), deadline = started / 1000 + deadline_after_ms;
    enum reason reason, unknown;

    guard_arm(deadline);
    reason = directory_find(directory, bytes_str(user), deadline, &entry);
    report("find", user, reason, started, entry != NULL ? directory_entry_dn(entry) : "-");
    if (check_password && (entry != NULL || reason == REASON_NO_ENTRY)) {
        started = clock_mono_us();
        unknown = reason;
        reason = directory_check_password(directory, entry, password, deadline);
        report("password", user, reason, started, "-");
        if (entry == NULL)
            reason = unknown;
    }
    if (reason == REASON_GRANTED) {
        started = clock_mono_us();
        reason = directory_account(entry, clock_wall_ms() / 1000, check_password);
        report("account", user, reason, started, "-");
    }
    if (check_groups && entry != NULL && (reason == REASON_GRANTED || !check_password)) {
        started = clock_mono_us();
        reason = directory_groups(directory, entry, &require, &deny, deadline, &matched);
        report("groups", user, reason, started, matched != NULL ? matched : "-");
    }
    guard_disarm();
    free(matched);
    directory_entry_free(entry);
}

/* Until every server may be tried again; false if that takes too long. */
static bool wait_for_retry(void)
{
    int64_t end = clock_mono_ms() + 10000, now;
    unsigned i = 0;

    while (i < OUTAGE_SERVERS && (now = clock_mono_ms()) < end) {
        struct timespec pause = {.tv_nsec = 5000000};

        if (!outage_is_down(&outage, i, now))
            i++;
        else
            nanosleep(&pause, NULL);
    }
    return i == OUTAGE_SERVERS;
}

/* The members of a group, as "NAME NAME ... unknown=N". */
static void members(const char *group)
{
    struct directory_members found;
    int64_t started = clock_mono_us(), deadline = clock_mono_ms() + deadline_after_ms;
    char text[4096] = "";
    size_t used = 0, i;

    guard_arm(deadline);
    enum reason reason = directory_members(directory, group, deadline, &found);
    guard_disarm();
    for (i = 0; i < found.n && used < sizeof text - 600; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s ", found.at[i].name);
    snprintf(text + used, sizeof text - used, "n=%zu unknown=%zu %s", found.n, found.unknown,
             found.an_unknown != NULL ? found.an_unknown : "");
    report("members", group, reason, started, text);
    directory_members_free(&found);
}

static bool run_step(char *step)
{
    char line[64];

    if (strcmp(step, "wait") == 0)
        return fgets(line, sizeof line, stdin) != NULL;
    if (strcmp(step, "retry") == 0)
        return wait_for_retry();
    if (strncmp(step, "find:", 5) == 0) {
        login(step + 5, bytes_str(""), false, false);
        return true;
    }
    if (strncmp(step, "members:", 8) == 0) {
        members(step + 8);
        return true;
    }
    if (strncmp(step, "groups:", 7) == 0) {
        login(step + 7, bytes_str(""), false, true);
        return true;
    }
    if (strncmp(step, "login:", 6) == 0) {
        char *user = step + 6, *password = strrchr(user, ':');

        if (password == NULL)
            return false;
        *password++ = '\0';
        login(user, bytes_str(password), true, true);
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    int i, result = 0;

    signal(SIGPIPE, SIG_IGN);
    settings.uris.at = uri_list;
    directory = directory_new(&settings, &outage);
    for (i = 1; directory != NULL && i < argc && result == 0; i++) {
        char *colon = strchr(argv[i], ':'), *equals = strchr(argv[i], '=');
        bool good = equals != NULL && (colon == NULL || equals < colon)
                        ? set_option(argv[i], (size_t)(equals - argv[i]), equals + 1)
                        : run_step(argv[i]);

        if (!good) {
            fprintf(stderr, "directory_probe: %s: not an option or step\n", argv[i]);
            result = 64;
        }
    }
    directory_free(directory);
    return directory == NULL ? 1 : result;
}
