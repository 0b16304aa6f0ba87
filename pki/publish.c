/* CRLs into the places that PostgreSQL reads, and a reload where it takes one. */
#include "config.h"

#include "pki/publish.h"

#include "common/log.h"
#include "pki/online.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void clear_reload(void *at)
{
    struct publish_reload *reload = at;

    g_free(reload->server);
    g_free(reload->why);
}

/* Root gives files to the server's user; anybody else writes his own. */
static bool find_owner(const struct session *session, struct crl_target *target)
{
    const struct arguments *arguments = session->arguments;
    bool asked = arguments->given[OPT_OWNER];
    const char *owner = asked ? arguments->text[OPT_OWNER] : session->ca.owner;

    if (owner == NULL || (geteuid() != 0 && !asked))
        return true;
    const struct passwd *user = getpwnam(owner);
    if (user == NULL) {
        log_error("there is no user %s on this host to own the published CRLs: set ca.owner, or "
                  "--owner",
                  owner);
        return false;
    }
    if (geteuid() != 0 && geteuid() != user->pw_uid) {
        log_error("only root can give files to %s", owner);
        return false;
    }
    target->set_owner = geteuid() == 0;
    target->uid = user->pw_uid;
    target->gid = user->pw_gid;
    return true;
}

static char *without_slashes(const char *path)
{
    size_t len = path != NULL ? strlen(path) : 0;

    while (len > 1 && path[len - 1] == '/')
        len--;
    return path != NULL ? g_strndup(path, len) : NULL;
}

bool publish_init(struct session *session, struct publish *publish)
{
    const struct arguments *arguments = session->arguments;
    struct crl_target *target = &publish->target;
    bool told = arguments->given[OPT_CRL_FILE] || arguments->given[OPT_CRL_DIR];

    *publish = (struct publish){.reloads = g_array_new(FALSE, TRUE, sizeof(struct publish_reload))};
    g_array_set_clear_func(publish->reloads, clear_reload);
    target->file = publish->file =
        without_slashes(told ? arguments->text[OPT_CRL_FILE] : session->ca.crl_file);
    target->dir = publish->dir =
        without_slashes(told ? arguments->text[OPT_CRL_DIR] : session->ca.crl_dir);
    if (!told && (publish->places = publish_places(session, target->file)) == NULL)
        return false;
    publish->has_target = target->file != NULL || target->dir != NULL ||
                          (publish->places != NULL && publish->places->len > 0);
    return (target->file == NULL && target->dir == NULL) || find_owner(session, target);
}

void publish_clear(struct publish *publish)
{
    if (publish->reloads != NULL)
        g_array_unref(publish->reloads);
    if (publish->places != NULL)
        g_array_unref(publish->places);
    g_free(publish->file);
    g_free(publish->dir);
    *publish = (struct publish){0};
}

size_t publish_servers(const struct session *session, const char *const **conninfos)
{
    if (session->arguments->given[OPT_POSTGRES])
        return options_list(OPT_POSTGRES, conninfos);
    *conninfos = (const char *const *)session->ca.postgres.at;
    return session->ca.postgres.n;
}

/* The value of a key of "key=value ..." text; g_free.  Good enough for a label. */
static char *value_of(const char *conninfo, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = conninfo; (at = strstr(at, key)) != NULL; at += len) {
        bool begins = at == conninfo || g_ascii_isspace(at[-1]);
        const char *value = at + len + strspn(at + len, " \t");
        if (!begins || *value != '=')
            continue;
        value += 1 + strspn(value + 1, " \t");
        if (*value == '\'')
            return g_strndup(value + 1, strcspn(value + 1, "'"));
        return g_strndup(value, strcspn(value, " \t\n"));
    }
    return NULL;
}

char *publish_label(const char *conninfo)
{
    const char *url = strstr(conninfo, "://");

    if (url != NULL && (g_str_has_prefix(conninfo, "postgres://") ||
                        g_str_has_prefix(conninfo, "postgresql://"))) {
        const char *authority = url + 3, *end = authority + strcspn(authority, "/?");
        for (const char *at = authority; at < end; at++)
            if (*at == '@')
                authority = at + 1;
        return authority == end ? g_strdup("localhost")
                                : g_strndup(authority, (gsize)(end - authority));
    }
    char *host = value_of(conninfo, "host"), *address = value_of(conninfo, "hostaddr");
    char *port = value_of(conninfo, "port"), *service = value_of(conninfo, "service");
    const char *where = host != NULL ? host : address != NULL ? address : service;
    char *label = g_strdup_printf("%s%s%s", where != NULL ? where : "localhost",
                                  port != NULL ? ":" : "", port != NULL ? port : "");

    g_free(host);
    g_free(address);
    g_free(port);
    g_free(service);
    return label;
}

static void add_reload(struct publish *publish, char *server, bool done, const char *why)
{
    struct publish_reload reload = {.server = server, .why = done ? NULL : g_strdup(why)};

    g_array_append_val(publish->reloads, reload);
    if (!done)
        log_error("%s did not reload, and goes on with the CRL it has: %s; mended, publish again: "
                  "pgsignet-ca crl --publish",
                  server, why);
}

/* Beside a file in a data directory is the process id of its server.  True when it was told. */
static bool signal_beside(struct publish *publish, const char *file)
{
    char *folder = g_path_get_dirname(file),
         *pid_file = g_strconcat(folder, "/postmaster.pid", NULL);
    char why[ONLINE_WHY];
    bool there = faccessat(AT_FDCWD, pid_file, F_OK, AT_SYMLINK_NOFOLLOW) == 0,
         done = there && online_signal(pid_file, why, sizeof why);

    if (done)
        add_reload(publish, g_strdup(pid_file), true, NULL);
    else if (there)
        log_warning("the server of %s was not told to reload, and reads its CRL at the next: %s",
                    folder, why);
    g_free(pid_file);
    g_free(folder);
    return done;
}

static bool signal_places(struct publish *publish)
{
    bool any = publish->target.file != NULL && signal_beside(publish, publish->target.file);

    for (guint i = 0; publish->places != NULL && i < publish->places->len; i++)
        any =
            signal_beside(publish, g_array_index(publish->places, struct publish_place, i).path) ||
            any;
    return any;
}

/* True when all have; also when there is nobody to tell. */
static bool reload_all(struct session *session, struct publish *publish)
{
    const char *const *conninfos = NULL;
    size_t n = publish_servers(session, &conninfos);
    const char *pid_file = session->arguments->text[OPT_PID_FILE];
    char why[ONLINE_WHY];
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        bool done = online_reload(conninfos[i], why, sizeof why);
        add_reload(publish, publish_label(conninfos[i]), done, why);
        all = all && done;
    }
    if (pid_file != NULL) {
        bool done = online_signal(pid_file, why, sizeof why);
        add_reload(publish, g_strdup(pid_file), done, why);
        all = all && done;
    }
    if (n == 0 && pid_file == NULL && !signal_places(publish))
        log_warning(
            "PostgreSQL reads CRLs in a file at a reload alone, and nothing says whom to tell "
            "(ca.postgres, --postgres, --pid-file): reload it now");
    return all;
}

/* What deploy has put somewhere; one that cannot be written does not keep the others from it. */
static bool publish_all_places(struct session *session, struct publish *publish)
{
    bool all = true;

    for (guint i = 0; publish->places != NULL && i < publish->places->len; i++) {
        struct publish_place *place = &g_array_index(publish->places, struct publish_place, i);

        all = crl_publish(session, &place->target, &place->changes) && all;
        publish->changes.worthless = publish->changes.worthless || place->changes.worthless;
    }
    return all;
}

static bool has_files(const struct publish *publish)
{
    return publish->target.file != NULL || (publish->places != NULL && publish->places->len > 0);
}

bool publish_run(struct session *session, struct publish *publish)
{
    char *due = NULL;

    if (!publish->has_target)
        return true;
    if ((publish->target.file != NULL || publish->target.dir != NULL) &&
        !crl_publish(session, &publish->target, &publish->changes))
        return false;
    if (!publish_all_places(session, publish))
        return false;
    publish->reload_needed =
        has_files(publish) && ledger_word(session->ledger, CRL_RELOAD, &due) == LEDGER_OK;
    g_free(due);
    if (!publish->reload_needed)
        return !publish->changes.worthless;
    if (!reload_all(session, publish))
        return false;
    if (ledger_set_word(session->ledger, CRL_RELOAD, NULL) != LEDGER_OK) {
        log_error("the servers have reloaded, but the ledger does not take it: %s",
                  ledger_error(session->ledger));
        return false;
    }
    return !publish->changes.worthless; /* which was said */
}

void publish_say(const struct session *session, const struct publish *publish)
{
    const struct crl_target *target = &publish->target;
    const char *unchanged = publish->changes.worthless ? "was not changed" : "is as it should be";

    if (session->quiet || !publish->has_target)
        return;
    if (target->file != NULL)
        printf("%s: %s.\n", target->file,
               publish->changes.file_changed ? "has the new CRLs" : unchanged);
    if (target->dir != NULL)
        printf("%s: %s.\n", target->dir,
               publish->changes.dir_changed ? "has the new CRLs, in force at once" : unchanged);
    for (guint i = 0; publish->places != NULL && i < publish->places->len; i++) {
        const struct publish_place *place =
            &g_array_index(publish->places, struct publish_place, i);
        printf("%s: %s.\n", place->path,
               place->changes.file_changed ? "has the new CRLs" : unchanged);
    }
    for (guint i = 0; i < publish->reloads->len; i++) {
        const struct publish_reload *reload =
            &g_array_index(publish->reloads, struct publish_reload, i);
        if (reload->why == NULL)
            printf("%s: has reloaded.\n", reload->server);
    }
}

json_t *publish_json(const struct publish *publish)
{
    if (!publish->has_target)
        return json_null();
    json_t *reloads = json_array();
    for (guint i = 0; i < publish->reloads->len; i++) {
        const struct publish_reload *reload =
            &g_array_index(publish->reloads, struct publish_reload, i);
        json_array_append_new(reloads,
                              json_pack("{s:s, s:b, s:s*}", "server", reload->server, "done",
                                        reload->why == NULL, "error", reload->why));
    }
    json_t *places = json_array();
    for (guint i = 0; publish->places != NULL && i < publish->places->len; i++) {
        const struct publish_place *place =
            &g_array_index(publish->places, struct publish_place, i);
        json_array_append_new(places, json_pack("{s:s, s:b}", "file", place->path, "changed",
                                                place->changes.file_changed));
    }
    return json_pack("{s:s?, s:s?, s:b, s:b, s:o, s:o}", "file", publish->target.file, "dir",
                     publish->target.dir, "file_changed", publish->changes.file_changed,
                     "dir_changed", publish->changes.dir_changed, "places", places, "reloads",
                     reloads);
}

void publish_time(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    char *fraction;

    clock_text(unix_s * 1000, out);
    fraction = strchr(out, '.');
    if (fraction != NULL)
        memcpy(fraction, "Z", sizeof "Z");
}
