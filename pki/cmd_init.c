#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/founding.h"
#include "pki/passphrase.h"
#include "pki/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INIT_WHY     768 /* bytes of a sentence */
#define ORGANISATION "pgsignet"
#define PIN_SOURCE   "pin-source="

/* A CA that signs CAs below it needs room for one more: a cross-certificate, when its key is replaced. */
enum { PATH_INTERMEDIATE = 0, PATH_ALONE = 1, PATH_ROOT = 2 };

static const char why_client_ca[] =
    "One CA for servers and logins: PostgreSQL takes client certificates that do not say what they "
    "are for, and PgBouncer looks at host names before the CN and ignores case, so any "
    "certificate of a host may be a login. This CA therefore refuses host names that equal a role "
    "or "
    "an issued client's name, and a second live certificate for a role. A client CA (init "
    "--client-ca) goes further: ssl_ca_file then trusts that one alone, and no certificate of a "
    "server logs in.";

struct init {
    struct session *session;
    enum layout layout;
    enum key_algorithm algorithm;
    bool intermediate, client_ca;
    struct secret passphrase; /* of the keys, or the token's PIN */
    struct founding_plan plans[FOUNDING_MOST];
    char *names[FOUNDING_MOST]; /* owned */
    char *uris[FOUNDING_MOST];  /* owned; NULL without a token */
    struct founded founded[FOUNDING_MOST];
    size_t n;
    bool made_folder, recorded;
};

bool check_init(const struct arguments *arguments)
{
    const uint64_t passphrases = OPT_BIT(OPT_PASSPHRASE_FILE) | OPT_BIT(OPT_PASSPHRASE_FD);

    if (!arguments_one_of(arguments, passphrases) ||
        !arguments_one_of(arguments, OPT_BIT(OPT_PASSPHRASE) | OPT_BIT(OPT_PKCS11)))
        return false;
    if (arguments->given[OPT_PKCS11] && arguments->given[OPT_ALGORITHM] &&
        arguments->number[OPT_ALGORITHM] == KEY_ED25519) {
        log_error("--pkcs11 makes keys of p256, p384, rsa3072 and rsa4096, not of ed25519");
        return false;
    }
    if (arguments->given[OPT_PKCS11] && strstr(arguments->text[OPT_PKCS11], PIN_SOURCE) != NULL &&
        (arguments->given[OPT_PASSPHRASE_FILE] || arguments->given[OPT_PASSPHRASE_FD])) {
        log_error("the URI says where the PIN is: a passphrase does not go with it");
        return false;
    }
    return true;
}

static const char *const signs[PURPOSES] = {
    [PURPOSE_ROOT] = "the root, signs CAs",
    [PURPOSE_ALL] = "signs servers and clients",
    [PURPOSE_SERVER] = "signs servers",
    [PURPOSE_CLIENT] = "signs clients",
};

/* --- what is to be made --- */

static bool add_plan(struct init *init, enum ledger_purpose purpose, const char *suffix,
                     int path_length)
{
    const struct arguments *arguments = init->session->arguments;
    const char *organisation =
        arguments->given[OPT_ORGANISATION] ? arguments->text[OPT_ORGANISATION] : ORGANISATION;
    const size_t i = init->n++;
    char *name = arguments->given[OPT_NAME] ? g_strconcat(arguments->text[OPT_NAME], suffix, NULL)
                                            : g_strconcat(organisation, " CA", suffix, NULL);
    const char *fault = name_common_fault(bytes_str(organisation), false);

    init->names[i] = name;
    if (fault != NULL) {
        log_error("--organisation \"%s\" does not do: it %s", organisation, fault);
        return false;
    }
    fault = name_common_fault(bytes_str(name), false);
    if (fault != NULL) {
        log_error("the CA's name \"%s\" does not do: it %s; give another with --name", name, fault);
        return false;
    }
    if (arguments->given[OPT_PKCS11]) {
        char why[INIT_WHY] = "";
        /* Also judges the URI, before anybody is asked for a PIN. */
        init->uris[i] = key_pkcs11_beside(arguments->text[OPT_PKCS11], suffix, why, sizeof why);
        if (init->uris[i] == NULL) {
            log_error("%s", why);
            return false;
        }
        if (suffix[0] == '\0') { /* as it was written, with its id */
            g_free(init->uris[i]);
            init->uris[i] = g_strdup(arguments->text[OPT_PKCS11]);
        }
    }
    init->plans[i] = (struct founding_plan){
        .purpose = purpose,
        .generation = 1,
        .common_name = name,
        .organisation = organisation,
        .algorithm = init->algorithm,
        .pkcs11 = init->uris[i],
        .path_length = path_length,
        .lasts_s = arguments->given[OPT_LASTS] ? arguments->number[OPT_LASTS] : CERTIFICATE_CA_S,
    };
    return true;
}

static bool make_plans(struct init *init)
{
    return (!init->intermediate || add_plan(init, PURPOSE_ROOT, FOUNDING_ROOT, PATH_ROOT)) &&
           add_plan(init, init->client_ca ? PURPOSE_SERVER : PURPOSE_ALL, "",
                    init->intermediate ? PATH_INTERMEDIATE : PATH_ALONE) &&
           /* Under a common root it would be no wall: PostgreSQL trusts whatever ends in the root. */
           (!init->client_ca || add_plan(init, PURPOSE_CLIENT, FOUNDING_CLIENTS, PATH_ALONE));
}

static bool make_all(struct init *init)
{
    char why[INIT_WHY] = "";
    const int64_t now_s = session_now_s();

    for (size_t i = 0; i < init->n; i++) {
        const struct founded *under = i > 0 && init->plans[0].purpose == PURPOSE_ROOT &&
                                              init->plans[i].purpose != PURPOSE_CLIENT
                                          ? &init->founded[0]
                                          : NULL;
        if (init->session->verbose)
            log_info("making \"%s\" (%s)", init->names[i], key_algorithm_names[init->algorithm]);
        if (!founded_make(&init->plans[i], init->layout, under, secret_bytes(&init->passphrase),
                          now_s, &init->founded[i], why, sizeof why)) {
            log_error("cannot make the CA \"%s\": %s", init->names[i], why);
            return false;
        }
    }
    return true;
}

/* The seal of key files; with a token its PIN, unless the URI says where that is. */
static bool read_passphrase(struct init *init)
{
    const struct arguments *arguments = init->session->arguments;
    const char *uri = arguments->given[OPT_PKCS11] ? arguments->text[OPT_PKCS11] : NULL;

    if (uri != NULL && strstr(uri, PIN_SOURCE) != NULL)
        return true;
    if (!session_new_passphrase(init->session, &init->passphrase))
        return false;
    return uri == NULL || init->passphrase.len > 0 ||
           passphrase_ask("PIN of the PKCS#11 token: ", false, &init->passphrase);
}

/* --- what was made --- */

static bool print_json(const struct session *session, bool resumed)
{
    json_t *list = json_array();

    for (size_t i = 0; i < session->n_authorities; i++)
        json_array_append_new(
            list, founding_json(&session->authorities[i].row, session->authorities[i].certificate));
    return session_print(json_pack("{s:s, s:s, s:b, s:o}", "folder", session->folder, "layout",
                                   layout_names[session->layout], "resumed", resumed, "authorities",
                                   list));
}

static bool has_purpose(const struct session *session, enum ledger_purpose purpose)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (session->authorities[i].row.purpose == purpose)
            return true;
    return false;
}

static void print_text(const struct session *session)
{
    bool apart = has_purpose(session, PURPOSE_CLIENT);

    printf("A CA is in %s now:\n", session->folder);
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct ledger_authority *row = &session->authorities[i].row;
        char to[CLOCK_TEXT_MAX];

        publish_time(row->not_after, to);
        to[10] = '\0'; /* the day */
        printf("  %-20s %s, until %s; its key: %s\n", row->file, signs[row->purpose], to, row->key);
    }
    printf("  %-20s what clients trust%s\n", layout_trust(false),
           apart ? "" : ", and PostgreSQL's ssl_ca_file");
    if (apart)
        printf("  %-20s PostgreSQL's ssl_ca_file\n", layout_trust(true));
    printf("  %-20s PostgreSQL's ssl_crl_file\n", LAYOUT_CRLS);
    printf("Next: pgsignet-ca issue server NAME, then deploy; pgsignet-ca issue client ROLE; the "
           "timer for `crl --due`.\n");
    if (session_trail(session) == NULL)
        printf("Events stay in the ledger (`pgsignet-ca events`): ca.audit names no file, or its "
               "folder is not there.\n");
    if (!apart)
        printf("\n%s\n", why_client_ca);
}

static bool print_result(const struct session *session, bool resumed)
{
    if (session->json)
        return print_json(session, resumed);
    if (!session->quiet)
        print_text(session);
    return true;
}

static bool print_plan(const struct init *init)
{
    const struct session *session = init->session;
    json_t *list = json_array();

    for (size_t i = 0; i < init->n; i++) {
        const struct founding_plan *plan = &init->plans[i];
        char *stem = layout_authority(init->layout, plan->purpose, 1);

        if (!session->json && !session->quiet)
            printf("would make %s/%s.crt: \"%s\", %s, %s, for %" PRId64 " days, its key %s%s\n",
                   session->folder, stem, plan->common_name, signs[plan->purpose],
                   key_algorithm_names[plan->algorithm], plan->lasts_s / 86400,
                   plan->pkcs11 != NULL ? "in the token: " : "in a file",
                   plan->pkcs11 != NULL ? plan->pkcs11 : "");
        json_array_append_new(list, json_pack("{s:s, s:s+, s:s, s:s}", "purpose",
                                              ledger_purpose_names[plan->purpose], "certificate",
                                              stem, ".crt", "name", plan->common_name, "algorithm",
                                              key_algorithm_names[plan->algorithm]));
        g_free(stem);
    }
    if (session->json)
        return session_print(json_pack("{s:s, s:s, s:b, s:o}", "folder", session->folder, "layout",
                                       layout_names[init->layout], "dry_run", true, "authorities",
                                       list));
    json_decref(list);
    return true;
}

/* --- the command --- */

/* What was begun by one that was killed is finished as it was begun, whatever is asked for now. */
static bool finish_half(struct session *session)
{
    if (session->dry_run) {
        log_notice("an `init` was killed in %s after its CA was recorded; without --dry-run this "
                   "finishes it",
                   session->folder);
        return true;
    }
    log_notice(
        "an `init` or `adopt` was killed in %s after its CA was recorded: it is finished now, "
        "as it was begun",
        session->folder);
    return founding_finish(session, NULL, 0, true) && print_result(session, true);
}

static bool refuse(const struct session *session, enum founding_state state, const char *foreign)
{
    if (state == FOUNDING_TAKEN)
        log_error("there is a CA in %s already: name another folder with --dir", session->folder);
    else if (state == FOUNDING_FOREIGN)
        log_error("the folder %s is in use: \"%s\" is in it; name another with --dir, or take over "
                  "a CA that is there with `pgsignet-ca adopt`",
                  session->folder, foreign);
    return false;
}

static bool make_ca(struct init *init)
{
    struct session *session = init->session;

    if (!make_plans(init))
        return false;
    if (session->dry_run)
        return print_plan(init);
    init->recorded = read_passphrase(init) && founding_close_folder(session) &&
                     founding_sweep(session) && make_all(init) &&
                     founding_record(session, init->layout, init->founded, init->n, false, NULL, 0);
    if (!init->recorded)
        return false;
    session->layout = init->layout;
    return founding_finish(session, init->founded, init->n, true) && print_result(session, false);
}

static bool run(struct init *init)
{
    struct session *session = init->session;
    char *foreign = NULL;
    enum founding_state state = founding_look(session, &init->made_folder, &foreign);
    bool done = false;

    if (state == FOUNDING_HALF) {
        done = finish_half(session);
    } else if (state == FOUNDING_FREE) {
        if (!init->client_ca && !session->json && !session->quiet && !session->dry_run &&
            passphrase_can_ask()) {
            fprintf(stderr, "%s\n", why_client_ca);
            init->client_ca = passphrase_agreed("Make a client CA as well? [y/N] ");
        }
        done = make_ca(init);
    } else {
        done = refuse(session, state, foreign);
    }
    g_free(foreign);
    return done;
}

/* Nothing stays of what did not come into the ledger: no folder, and no key in a token. */
static void take_back(struct init *init)
{
    for (size_t i = 0; i < init->n; i++) {
        key_discard(init->founded[i].key);
        init->founded[i].key = NULL;
    }
    if (init->made_folder)
        (void)rmdir(init->session->folder); /* empty, or else it is somebody's */
}

int cmd_init(const struct arguments *arguments)
{
    struct session session;
    struct init init = {.session = &session};
    bool done = session_open(&session, arguments, NEEDS_NOTHING);

    if (done) {
        init.layout =
            arguments->given[OPT_LAYOUT] ? (enum layout)arguments->number[OPT_LAYOUT] : LAYOUT_SEED;
        init.algorithm = arguments->given[OPT_ALGORITHM]
                             ? (enum key_algorithm)arguments->number[OPT_ALGORITHM]
                             : KEY_P256;
        init.intermediate = arguments->given[OPT_INTERMEDIATE];
        init.client_ca = arguments->given[OPT_CLIENT_CA];
        done = run(&init);
        if (!done && !init.recorded)
            take_back(&init);
    }
    for (size_t i = 0; i < FOUNDING_MOST; i++) {
        founded_clear(&init.founded[i]);
        g_free(init.names[i]);
        g_free(init.uris[i]);
    }
    secret_free(&init.passphrase);
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
