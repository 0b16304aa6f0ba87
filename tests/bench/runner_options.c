#include "config.h"

#include "tests/bench/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "  --pool FILE          the users: lines NAME HEX\n"
                            "  --users N            only the first N of them\n"
                            "  --as USER            the OS user that authenticates (postgres)\n"
                            "  --clients N          processes (1)\n"
                            "  --seconds S          measured time of the sample (1)\n"
                            "  --answer KIND        none, code, password or password-code (none)\n"
                            "  --password TEXT      the same for all users\n"
                            "  --renew KIND=WHERE   none, google=DIR, oath=FILE or "
                            "pgsignet=CONFIG: makes used codes good again\n"
                            "  --watch LABEL=PID    a server whose CPU time is counted\n";

static const char *const answers[] = {
    [ANSWER_NONE] = "none",
    [ANSWER_CODE] = "code",
    [ANSWER_PASSWORD] = "password",
    [ANSWER_PASSWORD_CODE] = "password-code",
};

static _Noreturn void bad(const char *name, const char *value)
{
    fprintf(stderr, "bench: --%s: cannot be %s\n", name, value);
    exit(64);
}

static int64_t number(const char *name, const char *value, int64_t low, int64_t high)
{
    char *end;
    long long n = strtoll(value, &end, 10);

    if (*value == '\0' || *end != '\0' || n < low || n > high) {
        bad(name, value);
    }
    return n;
}

/* Splits LABEL=REST; the label is malloc'ed and kept. */
static const char *split(const char *name, const char *value, const char **rest)
{
    const char *equals = strchr(value, '=');
    char *label = equals != NULL ? strndup(value, (size_t)(equals - value)) : strdup(value);

    if (label == NULL) {
        bad(name, value);
    }
    *rest = equals != NULL ? equals + 1 : "";
    return label;
}

static void set_pool(struct runner_plan *plan, const char *value)
{
    plan->pool = calloc(1, sizeof *plan->pool);
    if (plan->pool == NULL || !pool_load(plan->pool, value, 0)) {
        bad("pool", value);
    }
}

static void set_users(struct runner_plan *plan, const char *value)
{
    if (plan->pool == NULL) {
        bad("users", "given before --pool");
    }
    plan->pool->n = (size_t)number("users", value, 1, (int64_t)plan->pool->n);
}

static void set_as(struct runner_plan *plan, const char *value)
{
    plan->user = value;
}

static void set_clients(struct runner_plan *plan, const char *value)
{
    plan->processes = (size_t)number("clients", value, 1, RUNNER_PROCESSES);
}

static void set_seconds(struct runner_plan *plan, const char *value)
{
    char *end;

    plan->seconds = strtod(value, &end);
    if (*value == '\0' || *end != '\0' || !(plan->seconds > 0 && plan->seconds <= 3600)) {
        bad("seconds", value);
    }
}

static void set_answer(struct runner_plan *plan, const char *value)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(answers[i], value) == 0) {
            plan->answer = (enum runner_answer)i;
            return;
        }
    }
    bad("answer", value);
}

static void set_password(struct runner_plan *plan, const char *value)
{
    plan->password = value;
}

static void set_renew(struct runner_plan *plan, const char *value)
{
    plan->fixture = fixture_find(split("renew", value, &plan->where));
    if (plan->fixture == NULL) {
        bad("renew", value);
    }
}

static void set_watch(struct runner_plan *plan, const char *value)
{
    const char *pid;

    if (plan->n_watched == RUNNER_WATCHED) {
        bad("watch", "given so often");
    }
    plan->watched[plan->n_watched].label = split("watch", value, &pid);
    plan->watched[plan->n_watched++].pid = (pid_t)number("watch", pid, 1, INT32_MAX);
}

static const struct {
    const char *name;
    void (*set)(struct runner_plan *plan, const char *value);
} options[] = {
    {"pool",     set_pool    },
    {"users",    set_users   },
    {"as",       set_as      },
    {"clients",  set_clients },
    {"seconds",  set_seconds },
    {"answer",   set_answer  },
    {"password", set_password},
    {"renew",    set_renew   },
    {"watch",    set_watch   },
};

static bool set_shared(struct runner_plan *plan, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i].name, name) == 0) {
            options[i].set(plan, value);
            return true;
        }
    }
    return false;
}

static bool set_own(const struct runner_driver *driver, const char *name, const char *value)
{
    for (size_t i = 0; driver->options[i].name != NULL; i++) {
        if (strcmp(driver->options[i].name, name) == 0) {
            *driver->options[i].value = value;
            return true;
        }
    }
    return false;
}

static bool all_given(const struct runner_driver *driver, const struct runner_plan *plan)
{
    for (size_t i = 0; driver->options[i].name != NULL; i++) {
        if (*driver->options[i].value == NULL && !driver->options[i].optional) {
            return false;
        }
    }
    return plan->pool != NULL;
}

static bool read_options(const struct runner_driver *driver, struct runner_plan *plan, int argc,
                         char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i] + 2;

        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc ||
            !(set_own(driver, name, argv[i + 1]) || set_shared(plan, name, argv[i + 1]))) {
            return false;
        }
    }
    return all_given(driver, plan);
}

int runner_main(const struct runner_driver *driver, int argc, char **argv)
{
    struct runner_plan plan = {
        .user = "postgres",
        .processes = 1,
        .seconds = 1,
        .fixture = fixture_find("none"),
        .where = "",
        .password = "",
        .start = driver->start,
        .attempt = driver->attempt,
        .context = driver->context,
    };
    struct runner_sample sample;

    if (!read_options(driver, &plan, argc, argv)) {
        printf("Usage: %s OPTION...\n\n%s", driver->usage, usage);
        return 64;
    }
    if (!runner_run(&plan, &sample)) {
        return 1;
    }
    runner_print(&plan, &sample);
    return 0;
}
