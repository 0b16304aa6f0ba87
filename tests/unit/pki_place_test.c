/* Proves that files get into their places whole, with their modes, and never through what somebody put there. */
#include "config.h"

#include "pki/place.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct box {
    char folder[64];
    int fd;
    char why[PLACE_WHY];
};

static int begin(void **state)
{
    struct box *box = g_new0(struct box, 1);

    snprintf(box->folder, sizeof box->folder, "/tmp/pki_place_XXXXXX");
    assert_non_null(mkdtemp(box->folder));
    box->fd = open(box->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = box;
    return 0;
}

static int end(void **state)
{
    struct box *box = *state;
    char command[128];

    close(box->fd);
    snprintf(command, sizeof command, "rm -rf '%s'", box->folder);
    assert_int_equal(system(command), 0);
    g_free(box);
    return 0;
}

static struct place_file file(const char *path, mode_t mode, const char *content, bool replace)
{
    return (struct place_file){
        .path = path, .mode = mode, .content = bytes_str(content), .replace = replace};
}

static bool write_one(struct box *box, const char *path, const char *content, bool replace)
{
    struct place_file one = file(path, 0600, content, replace);

    return place_write(box->fd, &one, 1, box->why, sizeof box->why);
}

static void says(struct box *box, const char *words)
{
    if (strstr(box->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", box->why, words);
}

static void holds(struct box *box, const char *path, const char *content)
{
    GByteArray *got = g_byte_array_new();

    if (!place_load(box->fd, path, false, 4096, got, box->why, sizeof box->why))
        fail_msg("%s", box->why);
    assert_int_equal(got->len, strlen(content));
    assert_memory_equal(got->data, content, got->len);
    g_byte_array_unref(got);
}

static mode_t mode_of(struct box *box, const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(box->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st.st_mode & 07777;
}

/* How many names there are below a folder of the box. */
static int names_in(struct box *box, const char *path)
{
    DIR *list = fdopendir(openat(box->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int n = 0;

    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(list);
    return n;
}

static void modes_are_what_was_asked_for_under_any_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    struct box *box = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
        char paths[3][32];
        for (int j = 0; j < 3; j++)
            snprintf(paths[j], sizeof paths[j], "d%zu/f%d", i, j);
        struct place_file files[] = {
            file(paths[0], 0600, "a", false),
            file(paths[1], 0644, "b", false),
            file(paths[2], 0640, "c", false),
        };
        mode_t before = umask(masks[i]);
        bool done = place_write(box->fd, files, 3, box->why, sizeof box->why);
        umask(before);
        if (!done)
            fail_msg("%s", box->why);
        assert_int_equal(mode_of(box, paths[0]), 0600);
        assert_int_equal(mode_of(box, paths[1]), 0644);
        assert_int_equal(mode_of(box, paths[2]), 0640);
        snprintf(paths[0], sizeof paths[0], "d%zu", i);
        assert_int_equal(mode_of(box, paths[0]), 0700);
        assert_int_equal(names_in(box, paths[0]), 3);
    }
}

static void an_owner_is_set_before_the_file_has_its_place(void **state)
{
    struct box *box = *state;
    struct place_file one = file("key", 0640, "secret", false);
    struct stat st;

    if (geteuid() != 0)
        skip();
    one.set_owner = true;
    one.uid = 12345;
    one.gid = 23456;
    assert_true(place_write(box->fd, &one, 1, box->why, sizeof box->why));
    assert_int_equal(fstatat(box->fd, "key", &st, 0), 0);
    assert_int_equal(st.st_uid, 12345);
    assert_int_equal(st.st_gid, 23456);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_file_that_is_there_is_replaced_only_when_asked(void **state)
{
    struct box *box = *state;

    assert_true(write_one(box, "a", "one", false));
    assert_false(write_one(box, "a", "two", false));
    says(box, "there is a file already");
    holds(box, "a", "one");
    assert_true(write_one(box, "a", "two", true));
    holds(box, "a", "two");
    assert_int_equal(names_in(box, "."), 1);
}

static void links_fifos_and_folders_in_the_place_are_refused(void **state)
{
    struct box *box = *state;

    assert_int_equal(symlinkat("/etc/passwd", box->fd, "link"), 0);
    assert_int_equal(symlinkat("nowhere", box->fd, "dangling"), 0);
    assert_int_equal(mkfifoat(box->fd, "fifo", 0600), 0);
    assert_int_equal(mkdirat(box->fd, "dir", 0700), 0);
    assert_false(write_one(box, "link", "x", true));
    says(box, "symbolic link");
    assert_false(write_one(box, "dangling", "x", false));
    says(box, "symbolic link");
    assert_false(write_one(box, "fifo", "x", true));
    says(box, "FIFO");
    assert_false(write_one(box, "dir", "x", true));
    says(box, "folder");
    assert_int_equal(names_in(box, "."), 4);
}

static void what_appears_after_preparing_is_refused_as_well(void **state)
{
    struct box *box = *state;
    struct place_file one = file("a", 0600, "x", false);

    assert_true(place_prepare(box->fd, &one, 1, "T", box->why, sizeof box->why));
    assert_int_equal(symlinkat("elsewhere", box->fd, "a"), 0);
    assert_false(place_commit(box->fd, &one, 1, "T", box->why, sizeof box->why));
    says(box, "symbolic link");
    assert_int_equal(unlinkat(box->fd, "a", 0), 0);
    int fd = openat(box->fd, "a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_false(place_commit(box->fd, &one, 1, "T", box->why, sizeof box->why));
    says(box, "there is a file already");
    assert_int_equal(unlinkat(box->fd, "a", 0), 0);
    assert_true(place_commit(box->fd, &one, 1, "T", box->why, sizeof box->why));
    holds(box, "a", "x");
}

static void a_link_on_the_way_is_refused(void **state)
{
    struct box *box = *state;

    assert_int_equal(mkdirat(box->fd, "real", 0700), 0);
    assert_int_equal(symlinkat("real", box->fd, "way"), 0);
    assert_false(write_one(box, "way/a", "x", false));
    says(box, "symbolic link");
    assert_int_equal(names_in(box, "real"), 0);
}

static void paths_do_not_lead_out(void **state)
{
    static const char *const paths[] = {"../x", "a/../../x", "",          "a//b",
                                        "./a",  "a/",        "/tmp/../x", "/"};
    struct box *box = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        assert_false(write_one(box, paths[i], "x", true));
        says(box, "refused");
    }
    assert_int_equal(names_in(box, "."), 0);
}

static void an_absolute_place_needs_its_folder(void **state)
{
    struct box *box = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/absolute", box->folder);
    assert_true(write_one(box, path, "x", false));
    holds(box, "absolute", "x");
    snprintf(path, sizeof path, "%s/none/absolute", box->folder);
    assert_false(write_one(box, path, "x", false));
    says(box, "cannot get at the folder");
}

/* PostgreSQL's user owns the folders that root puts files into. */
static void a_link_on_an_absolute_way_is_followed_only_where_nobody_else_could_set_it(void **state)
{
    struct box *box = *state;
    char path[160];

    assert_int_equal(mkdirat(box->fd, "real", 0700), 0);
    assert_int_equal(mkdirat(box->fd, "others", 0777), 0);
    assert_int_equal(fchmodat(box->fd, "others", 0777, 0), 0);
    assert_int_equal(symlinkat("real", box->fd, "ours"), 0);
    assert_int_equal(symlinkat("../real", box->fd, "others/theirs"), 0);
    assert_int_equal(symlinkat("round", box->fd, "round"), 0);
    snprintf(path, sizeof path, "%s/ours/a", box->folder);
    assert_true(write_one(box, path, "one", false));
    holds(box, "real/a", "one");
    snprintf(path, sizeof path, "%s/others/theirs/b", box->folder);
    assert_false(write_one(box, path, "two", false));
    says(box, "somebody else than root or you");
    snprintf(path, sizeof path, "%s/round/b", box->folder);
    assert_false(write_one(box, path, "two", false));
    assert_int_equal(faccessat(box->fd, "real/b", F_OK, 0), -1);
}

static void when_one_cannot_be_prepared_nothing_is_left(void **state)
{
    struct box *box = *state;
    struct place_file files[] = {
        file("a", 0600, "one", false),
        file("b", 0600, "two", false),
        file("c", 0600, "three", false),
    };

    assert_int_equal(mkfifoat(box->fd, "c", 0600), 0);
    assert_false(place_prepare(box->fd, files, 3, "T", box->why, sizeof box->why));
    assert_int_equal(names_in(box, "."), 1);
}

static void parts_tell_how_far_it_came_and_go_on(void **state)
{
    struct box *box = *state;
    struct place_file files[] = {
        file("d/a.crt", 0644, "one", false),
        file("d/a.key", 0600, "two", false),
    };
    GByteArray *part = g_byte_array_new();

    assert_int_equal(place_state(box->fd, files, 2, "01AB"), PLACE_NOTHING);
    assert_true(place_prepare(box->fd, files, 2, "01AB", box->why, sizeof box->why));
    assert_int_equal(names_in(box, "d"), 2);
    assert_int_equal(faccessat(box->fd, "d/.a.crt.01AB.part", F_OK, 0), 0);
    assert_int_equal(mode_of(box, "d/.a.key.01AB.part"), 0600);
    assert_int_equal(place_state(box->fd, files, 2, "01AB"), PLACE_PREPARED);
    assert_int_equal(place_state(box->fd, files, 2, "01AC"), PLACE_NOTHING);
    assert_true(place_read(box->fd, "d/a.crt", "01AB", true, 100, part));
    assert_memory_equal(part->data, "one", 3);
    assert_false(place_read(box->fd, "d/a.crt", "01AB", false, 100, part));
    /* The first rename was done, then it was killed. */
    assert_int_equal(renameat(box->fd, "d/.a.crt.01AB.part", box->fd, "d/a.crt"), 0);
    assert_int_equal(place_state(box->fd, files, 2, "01AB"), PLACE_SOME);
    assert_true(place_resume(box->fd, files, 2, "01AB", box->why, sizeof box->why));
    holds(box, "d/a.crt", "one");
    holds(box, "d/a.key", "two");
    assert_int_equal(place_state(box->fd, files, 2, "01AB"), PLACE_NOTHING);
    assert_true(place_resume(box->fd, files, 2, "01AB", box->why, sizeof box->why));
    g_byte_array_unref(part);
}

static void a_commit_can_be_called_again(void **state)
{
    struct box *box = *state;
    struct place_file files[] = {file("a", 0600, "one", false), file("b", 0600, "two", true)};

    assert_true(place_prepare(box->fd, files, 2, "T", box->why, sizeof box->why));
    assert_true(place_commit(box->fd, files, 2, "T", box->why, sizeof box->why));
    assert_true(place_commit(box->fd, files, 2, "T", box->why, sizeof box->why));
    files[0].content = bytes_str("uno"); /* but what is there has to be it */
    assert_false(place_commit(box->fd, files, 2, "T", box->why, sizeof box->why));
}

static void a_rollback_leaves_the_places_alone(void **state)
{
    struct box *box = *state;
    struct place_file one = file("a", 0600, "new", true);

    assert_true(write_one(box, "a", "old", false));
    assert_true(place_prepare(box->fd, &one, 1, "T", box->why, sizeof box->why));
    place_rollback(box->fd, &one, 1, "T");
    holds(box, "a", "old");
    assert_int_equal(names_in(box, "."), 1);
}

static void many_files_are_prepared_at_once(void **state)
{
    struct box *box = *state;
    struct place_file files[300];
    char paths[300][16];

    for (int i = 0; i < 300; i++) {
        snprintf(paths[i], sizeof paths[i], "m/%d", i);
        files[i] = file(paths[i], 0600, paths[i], false);
    }
    if (!place_write(box->fd, files, 300, box->why, sizeof box->why))
        fail_msg("%s", box->why);
    holds(box, "m/299", "m/299");
    assert_int_equal(names_in(box, "m"), 300);
}

static void only_regular_files_of_a_size_are_loaded(void **state)
{
    struct box *box = *state;
    GByteArray *got = g_byte_array_new();

    assert_true(write_one(box, "a", "12345", false));
    assert_true(place_load(box->fd, "a", false, 5, got, box->why, sizeof box->why));
    assert_false(place_load(box->fd, "a", false, 4, got, box->why, sizeof box->why));
    says(box, "too long");
    assert_int_equal(got->len, 0);
    assert_int_equal(symlinkat("a", box->fd, "link"), 0);
    assert_false(place_load(box->fd, "link", false, 5, got, box->why, sizeof box->why));
    says(box, "symbolic link");
    assert_true(place_load(box->fd, "link", true, 5, got, box->why, sizeof box->why));
    assert_int_equal(mkfifoat(box->fd, "fifo", 0600), 0); /* and nobody waits for a writer */
    assert_false(place_load(box->fd, "fifo", true, 5, got, box->why, sizeof box->why));
    says(box, "not a regular file");
    assert_false(place_load(box->fd, "none", true, 5, got, box->why, sizeof box->why));
    g_byte_array_unref(got);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(modes_are_what_was_asked_for_under_any_umask),
        test(an_owner_is_set_before_the_file_has_its_place),
        test(a_file_that_is_there_is_replaced_only_when_asked),
        test(links_fifos_and_folders_in_the_place_are_refused),
        test(what_appears_after_preparing_is_refused_as_well),
        test(a_link_on_the_way_is_refused),
        test(paths_do_not_lead_out),
        test(an_absolute_place_needs_its_folder),
        test(a_link_on_an_absolute_way_is_followed_only_where_nobody_else_could_set_it),
        test(when_one_cannot_be_prepared_nothing_is_left),
        test(parts_tell_how_far_it_came_and_go_on),
        test(a_commit_can_be_called_again),
        test(a_rollback_leaves_the_places_alone),
        test(many_files_are_prepared_at_once),
        test(only_regular_files_of_a_size_are_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
