#include "config.h"

#include "pki/archive.h"

#include "common/crypto.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC      "PGSCA1\n"
#define MAGIC_LEN  (sizeof MAGIC - 1)
#define SALT       16
#define NONCE      12
#define TAG        16
#define KEY        32
#define HEADER     (MAGIC_LEN + 1 + 12 + SALT + NONCE)
#define BODY_PIECE (1 << 20) /* bytes of one call into the cipher, whose lengths are ints */

enum kdf { KDF_SCRYPT = 1, KDF_PBKDF2 = 2 };

/* What a stranger's archive may cost to open: 256 MiB, ten million rounds. */
#define SCRYPT_N       (UINT32_C(1) << 17)
#define SCRYPT_R       8
#define SCRYPT_P       1
#define SCRYPT_MEMORY  (UINT64_C(256) << 20)
#define PBKDF2_ROUNDS  600000
#define PBKDF2_MAXIMUM 10000000

void archive_init(struct archive *archive)
{
    *archive = (struct archive){.files = g_array_new(FALSE, TRUE, sizeof(struct archive_file))};
}

void archive_clear(struct archive *archive)
{
    for (guint i = 0; archive->files != NULL && i < archive->files->len; i++) {
        struct archive_file *file = &g_array_index(archive->files, struct archive_file, i);

        g_free(file->path);
        secret_free(&file->content);
    }
    if (archive->files != NULL)
        g_array_unref(archive->files);
    *archive = (struct archive){0};
}

/* Relative, each part a name: what is restored stays inside of its folder. */
static bool path_is_fit(const char *path)
{
    if (path[0] == '\0' || strlen(path) >= 4096 || !g_utf8_validate(path, -1, NULL))
        return false;
    for (const char *at = path;;) {
        size_t len = strcspn(at, "/");

        if (len == 0 || len > 255 || (len == 1 && at[0] == '.') ||
            (len == 2 && memcmp(at, "..", 2) == 0))
            return false;
        if (at[len] == '\0')
            return true;
        at += len + 1;
    }
}

bool archive_add(struct archive *archive, const char *path, mode_t mode, struct secret *content)
{
    struct archive_file file = {.mode = mode & 0777, .content = *content};

    *content = (struct secret){0};
    if (!path_is_fit(path) || archive->files->len >= ARCHIVE_FILES_MAX) {
        secret_free(&file.content);
        return false;
    }
    file.path = g_strdup(path);
    g_array_append_val(archive->files, file);
    return true;
}

const struct archive_file *archive_find(const struct archive *archive, const char *path)
{
    for (guint i = 0; i < archive->files->len; i++) {
        const struct archive_file *file = &g_array_index(archive->files, struct archive_file, i);

        if (strcmp(file->path, path) == 0)
            return file;
    }
    return NULL;
}

/* --- numbers and hexadecimal --- */

static void put_u32(uint8_t *at, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void to_hex(const uint8_t bytes[32], char text[65])
{
    for (size_t i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool from_hex(const char *text, uint8_t bytes[32])
{
    if (text == NULL || strlen(text) != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* --- the key --- */

static bool derive(const uint8_t header[HEADER], struct bytes passphrase, uint8_t key[KEY],
                   char *why, size_t size)
{
    const uint8_t *at = header + MAGIC_LEN;
    struct bytes salt = bytes_of(at + 13, SALT);
    uint32_t n = get_u32(at + 1), r = get_u32(at + 5), p = get_u32(at + 9);

    switch (at[0]) {
    case KDF_SCRYPT:
        if (EVP_PBE_scrypt((const char *)passphrase.ptr, passphrase.len, salt.ptr, salt.len, n, r,
                           p, SCRYPT_MEMORY, key, KEY) == 1)
            return true;
        snprintf(why, size,
                 "scrypt (N %" PRIu32 ", r %" PRIu32 ", p %" PRIu32
                 ") was refused: the header is damaged, or memory is short",
                 n, r, p);
        return false;
    case KDF_PBKDF2:
        if (n >= 1 && n <= PBKDF2_MAXIMUM && crypto_pbkdf2_sha256(passphrase, salt, n, key, KEY))
            return true;
        snprintf(why, size, "PBKDF2 with %" PRIu32 " rounds was refused: the header is damaged", n);
        return false;
    default:
        snprintf(why, size, "it was made by a later pgsignet-ca (key derivation %u)", at[0]);
        return false;
    }
}

static bool make_header(uint8_t header[HEADER])
{
    bool fips = crypto_is_fips();
    uint8_t *at = header + MAGIC_LEN;

    memcpy(header, MAGIC, MAGIC_LEN);
    at[0] = fips ? KDF_PBKDF2 : KDF_SCRYPT;
    put_u32(at + 1, fips ? PBKDF2_ROUNDS : SCRYPT_N);
    put_u32(at + 5, fips ? 0 : SCRYPT_R);
    put_u32(at + 9, fips ? 0 : SCRYPT_P);
    return crypto_random(at + 13, SALT + NONCE);
}

/* Encrypts or decrypts len bytes from in to out; the tag is made or checked. */
static bool cipher(bool encrypt, const uint8_t header[HEADER], const uint8_t key[KEY],
                   const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[TAG])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, enc = encrypt ? 1 : 0;
    bool ok = ctx != NULL &&
              EVP_CipherInit_ex2(ctx, crypto_aes_256_gcm(), key, header + HEADER - NONCE, enc,
                                 NULL) == 1 &&
              EVP_CipherUpdate(ctx, NULL, &n, header, HEADER) == 1 &&
              (encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1);

    for (size_t at = 0; ok && at < len;) {
        size_t piece = len - at < BODY_PIECE ? len - at : BODY_PIECE;

        ok = EVP_CipherUpdate(ctx, out + at, &n, in + at, (int)piece) == 1 && (size_t)n == piece;
        at += piece;
    }
    ok = ok && EVP_CipherFinal_ex(ctx, out + len, &n) == 1 && n == 0 &&
         (!encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* --- the body --- */

static char *list_of(const struct archive *archive)
{
    json_t *files = json_array(), *list = NULL;
    uint8_t hash[CRYPTO_SHA256];
    char hex[65], *text = NULL;

    for (guint i = 0; i < archive->files->len; i++) {
        const struct archive_file *file = &g_array_index(archive->files, struct archive_file, i);

        if (!crypto_sha256(secret_bytes(&file->content), hash))
            goto out;
        to_hex(hash, hex);
        if (json_array_append_new(files, json_pack("{s:s, s:i, s:I, s:s}", "path", file->path,
                                                   "mode", (int)file->mode, "size",
                                                   (json_int_t)file->content.len, "sha256", hex)) !=
            0)
            goto out;
    }
    to_hex(archive->head, hex);
    list = json_pack("{s:i, s:I, s:I, s:s, s:O}", "version", 1, "made", (json_int_t)archive->made_s,
                     "seq", (json_int_t)archive->seq, "head", hex, "files", files);
    text = list != NULL ? json_dumps(list, JSON_COMPACT) : NULL;
out:
    json_decref(list);
    json_decref(files);
    return text;
}

static bool make_body(const struct archive *archive, struct secret *body, char *why, size_t size)
{
    char *list = list_of(archive);
    size_t list_len = list != NULL ? strlen(list) : 0, len = 4 + list_len;
    uint8_t *at;

    for (guint i = 0; i < archive->files->len; i++)
        len += g_array_index(archive->files, struct archive_file, i).content.len;
    if (len > ARCHIVE_MAX) {
        snprintf(why, size, "the CA has %zu MiB of files; an archive holds 1024", len >> 20);
        free(list);
        return false;
    }
    if (list == NULL || !secret_alloc(body, len)) {
        snprintf(why, size, "memory is short");
        free(list);
        return false;
    }
    put_u32(body->ptr, (uint32_t)list_len);
    memcpy(body->ptr + 4, list, list_len);
    at = body->ptr + 4 + list_len;
    for (guint i = 0; i < archive->files->len; i++) {
        const struct secret *content =
            &g_array_index(archive->files, struct archive_file, i).content;

        if (content->len > 0)
            memcpy(at, content->ptr, content->len);
        at += content->len;
    }
    free(list);
    return true;
}

bool archive_seal(const struct archive *archive, struct bytes passphrase, GByteArray *out,
                  char *why, size_t size)
{
    uint8_t key[KEY], header[HEADER];
    struct secret body = {0};
    bool ok = false;

    g_byte_array_set_size(out, 0);
    if (!make_body(archive, &body, why, size))
        return false;
    if (!make_header(header)) {
        snprintf(why, size, "there are no random bytes");
        goto out;
    }
    if (!derive(header, passphrase, key, why, size))
        goto out;
    g_byte_array_set_size(out, (guint)(HEADER + body.len + TAG));
    memcpy(out->data, header, HEADER);
    ok = cipher(true, header, key, body.ptr, body.len, out->data + HEADER,
                out->data + HEADER + body.len);
    if (!ok)
        snprintf(why, size, "AES-256-GCM failed");
out:
    secret_wipe(key, sizeof key);
    secret_free(&body);
    return ok;
}

/* --- opening --- */

static bool take_file(const json_t *row, struct bytes *rest, GHashTable *seen, struct archive *out,
                      char *why, size_t size)
{
    const char *path = json_string_value(json_object_get(row, "path"));
    json_int_t mode = json_integer_value(json_object_get(row, "mode"));
    json_int_t len = json_integer_value(json_object_get(row, "size"));
    uint8_t wanted[32], hash[CRYPTO_SHA256];
    struct secret content = {0};

    if (path == NULL || mode < 0 || mode > 0777 || len < 0 || (uint64_t)len > rest->len ||
        !from_hex(json_string_value(json_object_get(row, "sha256")), wanted)) {
        snprintf(why, size, "its list of files is damaged");
        return false;
    }
    if (!secret_copy(&content, bytes_of(rest->ptr, (size_t)len))) {
        snprintf(why, size, "memory is short");
        return false;
    }
    *rest = bytes_of(rest->ptr + len, rest->len - (size_t)len);
    if (!crypto_sha256(secret_bytes(&content), hash) || memcmp(hash, wanted, sizeof hash) != 0) {
        snprintf(why, size, "%s in it is not what was put in", path);
        secret_free(&content);
        return false;
    }
    if (!g_hash_table_add(seen, (char *)(uintptr_t)path) ||
        !archive_add(out, path, (mode_t)mode, &content)) {
        snprintf(why, size, "it has a file with a path that is refused, or twice: %s", path);
        secret_free(&content);
        return false;
    }
    return true;
}

static bool read_body(struct bytes body, struct archive *out, char *why, size_t size)
{
    size_t list_len = body.len >= 4 ? get_u32(body.ptr) : SIZE_MAX;
    GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal); /* paths, the list's own */
    json_t *list = NULL, *files;
    struct bytes rest;
    bool ok = false;

    if (body.len < 4 || list_len > body.len - 4 ||
        (list = json_loadb((const char *)body.ptr + 4, list_len, JSON_REJECT_DUPLICATES, NULL)) ==
            NULL ||
        !from_hex(json_string_value(json_object_get(list, "head")), out->head) ||
        !json_is_array(files = json_object_get(list, "files"))) {
        snprintf(why, size, "its list of files is damaged");
        goto out;
    }
    if (json_integer_value(json_object_get(list, "version")) != 1) {
        snprintf(why, size, "it was made by a later pgsignet-ca");
        goto out;
    }
    out->made_s = json_integer_value(json_object_get(list, "made"));
    out->seq = json_integer_value(json_object_get(list, "seq"));
    rest = bytes_of(body.ptr + 4 + list_len, body.len - 4 - list_len);
    for (size_t i = 0; i < json_array_size(files); i++)
        if (!take_file(json_array_get(files, i), &rest, seen, out, why, size))
            goto out;
    ok = rest.len == 0;
    if (!ok)
        snprintf(why, size, "it has more in it than its list says");
out:
    g_hash_table_unref(seen);
    json_decref(list);
    return ok;
}

bool archive_open(struct bytes text, struct bytes passphrase, struct archive *out, char *why,
                  size_t size)
{
    uint8_t key[KEY], tag[TAG];
    struct secret body = {0};
    bool ok = false;

    archive_init(out);
    if (text.len < HEADER + TAG || text.len > ARCHIVE_MAX + HEADER + TAG ||
        memcmp(text.ptr, MAGIC, MAGIC_LEN) != 0) {
        snprintf(why, size, "it is no archive of pgsignet-ca, or cut off");
        return false;
    }
    if (!derive(text.ptr, passphrase, key, why, size))
        return false;
    if (!secret_alloc(&body, text.len - HEADER - TAG)) {
        snprintf(why, size, "memory is short");
        goto out;
    }
    memcpy(tag, text.ptr + text.len - TAG, TAG);
    if (!cipher(false, text.ptr, key, text.ptr + HEADER, body.len, body.ptr, tag)) {
        snprintf(why, size, "the passphrase is wrong, or the archive was damaged or changed");
        goto out;
    }
    ok = read_body(secret_bytes(&body), out, why, size);
out:
    secret_wipe(key, sizeof key);
    secret_free(&body);
    return ok;
}
