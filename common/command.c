#include "config.h"

#include "common/command.h"

#include "common/log.h"
#include "common/text.h"

#include <stdio.h>

static const struct command *row(const struct command_table *table, size_t i)
{
    return (const struct command *)(const void *)((const char *)table->rows + i * table->row_size);
}

static const struct command *find(const struct command_table *table, const char *name)
{
    const struct command *nearest = NULL;
    size_t best = 4; /* further away is no slip of the finger */

    for (size_t i = 0; i < table->n; i++) {
        size_t d = text_distance(bytes_str(name), row(table, i)->name);

        if (d == 0)
            return row(table, i);
        if (d < best) {
            best = d;
            nearest = row(table, i);
        }
    }
    if (nearest != NULL)
        log_error("unknown command \"%s\"; did you mean \"%s\"?", name, nearest->name);
    else
        log_error("unknown command \"%s\"; see %s --help", name, table->program);
    return NULL;
}

static void print_command_help(const struct command_table *table, const struct command *command)
{
    printf("Usage: %s %s%s%s\n\n%s\n", table->program, command->name,
           command->synopsis[0] ? " " : "", command->synopsis, command->help);
    if (command->options != 0)
        printf("\nOptions:\n");
    arguments_help(table->options, stdout, command->options);
    printf("\nOptions of all commands:\n");
    arguments_help(table->options, stdout, table->globals);
    printf("\n%s\n", table->exit_status);
}

static void print_help(const struct command_table *table)
{
    printf("Usage: %s\n       %s COMMAND --help\n", table->usage, table->program);
    for (unsigned group = 0; table->headings[group] != NULL; group++) {
        printf("\n%s:\n", table->headings[group]);
        for (size_t i = 0; i < table->n; i++)
            if (row(table, i)->group == group)
                printf("  %-11s %s\n", row(table, i)->name, row(table, i)->help);
    }
    printf("\nOptions of all commands:\n");
    arguments_help(table->options, stdout, table->globals);
    printf("\n%s\n", table->exit_status);
}

const void *command_read(const struct command_table *table, int argc, char **argv,
                         struct arguments *arguments, int *code)
{
    const struct command *found = NULL;

    *code = COMMAND_USAGE;
    arguments->table = table->options;
    if (!arguments_read(arguments, argc, argv, table->globals | table->in_front, true))
        return NULL;
    if (table->short_form != NULL && arguments->operands == 0)
        table->short_form(arguments);
    if (arguments->operands > 0) {
        found = find(table, arguments->operand[0]);
        if (found == NULL || !arguments_read(arguments, arguments->operands, arguments->operand,
                                             table->globals | found->options, false))
            return NULL;
    }
    *code = COMMAND_DONE;
    if (arguments->given[table->help]) {
        if (found != NULL)
            print_command_help(table, found);
        else
            print_help(table);
        return NULL;
    }
    if (arguments->given[table->version]) {
        printf("%s %s\n", table->program, PACKAGE_VERSION);
        return NULL;
    }
    *code = COMMAND_USAGE;
    if (found == NULL) {
        log_error("no command was given; see %s --help", table->program);
        return NULL;
    }
    if (arguments->operands < found->least || arguments->operands > found->most) {
        fprintf(stderr, "Usage: %s %s%s%s\n", table->program, found->name,
                found->synopsis[0] ? " " : "", found->synopsis);
        return NULL;
    }
    return found->check == NULL || found->check(arguments) ? found : NULL;
}

int command_finish(int code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    log_error("cannot write to standard output");
    return code == COMMAND_DONE ? COMMAND_FAILED : code;
}
