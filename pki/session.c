#include "config.h"

#include "pki/session.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "pki/issue.h"
#include "pki/rotate_make.h"
#include "pki/online.h"
#include "pki/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULTS      "ca: {}\n" /* what a file that sets nothing says */
#define DEFAULT_TRAIL LOCALSTATEDIR "/log/pgsignet-ca/audit.jsonl"

int64_t session_now_s(void)
{
    return clock_wall_ms() / 1000;
}

/* --- settings --- */

static bool read_settings(struct session *session)
{
    const struct arguments *arguments = session->arguments;
    const char *path =
        arguments->given[OPT_CONFIG] ? arguments->text[OPT_CONFIG] : SETTINGS_DEFAULT_PATH;
    char why[LEDGER_WHY] = "";

    if (!arguments->given[OPT_CONFIG] && access(path, F_OK) != 0 && errno == ENOENT)
        session->settings =
            settings_parse(path, SETTINGS_FOR_CA, DEFAULTS, strlen(DEFAULTS), stderr);
    else
        session->settings = settings_load(path, SETTINGS_FOR_CA, stderr);
    if (session->settings == NULL)
        return false;
    session->ca = session->settings->ca;
    if (arguments->given[OPT_DIR])
        session->ca.dir = (char *)(uintptr_t)arguments->text[OPT_DIR]; /* not owned here */
    if (session->settings->fips == FIPS_REQUIRE && !crypto_start(true, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    return true;
}

/* Absolute, and without a slash at the end, behind which a symbolic link would be followed. */
static char *absolute(const char *dir)
{
    char *here = g_path_is_absolute(dir) ? g_strdup("") : g_get_current_dir();
    char *whole = here[0] != '\0' ? g_strconcat(here, "/", dir, NULL) : g_strdup(dir);

    for (size_t len = strlen(whole); len > 1 && whole[len - 1] == '/'; len--)
        whole[len - 1] = '\0';
    g_free(here);
    return whole;
}

void session_set_folder(struct session *session, const char *dir)
{
    g_free(session->folder);
    session->folder = absolute(dir);
}

/* --- the folder --- */

bool session_open_folder(struct session *session, enum session_needs needs)
{
    const char *folder = session->folder;
    struct stat st;

    session->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (session->folder_fd < 0 || fstat(session->folder_fd, &st) != 0) {
        bool none = errno == ENOENT;
        log_error(
            "cannot open the CA's folder %s: %s%s", folder,
            errno == ELOOP || errno == ENOTDIR ? "it is no folder (a symbolic link is not followed)"
                                               : strerror(errno),
            none ? "; make a CA there with `pgsignet-ca init`, or name another with --dir" : "");
        return false;
    }
    if (needs != NEEDS_WORK)
        return true;
    if (st.st_uid != geteuid()) {
        log_error("the CA's folder %s belongs to user %lu: run this as that user, or its files "
                  "would belong to somebody else",
                  folder, (unsigned long)st.st_uid);
        return false;
    }
    if ((st.st_mode & 077) != 0) {
        log_error("the CA's folder %s is open to others (mode %04o): chmod 0700 it, and look "
                  "whether a key was read or a file changed",
                  folder, (unsigned)(st.st_mode & 07777));
        return false;
    }
    return true;
}

static void say_left_over(struct session *session)
{
    GArray *rows = NULL;

    if (ledger_left_over(session->ledger, &rows) == LEDGER_OK && rows->len > 0)
        log_notice("%u certificate%s left half done by a program that was killed; the next command "
                   "that changes something finishes them, or takes them back",
                   rows->len, rows->len == 1 ? " was" : "s were");
    if (rows != NULL)
        g_array_unref(rows);
}

static bool read_layout(struct session *session)
{
    char *word = NULL;
    enum ledger_result result = ledger_word(session->ledger, SESSION_LAYOUT, &word);
    bool known = false;

    for (size_t i = 0; result == LEDGER_OK && i < LAYOUTS; i++)
        if (strcmp(layout_names[i], word) == 0) {
            session->layout = (enum layout)i;
            known = true;
        }
    if (result == LEDGER_FAILED)
        log_error("%s", ledger_error(session->ledger));
    else if (!known)
        log_error("the ledger in %s names no layout: its `init` was not finished; see `pgsignet-ca "
                  "init`",
                  session->folder);
    g_free(word);
    return known;
}

bool session_open_ledger(struct session *session, bool read_only)
{
    const struct ledger_opening opening = {
        .now_s = session_now_s, .uid = getuid(), .read_only = read_only};
    char why[LEDGER_WHY] = "";

    session->ledger = ledger_open(session->folder_fd, session->folder, &opening, why, sizeof why);
    if (session->ledger == NULL) {
        log_error("%s", why);
        return false;
    }
    session->read_only = read_only;
    return read_layout(session) && session_read_authorities(session);
}

bool session_open(struct session *session, const struct arguments *arguments,
                  enum session_needs needs)
{
    *session = (struct session){
        .arguments = arguments,
        .folder_fd = -1,
        .json = arguments->given[OPT_JSON],
        .quiet = arguments->given[OPT_QUIET],
        .verbose = arguments->given[OPT_VERBOSE],
        .dry_run = arguments->given[OPT_DRY_RUN],
    };
    if (!read_settings(session))
        return false;
    session->folder = absolute(session->ca.dir);
    if (needs == NEEDS_NOTHING)
        return true;
    if (!session_open_folder(session, needs) || !session_open_ledger(session, needs == NEEDS_LOOK))
        return false;
    if (needs == NEEDS_WORK && !session->dry_run)
        return issue_mend(session) && rotate_mend(session) && session_write_trust(session);
    say_left_over(session);
    return true;
}

/*
 * The events are in the ledger, in the transactions of what they tell; the trail is a copy for those who collect
 * lines.  So a trail that does not take them is said, and fails nothing: they come with the next command.
 */
const char *session_trail(const struct session *session)
{
    const char *path = session->ca.audit;
    bool none = false;

    if (path == NULL || path[0] == '\0')
        return NULL;
    if (strcmp(path, DEFAULT_TRAIL) == 0) {
        char *folder = g_path_get_dirname(path);
        none = access(folder, F_OK) != 0 && errno == ENOENT;
        g_free(folder);
    }
    return none ? NULL : path;
}

static void write_trail(struct session *session)
{
    const char *path = session_trail(session);

    if (session->ledger != NULL && !session->read_only && !session->dry_run && path != NULL)
        (void)ledger_write_trail(session->ledger, path); /* it has said why not */
}

void session_forget_authorities(struct session *session)
{
    for (size_t i = 0; i < session->n_authorities; i++) {
        ledger_authority_clear(&session->authorities[i].row);
        X509_free(session->authorities[i].certificate);
        X509_free(session->authorities[i].cross);
        key_free(session->authorities[i].key);
    }
    g_free(session->authorities);
    session->authorities = NULL;
    session->n_authorities = 0;
}

void session_close(struct session *session)
{
    write_trail(session);
    session_forget_authorities(session);
    ledger_close(session->ledger);
    session->ledger = NULL;
    if (session->folder_fd >= 0)
        close(session->folder_fd);
    session->folder_fd = -1;
    g_free(session->folder);
    session->folder = NULL;
    secret_free(&session->passphrase);
    settings_free(session->settings);
    session->settings = NULL;
}

/* --- roles, results --- */

bool session_roles(struct session *session, char ***roles, size_t *n)
{
    const char *const *servers = (const char *const *)session->ca.postgres.at;
    size_t n_servers = session->ca.postgres.n;
    GPtrArray *all = g_ptr_array_new();
    char why[ONLINE_WHY] = "";
    bool done = true;

    if (session->arguments->given[OPT_POSTGRES])
        n_servers = options_list(OPT_POSTGRES, &servers);
    for (size_t i = 0; i < n_servers; i++) {
        char **names = NULL;
        size_t n_names = 0;

        if (!online_roles(servers[i], &names, &n_names, why, sizeof why)) {
            log_warning("%s", why);
            done = false;
            continue;
        }
        for (size_t k = 0; k < n_names; k++)
            g_ptr_array_add(all, names[k]);
        g_free(names); /* the names are all's now */
    }
    *n = all->len;
    g_ptr_array_add(all, NULL);
    *roles = (char **)g_ptr_array_free(all, FALSE);
    return done;
}

bool session_print(json_t *document)
{
    bool done =
        document != NULL && json_dumpf(document, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

    json_decref(document);
    if (!done)
        log_error("cannot write the result to standard output");
    return done;
}
