/* crl: new CRLs of all CAs, or of those whose time has come; made for a timer. */
#include "config.h"

#include "pki/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "pki/publish.h"

#include <inttypes.h>
#include <stdio.h>

bool check_crl(const struct arguments *arguments)
{
    static const int of_publish[] = {OPT_CRL_FILE, OPT_CRL_DIR, OPT_OWNER, OPT_POSTGRES,
                                     OPT_PID_FILE};

    for (size_t i = 0; i < sizeof of_publish / sizeof of_publish[0]; i++)
        if (!arguments_needs(arguments, of_publish[i], OPT_BIT(OPT_PUBLISH)))
            return false;
    return true;
}

/* What is decided about a CA. */
struct choice {
    const char *reason; /* why it gets a new one; NULL = it does not */
    int64_t before;     /* the last number so far */
};

/* In the order of the session's CAs. */
static struct choice *choose(struct session *session, GArray *ids)
{
    struct choice *choices = g_new0(struct choice, session->n_authorities);

    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        if (authority->row.state == AUTHORITY_DROPPED)
            continue;
        choices[i].before = authority->row.crl_number;
        choices[i].reason = session->arguments->given[OPT_DUE]
                                ? crl_due(session, authority, crl_early(session, authority))
                                : "it was asked for";
        if (choices[i].reason != NULL)
            g_array_append_val(ids, authority->row.id);
    }
    return choices;
}

/* What is in the folder now. */
static json_t *describe(struct session *session, const struct authority *authority,
                        const struct choice *choice)
{
    GByteArray *der = g_byte_array_new();
    char *path = layout_crl(&authority->row), begins[CLOCK_TEXT_MAX] = "",
         ends[CLOCK_TEXT_MAX] = "";
    json_int_t number = authority->row.crl_number, entries = 0;
    struct crl_facts facts;
    bool there = crl_load(session, authority, der) && der->len > 0 &&
                 crl_facts(bytes_of(der->data, der->len), &facts) == NULL;

    if (there) {
        number = (json_int_t)crl_number(&facts);
        entries = (json_int_t)facts.entries;
        publish_time(facts.this_s, begins);
        publish_time(facts.next_s, ends);
    }
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:s?, s:s?, s:b, s:s?}", "ca", authority->row.file, "file", path,
        "number", number, "entries", entries, "this_update", there ? begins : NULL, "next_update",
        there ? ends : NULL, "made", there && number > choice->before, "reason", choice->reason);
    g_free(path);
    g_byte_array_unref(der);
    return object;
}

static void say(const struct session *session, const json_t *crl)
{
    const char *ca = json_string_value(json_object_get(crl, "ca"));
    const char *reason = json_string_value(json_object_get(crl, "reason"));
    const char *ends = json_string_value(json_object_get(crl, "next_update"));
    json_int_t number = json_integer_value(json_object_get(crl, "number"));

    if (session->dry_run) {
        if (reason != NULL)
            printf("%s: CRL %" JSON_INTEGER_FORMAT " would be followed by a new one: %s.\n", ca,
                   number, reason);
        else
            printf("%s: CRL %" JSON_INTEGER_FORMAT " stays, until %s.\n", ca, number, ends);
    } else if (reason != NULL && !json_is_true(json_object_get(crl, "made"))) {
        log_error("%s: no new CRL was made, though %s", ca, reason);
    } else if (!session->quiet && (reason != NULL || session->verbose)) {
        printf("%s: CRL %" JSON_INTEGER_FORMAT " with %" JSON_INTEGER_FORMAT
               " entries, until %s, in %s%s.\n",
               ca, number, json_integer_value(json_object_get(crl, "entries")),
               ends != NULL ? ends : "(none)", json_string_value(json_object_get(crl, "file")),
               reason != NULL ? "" : ", stays");
    }
}

static bool report(struct session *session, const struct choice *choices,
                   const struct publish *publish, bool could_publish)
{
    json_t *crls = json_array();
    bool done = true;

    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.state != AUTHORITY_DROPPED)
            json_array_append_new(crls, describe(session, &session->authorities[i], &choices[i]));
    if (session->json) {
        done = session_print(json_pack("{s:O, s:o, s:b}", "crls", crls, "published",
                                       publish_json(publish), "dry_run", session->dry_run));
    } else {
        for (size_t i = 0; i < json_array_size(crls); i++)
            say(session, json_array_get(crls, i));
        if (session->dry_run && publish->has_target && could_publish)
            printf("They would be put into %s%s%s.\n",
                   publish->target.file != NULL ? publish->target.file : "",
                   publish->target.file != NULL && publish->target.dir != NULL ? " and " : "",
                   publish->target.dir != NULL ? publish->target.dir : "");
        else if (!session->dry_run)
            publish_say(session, publish);
    }
    json_decref(crls);
    return done;
}

/* A timer on a host without a server publishes nothing, and has done all it can. */
static bool nowhere(const struct session *session, size_t made)
{
    bool due = session->arguments->given[OPT_DUE];

    if (!due)
        log_error("the CRLs are made, and nothing says where PostgreSQL reads them: set "
                  "ca.crl_file or ca.crl_dir, or --crl-file or --crl-dir");
    else if (made > 0)
        log_notice("the new CRLs are in the CA's folder alone: ca.crl_file and ca.crl_dir are not "
                   "set");
    return due;
}

static bool work(struct session *session, struct publish *publish, const GArray *ids)
{
    bool wanted = session->arguments->given[OPT_PUBLISH];
    bool done = crl_make_of(session, (const int64_t *)(const void *)ids->data, ids->len);

    /* Those that could be made go out, whatever the others do. */
    if (wanted && !publish->has_target)
        return nowhere(session, ids->len) && done;
    return (!wanted || publish_run(session, publish)) && done;
}

static bool look(struct session *session, struct publish *publish, const GArray *ids)
{
    return !publish->has_target ||
           (crl_publish_look(session, &publish->target, ids, &publish->changes) &&
            !publish->changes.worthless);
}

int cmd_crl(const struct arguments *arguments)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    struct publish publish = {0};
    struct session session;
    struct choice *choices = NULL;
    bool done = false;

    if (!session_open(&session, arguments, arguments->given[OPT_DRY_RUN] ? NEEDS_LOOK : NEEDS_WORK))
        goto out;
    if (arguments->given[OPT_LASTS])
        session.ca.crl = arguments->number[OPT_LASTS];
    if (arguments->given[OPT_PUBLISH] && !publish_init(&session, &publish))
        goto out;
    choices = choose(&session, ids);
    done = session.dry_run ? look(&session, &publish, ids) : work(&session, &publish, ids);
    done = report(&session, choices, &publish, done) && done;
out:
    g_free(choices);
    publish_clear(&publish);
    g_array_unref(ids);
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
