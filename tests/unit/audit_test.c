/* Audit events: hostile names, bounded lines, torn lines, a disk that is full. */
#include "config.h"

#include "common/audit.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <syslog.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/syslog_capture.h"

/* Renders, and holds every line to what is promised of all lines. */
static json_t *render(const struct audit_event *event, enum settings_unknown_names names)
{
    char line[AUDIT_LINE_MAX + 1];
    size_t len = audit_render(event, names, line);
    json_t *json;

    assert_true(len > 0 && len <= AUDIT_LINE_MAX);
    assert_int_equal(strlen(line), len);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_true(text_is_plain(bytes_of(line, len - 1), false));
    json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void assert_text(const json_t *json, const char *key, const char *expected)
{
    const char *found = json_string_value(json_object_get(json, key));

    if (found == NULL || strcmp(found, expected) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", key, found != NULL ? found : "(absent)", expected);
}

static void test_whole_line(void **state)
{
    const struct audit_event event = {
        .time_ms = 1700000000123,
        .event = "login",
        .id = 0xabc,
        .reason = REASON_CODE_WRONG,
        .user = bytes_str("anna"),
        .user_known = true,
        .address = bytes_str("192.0.2.1"),
        .service = bytes_str("pgsignet"),
        .policy = bytes_str("default"),
        .factors = {.throttle = FACTOR_OK, .code = FACTOR_WRONG},
        .steps = {.code_us = 1234,       .total_us = 2000    },
        .backend_pid = 42,
        .has_uid = true,
        .uid = 0,
        .detail = "a\nb",
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_string_equal(line,
                        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"id\":\"0000000000000abc\","
                        "\"event\":\"login\",\"verdict\":\"denied\",\"reason\":\"code-wrong\","
                        "\"user\":\"anna\",\"user_known\":true,\"address\":\"192.0.2.1\","
                        "\"service\":\"pgsignet\",\"policy\":\"default\","
                        "\"factors\":{\"throttle\":\"ok\",\"code\":\"wrong\"},"
                        "\"ms\":{\"code\":1.234,\"total\":2.0},\"backend_pid\":42,\"uid\":0,"
                        "\"detail\":\"a\\\\x0ab\"}\n");
}

/* An act of the CA: whom it is about, and room for what the ledger puts behind the line. */
static void test_certificate(void **state)
{
    static const uint8_t serial[] = {0x0a, 0xff, 0x00};
    static char detail[9000];
    struct audit_event event = {
        .time_ms = 1700000000000,
        .event = "issue",
        .result = "done",
        .subject = bytes_of("a\xff", 2),
        .serial = bytes_of(serial, sizeof serial),
        .object = "clients/a",
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_string_equal(line, "{\"time\":\"2023-11-14T22:13:20.000Z\",\"id\":\"0000000000000000\","
                              "\"event\":\"issue\",\"result\":\"done\","
                              "\"subject_escaped\":\"a\\\\xff\",\"serial\":\"0AFF00\","
                              "\"object\":\"clients/a\"}\n");
    memset(detail, 'x', sizeof detail - 1);
    event.detail = event.object = detail;
    event.room = 3000;
    size_t len = audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_true(len > 0 && len <= AUDIT_LINE_MAX - 3000);
}

static void test_hostile_names(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        const char *key, *shown;
    } rows[] = {
        {"a\nb",           3,  "user",         "a\nb"             },
        {"a\"},{\"x\":\"", 10, "user",         "a\"},{\"x\":\""   },
        {"jos\xc3\xa9",    5,  "user",         "jos\xc3\xa9"      },
        {"a\xff\\",        3,  "user_escaped", "a\\xff\\x5c"      },
        {"\xed\xa0\x80",   3,  "user_escaped", "\\xed\\xa0\\x80"  },
        {"a\xe2\x80\xa8z", 5,  "user_escaped", "a\\xe2\\x80\\xa8z"},
        {"\xc2\x9b"
         "1m",    4,  "user_escaped", "\\xc2\\x9b1m"     },
        {"a\0b",           3,  "user_escaped", "a\\x00b"          },
        {"\x7f",           1,  "user_escaped", "\\x7f"            },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_event event = {
            .event = "login", .user = bytes_of(rows[i].name, rows[i].len), .user_known = true};
        json_t *json = render(&event, UNKNOWN_NAMES_HASH);

        assert_text(json, rows[i].key, rows[i].shown);
        json_decref(json);
    }
}

static void test_unknown_names(void **state)
{
    struct audit_event event = {
        .event = "login", .user = bytes_str("hunter2"), .user_hash = "00112233"};
    json_t *json = render(&event, UNKNOWN_NAMES_HASH);
    char *text = json_dumps(json, 0);

    (void)state;
    assert_text(json, "user_hash", "00112233");
    assert_text(json, "address", "local");
    assert_null(strstr(text, "hunter2"));
    free(text);
    json_decref(json);

    event.user_hash = NULL;
    json = render(&event, UNKNOWN_NAMES_HASH);
    assert_true(json_is_null(json_object_get(json, "user_hash")));
    json_decref(json);

    json = render(&event, UNKNOWN_NAMES_PLAIN);
    assert_text(json, "user", "hunter2");
    assert_true(json_is_false(json_object_get(json, "user_known")));
    json_decref(json);
}

/* All texts at their longest, of the bytes that grow the most, still make one line. */
static void test_bounded(void **state)
{
    static const char fills[] = {'\x01', '\xff', '"', 'a'};
    char long_text[4000];

    (void)state;
    for (size_t i = 0; i < sizeof fills; i++) {
        struct bytes all = bytes_of(long_text, sizeof long_text - 1);
        struct audit_event event = {
            .event = "login",
            .user = all,
            .user_known = true,
            .address = all,
            .service = all,
            .policy = all,
            .group = long_text,
            .token = long_text,
            .exempt_reason = long_text,
            .detail = long_text,
        };
        json_t *json;

        memset(long_text, fills[i], sizeof long_text - 1);
        long_text[sizeof long_text - 1] = '\0';
        json = render(&event, UNKNOWN_NAMES_HASH);
        assert_non_null(json_object_get(json, "user_escaped"));
        json_decref(json);
    }
}

struct trail {
    char dir[40], path[64];
    struct settings_audit settings;
    struct audit *audit;
};

static void trail_open(struct trail *trail)
{
    char why[256] = "";

    *trail = (struct trail){.dir = "/tmp/pgsignet-audit-XXXXXX"};
    assert_non_null(mkdtemp(trail->dir));
    snprintf(trail->path, sizeof trail->path, "%s/a.jsonl", trail->dir);
    trail->settings.file = trail->path;
    trail->audit = audit_open(&trail->settings, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(trail->audit);
}

static void trail_close(struct trail *trail)
{
    audit_close(trail->audit);
    unlink(trail->path);
    assert_int_equal(rmdir(trail->dir), 0);
}

static size_t read_back(const struct trail *trail, char *buf, size_t size)
{
    FILE *f = fopen(trail->path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, size - 1, f);
    buf[n] = '\0';
    fclose(f);
    return n;
}

static const struct audit_event small_event = {.event = "init", .result = "done"};

static void test_append(void **state)
{
    struct trail trail;
    char buf[1024];
    struct stat st;

    (void)state;
    trail_open(&trail);
    assert_int_equal(stat(trail.path, &st), 0);
    assert_int_equal(st.st_mode & 07777 & ~0640u, 0);
    assert_int_equal(audit_write(trail.audit, &small_event), AUDIT_IN_FILE);
    assert_int_equal(audit_write(trail.audit, &small_event), AUDIT_IN_FILE);
    read_back(&trail, buf, sizeof buf);
    assert_non_null(strstr(buf, "}\n{"));
    trail_close(&trail);
}

/* Where somebody removed the file the next event is in a new one, not in what nobody can read. */
static void test_removed_file(void **state)
{
    struct trail trail;
    char buf[1024], moved[80];
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);

    (void)state;
    trail_open(&trail);
    assert_int_equal(audit_write(trail.audit, &small_event), AUDIT_IN_FILE);
    assert_int_equal(unlink(trail.path), 0);
    assert_int_equal(audit_write(trail.audit, &small_event), AUDIT_IN_FILE);
    assert_true(read_back(&trail, buf, sizeof buf) > 0);
    assert_null(strstr(buf, "}\n{")); /* the second alone */
    /* A renamed one is still somebody's: lines go there until a reload. */
    snprintf(moved, sizeof moved, "%s.1", trail.path);
    assert_int_equal(rename(trail.path, moved), 0);
    assert_int_equal(audit_write(trail.audit, &small_event), AUDIT_IN_FILE);
    assert_int_equal(access(trail.path, F_OK), -1);
    /* In its place what may not be a trail: then nothing took the line. */
    assert_int_equal(unlink(moved), 0);
    assert_int_equal(symlink("/dev/null", trail.path), 0);
    assert_true(nowhere >= 0 && saved >= 0 && dup2(nowhere, STDERR_FILENO) >= 0);
    enum audit_written written = audit_write(trail.audit, &small_event);
    dup2(saved, STDERR_FILENO);
    assert_int_equal(written, AUDIT_LOST);
    close(nowhere);
    close(saved);
    trail_close(&trail);
}

static void test_refused_files(void **state)
{
    struct trail trail;
    char why[256], link_path[64];
    struct settings_audit settings = {.file = link_path};

    (void)state;
    trail_open(&trail);
    snprintf(link_path, sizeof link_path, "%s/link", trail.dir);
    assert_int_equal(symlink(trail.path, link_path), 0);
    assert_null(audit_open(&settings, why, sizeof why));
    assert_non_null(strstr(why, "symbolic link"));
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(mkfifo(link_path, 0600), 0);
    assert_null(audit_open(&settings, why, sizeof why));
    assert_non_null(strstr(why, "not a regular file"));
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(chmod(trail.path, 0666), 0);
    settings.file = trail.path;
    assert_null(audit_open(&settings, why, sizeof why));
    assert_non_null(strstr(why, "everybody may write it"));
    settings.file = strcat(link_path, "/absent");
    assert_null(audit_open(&settings, why, sizeof why));
    assert_non_null(strstr(why, "No such file"));
    trail_close(&trail);
}

/* Runs with stderr on another descriptor; returns what audit_write said. */
static enum audit_written write_with_stderr(struct trail *trail, int fd)
{
    int saved = dup(STDERR_FILENO);
    enum audit_written written;

    assert_true(saved >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    written = audit_write(trail->audit, &small_event);
    dup2(saved, STDERR_FILENO);
    close(saved);
    return written;
}

static void set_file_limit(rlim_t limit)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A file that takes half a line: stderr has the whole one; the next line starts afresh. */
static void test_full_disk(void **state)
{
    struct trail trail;
    char buf[1024];
    int pipes[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ssize_t n;
    char *newline;

    (void)state;
    assert_true(full >= 0);
    assert_int_equal(pipe(pipes), 0);
    trail_open(&trail);
    signal(SIGXFSZ, SIG_IGN);
    set_file_limit(20);
    assert_int_equal(write_with_stderr(&trail, pipes[1]), AUDIT_ON_STDERR);
    n = read(pipes[0], buf, sizeof buf);
    assert_true(n > 20 && buf[0] == '{' && buf[n - 1] == '\n');
    assert_int_equal(write_with_stderr(&trail, full), AUDIT_LOST);
    assert_int_equal(write_with_stderr(&trail, null), AUDIT_LOST);
    set_file_limit(RLIM_INFINITY);
    assert_int_equal(write_with_stderr(&trail, full), AUDIT_IN_FILE);
    read_back(&trail, buf, sizeof buf);
    newline = strchr(buf, '\n');
    assert_non_null(newline);
    assert_int_equal(newline - buf, 20);
    assert_int_equal(newline[1], '{');
    trail_close(&trail);
    close(pipes[0]);
    close(pipes[1]);
    close(full);
    close(null);
}

/* Thousands of events share their appends, in order; what the file does not take is told at the end. */
static void test_held_lines(void **state)
{
    enum { EVENTS = 2000 };
    struct trail trail;
    size_t size = EVENTS * 200, n, lines = 0;
    char *buf = malloc(size), cluster[16];
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(STDERR_FILENO);
    struct audit_event event = small_event;

    (void)state;
    assert_non_null(buf);
    trail_open(&trail);
    event.cluster = cluster;
    audit_hold(trail.audit);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(cluster, sizeof cluster, "no %d", i);
        assert_int_equal(audit_write(trail.audit, &event), AUDIT_IN_FILE);
        if (i == 0)
            assert_int_equal(read_back(&trail, buf, size), 0); /* it is held */
    }
    assert_int_equal(audit_release(trail.audit), AUDIT_IN_FILE);
    n = read_back(&trail, buf, size);
    for (char *line = buf, *end; (end = memchr(line, '\n', (size_t)(buf + n - line))); line = end + 1) {
        *end = '\0';
        snprintf(cluster, sizeof cluster, "\"no %zu\"}", lines++);
        assert_non_null(strstr(line, cluster));
    }
    assert_int_equal(lines, EVENTS);

    signal(SIGXFSZ, SIG_IGN);
    set_file_limit(20);
    audit_hold(trail.audit);
    assert_int_equal(audit_write(trail.audit, &event), AUDIT_IN_FILE);
    dup2(null, STDERR_FILENO);
    assert_int_equal(audit_release(trail.audit), AUDIT_LOST);
    dup2(saved, STDERR_FILENO);
    set_file_limit(RLIM_INFINITY);
    trail_close(&trail);
    free(buf);
    close(null);
    close(saved);
}

/* Without a file the line is on stderr: syslog alone would not be sure. */
static void test_no_file(void **state)
{
    static char none[] = "";
    struct settings_audit settings = {.file = none};
    char why[64];
    struct trail trail = {.audit = audit_open(&settings, why, sizeof why)};
    int pipes[2];
    char first;

    (void)state;
    assert_non_null(trail.audit);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write_with_stderr(&trail, pipes[1]), AUDIT_ON_STDERR);
    assert_int_equal(read(pipes[0], &first, 1), 1);
    assert_int_equal(first, '{');
    close(pipes[0]);
    close(pipes[1]);
    audit_close(trail.audit);
}

/* An alert finds its way to syslog whatever the settings say, and says so; others do not. */
static void test_alert(void **state)
{
    static char none[] = "";
    struct settings_audit settings = {.file = none};
    struct audit_event event = {.event = "login", .reason = REASON_CODE_WRONG};
    char why[64], line[AUDIT_LINE_MAX + 1];
    struct audit *audit = audit_open(&settings, why, sizeof why);

    (void)state;
    assert_non_null(audit);
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_null(strstr(line, "severity"));
    syslog_capture_reset();
    audit_write(audit, &event);
    assert_string_equal(syslog_captured(), "");
    event.severity = SEVERITY_ALERT;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_non_null(strstr(line, "\"severity\":\"alert\""));
    audit_write(audit, &event);
    assert_string_not_equal(syslog_captured(), "");
    assert_int_equal(syslog_captured_priority(), LOG_AUTHPRIV | LOG_ALERT);
    settings.syslog = true;
    event.severity = SEVERITY_USUAL;
    audit_write(audit, &event);
    assert_int_equal(syslog_captured_priority(), LOG_AUTHPRIV | LOG_INFO);
    audit_close(audit);
}

static void test_every_tame_byte_reads_back(void **state)
{
    char name[0x7f];
    struct audit_event event = {.event = "login", .user_known = true};

    (void)state;
    for (int c = 1; c < 0x7f; c++)
        name[c - 1] = (char)c;
    name[0x7e] = '\0';
    event.user = bytes_str(name);
    json_t *json = render(&event, UNKNOWN_NAMES_HASH);
    assert_text(json, "user", name);
    json_decref(json);
}

static void test_times_are_reals(void **state)
{
    const struct audit_event event = {
        .event = "login",
        .steps = {.code_us = 1, .password_us = 2500, .role_us = 12340, .total_us = 3000000},
    };
    char line[AUDIT_LINE_MAX + 1];

    (void)state;
    audit_render(&event, UNKNOWN_NAMES_HASH, line);
    assert_non_null(
        strstr(line, "\"ms\":{\"code\":0.001,\"password\":2.5,\"role\":12.34,\"total\":3000.0}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_line),    cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_unknown_names), cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_append),        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_full_disk),     cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_every_tame_byte_reads_back),
        cmocka_unit_test(test_times_are_reals),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_alert),
        cmocka_unit_test(test_held_lines),
        cmocka_unit_test(test_removed_file),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
