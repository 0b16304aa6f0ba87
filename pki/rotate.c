#include "config.h"

#include "pki/rotate.h"

const char *const rotate_state_names[ROTATE_STATES] = {"idle", "trust", "issue"};
const char *const rotate_step_names[ROTATE_STEPS] = {"start", "issue", "drop", "abort"};

/* Each is NULL, or why the world is not ready. */
static const char *ready_to_issue(const struct rotate_world *world)
{
    if (!world->new_crl)
        return "the new CA has no CRL that is valid: servers with one of the old CA alone refuse "
               "every "
               "certificate of the new one; run: pgsignet-ca crl";
    if (world->distrusting > 0)
        return "a server refuses certificates of the new CA: deploy its bundle and CRL there first "
               "(pgsignet-ca deploy)";
    if (world->silent > 0 && !world->forced)
        return "a server could not be asked whether it trusts the new CA; see to it, or pass over "
               "it "
               "with --force";
    return NULL;
}

static const char *ready_to_drop(const struct rotate_world *world)
{
    if (world->old_waiting > 0)
        return "live certificates of the old CA have no successor yet: renew or revoke them first";
    if (world->old_replaced > 0 && !world->forced)
        return "live certificates of the old CA were renewed, but may still be in use: install the "
               "new ones and revoke the old (pgsignet-ca revoke SERIAL --reason superseded), or "
               "pass over them with --force (they are refused from "
               "then on)";
    return NULL;
}

static const char *ready(const struct rotate_world *world)
{
    (void)world;
    return NULL;
}

/* A row for each step that a state allows. */
static const struct transition {
    enum rotate_state from;
    enum rotate_step step;
    enum rotate_state to;
    const char *(*judge)(const struct rotate_world *world);
} transitions[] = {
    {ROTATE_IDLE, STEP_START, ROTATE_TRUST, ready},
    {ROTATE_TRUST, STEP_ISSUE, ROTATE_ISSUE, ready_to_issue},
    {ROTATE_TRUST, STEP_ABORT, ROTATE_IDLE, ready},
    {ROTATE_ISSUE, STEP_DROP, ROTATE_IDLE, ready_to_drop},
};

/* Why a state does not know a step. */
static const char *const out_of_turn[ROTATE_STATES][ROTATE_STEPS] = {
    [ROTATE_IDLE] =
        {
            [STEP_ISSUE] = "no rotation is under way; begin one with: rotate start",
            [STEP_DROP] = "no rotation is under way; begin one with: rotate start",
            [STEP_ABORT] = "no rotation is under way",
        },
    [ROTATE_TRUST] =
        {
            [STEP_START] = "a rotation is under way already; next is: rotate issue",
            [STEP_DROP] = "the old CA still signs; next is: rotate issue",
        },
    [ROTATE_ISSUE] =
        {
            [STEP_START] = "a rotation is under way already; next is: rotate drop",
            [STEP_ISSUE] = "the new CA signs already; next is: rotate drop",
            [STEP_ABORT] =
                "the new CA has signed, and what it signed would be refused; go on with: "
                "rotate drop",
        },
};

const char *rotate_next(const struct rotate_world *world, enum rotate_step step,
                        enum rotate_state *next)
{
    *next = world->state;
    for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++) {
        const struct transition *row = &transitions[i];
        const char *fault;

        if (row->from != world->state || row->step != step)
            continue;
        fault = row->judge(world);
        if (fault == NULL)
            *next = row->to;
        return fault;
    }
    return out_of_turn[world->state][step];
}
