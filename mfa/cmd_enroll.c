/* pgsignet-mfa enroll: a new token, shown once, active when a code has proved it. */
#include "config.h"

#include "mfa/cli.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/enroll.h"
#include "mfa/handover.h"
#include "mfa/prove.h"
#include "mfa/session.h"

#include <unistd.h>

#define MANY (OPT_BIT(OPT_FROM_FILE) | OPT_BIT(OPT_LDAP_GROUP))

static bool wrong(const char *what)
{
    log_error("%s", what);
    return false;
}

static bool check_terms(const struct arguments *arguments)
{
    static const enum option_id terms[] = {OPT_EXPIRES, OPT_NO_CONFIRM_UNTIL};
    int64_t now_s = clock_wall_ms() / 1000, until_s;

    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        if (!arguments->given[terms[i]] || enroll_until(arguments->text[terms[i]], now_s, &until_s))
            continue;
        log_error(
            "--%s: must be a duration such as 14d, or a day to come such as 2026-12-31, within "
            "ten years",
            option_rows[terms[i]].name);
        return false;
    }
    return true;
}

bool check_enroll(const struct arguments *arguments)
{
    static const enum option_id single[] = {OPT_QR, OPT_NO_CONFIRM, OPT_NO_CONFIRM_UNTIL, OPT_HOTP};
    static const int plural[] = {OPT_PAGES, OPT_PAGE, OPT_EXPIRES};
    bool many = arguments->given[OPT_FROM_FILE] || arguments->given[OPT_LDAP_GROUP];
    enum enroll_qr form;
    const char *path;

    if (many && arguments->operands > 0)
        return wrong("either USER, or --from-file or --ldap-group");
    if (!many && arguments->operands == 0)
        return wrong("enroll whom? Say USER, --from-file FILE or --ldap-group DN");
    for (size_t i = 0; many && i < sizeof single / sizeof single[0]; i++)
        if (arguments->given[single[i]]) {
            log_error("--%s is for one USER", option_rows[single[i]].name);
            return false;
        }
    for (size_t i = 0; i < sizeof plural / sizeof plural[0]; i++)
        if (!arguments_needs(arguments, plural[i], MANY))
            return false;
    if (many && !arguments->given[OPT_PAGES])
        return wrong("say with --pages FOLDER where the pages go");
    if (arguments->given[OPT_PAGE] && strcmp(arguments->text[OPT_PAGE], "svg") != 0 &&
        strcmp(arguments->text[OPT_PAGE], "png") != 0)
        return wrong("--page: must be svg or png");
    if (arguments->given[OPT_QR] && !enroll_qr_read(arguments->text[OPT_QR], &form, &path))
        return wrong("--qr: must be terminal, svg:FILE or png:FILE");
    if (arguments->given[OPT_HOTP] && arguments->given[OPT_PERIOD])
        return wrong("--period: codes of a counter (--hotp) have none");
    return arguments_one_of(arguments, MANY) &&
           arguments_one_of(arguments, OPT_BIT(OPT_NO_CONFIRM) | OPT_BIT(OPT_NO_CONFIRM_UNTIL)) &&
           check_terms(arguments);
}

/* What is said when the secret went into a file: all but the secret. */
static bool print_file(const struct cli *cli, const struct token_info *info, const char *path)
{
    char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE];

    if (!cli->json) {
        printf("Token \"%s\" of user \"%s\": its QR code is in %s\n",
               display_token(cli, info->name, name), display_user(cli, display_owner(info), user),
               path);
        return fflush(stdout) == 0 && !ferror(stdout);
    }
    json_t *object = display_json(info);
    if (object != NULL && !escape_json(object, "qr", bytes_str(path))) {
        json_decref(object);
        object = NULL;
    }
    return display_print(object);
}

static bool show(const struct cli *cli, const struct token_outcome *outcome, const char *issuer,
                 int fd, enum enroll_qr form, const char *path)
{
    struct bytes secret = secret_bytes(&outcome->secret);

    if (path == NULL)
        return handover_secret(cli, &outcome->info, issuer, secret);
    return enroll_qr_write(fd, form, path, &outcome->info, issuer, secret) &&
           print_file(cli, &outcome->info, path);
}

static void say_until(const struct cli *cli, const struct token_info *info)
{
    char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE], until[CLOCK_TEXT_MAX];

    log_notice("token \"%s\" of \"%s\" is pending; the first login with one of its codes before %s "
               "activates it",
               display_token(cli, info->name, name), display_user(cli, display_owner(info), user),
               display_time(info->expires_s, until));
}

static int enroll_one(struct cli *cli, const struct arguments *arguments)
{
    struct bytes user = bytes_str(arguments->operand[0]);
    const char *where = arguments->given[OPT_QR] ? arguments->text[OPT_QR] : "terminal", *path;
    int64_t now_s = clock_wall_ms() / 1000;
    struct token_outcome outcome = {.result = MFA_STATE};
    struct enrolment wish;
    enum enroll_qr form;
    int fd = -1, code = COMMAND_FAILED;

    enroll_qr_read(where, &form, &path); /* checked with the command line */
    if (path != NULL && (fd = enroll_qr_open(path)) < 0)
        return COMMAND_FAILED;
    if (!session_enter(cli, NEEDS_AUDIT))
        goto out;
    enroll_read(cli, arguments, now_s, &wish);
    wish.request.user = user;
    enum mfa_result result = mfa_create_many(cli->mfa, &wish.request, 1, true, now_s, &outcome);
    if (result != MFA_OK) {
        session_explain(cli, result, user, wish.name);
        goto out;
    }
    bool shown = session_record(cli, "enroll", user, wish.name) &&
                 show(cli, &outcome, wish.issuer, fd, form, path);
    secret_free(&outcome.secret);
    if (!shown) {
        log_error("the new token is pending and admits nobody; enroll again to replace it");
        goto out;
    }
    if (outcome.info.expires_s > 0) {
        say_until(cli, &outcome.info);
        code = COMMAND_DONE;
    } else if (arguments->given[OPT_NO_CONFIRM]) {
        prove_later(cli, user, wish.name);
        code = COMMAND_DONE;
    } else {
        code = prove_token(cli, user, wish.name);
    }
out:
    secret_free(&outcome.secret);
    if (fd >= 0)
        close(fd);
    return code;
}

int cmd_enroll(struct cli *cli, const struct arguments *arguments)
{
    return arguments->operands > 0 ? enroll_one(cli, arguments) : enroll_many(cli, arguments);
}
