/*
 * archive.h - one encrypted file with a whole CA in it.  Pure: bytes in, bytes out.
 *
 *     "PGSCA1\n" | KDF (1 byte) | 3 parameters (4 bytes each, big-endian) | salt (16) | nonce (12)
 *     | AES-256-GCM of the body | tag (16)
 *
 * KDF 1 is scrypt (RFC 7914; N, r, p), KDF 2 PBKDF2-HMAC-SHA256 (iterations, 0, 0), which is taken under
 * `fips: require`.  Everything before the body is its associated data.  The body is the length of a JSON
 * text (4 bytes), the text - what is in it, with a SHA-256 for each file - and the files' contents in that order.
 */
#ifndef PGSIGNET_PKI_ARCHIVE_H
#define PGSIGNET_PKI_ARCHIVE_H

#include "common/bytes.h"
#include "common/secret.h"

#include <glib.h>
#include <sys/types.h>

#define ARCHIVE_MAX       (INT64_C(1) << 30) /* bytes of an archive, and of what is in it */
#define ARCHIVE_FILES_MAX 1000000
#define ARCHIVE_PASSPHRASE_MIN                                                                     \
    12 /* bytes: whoever has the file may guess for as long as he likes */

struct archive_file {
    char *path;            /* owned; relative, without "." and ".." */
    mode_t mode;           /* of 0777 */
    struct secret content; /* owned */
};

struct archive {
    int64_t made_s;   /* Unix time */
    int64_t seq;      /* of the ledger's last event (ledger_head) */
    uint8_t head[32]; /* its hash */
    GArray *files;    /* owned: of struct archive_file */
};

void archive_init(struct archive *archive);
void archive_clear(struct archive *archive);
/* Adds one; content is taken over.  False (content is then freed) when the path is none or memory is short. */
bool archive_add(struct archive *archive, const char *path, mode_t mode, struct secret *content);
/* NULL when there is none.  Not owned. */
const struct archive_file *archive_find(const struct archive *archive, const char *path);

/* Both are false after why (size bytes).  archive_open takes a zeroed archive; archive_clear is due either way. */
bool archive_seal(const struct archive *archive, struct bytes passphrase, GByteArray *out,
                  char *why, size_t size);
bool archive_open(struct bytes text, struct bytes passphrase, struct archive *out, char *why,
                  size_t size);

#endif
