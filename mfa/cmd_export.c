/*
 * pgsignet-mfa export: active tokens, with their secrets, as a file that other programs read.
 *
 * The file is made by whoever started the program, new and for nobody else (0600); it is filled as the
 * owner of the store.  Each token's event is written before its secret is.
 */
#include "config.h"

#include "mfa/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "common/progress.h"
#include "mfa/session.h"
#include "mfa/transfer_file.h"
#include "mfa/transfer_write.h"

#define BUFFER 65536 /* bytes */

static int open_output(const char *path)
{
    if (strcmp(path, "-") == 0)
        return dup(STDOUT_FILENO);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        log_error("cannot make %s: %s; secrets go into new files only", path, strerror(errno));
    return fd;
}

static bool write_one(struct cli *cli, struct transfer_writer *writer, struct token_info *info)
{
    struct transfer_token token = {
        .user = info->user,
        .user_len = info->user_len,
        .kind = info->kind,
        .algorithm = info->algorithm,
        .digits = info->digits,
        .period = info->period,
        .counter = info->last_step + 1,
    };
    char detail[64];
    const struct session_event event = {
        .event = "export",
        .user = display_owner(info),
        .token = info->name,
        .detail = detail,
    };
    struct token_info again;

    snprintf(detail, sizeof detail, "as %s", transfer_format_name(writer->format));
    memcpy(token.name, info->name, sizeof token.name);
    enum mfa_result result =
        mfa_secret(cli->mfa, display_owner(info), info->name, &again, &token.secret);
    if (result != MFA_OK) {
        session_explain(cli, result, display_owner(info), info->name);
        return false;
    }
    const char *wrong = session_record_event(cli, &event) ? transfer_write_token(writer, &token)
                                                          : "there is no event of it";
    secret_free(&token.secret);
    if (wrong != NULL) {
        char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE];
        log_error("token \"%s\" of user \"%s\": %s", display_token(cli, info->name, name),
                  display_user(cli, display_owner(info), user), wrong);
    }
    return wrong == NULL;
}

/* *left_out counts the tokens that are not active. */
static bool write_all(struct cli *cli, struct transfer_writer *writer, struct bytes user,
                      size_t *left_out)
{
    struct token_info *infos = NULL;
    struct progress progress;
    size_t n = 0;

    *left_out = 0;
    enum mfa_result result = mfa_list(cli->mfa, user, &infos, &n);
    if (result != MFA_OK) {
        session_explain(cli, result, user, NULL);
        return false;
    }
    const char *wrong = transfer_write_start(writer);
    progress_start(&progress, stderr, "Exporting", n, clock_mono_ms());
    bool done = wrong == NULL;
    for (size_t i = 0; done && i < n; i++) {
        progress_at(&progress, i + 1, clock_mono_ms());
        if (infos[i].state == TOKEN_ACTIVE)
            done = write_one(cli, writer, &infos[i]);
        else
            ++*left_out;
    }
    progress_end(&progress);
    free(infos);
    if (done)
        wrong = transfer_write_end(writer);
    if (wrong != NULL)
        log_error("%s", wrong);
    return done && wrong == NULL;
}

static bool report(const struct cli *cli, const struct transfer_writer *writer, const char *path,
                   size_t left_out)
{
    if (left_out > 0)
        log_warning("%zu token%s not active and left out", left_out,
                    left_out == 1 ? " is" : "s are");
    if (cli->json) {
        json_t *object =
            json_pack("{s:I, s:I, s:s}", "tokens", (json_int_t)writer->written, "left_out",
                      (json_int_t)left_out, "format", transfer_format_name(writer->format));
        if (object != NULL && !escape_json(object, "file", bytes_str(path))) {
            json_decref(object);
            object = NULL;
        }
        return display_print(object);
    }
    if (strcmp(path, "-") != 0)
        printf("Exported %zu token%s; whoever has this file has the codes.\n", writer->written,
               writer->written == 1 ? "" : "s");
    return true;
}

bool check_export(const struct arguments *arguments)
{
    const char *format = arguments->given[OPT_FORMAT] ? arguments->text[OPT_FORMAT] : "";
    bool pskc = strcmp(format, "pskc") == 0;
    const char *wrong = NULL;

    if (!pskc && strcmp(format, "otpauth") != 0)
        wrong = "--format must be otpauth or pskc";
    else if (!arguments->given[OPT_OUTPUT])
        wrong = "--output must name the new file (or - for standard output)";
    else if (arguments->given[OPT_FOR_USER] == arguments->given[OPT_ALL])
        wrong = "say either --user USER or --all";
    else if (arguments->given[OPT_KEY_FILE] && arguments->given[OPT_PASSWORD_FILE])
        wrong = "--key-file and --password-file exclude each other";
    else if (!pskc && (arguments->given[OPT_KEY_FILE] || arguments->given[OPT_PASSWORD_FILE]))
        wrong = "--key-file and --password-file go with --format pskc";
    else if (arguments->given[OPT_JSON] && strcmp(arguments->text[OPT_OUTPUT], "-") == 0)
        wrong = "--json and --output - would both write to standard output";
    if (wrong != NULL)
        log_error("%s", wrong);
    return wrong == NULL;
}

int cmd_export(struct cli *cli, const struct arguments *arguments)
{
    const char *path = arguments->text[OPT_OUTPUT];
    struct transfer_writer writer = {.issuer = bytes_str(cli->settings->token.issuer)};
    struct secret key = {0}, password = {0}, buffer = {0};
    size_t left_out = 0;
    bool done = false;
    int fd = -1;

    transfer_format_read(arguments->text[OPT_FORMAT], &writer.format);
    if ((arguments->given[OPT_KEY_FILE] &&
         !transfer_key_read(arguments->text[OPT_KEY_FILE], &key)) ||
        (arguments->given[OPT_PASSWORD_FILE] &&
         !transfer_password_read(arguments->text[OPT_PASSWORD_FILE], &password)) ||
        (fd = open_output(path)) < 0)
        goto out;
    writer.key = secret_bytes(&key);
    writer.password = secret_bytes(&password);
    writer.stream = fdopen(fd, "w");
    if (writer.stream == NULL || !secret_alloc(&buffer, BUFFER) ||
        setvbuf(writer.stream, (char *)buffer.ptr, _IOFBF, buffer.len) != 0) {
        log_error("memory is short");
        goto out;
    }
    if (!session_enter(cli, NEEDS_AUDIT))
        goto out;
    if (writer.format == TRANSFER_PSKC && key.len == 0 && password.len == 0)
        log_warning("the secrets are not encrypted; see --key-file and --password-file");
    done = write_all(cli, &writer, bytes_str(arguments->text[OPT_FOR_USER]), &left_out);
    if (done && fsync(fd) != 0 && errno != EINVAL && errno != EROFS) {
        log_error("cannot write %s: %s", path, strerror(errno));
        done = false;
    }

out:
    /* Its folder may not be the owner's, so it can be emptied but perhaps not removed. */
    if (fd >= 0 && !done && strcmp(path, "-") != 0) {
        if (writer.stream != NULL)
            (void)fflush(writer.stream);
        if (ftruncate(fd, 0) != 0 || unlink(path) != 0)
            log_warning("%s stays behind, empty: remove it", path);
    }
    if (writer.stream != NULL) {
        if (fclose(writer.stream) != 0)
            done = false;
    } else if (fd >= 0) {
        close(fd);
    }
    if (done)
        done = report(cli, &writer, path, left_out);
    transfer_write_free(&writer);
    secret_free(&buffer);
    secret_free(&password);
    secret_free(&key);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
