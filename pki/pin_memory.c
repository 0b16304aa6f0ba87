#include "config.h"

#include "pki/pin_memory.h"

#include "common/log.h"
#include "pki/place.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_MAX 65536 /* bytes: a line a token */

char *pin_memory_state(const char *file)
{
    g_autofree char *escaped = g_strescape(file, NULL);
    struct stat st;

    if (stat(file, &st) != 0)
        return NULL;
    return g_strdup_printf("%ju:%ju %jd %jd.%09ld %jd.%09ld %s", (uintmax_t)st.st_dev,
                           (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
                           st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec,
                           escaped);
}

/* Lines "TOKEN\tSTATE"; never NULL. */
static char **lines_of(int folder_fd)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    char why[PLACE_WHY];

    if (!place_load(folder_fd, PIN_MEMORY_FILE, false, MEMORY_MAX, text, why, sizeof why))
        return g_new0(char *, 1);
    g_byte_array_append(text, (const guint8 *)"", 1);
    return g_strsplit((const char *)text->data, "\n", -1);
}

static bool is_of(const char *line, const char *escaped)
{
    size_t len = strlen(escaped);

    return strncmp(line, escaped, len) == 0 && line[len] == '\t';
}

bool pin_memory_holds(int folder_fd, const char *token, const char *state)
{
    g_autofree char *escaped = g_strescape(token, NULL);
    char **lines = lines_of(folder_fd);
    bool holds = false;

    for (size_t i = 0; lines[i] != NULL && !holds; i++)
        holds = is_of(lines[i], escaped) && strcmp(strchr(lines[i], '\t') + 1, state) == 0;
    g_strfreev(lines);
    return holds;
}

bool pin_memory_keep(int folder_fd, const char *token, const char *state)
{
    g_autofree char *escaped = g_strescape(token, NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    char **lines = lines_of(folder_fd), why[PLACE_WHY] = "";

    for (size_t i = 0; lines[i] != NULL; i++)
        if (lines[i][0] != '\0' && !is_of(lines[i], escaped))
            g_string_append_printf(text, "%s\n", lines[i]);
    g_string_append_printf(text, "%s\t%s\n", escaped, state);
    g_strfreev(lines);
    const struct place_file file = {.path = PIN_MEMORY_FILE,
                                    .mode = 0600,
                                    .content = bytes_of(text->str, text->len),
                                    .replace = true};
    if (place_write(folder_fd, &file, 1, why, sizeof why))
        return true;
    log_warning("it cannot be remembered that this PIN was refused (%s): stop the timer until the "
                "PIN is right, or it locks the token",
                why);
    return false;
}
