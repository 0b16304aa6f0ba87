#include "config.h"

#include "ldap_sync/template_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ldap_sync/template.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* of files from elsewhere, too */

/* One that does not wait for the writer of a pipe. */
static FILE *open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (file == NULL && fd >= 0)
        close(fd);
    return file;
}

/* The whole file, NUL behind; NULL with why. */
static char *read_file(const char *path, char *why, gsize size)
{
    FILE *file = open_file(path);
    struct stat info;
    char *text = NULL;
    size_t len;

    if (file == NULL || fstat(fileno(file), &info) != 0) {
        g_snprintf(why, size, "|map:%.200s cannot be read: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode) || info.st_size > TEMPLATE_MAP_MAX) {
        g_snprintf(why, size, "|map:%.200s is not a regular file of at most %d bytes", path,
                   TEMPLATE_MAP_MAX);
    } else {
        text = g_malloc((size_t)info.st_size + 1);
        len = fread(text, 1, (size_t)info.st_size, file);
        text[len] = '\0';
        if (ferror(file) || memchr(text, '\0', len) != NULL) {
            g_snprintf(why, size, "|map:%.200s cannot be read, or holds a NUL", path);
            g_clear_pointer(&text, g_free);
        }
    }
    if (file != NULL)
        fclose(file);
    return text;
}

GHashTable *template_map_read(const char *path, char *why, gsize size)
{
    GHashTable *map = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    char *text = read_file(path, why, size);
    unsigned number = 0;
    bool good = text != NULL;
    size_t mark = good && g_str_has_prefix(text, BYTE_ORDER_MARK) ? strlen(BYTE_ORDER_MARK) : 0;

    for (char *line = good ? text + mark : NULL, *next; good && line != NULL; line = next) {
        char *comma;

        number++;
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        g_strchomp(line); /* the CR of files from elsewhere */
        if (*line == '\0' || *line == '#')
            continue;
        comma = strrchr(line, ',');
        good = comma != NULL && comma > line && comma[1] != '\0';
        if (!good) {
            g_snprintf(why, size, "|map:%.200s: line %u is not OLD,NEW", path, number);
            break;
        }
        *comma = '\0';
        good = g_hash_table_insert(map, g_strdup(line), g_strdup(comma + 1));
        if (!good)
            g_snprintf(why, size, "|map:%.200s: line %u maps \"%.60s\" a second time", path, number,
                       line);
    }
    g_free(text);
    if (good)
        return map;
    g_hash_table_unref(map);
    return NULL;
}
