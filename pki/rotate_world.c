#include "config.h"

#include "pki/rotate_world.h"

#include "common/log.h"
#include "pki/canary.h"
#include "pki/online.h"

#include <stdio.h>

bool rotate_find(struct session *session, enum ledger_kind kind, struct rotate_sides *sides)
{
    struct authority *signer = session_signer(session, kind);

    if (signer == NULL)
        return false;
    *sides = (struct rotate_sides){.purpose = signer->row.purpose, .old = signer};
    for (size_t i = 0; i < session->n_authorities; i++) {
        struct authority *authority = &session->authorities[i];

        if (authority->row.purpose != signer->row.purpose)
            continue;
        if (authority->row.state == AUTHORITY_NEXT) {
            sides->state = ROTATE_TRUST;
            sides->new = authority;
        } else if (authority->row.state == AUTHORITY_OLD) {
            sides->state = ROTATE_ISSUE;
            sides->old = authority;
            sides->new = signer;
        }
    }
    return true;
}

/* --- leaves --- */

static void clear_leaf(void *leaf)
{
    g_free(((struct rotate_leaf *)leaf)->name);
    g_free(((struct rotate_leaf *)leaf)->serial);
}

static bool add_leaf(void *context, const struct ledger_row *row)
{
    struct rotate_leaf leaf = {.kind = row->kind,
                               .replaced = row->replaced_by != 0,
                               .id = row->id,
                               .not_after = row->not_after};

    if (row->kind == KIND_CA || row->kind == KIND_CROSS)
        return true;
    GString *serial = g_string_new(NULL);
    certificate_serial_text(bytes_of(row->serial, row->serial_len), serial);
    leaf.serial = g_string_free(serial, FALSE);
    leaf.name = g_strdup(row->name);
    g_array_append_val((GArray *)context, leaf);
    return true;
}

GArray *rotate_leaves(struct session *session, const struct rotate_sides *sides)
{
    GArray *leaves = g_array_new(FALSE, TRUE, sizeof(struct rotate_leaf));
    const struct ledger_filter filter = {.authority = sides->old->row.id,
                                         .live_at = session_now_s()};

    g_array_set_clear_func(leaves, clear_leaf);
    if (ledger_each(session->ledger, &filter, add_leaf, leaves) == LEDGER_OK)
        return leaves;
    log_error("%s", ledger_error(session->ledger));
    g_array_unref(leaves);
    return NULL;
}

/* --- servers --- */

static void clear_server(void *server)
{
    g_free(((struct rotate_server *)server)->server);
    g_free(((struct rotate_server *)server)->text);
}

static enum rotate_trust judge_probe(const struct online_probe *probe)
{
    switch (probe->verdict) {
    case PROBE_ACCEPTED:
        return probe->asked ? TRUST_YES : TRUST_NOT_ASKED;
    case PROBE_NO_TLS:
        return TRUST_NOT_ASKED;
    case PROBE_REVOKED:
    case PROBE_REFUSED:
    case PROBE_VERDICTS:
        break;
    }
    return TRUST_NO;
}

static void ask_server(const char *conninfo, const struct canary *canary, GArray *servers)
{
    struct rotate_server row = {.trust = TRUST_SILENT};
    struct online_server server = {0};
    struct online_probe probe = {0};
    char why[ONLINE_WHY] = "";

    if (!online_server(conninfo, &server, why, sizeof why)) {
        row.server = g_strdup(conninfo);
    } else if (server.hosts[0] == '\0') {
        row.server = g_strdup(conninfo);
        row.trust = TRUST_NOT_ASKED;
        snprintf(why, sizeof why, "it listens on no TCP port");
    } else {
        row.server = g_strdup_printf("%s:%d", server.hosts, server.port);
        if (online_probe(server.hosts, server.port, NULL, canary->certificate,
                         (const char *)canary->key.ptr, &probe, why, sizeof why)) {
            row.trust = judge_probe(&probe);
            snprintf(why, sizeof why, "%s", probe.alert != NULL ? probe.alert : "");
        }
    }
    row.text = g_strdup(why);
    g_array_append_val(servers, row);
    online_probe_clear(&probe);
    online_server_clear(&server);
}

GArray *rotate_servers(struct session *session, const struct rotate_sides *sides)
{
    GArray *servers = g_array_new(FALSE, TRUE, sizeof(struct rotate_server));
    const char *const *given;
    size_t n = options_list(OPT_POSTGRES, &given);
    const struct settings_strings *settings = &session->ca.postgres;
    struct canary canary = {0};
    bool done;

    g_array_set_clear_func(servers, clear_server);
    if (sides->new == NULL || sides->purpose == PURPOSE_SERVER || (n == 0 && settings->n == 0))
        return servers;
    done = canary_make(session, sides->new, false, &canary);
    for (size_t i = 0; done && i < (n > 0 ? n : settings->n); i++)
        ask_server(n > 0 ? given[i] : settings->at[i], &canary, servers);
    done = done && canary_revoke(session, &canary);
    canary_clear(&canary);
    if (!done) {
        g_array_unref(servers);
        return NULL;
    }
    return servers;
}

void rotate_world_fill(const struct session *session, const struct rotate_sides *sides,
                       const GArray *leaves, const GArray *servers, struct rotate_world *world)
{
    *world = (struct rotate_world){
        .state = sides->state,
        .new_crl = sides->new != NULL && sides->new->row.crl_next_s > session_now_s(),
        .forced = session->arguments->given[OPT_FORCE],
    };
    for (guint i = 0; i < leaves->len; i++) {
        if (g_array_index(leaves, struct rotate_leaf, i).replaced)
            world->old_replaced++;
        else
            world->old_waiting++;
    }
    for (guint i = 0; i < servers->len; i++) {
        enum rotate_trust trust = g_array_index(servers, struct rotate_server, i).trust;

        world->distrusting += trust == TRUST_NO;
        world->silent += trust == TRUST_SILENT;
    }
}
