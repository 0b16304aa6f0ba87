/*
 * transfer_write.h - tokens as files that other programs read: otpauth URIs, one a line, or PSKC.
 *
 * PSKC (RFC 6030) is plain, or encrypted by AES-CBC under a pre-shared key or under one derived from a
 * password (PBKDF2-HMAC-SHA256), each value with its HMAC-SHA256.  libpskc writes no encrypted values,
 * so this writes the few elements itself; the tests read them with pskctool and with python3-pskc.
 */
#ifndef PGSIGNET_MFA_TRANSFER_WRITE_H
#define PGSIGNET_MFA_TRANSFER_WRITE_H

#include "mfa/transfer.h"

/* A file being written.  Zero-initialise, then fill in what is above the line. */
struct transfer_writer {
    FILE *stream;                /* not owned; its buffer is the caller's to wipe */
    enum transfer_format format; /* TRANSFER_OTPAUTH or TRANSFER_PSKC */
    struct bytes issuer;         /* of tokens without one; not empty */
    struct bytes key;            /* PSKC: 16, 24 or 32 bytes, or empty */
    struct bytes password;       /* PSKC: or empty */
    /* --- its own --- */
    struct secret cipher_key; /* empty = plain */
    struct secret mac_key;
    size_t written;
};

/* Each returns NULL, or a static phrase that says what is wrong. */
const char *transfer_write_start(struct transfer_writer *writer);
/* The counter is that of the next code. */
const char *transfer_write_token(struct transfer_writer *writer,
                                 const struct transfer_token *token);
/* Ends the document and flushes the stream. */
const char *transfer_write_end(struct transfer_writer *writer);

/* Wipes its keys. */
void transfer_write_free(struct transfer_writer *writer);

#endif
