#include "config.h"

#include "mfa/page.h"

#include "common/clock.h"
#include "common/number.h"
#include "common/text.h"
#include "mfa/cli.h"
#include "mfa/escape.h"
#include "mfa/otpauth.h"
#include "mfa/qr_image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MARK       "pgsignet token "
#define COLUMNS    68  /* of a line */
#define LINES      48  /* at most */
#define ISSUER_MAX 256 /* bytes */

enum { LINE_BYTES = 4 * COLUMNS + 1 };

/* The text of a page, in lines that fit its width. */
struct sheet {
    char lines[LINES][LINE_BYTES];
    size_t n;
    size_t qr_after; /* lines above the QR code */
    bool full;
};

static struct bytes owner_of(const struct token_info *info)
{
    return bytes_of(info->user, info->user_len);
}

enum page_login page_login_of(const struct settings *settings)
{
    enum page_login found = PAGE_ASK;
    bool any = false;

    for (size_t i = 0; i < settings->n_policies; i++) {
        const struct settings_policy *policy = &settings->policies[i];
        if (policy->code == CODE_OFF)
            continue;
        enum page_login login = policy->password == PASSWORD_NONE           ? PAGE_CODE_ALONE
                                : policy->order == ORDER_CODE_THEN_PASSWORD ? PAGE_CODE_PASSWORD
                                                                            : PAGE_PASSWORD_CODE;
        if (any && login != found)
            return PAGE_ASK;
        found = login;
        any = true;
    }
    return found;
}

/* --- file names --- */

static bool put_name(struct bytes name, char *out, size_t size, size_t *at)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                     (i > 0 && (c == '-' || c == '.'));
        if (size - *at < 4)
            return false;
        if (plain)
            out[(*at)++] = (char)c;
        else
            *at += (size_t)snprintf(out + *at, size - *at, "%%%02X", c);
    }
    return true;
}

bool page_file_name(struct bytes user, const char *token, const char *suffix,
                    char out[PAGE_NAME_MAX])
{
    size_t at = 0, suffix_len = strlen(suffix);

    out[0] = '\0';
    if (user.len == 0 || suffix_len + 2 >= PAGE_NAME_MAX)
        return false;
    size_t size = PAGE_NAME_MAX - suffix_len - 1; /* one for the '+' */
    if (!put_name(user, out, size, &at))
        goto too_long;
    if (strcmp(token, CLI_TOKEN_NAME) != 0) {
        out[at++] = '+';
        if (!put_name(bytes_str(token), out, size, &at))
            goto too_long;
    }
    memcpy(out + at, suffix, suffix_len + 1);
    return true;
too_long:
    out[0] = '\0';
    return false;
}

/* --- the text --- */

/* Bytes of text that go into one line: up to the last blank, if the rest must wait. */
static size_t line_end(const char *text)
{
    size_t at = 0, blank = 0;

    for (size_t column = 0; column < COLUMNS && text[at] != '\0'; column++) {
        if (text[at] == ' ' && at > 0)
            blank = at;
        size_t n = text_utf8_length(bytes_str(text + at));
        at += n > 0 ? n : 1;
    }
    return text[at] == '\0' || text[at] == ' ' || blank == 0 ? at : blank;
}

/* Adds a paragraph: printable UTF-8. */
static void add(struct sheet *sheet, const char *text)
{
    do {
        size_t len = line_end(text);
        if (sheet->n == LINES || len >= LINE_BYTES) {
            sheet->full = true;
            return;
        }
        memcpy(sheet->lines[sheet->n], text, len);
        sheet->lines[sheet->n++][len] = '\0';
        text += len;
        while (*text == ' ')
            text++;
    } while (*text != '\0');
}

static void addf(struct sheet *sheet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void addf(struct sheet *sheet, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof text)
        sheet->full = true;
    else
        add(sheet, text);
    secret_wipe(text, sizeof text);
}

static const char *const how[] = {
    [PAGE_PASSWORD_CODE] =
        "At the password prompt type your password and, right behind it without a "
        "blank, the code: with the code 123456, PASSWORD123456.",
    [PAGE_CODE_PASSWORD] = "At the password prompt type the code and, right behind it without a "
                           "blank, your password: with the code 123456, 123456PASSWORD.",
    [PAGE_CODE_ALONE] = "At the password prompt type the code, and nothing else.",
    [PAGE_ASK] = "Your administrator says how the code is typed at the password prompt.",
};

/* "2026-12-06 00:17 UTC": for people who have never seen a T between day and hour. */
static const char *write_time(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    clock_text(unix_s > INT64_MAX / 1000 ? -1 : unix_s * 1000, out);
    char *t = strchr(out, 'T'), *seconds = strrchr(out, ':');
    if (t != NULL && seconds != NULL) {
        *t = ' ';
        memcpy(seconds, " UTC", 5); /* over ":SS.mmmZ" */
    }
    return out;
}

static bool write_sheet(const struct page *page, struct sheet *sheet)
{
    const struct token_info *info = page->info;
    struct secret base32 = {0}, groups = {0};
    char user[ESCAPE_SIZE(MFA_USER_MAX)], token[ESCAPE_SIZE(MFA_TOKEN_NAME_MAX)];
    char issuer[ESCAPE_SIZE(ISSUER_MAX)], until[CLOCK_TEXT_MAX];
    struct bytes issuer_bytes = bytes_str(page->issuer);

    if (issuer_bytes.len > ISSUER_MAX || !otpauth_base32(page->secret, &base32) ||
        !otpauth_groups(secret_bytes(&base32), &groups)) {
        secret_free(&base32);
        return false;
    }
    escape_text(owner_of(info), true, user, sizeof user);
    escape_text(bytes_str(info->name), true, token, sizeof token);
    addf(sheet, "%s: one-time codes", escape_text(issuer_bytes, true, issuer, sizeof issuer));
    addf(sheet, "for %s", user);
    add(sheet, "");
    add(sheet, "1. Open your authenticator app, add an account, and scan this code,");
    sheet->qr_after = sheet->n;
    add(sheet, "or type this key:");
    addf(sheet, "%s", (const char *)groups.ptr);
    addf(sheet, "(time-based, %s, %u digits, every %u seconds; token \"%s\")",
         otpauth_algorithm(info->algorithm), info->digits, info->period, token);
    add(sheet, "");
    if (info->expires_s > 0)
        addf(sheet,
             "2. Log in once with a code before %s. From then on this page is worth nothing, "
             "unless you have.",
             write_time(info->expires_s, until));
    else
        add(sheet, "2. Tell your administrator the code that the app shows; that activates it.");
    add(sheet, "");
    addf(sheet, "3. %s Each code counts once; for the next login wait for the next one.",
         how[page->login]);
    add(sheet, "");
    add(sheet, "Whoever has this page can make your codes. Destroy it when your app shows codes, "
               "and tell your administrator if you lose it or find it opened.");
    secret_free(&groups);
    secret_free(&base32);
    return !sheet->full;
}

/* --- documents --- */

/* A document in the making, in memory of a fixed size. */
struct draft {
    struct secret at;
    size_t len;
    bool full;
};

static void put(struct draft *draft, struct bytes text)
{
    if (draft->full || text.len > draft->at.len - draft->len) {
        draft->full = true;
        return;
    }
    memcpy(draft->at.ptr + draft->len, text.ptr, text.len);
    draft->len += text.len;
}

static void putf(struct draft *draft, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void putf(struct draft *draft, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof text)
        draft->full = true;
    else
        put(draft, bytes_of(text, (size_t)n));
    secret_wipe(text, sizeof text);
}

/* XML 1.0, section 2.2: of what escape_text leaves, a document must not hold U+FFFE and U+FFFF. */
static void put_xml(struct draft *draft, const char *text)
{
    static const char *const entities[] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&apos;",
    };

    for (size_t i = 0, n; text[i] != '\0'; i += n) {
        uint8_t c = (uint8_t)text[i];
        uint32_t point;
        n = escape_utf8(bytes_str(text + i), &point);
        if (n == 0) {
            n = 1;
            put(draft, bytes_str("?"));
        } else if (c < sizeof entities / sizeof entities[0] && entities[c] != NULL) {
            put(draft, bytes_str(entities[c]));
        } else if (point == 0xfffe || point == 0xffff) {
            put(draft, bytes_str("\xef\xbf\xbd"));
        } else {
            put(draft, bytes_of(text + i, n));
        }
    }
}

static bool write_uri(const struct page *page, struct secret *uri)
{
    const struct otpauth token = {
        .issuer = bytes_str(page->issuer),
        .account = owner_of(page->info),
        .secret = page->secret,
        .algorithm = page->info->algorithm,
        .digits = page->info->digits,
        .period = page->info->period,
    };

    return page->info->kind == TOKEN_TOTP && otpauth_uri(&token, uri);
}

static bool finish(struct draft *draft, struct secret *out)
{
    bool done = !draft->full && secret_copy(out, bytes_of(draft->at.ptr, draft->len));

    secret_free(&draft->at);
    return done;
}

/* Millimetres on A4. */
#define LEFT       22
#define TOP        26
#define LINE_MM    7
#define QR_SIDE_MM 90

static void put_line(struct draft *draft, const char *text, unsigned y, const char *style)
{
    putf(draft, "<text x=\"%u\" y=\"%u\" xml:space=\"preserve\"%s>", LEFT, y, style);
    put_xml(draft, text);
    put(draft, bytes_str("</text>\n"));
}

static void put_svg(struct draft *draft, const struct page *page, const struct sheet *sheet,
                    const struct secret *path, unsigned side)
{
    unsigned y = TOP;

    putf(draft,
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- " MARK "%" PRId64 " -->\n"
         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" "
         "viewBox=\"0 0 210 297\">\n<rect width=\"210\" height=\"297\" fill=\"#fff\"/>\n"
         "<g font-family=\"'DejaVu Sans Mono', 'Liberation Mono', monospace\" font-size=\"4\">\n",
         page->info->id);
    for (size_t i = 0; i < sheet->n; i++, y += LINE_MM) {
        if (i == sheet->qr_after) {
            /* crispEdges: modules keep sharp borders at any size */
            putf(draft,
                 "<svg x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" "
                 "shape-rendering=\"crispEdges\"><path d=\"",
                 LEFT, y - LINE_MM / 2, QR_SIDE_MM, QR_SIDE_MM, side, side);
            put(draft, secret_bytes(path));
            put(draft, bytes_str("\"/></svg>\n"));
            y += QR_SIDE_MM + LINE_MM;
        }
        if (sheet->lines[i][0] != '\0')
            put_line(draft, sheet->lines[i], y, i == 0 ? " font-weight=\"bold\"" : "");
    }
    put(draft, bytes_str(PAGE_SVG_END));
}

bool page_svg(const struct page *page, struct secret *out)
{
    struct sheet sheet = {.n = 0};
    struct draft draft = {.len = 0};
    struct secret uri = {0}, path = {0};
    unsigned side = 0;
    bool done = false;

    *out = (struct secret){0};
    /* XML takes six bytes for one of the text at most, a line's tags less than 128 */
    if (write_sheet(page, &sheet) && write_uri(page, &uri) &&
        qr_path((const char *)uri.ptr, &path, &side) &&
        secret_alloc(&draft.at, path.len + 2048 + sheet.n * (128 + 6 * LINE_BYTES))) {
        put_svg(&draft, page, &sheet, &path, side);
        done = finish(&draft, out);
    }
    secret_wipe(&sheet, sizeof sheet);
    secret_free(&path);
    secret_free(&uri);
    return done;
}

bool page_text(const struct page *page, struct secret *out)
{
    struct sheet sheet = {.n = 0};
    struct draft draft = {.len = 0};
    struct secret uri = {0};
    char picture[PAGE_NAME_MAX];
    bool done = false;

    *out = (struct secret){0};
    if (write_sheet(page, &sheet) && write_uri(page, &uri) &&
        page_file_name(owner_of(page->info), page->info->name, ".png", picture) &&
        secret_alloc(&draft.at, uri.len + 1024 + sheet.n * (LINE_BYTES + 1))) {
        putf(&draft, MARK "%" PRId64 "\n\n", page->info->id);
        for (size_t i = 0; i < sheet.n; i++) {
            if (i == sheet.qr_after)
                putf(&draft, "\n    %s\n\n", picture);
            put(&draft, bytes_str(sheet.lines[i]));
            put(&draft, bytes_str("\n"));
        }
        put(&draft, bytes_str("\nThe code as a link, for an app on this device:\n"));
        put(&draft, secret_bytes(&uri));
        put(&draft, bytes_str("\n" PAGE_TEXT_END));
        done = finish(&draft, out);
    }
    secret_wipe(&sheet, sizeof sheet);
    secret_free(&uri);
    return done;
}

bool page_png(const struct page *page, struct secret *out)
{
    struct secret uri = {0};

    *out = (struct secret){0};
    bool done = write_uri(page, &uri) && qr_png((const char *)uri.ptr, out);
    secret_free(&uri);
    return done;
}

bool page_token(struct bytes head, int64_t *id)
{
    const uint8_t *found = head.len == 0 ? NULL : memmem(head.ptr, head.len, MARK, strlen(MARK));

    if (found == NULL)
        return false;
    const char *digits = (const char *)found + strlen(MARK);
    size_t left = head.len - (size_t)((const uint8_t *)digits - head.ptr), len = 0;
    while (len < left && digits[len] >= '0' && digits[len] <= '9')
        len++;
    return number_parse(digits, len, 1, INT64_MAX, id) == NUMBER_OK;
}
