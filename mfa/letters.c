#include "config.h"

#include "mfa/letters.h"

#include "common/crypto.h"
#include "common/secret.h"

static const char alphabet[] = "bcdfghjkmnpqrstvwxyz";

bool letters_draw(uint8_t *letters, size_t n)
{
    const unsigned size = sizeof alphabet - 1;
    size_t drawn = 0;
    uint8_t byte;

    while (drawn < n) {
        if (!crypto_random_secret(&byte, 1)) {
            secret_wipe(letters, n);
            return false;
        }
        /* Bytes past the last multiple of the alphabet's size are drawn anew. */
        if (byte < 256 / size * size)
            letters[drawn++] = (uint8_t)alphabet[byte % size];
    }
    return true;
}

void letters_write(const uint8_t *letters, size_t n, char *text)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && i % LETTERS_GROUP == 0)
            text[len++] = '-';
        text[len++] = (char)letters[i];
    }
    text[len] = '\0';
}

bool letters_read(struct bytes text, uint8_t *letters, size_t n)
{
    bool hyphens = text.len == LETTERS_TEXT(n);
    size_t read = 0;

    if (!hyphens && text.len != n)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];

        if (hyphens && i % (LETTERS_GROUP + 1) == LETTERS_GROUP) {
            if (c != '-')
                return false;
            continue;
        }
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + ('a' - 'A'));
        if (memchr(alphabet, c, sizeof alphabet - 1) == NULL)
            return false;
        letters[read++] = c;
    }
    return read == n;
}
