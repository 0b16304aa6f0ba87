#include "config.h"

#include "common/settings.h"

#include "common/settings_check.h"
#include "common/settings_fields.h"
#include "common/settings_walk.h"
#include "common/settings_yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_into(struct settings *settings, enum settings_reader reader, const char *text,
                      size_t len, struct settings_notes *notes)
{
    yaml_document_t document;

    if (!settings_yaml_load(notes, text, len, &document))
        return false;
    settings_walk(&document, reader, settings, notes);
    yaml_document_delete(&document);
    notes_settle(notes);
    if (!notes->memory_short)
        settings_check(settings, reader, notes);
    return notes_clean(notes);
}

struct settings *settings_parse(const char *path, enum settings_reader reader, const char *text,
                                size_t len, FILE *faults)
{
    struct settings_notes notes = {0};
    struct settings *settings = calloc(1, sizeof *settings);
    bool ok = false;

    if (settings == NULL || (settings->path = strdup(path)) == NULL ||
        !fields_default(settings_schema, settings))
        notes.memory_short = true;
    else
        ok = read_into(settings, reader, text, len, &notes);
    notes_print(&notes, path, faults);
    notes_free(&notes);
    if (!ok) {
        settings_free(settings);
        settings = NULL;
    }
    return settings;
}

/* Whoever can change this file decides who may log in. */
static bool file_is_safe(int fd, struct settings_notes *notes)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        notes_fault(notes, 0, "cannot be examined: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        notes_fault(notes, 0, "is not a regular file; name a file");
        return false;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid())
        notes_fault(notes, 0,
                    "belongs to uid %lu, who could change who may log in; chown it to root",
                    (unsigned long)st.st_uid);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        notes_fault(notes, 0, "can be written by %s; chmod it to 0640",
                    (st.st_mode & S_IWOTH) != 0 ? "everybody" : "its group");
    if (st.st_size > SETTINGS_FILE_MAX)
        notes_fault(notes, 0, "is larger than %d bytes; this is no configuration",
                    SETTINGS_FILE_MAX);
    return notes_clean(notes);
}

/* Reads up to one byte more than is allowed, so that a file that grows meanwhile is noticed. */
static bool read_file(int fd, char *buf, size_t *len, struct settings_notes *notes)
{
    *len = 0;
    while (*len <= SETTINGS_FILE_MAX) {
        ssize_t n = read(fd, buf + *len, SETTINGS_FILE_MAX + 1 - *len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            notes_fault(notes, 0, "cannot be read: %s", strerror(errno));
            return false;
        }
        if (n == 0)
            return true;
        *len += (size_t)n;
    }
    notes_fault(notes, 0, "is larger than %d bytes; this is no configuration", SETTINGS_FILE_MAX);
    return false;
}

struct settings *settings_load(const char *path, enum settings_reader reader, FILE *faults)
{
    struct settings_notes notes = {0};
    struct settings *settings = NULL;
    char *buf = NULL;
    size_t len;
    bool parsed = false;
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        if (errno == ENOENT)
            notes_fault(&notes, 0,
                        "there is no such file; write one, as those in " DOCDIR "/examples");
        else
            notes_fault(&notes, 0, "cannot be opened: %s; let uid %lu read it, and enter its folder",
                        strerror(errno), (unsigned long)geteuid());
        goto out;
    }
    if (!file_is_safe(fd, &notes))
        goto out;
    buf = malloc(SETTINGS_FILE_MAX + 1);
    if (buf == NULL) {
        notes.memory_short = true;
        goto out;
    }
    if (!read_file(fd, buf, &len, &notes))
        goto out;
    parsed = true;
    settings = settings_parse(path, reader, buf, len, faults);

out:
    if (!parsed)
        notes_print(&notes, path, faults);
    notes_free(&notes);
    free(buf);
    if (fd >= 0)
        close(fd);
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    fields_free(settings_schema, settings);
    free(settings->path);
    free(settings);
}

static const struct settings_policy *find_policy(const struct settings *settings, const char *name)
{
    for (size_t i = 0; name != NULL && i < settings->n_policies; i++)
        if (strcmp(settings->policies[i].name, name) == 0)
            return &settings->policies[i];
    return NULL;
}

const struct settings_policy *settings_policy_for(const struct settings *settings, const char *name,
                                                  const char *service)
{
    const struct settings_policy *policy;

    /* A name that the administrator gave and that leads nowhere must not fall back to another. */
    if (name != NULL && name[0] != '\0')
        return find_policy(settings, name);
    policy = find_policy(settings, service);
    return policy != NULL ? policy : find_policy(settings, "default");
}
