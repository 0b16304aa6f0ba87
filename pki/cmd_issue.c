/* pgsignet-ca issue: keys and certificates, for servers or for roles that log in by them. */
#include "config.h"

#include "pki/cli.h"
#include "pki/cli_issue.h"

#include "common/log.h"
#include "pki/made.h"
#include "pki/online.h"
#include "pki/wishes.h"

#include <string.h>

#define WHY 1024 /* bytes of a sentence */

/* --- the command line --------------------------------------------------------------------------------- */

static bool is_kind(const struct arguments *arguments, enum ledger_kind kind)
{
    return strcmp(arguments->operand[0], ledger_kind_names[kind]) == 0;
}

static bool check_names(const struct arguments *arguments)
{
    static const uint64_t lists = OPT_BIT(OPT_FROM_FILE) | OPT_BIT(OPT_LDAP_GROUP);
    bool listed = arguments->given[OPT_FROM_FILE] || arguments->given[OPT_LDAP_GROUP];
    int names = arguments->operands - 1;

    if (!arguments_one_of(arguments, lists))
        return false;
    if ((names > 0) == listed) {
        log_error(listed ? "names are given either as operands or by --from-file or --ldap-group"
                         : "no name was given; write one or more, --from-file FILE, or "
                           "--ldap-group GROUP");
        return false;
    }
    if (is_kind(arguments, KIND_SERVER) && arguments->given[OPT_LDAP_GROUP]) {
        log_error("--ldap-group is for clients: members of a group are no servers");
        return false;
    }
    if (arguments->given[OPT_SAN] && (is_kind(arguments, KIND_CLIENT) || names != 1)) {
        log_error("--san is for one server; in a file, SANs are behind each name");
        return false;
    }
    return true;
}

bool check_issue(const struct arguments *arguments)
{
    bool several = arguments->operands != 2;

    if (!is_kind(arguments, KIND_SERVER) && !is_kind(arguments, KIND_CLIENT)) {
        log_error("issue what? write `issue server NAME` or `issue client ROLE`");
        return false;
    }
    return check_names(arguments) && cli_check_out(arguments, several) &&
           cli_check_strings(arguments) && cli_check_forms(arguments);
}

/* --- names --------------------------------------------------------------------------------------------------- */

static bool add_operands(struct wishes *wishes, const struct arguments *arguments)
{
    const char *const *texts = NULL;
    size_t n = options_list(OPT_SAN, &texts);
    g_autofree struct bytes *sans = g_new0(struct bytes, MAX(n, 1));

    for (size_t i = 0; i < n; i++)
        sans[i] = bytes_str(texts[i]);
    for (int i = 1; i < arguments->operands; i++)
        (void)wishes_add(wishes, bytes_str(arguments->operand[i]), sans, n, NULL);
    return true;
}

static bool add_group(struct wishes *wishes, const struct arguments *arguments)
{
    const char *group = arguments->text[OPT_LDAP_GROUP];
    const char *config =
        arguments->given[OPT_CONFIG] ? arguments->text[OPT_CONFIG] : SETTINGS_DEFAULT_PATH;
    char **names = NULL, why[WHY];
    size_t n = 0;

    if (!online_group(config, group, &names, &n, why, sizeof why)) {
        log_error("the members of \"%s\" cannot be read: %s", group, why);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        (void)wishes_add(wishes, bytes_str(names[i]), NULL, 0, group);
    g_strfreev(names);
    if (n == 0)
        log_notice("\"%s\" has no members: there is nothing to do", group);
    return true;
}

static bool collect(struct wishes *wishes, const struct arguments *arguments)
{
    bool done;

    if (arguments->given[OPT_FROM_FILE])
        done = wishes_read(wishes, arguments->text[OPT_FROM_FILE]);
    else if (arguments->given[OPT_LDAP_GROUP])
        done = add_group(wishes, arguments);
    else
        done = add_operands(wishes, arguments);
    if (!done || wishes->faults == 0 || arguments->given[OPT_KEEP_GOING])
        return done;
    log_error("nothing was issued, because of %zu fault%s", wishes->faults,
              wishes->faults == 1 ? "" : "s");
    return false;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

int cmd_issue(const struct arguments *arguments)
{
    struct session session = {.folder_fd = -1};
    struct issue_options options = {0};
    struct issue_made *made = NULL;
    struct secret passphrase = {0};
    struct wishes wishes;
    int code = COMMAND_FAILED;
    size_t n = 0;

    wishes_init(&wishes, is_kind(arguments, KIND_CLIENT) ? KIND_CLIENT : KIND_SERVER,
                arguments->number[OPT_LASTS]);
    if (!collect(&wishes, arguments) || !session_open(&session, arguments, NEEDS_WORK) ||
        !cli_issue_options(&session, &options, &passphrase))
        goto out;
    n = wishes.at->len;
    struct issue_wish *all = (struct issue_wish *)(void *)wishes.at->data;
    for (size_t i = 0; i < n; i++)
        all[i].path = cli_out_path(arguments->text[OPT_OUT], all[i].name);
    made = g_new0(struct issue_made, MAX(n, 1));
    bool done = issue_many(&session, all, n, &options, made);
    if (made_print(&session, all, made, n, &options) && done && wishes.faults == 0)
        code = COMMAND_DONE;
out:
    made_free(made, n);
    session_close(&session);
    secret_free(&passphrase);
    wishes_clear(&wishes);
    return code;
}
