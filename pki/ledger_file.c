/* Where the ledger's file is, and whether it is one that only the CA's owner writes. */
#include "config.h"

#include "pki/ledger_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_fault(const struct stat *st, bool read_only)
{
    if (S_ISLNK(st->st_mode))
        return "it is a symbolic link; put the file itself there";
    if (!S_ISREG(st->st_mode))
        return "it is not a regular file";
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write it; chmod it to 0600, and run `pgsignet-ca check`";
    if (!read_only && st->st_uid != geteuid())
        return "it belongs to somebody else; run this as its owner";
    return NULL;
}

bool ledger_check_file(int folder_fd, const char *folder, bool read_only, char *why, size_t size)
{
    struct stat st;
    const char *fault = NULL;

    if (fstatat(folder_fd, LEDGER_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
        fault = errno == ENOENT ? "there is none; `pgsignet-ca init` makes a CA, `adopt` takes one "
                                  "over"
                                : strerror(errno);
    else
        fault = file_fault(&st, read_only);
    if (fault != NULL)
        snprintf(why, size, "cannot open the ledger %s/" LEDGER_FILE ": %s", folder, fault);
    return fault == NULL;
}

char *ledger_true_path(int folder_fd, const char *folder, const char *name, char *why, size_t size)
{
    char link[64], path[PATH_MAX] = "";
    struct stat there, ours;

    /* By the descriptor, whatever the name leads to by now; without /proc by the name, and compared. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder_fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n > 0)
        path[n] = '\0';
    else if (realpath(folder, path) == NULL)
        path[0] = '\0';
    if (path[0] != '/' || stat(path, &there) != 0 || fstat(folder_fd, &ours) != 0 ||
        there.st_dev != ours.st_dev || there.st_ino != ours.st_ino) {
        snprintf(why, size, "cannot open the ledger: the folder %s was moved or removed meanwhile",
                 folder);
        return NULL;
    }
    return g_strdup_printf("%s/%s", path, name);
}

bool ledger_same_file(int folder_fd, const char *path)
{
    struct stat there, ours;

    return lstat(path, &there) == 0 &&
           fstatat(folder_fd, LEDGER_FILE, &ours, AT_SYMLINK_NOFOLLOW) == 0 &&
           there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}
