#include "config.h"

#include "common/log.h"
#include "common/table.h"
#include "pki/cli.h"
#include "pki/crl.h"
#include "pki/rotate_make.h"
#include "pki/rotate_world.h"

#include <inttypes.h>
#include <stdio.h>

#define STATUS ROTATE_STEPS /* of the words, the one that takes no step */

struct rotation {
    struct session *session;
    struct rotate_sides sides;
    struct rotate_world world;
    GArray *leaves, *servers; /* owned */
};

static int find_step(const char *word)
{
    for (int i = 0; i < ROTATE_STEPS; i++)
        if (strcmp(word, rotate_step_names[i]) == 0)
            return i;
    return strcmp(word, "status") == 0 ? STATUS : -1;
}

bool check_rotate(const struct arguments *arguments)
{
    if (find_step(arguments->operand[0]) < 0) {
        log_error("rotate: \"%s\" is no step; write status, start, issue, drop or abort",
                  arguments->operand[0]);
        return false;
    }
    if (arguments->given[OPT_REASON] && (find_step(arguments->operand[0]) != STEP_START ||
                                         arguments->number[OPT_REASON] != REVOKED_CA_COMPROMISE)) {
        log_error(
            "rotate: --reason is cACompromise, for `start`: the old key is in wrong hands, and "
            "nothing shall vouch for it");
        return false;
    }
    if (arguments->given[OPT_KIND] && arguments->number[OPT_KIND] != KIND_SERVER &&
        arguments->number[OPT_KIND] != KIND_CLIENT) {
        log_error("rotate: --kind is server or client: the CA that signs these");
        return false;
    }
    return true;
}

/* With one CA for all both kinds are signed by it. */
static enum ledger_kind kind_of(const struct arguments *arguments)
{
    return arguments->given[OPT_KIND] ? (enum ledger_kind)arguments->number[OPT_KIND] : KIND_SERVER;
}

/* --- saying where it stands --- */

static const char *trust_word(enum rotate_trust trust)
{
    static const char *const words[] = {[TRUST_YES] = "trusts it",
                                        [TRUST_NO] = "refuses it",
                                        [TRUST_SILENT] = "does not answer",
                                        [TRUST_NOT_ASKED] = "asks for no certificate"};

    return words[trust];
}

static void print_servers(const GArray *servers)
{
    static const char *const headings[] = {"SERVER", "NEW CA", "WHAT CAME BACK"};
    struct table *table;

    if (servers->len == 0)
        return;
    table = table_new(headings, G_N_ELEMENTS(headings));
    for (guint i = 0; table != NULL && i < servers->len; i++) {
        const struct rotate_server *row = &g_array_index(servers, struct rotate_server, i);

        table_add(table, (const char *const[]){row->server, trust_word(row->trust), row->text});
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
}

static void print_leaves(const GArray *leaves)
{
    static const char *const headings[] = {"NAME", "KIND", "SERIAL", "OLD CERTIFICATE"};
    struct table *table;

    if (leaves->len == 0)
        return;
    table = table_new(headings, G_N_ELEMENTS(headings));
    for (guint i = 0; table != NULL && i < leaves->len; i++) {
        const struct rotate_leaf *row = &g_array_index(leaves, struct rotate_leaf, i);

        table_add(table, (const char *const[]){row->name, ledger_kind_names[row->kind], row->serial,
                                               row->replaced ? "renewed, perhaps still in use"
                                                             : "waits to be renewed"});
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
}

/* What to do next, and with it the whole way there. */
static const char *advice(const struct rotate_world *world)
{
    switch (world->state) {
    case ROTATE_TRUST:
        return "The new CA is to be trusted everywhere before it signs: deploy trust.crt (or "
               "client-trust.crt) and the CRLs to\nservers and clients (pgsignet-ca deploy, crl "
               "--publish), then: pgsignet-ca rotate issue";
    case ROTATE_ISSUE:
        if (world->old_waiting > 0)
            return "Next: renew what waits (pgsignet-ca renew --all-due), install it, and revoke "
                   "what is no longer in use\n(pgsignet-ca revoke SERIAL --reason superseded); "
                   "then: pgsignet-ca rotate drop";
        if (world->old_replaced > 0)
            return "All are renewed.  Next: install the new ones, and revoke what is no longer in "
                   "use\n(pgsignet-ca revoke SERIAL --reason superseded: by name, the new ones "
                   "would "
                   "go along); then: pgsignet-ca rotate drop";
        return "Nothing of the old CA is in use.  Next: pgsignet-ca rotate drop";
    case ROTATE_IDLE:
    case ROTATE_STATES:
        break;
    }
    return "No rotation is under way.  To begin one: pgsignet-ca rotate start";
}

static json_t *json_of(const struct rotation *rotation)
{
    json_t *leaves = json_array(), *servers = json_array();

    for (guint i = 0; i < rotation->leaves->len; i++) {
        const struct rotate_leaf *row = &g_array_index(rotation->leaves, struct rotate_leaf, i);

        json_array_append_new(leaves, json_pack("{s:s, s:s, s:s, s:b}", "name", row->name, "kind",
                                                ledger_kind_names[row->kind], "serial", row->serial,
                                                "replaced", row->replaced));
    }
    for (guint i = 0; i < rotation->servers->len; i++) {
        const struct rotate_server *row =
            &g_array_index(rotation->servers, struct rotate_server, i);

        json_array_append_new(servers, json_pack("{s:s, s:s, s:s}", "server", row->server, "new_ca",
                                                 trust_word(row->trust), "text", row->text));
    }
    return json_pack("{s:s, s:s, s:s, s:s*, s:o, s:o, s:b}", "state",
                     rotate_state_names[rotation->world.state], "purpose",
                     ledger_purpose_names[rotation->sides.purpose], "old",
                     rotation->sides.old->row.file, "new",
                     rotation->sides.new != NULL ? rotation->sides.new->row.file : NULL, "leaves",
                     leaves, "servers", servers, "dry_run", rotation->session->dry_run);
}

static bool report(const struct rotation *rotation)
{
    const struct rotate_sides *sides = &rotation->sides;

    if (rotation->session->json)
        return session_print(json_of(rotation));
    if (rotation->session->quiet)
        return true;
    printf("State: %s.  CA for %s: %s%s%s.\n", rotate_state_names[rotation->world.state],
           ledger_purpose_names[sides->purpose], sides->old->row.file,
           sides->new != NULL ? ", its successor: " : "",
           sides->new != NULL ? sides->new->row.file : "");
    if (rotation->world.state == ROTATE_TRUST)
        print_servers(rotation->servers);
    if (rotation->world.state == ROTATE_ISSUE)
        print_leaves(rotation->leaves);
    printf("%s\n", advice(&rotation->world));
    return true;
}

/* --- the steps --- */

/*
 * What was looked at is looked at again, in the transaction that acts on it: somebody else may have taken a step, or
 * issued something, since.
 */
static const char *is_changed(struct rotation *rotation, enum rotate_step step)
{
    struct session *session = rotation->session;
    GArray *rows = NULL, *leaves;
    enum rotate_state next;
    const char *fault = NULL;

    if (ledger_authorities(session->ledger, &rows) != LEDGER_OK)
        return ledger_error(session->ledger);
    for (guint i = 0; i < rows->len; i++) {
        const struct ledger_authority *now = &g_array_index(rows, struct ledger_authority, i);
        const struct authority *then = session_authority(session, now->id);

        if (then == NULL || then->row.state != now->state)
            fault = "another program has taken a step meanwhile; see: rotate status";
    }
    g_array_unref(rows);
    if (fault != NULL || step != STEP_DROP)
        return fault;
    leaves = rotate_leaves(session, &rotation->sides);
    if (leaves == NULL)
        return "the leaves of the old CA cannot be read";
    rotate_world_fill(session, &rotation->sides, leaves, rotation->servers, &rotation->world);
    g_array_unref(leaves);
    return rotate_next(&rotation->world, step, &next);
}

static bool set_states(struct rotation *rotation, enum rotate_step step,
                       enum ledger_authority_state old, enum ledger_authority_state new)
{
    struct ledger *ledger = rotation->session->ledger;
    const struct authority *dropped = old == AUTHORITY_DROPPED   ? rotation->sides.old
                                      : new == AUTHORITY_DROPPED ? rotation->sides.new
                                                                 : NULL;

    const char *fault;

    if (ledger_begin(ledger) != LEDGER_OK) {
        log_error("nothing was changed: %s", ledger_error(ledger));
        return false;
    }
    fault = is_changed(rotation, step);
    if (fault != NULL) {
        log_error("rotate %s: %s", rotate_step_names[step], fault);
        ledger_rollback(ledger);
        return false;
    }
    /* The one that gives way goes first: at no time do two sign. */
    if (ledger_set_authority(ledger, rotation->sides.old->row.id, old) == LEDGER_OK &&
        ledger_set_authority(ledger, rotation->sides.new->row.id, new) == LEDGER_OK &&
        (dropped == NULL || rotate_revoke_signed(rotation->session, dropped)) &&
        ledger_commit(ledger) == LEDGER_OK)
        return true;
    log_error("nothing was changed: %s", ledger_error(ledger));
    ledger_rollback(ledger);
    return false;
}

static bool take_step(struct rotation *rotation, enum rotate_step step)
{
    struct session *session = rotation->session;
    bool done = false;

    switch (step) {
    case STEP_START:
        done = rotate_start(session, rotation->sides.old);
        break;
    case STEP_ISSUE:
        done = (rotation->sides.old->row.parent != 0 ||
                rotate_cross_both(session, rotation->sides.old, rotation->sides.new)) &&
               set_states(rotation, STEP_ISSUE, AUTHORITY_OLD, AUTHORITY_CURRENT);
        break;
    case STEP_DROP:
        done = set_states(rotation, STEP_DROP, AUTHORITY_DROPPED, AUTHORITY_CURRENT);
        break;
    case STEP_ABORT:
        done = set_states(rotation, STEP_ABORT, AUTHORITY_CURRENT, AUTHORITY_DROPPED);
        break;
    case ROTATE_STEPS:
        break;
    }
    return done && session_read_authorities(session) && session_write_trust(session) &&
           crl_make_all(session);
}

/* Reads all that is to be known; servers are asked only where the answer decides. */
static bool look(struct rotation *rotation, enum ledger_kind kind, bool ask)
{
    struct session *session = rotation->session;

    if (!rotate_find(session, kind, &rotation->sides) ||
        (rotation->leaves = rotate_leaves(session, &rotation->sides)) == NULL)
        return false;
    /* What is shown to them is signed for it, which a dry run does not do. */
    if (ask && session->dry_run)
        log_notice("a dry run asks no server whether it trusts the new CA");
    rotation->servers = ask && !session->dry_run && rotation->sides.state == ROTATE_TRUST
                            ? rotate_servers(session, &rotation->sides)
                            : g_array_new(FALSE, TRUE, sizeof(struct rotate_server));
    if (rotation->servers == NULL)
        return false;
    rotate_world_fill(session, &rotation->sides, rotation->leaves, rotation->servers,
                      &rotation->world);
    return true;
}

static void forget(struct rotation *rotation)
{
    if (rotation->leaves != NULL)
        g_array_unref(rotation->leaves);
    if (rotation->servers != NULL)
        g_array_unref(rotation->servers);
    *rotation = (struct rotation){.session = rotation->session};
}

/* Whose way to the new CA the servers send along until then. */
static void warn_of_drop(const struct rotation *rotation)
{
    const struct ledger_authority *old = &rotation->sides.old->row;

    if (old->purpose != PURPOSE_CLIENT && old->parent == 0)
        log_warning("clients that trust %s alone are refused from the next deploy on: they need "
                    "%s/%s",
                    old->file, rotation->session->folder, layout_trust(false));
}

/* CAs and their states, as the ledger has them; g_free. */
static char *picture_of(const struct session *session)
{
    GString *text = g_string_new(NULL);
    GArray *rows = NULL;

    if (ledger_authorities(session->ledger, &rows) == LEDGER_OK) {
        for (guint i = 0; i < rows->len; i++) {
            const struct ledger_authority *row = &g_array_index(rows, struct ledger_authority, i);
            g_string_append_printf(text, "%" PRId64 ":%d ", row->id, (int)row->state);
        }
        g_array_unref(rows);
    }
    return g_string_free(text, FALSE);
}

/* Refused steps show where it stands as well: that is what says what to do. */
static int step_or_say(struct rotation *rotation, enum ledger_kind kind, enum rotate_step step)
{
    enum rotate_state next;
    const char *fault = rotate_next(&rotation->world, step, &next);

    if (fault != NULL) {
        log_error("rotate %s: %s", rotate_step_names[step], fault);
        report(rotation);
        return COMMAND_FAILED;
    }
    if (step == STEP_DROP)
        warn_of_drop(rotation);
    if (!rotation->session->dry_run) {
        g_autofree char *before = picture_of(rotation->session);
        if (!take_step(rotation, step)) {
            g_autofree char *after = picture_of(rotation->session);
            if (strcmp(before, after) == 0) /* what was said is all there is to it */
                return COMMAND_FAILED;
            log_error("rotate %s was not finished: see `pgsignet-ca rotate status`, and take the "
                      "step again if it still stands before it",
                      rotate_step_names[step]);
            return COMMAND_FAILED;
        }
        forget(rotation);
        if (!look(rotation, kind, false))
            return COMMAND_FAILED;
    }
    return report(rotation) ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_rotate(const struct arguments *arguments)
{
    struct session session = {0};
    struct rotation rotation = {.session = &session};
    enum ledger_kind kind = kind_of(arguments);
    int step = find_step(arguments->operand[0]), code = COMMAND_FAILED;

    if (session_open(&session, arguments, step == STATUS ? NEEDS_LOOK : NEEDS_WORK) &&
        look(&rotation, kind, step == STEP_ISSUE)) {
        if (step == STATUS)
            code = report(&rotation) ? COMMAND_DONE : COMMAND_FAILED;
        else
            code = step_or_say(&rotation, kind, (enum rotate_step)step);
    }
    forget(&rotation);
    session_close(&session);
    return code;
}
