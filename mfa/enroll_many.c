/*
 * enroll_many.c - tokens for a whole roster, and a page for each.
 *
 * In batches: the tokens of a batch are committed and put on record, then its pages are written and
 * given their names.  Killed between the two, a user has a pending token without a page that names
 * it; the next run gives him a fresh one.  So whoever has both when a run ends has a page that
 * fits.
 */
#include "config.h"

#include "mfa/enroll.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/page_folder.h"
#include "common/progress.h"
#include "mfa/roster.h"
#include "mfa/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH    500 /* users: enough to share a commit, few enough for logins to get in between */
#define DRAWERS  8   /* processes at most that draw pages at one time */
#define WHY_SIZE 512

enum state { WANTED, MADE, KEPT, ENROLLED, FAILED, STATES };
static const char *const state_words[STATES] = {"wanted", "made", "kept", "enrolled", "failed"};

struct many {
    struct cli *cli;
    const char *path; /* of the folder, as typed */
    struct page_folder folder;
    struct roster roster;
    enum state *states; /* owned; one for each of the roster */
    struct enrolment wish;
    bool name_given;
    int64_t now_s;
    size_t count[STATES];
    struct progress progress;
};

/* --- before root's rights are dropped --- */

static bool open_inputs(struct many *many, const struct arguments *arguments, int *list)
{
    const char *file = arguments->text[OPT_FROM_FILE];
    struct owner owner;
    char why[WHY_SIZE];

    if (file != NULL) {
        *list = strcmp(file, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                       : open(file, O_RDONLY | O_CLOEXEC);
        if (*list < 0) {
            log_error("%s: cannot be opened: %s", file, strerror(errno));
            return false;
        }
        /* all its faults are said before anything is made */
        if (!roster_read(*list, file, &many->roster))
            return false;
    }
    if (!owner_find(many->cli->settings->daemon.user, &owner, why, sizeof why) ||
        !page_folder_open(&many->folder, many->path, &owner, why, sizeof why)) {
        log_error("%s", why);
        return false;
    }
    return true;
}

/* --- who needs a token --- */

static int compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_owner(const void *a, const void *b)
{
    return compare(display_owner(a), display_owner(b));
}

static struct bytes name_of(const struct many *many, size_t i)
{
    return bytes_of(many->roster.at[i].name, many->roster.at[i].len);
}

/* What one token means for a new one of its user. */
static enum state judge(const struct many *many, const struct token_info *token)
{
    bool same = strcmp(token->name, many->wish.name) == 0;

    if (token->state != TOKEN_PENDING) /* with --name a further token is wanted */
        return same || !many->name_given ? ENROLLED : WANTED;
    if (same && token->expires_s > many->now_s &&
        page_folder_has(&many->folder, display_owner(token), token->name, token->id))
        return KEPT;
    return WANTED;
}

/* Both lists are in the order of names: one walk through them side by side. */
static void judge_all(struct many *many, struct token_info *tokens, size_t n)
{
    size_t at = 0;

    if (n > 0)
        qsort(tokens, n, sizeof *tokens, by_owner); /* whatever order a store's locale has */
    for (size_t i = 0; i < many->roster.n; i++) {
        struct bytes name = name_of(many, i);
        while (at < n && compare(display_owner(&tokens[at]), name) < 0)
            at++;
        for (size_t k = at; k < n && bytes_equal(display_owner(&tokens[k]), name); k++) {
            enum state state = judge(many, &tokens[k]);
            if (state > many->states[i])
                many->states[i] = state;
        }
    }
}

static bool find_wanted(struct many *many)
{
    struct token_info *tokens = NULL;
    size_t n = 0;

    enum mfa_result result = mfa_list(many->cli->mfa, bytes_str(NULL), &tokens, &n);
    if (result != MFA_OK && result != MFA_NOT_FOUND) {
        session_explain(many->cli, result, bytes_str(NULL), NULL);
        return false;
    }
    judge_all(many, tokens, n);
    free(tokens);
    return true;
}

/* --- one batch --- */

struct batch {
    size_t users[BATCH]; /* places in the roster */
    struct token_request requests[BATCH];
    struct token_outcome outcomes[BATCH];
    size_t n;
};

static bool make_tokens(struct many *many, struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        batch->requests[i] = many->wish.request;
        batch->requests[i].user = name_of(many, batch->users[i]);
    }
    enum mfa_result result = mfa_create_many(many->cli->mfa, batch->requests, batch->n, false,
                                             many->now_s, batch->outcomes);
    if (result != MFA_OK) {
        progress_clear(&many->progress);
        session_explain(many->cli, result, name_of(many, batch->users[0]), many->wish.name);
        return false;
    }
    for (size_t i = 0; i < batch->n; i++) {
        struct bytes user = batch->requests[i].user;
        enum mfa_result one = batch->outcomes[i].result;
        if (one == MFA_OK) {
            if (!session_record(many->cli, "enroll", user, many->wish.name))
                return false;
        } else {
            many->states[batch->users[i]] = one == MFA_EXISTS ? ENROLLED : FAILED;
            progress_clear(&many->progress);
            session_explain(many->cli, one, user, many->wish.name);
        }
    }
    return true;
}

/* Every step-th page of a batch, from the first-th on.  0 or an errno. */
static int draw(const struct many *many, const struct batch *batch, enum page_login login,
                size_t first, size_t step)
{
    int error = 0;

    for (size_t i = first; i < batch->n && error == 0; i += step) {
        const struct token_outcome *outcome = &batch->outcomes[i];
        const struct page page = {
            .info = &outcome->info,
            .issuer = many->wish.issuer,
            .secret = secret_bytes(&outcome->secret),
            .login = login,
        };
        if (outcome->result == MFA_OK)
            error = page_folder_write(&many->folder, &page);
    }
    return error;
}

/*
 * Nearly all the time of a roll-out goes into libqrencode's choice of a mask: a process for each
 * CPU draws its share.  They touch the folder alone, never the store.  0 or an errno.
 */
static int draw_all(const struct many *many, const struct batch *batch, enum page_login login)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = cpus < 1 ? 1 : cpus > DRAWERS ? DRAWERS : (size_t)cpus, started = 0;
    pid_t self = getpid(), drawers[DRAWERS];
    int error = 0;

    for (; started + 1 < n && error == 0; started++) {
        drawers[started] = fork();
        if (drawers[started] == 0) {
            /* no page of an old token once this run was killed: the next one is at work then */
            if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != self)
                _exit(ECHILD);
            _exit(draw(many, batch, login, started, n));
        }
        if (drawers[started] < 0) {
            error = errno;
            break;
        }
    }
    if (error == 0)
        error = draw(many, batch, login, n - 1, n);
    while (started-- > 0) {
        int status = 0;
        pid_t waited;
        do
            waited = waitpid(drawers[started], &status, 0);
        while (waited < 0 && errno == EINTR);
        if (error == 0 && (waited < 0 || !WIFEXITED(status)))
            error = ECHILD;
        if (error == 0)
            error = WEXITSTATUS(status); /* an errno: they fit into a byte */
    }
    return error;
}

static int write_pages(struct many *many, struct batch *batch, enum page_login login)
{
    int error = draw_all(many, batch, login);

    for (size_t i = 0; i < batch->n && error == 0; i++) {
        if (batch->outcomes[i].result != MFA_OK)
            continue;
        error = page_folder_finish(&many->folder, batch->requests[i].user, batch->requests[i].name);
        if (error == 0)
            many->states[batch->users[i]] = MADE;
    }
    return error;
}

static bool run_batch(struct many *many, struct batch *batch, enum page_login login)
{
    bool done = batch->n == 0 || make_tokens(many, batch);
    int error = done && batch->n > 0 ? write_pages(many, batch, login) : 0;

    for (size_t i = 0; i < batch->n; i++)
        secret_free(&batch->outcomes[i].secret);
    batch->n = 0;
    if (error == 0)
        return done;
    progress_clear(&many->progress);
    log_error("cannot write pages into %s: %s; the tokens without a page admit nobody that has "
              "none: repair it and run this again",
              many->path, strerror(error));
    return false;
}

static bool run_all(struct many *many)
{
    struct batch *batch = calloc(1, sizeof *batch);
    enum page_login login = page_login_of(many->cli->settings);
    bool done = batch != NULL;

    if (!done)
        log_error("memory is short");
    progress_start(&many->progress, stderr, "Enrolling", many->roster.n, clock_mono_ms());
    for (size_t i = 0; done && i < many->roster.n; i++) {
        if (many->states[i] == WANTED)
            batch->users[batch->n++] = i;
        if (batch->n == BATCH || i + 1 == many->roster.n) {
            done = run_batch(many, batch, login);
            progress_at(&many->progress, i + 1, clock_mono_ms());
        }
    }
    progress_end(&many->progress);
    int error = done ? page_folder_sync(&many->folder) : 0;
    if (error != 0) {
        log_error("cannot bring %s to disk: %s", many->path, strerror(error));
        done = false;
    }
    free(batch);
    return done;
}

/* --- the end --- */

/* RFC 4180. */
static void print_field(const char *text, char end)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
    putchar(end);
}

static bool print_row(const struct many *many, size_t i, const char *file)
{
    char user[DISPLAY_USER_SIZE];
    const char *state = state_words[many->states[i]];

    if (!many->cli->json) {
        print_field(display_user(many->cli, name_of(many, i), user), ',');
        print_field(file, ',');
        print_field(state, '\n');
        return !ferror(stdout);
    }
    json_t *object = json_object();
    if (object == NULL || !escape_json(object, "user", name_of(many, i)) ||
        json_object_set_new(object, "file", file[0] ? json_string(file) : json_null()) != 0 ||
        json_object_set_new(object, "state", json_string(state)) != 0) {
        json_decref(object);
        object = NULL;
    }
    bool done = object != NULL && json_dumpf(object, stdout, JSON_COMPACT) == 0;
    json_decref(object);
    return done && putchar('\n') != EOF;
}

static bool print_manifest(struct many *many)
{
    char page[PAGE_NAME_MAX], picture[PAGE_NAME_MAX];
    bool done = true;

    if (!many->cli->json)
        puts("\"user\",\"file\",\"state\"");
    for (size_t i = 0; done && i < many->roster.n; i++) {
        enum state state = many->states[i];
        many->count[state]++;
        if ((state != MADE && state != KEPT) ||
            !page_folder_names(&many->folder, name_of(many, i), many->wish.name, page, picture))
            page[0] = '\0';
        done = print_row(many, i, page);
    }
    done = done && fflush(stdout) == 0;
    if (!done)
        log_error("cannot write to standard output");
    log_notice("%zu pages made in %s, %zu kept there from before; %zu users were enrolled already, "
               "%zu failed, %zu are left",
               many->count[MADE], many->path, many->count[KEPT], many->count[ENROLLED],
               many->count[FAILED], many->count[WANTED]);
    return done && many->count[FAILED] == 0 && many->count[WANTED] == 0;
}

/* The longest name must have room for the token's, before anything is made. */
static bool names_fit(const struct many *many)
{
    char page[PAGE_NAME_MAX], picture[PAGE_NAME_MAX];

    for (size_t i = 0; i < many->roster.n; i++)
        if (!page_folder_names(&many->folder, name_of(many, i), many->wish.name, page, picture)) {
            log_error("--name: too long for the name of a file beside the user's");
            return false;
        }
    return true;
}

static bool prepare(struct many *many, const struct arguments *arguments)
{
    const char *group = arguments->text[OPT_LDAP_GROUP];
    const char *term = arguments->text[OPT_EXPIRES];

    enroll_read(many->cli, arguments, many->now_s, &many->wish);
    many->wish.request.expires_s = many->now_s + INT64_C(86400) * ENROLL_DAYS;
    if (term != NULL) /* checked with the command line */
        enroll_until(term, many->now_s, &many->wish.request.expires_s);
    if (group != NULL && !roster_from_group(many->cli->settings, group, &many->roster))
        return false;
    if (!names_fit(many))
        return false;
    many->states = calloc(many->roster.n, sizeof *many->states);
    if (many->states == NULL)
        log_error("memory is short");
    return many->states != NULL && find_wanted(many);
}

int enroll_many(struct cli *cli, const struct arguments *arguments)
{
    const char *form = arguments->text[OPT_PAGE];
    struct many many = {
        .cli = cli,
        .path = arguments->text[OPT_PAGES],
        .folder = {.fd = -1, .png = form != NULL && strcmp(form, "png") == 0},
        .name_given = arguments->given[OPT_NAME],
        .now_s = clock_wall_ms() / 1000,
    };
    int list = -1, code = COMMAND_FAILED;

    if (!open_inputs(&many, arguments, &list) || !session_enter(cli, NEEDS_AUDIT) ||
        !prepare(&many, arguments))
        goto out;
    bool done = run_all(&many);
    if (print_manifest(&many) && done)
        code = COMMAND_DONE;
out:
    if (list >= 0)
        close(list);
    page_folder_close(&many.folder);
    roster_free(&many.roster);
    free(many.states);
    return code;
}
