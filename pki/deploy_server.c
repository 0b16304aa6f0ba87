/* The server is told of its new files, and made to show that it serves them. */
#include "config.h"

#include "pki/deploy.h"
#include "pki/online.h"
#include "pki/publish.h"

#include "common/clock.h"
#include "common/log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SIGNAL_MS                                                                                  \
    15000 /* after a SIGHUP nothing but a handshake tells that the server is through */
#define PAUSE_MS 50

static void server_clear(void *at)
{
    struct deploy_server *server = at;

    g_free(server->label);
    if (server->statements != NULL)
        g_ptr_array_unref(server->statements);
}

/* The last of the list; owned by it. */
static struct deploy_server *add_server(struct deploy *deploy, char *label)
{
    struct deploy_server server = {.label = label,
                                   .statements = g_ptr_array_new_with_free_func(g_free)};

    if (deploy->servers == NULL) {
        deploy->servers = g_array_new(FALSE, TRUE, sizeof server);
        g_array_set_clear_func(deploy->servers, server_clear);
    }
    g_array_append_val(deploy->servers, server);
    return &g_array_index(deploy->servers, struct deploy_server, deploy->servers->len - 1);
}

static char *label_of(const char *host, int port)
{
    return g_strdup_printf(strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

/* --- the settings --- */

/* Does the server's setting lead to that file of the folder?  It may name it by way of links. */
static bool leads_here(const struct deploy *deploy, const char *setting, const char *name)
{
    char *whole = realpath(setting, NULL);
    const char *path = whole != NULL ? whole : setting;
    const char *slash = strrchr(path, '/');
    char *folder = slash != NULL ? g_strndup(path, (gsize)(slash - path + 1)) : NULL;
    struct stat there, own;
    bool here = folder != NULL && strcmp(slash + 1, name) == 0 && stat(folder, &there) == 0 &&
                fstat(deploy->folder_fd, &own) == 0 && there.st_dev == own.st_dev &&
                there.st_ino == own.st_ino;

    g_free(folder);
    free(whole);
    return here;
}

/* As a literal of SQL with standard_conforming_strings. */
static char *alter(const char *setting, const char *value)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "ALTER SYSTEM SET %s = '", setting);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            g_string_append_c(text, '\'');
        g_string_append_c(text, *value);
    }
    g_string_append(text, "';");
    return g_string_free(text, FALSE);
}

/* Notes what the server lacks; returns whether it reads this certificate and this key. */
static bool judge_settings(const struct deploy *deploy, const struct online_server *settings,
                           struct deploy_server *server)
{
    const char *values[DEPLOY_FILES] = {
        [DEPLOY_CA] = settings->ca_file,
        [DEPLOY_KEY] = settings->key_file,
        [DEPLOY_CERTIFICATE] = settings->cert_file,
        [DEPLOY_CRL] = settings->crl_file,
    };
    bool reads = settings->ssl;

    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        if (leads_here(deploy, values[i], deploy_names[i]))
            continue;
        /* A folder of CRLs does instead of the file. */
        if (i == DEPLOY_CRL && values[i][0] == '\0' && settings->crl_dir[0] != '\0')
            continue;
        g_ptr_array_add(server->statements, alter(deploy_settings[i], deploy->files[i].path));
        if (i == DEPLOY_CERTIFICATE || i == DEPLOY_KEY)
            reads = false;
    }
    if (!settings->ssl)
        g_ptr_array_add(server->statements, g_strdup("ALTER SYSTEM SET ssl = on;"));
    return reads;
}

/* --- the proof --- */

static enum deploy_proof shake_hands(const struct deploy *deploy, const char *host, int port,
                                     char *why, size_t size)
{
    struct online_probe probe = {0};
    enum deploy_proof proof = PROOF_OTHER;

    if (!online_probe(host, port, NULL, NULL, NULL, &probe, why, size))
        return PROOF_FAILED;
    if (probe.server == NULL)
        snprintf(why, size, "it offers no TLS");
    else if (probe.server->len == deploy->row.der->len &&
             memcmp(probe.server->data, deploy->row.der->data, probe.server->len) == 0)
        proof = PROOF_GIVEN;
    else
        snprintf(why, size, "it serves another certificate than %s",
                 deploy->files[DEPLOY_CERTIFICATE].path);
    online_probe_clear(&probe);
    return proof;
}

/* until_ms: looks again until then (CLOCK_MONOTONIC; 0 = one look). */
static bool prove(const struct deploy *deploy, struct deploy_server *server, const char *host,
                  int port, int64_t until_ms)
{
    char why[ONLINE_WHY] = "";

    for (;;) {
        server->proof = shake_hands(deploy, host, port, why, sizeof why);
        if (server->proof == PROOF_GIVEN || clock_mono_ms() >= until_ms)
            break;
        poll(NULL, 0, PAUSE_MS);
    }
    if (server->proof == PROOF_OTHER)
        log_error(
            "%s was told to reload, but %s: see \"SSL configuration was not reloaded\" in its "
            "log, which says why; until then the old one is in force, and a restart would "
            "fail",
            server->label, why);
    else if (server->proof == PROOF_FAILED)
        log_error("cannot prove that %s serves the new certificate: %s", server->label, why);
    return server->proof == PROOF_GIVEN;
}

/* --- by libpq --- */

static bool reload_one(const struct deploy *deploy, const char *conninfo,
                       const struct online_server *settings, struct deploy_server *server)
{
    char why[ONLINE_WHY] = "";

    if (!online_reload(conninfo, why, sizeof why)) {
        log_error("%s; the files are in place: reload the server, then look with `pgsignet-ca "
                  "check`",
                  why);
        return false;
    }
    server->reloaded = true;
    if (settings->hosts[0] == '\0') {
        log_notice(
            "%s listens on no address of TCP, so nothing can be proved, and TLS is of no use",
            server->label);
        return true;
    }
    return prove(deploy, server, settings->hosts, settings->port, 0);
}

/* act: false only looks. */
static bool visit(struct deploy *deploy, const char *conninfo, bool named, bool act)
{
    struct online_server settings = {0};
    char why[ONLINE_WHY] = "";
    bool done = true;

    if (!online_server(conninfo, &settings, why, sizeof why)) {
        struct deploy_server *server = add_server(deploy, publish_label(conninfo));
        server->unreachable = true;
        /* Of ca.postgres it may be one on another machine, which is none of our business now. */
        (named ? log_error : log_warning)(
            "%s%s", why,
            act ? "; the files are in place, and count once it starts or reloads" : "");
        return false;
    }
    struct deploy_server *server =
        add_server(deploy, settings.hosts[0] != '\0' ? label_of(settings.hosts, settings.port)
                                                     : publish_label(conninfo));
    server->remote = !named && !settings.local;
    if (!server->remote) {
        bool reads = judge_settings(deploy, &settings, server);
        if (act && reads)
            done = reload_one(deploy, conninfo, &settings, server);
        else if (!reads) {
            log_error("%s reads its certificate from elsewhere, so nothing was proved: run the "
                      "statements that are printed, then deploy again; or if %s is another "
                      "program's (PgBouncer), name that one: --probe HOST:PORT",
                      server->label, deploy->folder);
            done = false;
        }
    }
    online_server_clear(&settings);
    return done;
}

/* --- by signal, and where somebody else reloads --- */

/* Lines of postmaster.pid: process, folder, start, port, socket's folder, address (miscadmin.h). */
enum pid_line { PID_LINE_PORT = 3, PID_LINE_ADDRESS = 5 };

static bool address_of(const char *pid_file, char **host, int *port)
{
    char *text = NULL, **lines = NULL;
    bool found = false;

    if (g_file_get_contents(pid_file, &text, NULL, NULL)) {
        lines = g_strsplit(text, "\n", -1);
        if (g_strv_length(lines) > PID_LINE_ADDRESS && lines[PID_LINE_ADDRESS][0] != '\0') {
            const char *address = lines[PID_LINE_ADDRESS];
            bool any = strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0;
            *host = g_strdup(any ? "127.0.0.1" : address);
            *port = (int)strtol(lines[PID_LINE_PORT], NULL, 10);
            found = true;
        }
    }
    g_strfreev(lines);
    g_free(text);
    return found;
}

static bool signal_one(struct deploy *deploy, const char *pid_file, bool act)
{
    struct deploy_server *server = add_server(deploy, g_strdup(pid_file));
    char why[ONLINE_WHY] = "", *host = NULL;
    bool done = true;
    int port = 0;

    if (!act)
        return true;
    if (!online_signal(pid_file, why, sizeof why)) {
        server->unreachable = true;
        log_error("%s; the files are in place: they count when the server starts", why);
        return false;
    }
    server->reloaded = true;
    if (deploy->session->arguments->given[OPT_PROBE])
        return true;
    if (address_of(pid_file, &host, &port))
        done = prove(deploy, server, host, port, clock_mono_ms() + SIGNAL_MS);
    else
        log_notice("%s does not say where its server listens: name it with --probe, and it is "
                   "proved what it serves",
                   pid_file);
    g_free(host);
    return done;
}

static bool probe_one(struct deploy *deploy, const char *text, bool act)
{
    char *host = NULL;
    int port = 0;
    const char *fault = online_address(text, &host, &port);
    bool done = true;

    if (fault != NULL) {
        log_error("--probe %s: %s", text, fault);
        return false;
    }
    struct deploy_server *server = add_server(deploy, label_of(host, port));
    if (act)
        done = prove(deploy, server, host, port,
                     clock_mono_ms() +
                         (deploy->session->arguments->given[OPT_PID_FILE] ? SIGNAL_MS : 0));
    g_free(host);
    return done;
}

/* --- all of them --- */

/* Of ca.postgres some may be on other machines, or down: enough that one here is through. */
static bool settled(const struct deploy *deploy)
{
    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++) {
        const struct deploy_server *server =
            &g_array_index(deploy->servers, struct deploy_server, i);
        if (server->proof == PROOF_OTHER || server->proof == PROOF_FAILED ||
            (!server->remote && !server->unreachable && server->statements->len > 0 &&
             !server->reloaded))
            return false;
    }
    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++) {
        if (g_array_index(deploy->servers, struct deploy_server, i).proof == PROOF_GIVEN)
            return true;
    }
    return false;
}

static bool visit_all(struct deploy *deploy, bool act)
{
    const struct session *session = deploy->session;
    const struct arguments *arguments = session->arguments;
    const char *const *texts = NULL;
    bool named = arguments->given[OPT_POSTGRES], good = true;
    size_t n = publish_servers(session, &texts);

    /* Who names a pid file or an address does not mean those of the configuration. */
    if (!named && (arguments->given[OPT_PID_FILE] || arguments->given[OPT_PROBE]))
        n = 0;
    for (size_t i = 0; i < n; i++)
        good = visit(deploy, texts[i], named, act) && good;
    if (!good && !named) {
        good = settled(deploy);
        if (!good && act)
            log_error("no server of ca.postgres was proved to serve %s: see above",
                      deploy->files[DEPLOY_CERTIFICATE].path);
    }
    if (arguments->given[OPT_PID_FILE])
        good = signal_one(deploy, arguments->text[OPT_PID_FILE], act) && good;
    n = options_list(OPT_PROBE, &texts);
    for (size_t i = 0; i < n; i++)
        good = probe_one(deploy, texts[i], act) && good;
    return good;
}

bool deploy_reload(struct deploy *deploy)
{
    bool good = visit_all(deploy, true);
    bool any = false;

    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++)
        any = any || !g_array_index(deploy->servers, struct deploy_server, i).remote;
    if (!any)
        log_notice("the files are in place, and no server was told: name it with --postgres, "
                   "--pid-file or ca.postgres; or set ssl = on and these settings there, reload "
                   "it, and look with `pgsignet-ca check`");
    return good;
}

bool deploy_look(struct deploy *deploy)
{
    return visit_all(deploy, false);
}
