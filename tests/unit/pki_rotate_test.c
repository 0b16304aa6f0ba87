/* A CA's rotation goes forward only when nobody is shut out by it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pki/rotate.h"

#include <string.h>

#define READY .new_crl = true

static const struct {
    const char *name;
    struct rotate_world world;
    enum rotate_step step;
    int next; /* -1: refused */
    const char *because;
} rows[] = {
    {"it begins when nothing is under way", {.state = ROTATE_IDLE}, STEP_START, ROTATE_TRUST, NULL},
    {"not twice", {.state = ROTATE_TRUST, READY}, STEP_START, -1, "under way"},
    {"not while the new one signs", {.state = ROTATE_ISSUE, READY}, STEP_START, -1, "rotate drop"},
    {"all is ready to issue", {.state = ROTATE_TRUST, READY}, STEP_ISSUE, ROTATE_ISSUE, NULL},
    {"no CRL of the new CA", {.state = ROTATE_TRUST}, STEP_ISSUE, -1, "no CRL"},
    {"no CRL, forced", {.state = ROTATE_TRUST, .forced = true}, STEP_ISSUE, -1, "no CRL"},
    {"a server refuses the new CA",
     {.state = ROTATE_TRUST, READY, .distrusting = 1},
     STEP_ISSUE,
     -1,
     "refuses"},
    {"a server refuses it, forced",
     {.state = ROTATE_TRUST, READY, .distrusting = 1, .forced = true},
     STEP_ISSUE,
     -1,
     "refuses"},
    {"a server is silent", {.state = ROTATE_TRUST, READY, .silent = 1}, STEP_ISSUE, -1, "--force"},
    {"a server is silent, forced",
     {.state = ROTATE_TRUST, READY, .silent = 1, .forced = true},
     STEP_ISSUE,
     ROTATE_ISSUE,
     NULL},
    {"issue out of turn", {.state = ROTATE_IDLE}, STEP_ISSUE, -1, "rotate start"},
    {"issue twice", {.state = ROTATE_ISSUE, READY}, STEP_ISSUE, -1, "already"},
    {"drop when all are through", {.state = ROTATE_ISSUE, READY}, STEP_DROP, ROTATE_IDLE, NULL},
    {"a leaf waits",
     {.state = ROTATE_ISSUE, READY, .old_waiting = 1},
     STEP_DROP,
     -1,
     "renew or revoke"},
    {"a leaf waits, forced",
     {.state = ROTATE_ISSUE, READY, .old_waiting = 1, .forced = true},
     STEP_DROP,
     -1,
     "renew or revoke"},
    {"an old leaf may be in use",
     {.state = ROTATE_ISSUE, READY, .old_replaced = 1},
     STEP_DROP,
     -1,
     "in use"},
    {"an old leaf may be in use, forced",
     {.state = ROTATE_ISSUE, READY, .old_replaced = 1, .forced = true},
     STEP_DROP,
     ROTATE_IDLE,
     NULL},
    {"drop before issue", {.state = ROTATE_TRUST, READY}, STEP_DROP, -1, "rotate issue"},
    {"drop out of turn", {.state = ROTATE_IDLE}, STEP_DROP, -1, "rotate start"},
    {"abort before it signs", {.state = ROTATE_TRUST}, STEP_ABORT, ROTATE_IDLE, NULL},
    {"abort after it signed", {.state = ROTATE_ISSUE, READY}, STEP_ABORT, -1, "has signed"},
    {"abort of nothing", {.state = ROTATE_IDLE}, STEP_ABORT, -1, "no rotation"},
};

static void a_step_is_taken_or_refused_for_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        enum rotate_state next = ROTATE_STATES;
        const char *fault = rotate_next(&rows[i].world, rows[i].step, &next);

        if (rows[i].next >= 0) {
            if (fault != NULL || (int)next != rows[i].next)
                fail_msg("%s: %s", rows[i].name, fault != NULL ? fault : "another state");
        } else if (fault == NULL || strstr(fault, rows[i].because) == NULL ||
                   next != rows[i].world.state) {
            fail_msg("%s: %s", rows[i].name, fault != NULL ? fault : "was taken");
        }
    }
}

static void every_state_knows_every_step_or_says_why_not(void **state)
{
    (void)state;
    for (int at = 0; at < ROTATE_STATES; at++) {
        for (int step = 0; step < ROTATE_STEPS; step++) {
            struct rotate_world world = {.state = (enum rotate_state)at, READY};
            enum rotate_state next;
            const char *fault = rotate_next(&world, (enum rotate_step)step, &next);

            assert_true((fault == NULL) == (next != world.state));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_taken_or_refused_for_its_reason),
        cmocka_unit_test(every_state_knows_every_step_or_says_why_not),
    };

    return cmocka_run_group_tests_name("pki rotate", tests, NULL, NULL);
}
