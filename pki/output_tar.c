/* ustar: the one archive that every system's tar reads, and whose names stay within 256 bytes. */
#include "config.h"

#include "pki/output.h"

#include <stdio.h>
#include <string.h>

#define BLOCK      512
#define NAME_MOST  100
#define FRONT_MOST 155
#define TIME_MOST  INT64_C(077777777777)

/* POSIX.1-1988; all fields are text. */
struct header {
    char name[NAME_MOST], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100],
        magic[6], version[2], user[32], group[32], major[8], minor[8], front[FRONT_MOST], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "one block");

/* A name of over 100 bytes is parted at a slash. */
static bool set_name(struct header *header, const char *name)
{
    size_t len = strlen(name);

    if (len == 0)
        return false;
    if (len <= NAME_MOST) {
        memcpy(header->name, name, len);
        return true;
    }
    for (size_t at = len - NAME_MOST - 1; at < len - 1 && at <= FRONT_MOST; at++) {
        if (name[at] != '/' || at == 0)
            continue;
        memcpy(header->front, name, at);
        memcpy(header->name, name + at + 1, len - at - 1);
        return true;
    }
    return false;
}

static void set_number(char *field, size_t size, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)number);
    memcpy(field, text, size);
}

bool output_tar_add(GByteArray *tar, const char *name, mode_t mode, int64_t mtime_s,
                    struct bytes content)
{
    static const uint8_t zeroes[BLOCK];
    struct header header = {0};
    bool folder = g_str_has_suffix(name, "/");
    unsigned sum = 0;

    if (!set_name(&header, name) || content.len >= UINT32_MAX)
        return false;
    set_number(header.mode, sizeof header.mode, mode & 07777);
    set_number(header.uid, sizeof header.uid, 0);
    set_number(header.gid, sizeof header.gid, 0);
    set_number(header.size, sizeof header.size, content.len);
    set_number(header.mtime, sizeof header.mtime, (uint64_t)CLAMP(mtime_s, 0, TIME_MOST));
    header.type = folder ? '5' : '0';
    memcpy(header.magic, "ustar", sizeof header.magic);
    memcpy(header.version, "00", sizeof header.version);
    memset(header.sum, ' ', sizeof header.sum);
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((const unsigned char *)&header)[i];
    snprintf(header.sum, sizeof header.sum, "%06o", sum);
    g_byte_array_append(tar, (const guint8 *)&header, BLOCK);
    if (content.len > 0)
        g_byte_array_append(tar, content.ptr, (guint)content.len);
    if (content.len % BLOCK != 0)
        g_byte_array_append(tar, zeroes, (guint)(BLOCK - content.len % BLOCK));
    return true;
}

void output_tar_end(GByteArray *tar)
{
    static const uint8_t zeroes[2 * BLOCK];

    g_byte_array_append(tar, zeroes, sizeof zeroes);
}
