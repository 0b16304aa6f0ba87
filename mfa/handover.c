#include "config.h"

#include "mfa/handover.h"

#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/otpauth.h"
#include "mfa/qr.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool print_json(const struct token_info *info, const struct secret *uri,
                       const struct secret *base32)
{
    json_t *object = display_json(info);

    return object != NULL &&
           json_object_set_new(object, "uri", json_string((const char *)uri->ptr)) == 0 &&
           json_object_set_new(object, "secret", json_string((const char *)base32->ptr)) == 0 &&
           display_print(object);
}

/* Scrolled back, the upper part is seen without the lower one: of no use to a camera. */
static void hint_at_window(int qr_lines)
{
    struct winsize window;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 &&
        window.ws_row < qr_lines)
        printf("The QR code needs a window of %d lines, this one has %u: make it higher and\n"
               "scroll back, or type the letters.\n\n",
               qr_lines, window.ws_row);
}

static bool print_text(const struct cli *cli, const struct token_info *info,
                       const struct secret *uri, const struct secret *base32)
{
    struct secret groups = {0};
    char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE];
    int qr_lines;

    if (!otpauth_groups(secret_bytes(base32), &groups))
        return false;
    printf("Token \"%s\" of user \"%s\". Scan this with the authenticator app:\n\n",
           display_token(cli, info->name, name), display_user(cli, display_owner(info), user));
    if (!qr_draw(stdout, (const char *)uri->ptr, qr_style_for(stdout), &qr_lines))
        printf("(no QR code: the text is too long for one)\n");
    printf("\nor open  %s\n", (const char *)uri->ptr);
    printf("or type  %s\n", (const char *)groups.ptr);
    if (info->kind == TOKEN_HOTP)
        printf("         (counter-based, %s, %u digits, counter %" PRId64 ")\n\n",
               otpauth_algorithm(info->algorithm), info->digits, info->last_step + 1);
    else
        printf("         (time-based, %s, %u digits, every %u seconds)\n\n",
               otpauth_algorithm(info->algorithm), info->digits, info->period);
    hint_at_window(qr_lines);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* In the child; the kernel takes its memory back when it ends. */
static bool print_all(const struct cli *cli, const struct token_info *info, const char *issuer,
                      struct bytes secret)
{
    struct secret uri = {0}, base32 = {0};
    const struct otpauth token = {
        .kind = info->kind,
        .issuer = bytes_str(issuer),
        .account = display_owner(info),
        .secret = secret,
        .algorithm = info->algorithm,
        .digits = info->digits,
        .period = info->period,
        .counter = info->kind == TOKEN_HOTP ? info->last_step + 1 : 0,
    };

    if (!otpauth_uri(&token, &uri) || !otpauth_base32(secret, &base32))
        return false;
    return cli->json ? print_json(info, &uri, &base32) : print_text(cli, info, &uri, &base32);
}

/* Forks; true in the child. */
static bool in_child(pid_t *child)
{
    fflush(stdout);
    *child = fork();
    return *child == 0;
}

static bool await(pid_t child)
{
    int status = 0;
    pid_t waited;

    if (child < 0) {
        log_error("cannot start a process to print the secret: %s", strerror(errno));
        return false;
    }
    do
        waited = waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_error("the secret could not be written to standard output in full");
        return false;
    }
    return true;
}

bool handover_secret(const struct cli *cli, const struct token_info *info, const char *issuer,
                     struct bytes secret)
{
    pid_t child;

    if (in_child(&child))
        _exit(print_all(cli, info, issuer, secret) ? 0 : 1);
    return await(child);
}

/* --- recovery codes --- */

static bool print_recovery_json(struct bytes user, const char (*codes)[RECOVERY_TEXT], size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; array != NULL && i < n; i++) {
        if (json_array_append_new(array, json_string(codes[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return display_print(display_with(display_change(user, NULL), "codes", array));
}

static bool print_recovery(const struct cli *cli, struct bytes user,
                           const char (*codes)[RECOVERY_TEXT], size_t n)
{
    static const char cut[] = "- - 8< - - - - - - - - - - - - - - - - - - - - - - - - - - - -";
    char text[DISPLAY_USER_SIZE], now[CLOCK_TEXT_MAX];

    if (cli->json)
        return print_recovery_json(user, codes, n);
    printf("%s\n\n  %s: recovery codes of user \"%s\"\n  made %.10s\n\n", cut,
           cli->settings->token.issuer, display_user(cli, user, text),
           display_time(clock_wall_ms() / 1000, now));
    for (size_t i = 0; i < n; i++)
        printf("   [ ] %2zu  %s\n", i + 1, codes[i]);
    printf("\n  Each works once, typed in place of the app's code. Cross out what\n"
           "  is used. Keep this on paper, apart from the phone.\n\n%s\n",
           cut);
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool handover_recovery(const struct cli *cli, struct bytes user, const char (*codes)[RECOVERY_TEXT],
                       size_t n)
{
    pid_t child;

    if (in_child(&child))
        _exit(print_recovery(cli, user, codes, n) ? 0 : 1);
    return await(child);
}

/* --- break glass --- */

static bool print_passphrase(const struct cli *cli, struct bytes user, const char *passphrase)
{
    char text[DISPLAY_USER_SIZE], now[CLOCK_TEXT_MAX];

    if (cli->json)
        return display_print(
            display_with(display_change(user, NULL), "passphrase", json_string(passphrase)));
    printf("  %s: break-glass account \"%s\"\n  made %.10s\n\n     %s\n\n"
           "  Counts only while armed: pgsignet-mfa breakglass arm. Seal this in an envelope.\n",
           cli->settings->token.issuer, display_user(cli, user, text),
           display_time(clock_wall_ms() / 1000, now), passphrase);
    return fflush(stdout) == 0 && !ferror(stdout);
}

bool handover_passphrase(const struct cli *cli, struct bytes user, const char *passphrase)
{
    pid_t child;

    if (in_child(&child))
        _exit(print_passphrase(cli, user, passphrase) ? 0 : 1);
    return await(child);
}
