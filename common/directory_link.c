#include "config.h"

#include "common/directory_link.h"

#include "common/clock.h"
#include "common/ldap_uri.h"
#include "common/secret.h"
#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BIND_PASSWORD_MAX 1024 /* bytes */
/* A server that was given less time than this is not called failed for not answering in it. */
#define FAIR_WAIT_MS      1000

static void set_error(struct directory *directory, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void set_error(struct directory *directory, const char *format, va_list arguments)
{
    char raw[DIRECTORY_ERROR_MAX];

    vsnprintf(raw, sizeof raw, format, arguments);
    text_clean(directory->error, sizeof directory->error, bytes_str(raw));
}

enum reason directory_bad_answer(struct directory *directory, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    set_error(directory, format, arguments);
    va_end(arguments);
    return REASON_DIRECTORY_ANSWER;
}

/* Adds one server's story to the error text; what does not fit is left out. */
static void add_error(struct directory *directory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_error(struct directory *directory, const char *format, ...)
{
    char raw[DIRECTORY_ERROR_MAX];
    size_t used = strlen(directory->error);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    text_clean(directory->error + used, sizeof directory->error - used, bytes_str(raw));
}

static void drop(struct directory_link *link)
{
    ldapc_close(link->connection);
    link->connection = NULL;
    link->chain_known = false;
}

/* Binds a fresh connection as the service account; the password is read anew, so it can be rotated. */
static enum ldapc_status bind_by_password(const struct settings_ldap *settings,
                                      struct ldapc *connection, int64_t limit_ms,
                                      char why[LDAPC_WHY_MAX])
{
    struct secret password = {0};
    struct ldapc_bind_answer answer;
    enum ldapc_status status = LDAPC_LOCAL;
    const char *path = settings->bind_password_file, *fault;
    struct bytes trimmed;

    fault = path != NULL ? secret_read_file(&password, path, BIND_PASSWORD_MAX) : "is not set";
    if (fault != NULL) {
        bool system = strcmp(fault, "cannot be read") == 0; /* then errno is kept */

        snprintf(why, LDAPC_WHY_MAX,
                 "ldap.bind_password_file %s %s%s%s; for uid %lu it must be its own with mode 0400, "
                 "or root's with 0440 and a group of that user",
                 path != NULL ? path : "", fault, system ? ": " : "", system ? strerror(errno) : "",
                 (unsigned long)geteuid());
        goto out;
    }
    trimmed = secret_bytes(&password);
    if (trimmed.len > 0 && trimmed.ptr[trimmed.len - 1] == '\n')
        trimmed.len--;
    status = ldapc_bind(connection, settings->bind_dn, trimmed, false, limit_ms, &answer, why);
    if (status == LDAPC_OK && answer.code != LDAP_SUCCESS) {
        snprintf(why, LDAPC_WHY_MAX,
                 "bind as %.120s was refused: %s; check ldap.bind_dn and ldap.bind_password_file",
                 settings->bind_dn, ldap_err2string(answer.code));
        status = LDAPC_DOWN;
    }
out:
    secret_free(&password);
    return status;
}

static enum ldapc_status bind_service(const struct settings_ldap *settings,
                                      struct ldapc *connection, int64_t limit_ms,
                                      char why[LDAPC_WHY_MAX])
{
    struct ldapc_bind_answer answer;
    bool external = settings->sasl == SASL_EXTERNAL;
    enum ldapc_status status;

    if (settings->sasl == SASL_NONE)
        return settings->bind_dn != NULL ? bind_by_password(settings, connection, limit_ms, why)
                                         : LDAPC_OK;
    status = external ? ldapc_bind_external(connection, limit_ms, &answer, why)
                      : ldapc_bind_gssapi(connection, limit_ms, &answer, why);
    if (status == LDAPC_OK && answer.code != LDAP_SUCCESS) {
        snprintf(why, LDAPC_WHY_MAX, "bind by %s was refused: %s (%.160s); check %s",
                 external ? "EXTERNAL" : "GSSAPI", ldap_err2string(answer.code),
                 *answer.diagnostic != '\0' ? answer.diagnostic : "no details",
                 external ? "ldap.cert_file, and that the server knows that certificate or user"
                          : "the ticket (klist), and that the server knows that principal");
        status = LDAPC_DOWN;
    }
    return status;
}

static enum ldapc_status open_link(struct directory *directory, struct directory_link *link,
                                   unsigned server, int64_t limit_ms, char why[LDAPC_WHY_MAX])
{
    const struct settings_ldap *settings = directory->settings;
    struct ldapc_target target = {.uri = settings->uris.at[server],
                                  .ca_file = settings->ca_file,
                                  .cert_file = settings->cert_file,
                                  .key_file = settings->key_file,
                                  .answer_max = directory->answer_max,
                                  .bulk = directory->answer_max > 0};
    struct ldapc_uri uri;
    enum ldapc_status status;
    const char *fault = ldapc_uri_parse(target.uri, &uri);

    if (fault == NULL && uri.scheme == LDAPC_LDAP && settings->tls == TLS_NEVER && !uri.loopback &&
        (settings->tls_reason == NULL || *settings->tls_reason == '\0'))
        fault = "is without TLS to another machine, and ldap.tls_reason does not say why";
    if (fault != NULL) {
        snprintf(why, LDAPC_WHY_MAX, "the URI %s", fault);
        return LDAPC_LOCAL;
    }
    /* Anything but a clear "never" is a demand. */
    target.starttls = uri.scheme == LDAPC_LDAP && settings->tls != TLS_NEVER;
    status = ldapc_open(&target, limit_ms, &link->connection, why);
    link->server = server;
    if (status == LDAPC_OK && !link->for_binds)
        status = bind_service(settings, link->connection, limit_ms, why);
    if (status != LDAPC_OK)
        drop(link);
    return status;
}

/* What one try needs and what it leaves. */
struct
try {
    const char *what;
    int64_t deadline_ms;
    directory_call *call;
    void *context;
};

static int64_t step_limit(const struct directory *directory, int64_t deadline_ms)
{
    int64_t limit = clock_mono_ms() + directory->settings->timeout * 1000;

    return limit < deadline_ms ? limit : deadline_ms;
}

static void mark_failed(struct directory *directory, unsigned server, int64_t started_ms,
                        enum ldapc_status status)
{
    int64_t now = clock_mono_ms();

    /* A login that came with hardly any time left tells nothing about the server. */
    if (status == LDAPC_TIMEOUT && now - started_ms < FAIR_WAIT_MS)
        return;
    outage_mark(directory->outage, server, now + directory->settings->retry_after * 1000);
}

/* One server: its kept connection if there is one, re-made once if that proves dead. */
static enum ldapc_status try_server(struct directory *directory, struct directory_link *link,
                                    unsigned server, const struct try *try)
{
    const char *uri = directory->settings->uris.at[server], *stage = try->what;
    char why[LDAPC_WHY_MAX] = "";
    int64_t started = clock_mono_ms();
    bool kept = link->connection != NULL && link->server == server;
    enum ldapc_status status = LDAPC_DOWN;

    if (!kept)
        drop(link);
    if (kept) {
        status = try->call(link, step_limit(directory, try->deadline_ms), try->context, why);
        if (status == LDAPC_DOWN)
            drop(link);
    }
    if (status == LDAPC_DOWN && link->connection == NULL) {
        stage = "connecting";
        status = open_link(directory, link, server, step_limit(directory, try->deadline_ms), why);
        if (status == LDAPC_OK) {
            stage = try->what;
            status = try->call(link, step_limit(directory, try->deadline_ms), try->context, why);
        }
    }
    if (status == LDAPC_OK)
        return status;
    /* How long a bind takes may be the user's own choice: his entry's hash may cost what he likes. */
    bool by_user = link->for_binds && stage == try->what && status == LDAPC_TIMEOUT;
    drop(link);
    if (status != LDAPC_LOCAL && !by_user)
        mark_failed(directory, server, started, status);
    add_error(directory, "%s%s: %s: %s", *directory->error != '\0' ? "; " : "", uri, stage, why);
    return status;
}

enum reason directory_run(struct directory *directory, struct directory_link *link,
                          const char *what, int64_t deadline_ms, directory_call *call,
                          void *context)
{
    const struct settings_ldap *settings = directory->settings;
    const struct try try = {
        .what = what, .deadline_ms = deadline_ms, .call = call, .context = context};
    /* The server with the kept connection first, then all in the order of ldap.uris. */
    bool kept = link->connection != NULL && link->server < settings->uris.n;
    unsigned first = kept ? link->server : 0, i;

    directory->error[0] = '\0';
    for (i = 0; i < settings->uris.n + (kept ? 1 : 0); i++) {
        unsigned server = !kept ? i : i == 0 ? first : i - 1;
        int64_t now = clock_mono_ms();
        enum ldapc_status status;

        if (kept && i > 0 && server == first)
            continue;
        if (now >= deadline_ms)
            break;
        if (!outage_may_try(directory->outage, server, now, step_limit(directory, deadline_ms))) {
            add_error(directory, "%s%s: failed lately, left alone for %d s (ldap.retry_after)",
                      *directory->error != '\0' ? "; " : "", settings->uris.at[server],
                      (int)settings->retry_after);
            continue;
        }
        outage_trying(directory->outage, server, settings->retry_after * 1000);
        status = try_server(directory, link, server, &try);
        outage_tried();
        if (status == LDAPC_OK) {
            outage_clear(directory->outage, server);
            directory->error[0] = '\0';
            return REASON_GRANTED;
        }
        if (status == LDAPC_LOCAL)
            return REASON_DIRECTORY_UNAVAILABLE;
    }
    if (clock_mono_ms() >= deadline_ms) {
        add_error(directory, "%s%s: the login's time was over", *directory->error ? "; " : "",
                  what);
        return REASON_DEADLINE;
    }
    add_error(directory, "; check that a server of ldap.uris runs and can be reached from here");
    return REASON_DIRECTORY_UNAVAILABLE;
}
