/* The options of all commands of pgsignet-mfa, one row each. */
#include "config.h"

#include "mfa/arguments.h"

#include "common/settings.h"
#include "mfa/breakglass.h"
#include "mfa/otpauth.h"
#include "mfa/store.h"
#include "mfa/tokens.h"

#include <string.h>

#define CENTURY (INT64_C(100) * 365 * 86400)

/* clang-format off */
const struct option_row option_rows[OPTIONS] = {
    [OPT_CONFIG]     = {"config", "FILE", OPT_TEXT, 0, 0, "read FILE instead of " SETTINGS_DEFAULT_PATH},
    [OPT_JSON]       = {"json", NULL, OPT_FLAG, 0, 0, "print JSON, one document a line"},
    [OPT_HELP]       = {"help", NULL, OPT_FLAG, 0, 0, "print this help"},
    [OPT_VERSION]    = {"version", NULL, OPT_FLAG, 0, 0, "print the version"},
    [OPT_NAME]       = {"name", "NAME", OPT_TOKEN, 0, 0, "the token of that name, of several a user may have"},
    [OPT_ISSUER]     = {"issuer", "TEXT", OPT_LABEL, 0, 0, "what the app shows above the code"},
    [OPT_DIGITS]     = {"digits", "N", OPT_NUMBER, 6, 8, "digits of a code, 6 to 8"},
    [OPT_PERIOD]     = {"period", "SECONDS", OPT_NUMBER, 10, 300, "seconds a code lives, 10 to 300"},
    [OPT_ALGORITHM]  = {"algorithm", "NAME", OPT_HASH, 0, 0, "SHA1, SHA256 or SHA512; many apps know SHA1 only"},
    [OPT_NO_CONFIRM] = {"no-confirm", NULL, OPT_FLAG, 0, 0, "leave the token pending, for a later `confirm`"},
    [OPT_YES]        = {"yes", NULL, OPT_FLAG, 0, 0, "do not ask"},
    [OPT_HOTP]       = {"hotp", NULL, OPT_FLAG, 0, 0, "codes counted by a button instead of by time"},
    [OPT_QR]         = {"qr", "WHERE", OPT_TEXT, 0, 0, "terminal, svg:FILE or png:FILE"},
    [OPT_NO_CONFIRM_UNTIL] = {"no-confirm-until", "WHEN", OPT_TEXT, 0, 0, "let the first login prove it until 2026-12-31, or for 14d"},
    [OPT_FROM_FILE]  = {"from-file", "FILE", OPT_TEXT, 0, 0, "the users in FILE, one a line; - for standard input"},
    [OPT_LDAP_GROUP] = {"ldap-group", "DN", OPT_TEXT, 0, 0, "the members of a group of the directory"},
    [OPT_PAGES]      = {"pages", "FOLDER", OPT_TEXT, 0, 0, "put a page for each of them into FOLDER"},
    [OPT_PAGE]       = {"page", "FORM", OPT_TEXT, 0, 0, "svg (without this), or png: a picture and a text"},
    [OPT_EXPIRES]    = {"expires", "WHEN", OPT_TEXT, 0, 0, "when pages end: 14d (without this), 2026-12-31"},
    [OPT_UNENROLLED] = {"unenrolled", NULL, OPT_FLAG, 0, 0, "roles of PostgreSQL that may log in and have no active token"},
    [OPT_PENDING]    = {"pending", NULL, OPT_FLAG, 0, 0, "tokens that no code has proved yet"},
    [OPT_UNPROVED]   = {"pending", NULL, OPT_FLAG, 0, 0, "leave them pending, for a later `confirm`"},
    [OPT_STALE]      = {"stale", "TIME", OPT_DURATION, 1, CENTURY, "active, and not used for so long (90d, 12h)"},
    [OPT_LOCKED]     = {"locked", NULL, OPT_FLAG, 0, 0, "users whom an operator locked out"},
    [OPT_DISABLED]   = {"disabled", NULL, OPT_FLAG, 0, 0, "tokens that are disabled"},
    [OPT_CODE_STDIN] = {"code-stdin", NULL, OPT_FLAG, 0, 0, "read the code from standard input, without a prompt"},
    [OPT_CODES]      = {"codes", "N", OPT_NUMBER, 1, RECOVERY_CODES, "so many codes, 1 to 20; 10 without this"},
    [OPT_REMOVE]     = {"remove", NULL, OPT_FLAG, 0, 0, "take the codes away, without new ones"},
    [OPT_REASON]     = {"reason", "TEXT", OPT_TEXT, 0, 0, "why, for other operators"},
    [OPT_FAILURES]   = {"failures", NULL, OPT_FLAG, 0, 0, "only forget failures; an operator's lock stays"},
    [OPT_TO]         = {"to", "NAME", OPT_TEXT, 0, 0, "the token's new name"},
    [OPT_TO_STORE]   = {"to", "FILE", OPT_TEXT, 0, 0, "the configuration whose store: names the new place"},
    [OPT_TO_USER]    = {"to-user", "USER", OPT_USER, 0, 0, "the user's new name"},
    [OPT_ADDRESS]    = {"address", "ADDRESS", OPT_TEXT, 0, 0, "the client's address; a local socket without this"},
    [OPT_SERVICE]    = {"service", "NAME", OPT_TEXT, 0, 0, "the PAM service (pamservice= in pg_hba.conf)"},
    [OPT_POLICY]     = {"policy", "NAME", OPT_TEXT, 0, 0, "the policy (policy= in the PAM service)"},
    [OPT_FORMAT]     = {"format", "FORMAT", OPT_TEXT, 0, 0, "import: google-authenticator, oath, pskc, otpauth, csv; export: pskc, otpauth"},
    [OPT_FOR_USER]   = {"user", "USER", OPT_USER, 0, 0, "whose tokens these are"},
    [OPT_ALL]        = {"all", NULL, OPT_FLAG, 0, 0, "the tokens of everybody"},
    [OPT_MAP]        = {"map", "FILE", OPT_TEXT, 0, 0, "CSV of OLD,NEW: users by other names, or by serial numbers"},
    [OPT_KEY_FILE]   = {"key-file", "FILE", OPT_TEXT, 0, 0, "PSKC: the pre-shared key, raw or hexadecimal"},
    [OPT_PASSWORD_FILE] = {"password-file", "FILE", OPT_TEXT, 0, 0, "PSKC: the password, in the first line"},
    [OPT_DRY_RUN]    = {"dry-run", NULL, OPT_FLAG, 0, 0, "read and report, and change nothing"},
    [OPT_REPLACE]    = {"replace", NULL, OPT_FLAG, 0, 0, "an active token of the same name gives way"},
    [OPT_OUTPUT]     = {"output", "FILE", OPT_TEXT, 0, 0, "a new file, for nobody else; - is standard output"},
    [OPT_UNTIL]      = {"until", "TIME", OPT_TEXT, 0, 0, "the end, like 2026-11-22T18:00Z (UTC); 24 hours from now at most"},
    [OPT_FOR]        = {"for", "TIME", OPT_DURATION, 1, GLASS_MOST_S, "for so long (4h, 30m); 24 hours at most"},
    [OPT_KEK]        = {"kek", NULL, OPT_FLAG, 0, 0, "the key outside of the store, which keys: names"},
    [OPT_DEK]        = {"dek", NULL, OPT_FLAG, 0, 0, "the data key in the store: everything is sealed anew"},
    [OPT_TO_CONFIG]  = {"to", "FILE", OPT_TEXT, 0, 0, "let the KEK of this configuration open the store too"},
    [OPT_RETIRE]     = {"retire", NULL, OPT_FLAG, 0, 0, "let no other KEK than the configured one open the store"},
    [OPT_PRINT_SQL]  = {"print-sql", NULL, OPT_FLAG, 0, 0, "only print what makes the schema in PostgreSQL, for psql"},
};
/* clang-format on */

static const char *judge(const struct option_row *row, const char *text, int64_t *number)
{
    enum settings_algorithm algorithm;
    size_t len = strlen(text);

    switch (row->kind) {
    case OPT_LABEL:
        if (strchr(text, ':') != NULL)
            return "must have no ':', which apps read as its end";
        /* fallthrough */
    case OPT_TOKEN:
        return len >= 1 && len <= OPT_MAX_SIZE ? NULL : "must have 1 to 64 bytes";
    case OPT_USER:
        return len >= 1 && len <= MFA_USER_MAX ? NULL : "must have 1 to 63 bytes";
    default: /* OPT_HASH */
        if (!otpauth_algorithm_read(text, &algorithm))
            return "must be SHA1, SHA256 or SHA512";
        *number = (int64_t)algorithm;
        return NULL;
    }
}

_Static_assert(OPTIONS <= OPTIONS_MAX, "a bit for each option");
const struct option_table mfa_options = {"pgsignet-mfa", option_rows, OPTIONS, judge};
