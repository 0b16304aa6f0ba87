/* Proves what a handshake says about a revocation, and what a server is called in what is printed. */
#include "config.h"

#include "pki/publish.h"
#include "pki/revoke.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_outcome(bool release, bool by_canary, bool listed, struct online_probe probe,
                           enum revoke_outcome expected)
{
    const struct revoke_door door = {.uses_tls = true};
    struct revoke_proof proof = revoke_judge(release, by_canary, listed, &door, &probe);

    if (proof.outcome != expected)
        fail_msg("%s, not %s: %s", revoke_outcomes[proof.outcome], revoke_outcomes[expected],
                 proof.text);
    if (expected == OUTCOME_FAILED)
        assert_non_null(proof.advice);
    g_free(proof.text);
}

static void only_the_alert_that_says_revoked_is_a_proof(void **state)
{
    static char unknown[] = "unknown CA", expired[] = "certificate expired";
    const struct online_probe revoked = {.verdict = PROBE_REVOKED, .asked = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};
    const struct online_probe not_asked = {.verdict = PROBE_ACCEPTED};
    const struct online_probe no_tls = {.verdict = PROBE_NO_TLS};

    (void)state;
    expect_outcome(false, false, true, revoked, OUTCOME_PROVED);
    expect_outcome(false, false, true, accepted, OUTCOME_FAILED);
    expect_outcome(false, false, true,
                   (struct online_probe){.verdict = PROBE_REFUSED, .alert = unknown, .asked = true},
                   OUTCOME_FAILED);
    expect_outcome(false, false, true,
                   (struct online_probe){.verdict = PROBE_REFUSED, .alert = expired, .asked = true},
                   OUTCOME_FAILED);
    expect_outcome(false, false, true, not_asked, OUTCOME_NOT_ASKED);
    expect_outcome(false, false, true, no_tls, OUTCOME_NOT_ASKED);
    expect_outcome(true, false, false, accepted, OUTCOME_PROVED);
    expect_outcome(true, false, false, revoked, OUTCOME_FAILED);
}

static void a_canary_proves_what_is_on_its_crl_and_no_more(void **state)
{
    const struct online_probe revoked = {.verdict = PROBE_REVOKED, .asked = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};

    (void)state;
    expect_outcome(false, true, true, revoked, OUTCOME_PROVED);
    expect_outcome(false, true, false, revoked, OUTCOME_FAILED);
    expect_outcome(true, true, false, revoked, OUTCOME_PROVED);
    expect_outcome(true, true, true, revoked, OUTCOME_FAILED);
    /* The canary is never released: who accepts it has an old CRL. */
    expect_outcome(true, true, false, accepted, OUTCOME_FAILED);
    expect_outcome(false, true, true, accepted, OUTCOME_FAILED);
}

static void pgbouncer_that_accepts_is_a_warning(void **state)
{
    const struct revoke_door door = {.uses_tls = true, .is_bouncer = true};
    const struct online_probe accepted = {.verdict = PROBE_ACCEPTED, .asked = true};
    struct revoke_proof proof = revoke_judge(false, false, true, &door, &accepted);

    (void)state;
    assert_int_equal(proof.outcome, OUTCOME_BOUNCER);
    g_free(proof.text);
}

static void a_label_names_the_server_and_no_password(void **state)
{
    static const struct {
        const char *conninfo, *label;
    } cases[] = {
        {"host=db1 port=5433 user=x password=secret", "db1:5433"},
        {"host = 'db one' password='se cret'", "db one"},
        {"hostaddr=192.0.2.1", "192.0.2.1"},
        {"dbname=host", "localhost"},
        {"service=prod", "prod"},
        {"postgresql://x:secret@db1:5432/app?sslmode=verify-full", "db1:5432"},
        {"postgres://x:se@cret@db1,db2/app", "db1,db2"},
        {"postgresql:///app", "localhost"},
        {"", "localhost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label = publish_label(cases[i].conninfo);
        assert_string_equal(label, cases[i].label);
        g_free(label);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_alert_that_says_revoked_is_a_proof),
        cmocka_unit_test(a_canary_proves_what_is_on_its_crl_and_no_more),
        cmocka_unit_test(pgbouncer_that_accepts_is_a_warning),
        cmocka_unit_test(a_label_names_the_server_and_no_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
