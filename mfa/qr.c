#include "config.h"

#include "mfa/qr.h"

#include "common/secret.h"
#include "mfa/escape.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qrencode.h>

/* 97 is a brighter white where it is known; a terminal that does not know it keeps "1;37". */
#define WHITE_ON_BLACK "\033[1;37;97;40m"
#define BLACK_ON_BLACK "\033[0;30;40m"
#define WHITE_ON_WHITE "\033[0;37;47;107m"
#define PLAIN          "\033[0m"

/* Whether the module is light; all outside of the code is the quiet zone. */
static bool is_light(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return true;
    return (code->data[y * code->width + x] & 1) == 0;
}

/* The foreground paints light modules, so that white on black is right with colour and without. */
static void draw_blocks(FILE *stream, const QRcode *code, bool colour)
{
    static const char *const blocks[2][2] = {
        {" ",            "\xe2\x96\x84"}, /* upper dark: nothing, U+2584 lower half */
        {"\xe2\x96\x80", "\xe2\x96\x88"}, /* upper light: U+2580 upper half, U+2588 full */
    };

    for (int y = -QR_QUIET; y < code->width + QR_QUIET; y += 2) {
        fputs(colour ? WHITE_ON_BLACK : "", stream);
        for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++)
            fputs(blocks[is_light(code, x, y)][is_light(code, x, y + 1)], stream);
        fputs(colour ? PLAIN "\n" : "\n", stream);
    }
}

static void draw_ascii(FILE *stream, const QRcode *code, bool colour)
{
    for (int y = -QR_QUIET; y < code->width + QR_QUIET; y++) {
        for (int x = -QR_QUIET; x < code->width + QR_QUIET; x++) {
            bool light = is_light(code, x, y);
            if (colour && (x == -QR_QUIET || light != is_light(code, x - 1, y)))
                fputs(light ? WHITE_ON_WHITE : BLACK_ON_BLACK, stream);
            fputs(light ? "  " : "##", stream);
        }
        fputs(colour ? PLAIN "\n" : "\n", stream);
    }
}

struct qr_style qr_style_for(FILE *stream)
{
    const char *term = getenv("TERM");
    int fd = fileno(stream);

    return (struct qr_style){
        .utf8 = escape_locale_utf8(),
        .colour = fd >= 0 && isatty(fd) && term != NULL && strcmp(term, "dumb") != 0,
    };
}

bool qr_draw(FILE *stream, const char *text, struct qr_style style, int *lines)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    *lines = 0;
    if (code == NULL)
        return false;
    *lines = code->width + 2 * QR_QUIET;
    if (style.utf8) {
        *lines = (*lines + 1) / 2;
        draw_blocks(stream, code, style.colour);
    } else {
        draw_ascii(stream, code, style.colour);
    }
    secret_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return !ferror(stream);
}
