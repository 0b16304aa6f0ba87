/* deploy: a server's files into their places, a reload, the proof; and the lines for its configuration. */
#include "config.h"

#include "pki/cli.h"
#include "pki/deploy.h"
#include "pki/publish_places.h"

#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <unistd.h>

bool check_deploy(const struct arguments *arguments)
{
    bool print = arguments->given[OPT_PRINT];

    if (!arguments_one_of(arguments, OPT_BIT(OPT_OWNER) | OPT_BIT(OPT_GROUP_KEY)))
        return false;
    if (print && (arguments->given[OPT_TO] || arguments->given[OPT_DRY_RUN])) {
        log_error("--print changes nothing and goes without --to and --dry-run");
        return false;
    }
    if (!print && (arguments->operands != 1 || !arguments->given[OPT_TO])) {
        log_error("say which server's files to put where: deploy NAME --to DIR; or --print");
        return false;
    }
    return true;
}

/* --- the lines --- */

struct lines {
    GString *hba, *ident; /* owned */
    GPtrArray *left_out;  /* owned, of char *: "ROLE: why" */
};

static void leave_out(struct lines *lines, const char *role, const char *why)
{
    char name[256];

    text_escape(name, sizeof name, bytes_str(role));
    g_ptr_array_add(lines->left_out, g_strdup_printf("\"%s\": %s", name, why));
}

static void add_ident(struct lines *lines, const char *dn, const char *role)
{
    if (dn == NULL)
        leave_out(lines, role, "it is not UTF-8, so no certificate can name it");
    else if (strlen(dn) > DEPLOY_TOKEN_MAX)
        leave_out(lines, role, "the subject is longer than PostgreSQL 15 reads a word");
    else
        deploy_ident(dn, role, lines->ident);
}

struct clients {
    struct lines *lines;
    const char *role; /* NULL: all that the line for all does not admit */
    bool any;
};

/* An adopted certificate may have a subject of another form than ours. */
static bool add_client(void *context, const struct ledger_row *row)
{
    struct clients *clients = context;
    char why[LEDGER_WHY];
    X509 *certificate = NULL;
    char *dn = NULL;

    if (clients->role != NULL && strcmp(clients->role, row->name) != 0)
        return true; /* found by its folded name */
    certificate = certificate_read(bytes_of(row->der->data, row->der->len), why, sizeof why);
    dn = certificate != NULL ? deploy_dn(certificate) : NULL;
    if (dn != NULL && deploy_role_fault(row->name) == NULL &&
        (clients->role != NULL || !deploy_dn_is_plain(dn, row->name))) {
        clients->any = true;
        add_ident(clients->lines, dn, row->name);
    }
    g_free(dn);
    X509_free(certificate);
    return true;
}

static bool each_client(struct session *session, struct clients *clients)
{
    const struct ledger_filter filter = {
        .name = clients->role,
        .kind = 1 + KIND_CLIENT,
        .live_at = session_now_s(),
        .not_replaced = true,
        .with_der = true,
    };

    if (ledger_each(session->ledger, &filter, add_client, clients) == LEDGER_OK)
        return true;
    log_error("%s", ledger_error(session->ledger));
    return false;
}

static bool add_role(struct session *session, struct lines *lines, const char *role)
{
    struct clients clients = {.lines = lines, .role = role};
    const char *fault = deploy_role_fault(role);

    if (fault != NULL) {
        leave_out(lines, role, fault);
        return true;
    }
    deploy_hba(role, false, lines->hba);
    deploy_hba(role, true, lines->hba);
    /* The ledger holds names in UTF-8 alone. */
    if (text_is_utf8(bytes_str(role)) && !each_client(session, &clients))
        return false;
    if (!clients.any) {
        char *dn = deploy_dn_of_name(role);
        add_ident(lines, dn, role);
        g_free(dn);
    }
    return true;
}

static bool make_lines(struct session *session, char *const *roles, int n, struct lines *lines)
{
    struct clients all = {.lines = lines};

    *lines = (struct lines){g_string_new(NULL), g_string_new(NULL),
                            g_ptr_array_new_with_free_func(g_free)};
    for (int i = 0; i < n; i++) {
        if (!add_role(session, lines, roles[i]))
            return false;
    }
    if (n > 0)
        return true;
    deploy_hba(NULL, false, lines->hba);
    deploy_hba(NULL, true, lines->hba);
    deploy_ident(NULL, NULL, lines->ident);
    return each_client(session, &all);
}

static void lines_clear(struct lines *lines)
{
    if (lines->hba != NULL)
        g_string_free(lines->hba, TRUE);
    if (lines->ident != NULL)
        g_string_free(lines->ident, TRUE);
    if (lines->left_out != NULL)
        g_ptr_array_unref(lines->left_out);
}

/* To a file as they are; a terminal is not driven by a role's name. */
static void print_text(const GString *text)
{
    bool plain = text_is_plain(bytes_of(text->str, text->len), true);
    char *shown;

    if (plain || isatty(STDOUT_FILENO) != 1) {
        fwrite(text->str, 1, text->len, stdout);
        return;
    }
    shown = g_malloc(4 * text->len + 1);
    for (const char *at = text->str; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        text_clean(shown, 4 * text->len + 1, bytes_of(at, len));
        puts(shown);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    g_free(shown);
    log_warning("some bytes are shown as \\xNN: write this into a file to have them as they are");
}

static void print_lines(const struct lines *lines)
{
    puts("# pg_hba.conf: by certificate alone (cert), or by certificate and one-time code (pam): "
         "take one of the two.");
    print_text(lines->hba);
    puts("# pg_ident.conf: which subject is which role.");
    print_text(lines->ident);
}

/* Bytes that are not UTF-8 have no place in JSON: such lines are left out there. */
static json_t *json_lines(const GString *text)
{
    json_t *array = json_array();
    char **lines = g_strsplit(text->str, "\n", -1);

    for (size_t i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && text_is_utf8(bytes_str(lines[i])))
            json_array_append_new(array, json_string(lines[i]));
    }
    g_strfreev(lines);
    return array;
}

static void add_lines(json_t *document, const struct lines *lines)
{
    json_t *left_out = json_array();

    for (guint i = 0; i < lines->left_out->len; i++)
        json_array_append_new(left_out, json_string(g_ptr_array_index(lines->left_out, i)));
    json_object_set_new(document, "pg_hba", json_lines(lines->hba));
    json_object_set_new(document, "pg_ident", json_lines(lines->ident));
    json_object_set_new(document, "left_out", left_out);
}

static bool say_left_out(const struct lines *lines)
{
    for (guint i = 0; i < lines->left_out->len; i++)
        log_error("no line for %s", (const char *)g_ptr_array_index(lines->left_out, i));
    return lines->left_out->len == 0;
}

static int print_only(struct session *session)
{
    const struct arguments *arguments = session->arguments;
    struct lines lines = {0};
    json_t *document = NULL;
    bool done = make_lines(session, arguments->operand, arguments->operands, &lines);

    if (done && session->json) {
        document = json_object();
        add_lines(document, &lines);
        done = session_print(document);
    } else if (done) {
        print_lines(&lines);
    }
    done = done && say_left_out(&lines);
    lines_clear(&lines);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}

/* --- what was done --- */

static const char *const proof_words[] = {
    [PROOF_NONE] = "not-proved",
    [PROOF_GIVEN] = "served",
    [PROOF_OTHER] = "another-served",
    [PROOF_FAILED] = "no-handshake",
};

static json_t *json_files(const struct deploy *deploy)
{
    json_t *array = json_array();
    char mode[8];

    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        const struct deploy_file *file = &deploy->files[i];
        snprintf(mode, sizeof mode, "%04o", (unsigned)file->mode);
        json_array_append_new(array,
                              json_pack("{s:s,s:s,s:s,s:b}", "setting", deploy_settings[i], "path",
                                        file->path, "mode", mode, "changed", file->changes));
    }
    return array;
}

static json_t *json_servers(const struct deploy *deploy)
{
    json_t *array = json_array();

    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++) {
        const struct deploy_server *server =
            &g_array_index(deploy->servers, struct deploy_server, i);
        json_t *statements = json_array();
        for (guint k = 0; k < server->statements->len; k++)
            json_array_append_new(statements,
                                  json_string(g_ptr_array_index(server->statements, k)));
        json_array_append_new(array,
                              json_pack("{s:s,s:b,s:b,s:b,s:s,s:o}", "server", server->label,
                                        "remote", server->remote, "reached", !server->unreachable,
                                        "reloaded", server->reloaded, "proof",
                                        proof_words[server->proof], "statements", statements));
    }
    return array;
}

static bool print_json(const struct deploy *deploy, const struct lines *lines)
{
    GString *serial = g_string_new(NULL);
    json_t *document;

    certificate_serial_text(bytes_of(deploy->row.serial, deploy->row.serial_len), serial);
    document = json_pack("{s:s,s:s,s:b,s:o,s:o}", "name", deploy->row.name, "serial", serial->str,
                         "dry_run", deploy->session->dry_run, "files", json_files(deploy),
                         "servers", json_servers(deploy));
    g_string_free(serial, TRUE);
    add_lines(document, lines);
    return session_print(document);
}

static void print_human(const struct deploy *deploy, const struct lines *lines)
{
    const char *verb = deploy->session->dry_run ? "would write" : "wrote";

    for (size_t i = 0; !deploy->session->quiet && i < DEPLOY_FILES; i++) {
        const struct deploy_file *file = &deploy->files[i];
        printf("%-11s %s (%s, mode %04o)\n", file->changes ? verb : "as it is", file->path,
               deploy_settings[i], (unsigned)file->mode);
    }
    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++) {
        const struct deploy_server *server =
            &g_array_index(deploy->servers, struct deploy_server, i);
        if (server->proof == PROOF_GIVEN && !deploy->session->quiet)
            printf("%s serves it: proved by a handshake\n", server->label);
        if (server->statements->len > 0)
            printf("-- for %s:\n", server->label);
        for (guint k = 0; k < server->statements->len; k++)
            puts(g_ptr_array_index(server->statements, k));
        if (server->statements->len > 0)
            puts("SELECT pg_reload_conf();");
    }
    if (!deploy->session->quiet)
        print_lines(lines);
}

static int deploy_files(struct session *session)
{
    const struct arguments *arguments = session->arguments;
    struct deploy deploy = {.folder_fd = -1};
    struct lines lines = {0};
    bool changed = false, done;

    done = deploy_prepare(&deploy, session, arguments->operand[0], arguments->text[OPT_TO]) &&
           make_lines(session, NULL, 0, &lines);
    if (!done)
        goto out;
    if (session->dry_run) {
        deploy_look(&deploy);
    } else {
        done = deploy_write(&deploy, &changed) &&
               publish_remember(session, deploy.files[DEPLOY_CRL].path);
        if (!done)
            goto out;
        done = deploy_reload(&deploy) && deploy_settle(&deploy);
    }
    if (session->json)
        done = print_json(&deploy, &lines) && done;
    else
        print_human(&deploy, &lines);
    (void)say_left_out(&lines);
out:
    lines_clear(&lines);
    deploy_clear(&deploy);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_deploy(const struct arguments *arguments)
{
    struct session session;
    bool print = arguments->given[OPT_PRINT];
    int code = COMMAND_FAILED;

    if (session_open(&session, arguments,
                     print || arguments->given[OPT_DRY_RUN] ? NEEDS_LOOK : NEEDS_WORK))
        code = print ? print_only(&session) : deploy_files(&session);
    session_close(&session);
    return code;
}
