/*
 * pgsignet-mfa import: tokens from other programs' files; all of them, or none.
 *
 * The files are read as whoever started the program, and looked into as the owner of the store.  Codes
 * that may have been used elsewhere do not count here: TOTP starts behind the last step that a login
 * would accept at this moment, HOTP at the file's counter.
 */
#include "config.h"

#include "mfa/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "common/progress.h"
#include "mfa/session.h"
#include "mfa/transfer.h"
#include "mfa/transfer_file.h"

#define MAP_MAX (16 * 1024 * 1024) /* bytes */

/* What the command line names, in memory. */
struct given {
    enum transfer_format format;
    struct transfer_sources files, map;
    struct secret key, password;
    size_t *first_note; /* of each file */
};

static bool read_files(const struct arguments *arguments, struct given *given)
{
    if (!transfer_sources_read(arguments->operand[0], TRANSFER_FILE_MAX, &given->files))
        return false;
    if (given->files.n == 0) {
        log_error("%s is an empty folder", arguments->operand[0]);
        return false;
    }
    if (given->files.at[0].base != NULL && given->format != TRANSFER_GOOGLE) {
        log_error("only google-authenticator files come as a folder, each named after its user");
        return false;
    }
    given->first_note = calloc(given->files.n, sizeof *given->first_note);
    return given->first_note != NULL &&
           (!arguments->given[OPT_MAP] ||
            transfer_sources_read(arguments->text[OPT_MAP], MAP_MAX, &given->map)) &&
           (!arguments->given[OPT_KEY_FILE] ||
            transfer_key_read(arguments->text[OPT_KEY_FILE], &given->key)) &&
           (!arguments->given[OPT_PASSWORD_FILE] ||
            transfer_password_read(arguments->text[OPT_PASSWORD_FILE], &given->password));
}

static void parse(const struct arguments *arguments, struct given *given, struct transfer *out)
{
    for (size_t i = 0; i < given->files.n; i++) {
        const struct transfer_source *file = &given->files.at[i];
        const struct transfer_input input = {
            .text = secret_bytes(&file->text),
            .user = bytes_str(file->base ? file->base : arguments->text[OPT_FOR_USER]),
            .key = secret_bytes(&given->key),
            .password = secret_bytes(&given->password),
        };
        given->first_note[i] = out->n_notes;
        transfer_read(given->format, &input, out);
    }
    if (given->map.n > 0)
        transfer_map(out, secret_bytes(&given->map.at[0].text));
    transfer_finish(out);
}

/* The file that a note is about: notes stand in the order of the files. */
static const char *file_of(const struct given *given, size_t note)
{
    size_t i = given->files.n;

    while (i > 1 && given->first_note[i - 1] > note)
        i--;
    return given->files.at[i - 1].name;
}

static void print_notes(const struct given *given, const struct transfer *tokens)
{
    for (size_t i = 0; i < tokens->n_notes; i++) {
        const struct transfer_note *note = &tokens->notes[i];
        void (*say)(const char *format, ...) =
            note->weight == TRANSFER_FAULT ? log_error : log_warning;
        if (note->line > 0)
            say("%s:%zu: %s", file_of(given, i), note->line, note->text);
        else
            say("%s: %s", file_of(given, i), note->text);
    }
    if (tokens->uncited > 0)
        log_warning("... and %zu more of these", tokens->uncited);
}

static json_t *notes_json(const struct given *given, const struct transfer *tokens)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < tokens->n_notes; i++) {
        const struct transfer_note *note = &tokens->notes[i];
        json_t *object = json_pack("{s:I, s:b, s:s}", "line", (json_int_t)note->line, "fault",
                                   note->weight == TRANSFER_FAULT, "text", note->text);
        if (object == NULL || !escape_json(object, "file", bytes_str(file_of(given, i))) ||
            json_array_append(array, object) != 0) {
            json_decref(array);
            array = NULL;
        }
        json_decref(object);
    }
    return array;
}

static bool report(const struct cli *cli, const struct given *given, const struct transfer *tokens,
                   bool done, bool pending)
{
    if (cli->json) {
        json_t *notes = notes_json(given, tokens);
        return display_print(notes == NULL
                                 ? NULL
                                 : json_pack("{s:b, s:I, s:s, s:I, s:o}", "imported", done,
                                             "tokens", (json_int_t)tokens->n, "state",
                                             pending ? "pending" : "active", "faults",
                                             (json_int_t)tokens->faults, "notes", notes));
    }
    print_notes(given, tokens);
    if (tokens->faults > 0)
        log_error("nothing was imported: %zu fault%s", tokens->faults,
                  tokens->faults == 1 ? "" : "s");
    else
        printf("%s %zu token%s, %s.\n", done ? "Imported" : "Would import", tokens->n,
               tokens->n == 1 ? "" : "s", pending ? "pending" : "active");
    return true;
}

static bool add_all(struct cli *cli, const struct transfer *tokens, bool active, bool replace)
{
    struct token_request *requests = calloc(tokens->n, sizeof *requests);
    struct token_outcome *outcomes = calloc(tokens->n, sizeof *outcomes);
    int64_t now_s = clock_wall_ms() / 1000;
    enum mfa_result result = MFA_STORE;

    if (requests == NULL || outcomes == NULL) {
        log_error("memory is short");
        goto out;
    }
    for (size_t i = 0; i < tokens->n; i++) {
        const struct transfer_token *token = &tokens->tokens[i];
        bool hotp = token->kind == TOKEN_HOTP;
        requests[i] = (struct token_request){
            .user = bytes_of(token->user, token->user_len),
            .name = token->name,
            .kind = token->kind,
            .algorithm = token->algorithm,
            .digits = token->digits,
            .period = hotp ? 0 : token->period,
            .secret = secret_bytes(&token->secret),
            .active = active,
            .last_step =
                hotp ? token->counter - 1 : now_s / token->period + cli->settings->token.window,
            .replace = replace,
        };
    }
    result = mfa_create_many(cli->mfa, requests, tokens->n, true, now_s, outcomes);
    for (size_t i = 0; result != MFA_OK && i < tokens->n; i++) {
        if (outcomes[i].result != result && i + 1 < tokens->n)
            continue;
        log_error("a token cannot be added, line %zu of its file", tokens->tokens[i].line);
        session_explain(cli, result, requests[i].user, requests[i].name);
        log_error("nothing was imported%s",
                  result == MFA_EXISTS ? "; --replace puts new tokens in the place of old ones" : "");
        break;
    }

out:
    free(requests);
    free(outcomes);
    return result == MFA_OK;
}

/* One event a token: an auditor asks for a user, not for a file. */
static bool record_all(struct cli *cli, const struct given *given, const struct transfer *tokens)
{
    struct progress progress;
    char detail[64];
    bool done = true;

    snprintf(detail, sizeof detail, "from %s", transfer_format_name(given->format));
    progress_start(&progress, stderr, "Recording", tokens->n, clock_mono_ms());
    for (size_t i = 0; done && i < tokens->n; i++) {
        const struct transfer_token *token = &tokens->tokens[i];
        const struct session_event event = {
            .event = "import",
            .user = bytes_of(token->user, token->user_len),
            .token = token->name,
            .detail = detail,
        };
        progress_at(&progress, i + 1, clock_mono_ms());
        done = session_record_event(cli, &event);
    }
    progress_end(&progress);
    return done;
}

bool check_import(const struct arguments *arguments)
{
    enum transfer_format format;

    if (!arguments->given[OPT_FORMAT] ||
        !transfer_format_read(arguments->text[OPT_FORMAT], &format)) {
        log_error("--format must be google-authenticator, oath, pskc, otpauth or csv");
        return false;
    }
    if ((arguments->given[OPT_KEY_FILE] || arguments->given[OPT_PASSWORD_FILE]) &&
        format != TRANSFER_PSKC) {
        log_error("--key-file and --password-file go with --format pskc");
        return false;
    }
    return true;
}

int cmd_import(struct cli *cli, const struct arguments *arguments)
{
    struct given given = {0};
    struct transfer tokens = {0};
    bool dry = arguments->given[OPT_DRY_RUN], pending = arguments->given[OPT_UNPROVED];
    int code = COMMAND_FAILED;

    transfer_format_read(arguments->text[OPT_FORMAT], &given.format);
    if (!read_files(arguments, &given) || !session_enter(cli, NEEDS_AUDIT))
        goto out;
    parse(arguments, &given, &tokens);
    bool added = false;
    if (tokens.faults == 0 && !dry) {
        added = add_all(cli, &tokens, !pending, arguments->given[OPT_REPLACE]);
        if (!added || !record_all(cli, &given, &tokens))
            goto out;
    }
    if (report(cli, &given, &tokens, added, pending) && tokens.faults == 0)
        code = COMMAND_DONE;

out:
    transfer_free(&tokens);
    transfer_sources_free(&given.files);
    transfer_sources_free(&given.map);
    secret_free(&given.key);
    secret_free(&given.password);
    free(given.first_note);
    return code;
}
