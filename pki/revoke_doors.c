/* Where to knock: ports that are named, or those of the servers that the settings know. */
#include "config.h"

#include "pki/revoke.h"

#include "common/log.h"

#define BOUNCER_PORT 6432 /* PgBouncer's own */

static void add_failed(struct revoke *revoke, char *server, const char *why)
{
    struct revoke_proof proof = {.outcome = OUTCOME_FAILED,
                                 .server = server,
                                 .name = "",
                                 .text = g_strdup(why),
                                 .advice = "mended, do it again: what is in the ledger stays"};

    g_array_append_val(revoke->proofs, proof);
}

static bool add_address(struct revoke *revoke, const char *text, bool is_bouncer)
{
    struct revoke_door door = {.is_bouncer = is_bouncer, .uses_tls = true};
    const char *fault = online_address(text, &door.host, &door.port);

    if (fault != NULL) {
        log_error("the address %s %s", text, fault);
        return false;
    }
    door.label = g_strdup(text);
    door.is_bouncer = is_bouncer || door.port == BOUNCER_PORT;
    g_array_append_val(revoke->doors, door);
    return true;
}

static char *places_of(const struct online_server *server)
{
    bool file = server->crl_file[0] != '\0', dir = server->crl_dir[0] != '\0';

    return g_strconcat(file ? "its ssl_crl_file is " : "", file ? server->crl_file : "",
                       file && dir ? ", " : "", dir ? "its ssl_crl_dir is " : "",
                       dir ? server->crl_dir : "", NULL);
}

static void add_server(struct revoke *revoke, const char *conninfo)
{
    struct online_server server = {0};
    char why[ONLINE_WHY], *label = publish_label(conninfo);

    if (!online_server(conninfo, &server, why, sizeof why)) {
        add_failed(revoke, label, why);
        return;
    }
    struct revoke_door door = {
        .label = label,
        .host = g_strdup(server.hosts),
        .port = server.port,
        .places = places_of(&server),
        .uses_tls = server.ssl && server.hosts[0] != '\0',
    };
    g_array_append_val(revoke->doors, door);
    online_server_clear(&server);
}

bool revoke_has_doors(const struct revoke *revoke)
{
    const char *const *texts = NULL;

    return revoke->session->arguments->given[OPT_PROBE] ||
           publish_servers(revoke->session, &texts) > 0 || revoke->session->ca.pgbouncer.n > 0;
}

void revoke_find_doors(struct revoke *revoke)
{
    const char *const *texts = NULL;
    const struct settings_strings *bouncers = &revoke->session->ca.pgbouncer;
    bool named = revoke->session->arguments->given[OPT_PROBE];
    size_t n = named ? options_list(OPT_PROBE, &texts) : publish_servers(revoke->session, &texts);

    for (size_t i = 0; i < n; i++) {
        if (!named)
            add_server(revoke, texts[i]);
        else if (!add_address(revoke, texts[i], false))
            add_failed(revoke, g_strdup(texts[i]), "it is no address: HOST:PORT");
    }
    for (size_t i = 0; i < bouncers->n; i++)
        add_address(revoke, bouncers->at[i], true);
}
