/* revoke and release: into the ledger, onto the CRLs, to the servers, and the proof of it. */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/revoke.h"

/* Of release as well. */
bool check_revoke(const struct arguments *arguments)
{
    static const int of_servers[] = {OPT_CRL_FILE, OPT_CRL_DIR, OPT_OWNER,    OPT_POSTGRES,
                                     OPT_PID_FILE, OPT_PROBE,   OPT_TERMINATE};

    for (size_t i = 0; i < sizeof of_servers / sizeof of_servers[0]; i++)
        if (arguments->given[of_servers[i]] &&
            !arguments_one_of(arguments, OPT_BIT(OPT_NO_PUBLISH) | OPT_BIT(of_servers[i])))
            return false;
    return true;
}

/* A CA's own certificate takes everything below it along. */
static bool may_revoke(const struct revoke *revoke)
{
    bool sure = revoke->session->arguments->given[OPT_YES] || revoke->session->dry_run;

    for (guint i = 0; i < revoke->ones->len && !revoke->release && !sure; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        if (one->row.kind != KIND_CA && one->row.kind != KIND_CROSS)
            continue;
        log_error("%s is a CA: servers would refuse every certificate below it; if that is meant, "
                  "say --yes",
                  one->row.name);
        return false;
    }
    return true;
}

static bool find_all(struct revoke *revoke)
{
    const struct arguments *arguments = revoke->session->arguments;
    bool all = true;

    for (int i = 0; i < arguments->operands; i++)
        all = revoke_find(revoke, arguments->operand[i]) && all;
    if (!all)
        log_error("nothing was changed");
    return all && may_revoke(revoke);
}

/* All of them, or none. */
static bool write_down(struct revoke *revoke)
{
    const struct arguments *arguments = revoke->session->arguments;
    struct ledger *ledger = revoke->session->ledger;
    bool done = ledger_begin(ledger) == LEDGER_OK;

    for (int i = 0; done && !revoke->release && i < arguments->operands; i++)
        if (!revoke_has_all(revoke, arguments->operand[i])) {
            log_error("nothing was changed");
            ledger_rollback(ledger);
            return false;
        }
    for (guint i = 0; done && i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        if (one->already)
            continue;
        done = (revoke->release ? ledger_release(ledger, one->row.id)
                                : ledger_revoke(ledger, one->row.id, revoke->reason)) == LEDGER_OK;
    }
    done = done && ledger_commit(ledger) == LEDGER_OK;
    if (!done) {
        log_error("nothing was changed: %s", ledger_error(ledger));
        ledger_rollback(ledger);
    }
    return done;
}

/* CRLs of the CAs in question, and those whose time has come anyway. */
static bool make_crls(struct revoke *revoke)
{
    struct session *session = revoke->session;
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (size_t a = 0; a < session->n_authorities; a++) {
        const struct authority *authority = &session->authorities[a];
        bool wanted = crl_due(session, authority, crl_early(session, authority)) != NULL;
        for (guint i = 0; i < revoke->ones->len && !wanted; i++)
            wanted = g_array_index(revoke->ones, struct revoke_one, i).row.authority ==
                     authority->row.id;
        if (wanted)
            g_array_append_val(ids, authority->row.id);
    }
    bool done = crl_make_of(session, (const int64_t *)(const void *)ids->data, ids->len);
    g_array_unref(ids);
    return done;
}

/* In the ledger it is done; what did not follow is said, with the command that makes up for it. */
static bool spread(struct revoke *revoke)
{
    const char *what = revoke->release ? "released" : "revoked";
    bool publishes = !revoke->session->arguments->given[OPT_NO_PUBLISH];
    bool canaries = !publishes || revoke_make_canaries(revoke);

    bool made = make_crls(revoke);

    if (!made)
        log_error("the certificates are %s in the ledger, but not every CRL could be made; mended: "
                  "pgsignet-ca crl --publish",
                  what);
    if (!publishes)
        return made;
    /* Those that could be made go out: the root's key may be in a safe. */
    if (!publish_run(revoke->session, &revoke->publish)) {
        log_error("the certificates are %s in the ledger, but the CRL is not published everywhere; "
                  "mended: pgsignet-ca crl --publish",
                  what);
        return false;
    }
    if (!revoke->publish.has_target)
        revoke_warn(revoke,
                    "nothing says where PostgreSQL reads CRLs (ca.crl_file, ca.crl_dir): take "
                    "%s/" LAYOUT_CRLS " there, and reload",
                    revoke->session->folder);
    return made && canaries;
}

/* Where nobody is to be asked nothing is proved, and no session is found: which is not to be taken for none. */
static bool has_servers(struct revoke *revoke)
{
    const char *const *servers = NULL;
    const char *proved = revoke_has_doors(revoke) ? "" : ", and nothing was proved";

    if (publish_servers(revoke->session, &servers) > 0 ||
        (revoke->release && revoke_has_doors(revoke)))
        return true;
    if (revoke->release)
        revoke_warn(revoke, "no server is named (ca.postgres, --postgres): nothing was proved");
    else
        revoke_warn(revoke,
                    "no server is named (ca.postgres, --postgres): no session was looked for%s",
                    proved);
    return !revoke->session->arguments->given[OPT_TERMINATE];
}

static bool take_effect(struct revoke *revoke)
{
    bool done = spread(revoke);

    if (revoke->session->arguments->given[OPT_NO_PUBLISH])
        return done;
    /* Whatever went wrong: how things stand at the servers is worth knowing. */
    revoke_find_doors(revoke);
    bool proved = revoke_prove(revoke);
    if (!proved)
        log_error("the certificates are %s, and the servers' answers do not all show it",
                  revoke->release ? "released" : "revoked");
    if (!revoke->release)
        done = revoke_look_for_sessions(revoke) && done;
    done = has_servers(revoke) && done;
    return proved && done;
}

static bool work(struct revoke *revoke)
{
    bool publishes = !revoke->session->arguments->given[OPT_NO_PUBLISH];

    if (publishes && !publish_init(revoke->session, &revoke->publish))
        return false;
    if (!find_all(revoke))
        return false;
    if (revoke->session->dry_run)
        return revoke_report_dry(revoke);
    if (!revoke->release && !revoke_agreed(revoke))
        return false;
    if (publishes)
        revoke_load_pairs(revoke);
    if (!write_down(revoke))
        return false;
    bool done = take_effect(revoke);
    if (revoke->being_made > 0)
        log_error("what was being made of these names is not revoked: try again");
    return revoke_report(revoke) && done && revoke->being_made == 0;
}

static int run(const struct arguments *arguments, bool release)
{
    struct session session;
    struct revoke revoke;
    bool done = false;

    if (session_open(&session, arguments,
                     arguments->given[OPT_DRY_RUN] ? NEEDS_LOOK : NEEDS_WORK)) {
        revoke_init(&revoke, &session, release, session_now_s());
        if (arguments->given[OPT_REASON])
            revoke.reason = (int)arguments->number[OPT_REASON];
        done = work(&revoke);
        revoke_clear(&revoke);
    }
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_revoke(const struct arguments *arguments)
{
    return run(arguments, false);
}

int cmd_release(const struct arguments *arguments)
{
    return run(arguments, true);
}
