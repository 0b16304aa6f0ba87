/* The proof: a handshake with the certificate itself, or with the canary that is on the same CRL. */
#include "config.h"

#include "pki/revoke.h"

#include "common/log.h"

#include <string.h>

#define KNOCKS_MOST 20 /* certificates that each get a handshake of their own */

static const char no_crl[] =
    "the server has neither ssl_crl_file nor ssl_crl_dir: it looks at no CRL at all; set one of "
    "them (pgsignet-ca deploy), reload, and publish: pgsignet-ca crl --publish";
static const char other_crl[] =
    "it reads another CRL than the published one, or has not reloaded: compare SHOW ssl_crl_file "
    "and SHOW ssl_crl_dir with ca.crl_file and ca.crl_dir, then pgsignet-ca crl --publish";
static const char expired_crl[] =
    "its CRL or its clock says that something has expired, and then every client that presents a "
    "certificate is refused: pgsignet-ca crl --publish, and reload";
static const char missing_crl[] =
    "it does not know this CA, or has no CRL of one CA of the chain, and then every client that "
    "presents a certificate is refused: ssl_ca_file must hold the CA, and all CRLs of crl.pem "
    "must be published";
static const char bouncer[] = "PgBouncer reads no CRL, and the certificate goes on getting in "
                              "there until it expires; take the "
                              "name out of its auth_file, HBA or map, or ALTER ROLE ... NOLOGIN";

static bool alert_is(const struct online_probe *probe, const char *word)
{
    return probe->alert != NULL && strstr(probe->alert, word) != NULL;
}

static struct revoke_proof proof_of(enum revoke_outcome outcome, char *text, const char *advice)
{
    return (struct revoke_proof){.outcome = outcome, .text = text, .advice = advice};
}

/* A refusal for another reason proves nothing about the CRL. */
static struct revoke_proof judge_refused(const struct online_probe *probe)
{
    const char *alert = probe->alert != NULL ? probe->alert : "no reason given";
    char *text = g_strdup_printf("the server refused it, though not as revoked: %s", alert);

    if (alert_is(probe, "expired"))
        return proof_of(OUTCOME_FAILED, text, expired_crl);
    return proof_of(OUTCOME_FAILED, text, missing_crl);
}

static struct revoke_proof judge_accepted(bool release, const struct revoke_door *door)
{
    if (release)
        return proof_of(OUTCOME_PROVED, g_strdup("the server accepts it again"), NULL);
    if (door->is_bouncer)
        return proof_of(OUTCOME_BOUNCER, g_strdup("PgBouncer still accepts it"), bouncer);
    if (door->places != NULL && door->places[0] == '\0')
        return proof_of(OUTCOME_FAILED, g_strdup("the server still accepts it"), no_crl);
    return proof_of(OUTCOME_FAILED,
                    door->places == NULL
                        ? g_strdup("the server still accepts it")
                        : g_strdup_printf("the server still accepts it (%s)", door->places),
                    other_crl);
}

static struct revoke_proof judge_revoked(bool release, bool by_canary, bool listed)
{
    if (!by_canary && !release)
        return proof_of(OUTCOME_PROVED, g_strdup("the server refuses it as revoked"), NULL);
    if (!by_canary)
        return proof_of(OUTCOME_FAILED, g_strdup("the server still refuses it as revoked"),
                        other_crl);
    /* The canary shows which CRL is in force; what that one says of the certificate is ours to read. */
    if (listed != release)
        return proof_of(OUTCOME_PROVED,
                        g_strdup(release ? "the server has the new CRL, and it is not on that one"
                                         : "the server has the new CRL, and refuses what is on it"),
                        NULL);
    return proof_of(OUTCOME_FAILED,
                    g_strdup(release ? "the server has the new CRL, and it is still on that one"
                                     : "the server has the new CRL, and it is not on that one"),
                    "the ledger and the CRL differ: pgsignet-ca check");
}

struct revoke_proof revoke_judge(bool release, bool by_canary, bool listed,
                                 const struct revoke_door *door, const struct online_probe *probe)
{
    switch (probe->verdict) {
    case PROBE_REVOKED:
        return judge_revoked(release, by_canary, listed);
    case PROBE_REFUSED:
        return judge_refused(probe);
    case PROBE_NO_TLS:
        return proof_of(OUTCOME_NOT_ASKED,
                        g_strdup("the server has TLS off: no certificate gets in"), NULL);
    case PROBE_ACCEPTED:
    case PROBE_VERDICTS:
        break;
    }
    if (!probe->asked)
        return proof_of(OUTCOME_NOT_ASKED,
                        g_strdup("the server asks for no certificates (ssl_ca_file): none gets in"),
                        NULL);
    if (by_canary && !door->is_bouncer)
        return judge_accepted(false, door);
    return judge_accepted(release, door);
}

/* --- knocking --- */

/* What is shown for it: its own, or a canary's.  Not owned; false when there is neither. */
static bool pair_for(const struct revoke *revoke, const struct revoke_one *one,
                     struct revoke_pair *pair, bool *by_canary)
{
    *pair = one->pair;
    *by_canary = pair->certificate == NULL;
    for (guint i = 0; i < revoke->canaries->len && *by_canary; i++) {
        const struct canary *canary = &g_array_index(revoke->canaries, struct canary, i);
        if (canary->authority == one->row.authority)
            *pair = (struct revoke_pair){.certificate = canary->certificate, .key = canary->key};
    }
    return pair->certificate != NULL;
}

static bool is_listed(struct session *session, const struct revoke_one *one)
{
    GByteArray *der = g_byte_array_new();
    const struct authority *authority = session_authority(session, one->row.authority);
    bool listed =
        authority != NULL && crl_load(session, authority, der) &&
        crl_lists(bytes_of(der->data, der->len), bytes_of(one->row.serial, one->row.serial_len));

    g_byte_array_unref(der);
    return listed;
}

static struct revoke_proof knock(const struct revoke *revoke, const struct revoke_door *door,
                                 const struct revoke_one *one)
{
    struct online_probe probe = {0};
    struct revoke_proof proof;
    char why[ONLINE_WHY];
    struct revoke_pair pair;
    bool by_canary;

    if (!door->uses_tls)
        return proof_of(OUTCOME_NOT_ASKED,
                        g_strdup("the server has TLS off: no certificate gets in"), NULL);
    if (!pair_for(revoke, one, &pair, &by_canary))
        return proof_of(OUTCOME_FAILED,
                        g_strdup("there is neither a private key nor a canary for it"),
                        "say which messages came before this one");
    if (!online_probe(door->host, door->port, NULL, pair.certificate, (const char *)pair.key.ptr,
                      &probe, why, sizeof why)) {
        proof = proof_of(OUTCOME_FAILED, g_strdup(why), "when it can be reached, do it again");
        proof.silent = true;
    } else {
        proof =
            revoke_judge(revoke->release, by_canary, is_listed(revoke->session, one), door, &probe);
    }
    proof.by = by_canary ? "canary" : "certificate";
    online_probe_clear(&probe);
    return proof;
}

/* Has this door shown the CRL of this CA, to a certificate that is on no older one? */
static bool has_shown(const struct revoke *revoke, const struct revoke_door *door, guint until)
{
    const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, until);
    guint first = revoke->proofs->len - until; /* of this door */

    for (guint i = 0; i < until; i++) {
        const struct revoke_one *before = &g_array_index(revoke->ones, struct revoke_one, i);
        const struct revoke_proof *proof =
            &g_array_index(revoke->proofs, struct revoke_proof, first + i);
        if (before->row.authority == one->row.authority && !before->already &&
            before->row.revoked_s == 0 && /* else it was on hold, and on the list before */
            proof->outcome == OUTCOME_PROVED && !door->is_bouncer)
            return true;
    }
    return false;
}

static struct revoke_proof prove_one(const struct revoke *revoke, const struct revoke_door *door,
                                     guint i)
{
    const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);

    if (revoke_is_out_of_trust(revoke, one))
        return proof_of(OUTCOME_NOT_TRUSTED,
                        g_strdup("its CA is out of trust: refused wherever the CAs of today are "
                                 "deployed"),
                        NULL);
    /* Nobody waits for a dead server again and again. */
    if (i > 0) {
        const struct revoke_proof *last =
            &g_array_index(revoke->proofs, struct revoke_proof, revoke->proofs->len - 1);
        if (last->silent) {
            struct revoke_proof again = proof_of(last->outcome, g_strdup(last->text), last->advice);
            again.silent = true;
            return again;
        }
    }
    if (revoke->ones->len <= KNOCKS_MOST || revoke->release || !has_shown(revoke, door, i) ||
        !is_listed(revoke->session, one))
        return knock(revoke, door, one);
    struct revoke_proof proof = proof_of(
        OUTCOME_PROVED, g_strdup("the server has the new CRL, and refuses what is on it"), NULL);
    proof.by = "crl";
    return proof;
}

bool revoke_prove(struct revoke *revoke)
{
    bool all = true;

    for (guint d = 0; d < revoke->doors->len; d++) {
        const struct revoke_door *door = &g_array_index(revoke->doors, struct revoke_door, d);
        for (guint i = 0; i < revoke->ones->len; i++) {
            struct revoke_proof proof = prove_one(revoke, door, i);
            proof.server = g_strdup(door->label);
            proof.name = g_array_index(revoke->ones, struct revoke_one, i).row.name;
            /* What a PgBouncer does is shown; nothing that we can do changes it. */
            if (door->is_bouncer && proof.outcome == OUTCOME_FAILED)
                proof.outcome = OUTCOME_BOUNCER;
            g_array_append_val(revoke->proofs, proof);
        }
    }
    for (guint i = 0; i < revoke->proofs->len; i++) {
        const struct revoke_proof *proof = &g_array_index(revoke->proofs, struct revoke_proof, i);
        all = all && proof->outcome != OUTCOME_FAILED;
        if (proof->outcome == OUTCOME_BOUNCER && !revoke->release)
            revoke_warn(revoke, "%s for %s: %s: %s", proof->server, proof->name, proof->text,
                        bouncer);
    }
    return all;
}

/* --- live sessions --- */

static struct bytes issuer_of(const struct authority *authority, unsigned char **name)
{
    int len =
        authority != NULL ? i2d_X509_NAME(X509_get_subject_name(authority->certificate), name) : 0;

    return bytes_of(*name, len > 0 ? (size_t)len : 0);
}

static void keep(struct revoke *revoke, const char *conninfo, const struct revoke_one *one,
                 GArray *found, bool ended)
{
    for (guint i = 0; i < found->len; i++) {
        struct online_session *at = &g_array_index(found, struct online_session, i);
        struct revoke_session session = {
            .server = publish_label(conninfo), .at = *at, .name = one->row.name, .ended = ended};
        *at = (struct online_session){0};
        if (strcasestr(session.at.application, "pgbouncer") != NULL)
            revoke_warn(revoke, "%s: a session came in through PgBouncer: %s", session.server,
                        bouncer);
        g_array_append_val(revoke->sessions, session);
    }
}

static bool look_at(struct revoke *revoke, const char *conninfo, const struct revoke_one *one)
{
    bool terminate = revoke->session->arguments->given[OPT_TERMINATE];
    unsigned char *name = NULL;
    char *decimal = certificate_serial_decimal(bytes_of(one->row.serial, one->row.serial_len));
    char why[ONLINE_WHY];
    GArray *found = NULL;
    struct bytes issuer = issuer_of(session_authority(revoke->session, one->row.authority), &name);
    bool done = decimal != NULL &&
                online_sessions(conninfo, decimal, issuer, terminate, &found, why, sizeof why);

    if (done) {
        keep(revoke, conninfo, one, found, terminate);
        g_array_unref(found);
    } else {
        log_error("cannot look for live sessions of %s: %s", one->row.name, why);
    }
    OPENSSL_free(name);
    g_free(decimal);
    return done;
}

bool revoke_look_for_sessions(struct revoke *revoke)
{
    const char *const *conninfos = NULL;
    size_t n = publish_servers(revoke->session, &conninfos);
    bool all = true;

    for (size_t s = 0; s < n; s++) {
        bool done = true;
        for (guint i = 0; done && i < revoke->ones->len; i++)
            done =
                look_at(revoke, conninfos[s], &g_array_index(revoke->ones, struct revoke_one, i));
        all = all && done;
    }
    return all;
}
