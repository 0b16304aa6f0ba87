/* The questions: from C to JSON, and back. */
#include "config.h"

#include "pki/online.h"
#include "pki/online_text.h"

#include "common/number.h"

#include <stdio.h>
#include <stdlib.h>

/* Of a field that is missing or of another type: the programs are of two versions. */
static bool other_form(const char *what, char *why, size_t size)
{
    snprintf(why, size,
             "cannot ask for %s: pgsignet-ca-online gave an answer of another form; is it of this "
             "version?",
             what);
    return false;
}

static json_t *question(const char *ask, const char *conninfo)
{
    return json_pack("{s:s,s:o}", "ask", ask, "conninfo", online_text_string(conninfo));
}

static bool take_names(const json_t *array, char ***names, size_t *n)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    const json_t *value;
    bool good = json_is_array(array);
    size_t i;

    json_array_foreach((json_t *)array, i, value)
    {
        char *name = online_text_get(value);
        good = good && name != NULL;
        if (name != NULL)
            g_ptr_array_add(out, name);
    }
    if (!good) {
        g_ptr_array_unref(out);
        return false;
    }
    *n = out->len;
    g_ptr_array_add(out, NULL);
    *names = (char **)g_ptr_array_free(out, FALSE);
    return true;
}

bool online_roles(const char *conninfo, char ***names, size_t *n, char *why, size_t size)
{
    json_t *answer = online_ask(question("roles", conninfo), ONLINE_TIMEOUT_S, why, size);

    if (answer == NULL)
        return false;
    bool good = take_names(json_object_get(answer, "roles"), names, n);
    json_decref(answer);
    return good || other_form("roles", why, size);
}

bool online_group(const char *config, const char *group, char ***names, size_t *n, char *why,
                  size_t size)
{
    json_t *request = json_pack("{s:s,s:o,s:o}", "ask", "group", "config",
                                online_text_string(config), "group", online_text_string(group));
    json_t *answer = online_ask(request, ONLINE_GROUP_S, why, size);

    if (answer == NULL)
        return false;
    bool good = take_names(json_object_get(answer, "members"), names, n);
    json_decref(answer);
    return good || other_form("group", why, size);
}

/* --- servers --- */

static bool take_text(const json_t *answer, const char *key, char **out)
{
    *out = online_text_get(json_object_get(answer, key));
    return *out != NULL;
}

static bool take_server(const json_t *answer, struct online_server *out)
{
    const json_t *version = json_object_get(answer, "version");
    const json_t *ssl = json_object_get(answer, "ssl");
    const json_t *port = json_object_get(answer, "port");

    *out = (struct online_server){.version = json_integer_value(version),
                                  .ssl = json_is_true(ssl),
                                  .local = json_is_true(json_object_get(answer, "local")),
                                  .port = (int)json_integer_value(port)};
    return json_is_integer(version) && json_is_boolean(ssl) && json_is_integer(port) &&
           out->port >= 0 && out->port <= 65535 &&
           take_text(answer, "ssl_cert_file", &out->cert_file) &&
           take_text(answer, "ssl_key_file", &out->key_file) &&
           take_text(answer, "ssl_ca_file", &out->ca_file) &&
           take_text(answer, "ssl_crl_file", &out->crl_file) &&
           take_text(answer, "ssl_crl_dir", &out->crl_dir) &&
           take_text(answer, "data_directory", &out->data_directory) &&
           take_text(answer, "host", &out->hosts);
}

bool online_server(const char *conninfo, struct online_server *out, char *why, size_t size)
{
    json_t *answer = online_ask(question("server", conninfo), ONLINE_TIMEOUT_S, why, size);
    bool good = false;

    *out = (struct online_server){0};
    if (answer == NULL)
        return false;
    good = take_server(answer, out);
    json_decref(answer);
    if (good)
        return true;
    online_server_clear(out);
    return other_form("server", why, size);
}

bool online_is_up(const char *conninfo)
{
    char why[ONLINE_WHY];
    json_t *answer = online_ask(question("up", conninfo), ONLINE_UP_S, why, sizeof why);
    bool up = json_is_true(json_object_get(answer, "up"));

    json_decref(answer);
    return up;
}

void online_server_clear(struct online_server *server)
{
    g_free(server->cert_file);
    g_free(server->key_file);
    g_free(server->ca_file);
    g_free(server->crl_file);
    g_free(server->crl_dir);
    g_free(server->data_directory);
    g_free(server->hosts);
    *server = (struct online_server){0};
}

bool online_reload(const char *conninfo, char *why, size_t size)
{
    json_t *answer = online_ask(question("reload", conninfo), ONLINE_TIMEOUT_S, why, size);

    json_decref(answer);
    return answer != NULL;
}

/* --- sessions --- */

static void session_clear(void *at)
{
    struct online_session *session = at;

    g_free(session->user);
    g_free(session->database);
    g_free(session->application);
    g_free(session->address);
}

static bool take_session(const json_t *value, GArray *out)
{
    const json_t *pid = json_object_get(value, "pid");
    struct online_session session = {.pid = json_integer_value(pid)};
    bool good = json_is_integer(pid) && take_text(value, "user", &session.user) &&
                take_text(value, "database", &session.database) &&
                take_text(value, "application", &session.application) &&
                take_text(value, "address", &session.address);

    g_array_append_val(out, session);
    return good;
}

bool online_sessions(const char *conninfo, const char *serial_decimal, struct bytes issuer,
                     bool terminate, GArray **out, char *why, size_t size)
{
    json_t *request = question("sessions", conninfo);
    json_t *answer = NULL;
    const json_t *value, *array;
    bool good = false;
    size_t i;

    json_object_set_new(request, "serial", json_string(serial_decimal));
    json_object_set_new(request, "issuer", online_text_binary(issuer));
    json_object_set_new(request, "terminate", json_boolean(terminate));
    answer = online_ask(request, ONLINE_TIMEOUT_S, why, size);
    if (answer == NULL)
        return false;
    array = json_object_get(answer, "sessions");
    good = json_is_array(array);
    *out = g_array_new(FALSE, TRUE, sizeof(struct online_session));
    g_array_set_clear_func(*out, session_clear);
    json_array_foreach((json_t *)array, i, value) good = take_session(value, *out) && good;
    json_decref(answer);
    if (good)
        return true;
    g_array_unref(*out);
    *out = NULL;
    return other_form("sessions", why, size);
}

/* --- handshakes --- */

static const char *const verdict_names[PROBE_VERDICTS] = {
    [PROBE_ACCEPTED] = "accepted",
    [PROBE_REVOKED] = "revoked",
    [PROBE_REFUSED] = "refused",
    [PROBE_NO_TLS] = "no-tls",
};

static bool take_probe(const json_t *answer, struct online_probe *out)
{
    const char *verdict = json_string_value(json_object_get(answer, "verdict"));
    const json_t *alert = json_object_get(answer, "alert");
    const json_t *served = json_object_get(answer, "served");
    int i;

    for (i = 0; i < PROBE_VERDICTS; i++) {
        if (verdict != NULL && strcmp(verdict_names[i], verdict) == 0)
            break;
    }
    out->verdict = (enum online_verdict)i;
    out->asked = json_is_true(json_object_get(answer, "asked"));
    out->alert = g_strdup(json_string_value(alert));
    out->server = json_is_null(served) ? NULL : online_text_get_binary(served);
    return i < PROBE_VERDICTS && (out->server != NULL || i == PROBE_NO_TLS || i == PROBE_REFUSED);
}

bool online_probe(const char *host, int port, const char *server_name, const char *certificate,
                  const char *key, struct online_probe *out, char *why, size_t size)
{
    json_t *request = json_pack(
        "{s:s,s:o,s:i,s:o,s:o,s:o}", "ask", "probe", "host", online_text_string(host), "port", port,
        "name", online_text_string(server_name != NULL ? server_name : host), "certificate",
        online_text_string(certificate), "key", online_text_string(key));
    json_t *answer = online_ask(request, ONLINE_PROBE_S, why, size);

    *out = (struct online_probe){0};
    if (answer == NULL)
        return false;
    bool good = take_probe(answer, out);
    json_decref(answer);
    if (good)
        return true;
    online_probe_clear(out);
    return other_form("probe", why, size);
}

void online_probe_clear(struct online_probe *probe)
{
    g_free(probe->alert);
    if (probe->server != NULL)
        g_byte_array_unref(probe->server);
    *probe = (struct online_probe){0};
}

const char *online_address(const char *text, char **host, int *port)
{
    const char *end = strrchr(text, ':'), *begin = text;
    size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
    int64_t number = 5432;

    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');
        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':'))
            return "must be HOST:PORT or [ADDRESS]:PORT";
        begin = text + 1;
        len = (size_t)(bracket - begin);
        end = bracket[1] == ':' ? bracket + 1 : NULL;
    } else if (strchr(text, ':') != end) {
        return "has an IPv6 address, which needs brackets: [::1]:5432";
    }
    if (len == 0 || begin[0] == '/')
        return "must be HOST:PORT; there is no TLS on a Unix socket";
    if (end != NULL && number_parse(end + 1, strlen(end + 1), 1, 65535, &number) != NUMBER_OK)
        return "must end in a port, 1 to 65535";
    *host = g_strndup(begin, len);
    *port = (int)number;
    return NULL;
}
