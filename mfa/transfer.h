/*
 * transfer.h - tokens on their way in from other programs' files, or out into them.
 *
 * Readers turn the bytes of one file into plain records and notes; they know no store, no clock and no
 * terminal.  A note says, with the line, what of the file does not come along (TRANSFER_LOST) or what
 * makes the whole file unfit (TRANSFER_FAULT): whoever imports does so only without a fault, so that
 * nothing is half imported.  Notes never hold secrets, and what they quote of the file is escaped.
 * All bytes are hostile.
 */
#ifndef PGSIGNET_MFA_TRANSFER_H
#define PGSIGNET_MFA_TRANSFER_H

#include <stdio.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/settings.h"
#include "mfa/tokens.h"

#define TRANSFER_FILE_MAX   (64 * 1024 * 1024) /* bytes */
#define TRANSFER_TOKENS_MAX 1000000
#define TRANSFER_NOTES_MAX  100000 /* more are counted only */
#define TRANSFER_LABEL_MAX  64     /* bytes of an issuer */
#define TRANSFER_USER_MAX   1024   /* bytes of a user's name before it is mapped */
#define TRANSFER_SECRET_MIN 10     /* bytes, as token_request has it */
#define TRANSFER_SECRET_MAX 64
#define TRANSFER_SECRET_FIT 16 /* bytes: what RFC 4226 (R6) demands; shorter ones get a note */
#define TRANSFER_PERIOD_MIN 10 /* seconds, as for `enroll` */
#define TRANSFER_PERIOD_MAX 300

struct transfer_token {
    size_t line;                       /* where it begins */
    uint8_t *user;                     /* owned, not a string */
    size_t user_len;                   /* 0 = the file names nobody */
    char name[MFA_TOKEN_NAME_MAX + 1]; /* "" = the file has none */
    enum token_kind kind;
    enum settings_algorithm algorithm;
    unsigned digits;
    unsigned period;                     /* TOTP, seconds */
    int64_t counter;                     /* HOTP: the next one that may count */
    char issuer[TRANSFER_LABEL_MAX + 1]; /* "" = none */
    struct secret secret;                /* raw */
};

enum transfer_weight { TRANSFER_LOST, TRANSFER_FAULT };

struct transfer_note {
    size_t line; /* from 1; 0 = the file as a whole */
    enum transfer_weight weight;
    char *text; /* one sentence without a full stop */
};

/* Zero-initialised is empty. */
struct transfer {
    struct transfer_token *tokens;
    size_t n, room;
    struct transfer_note *notes;
    size_t n_notes, notes_room;
    size_t faults;  /* all of them, also those that are only counted */
    size_t uncited; /* notes that were only counted */
};

/* What a reader is given besides the file. */
struct transfer_input {
    struct bytes text;
    struct bytes user;     /* of tokens whose format has no user; empty = not given */
    struct bytes key;      /* PSKC: pre-shared key, raw; empty = not given */
    struct bytes password; /* PSKC: for PBKDF2; empty = not given */
};

enum transfer_format {
    TRANSFER_GOOGLE,
    TRANSFER_OATH,
    TRANSFER_PSKC,
    TRANSFER_OTPAUTH,
    TRANSFER_CSV,
    TRANSFER_FORMATS
};

/* "google-authenticator", "oath", ...; static. */
const char *transfer_format_name(enum transfer_format format);
bool transfer_format_read(const char *text, enum transfer_format *format);

/* Reads the whole file, adding to *out.  Look at out->faults. */
void transfer_read(enum transfer_format format, const struct transfer_input *input,
                   struct transfer *out);

/*
 * Renames users: map is CSV (RFC 4180) of two fields, old and new.  A token without user is looked up
 * by its name (hardware tokens come with serial numbers, and the map says who got which).  Faults of
 * the map are faults of *out; lines of the map that no token has are noted.
 */
void transfer_map(struct transfer *out, struct bytes map);

/*
 * What can be judged only when all is read: every token has a user; those without a name get "default",
 * "default-2", ...; no user has two of one name or more than MFA_TOKENS_PER_USER; there is a token.
 */
void transfer_finish(struct transfer *out);

/* Wipes and frees what it holds, and leaves it empty. */
void transfer_free(struct transfer *out);

/* --- for readers --- */

/*
 * A new token at the end, with SHA1, 6 digits, 30 s and the user.  Not owned; valid until the next one.
 * NULL after a fault when there is no room.
 */
struct transfer_token *transfer_add(struct transfer *out, size_t line, struct bytes user);
void transfer_drop(struct transfer *out); /* takes the last one away */

/* Sets the user, who may yet be mapped to another name; false after a fault when the name is unfit. */
bool transfer_user(struct transfer *out, struct transfer_token *token, struct bytes user);

/* Checks sizes and ranges of a token that was filled in; false after a fault. */
bool transfer_check(struct transfer *out, const struct transfer_token *token);

__attribute__((format(printf, 4, 5))) void transfer_say(struct transfer *out,
                                                        enum transfer_weight weight, size_t line,
                                                        const char *format, ...);

/* Copies a name of at most size - 1 bytes without NUL; false (and "") when it does not fit. */
bool transfer_label(char *out, size_t size, struct bytes text);

/* Lines of a text, without "\n" or "\r\n"; start with {.text = ...}. */
struct transfer_lines {
    struct bytes text;
    size_t at;
    size_t line; /* of the last one given, from 1 */
};
bool transfer_line(struct transfer_lines *lines, struct bytes *line);

/* The next word between blanks and tabs, taken off the line; empty when there is none. */
struct bytes transfer_word(struct bytes *line);

/* Decimal digits of min..max and nothing else. */
bool transfer_number(struct bytes text, int64_t min, int64_t max, int64_t *out);

/* Raw bytes into *out, which the caller frees.  False, with *out empty, when it is none. */
bool transfer_hex(struct bytes text, struct secret *out);
/* RFC 4648 section 6 in any case, with or without padding; blanks and hyphens between groups. */
bool transfer_base32(struct bytes text, struct secret *out);
/* RFC 4648 section 4 with padding; white space anywhere. */
bool transfer_base64(struct bytes text, struct secret *out);

/* --- one for each format; transfer_read calls them --- */

void transfer_read_google(const struct transfer_input *input, struct transfer *out);
void transfer_read_oath(const struct transfer_input *input, struct transfer *out);
void transfer_read_pskc(const struct transfer_input *input, struct transfer *out);
void transfer_read_otpauth(const struct transfer_input *input, struct transfer *out);
void transfer_read_csv(const struct transfer_input *input, struct transfer *out);

#endif
