/* The folder in which CAs begin: is it free, and how it becomes theirs. */
#include "config.h"

#include "pki/founding.h"

#include "common/log.h"
#include "pki/crl.h"
#include "pki/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAG  "init" /* of parts */
#define PART "." TAG ".part"

/* --- looking --- */

static bool is_part(const char *name)
{
    size_t len = strlen(name);

    return name[0] == '.' && len > strlen(PART) && strcmp(name + len - strlen(PART), PART) == 0;
}

static bool is_ledger(const char *name)
{
    return g_str_has_prefix(name, LEDGER_FILE) || g_str_has_prefix(name, "." LEDGER_FILE);
}

/* The first entry below fd that a killed init does not leave: 1 with *foreign, 0 = none, -1 = errno. fd is closed. */
static int find_foreign(int fd, bool top, char **foreign)
{
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    int found = 0;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    while (found == 0 && (errno = 0, entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_part(name) ||
            (top && (is_ledger(name) || strcmp(name, "lost+found") == 0)))
            continue;
        int below =
            top ? openat(dirfd(stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        /* Folders that were made for parts hold nothing else. */
        found = below >= 0 ? find_foreign(below, false, foreign) : 1;
        if (found == 1 && *foreign == NULL)
            *foreign = g_strdup(name);
    }
    if (found == 0 && errno != 0)
        found = -1;
    closedir(stream);
    return found;
}

static bool make_folder(struct session *session)
{
    char *parent = g_path_get_dirname(session->folder);
    int fd = -1;
    bool done = mkdir(session->folder, 0700) == 0;

    if (!done) {
        log_error("cannot make the folder %s: %s", session->folder, strerror(errno));
    } else if ((fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(fd) != 0) {
        log_error("cannot make the folder %s durable: %s: %s", session->folder, parent,
                  strerror(errno));
        done = false;
    }
    if (fd >= 0)
        close(fd);
    g_free(parent);
    return done;
}

/* A ledger that is there: whose is it? */
static enum founding_state look_into_ledger(struct session *session)
{
    const struct ledger_opening opening = {.now_s = session_now_s, .uid = getuid()};
    char why[LEDGER_WHY] = "", *word = NULL;
    enum founding_state state = FOUNDING_FAILED;

    session->ledger = ledger_open(session->folder_fd, session->folder, &opening, why, sizeof why);
    if (session->ledger == NULL) {
        log_error("%s", why);
        return FOUNDING_FAILED;
    }
    enum ledger_result result = ledger_word(session->ledger, FOUNDING_BEGUN, &word);
    if (result == LEDGER_FAILED) {
        log_error("%s", ledger_error(session->ledger));
    } else if (result == LEDGER_OK) {
        for (size_t i = 0; i < LAYOUTS; i++)
            if (strcmp(layout_names[i], word) == 0)
                session->layout = (enum layout)i;
        state = session_read_authorities(session) ? FOUNDING_HALF : FOUNDING_FAILED;
    } else if (session_read_authorities(session)) {
        state = session->n_authorities > 0 ? FOUNDING_TAKEN : FOUNDING_FREE;
        if (state == FOUNDING_FREE) { /* killed between its making and the transaction */
            ledger_close(session->ledger);
            session->ledger = NULL;
        }
    }
    g_free(word);
    return state;
}

enum founding_state founding_look(struct session *session, bool *made, char **foreign)
{
    struct stat st;
    bool new_folder = false;

    *foreign = NULL;
    if (lstat(session->folder, &st) != 0 && errno == ENOENT && made != NULL) {
        if (session->dry_run)
            return FOUNDING_FREE;
        if (!make_folder(session))
            return FOUNDING_FAILED;
        new_folder = true;
    }
    if (!session_open_folder(session, NEEDS_NOTHING) || fstat(session->folder_fd, &st) != 0)
        return FOUNDING_FAILED;
    if (st.st_uid != geteuid()) {
        log_error("the folder %s belongs to user %lu: run this as that user", session->folder,
                  (unsigned long)st.st_uid);
        return FOUNDING_FAILED;
    }
    /* Two at once would take each other's parts for left-overs. */
    if (!session->dry_run && flock(session->folder_fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("cannot begin in %s: %s", session->folder,
                  errno == EWOULDBLOCK
                      ? "another program is making, or adopting, a CA there right now"
                      : strerror(errno));
        return FOUNDING_FAILED;
    }
    /* It is ours to take away again only now: before, somebody else may have begun in it. */
    if (new_folder)
        *made = true;
    int found = find_foreign(openat(session->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                             true, foreign);
    if (found < 0) {
        log_error("cannot read the folder %s: %s", session->folder, strerror(errno));
        return FOUNDING_FAILED;
    }
    if (fstatat(session->folder_fd, LEDGER_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno != ENOENT ? FOUNDING_FAILED : found == 1 ? FOUNDING_FOREIGN : FOUNDING_FREE;
    enum founding_state state = look_into_ledger(session);
    return state == FOUNDING_FREE && found == 1 ? FOUNDING_FOREIGN : state;
}

bool founding_close_folder(const struct session *session)
{
    struct stat st;

    if (fstat(session->folder_fd, &st) != 0 || (st.st_mode & 077) == 0)
        return true;
    if (session->dry_run) {
        log_notice("the mode of %s would become 0700: it is %04o", session->folder,
                   (unsigned)(st.st_mode & 07777));
        return true;
    }
    if (fchmod(session->folder_fd, 0700) != 0) {
        log_error("cannot close %s to others: %s", session->folder, strerror(errno));
        return false;
    }
    log_notice("the mode of %s was %04o, and is 0700 now: a CA's folder is its owner's alone",
               session->folder, (unsigned)(st.st_mode & 07777));
    return true;
}

/* --- sweeping --- */

static void add_place(GArray *places, char *path, mode_t mode)
{
    struct place_file file = {.path = path, .mode = mode};

    g_array_append_val(places, file);
}

static void clear_place(void *at)
{
    g_free((char *)(uintptr_t)((struct place_file *)at)->path);
}

/* Every file that an init makes parts of. */
static GArray *every_place(void)
{
    static const enum ledger_purpose purposes[] = {PURPOSE_ROOT, PURPOSE_ALL, PURPOSE_CLIENT};
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct place_file));

    g_array_set_clear_func(places, clear_place);
    for (size_t l = 0; l < LAYOUTS; l++)
        for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++) {
            char *stem = layout_authority((enum layout)l, purposes[i], 1);
            add_place(places, g_strconcat(stem, ".crt", NULL), 0644);
            add_place(places, g_strconcat(stem, ".key", NULL), 0600);
            g_free(stem);
        }
    return places;
}

bool founding_sweep(struct session *session)
{
    static const char *const ledger_files[] = {LEDGER_FILE, LEDGER_FILE "-wal", LEDGER_FILE "-shm",
                                               LEDGER_FILE "-journal"};
    GArray *places = every_place();
    bool done = true;

    place_rollback(session->folder_fd, (struct place_file *)(void *)places->data, places->len, TAG);
    g_array_unref(places);
    for (size_t i = 0; done && i < sizeof ledger_files / sizeof ledger_files[0]; i++)
        done = unlinkat(session->folder_fd, ledger_files[i], 0) == 0 || errno == ENOENT;
    if (!done)
        log_error("cannot take away what a killed `init` left in %s: %s", session->folder,
                  strerror(errno));
    return done;
}

/* --- the transaction --- */

static GArray *new_places(const struct founded *founded, size_t n)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct place_file));

    g_array_set_clear_func(places, clear_place);
    for (size_t i = 0; i < n; i++) {
        if (founded[i].key_pem.len > 0) {
            struct place_file key = {.path = g_strdup(founded[i].key_path),
                                     .mode = 0600,
                                     .content = secret_bytes(&founded[i].key_pem)};
            g_array_append_val(places, key);
        }
        if (founded[i].pem != NULL) {
            struct place_file file = {.path = g_strdup(founded[i].row.file),
                                      .mode = 0644,
                                      .content =
                                          bytes_of(founded[i].pem->str, founded[i].pem->len)};
            g_array_append_val(places, file);
        }
    }
    return places;
}

static bool record_all(struct session *session, enum layout layout, struct founded *founded,
                       size_t n, bool adopted, struct ledger_row *rows, size_t n_rows)
{
    struct ledger *ledger = session->ledger;
    bool done = ledger_begin(ledger) == LEDGER_OK;

    for (size_t i = 0; done && i < n; i++) {
        founded[i].row.parent = founded[i].under != NULL ? founded[i].under->row.id : 0;
        done = ledger_add_authority(ledger, &founded[i].row, adopted) == LEDGER_OK &&
               (founded[i].row.crl_this_s == 0 ||
                ledger_adopt_crl(ledger, &founded[i].row) == LEDGER_OK);
    }
    for (size_t i = 0; done && i < n_rows; i++) {
        rows[i].authority = founded[rows[i].authority].row.id;
        done = ledger_adopt(ledger, &rows[i]) == LEDGER_OK;
    }
    for (size_t i = 0; done && i < n; i++)
        done = founded_record_signed(ledger, &founded[i]);
    done = done && ledger_set_word(ledger, FOUNDING_BEGUN, layout_names[layout]) == LEDGER_OK &&
           ledger_commit(ledger) == LEDGER_OK;
    if (!done) {
        log_error("%s", ledger_error(ledger));
        ledger_rollback(ledger);
    }
    return done;
}

bool founding_record(struct session *session, enum layout layout, struct founded *founded, size_t n,
                     bool adopted, struct ledger_row *rows, size_t n_rows)
{
    const struct ledger_opening opening = {.now_s = session_now_s, .uid = getuid()};
    GArray *places = new_places(founded, n);
    struct place_file *files = (struct place_file *)(void *)places->data;
    char why[PLACE_WHY > LEDGER_WHY ? PLACE_WHY : LEDGER_WHY] = "";
    bool done = false;

    if (places->len > 0 &&
        !place_prepare(session->folder_fd, files, places->len, TAG, why, sizeof why)) {
        log_error("cannot write the CA's files into %s: %s", session->folder, why);
        goto out;
    }
    session->ledger = ledger_create(session->folder_fd, session->folder, &opening, why, sizeof why);
    if (session->ledger == NULL) {
        log_error("%s", why);
        place_rollback(session->folder_fd, files, places->len, TAG);
        goto out;
    }
    done = record_all(session, layout, founded, n, adopted, rows, n_rows);
    if (!done) {
        ledger_close(session->ledger);
        session->ledger = NULL;
        (void)founding_sweep(session);
    }
out:
    g_array_unref(places);
    return done;
}

/* --- after it --- */

/* What the ledger knows of: parts that are still there get their names. */
static bool rename_parts(struct session *session)
{
    GArray *places = g_array_new(FALSE, FALSE, sizeof(struct place_file));
    char why[PLACE_WHY] = "";

    g_array_set_clear_func(places, clear_place);
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;
        add_place(places, g_strdup(row->file), 0644);
        if (strncmp(row->key, "file:", 5) == 0)
            add_place(places, g_strdup(row->key + 5), 0600);
    }
    bool done = place_resume(session->folder_fd, (struct place_file *)(void *)places->data,
                             places->len, TAG, why, sizeof why);
    if (!done)
        log_error("cannot put the CA's files into place in %s: %s; call this again once that is "
                  "mended",
                  session->folder, why);
    g_array_unref(places);
    return done;
}

static bool set_done(struct session *session)
{
    struct ledger *ledger = session->ledger;
    bool done =
        ledger_begin(ledger) == LEDGER_OK &&
        ledger_set_word(ledger, FOUNDING_BEGUN, NULL) == LEDGER_OK &&
        ledger_set_word(ledger, SESSION_LAYOUT, layout_names[session->layout]) == LEDGER_OK &&
        ledger_commit(ledger) == LEDGER_OK;

    if (!done) {
        log_error("%s", ledger_error(ledger));
        ledger_rollback(ledger);
    }
    return done;
}

/* Of a root that was adopted without its key (adopt) there is the one that was found, or none. */
static bool make_crls(struct session *session)
{
    const char *file = "file:";
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        struct stat st;
        bool away = authority->row.purpose == PURPOSE_ROOT && authority->key == NULL &&
                    strncmp(authority->row.key, file, strlen(file)) == 0 &&
                    fstatat(session->folder_fd, authority->row.key + strlen(file), &st,
                            AT_SYMLINK_NOFOLLOW) != 0 &&
                    errno == ENOENT;
        if (!away)
            g_array_append_val(ids, authority->row.id);
    }
    bool done = crl_make_of(session, (const int64_t *)(const void *)ids->data, ids->len);
    g_array_unref(ids);
    return done;
}

bool founding_finish(struct session *session, struct founded *founded, size_t n, bool crls)
{
    if (!session_read_authorities(session) || !rename_parts(session))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct authority *authority = session_authority(session, founded[i].row.id);
        if (authority != NULL && authority->key == NULL) {
            authority->key = founded[i].key;
            founded[i].key = NULL;
        }
    }
    return session_write_trust(session) && (!crls || make_crls(session)) && set_done(session);
}
