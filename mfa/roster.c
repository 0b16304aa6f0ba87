#include "config.h"

#include "mfa/roster.h"

#include "common/clock.h"
#include "common/directory_members.h"
#include "common/log.h"
#include "common/text.h"
#include "mfa/escape.h"
#include "mfa/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUP_WAIT_MS (10 * 60 * 1000)

void roster_free(struct roster *roster)
{
    for (size_t i = 0; i < roster->n; i++)
        free(roster->at[i].name);
    free(roster->at);
    *roster = (struct roster){0};
}

static bool add(struct roster *roster, struct bytes name, size_t line)
{
    if (roster->n == roster->room) {
        size_t room = roster->room == 0 ? 64 : 2 * roster->room;
        struct roster_user *at = reallocarray(roster->at, room, sizeof *at);
        if (at == NULL)
            return false;
        roster->at = at;
        roster->room = room;
    }
    char *copy = strndup((const char *)name.ptr, name.len);
    if (copy == NULL)
        return false;
    roster->at[roster->n++] = (struct roster_user){.name = copy, .len = name.len, .line = line};
    return true;
}

/* By name, then by line: of two the later one is the fault. */
static int compare(const void *a, const void *b)
{
    const struct roster_user *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static const char *fault_of(struct bytes name)
{
    if (name.len > MFA_USER_MAX)
        return "a user's name has at most 63 bytes";
    if (!text_is_plain(name, false))
        return "this is not a name in UTF-8";
    return NULL;
}

static void say(FILE *faults, size_t *n, const char *label, size_t line, const char *what)
{
    if (++*n <= ROSTER_FAULTS && faults != NULL)
        fprintf(faults, "%s:%zu: %s\n", label, line, what);
}

static struct bytes trim(struct bytes line)
{
    while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]) != NULL &&
           line.ptr[line.len - 1] != '\0')
        line.len--;
    while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        line = bytes_of(line.ptr + 1, line.len - 1);
    return line;
}

static bool parse_lines(struct bytes text, const char *label, FILE *faults, struct roster *out,
                        size_t *n_faults)
{
    size_t at = 0;

    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        at = 3; /* the mark that spreadsheets put in front */
    for (size_t line = 1; at < text.len; line++) {
        const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - text.ptr) - at : text.len - at;
        struct bytes name = trim(bytes_of(text.ptr + at, len));
        at += len + 1;
        if (name.len == 0 || name.ptr[0] == '#')
            continue;
        const char *fault = fault_of(name);
        if (fault != NULL)
            say(faults, n_faults, label, line, fault);
        else if (!add(out, name, line))
            return false;
    }
    return true;
}

bool roster_parse(struct bytes text, const char *label, FILE *faults, struct roster *out)
{
    size_t n_faults = 0;
    char what[80];

    *out = (struct roster){0};
    if (!parse_lines(text, label, faults, out, &n_faults)) {
        say(faults, &n_faults, label, 1, "memory is short");
    } else if (out->n > 0) {
        qsort(out->at, out->n, sizeof *out->at, compare);
        for (size_t i = 1; i < out->n; i++) {
            if (strcmp(out->at[i - 1].name, out->at[i].name) != 0)
                continue;
            snprintf(what, sizeof what, "the same user as in line %zu", out->at[i - 1].line);
            say(faults, &n_faults, label, out->at[i].line, what);
        }
    } else if (n_faults == 0) {
        say(faults, &n_faults, label, 1, "there is no user in this file");
    }
    if (n_faults > ROSTER_FAULTS && faults != NULL)
        fprintf(faults, "%s: %zu more faults\n", label, n_faults - ROSTER_FAULTS);
    if (n_faults > 0)
        roster_free(out);
    return n_faults == 0;
}

bool roster_read(int fd, const char *label, struct roster *out)
{
    uint8_t *text = NULL;
    size_t len = 0, room = 0;
    bool done = false;

    *out = (struct roster){0};
    for (;;) {
        if (len == room) {
            room = room == 0 ? 65536 : 2 * room;
            uint8_t *more = room <= 2 * ROSTER_FILE_MAX ? realloc(text, room) : NULL;
            if (more == NULL) {
                log_error("%s: too large to be read", label);
                goto out;
            }
            text = more;
        }
        ssize_t n = read(fd, text + len, room - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log_error("%s: cannot be read: %s", label, strerror(errno));
            goto out;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    done = roster_parse(bytes_of(text, len), label, stderr, out);
out:
    free(text);
    return done;
}

/* --- a group --- */

static bool take_members(const struct directory_members *members, struct roster *out)
{
    for (size_t i = 0; i < members->n; i++) {
        struct bytes name = bytes_of(members->at[i].name, members->at[i].name_len);
        const char *fault = fault_of(name);
        char text[512];
        if (fault != NULL) {
            text_escape(text, sizeof text, name);
            log_warning("left out: member \"%s\": %s", text, fault);
        } else if (!add(out, name, 0)) {
            log_error("memory is short");
            return false;
        }
    }
    return true;
}

bool roster_from_group(const struct settings *settings, const char *group, struct roster *out)
{
    struct directory_members members = {0};
    struct directory *directory = NULL;
    bool done = false;

    *out = (struct roster){0};
    if (!settings->has_ldap) {
        log_error("the configuration has no ldap section to ask for a group");
        return false;
    }
    directory = directory_new(&settings->ldap, NULL);
    if (directory == NULL) {
        log_error("memory is short");
        return false;
    }
    enum reason reason =
        directory_members(directory, group, clock_mono_ms() + GROUP_WAIT_MS, &members);
    if (reason != REASON_GRANTED) {
        log_error("cannot read the members of %s: %s", group,
                  *directory_error(directory) != '\0' ? directory_error(directory)
                                                      : reason_name(reason));
        goto out;
    }
    if (members.unknown > 0)
        log_warning("left out: %zu members that are neither people with a role's name nor (with "
                    "ldap.nested) groups, such as %s",
                    members.unknown, members.an_unknown);
    done = take_members(&members, out);
    if (done && out->n == 0) {
        log_error("group %s has no members to enroll", group);
        done = false;
    }
out:
    directory_members_free(&members);
    directory_free(directory);
    if (!done)
        roster_free(out);
    return done;
}
