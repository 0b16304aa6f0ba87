/* The audit trail: a file that is torn, full, removed or unfit; no file at all; alerts. */
#include "config.h"

#include "common/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/syslog_capture.h"

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
    for (char *line = buf, *end; (end = memchr(line, '\n', (size_t)(buf + n - line)));
         line = end + 1) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),        cmocka_unit_test(test_removed_file),
        cmocka_unit_test(test_refused_files), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_held_lines),    cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_alert),
    };

    return cmocka_run_group_tests_name("audit_trail", tests, NULL, NULL);
}
