#include "config.h"

#include "pki/publish_places.h"

#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The paths, a NULL behind the last (g_strfreev); NULL after a message. */
static char **read_places(struct session *session)
{
    char *text = NULL, **paths;
    enum ledger_result result = ledger_word(session->ledger, PUBLISH_PLACES, &text);

    if (result == LEDGER_FAILED) {
        log_error("%s", ledger_error(session->ledger));
        return NULL;
    }
    paths = g_strsplit(text != NULL ? text : "", "\n", PUBLISH_PLACES_MAX);
    g_free(text);
    return paths;
}

static bool write_places(struct session *session, char **paths)
{
    char *text = g_strjoinv("\n", paths);
    bool done = ledger_set_word(session->ledger, PUBLISH_PLACES, text[0] != '\0' ? text : NULL) ==
                LEDGER_OK;

    if (!done)
        log_error("%s", ledger_error(session->ledger));
    g_free(text);
    return done;
}

bool publish_remember(struct session *session, const char *path)
{
    char **paths = strchr(path, '\n') == NULL ? read_places(session) : NULL, **more;
    guint n = paths != NULL ? g_strv_length(paths) : 0;
    bool done;

    if (paths == NULL || g_strv_contains((const char *const *)paths, path)) {
        done = paths != NULL;
        g_strfreev(paths);
        return done;
    }
    if (n + 1 == PUBLISH_PLACES_MAX) {
        log_error("CRLs are kept fresh in %d places already, and cannot be in %s; set ca.crl_file",
                  PUBLISH_PLACES_MAX, path);
        g_strfreev(paths);
        return false;
    }
    more = g_new0(char *, n + 2);
    for (guint i = 0; i < n; i++)
        more[i] = g_strdup(paths[i]);
    more[n] = g_strdup(path);
    done = write_places(session, more);
    g_strfreev(more);
    g_strfreev(paths);
    return done;
}

static void clear_place(void *at)
{
    g_free(((struct publish_place *)at)->path);
}

/* It keeps the owner it has. */
static bool add_place(GArray *places, const char *path)
{
    struct publish_place place = {0};
    struct stat st;

    if (lstat(path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        log_notice(
            "%s, where CRLs were deployed to, is there no more: it is not kept fresh from now "
            "on",
            path);
        return false;
    }
    place.path = g_strdup(path);
    place.target.file = place.path;
    place.target.set_owner = geteuid() == 0;
    place.target.uid = st.st_uid;
    place.target.gid = st.st_gid;
    g_array_append_val(places, place);
    return true;
}

GArray *publish_places(struct session *session, const char *except)
{
    char **paths = read_places(session), **kept;
    GArray *places;
    guint n = 0;

    if (paths == NULL)
        return NULL;
    places = g_array_new(FALSE, TRUE, sizeof(struct publish_place));
    g_array_set_clear_func(places, clear_place);
    kept = g_new0(char *, g_strv_length(paths) + 1);
    for (char **path = paths; *path != NULL; path++)
        if (**path != '\0' &&
            ((except != NULL && strcmp(*path, except) == 0) || add_place(places, *path)))
            kept[n++] = g_strdup(*path);
    if (n < g_strv_length(paths) && !session->read_only && !session->dry_run)
        (void)write_places(session, kept); /* said; it is tried again the next time */
    g_strfreev(kept);
    g_strfreev(paths);
    return places;
}
