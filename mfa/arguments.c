#include "config.h"

#include "mfa/arguments.h"

#include "common/settings.h"
#include "mfa/otpauth.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum kind { FLAG, TEXT, NUMBER, ISSUER, TOKEN_NAME, ALGORITHM };

static const struct {
    const char *name, *argument;
    enum kind kind;
    int64_t low, high; /* of a number */
    const char *help;
} rows[OPTIONS] = {
    [OPT_CONFIG] = {"config", "FILE", TEXT, 0, 0, "read FILE instead of " SETTINGS_DEFAULT_PATH},
    [OPT_JSON] = {"json", NULL, FLAG, 0, 0, "print JSON, one document a line"},
    [OPT_HELP] = {"help", NULL, FLAG, 0, 0, "print this help"},
    [OPT_VERSION] = {"version", NULL, FLAG, 0, 0, "print the version"},
    [OPT_NAME] = {"name",       "NAME",    TOKEN_NAME, 0,  0,
                    "the token of that name, of several a user may have"                                       },
    [OPT_ISSUER] = {"issuer", "TEXT", ISSUER, 0, 0, "what the app shows above the code"},
    [OPT_DIGITS] = {"digits", "N", NUMBER, 6, 8, "digits of a code, 6 to 8"},
    [OPT_PERIOD] = {"period", "SECONDS", NUMBER, 10, 300, "seconds a code lives, 10 to 300"},
    [OPT_ALGORITHM] = {"algorithm",  "NAME",    ALGORITHM,  0,  0,
                    "SHA1, SHA256 or SHA512; many apps know SHA1 only"                                         },
    [OPT_NO_CONFIRM] = {"no-confirm", NULL,      FLAG,       0,  0,
                    "leave the token pending, for a later `confirm`"                                           },
    [OPT_YES] = {"yes", NULL, FLAG, 0, 0, "do not ask"},
};

static bool fault(const char *option, const char *what)
{
    fprintf(stderr, "pgsignet-mfa: --%s: %s\n", option, what);
    return false;
}

static bool read_number(enum option_id id, const char *text, int64_t *number)
{
    char *end;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < rows[id].low ||
        value > rows[id].high) {
        fprintf(stderr, "pgsignet-mfa: --%s: must be a whole number from %lld to %lld\n",
                rows[id].name, (long long)rows[id].low, (long long)rows[id].high);
        return false;
    }
    *number = value;
    return true;
}

static bool read_value(struct arguments *arguments, enum option_id id, const char *text)
{
    enum settings_algorithm algorithm;

    arguments->text[id] = text;
    switch (rows[id].kind) {
    case NUMBER:
        return read_number(id, text, &arguments->number[id]);
    case ISSUER:
        if (strchr(text, ':') != NULL)
            return fault(rows[id].name, "must have no ':', which apps read as its end");
        /* fallthrough */
    case TOKEN_NAME:
        if (text[0] == '\0' || strlen(text) > OPT_MAX_SIZE)
            return fault(rows[id].name, "must have 1 to 64 bytes");
        return true;
    case ALGORITHM:
        if (!otpauth_algorithm_read(text, &algorithm))
            return fault(rows[id].name, "must be SHA1, SHA256 or SHA512");
        arguments->number[id] = (int64_t)algorithm;
        return true;
    case TEXT:
        if (text[0] == '\0')
            return fault(rows[id].name, "must not be empty");
        return true;
    case FLAG:
        break;
    }
    return true;
}

/* Whether the word that getopt_long took for an option is its full name. */
static bool in_full(char **argv, enum option_id id)
{
    /* getopt_long stands behind the option, or behind its separate argument */
    const char *word = argv[optind - 1];
    bool separate = rows[id].argument != NULL && optarg == word;
    size_t len = strlen(rows[id].name);

    if (separate)
        word = argv[optind - 2];
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, rows[id].name, len) == 0 &&
           (word[2 + len] == '\0' || word[2 + len] == '=');
}

bool arguments_read(struct arguments *arguments, int argc, char **argv, unsigned allowed,
                    bool in_front)
{
    struct option known[OPTIONS + 1] = {0};
    int n = 0, found;

    for (int id = 0; id < OPTIONS; id++)
        if (allowed & OPT_BIT(id))
            known[n++] =
                (struct option){.name = rows[id].name,
                                .has_arg = rows[id].argument ? required_argument : no_argument,
                                .val = 256 + id};
    optind = 0; /* GNU: start anew, with a new mode */
    while ((found = getopt_long(argc, argv, in_front ? "+" : "", known, NULL)) != -1) {
        if (found < 256) /* getopt_long has said why */
            return false;
        enum option_id id = (enum option_id)(found - 256);
        if (!in_full(argv, id))
            return fault(rows[id].name, "write the option's name in full");
        if (arguments->given[id])
            return fault(rows[id].name, "given twice");
        arguments->given[id] = true;
        if (optarg != NULL && !read_value(arguments, id, optarg))
            return false;
    }
    arguments->operand = argv + optind;
    arguments->operands = argc - optind;
    return true;
}

void arguments_help(FILE *stream, unsigned wanted)
{
    for (int id = 0; id < OPTIONS; id++) {
        if ((wanted & OPT_BIT(id)) == 0)
            continue;
        const char *argument = rows[id].argument ? rows[id].argument : "";
        int width = 17 - (int)strlen(rows[id].name);
        fprintf(stream, "  --%s %-*s %s\n", rows[id].name, width > 0 ? width : 0, argument,
                rows[id].help);
    }
}
