/* What revoke and release ask and say. */
#include "config.h"

#include "pki/revoke.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 300000

static const char *reason_of(const struct revoke *revoke, const struct revoke_one *one)
{
    const char *word = ledger_reason_name(one->already ? one->row.reason : revoke->reason);

    return word != NULL ? word : "unspecified";
}

/* Foreign bytes for a terminal; g_free. */
static char *clean(const char *text)
{
    char out[512];

    text_escape(out, sizeof out, bytes_str(text));
    return g_strdup(out);
}

bool revoke_agreed(struct revoke *revoke)
{
    char answer[16] = "";

    if (revoke->session->arguments->given[OPT_YES] || !isatty(STDIN_FILENO) ||
        !isatty(STDERR_FILENO))
        return true;
    for (guint i = 0; i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        char *text = revoke_describe(one), *plain = clean(text);
        fprintf(stderr, "  %s %s\n", ledger_kind_names[one->row.kind], plain);
        g_free(plain);
        g_free(text);
    }
    fprintf(stderr, "Revoke %s%s? [y/N] ", revoke->ones->len == 1 ? "it" : "them",
            revoke->reason == REVOKED_HOLD ? " for now (certificateHold)" : " for good");
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&in, 1, ANSWER_WAIT_MS) > 0 && fgets(answer, sizeof answer, stdin) != NULL &&
        (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
        return true;
    log_error("nothing was revoked");
    return false;
}

/* --- for people --- */

static void say_ones(const struct revoke *revoke)
{
    for (guint i = 0; i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        char *text = revoke_describe(one), *plain = clean(text);
        const char *trust = revoke_is_out_of_trust(revoke, one) ? "; its CA is out of trust" : "";
        if (revoke->release)
            printf("%s: %s%s.\n", plain, one->already ? "is not on hold" : "the hold is lifted",
                   trust);
        else
            printf("%s: %s, %s%s.\n", plain, one->already ? "was revoked before" : "is revoked",
                   reason_of(revoke, one), trust);
        g_free(plain);
        g_free(text);
    }
}

static void say_proofs(const struct revoke *revoke)
{
    for (guint i = 0; i < revoke->proofs->len; i++) {
        const struct revoke_proof *proof = &g_array_index(revoke->proofs, struct revoke_proof, i);
        char *name = clean(proof->name);
        if (proof->outcome == OUTCOME_FAILED)
            log_error("no proof at %s for %s: %s; %s", proof->server,
                      proof->name[0] != '\0' ? proof->name : "any certificate", proof->text,
                      proof->advice != NULL ? proof->advice : "do it again");
        else if (proof->outcome != OUTCOME_BOUNCER && !revoke->session->json &&
                 !revoke->session->quiet)
            printf("%s: %s: %s.\n", proof->server, name, proof->text);
        g_free(name);
    }
}

static void say_sessions(const struct revoke *revoke)
{
    bool goes_on = false;

    for (guint i = 0; i < revoke->sessions->len; i++) {
        const struct revoke_session *session =
            &g_array_index(revoke->sessions, struct revoke_session, i);
        char *user = clean(session->at.user), *database = clean(session->at.database);
        char *application = clean(session->at.application), *address = clean(session->at.address);
        printf("%s: session %" PRId64 " of %s in %s (%s, from %s) %s.\n", session->server,
               session->at.pid, user, database,
               application[0] != '\0' ? application : "no application name",
               address[0] != '\0' ? address : "here", session->ended ? "was ended" : "goes on");
        goes_on = goes_on || !session->ended;
        g_free(user);
        g_free(database);
        g_free(application);
        g_free(address);
    }
    if (goes_on)
        log_notice("no CRL ends a session: --terminate does");
}

/* --- for programs --- */

static json_t *json_text(const char *text)
{
    char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
    json_t *string = json_string(valid);

    g_free(valid);
    return string;
}

static json_t *json_ones(const struct revoke *revoke)
{
    json_t *array = json_array();

    for (guint i = 0; i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        GString *serial = g_string_new(NULL);
        certificate_serial_text(bytes_of(one->row.serial, one->row.serial_len), serial);
        json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:s?, s:b}", "serial", serial->str,
                                               "name", json_text(one->row.name), "kind",
                                               ledger_kind_names[one->row.kind], "reason",
                                               revoke->release ? NULL : reason_of(revoke, one),
                                               "already", one->already));
        g_string_free(serial, TRUE);
    }
    return array;
}

static json_t *json_proofs(const struct revoke *revoke)
{
    json_t *array = json_array();

    for (guint i = 0; i < revoke->proofs->len; i++) {
        const struct revoke_proof *proof = &g_array_index(revoke->proofs, struct revoke_proof, i);
        json_array_append_new(array, json_pack("{s:s, s:o, s:s, s:o, s:s?, s:s}", "server",
                                               proof->server, "name", json_text(proof->name),
                                               "outcome", revoke_outcomes[proof->outcome], "text",
                                               json_text(proof->text), "advice", proof->advice,
                                               "by", proof->by != NULL ? proof->by : "nothing"));
    }
    return array;
}

static json_t *json_sessions(const struct revoke *revoke)
{
    json_t *array = json_array();

    for (guint i = 0; i < revoke->sessions->len; i++) {
        const struct revoke_session *session =
            &g_array_index(revoke->sessions, struct revoke_session, i);
        json_array_append_new(array,
                              json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:b}", "server",
                                        session->server, "pid", (json_int_t)session->at.pid, "user",
                                        json_text(session->at.user), "database",
                                        json_text(session->at.database), "application",
                                        json_text(session->at.application), "address",
                                        json_text(session->at.address), "ended", session->ended));
    }
    return array;
}

/* What the CRLs in the folder are now, of the CAs in question. */
static json_t *json_crls(const struct revoke *revoke)
{
    struct session *session = revoke->session;
    json_t *array = json_array();

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        char next[CLOCK_TEXT_MAX];
        if (authority->row.state == AUTHORITY_DROPPED || authority->row.crl_number == 0)
            continue;
        publish_time(authority->row.crl_next_s, next);
        json_array_append_new(array, json_pack("{s:s, s:I, s:s}", "ca", authority->row.file,
                                               "number", (json_int_t)authority->row.crl_number,
                                               "next_update", next));
    }
    return array;
}

static json_t *json_warnings(const struct revoke *revoke)
{
    json_t *array = json_array();

    for (guint i = 0; i < revoke->warnings->len; i++)
        json_array_append_new(array, json_text(g_ptr_array_index(revoke->warnings, i)));
    return array;
}

bool revoke_report(struct revoke *revoke)
{
    const struct session *session = revoke->session;

    if (!session->json && !session->quiet) {
        say_ones(revoke);
        publish_say(session, &revoke->publish);
    }
    say_proofs(revoke);
    if (!session->json) {
        if (!session->quiet)
            say_sessions(revoke);
        return true;
    }
    return session_print(json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:b}", revoke->release ? "released" : "revoked",
        json_ones(revoke), "crls", json_crls(revoke), "published", publish_json(&revoke->publish),
        "proofs", json_proofs(revoke), "sessions", json_sessions(revoke), "warnings",
        json_warnings(revoke), "dry_run", session->dry_run));
}

bool revoke_report_dry(struct revoke *revoke)
{
    if (revoke->session->json)
        return revoke_report(revoke);
    for (guint i = 0; i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        char *text = revoke_describe(one), *plain = clean(text);
        printf("%s %s would be %s%s.\n", ledger_kind_names[one->row.kind], plain,
               revoke->release ? "released" : "revoked: ",
               revoke->release ? "" : reason_of(revoke, one));
        g_free(plain);
        g_free(text);
    }
    return true;
}
