/* check: what adopt found, as long as it is so. */
#include "config.h"

#include "pki/adopt.h"
#include "pki/check.h"

#include <string.h>

struct judging {
    struct check *check;
    struct adopt_tree tree;  /* leaves alone: all in use, one for each name and key */
    GHashTable *seen;        /* of GBytes: key id and name */
    struct adopt_tree again; /* the others */
    GArray *rules;
};

static bool is_new(struct judging *judging, const struct ledger_row *row)
{
    GByteArray *both = g_byte_array_new();

    g_byte_array_append(both, row->key_id, KEY_ID);
    g_byte_array_append(both, (const uint8_t *)row->name, (guint)strlen(row->name));
    return g_hash_table_add(judging->seen, g_byte_array_free_to_bytes(both));
}

static bool judge_row(void *context, const struct ledger_row *row)
{
    struct judging *judging = context;
    const struct authority *authority = session_authority(judging->check->session, row->authority);
    struct adopted *leaf;
    char why[LEDGER_WHY];

    /* Those of CAs share their keys by what they are. */
    if (row->kind == KIND_CA || row->kind == KIND_CROSS)
        return true;
    leaf = g_new0(struct adopted, 1);
    leaf->file = check_object(row);
    leaf->kind = row->kind;
    leaf->facts.not_after = row->not_after;
    memcpy(leaf->facts.key_id, row->key_id, KEY_ID);
    g_ptr_array_add(is_new(judging, row) ? judging->tree.leaves : judging->again.leaves, leaf);
    if (!row->adopted || row->der == NULL || authority == NULL)
        return true;
    leaf->der = g_byte_array_ref(row->der);
    leaf->certificate = certificate_read(bytes_of(row->der->data, row->der->len), why, sizeof why);
    if (leaf->certificate != NULL && certificate_facts(leaf->certificate, &leaf->facts))
        adopt_judge_leaf(&authority->row, leaf, judging->rules, &judging->check->findings);
    return true;
}

static void judge_authorities(struct judging *judging)
{
    const struct session *session = judging->check->session;

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        const struct authority *above =
            session_authority(judging->check->session, authority->row.parent);

        if (authority->row.state != AUTHORITY_DROPPED)
            adopt_judge_ca(&authority->row, authority->certificate,
                           above != NULL ? bytes_of(above->row.der->data, above->row.der->len)
                                         : (struct bytes){0},
                           judging->rules, &judging->check->findings);
    }
}

void check_adopted(struct check *check)
{
    const struct ledger_filter filter = {
        .live_at = check->now_s, .not_replaced = true, .with_der = true};
    struct judging judging = {
        .check = check,
        .seen =
            g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL),
        .rules = adopt_rules_new(),
    };

    adopt_tree_init(&judging.tree);
    adopt_tree_init(&judging.again);
    judge_authorities(&judging);
    if (ledger_each(check->session->ledger, &filter, judge_row, &judging) != LEDGER_OK)
        findings_add(&check->findings, FINDING_LEDGER, LEDGER_FILE, "%s",
                     ledger_error(check->session->ledger));
    adopt_judge_keys(judging.tree.leaves, check->now_s, &check->findings);
    adopt_rules_say(judging.rules, &check->findings);
    g_hash_table_unref(judging.seen);
    adopt_tree_clear(&judging.tree);
    adopt_tree_clear(&judging.again);
}
