/* pgsignet-ca-online: reads one request from standard input, asks the network, writes one answer. */
#include "config.h"

#include "pki/online_job.h"
#include "pki/online_text.h"

#include "common/clock.h"
#include "common/guard.h"
#include "common/log.h"
#include "common/secret.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define LATE_MS     700  /* between our deadline and the parent's: for the sentence to get there */
#define TIMEOUT_MAX 3600 /* seconds */
#define MEMORY_MAX  (512UL * 1024 * 1024) /* bytes; the names of 100,000 roles take some 60 MiB */

static const struct ask {
    const char *name;
    json_t *(*answer)(struct online_job *job);
} asks[] = {
    {"roles", online_answer_roles},   {"server", online_answer_server},
    {"reload", online_answer_reload}, {"sessions", online_answer_sessions},
    {"probe", online_answer_probe},   {"group", online_answer_group},
    {"up", online_answer_up},
};

/* --- for those who answer --- */

char *online_job_text(const struct online_job *job, const char *key)
{
    return online_text_get(json_object_get(job->request, key));
}

json_t *online_job_fail(struct online_job *job, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(job->why, sizeof job->why, format, list);
    va_end(list);
    return NULL;
}

bool online_job_pause(const struct online_job *job, int ms)
{
    int64_t left_ms = job->deadline_ms - clock_mono_ms();

    if (left_ms <= 0)
        return false;
    poll(NULL, 0, left_ms < ms ? (int)left_ms : ms);
    return true;
}

/* --- the end that guard.h makes of a call that does not end (a name's resolution, GSSAPI) --- */

static char last_answer[256];
static size_t last_len;

static void last_words(void)
{
    ssize_t written = write(STDOUT_FILENO, last_answer, last_len);

    (void)written;
    /* An answer was given, and the parent shall take it. */
    _exit(0);
}

static void prepare_last_words(const char *ask, int64_t timeout_s)
{
    int n = snprintf(last_answer, sizeof last_answer,
                     "{\"ok\":false,\"error\":\"cannot ask for %s: no answer within %d s, not even "
                     "of a name's resolution; check the network, or name the server by its "
                     "address\"}\n",
                     ask, (int)timeout_s);

    last_len = n > 0 ? (size_t)n : 0;
    guard_on_exit(last_words);
}

/* --- one request --- */

static GByteArray *read_all(int fd, size_t max)
{
    GByteArray *out = g_byte_array_new();
    uint8_t piece[16384];
    ssize_t n;

    do {
        n = read(fd, piece, sizeof piece);
        if (n > 0)
            g_byte_array_append(out, piece, (guint)n);
    } while ((n > 0 && out->len <= max) || (n < 0 && errno == EINTR));
    secret_wipe(piece, sizeof piece);
    return out;
}

static json_t *answer_of(struct online_job *job)
{
    const char *name = json_string_value(json_object_get(job->request, "ask"));
    int64_t timeout_s = json_integer_value(json_object_get(job->request, "timeout"));
    const struct ask *ask = NULL;
    int64_t margin_ms;

    for (size_t i = 0; name != NULL && i < G_N_ELEMENTS(asks); i++) {
        if (strcmp(asks[i].name, name) == 0)
            ask = &asks[i];
    }
    if (ask == NULL || timeout_s < 1 || timeout_s > TIMEOUT_MAX)
        return online_job_fail(job, "this is no request that pgsignet-ca makes; is "
                                    "pgsignet-ca-online of its version?");
    margin_ms = timeout_s > 2 ? LATE_MS : timeout_s * 300;
    job->timeout_s = timeout_s;
    job->deadline_ms = clock_mono_ms() + timeout_s * 1000 - margin_ms;
    prepare_last_words(ask->name, timeout_s);
    guard_arm(job->deadline_ms);
    json_t *answer = ask->answer(job);
    guard_disarm();
    return answer;
}

static bool print(json_t *answer)
{
    bool done = answer != NULL && json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENCODE_ANY) == 0 &&
                fputc('\n', stdout) != EOF && fflush(stdout) == 0;

    json_decref(answer);
    return done;
}

/* Bytes of writable memory now; 0 = unknown. */
static unsigned long memory_now(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");

    if (statm != NULL) {
        if (fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
            pages = 0;
        fclose(statm);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

/* What a server may make us keep in memory, and how long we may compute. */
static void limit_ourselves(void)
{
    const struct rlimit no_core = {0, 0}, processor = {TIMEOUT_MAX, TIMEOUT_MAX}, files = {64, 64};
    const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

    /* A sanitizer's shadow is above that from the beginning. */
    if (memory_now() < MEMORY_MAX / 2)
        setrlimit(RLIMIT_DATA, &memory);
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &processor);
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(void)
{
    struct online_job job = {0};
    json_t *request = NULL, *answer = NULL;
    GByteArray *text = NULL;

    secret_harden_process();
    secret_wipe_freed(true);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets whose other end has gone */
    limit_ourselves();
    log_open("pgsignet-ca", false, false);
    text = read_all(STDIN_FILENO, ONLINE_REQUEST_MAX);
    if (text->len <= ONLINE_REQUEST_MAX)
        request = json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, NULL);
    if (text->len > 0)
        secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    job.request = request;
    answer = answer_of(&job);
    if (answer != NULL)
        json_object_set_new(answer, "ok", json_true());
    else
        answer = json_pack("{s:b,s:o}", "ok", 0, "error",
                           online_text_string(job.why[0] != '\0' ? job.why : "memory is short"));
    bool done = print(answer);
    online_text_wipe(request);
    json_decref(request);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
