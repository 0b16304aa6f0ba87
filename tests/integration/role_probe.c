/*
 * role_probe - the daemon's view of PostgreSQL, driven by a script.
 *
 *   role_probe CONNINFO TIMEOUT RETRY_AFTER
 *
 * Reads commands from standard input and answers each with one line, over one kept connection:
 *   state HEXNAME MS              role_read without verifier, deadline in MS milliseconds
 *   login HEXNAME MS              with verifier
 *   check HEXNAME HEXPASSWORD     reads the verifier and checks the password
 *   judge HEXNAME                 reads and judges with the present time
 *   error                         the last error's sentence
 *   down                          whether the outage page says that PostgreSQL is down
 *   up                            clears the outage page
 *   unheard                       TCP_USER_TIMEOUT of the kept connection, in milliseconds
 *   time HEXNAME N                microseconds a read and a check, the mean of N
 */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/role.h"
#include "authd/scram.h"
#include "common/clock.h"
#include "common/number.h"
#include "common/secret.h"

struct probe {
    struct settings_postgres settings;
    struct outage outage;
    struct role_source *source;
};

static struct bytes from_hex(const char *hex, uint8_t *out, size_t size)
{
    size_t n = 0;

    for (; hex != NULL && n < size && hex[2 * n] != '\0' && hex[2 * n + 1] != '\0'; n++) {
        char pair[3] = {hex[2 * n], hex[2 * n + 1], '\0'};
        out[n] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return bytes_of(out, n);
}

static int64_t number(const char *text, int64_t otherwise)
{
    int64_t value = otherwise;

    if (text != NULL)
        number_parse(text, strlen(text), 0, 1000000000, &value);
    return value;
}

static void show_role(const struct probe *p, struct bytes name, bool with_verifier, int64_t ms)
{
    struct role role;
    int64_t start = clock_mono_ms();
    enum reason reason = role_read(p->source, name, with_verifier, start + ms, &role);
    int64_t took = clock_mono_ms() - start;

    if (reason != REASON_GRANTED)
        printf("%s ms=%lld\n", reason_name(reason), (long long)took);
    else if (!role.exists)
        printf("none ms=%lld\n", (long long)took);
    else
        printf("role login=%d super=%d until=%s verifier=%.13s ms=%lld\n", role.can_login,
               role.superuser, role.has_valid_until ? "yes" : "no",
               role.verifier[0] != '\0' ? role.verifier : "none", (long long)took);
    secret_wipe(&role, sizeof role);
}

static void check_password(const struct probe *p, struct bytes name, struct bytes password)
{
    static const char *const words[] = {"match", "mismatch", "bad-verifier", "failed"};
    struct role role;
    enum reason reason = role_read(p->source, name, true, clock_mono_ms() + 5000, &role);

    if (reason != REASON_GRANTED)
        puts(reason_name(reason));
    else
        puts(words[scram_check(role.verifier, password)]);
    secret_wipe(&role, sizeof role);
}

static void judge(const struct probe *p, struct bytes name)
{
    struct role role;
    enum reason reason = role_read(p->source, name, false, clock_mono_ms() + 5000, &role);

    if (reason == REASON_GRANTED)
        reason = role_judge(&role, clock_wall_ms() / 1000);
    puts(reason_name(reason));
}

static void measure(const struct probe *p, struct bytes name, int64_t n)
{
    struct role role = {.exists = false};
    int64_t start = clock_mono_us();

    for (int64_t i = 0; i < n; i++)
        role_read(p->source, name, true, clock_mono_ms() + 5000, &role);
    int64_t middle = clock_mono_us();
    for (int64_t i = 0; i < n; i++)
        scram_check(role.verifier, bytes_str("password"));
    int64_t end = clock_mono_us();
    printf("read=%lld check=%lld\n", (long long)((middle - start) / n),
           (long long)((end - middle) / n));
}

/* Of the only TCP socket there is. */
static void show_unheard(void)
{
    for (int fd = 0; fd < 64; fd++) {
        unsigned ms = 0;
        socklen_t size = sizeof ms;

        if (getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size) == 0) {
            printf("%u\n", ms);
            return;
        }
    }
    puts("no connection");
}

static void obey(struct probe *p, char *line)
{
    uint8_t name[512], password[1024];
    char *rest = NULL;
    const char *verb = strtok_r(line, " \n", &rest);
    struct bytes who = from_hex(strtok_r(NULL, " \n", &rest), name, sizeof name);
    const char *argument = strtok_r(NULL, " \n", &rest);

    if (verb == NULL)
        puts("?");
    else if (strcmp(verb, "state") == 0 || strcmp(verb, "login") == 0)
        show_role(p, who, verb[0] == 'l', number(argument, 5000));
    else if (strcmp(verb, "check") == 0)
        check_password(p, who, from_hex(argument, password, sizeof password));
    else if (strcmp(verb, "judge") == 0)
        judge(p, who);
    else if (strcmp(verb, "time") == 0)
        measure(p, who, number(argument, 100));
    else if (strcmp(verb, "error") == 0)
        puts(role_source_error(p->source));
    else if (strcmp(verb, "down") == 0)
        puts(outage_is_down(&p->outage, OUTAGE_POSTGRES, clock_mono_ms()) ? "yes" : "no");
    else if (strcmp(verb, "up") == 0) {
        outage_clear(&p->outage, OUTAGE_POSTGRES);
        puts("ok");
    } else if (strcmp(verb, "unheard") == 0)
        show_unheard();
    else
        puts("?");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct probe p = {.outage = {.until_ms = {0}}};
    char line[4096];

    if (argc != 4) {
        fputs("usage: role_probe CONNINFO TIMEOUT RETRY_AFTER\n", stderr);
        return 64;
    }
    p.settings = (struct settings_postgres){
        .conninfo = argv[1], .timeout = number(argv[2], 3), .retry_after = number(argv[3], 5)};
    p.source = role_source_new(&p.settings, &p.outage);
    if (p.source == NULL)
        return 1;
    while (fgets(line, sizeof line, stdin) != NULL)
        obey(&p, line);
    role_source_free(p.source);
    return 0;
}
