/* The options of all commands of pgsignet-ca, one row each. */
#include "config.h"

#include "pki/options.h"

#include "common/conninfo.h"
#include "common/settings.h"
#include "pki/layout.h"
#include "pki/output.h"

#include <string.h>

#define DAY   86400
#define LISTS 1000 /* texts of one option */

/* clang-format off */
static const struct option_row rows[OPTIONS] = {
    [OPT_DIR]      = {"dir", "DIR", OPT_TEXT, 0, 0, "the CA's folder instead of ca.dir", 'd', false},
    [OPT_CONFIG]   = {"config", "FILE", OPT_TEXT, 0, 0, "read FILE instead of " SETTINGS_DEFAULT_PATH, 0, false},
    [OPT_JSON]     = {"json", NULL, OPT_FLAG, 0, 0, "print one JSON document", 0, false},
    [OPT_QUIET]    = {"quiet", NULL, OPT_FLAG, 0, 0, "print problems alone", 'q', false},
    [OPT_VERBOSE]  = {"verbose", NULL, OPT_FLAG, 0, 0, "say each step", 'v', false},
    [OPT_HELP]     = {"help", NULL, OPT_FLAG, 0, 0, "print this help", 0, false},
    [OPT_VERSION]  = {"version", NULL, OPT_FLAG, 0, 0, "print the version", 0, false},
    [OPT_DRY_RUN]  = {"dry-run", NULL, OPT_FLAG, 0, 0, "say what would be done, and change nothing", 'n', false},
    [OPT_YES]      = {"yes", NULL, OPT_FLAG, 0, 0, "do not ask", 'y', false},
    [OPT_FORCE]    = {"force", NULL, OPT_FLAG, 0, 0, "go on where the command says it may be forced", 0, false},
    [OPT_LAYOUT]   = {"layout", "LAYOUT", OPT_LAYOUT_WORD, 0, 0, "where files lie: seed (without this) or pigsty", 0, false},
    [OPT_ALGORITHM] = {"algorithm", "NAME", OPT_ALGORITHM_WORD, 0, 0, "of new keys: p256 (without this), p384, rsa3072, rsa4096, ed25519", 0, false},
    [OPT_INTERMEDIATE] = {"intermediate", NULL, OPT_FLAG, 0, 0, "a root that signs an intermediate CA, which signs the rest", 0, false},
    [OPT_CLIENT_CA] = {"client-ca", NULL, OPT_FLAG, 0, 0, "a second CA, for logins alone", 0, false},
    [OPT_ORGANISATION] = {"organisation", "NAME", OPT_TEXT, 0, 0, "O of the CA's name", 0, false},
    [OPT_NAME]     = {"name", "NAME", OPT_TEXT, 0, 0, "the CN (init, sign), or the name to look for (list)", 0, false},
    [OPT_PKCS11]   = {"pkcs11", "URI", OPT_TEXT, 0, 0, "the CA's key is, or is made, in this PKCS#11 token (RFC 7512)", 0, false},
    [OPT_PASSPHRASE] = {"passphrase", NULL, OPT_FLAG, 0, 0, "encrypt the CA's keys; asks for the passphrase", 0, false},
    [OPT_PASSPHRASE_FILE] = {"passphrase-file", "FILE", OPT_TEXT, 0, 0, "the passphrase (or PIN) of the CA's keys is the first line of FILE", 0, false},
    [OPT_PASSPHRASE_FD] = {"passphrase-fd", "N", OPT_NUMBER, 0, 1023, "the same, from file descriptor N", 0, false},
    [OPT_OTHER_PASSPHRASE_FILE] = {"file-passphrase-file", "FILE", OPT_TEXT, 0, 0, "the passphrase of the archive, or of PKCS#12 files, is the first line of FILE", 0, false},
    [OPT_OTHER_PASSPHRASE_FD] = {"file-passphrase-fd", "N", OPT_NUMBER, 0, 1023, "the same, from file descriptor N", 0, false},
    [OPT_LASTS]    = {"lasts", "TIME", OPT_DURATION, 60, INT64_C(36500) * DAY, "how long it is valid: 90d, 12h", 0, false},
    [OPT_SAN]      = {"san", "NAME", OPT_LIST, 0, 0, "a host name or address more; may be given again", 0, true},
    [OPT_FROM_FILE] = {"from-file", "FILE", OPT_TEXT, 0, 0, "one a line: NAME, then its SANs, between commas; - is standard input", 0, false},
    [OPT_LDAP_GROUP] = {"ldap-group", "GROUP", OPT_TEXT, 0, 0, "one for each member of this group of the directory", 0, false},
    [OPT_OUTPUT]   = {"output", "FORMS", OPT_FORMS, 0, 0, "further files, between commas: pk8, p12, tar", 0, false},
    [OPT_BUNDLE]   = {"bundle", NULL, OPT_FLAG, 0, 0, "as --output tar: all that a person needs in one file", 0, false},
    [OPT_OUT]      = {"out", "PATH", OPT_TEXT, 0, 0, "write PATH.crt, PATH.key... instead of the CA's folder; into PATH if that is a folder; sign: - prints the certificate", 0, false},
    [OPT_HOST]     = {"host", "HOST", OPT_TEXT, 0, 0, "of the server, for connection strings and handshakes", 0, false},
    [OPT_DATABASE] = {"dbname", "NAME", OPT_TEXT, 0, 0, "for connection strings; postgres without this", 0, false},
    [OPT_SSLROOTCERT] = {"sslrootcert", "FILE", OPT_TEXT, 0, 0, "the CAs by which clients know their servers, instead of ca.sslrootcert, or trust.crt", 0, false},
    [OPT_SECOND]   = {"second", NULL, OPT_FLAG, 0, 0, "also where the role has a live certificate", 0, false},
    [OPT_KEEP_GOING] = {"keep-going", NULL, OPT_FLAG, 0, 0, "leave out what is refused, and make the others", 'k', false},
    [OPT_REQUEST]  = {"request", "FILE", OPT_TEXT, 0, 0, "the new key, in a signing request", 0, false},
    [OPT_TAKE_NAMES] = {"take-names", NULL, OPT_FLAG, 0, 0, "take names from the request; else they must be given", 0, false},
    [OPT_ALL_DUE]  = {"all-due", NULL, OPT_FLAG, 0, 0, "all that end within the window, or are of a CA that is being replaced, and have no successor", 0, false},
    [OPT_WINDOW]   = {"window", "TIME", OPT_DURATION, 0, INT64_C(36500) * DAY, "what ends within TIME is due; ca.renew without this", 0, false},
    [OPT_JITTER]   = {"jitter", "TIME", OPT_DURATION, 0, 3650 * DAY, "each is due by up to TIME earlier, by its serial", 0, false},
    [OPT_REVOKE_OLD] = {"revoke-old", NULL, OPT_FLAG, 0, 0, "revoke what was replaced (superseded), and make a CRL", 0, false},
    [OPT_REASON]   = {"reason", "WORD", OPT_REASON_WORD, 0, 0, "keyCompromise, superseded, certificateHold ... (RFC 5280)", 0, false},
    [OPT_POSTGRES] = {"postgres", "CONNINFO", OPT_LIST, 0, 0, "a server, instead of ca.postgres; may be given again", 0, true},
    [OPT_PID_FILE] = {"pid-file", "FILE", OPT_TEXT, 0, 0, "reload by SIGHUP to the process in FILE (postmaster.pid)", 0, false},
    [OPT_CRL_FILE] = {"crl-file", "FILE", OPT_TEXT, 0, 0, "what ssl_crl_file names, instead of ca.crl_file", 0, false},
    [OPT_CRL_DIR]  = {"crl-dir", "DIR", OPT_TEXT, 0, 0, "what ssl_crl_dir names, instead of ca.crl_dir", 0, false},
    [OPT_OWNER]    = {"owner", "USER", OPT_TEXT, 0, 0, "who owns published files, instead of ca.owner", 0, false},
    [OPT_PROBE]    = {"probe", "HOST:PORT", OPT_LIST, 0, 0, "prove it by a handshake there; may be given again", 0, true},
    [OPT_TERMINATE] = {"terminate", NULL, OPT_FLAG, 0, 0, "end the sessions that came in with it", 0, false},
    [OPT_NO_PUBLISH] = {"no-publish", NULL, OPT_FLAG, 0, 0, "make the CRL, and leave the servers to somebody else", 0, false},
    [OPT_SERVER]   = {"server", NULL, OPT_FLAG, 0, 0, "of those of the name, the server's", 0, false},
    [OPT_CLIENT]   = {"client", NULL, OPT_FLAG, 0, 0, "of those of the name, the client's; with --server, both", 0, false},
    [OPT_PUBLISH]  = {"publish", NULL, OPT_FLAG, 0, 0, "also put them where the servers read them, and reload", 0, false},
    [OPT_DUE]      = {"due", NULL, OPT_FLAG, 0, 0, "only those that end soon (ca.crl_renew)", 0, false},
    [OPT_KIND]     = {"kind", "KIND", OPT_KIND_WORD, 0, 0, "server, client, ca, cross or other", 0, false},
    [OPT_REVOKED]  = {"revoked", NULL, OPT_FLAG, 0, 0, "only revoked ones", 0, false},
    [OPT_ALL]      = {"all", NULL, OPT_FLAG, 0, 0, "also expired, replaced, reserved and abandoned ones", 'a', false},
    [OPT_TO]       = {"to", "DIR", OPT_TEXT, 0, 0, "where to: PostgreSQL's data directory, or /etc/pki", 0, false},
    [OPT_GROUP_KEY] = {"group-key", "GROUP", OPT_TEXT, 0, 0, "the key belongs to root and GROUP, mode 0640", 0, false},
    [OPT_PRINT]    = {"print", NULL, OPT_FLAG, 0, 0, "only print the lines for pg_hba.conf and pg_ident.conf", 0, false},
    [OPT_VERIFY]   = {"verify", NULL, OPT_FLAG, 0, 0, "check the chain of hashes", 0, false},
};
/* clang-format on */

static struct {
    const char *at[LISTS];
    size_t n;
} lists[OPTIONS];

size_t options_list(int id, const char *const **texts)
{
    *texts = lists[id].at;
    return lists[id].n;
}

static const char *find_word(const char *const *words, size_t n, const char *text, int64_t *number,
                             const char *expected)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], text) == 0) {
            *number = (int64_t)i;
            return NULL;
        }
    }
    return expected;
}

static const char *judge_forms(const char *text, int64_t *number)
{
    int64_t bits = 0;

    for (const char *at = text; at != NULL; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t i, len = strcspn(at, ",");

        for (i = 0; i < OUTPUT_FORMS; i++)
            if (strlen(output_names[i]) == len && memcmp(output_names[i], at, len) == 0)
                break;
        if (i == OUTPUT_FORMS)
            return "must be pk8, p12 and tar, as many as wanted, between commas";
        bits |= INT64_C(1) << i;
    }
    *number = bits;
    return NULL;
}

static const char *judge_reason(const char *text, int64_t *number)
{
    int reason = ledger_reason_find(text);

    *number = reason;
    return reason >= 0 ? NULL
                       : "must be unspecified, keyCompromise, cACompromise, affiliationChanged, "
                         "superseded, cessationOfOperation, certificateHold or privilegeWithdrawn";
}

static const char *judge_list(const struct option_row *row, const char *text)
{
    size_t id = (size_t)(row - rows);

    if (text[0] == '\0')
        return "must not be empty";
    if (lists[id].n == LISTS)
        return "was given too often";
    if (id == OPT_POSTGRES && conninfo_fault(text) != NULL)
        return conninfo_fault(text);
    lists[id].at[lists[id].n++] = text;
    return NULL;
}

static const char *judge(const struct option_row *row, const char *text, int64_t *number)
{
    switch (row->kind) {
    case OPT_LAYOUT_WORD:
        return find_word(layout_names, LAYOUTS, text, number, "must be seed or pigsty");
    case OPT_ALGORITHM_WORD:
        return find_word(key_algorithm_names, KEY_ALGORITHMS, text, number,
                         "must be p256, p384, rsa3072, rsa4096 or ed25519");
    case OPT_KIND_WORD:
        return find_word(ledger_kind_names, KINDS, text, number,
                         "must be server, client, ca, cross or other");
    case OPT_REASON_WORD:
        return judge_reason(text, number);
    case OPT_FORMS:
        return judge_forms(text, number);
    default: /* OPT_LIST */
        return judge_list(row, text);
    }
}

_Static_assert(OPTIONS <= OPTIONS_MAX, "a bit for each option");
const struct option_table ca_options = {"pgsignet-ca", rows, OPTIONS, judge};
