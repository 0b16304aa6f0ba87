#include "config.h"

#include "common/arguments.h"

#include "common/number.h"

#include <getopt.h>
#include <string.h>

#define LONG_ONLY 256 /* what getopt_long returns for row i is this plus i: no letter is as large */

static bool fault(const struct arguments *arguments, int id, const char *what)
{
    fprintf(stderr, "%s: --%s: %s\n", arguments->table->program, arguments->table->rows[id].name,
            what);
    return false;
}

/* In the largest unit that divides it. */
static void write_duration(int64_t seconds, char *out, size_t size)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (seconds == 0 ? units[i].seconds != 1 : seconds % units[i].seconds != 0)
        i++;
    snprintf(out, size, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
}

static bool read_number(struct arguments *arguments, int id, const char *text)
{
    const struct option_row *row = &arguments->table->rows[id];
    bool duration = row->kind == OPT_DURATION;
    char low[32], high[32];
    enum number_fault wrong = (duration ? number_duration : number_parse)(
        text, strlen(text), row->low, row->high, &arguments->number[id]);

    if (wrong == NUMBER_OK)
        return true;
    if (duration && wrong == NUMBER_SYNTAX)
        return fault(arguments, id, "must be a duration such as 90d, 12h, 30m or 45s");
    if (duration) {
        write_duration(row->low, low, sizeof low);
        write_duration(row->high, high, sizeof high);
        fprintf(stderr, "%s: --%s: must be from %s to %s\n", arguments->table->program, row->name,
                low, high);
        return false;
    }
    fprintf(stderr, "%s: --%s: must be a whole number from %lld to %lld\n",
            arguments->table->program, row->name, (long long)row->low, (long long)row->high);
    return false;
}

static bool read_value(struct arguments *arguments, int id, const char *text)
{
    const struct option_row *row = &arguments->table->rows[id];
    const char *wrong;

    arguments->text[id] = text;
    switch (row->kind) {
    case OPT_NUMBER:
    case OPT_DURATION:
        return read_number(arguments, id, text);
    case OPT_TEXT:
        return text[0] != '\0' || fault(arguments, id, "must not be empty");
    case OPT_FLAG:
        return true;
    default:
        wrong = arguments->table->judge(row, text, &arguments->number[id]);
        return wrong == NULL || fault(arguments, id, wrong);
    }
}

/* Whether the word that getopt_long took for an option is its letter or its full name. */
static bool in_full(char **argv, const struct option_row *row)
{
    /* getopt_long stands behind the option, or behind its separate argument */
    const char *word = argv[optind - 1];
    bool separate = row->argument != NULL && optarg == word;
    size_t len = strlen(row->name);

    if (separate)
        word = argv[optind - 2];
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, row->name, len) == 0 &&
           (word[2 + len] == '\0' || word[2 + len] == '=');
}

/* The row of what getopt_long found; -1 after getopt_long has said what is wrong. */
static int row_of(const struct option_table *table, int found)
{
    if (found >= LONG_ONLY)
        return found - LONG_ONLY;
    for (int id = 0; id < table->n; id++)
        if (table->rows[id].letter != '\0' && table->rows[id].letter == found)
            return id;
    return -1;
}

bool arguments_read(struct arguments *arguments, int argc, char **argv, uint64_t allowed,
                    bool in_front)
{
    const struct option_table *table = arguments->table;
    struct option known[OPTIONS_MAX + 1] = {0};
    char letters[1 + 2 * OPTIONS_MAX + 1] = {0};
    size_t at = 0;
    int n = 0, found;

    if (in_front)
        letters[at++] = '+';
    for (int id = 0; id < table->n; id++) {
        const struct option_row *row = &table->rows[id];

        if ((allowed & OPT_BIT(id)) == 0)
            continue;
        known[n++] = (struct option){.name = row->name,
                                     .has_arg = row->argument ? required_argument : no_argument,
                                     .val = LONG_ONLY + id};
        if (row->letter != '\0') {
            letters[at++] = row->letter;
            if (row->argument != NULL)
                letters[at++] = ':';
        }
    }
    optind = 0; /* GNU: start anew, with a new mode */
    while ((found = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        int id = row_of(table, found);

        if (id < 0)
            return false;
        if (found >= LONG_ONLY && !in_full(argv, &table->rows[id]))
            return fault(arguments, id, "write the option's name in full");
        if (arguments->given[id] && !table->rows[id].many)
            return fault(arguments, id, "given twice");
        arguments->given[id] = true;
        if (optarg != NULL && !read_value(arguments, id, optarg))
            return false;
    }
    arguments->operand = argv + optind;
    arguments->operands = argc - optind;
    return true;
}

static void print_names(const struct option_table *table, uint64_t bits)
{
    const char *between = "";

    for (int id = 0; id < table->n; id++) {
        if (bits & OPT_BIT(id)) {
            fprintf(stderr, "%s--%s", between, table->rows[id].name);
            between = ", ";
        }
    }
}

bool arguments_one_of(const struct arguments *arguments, uint64_t bits)
{
    uint64_t given = 0;

    for (int id = 0; id < arguments->table->n; id++)
        if (arguments->given[id])
            given |= OPT_BIT(id) & bits;
    if ((given & (given - 1)) == 0) /* one bit, or none */
        return true;
    fprintf(stderr, "%s: ", arguments->table->program);
    print_names(arguments->table, given);
    fputs(": one at a time\n", stderr);
    return false;
}

bool arguments_needs(const struct arguments *arguments, int id, uint64_t others)
{
    if (!arguments->given[id])
        return true;
    for (int other = 0; other < arguments->table->n; other++)
        if ((others & OPT_BIT(other)) && arguments->given[other])
            return true;
    fprintf(stderr, "%s: --%s goes with ", arguments->table->program,
            arguments->table->rows[id].name);
    print_names(arguments->table, others);
    fputs("\n", stderr);
    return false;
}

#define HELP_COLUMN                                                                                \
    21 /* where the help begins; behind a longer name it goes to a line of its own */

void arguments_help(const struct option_table *table, FILE *stream, uint64_t wanted)
{
    for (int id = 0; id < table->n; id++) {
        const struct option_row *row = &table->rows[id];
        int at;

        if ((wanted & OPT_BIT(id)) == 0)
            continue;
        at = row->letter != '\0' ? fprintf(stream, "  -%c, --%s", row->letter, row->name)
                                 : fprintf(stream, "  --%s", row->name);
        if (row->argument != NULL)
            at += fprintf(stream, " %s", row->argument);
        if (at >= HELP_COLUMN + 2) {
            fputc('\n', stream);
            at = 0;
        }
        fprintf(stream, "%*s%s\n", HELP_COLUMN + 2 - at, "", row->help);
    }
}
