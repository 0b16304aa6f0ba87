#include "config.h"

#include "mfa/page_folder.h"

#include "common/write_all.h"
#include "mfa/new_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART     ".part"
#define PART_MAX (PAGE_NAME_MAX + sizeof PART)

static bool is_empty(int fd)
{
    bool empty = true;
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;

    if (listing == NULL) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    for (struct dirent *entry; empty && (entry = readdir(listing)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(listing);
    return empty;
}

/* Why this folder is not one for pages; NULL if it is, or has become one. */
static const char *take(int fd, const struct owner *owner)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? "another run is at work in it" : strerror(errno);
    if ((st.st_mode & 077) != 0)
        return "others may look into it; chmod 700, or name a folder that does not exist";
    if (st.st_uid == owner->uid)
        return NULL;
    if (geteuid() != 0 || st.st_uid != 0 || !is_empty(fd))
        return "it belongs to somebody else or has other files in it; name a folder that does not "
               "exist";
    return fchown(fd, owner->uid, owner->gid) == 0 ? NULL : strerror(errno);
}

bool page_folder_open(struct page_folder *folder, const char *path, const struct owner *owner,
                      char *why, size_t size)
{
    const char *fault = NULL;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        fault = strerror(errno);
    else
        folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fault == NULL)
        fault = folder->fd < 0 ? strerror(errno) : take(folder->fd, owner);
    if (fault == NULL) {
        int error = new_file_sync_folder(path);
        fault = error != 0 ? strerror(error) : NULL;
    }
    if (fault == NULL)
        return true;
    snprintf(why, size, "cannot put pages into the folder %s: %s", path, fault);
    page_folder_close(folder);
    return false;
}

void page_folder_close(struct page_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    folder->fd = -1;
}

bool page_folder_names(const struct page_folder *folder, struct bytes user, const char *token,
                       char page[PAGE_NAME_MAX], char picture[PAGE_NAME_MAX])
{
    picture[0] = '\0';
    if (!page_file_name(user, token, folder->png ? ".txt" : ".svg", page))
        return false;
    return !folder->png || page_file_name(user, token, ".png", picture);
}

/* The last chunk (PNG, section 11.2.5): its kind and its checksum. */
static const uint8_t png_end[] = {'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

/* The first bytes of a file, if it ends as it should: a machine that lost power may have cut it. */
static ssize_t read_whole(const struct page_folder *folder, const char *name, struct bytes end,
                          uint8_t *head, size_t size)
{
    uint8_t tail[64];
    struct stat st;
    ssize_t n = -1;
    int fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && end.len <= sizeof tail &&
        st.st_size > (off_t)end.len &&
        pread(fd, tail, end.len, st.st_size - (off_t)end.len) == (ssize_t)end.len &&
        bytes_equal(bytes_of(tail, end.len), end))
        n = pread(fd, head, size, 0);
    close(fd);
    return n;
}

bool page_folder_has(const struct page_folder *folder, struct bytes user, const char *token,
                     int64_t id)
{
    char page[PAGE_NAME_MAX], picture[PAGE_NAME_MAX];
    uint8_t head[PAGE_HEAD];
    int64_t found;

    if (!page_folder_names(folder, user, token, page, picture))
        return false;
    ssize_t n = read_whole(folder, page, bytes_str(folder->png ? PAGE_TEXT_END : PAGE_SVG_END),
                           head, sizeof head);
    bool good = n > 0 && page_token(bytes_of(head, (size_t)n), &found) && found == id &&
                (!folder->png ||
                 read_whole(folder, picture, bytes_of(png_end, sizeof png_end), head, 8) > 0);
    secret_wipe(head, sizeof head);
    return good;
}

static int write_part(const struct page_folder *folder, const char *name, struct bytes content)
{
    char part[PART_MAX];

    snprintf(part, sizeof part, "%s" PART, name);
    if (unlinkat(folder->fd, part, 0) != 0 && errno != ENOENT)
        return errno;
    int fd = openat(folder->fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = write_all(fd, content);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error != 0)
        unlinkat(folder->fd, part, 0);
    return error;
}

typedef bool writer(const struct page *page, struct secret *out);

static int write_one(const struct page_folder *folder, const struct page *page, const char *name,
                     writer *write)
{
    struct secret content;

    if (!write(page, &content))
        return ENOMEM;
    int error = write_part(folder, name, secret_bytes(&content));
    secret_free(&content);
    return error;
}

int page_folder_write(const struct page_folder *folder, const struct page *page)
{
    char name[PAGE_NAME_MAX], picture[PAGE_NAME_MAX];
    struct bytes user = bytes_of(page->info->user, page->info->user_len);

    if (!page_folder_names(folder, user, page->info->name, name, picture))
        return ENAMETOOLONG;
    int error = folder->png ? write_one(folder, page, picture, page_png) : 0;
    return error != 0 ? error : write_one(folder, page, name, folder->png ? page_text : page_svg);
}

int page_folder_sync(const struct page_folder *folder)
{
    return syncfs(folder->fd) == 0 ? 0 : errno;
}

static int finish_one(const struct page_folder *folder, const char *name)
{
    char part[PART_MAX];

    snprintf(part, sizeof part, "%s" PART, name);
    return renameat(folder->fd, part, folder->fd, name) == 0 ? 0 : errno;
}

int page_folder_finish(const struct page_folder *folder, struct bytes user, const char *token)
{
    char page[PAGE_NAME_MAX], picture[PAGE_NAME_MAX];

    if (!page_folder_names(folder, user, token, page, picture))
        return ENAMETOOLONG;
    /* The text names the token, so it comes last: with it, all is there. */
    int error = folder->png ? finish_one(folder, picture) : 0;
    return error != 0 ? error : finish_one(folder, page);
}
