/*
 * otpauth.h - a token as the text that authenticator apps read.
 *
 *   otpauth://totp/ISSUER:ACCOUNT?secret=BASE32&issuer=ISSUER&algorithm=SHA1&digits=6&period=30
 *   otpauth://hotp/ISSUER:ACCOUNT?secret=BASE32&issuer=ISSUER&algorithm=SHA1&digits=6&counter=0
 *
 * Apps differ in what they forgive, so this writes the form that all of them read: issuer both in
 * the label and as a parameter, only RFC 3986 unreserved characters unescaped (a space is %20), the
 * secret in base32 (RFC 4648, section 6) without padding.
 */
#ifndef PGSIGNET_MFA_OTPAUTH_H
#define PGSIGNET_MFA_OTPAUTH_H

#include "common/bytes.h"
#include "common/secret.h"
#include "common/settings.h"
#include "mfa/tokens.h"

struct otpauth {
    enum token_kind kind;
    struct bytes issuer;  /* not empty, no ':' */
    struct bytes account; /* not empty; any byte, ':' included, is percent-encoded */
    struct bytes secret;  /* raw bytes, not empty */
    enum settings_algorithm algorithm;
    unsigned digits; /* 6..8 */
    unsigned period; /* seconds; TOTP */
    int64_t counter; /* of the next code, not negative; HOTP */
};

/*
 * Writes the URI (NUL-terminated, see secret.h) into *uri, which the caller frees.  False, with
 * *uri empty, when a field breaks its rule or memory is short.
 */
bool otpauth_uri(const struct otpauth *token, struct secret *uri);

/* The bytes in base32 without padding, into *text, which the caller frees.  False as above. */
bool otpauth_base32(struct bytes raw, struct secret *text);

/* Text in groups of four characters with a space between, for typing.  False when memory is short. */
bool otpauth_groups(struct bytes text, struct secret *grouped);

/* "SHA1", "SHA256", "SHA512"; static. */
const char *otpauth_algorithm(enum settings_algorithm algorithm);

/* Reads that name in any case.  False if it is none of them. */
bool otpauth_algorithm_read(const char *text, enum settings_algorithm *algorithm);

#endif
