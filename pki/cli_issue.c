/* Options that issue, renew and rekey share. */
#include "config.h"

#include "pki/cli_issue.h"

#include "common/log.h"
#include "pki/server_trust.h"

#include <string.h>

/* --- judged against each other ------------------------------------------------------------------------- */

/* Written with a slash, or there already. */
static bool is_folder(const char *out)
{
    return g_str_has_suffix(out, "/") || g_file_test(out, G_FILE_TEST_IS_DIR);
}

bool cli_check_out(const struct arguments *arguments, bool several)
{
    const char *out = arguments->text[OPT_OUT];

    if (out == NULL)
        return true;
    if (strcmp(out, "-") == 0) {
        log_error("--out - is for sign: here a key is made too, which must be in a file");
        return false;
    }
    if (several && !is_folder(out)) {
        log_error("--out %s: several certificates need a folder; end it with \"/\"", out);
        return false;
    }
    return true;
}

bool cli_check_strings(const struct arguments *arguments)
{
    struct name_san san = {0};
    const char *host = arguments->text[OPT_HOST];
    const char *fault = host != NULL ? name_san_parse(bytes_str(host), &san) : NULL;

    if (fault == NULL && host != NULL &&
        (san.kind == NAME_URI || strncmp(host, "DNS:", 4) == 0 || strncmp(host, "IP:", 3) == 0))
        fault = "must be a host name or an address alone";
    name_san_clear(&san);
    if (fault != NULL)
        log_error("--host %s: %s", host, fault);
    return fault == NULL;
}

bool cli_check_forms(const struct arguments *arguments)
{
    bool pkcs12 = (arguments->number[OPT_OUTPUT] >> OUTPUT_PKCS12 & 1) != 0;

    if (pkcs12 || (!arguments->given[OPT_OTHER_PASSPHRASE_FILE] &&
                   !arguments->given[OPT_OTHER_PASSPHRASE_FD]))
        return arguments_one_of(arguments, OPT_BIT(OPT_OTHER_PASSPHRASE_FILE) |
                                               OPT_BIT(OPT_OTHER_PASSPHRASE_FD));
    log_error("--file-passphrase-file and --file-passphrase-fd are for --output p12");
    return false;
}

/* --- read -------------------------------------------------------------------------------------------------- */

bool cli_issue_options(struct session *session, struct issue_options *options,
                       struct secret *passphrase)
{
    const struct arguments *arguments = session->arguments;

    *options = (struct issue_options){
        .algorithm = arguments->given[OPT_ALGORITHM]
                         ? (enum key_algorithm)arguments->number[OPT_ALGORITHM]
                         : KEY_P256,
        .output = (unsigned)arguments->number[OPT_OUTPUT] |
                  (arguments->given[OPT_BUNDLE] ? 1u << OUTPUT_BUNDLE : 0),
        .host = arguments->text[OPT_HOST],
        .database = arguments->text[OPT_DATABASE],
        .second = arguments->given[OPT_SECOND],
        .keep_going = arguments->given[OPT_KEEP_GOING],
        .dry_run = session->dry_run,
    };
    if ((options->output >> OUTPUT_BUNDLE & 1u) != 0) { /* before a serial is taken */
        g_autoptr(GString) trust = g_string_new(NULL);
        if (!server_trust(session, trust))
            return false;
    }
    if ((options->output >> OUTPUT_PKCS12 & 1u) == 0 || options->dry_run)
        return true;
    if (!session_other_passphrase(session, OPT_OTHER_PASSPHRASE_FILE, OPT_OTHER_PASSPHRASE_FD,
                                  "for the PKCS#12 files", true, passphrase))
        return false;
    options->pkcs12_passphrase = secret_bytes(passphrase);
    return true;
}

char *cli_out_path(const char *out, const char *name)
{
    if (out == NULL)
        return NULL;
    g_autofree char *path = g_canonicalize_filename(out, NULL);
    if (!is_folder(out))
        return g_steal_pointer(&path);
    g_autofree char *file = name_file(bytes_str(name));
    return g_build_filename(path, file, NULL);
}
