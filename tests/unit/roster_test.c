/* Rosters from text, terms, and the folder of pages: what is taken, and what is refused. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mfa/enroll.h"
#include "mfa/page_folder.h"
#include "mfa/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool parse(const char *text, size_t len, struct roster *roster, char **faults)
{
    size_t size;
    FILE *stream = open_memstream(faults, &size);

    assert_non_null(stream);
    bool good = roster_parse(bytes_of(text, len), "list", stream, roster);
    fclose(stream);
    return good;
}

static void users_are_read_one_a_line(void **state)
{
    static const char text[] = "\xef\xbb\xbf# staff\r\n\n carol \r\nalice\nzo\xc3\xab\n\t\na b";
    static const char *const names[] = {"a b", "alice", "carol", "zo\xc3\xab"};
    struct roster roster;
    char *faults;

    (void)state;
    assert_true(parse(text, sizeof text - 1, &roster, &faults));
    assert_string_equal(faults, "");
    assert_int_equal(roster.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(roster.at[i].name, names[i]);
    assert_int_equal(roster.at[2].line, 3);
    roster_free(&roster);
    free(faults);
}

static void bad_lines_are_named(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *faults;
    } rows[] = {
        {"a\nb\na\n", 6, "list:3: the same user as in line 1\n"},
        {"a\n\xff\nb", 5, "list:2: this is not a name in UTF-8\n"},
        {"a\0b\n", 4, "list:1: this is not a name in UTF-8\n"},
        {"\033[2J\n", 5, "list:1: this is not a name in UTF-8\n"},
        {"# nobody\n", 9, "list:1: there is no user in this file\n"},
        {"", 0, "list:1: there is no user in this file\n"},
        {"0123456789012345678901234567890123456789012345678901234567890123", 64,
         "list:1: a user's name has at most 63 bytes\n"},
    };
    struct roster roster;
    char *faults;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(parse(rows[i].text, rows[i].len, &roster, &faults));
        assert_string_equal(faults, rows[i].faults);
        assert_int_equal(roster.n, 0);
        assert_null(roster.at);
        free(faults);
    }
}

static void many_faults_are_counted(void **state)
{
    char text[200];
    struct roster roster;
    char *faults;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 == 0 ? '\xff' : '\n';
    assert_false(parse(text, sizeof text, &roster, &faults));
    assert_non_null(strstr(faults, "list:20: "));
    assert_null(strstr(faults, "list:21: "));
    assert_non_null(strstr(faults, "list: 80 more faults\n"));
    free(faults);
}

static void terms_are_durations_or_days(void **state)
{
    const int64_t now = 1796515200; /* 2026-12-06 */
    int64_t until;

    (void)state;
    assert_true(enroll_until("14d", now, &until));
    assert_int_equal(until, now + 14 * 86400);
    assert_true(enroll_until("2026-12-31", now, &until));
    assert_int_equal(until, 1798761600); /* 2027-01-01 00:00 */
    assert_false(enroll_until("2026-12-04", now, &until));
    assert_false(enroll_until("2099-01-01", now, &until));
    assert_false(enroll_until("0", now, &until));
    assert_false(enroll_until("-1d", now, &until));
    assert_false(enroll_until("3651d", now, &until));
    assert_false(enroll_until("soon", now, &until));
}

static void qr_goes_where_it_is_told(void **state)
{
    enum enroll_qr form;
    const char *path;

    (void)state;
    assert_true(enroll_qr_read("terminal", &form, &path));
    assert_int_equal(form, QR_IN_TERMINAL);
    assert_null(path);
    assert_true(enroll_qr_read("svg:a:b", &form, &path));
    assert_int_equal(form, QR_IN_SVG);
    assert_string_equal(path, "a:b");
    assert_true(enroll_qr_read("png:/x", &form, &path));
    assert_int_equal(form, QR_IN_PNG);
    assert_false(enroll_qr_read("png:", &form, &path));
    assert_false(enroll_qr_read("gif:x", &form, &path));
    assert_false(enroll_qr_read("terminal:x", &form, &path));
    assert_false(enroll_qr_read("", &form, &path));
}

static char base[] = "/tmp/roster_test.XXXXXX";

static const char *in_base(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static void touch(const char *path, mode_t mode, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

static void qr_file_is_new_or_ours_and_empty(void **state)
{
    struct stat st;
    int fd;

    (void)state;
    fd = enroll_qr_open(in_base("new.svg"));
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    close(fd);
    fd = enroll_qr_open(in_base("new.svg"));
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlink("new.svg", in_base("link.svg")), 0);
    assert_int_equal(enroll_qr_open(in_base("link.svg")), -1);
    touch(in_base("full.svg"), 0600, "x");
    assert_int_equal(enroll_qr_open(in_base("full.svg")), -1);
    touch(in_base("open.svg"), 0644, "");
    assert_int_equal(enroll_qr_open(in_base("open.svg")), -1);
    assert_int_equal(mkfifo(in_base("fifo"), 0600), 0);
    assert_int_equal(enroll_qr_open(in_base("fifo")), -1);
    assert_int_equal(enroll_qr_open(in_base("none/x.svg")), -1);
}

static void only_a_private_folder_is_taken(void **state)
{
    struct owner self = {geteuid(), getegid()};
    struct page_folder folder = {.fd = -1};
    char why[512];
    struct stat st;

    (void)state;
    assert_true(page_folder_open(&folder, in_base("pages"), &self, why, sizeof why));
    assert_int_equal(fstat(folder.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    struct page_folder second = {.fd = -1};
    assert_false(page_folder_open(&second, in_base("pages"), &self, why, sizeof why));
    assert_non_null(strstr(why, "another run"));
    page_folder_close(&folder);
    assert_true(page_folder_open(&folder, in_base("pages"), &self, why, sizeof why));
    page_folder_close(&folder);
    assert_int_equal(symlink("pages", in_base("link")), 0);
    assert_false(page_folder_open(&folder, in_base("link"), &self, why, sizeof why));
    assert_int_equal(folder.fd, -1);
    assert_false(page_folder_open(&folder, in_base("full.svg"), &self, why, sizeof why));
    assert_int_equal(chmod(in_base("pages"), 0750), 0);
    assert_false(page_folder_open(&folder, in_base("pages"), &self, why, sizeof why));
    assert_non_null(strstr(why, "chmod 700"));
    assert_int_equal(chmod(in_base("pages"), 0700), 0);
    if (geteuid() == 0) {
        struct owner other = {12345, 12345};
        touch(in_base("pages/x"), 0600, "");
        assert_false(page_folder_open(&folder, in_base("pages"), &other, why, sizeof why));
        assert_int_equal(unlink(in_base("pages/x")), 0);
        assert_true(page_folder_open(&folder, in_base("pages"), &other, why, sizeof why));
        assert_int_equal(fstat(folder.fd, &st), 0);
        assert_int_equal(st.st_uid, 12345);
        page_folder_close(&folder);
    }
}

static void page_is_whole_or_not_there(void **state)
{
    static const uint8_t secret[] = "12345678901234567890";
    struct owner self = {geteuid(), getegid()};
    struct token_info info = {
        .id = 77, .user = "alice", .user_len = 5, .name = "default", .digits = 6, .period = 30};
    struct page page = {.info = &info, .issuer = "X", .secret = bytes_of(secret, 20)};
    struct bytes user = bytes_str("alice");
    struct stat st;
    char why[512];

    (void)state;
    for (int png = 0; png < 2; png++) {
        struct page_folder folder = {.fd = -1, .png = png};
        assert_true(
            page_folder_open(&folder, in_base(png ? "png" : "svg"), &self, why, sizeof why));
        assert_false(page_folder_has(&folder, user, "default", 77));
        assert_int_equal(page_folder_write(&folder, &page), 0);
        assert_int_equal(page_folder_write(&folder, &page), 0); /* over the part of a killed run */
        assert_false(page_folder_has(&folder, user, "default", 77));
        assert_int_equal(page_folder_sync(&folder), 0);
        assert_int_equal(page_folder_finish(&folder, user, "default"), 0);
        assert_true(page_folder_has(&folder, user, "default", 77));
        assert_false(page_folder_has(&folder, user, "default", 78));
        assert_false(page_folder_has(&folder, user, "other", 77));
        assert_int_equal(fstatat(folder.fd, png ? "alice.png" : "alice.svg", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        if (png) {
            assert_int_equal(unlinkat(folder.fd, "alice.png", 0), 0);
            assert_false(page_folder_has(&folder, user, "default", 77));
        }
        assert_int_equal(page_folder_finish(&folder, user, "default"), ENOENT);
        page_folder_close(&folder);
    }
}

static int make_base(void **state)
{
    (void)state;
    return mkdtemp(base) != NULL ? 0 : -1;
}

static int remove_base(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", base); /* of mkdtemp */
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_read_one_a_line),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(many_faults_are_counted),
        cmocka_unit_test(terms_are_durations_or_days),
        cmocka_unit_test(qr_goes_where_it_is_told),
        cmocka_unit_test(qr_file_is_new_or_ours_and_empty),
        cmocka_unit_test(only_a_private_folder_is_taken),
        cmocka_unit_test(page_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
