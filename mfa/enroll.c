#include "config.h"

#include "mfa/enroll.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/number.h"
#include "common/write_all.h"
#include "mfa/otpauth.h"
#include "mfa/qr_image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TERM_MAX (INT64_C(10) * 365 * 86400)

bool enroll_until(const char *text, int64_t now_s, int64_t *until_s)
{
    size_t len = strlen(text);
    int64_t span;

    if (number_duration(text, len, 1, TERM_MAX, &span) == NUMBER_OK) {
        *until_s = now_s + span;
        return true;
    }
    return number_day_end(text, len, until_s) == NUMBER_OK && *until_s > now_s &&
           *until_s - now_s <= TERM_MAX;
}

void enroll_read(const struct cli *cli, const struct arguments *arguments, int64_t now_s,
                 struct enrolment *out)
{
    const struct settings_token *usual = &cli->settings->token;
    const bool *given = arguments->given;
    const int64_t *number = arguments->number;

    *out = (struct enrolment){
        .name = given[OPT_NAME] ? arguments->text[OPT_NAME] : CLI_TOKEN_NAME,
        .issuer = given[OPT_ISSUER] ? arguments->text[OPT_ISSUER] : usual->issuer,
        .request =
            {
                .kind = given[OPT_HOTP] ? TOKEN_HOTP : TOKEN_TOTP,
                .algorithm = (enum settings_algorithm)(given[OPT_ALGORITHM] ? number[OPT_ALGORITHM]
                                                                            : usual->algorithm),
                .digits = (unsigned)(given[OPT_DIGITS] ? number[OPT_DIGITS] : usual->digits),
                .period = (unsigned)(given[OPT_HOTP]     ? 0
                                     : given[OPT_PERIOD] ? number[OPT_PERIOD]
                                                         : usual->period),
                .last_step = -1,
            },
    };
    out->request.name = out->name;
    if (given[OPT_NO_CONFIRM_UNTIL]) /* checked with the command line */
        enroll_until(arguments->text[OPT_NO_CONFIRM_UNTIL], now_s, &out->request.expires_s);
}

/* --- the code in a file --- */

bool enroll_qr_read(const char *text, enum enroll_qr *form, const char **path)
{
    static const struct {
        const char *start;
        enum enroll_qr form;
    } rows[] = {
        {"svg:", QR_IN_SVG},
        {"png:", QR_IN_PNG},
    };

    *path = NULL;
    *form = QR_IN_TERMINAL;
    if (strcmp(text, "terminal") == 0)
        return true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].start);
        if (strncmp(text, rows[i].start, len) != 0 || text[len] == '\0')
            continue;
        *form = rows[i].form;
        *path = text + len;
        return true;
    }
    return false;
}

int enroll_qr_open(const char *path)
{
    static const int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    struct stat st;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

    if (fd < 0 && errno == EEXIST) {
        fd = open(path, flags);
        if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != 0 ||
                        st.st_uid != geteuid() || (st.st_mode & 077) != 0 || st.st_nlink != 1)) {
            close(fd);
            fd = -1;
            errno = EEXIST;
        }
    }
    if (fd < 0)
        log_error("cannot make %s for the QR code: %s", path, strerror(errno));
    return fd;
}

bool enroll_qr_write(int fd, enum enroll_qr form, const char *path, const struct token_info *info,
                     const char *issuer, struct bytes secret)
{
    const struct otpauth token = {
        .kind = info->kind,
        .issuer = bytes_str(issuer),
        .account = bytes_of(info->user, info->user_len),
        .secret = secret,
        .algorithm = info->algorithm,
        .digits = info->digits,
        .period = info->period,
        .counter = info->kind == TOKEN_HOTP ? info->last_step + 1 : 0,
    };
    struct secret uri = {0}, picture = {0};
    int error = ENOMEM;

    if (otpauth_uri(&token, &uri) &&
        (form == QR_IN_PNG ? qr_png : qr_svg)((const char *)uri.ptr, &picture))
        error = write_all(fd, secret_bytes(&picture));
    if (error == 0 && fsync(fd) != 0)
        error = errno;
    secret_free(&picture);
    secret_free(&uri);
    if (error == 0)
        return true;
    if (ftruncate(fd, 0) != 0) /* nothing more can be done about half a picture */
        error = errno;
    log_error("cannot write the QR code to %s: %s", path, strerror(error));
    return false;
}
