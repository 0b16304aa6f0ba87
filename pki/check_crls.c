/* check: CRLs, in the folder and where PostgreSQL reads them. */
#include "config.h"

#include "pki/check.h"

#include "pki/crl_plan.h"
#include "pki/publish.h"

/* The one in the folder; false when there is none that could be published. */
static bool check_own(struct check *check, const struct authority *authority)
{
    /* The timer makes a new one when so much is left: with half of it left, it does not run. */
    int64_t early_s = crl_early(check->session, authority) / 2;
    g_autofree char *path = layout_crl(&authority->row);
    g_autoptr(GByteArray) der = g_byte_array_new();
    struct crl_facts facts;
    const char *fault;
    char ends[CLOCK_TEXT_MAX];

    if (!crl_load(check->session, authority, der) || der->len == 0) {
        findings_add(&check->findings, FINDING_CRL_MISSING, path, "%s has no CRL",
                     authority->row.file);
        return false;
    }
    fault = crl_facts(bytes_of(der->data, der->len), &facts);
    if (fault != NULL) {
        findings_add(&check->findings, FINDING_CRL_MISSING, path, "it %s", fault);
        return false;
    }
    if (facts.next_s <= check->now_s + early_s) {
        publish_time(facts.next_s, ends);
        findings_add(&check->findings, FINDING_CRL_NEAR_END, path, "it %s %s",
                     facts.next_s <= check->now_s ? "ended" : "ends", ends);
        return true;
    }
    if (facts.this_s > check->now_s) {
        publish_time(facts.this_s, ends);
        findings_add(&check->findings, FINDING_CLOCK, path,
                     "it begins %s only: servers refuse every client that presents a certificate",
                     ends);
        return true;
    }
    fault = crl_due(check->session, authority, 0);
    if (fault != NULL)
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED, path, "%s", fault);
    return true;
}

static void check_target(struct check *check, const struct crl_target *target)
{
    struct crl_plan plan;
    const char *place = target->file != NULL ? target->file : target->dir;

    crl_plan_init(&plan, check->now_s);
    if (!crl_plan_own(check->session, &plan) ||
        (target->file != NULL && !crl_plan_file(check->session, target, &plan)) ||
        (target->dir != NULL && !crl_plan_dir(check->session, target, &plan)))
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED, place,
                     "it could not be compared, or must not be replaced: see the message");
    for (guint i = 0; i < plan.writes->len; i++)
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED,
                     g_array_index(plan.writes, struct crl_write, i).path,
                     "it is not the CRL of the folder, or has another owner or mode");
    for (guint i = 0; i < plan.tidies->len; i++)
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED,
                     g_array_index(plan.tidies, struct crl_tidy, i).path,
                     "an old CRL is still there");
    crl_plan_clear(&plan);
}

void check_crls(struct check *check)
{
    struct session *session = check->session;
    struct publish publish;
    const char *const *servers = NULL;
    char *word = NULL;
    bool all = true;

    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.state != AUTHORITY_DROPPED)
            all = check_own(check, &session->authorities[i]) && all;
    if (!publish_init(session, &publish))
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED, "ca.owner",
                     "there is no such user: see the message");
    else if (all) {
        if (publish.target.file != NULL || publish.target.dir != NULL)
            check_target(check, &publish.target);
        for (guint i = 0; publish.places != NULL && i < publish.places->len; i++)
            check_target(check, &g_array_index(publish.places, struct publish_place, i).target);
    }
    publish_clear(&publish);
    /* Where no server is known somebody else reloads, and nobody tells us. */
    if (publish_servers(session, &servers) > 0 &&
        ledger_word(session->ledger, CRL_RELOAD, &word) == LEDGER_OK)
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED, word,
                     "not every server has reloaded since it was replaced");
    g_free(word);
}
