#include "config.h"

#include "tests/unit/pki_online_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "PGSIGNET_ONLINE_TEST"

const char *folder;
char why[ONLINE_WHY];

static const char mock[] = "#!/bin/sh\n"
                           "cd \"${0%/*}\" && cat >request && cat answer\n";

void put(const char *name, const char *content, mode_t mode)
{
    char *path = g_build_filename(folder, name, NULL);

    assert_true(g_file_set_contents(path, content, -1, NULL));
    assert_int_equal(chmod(path, mode), 0);
    g_free(path);
}

void answer_is(const char *text)
{
    put("answer", text, 0600);
}

json_t *last_request(void)
{
    char *path = g_build_filename(folder, "request", NULL);
    json_t *request = json_load_file(path, 0, NULL);

    assert_non_null(request);
    g_free(path);
    return request;
}

static int become_a_copy(char **argv)
{
    char *dir = g_dir_make_tmp("pgsignet-online.XXXXXX", NULL);
    char *copy = g_build_filename(dir, "test", NULL), *program = NULL, *self = NULL;
    gsize len = 0;
    int status = -1;

    if (dir == NULL || !g_file_get_contents("/proc/self/exe", &self, &len, NULL) ||
        !g_file_set_contents(copy, self, (gssize)len, NULL) || chmod(copy, 0700) != 0)
        return EXIT_FAILURE;
    program = g_build_filename(dir, "pgsignet-ca-online", NULL);
    if (!g_file_set_contents(program, mock, -1, NULL) || chmod(program, 0700) != 0)
        return EXIT_FAILURE;
    g_setenv(FOLDER, dir, TRUE);
    pid_t child = fork();
    if (child == 0) {
        execv(copy, argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    static const char *const names[] = {
        "test", "pgsignet-ca-online", "request", "answer", "script", "pid", "pid-file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = g_build_filename(dir, names[i], NULL);
        g_unlink(path);
        g_free(path);
    }
    g_rmdir(dir);
    g_free(dir);
    g_free(copy);
    g_free(program);
    g_free(self);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int mock_run_beside(char **argv)
{
    folder = getenv(FOLDER);
    return folder != NULL ? -1 : become_a_copy(argv);
}
