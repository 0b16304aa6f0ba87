#include "config.h"

#include "mfa/handover.h"

#include "common/log.h"
#include "mfa/display.h"
#include "mfa/otpauth.h"
#include "mfa/qr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
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

static bool print_text(const struct cli *cli, const struct token_info *info,
                       const struct secret *uri, const struct secret *base32)
{
    struct secret groups = {0};
    char user[DISPLAY_USER_SIZE], name[DISPLAY_TOKEN_SIZE];

    if (!otpauth_groups(secret_bytes(base32), &groups))
        return false;
    printf("Token \"%s\" of user \"%s\". Scan this with the authenticator app:\n\n",
           display_token(cli, info->name, name), display_user(cli, display_owner(info), user));
    if (!qr_draw(stdout, (const char *)uri->ptr, qr_style_for(stdout)))
        printf("(no QR code: the text is too long for one)\n");
    printf("\nor open  %s\n", (const char *)uri->ptr);
    printf("or type  %s\n", (const char *)groups.ptr);
    printf("         (time-based, %s, %u digits, every %u seconds)\n\n",
           otpauth_algorithm(info->algorithm), info->digits, info->period);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* In the child; the kernel takes its memory back when it ends. */
static bool print_all(const struct cli *cli, const struct token_info *info, const char *issuer,
                      struct bytes secret)
{
    struct secret uri = {0}, base32 = {0};
    const struct otpauth token = {
        .issuer = bytes_str(issuer),
        .account = display_owner(info),
        .secret = secret,
        .algorithm = info->algorithm,
        .digits = info->digits,
        .period = info->period,
    };

    if (!otpauth_uri(&token, &uri) || !otpauth_base32(secret, &base32))
        return false;
    return cli->json ? print_json(info, &uri, &base32) : print_text(cli, info, &uri, &base32);
}

bool handover_secret(const struct cli *cli, const struct token_info *info, const char *issuer,
                     struct bytes secret)
{
    int status = 0;
    pid_t child, waited;

    fflush(stdout);
    child = fork();
    if (child == 0)
        _exit(print_all(cli, info, issuer, secret) ? 0 : 1);
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
