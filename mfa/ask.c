#include "config.h"

#include "mfa/ask.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t line_deadline_ms(void)
{
    return clock_mono_ms() + ASK_WAIT_S * 1000;
}

/* Apps show "123 456" and people type it so. */
static struct bytes drop_blanks(char *line)
{
    size_t kept = 0;

    for (const char *c = line; *c != '\0'; c++)
        if (*c != ' ' && *c != '\t')
            line[kept++] = *c;
    return bytes_of(line, kept);
}

static const char *line_trouble(enum line line)
{
    switch (line) {
    case LINE_END:
        return "no code was given";
    case LINE_TIMEOUT:
        return "no code was given in time";
    case LINE_FAILED:
        return strerror(errno);
    case LINE_OK:
    case LINE_TOO_LONG:
        break;
    }
    return NULL;
}

enum ask ask_code(const char *prompt, char line[ASK_CODE_SIZE], struct bytes *code)
{
    enum line read = terminal_line(STDIN_FILENO, prompt, line_deadline_ms(), line, ASK_CODE_SIZE);
    const char *trouble = line_trouble(read);

    *code = bytes_of(NULL, 0);
    if (trouble != NULL) {
        log_error("%s", trouble);
        return ASK_FAILED;
    }
    if (read == LINE_TOO_LONG)
        return ASK_UNFIT;
    *code = drop_blanks(line);
    return ASK_OK;
}

bool ask_may(const struct arguments *arguments, const char *command)
{
    if (arguments->given[OPT_CODE_STDIN] || isatty(STDIN_FILENO))
        return true;
    log_error(
        "there is no terminal to ask on; %s reads codes from standard input with --code-stdin",
        command);
    return false;
}

bool ask_agreed(const struct arguments *arguments, const char *command, const char *question)
{
    char prompt[1024], answer[16];

    if (arguments->given[OPT_YES])
        return true;
    if (!isatty(STDIN_FILENO)) {
        log_error("nothing was changed: without a terminal to ask on, %s needs --yes", command);
        return false;
    }
    snprintf(prompt, sizeof prompt, "%s [yes/no] ", question);
    if (terminal_line(STDIN_FILENO, prompt, line_deadline_ms(), answer, sizeof answer) == LINE_OK &&
        (strcmp(answer, "yes") == 0 || strcmp(answer, "y") == 0))
        return true;
    log_error("nothing was changed");
    return false;
}
