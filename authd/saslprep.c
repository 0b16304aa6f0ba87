#include "config.h"

#include "authd/saslprep.h"

#include <stdlib.h>

#include <stringprep.h>

#include "common/text.h"

/* Character classes are RFC 3454's tables, which libidn carries. */
typedef const Stringprep_table_element *class;

/* RFC 4013 2.3, in the order of the RFC. */
static const class prohibited[] = {
    stringprep_rfc3454_C_1_2, stringprep_rfc3454_C_2_1, stringprep_rfc3454_C_2_2,
    stringprep_rfc3454_C_3,   stringprep_rfc3454_C_4,   stringprep_rfc3454_C_5,
    stringprep_rfc3454_C_6,   stringprep_rfc3454_C_7,   stringprep_rfc3454_C_8,
    stringprep_rfc3454_C_9,   stringprep_rfc3454_A_1, /* unassigned, RFC 4013 2.5 */
};

#define N_PROHIBITED (sizeof prohibited / sizeof prohibited[0])

/* One password as code points, with room for every byte of it and a final 0. */
struct points {
    uint32_t at[SASLPREP_MAX + 1];
    size_t n;
};

static bool in_class(uint32_t point, class table)
{
    for (; table->start != 0 || table->end != 0; table++) {
        if (point == table->start || (point > table->start && point <= table->end))
            return true;
    }
    return false;
}

static bool is_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

/* False when the bytes are not UTF-8. */
static bool decode(struct bytes text, struct points *out)
{
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};

    while (text.len > 0) {
        size_t len = text_utf8_length(text);
        if (len == 0)
            return false;
        uint32_t point = text.ptr[0] & lead_mask[len];
        for (size_t i = 1; i < len; i++)
            point = point << 6 | (text.ptr[i] & 0x3f);
        out->at[out->n++] = point;
        text = bytes_of(text.ptr + len, text.len - len);
    }
    return true;
}

/* RFC 4013 2.1.  U+200B is in both tables; PostgreSQL makes it a space. */
static void map(struct points *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (in_class(p->at[i], stringprep_rfc3454_C_1_2))
            p->at[kept++] = ' ';
        else if (!in_class(p->at[i], stringprep_rfc3454_B_1))
            p->at[kept++] = p->at[i];
    }
    p->n = kept;
    p->at[kept] = 0;
}

/* RFC 3454 6: a right-to-left string begins and ends so, and holds no left-to-right character. */
static bool direction_is_mixed(const struct points *p)
{
    bool has_right = false, has_left = false;

    for (size_t i = 0; i < p->n; i++) {
        has_right = has_right || in_class(p->at[i], stringprep_rfc3454_D_1);
        has_left = has_left || in_class(p->at[i], stringprep_rfc3454_D_2);
    }
    return has_right && (has_left || !in_class(p->at[0], stringprep_rfc3454_D_1) ||
                         !in_class(p->at[p->n - 1], stringprep_rfc3454_D_1));
}

static bool is_allowed(const struct points *p)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t c = 0; c < N_PROHIBITED; c++) {
            if (in_class(p->at[i], prohibited[c]))
                return false;
        }
    }
    return p->n > 0 && !direction_is_mixed(p);
}

/* Writes one code point as UTF-8 and returns its length; out may be NULL to measure. */
static size_t put_utf8(uint32_t point, uint8_t *out)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len; out != NULL && i-- > 0; point >>= 6)
        out[i] = (uint8_t)(i == 0 ? lead[len] | point : 0x80 | (point & 0x3f));
    return len;
}

/* Unicode's Corrigendum 4 mended these after the edition that libidn carries; PostgreSQL has it. */
static void apply_corrigendum(struct points *p)
{
    static const uint32_t mended[][2] = {
        {0x2f868, 0x36fc },
        {0x2f874, 0x5f53 },
        {0x2f91f, 0x243ab},
        {0x2f95f, 0x7aee },
        {0x2f9bf, 0x45d7 },
    };

    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < sizeof mended / sizeof mended[0]; k++) {
            if (p->at[i] == mended[k][0])
                p->at[i] = mended[k][1];
        }
    }
}

static size_t utf8_size(const uint32_t *points, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        len += put_utf8(points[i], NULL);
    return len;
}

static bool encode(const uint32_t *points, size_t n, struct secret *out)
{
    size_t len = 0;

    if (!secret_alloc(out, utf8_size(points, n)))
        return false;
    for (size_t i = 0; i < n; i++)
        len += put_utf8(points[i], out->ptr + len);
    return true;
}

/* Wipes a block of this size that was just freed: glibc hands out first what was freed last. */
static void wipe_freed(size_t size)
{
    void *again = malloc(size);

    secret_wipe(again, again != NULL ? size : 0);
    free(again);
}

static bool normalize(struct points *p, struct secret *out)
{
    apply_corrigendum(p);
    uint32_t *normal = stringprep_ucs4_nfkc_normalize(p->at, (ssize_t)p->n);
    /* libidn works on a copy in UTF-8 and frees it as it is. */
    wipe_freed(utf8_size(p->at, p->n) + 1);
    if (normal == NULL)
        return false;

    size_t n = 0;
    while (normal[n] != 0)
        n++;
    bool done = encode(normal, n, out);
    secret_wipe(normal, n * sizeof normal[0]);
    free(normal);
    return done;
}

bool saslprep(struct bytes password, struct secret *out)
{
    struct points points = {.n = 0};
    bool done;

    *out = (struct secret){0};
    if (password.len > SASLPREP_MAX)
        return false;
    if (is_ascii(password) || !decode(password, &points)) {
        done = secret_copy(out, password);
    } else {
        map(&points);
        done = is_allowed(&points) ? normalize(&points, out) : secret_copy(out, password);
    }
    secret_wipe(&points, sizeof points);
    return done;
}
