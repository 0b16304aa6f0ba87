/* What qr_draw drew is read again: module by module against libqrencode, and by zbarimg. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mfa/qr.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qrencode.h>

#define SIDE_MAX 200 /* modules with the quiet zone */
#define SCALE    4   /* pixels a module */

static const char uri[] = "otpauth://totp/PostgreSQL:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                          "&issuer=PostgreSQL&algorithm=SHA1&digits=6&period=30";

struct picture {
    bool dark[SIDE_MAX][SIDE_MAX];
    size_t width, height;
};

/* Skips one ANSI sequence; false when there is none. */
static bool skip_ansi(const char **at)
{
    if (strncmp(*at, "\033[", 2) != 0)
        return false;
    *at = strchr(*at, 'm') + 1;
    return true;
}

static void read_blocks(const char *text, struct picture *picture)
{
    static const struct {
        const char *glyph;
        bool upper_dark, lower_dark;
    } glyphs[] = {
        {" ",            true,  true },
        {"\xe2\x96\x84", true,  false},
        {"\xe2\x96\x80", false, true },
        {"\xe2\x96\x88", false, false}
    };
    size_t x = 0, y = 0;

    while (*text != '\0') {
        if (skip_ansi(&text))
            continue;
        if (*text == '\n') {
            picture->width = x;
            x = 0;
            y += 2;
            text++;
            continue;
        }
        size_t i = 0;
        while (strncmp(text, glyphs[i].glyph, strlen(glyphs[i].glyph)) != 0)
            assert_in_range(++i, 0, 3);
        assert_in_range(x, 0, SIDE_MAX - 1);
        assert_in_range(y, 0, SIDE_MAX - 2);
        picture->dark[y][x] = glyphs[i].upper_dark;
        picture->dark[y + 1][x] = glyphs[i].lower_dark;
        text += strlen(glyphs[i].glyph);
        x++;
    }
    picture->height = y;
}

static void read_ascii(const char *text, struct picture *picture)
{
    size_t x = 0, y = 0;

    while (*text != '\0') {
        if (skip_ansi(&text))
            continue;
        if (*text == '\n') {
            picture->width = x;
            x = 0;
            y++;
            text++;
            continue;
        }
        assert_true(strncmp(text, "##", 2) == 0 || strncmp(text, "  ", 2) == 0);
        picture->dark[y][x++] = *text == '#';
        text += 2;
    }
    picture->height = y;
}

static void equals_libqrencode(const struct picture *picture)
{
    QRcode *code = QRcode_encodeString8bit(uri, 0, QR_ECLEVEL_L);
    assert_non_null(code);
    size_t side = (size_t)code->width;

    assert_int_equal(picture->width, side + 2 * QR_QUIET);
    assert_in_range(picture->height, side + 2 * QR_QUIET, side + 2 * QR_QUIET + 1);
    for (size_t y = 0; y < picture->height; y++) {
        for (size_t x = 0; x < picture->width; x++) {
            bool inside =
                x >= QR_QUIET && y >= QR_QUIET && x < QR_QUIET + side && y < QR_QUIET + side;
            bool dark = inside && (code->data[(y - QR_QUIET) * side + x - QR_QUIET] & 1);
            assert_int_equal(picture->dark[y][x], dark);
        }
    }
    QRcode_free(code);
}

/* The picture as a portable bitmap, read by a scanner that is not ours. */
static void zbarimg_reads(const struct picture *picture)
{
    char path[] = "/tmp/qr_test.XXXXXX", command[128], line[512] = "";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

    assert_non_null(file);
    fprintf(file, "P1\n%zu %zu\n", picture->width * SCALE, picture->height * SCALE);
    for (size_t y = 0; y < picture->height * SCALE; y++)
        for (size_t x = 0; x < picture->width * SCALE; x++)
            fputs(picture->dark[y / SCALE][x / SCALE] ? "1\n" : "0\n", file);
    assert_int_equal(fclose(file), 0);

    snprintf(command, sizeof command, "zbarimg -q --nodbus --raw pbm:%s 2>&1", path);
    FILE *scanner = popen(command, "r"); /* the path is ours, of mkstemp */
    assert_non_null(scanner);
    assert_non_null(fgets(line, sizeof line, scanner));
    assert_int_equal(pclose(scanner), 0);
    unlink(path);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, uri);
}

static void drawn_code_reads_back(void **state)
{
    (void)state;
    bool scanner = system("command -v zbarimg >/dev/null 2>&1") == 0;
    if (!scanner)
        print_message("no zbarimg (Debian: zbar-tools): compared with libqrencode alone\n");

    for (int style = 0; style < 4; style++) {
        struct qr_style how = {.utf8 = style & 1, .colour = style & 2};
        struct picture picture = {.width = 0};
        char *text = NULL;
        size_t len;
        int lines;
        FILE *stream = open_memstream(&text, &len);

        assert_non_null(stream);
        assert_true(qr_draw(stream, uri, how, &lines));
        fclose(stream);
        assert_int_equal(strchr(text, '\033') != NULL, how.colour);
        if (how.utf8)
            read_blocks(text, &picture);
        else
            read_ascii(text, &picture);
        free(text);
        assert_int_equal(picture.height, how.utf8 ? lines * 2 : lines);
        equals_libqrencode(&picture);
        if (scanner)
            zbarimg_reads(&picture);
    }
}

static void too_long_is_refused(void **state)
{
    char *text = malloc(8000);
    FILE *null = fopen("/dev/null", "w");
    int lines;

    (void)state;
    assert_non_null(text);
    assert_non_null(null);
    memset(text, 'a', 7999);
    text[7999] = '\0';
    assert_false(qr_draw(null, text, (struct qr_style){.utf8 = true}, &lines));
    fclose(null);
    free(text);
}

static void full_stream_is_an_error(void **state)
{
    FILE *full = fopen("/dev/full", "w");
    int lines;

    (void)state;
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_false(qr_draw(full, uri, (struct qr_style){.utf8 = true}, &lines));
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_code_reads_back),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(full_stream_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
