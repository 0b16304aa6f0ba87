#include "config.h"

#include "mfa/transfer_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "mfa/transfer.h"

#define CHUNK      65536  /* bytes */
#define FOLDER_MAX 100000 /* files */

/* Reads to the end; the buffer grows by half, and what it leaves is wiped.  0 or an errno. */
static int read_all(int fd, size_t max, struct secret *out)
{
    struct secret held = {0};
    size_t used = 0;

    if (!secret_alloc(&held, CHUNK))
        return ENOMEM;
    for (;;) {
        if (used == held.len) {
            struct secret larger = {0};
            size_t wanted = held.len + held.len / 2;
            if (used > max || !secret_alloc(&larger, wanted > max + 1 ? max + 1 : wanted)) {
                secret_free(&held);
                return used > max ? EFBIG : ENOMEM;
            }
            memcpy(larger.ptr, held.ptr, used);
            secret_free(&held);
            held = larger;
        }
        ssize_t got = read(fd, held.ptr + used, held.len - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int saved = errno;
            secret_free(&held);
            return saved;
        }
        if (got == 0)
            break;
        used += (size_t)got;
        if (used > max) {
            secret_free(&held);
            return EFBIG;
        }
    }
    held.ptr[used] = 0;
    held.len = used;
    *out = held;
    return 0;
}

static bool add(struct transfer_sources *out, const char *folder, const char *name)
{
    struct transfer_source *moved = reallocarray(out->at, out->n + 1, sizeof *moved);
    struct transfer_source source = {0};

    if (moved == NULL)
        return false;
    out->at = moved;
    if (asprintf(&source.name, "%s%s%s", folder ? folder : "", folder ? "/" : "", name) < 0)
        return false;
    if (folder != NULL)
        source.base = source.name + strlen(folder) + 1;
    out->at[out->n++] = source;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct transfer_source *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int read_folder(int fd, const char *path, size_t max, struct transfer_sources *out)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (folder == NULL) {
        rc = errno;
        close(fd);
        return rc;
    }
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        struct stat st;
        struct secret text;
        if (entry->d_name[0] == '.')
            continue;
        int file = openat(fd, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file < 0 || fstat(file, &st) != 0)
            rc = errno;
        else if (S_ISREG(st.st_mode) && (out->n >= FOLDER_MAX || !add(out, path, entry->d_name)))
            rc = out->n >= FOLDER_MAX ? EFBIG : ENOMEM;
        else if (S_ISREG(st.st_mode) && (rc = read_all(file, max, &text)) == 0) {
            max -= text.len;
            out->at[out->n - 1].text = text;
        }
        if (file >= 0)
            close(file);
    }
    closedir(folder);
    if (out->n > 0)
        qsort(out->at, out->n, sizeof *out->at, by_name);
    return rc;
}

bool transfer_sources_read(const char *path, size_t max, struct transfer_sources *out)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    int rc = 0;

    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = errno;
    } else if (S_ISDIR(st.st_mode)) {
        rc = read_folder(fd, path, max, out);
        fd = -1;
    } else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
        rc = EINVAL;
    } else {
        rc = add(out, NULL, path) ? read_all(fd, max, &out->at[0].text) : ENOMEM;
    }
    if (fd >= 0)
        close(fd);
    if (rc == EFBIG)
        log_error("%s has more than %zu bytes, or too many files", path, max);
    else if (rc != 0)
        log_error("cannot read %s: %s", path,
                  rc == EINVAL ? "it is no file, pipe or folder" : strerror(rc));
    return rc == 0;
}

void transfer_sources_free(struct transfer_sources *sources)
{
    for (size_t i = 0; i < sources->n; i++) {
        free(sources->at[i].name);
        secret_free(&sources->at[i].text);
    }
    free(sources->at);
    *sources = (struct transfer_sources){0};
}

static bool read_secret(const char *path, struct secret *out)
{
    errno = 0;
    const char *fault = secret_read_file(out, path, 4096);

    if (fault != NULL)
        log_error("%s %s%s%s", path, fault, errno != 0 ? ": " : "",
                  errno != 0 ? strerror(errno) : "");
    return fault == NULL;
}

static bool is_key_length(size_t len)
{
    return len == 16 || len == 24 || len == 32;
}

/* Without the line end. */
static struct bytes first_line(struct bytes text)
{
    const uint8_t *end = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;

    if (end != NULL)
        text.len = (size_t)(end - text.ptr);
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

bool transfer_key_read(const char *path, struct secret *key)
{
    struct secret text = {0};
    bool good = false;

    *key = (struct secret){0};
    if (!read_secret(path, &text))
        return false;
    if (transfer_hex(first_line(secret_bytes(&text)), key) && is_key_length(key->len)) {
        good = true;
    } else {
        secret_free(key);
        good = is_key_length(text.len) && secret_copy(key, secret_bytes(&text));
    }
    secret_free(&text);
    if (!good)
        log_error("%s holds no key of 16, 24 or 32 bytes, raw or hexadecimal", path);
    return good;
}

bool transfer_password_read(const char *path, struct secret *password)
{
    struct secret text = {0};

    *password = (struct secret){0};
    if (!read_secret(path, &text))
        return false;
    struct bytes line = first_line(secret_bytes(&text));
    bool good = line.len > 0 && secret_copy(password, line);
    secret_free(&text);
    if (!good)
        log_error("%s holds no password in its first line", path);
    return good;
}
