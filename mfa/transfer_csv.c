/*
 * Reads tokens as comma-separated values: a header row names the columns, in any order; user and secret
 * are due, an empty or missing field is the default.  Also reads the map of user names.
 */
#include "config.h"

#include "mfa/transfer.h"

#include <stdlib.h>
#include <strings.h>

#include "mfa/csv.h"
#include "mfa/otpauth.h"

#define COUNTER_MAX (INT64_MAX - 1)

enum column {
    USER,
    NAME,
    TYPE,
    SECRET,
    ENCODING,
    ALGORITHM,
    DIGITS,
    PERIOD,
    COUNTER,
    ISSUER,
    COLUMNS
};

static const char *const column_names[COLUMNS] = {
    [USER] = "user",         [NAME] = "name",           [TYPE] = "type",     [SECRET] = "secret",
    [ENCODING] = "encoding", [ALGORITHM] = "algorithm", [DIGITS] = "digits", [PERIOD] = "period",
    [COUNTER] = "counter",   [ISSUER] = "issuer",
};

/* Where each column is, or -1. */
struct header {
    int at[COLUMNS];
    size_t n;
};

static bool equals(struct bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.ptr, word, text.len) == 0;
}

/* Of a row that is a header: where it was forgotten the first row holds a secret. */
static void name_unknown(struct transfer *out, const struct csv *csv)
{
    for (size_t i = 0; i < csv->n; i++) {
        struct bytes field = csv->fields[i];
        int c = 0;
        while (c < COLUMNS && !equals(field, column_names[c]))
            c++;
        if (c == COLUMNS)
            transfer_say(out, TRANSFER_LOST, csv->line,
                         "a column that is not known does not come along: %.*s",
                         (int)(field.len < 32 ? field.len : 32), (const char *)field.ptr);
    }
}

static bool read_header(struct transfer *out, const struct csv *csv, bool user_given,
                        struct header *header)
{
    size_t before = out->faults;

    header->n = csv->n;
    for (int c = 0; c < COLUMNS; c++)
        header->at[c] = -1;
    for (size_t i = 0; i < csv->n; i++) {
        struct bytes field = csv->fields[i];
        int c = 0;
        while (c < COLUMNS && !equals(field, column_names[c]))
            c++;
        if (c == COLUMNS)
            continue;
        if (header->at[c] >= 0)
            transfer_say(out, TRANSFER_FAULT, csv->line, "column %s is there twice",
                         column_names[c]);
        else
            header->at[c] = (int)i;
    }
    if (header->at[SECRET] < 0)
        transfer_say(out, TRANSFER_FAULT, csv->line,
                     "the first row must name the columns, secret among them");
    else if (header->at[USER] < 0 && !user_given)
        transfer_say(out, TRANSFER_FAULT, csv->line, "the first row names no column user");
    if (header->at[SECRET] >= 0)
        name_unknown(out, csv);
    return out->faults == before;
}

/* The field of a column; empty when there is none. */
static struct bytes field(const struct csv *csv, const struct header *header, enum column column)
{
    int at = header->at[column];

    return at >= 0 && (size_t)at < csv->n ? csv->fields[at] : bytes_of(NULL, 0);
}

static bool read_kind(struct bytes text, struct transfer_token *token)
{
    token->kind = equals(text, "hotp") ? TOKEN_HOTP : TOKEN_TOTP;
    return text.len == 0 || token->kind == TOKEN_HOTP || equals(text, "totp");
}

static bool read_algorithm(struct bytes text, struct transfer_token *token)
{
    char name[16];

    return text.len == 0 || (transfer_label(name, sizeof name, text) &&
                             otpauth_algorithm_read(name, &token->algorithm));
}

static bool read_unsigned(struct bytes text, unsigned *out)
{
    int64_t number;

    if (text.len == 0)
        return true;
    if (!transfer_number(text, 0, INT32_MAX, &number))
        return false;
    *out = (unsigned)number;
    return true;
}

static bool read_secret(struct bytes text, struct bytes encoding, struct secret *out)
{
    if (equals(encoding, "hex"))
        return transfer_hex(text, out);
    return (encoding.len == 0 || equals(encoding, "base32")) && transfer_base32(text, out);
}

static bool demand(struct transfer *out, size_t line, bool good, const char *otherwise)
{
    if (!good)
        transfer_say(out, TRANSFER_FAULT, line, "%s", otherwise);
    return good;
}

static void read_row(struct transfer *out, const struct transfer_input *input,
                     const struct csv *csv, const struct header *h)
{
    struct bytes user = input->user.len > 0 ? input->user : field(csv, h, USER);
    struct bytes counter = field(csv, h, COUNTER);
    struct transfer_token *token = transfer_add(out, csv->line, user);
    bool good = true;

    if (token == NULL)
        return;
    if (csv->n != h->n)
        good &= demand(out, csv->line, false, "the row has not as many fields as the first");
    good &=
        demand(out, csv->line, transfer_label(token->name, sizeof token->name, field(csv, h, NAME)),
               "the name has more than 64 bytes, or NUL");
    good &= demand(out, csv->line, read_kind(field(csv, h, TYPE), token),
                   "the type is neither totp nor hotp");
    good &= demand(out, csv->line,
                   read_secret(field(csv, h, SECRET), field(csv, h, ENCODING), &token->secret),
                   "the secret is not what encoding (base32 or hex) says");
    good &= demand(out, csv->line, read_algorithm(field(csv, h, ALGORITHM), token),
                   "the algorithm is none of SHA1, SHA256, SHA512");
    good &= demand(out, csv->line, read_unsigned(field(csv, h, DIGITS), &token->digits),
                   "digits is not a number");
    good &= demand(out, csv->line, read_unsigned(field(csv, h, PERIOD), &token->period),
                   "period is not a number of seconds");
    good &= demand(out, csv->line,
                   counter.len == 0 ? token->kind == TOKEN_TOTP
                                    : transfer_number(counter, 0, COUNTER_MAX, &token->counter),
                   counter.len == 0 ? "a token of type hotp needs its counter"
                                    : "the counter is not a number");
    good &= demand(out, csv->line,
                   transfer_label(token->issuer, sizeof token->issuer, field(csv, h, ISSUER)),
                   "the issuer has more than 64 bytes, or NUL");
    if (!good || !transfer_check(out, token))
        transfer_drop(out);
}

void transfer_read_csv(const struct transfer_input *input, struct transfer *out)
{
    struct csv csv = {.text = input->text};
    struct header header;
    enum csv_result result = csv_next(&csv);

    if (result == CSV_END)
        transfer_say(out, TRANSFER_FAULT, 0, "the file is empty");
    if (result == CSV_RECORD && read_header(out, &csv, input->user.len > 0, &header))
        while ((result = csv_next(&csv)) == CSV_RECORD)
            read_row(out, input, &csv, &header);
    if (result == CSV_FAULT)
        transfer_say(out, TRANSFER_FAULT, csv.line, "%s", csv.fault);
    csv_free(&csv);
}

/* --- the map --- */

struct entry {
    size_t line;
    struct bytes old, new; /* into the copy */
    bool used;
};

struct map {
    struct entry *at;
    size_t n, room;
};

static int by_old(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    size_t shorter = x->old.len < y->old.len ? x->old.len : y->old.len;
    int order = shorter > 0 ? memcmp(x->old.ptr, y->old.ptr, shorter) : 0;

    return order != 0 ? order : (x->old.len > y->old.len) - (x->old.len < y->old.len);
}

/* *copy holds the names of all entries: the reader's own fields last only for one record. */
static bool read_map(struct transfer *out, struct bytes text, struct map *map, struct secret *copy)
{
    struct csv csv = {.text = text};
    size_t used = 0, before = out->faults;
    enum csv_result result;

    if (text.len > TRANSFER_FILE_MAX || !secret_alloc(copy, text.len)) {
        transfer_say(out, TRANSFER_FAULT, 0, "the map is too large");
        return false;
    }
    while ((result = csv_next(&csv)) == CSV_RECORD) {
        if (csv.n != 2 || csv.fields[0].len == 0 || csv.fields[1].len == 0 ||
            csv.fields[1].len > MFA_USER_MAX ||
            memchr(csv.fields[1].ptr, 0, csv.fields[1].len) != NULL) {
            transfer_say(out, TRANSFER_FAULT, 0,
                         "line %zu of the map is not OLD,NEW with a new name of 1 to %d bytes",
                         csv.line, MFA_USER_MAX);
            continue;
        }
        if (map->n == map->room) {
            size_t room = map->room == 0 ? 64 : map->room * 2;
            struct entry *moved = reallocarray(map->at, room, sizeof *moved);
            if (moved == NULL) {
                transfer_say(out, TRANSFER_FAULT, 0, "memory is short");
                break;
            }
            map->at = moved;
            map->room = room;
        }
        struct entry *entry = &map->at[map->n++];
        *entry = (struct entry){.line = csv.line};
        struct bytes *names[] = {&entry->old, &entry->new};
        for (size_t i = 0; i < 2; i++) {
            memcpy(copy->ptr + used, csv.fields[i].ptr, csv.fields[i].len);
            *names[i] = bytes_of(copy->ptr + used, csv.fields[i].len);
            used += csv.fields[i].len;
        }
    }
    if (result == CSV_FAULT)
        transfer_say(out, TRANSFER_FAULT, 0, "line %zu of the map: %s", csv.line, csv.fault);
    csv_free(&csv);
    if (map->n > 0)
        qsort(map->at, map->n, sizeof *map->at, by_old);
    for (size_t i = 1; i < map->n; i++)
        if (bytes_equal(map->at[i - 1].old, map->at[i].old))
            transfer_say(out, TRANSFER_FAULT, 0, "the map has one old name on lines %zu and %zu",
                         map->at[i - 1].line, map->at[i].line);
    return out->faults == before;
}

void transfer_map(struct transfer *out, struct bytes text)
{
    struct map map = {0};
    struct secret copy = {0};

    if (!read_map(out, text, &map, &copy))
        goto out;
    for (size_t i = 0; i < out->n && map.n > 0; i++) {
        struct transfer_token *token = &out->tokens[i];
        struct entry wanted = {.old = token->user_len > 0 ? bytes_of(token->user, token->user_len)
                                                          : bytes_str(token->name)};
        struct entry *found = bsearch(&wanted, map.at, map.n, sizeof *map.at, by_old);
        if (found == NULL)
            continue;
        found->used = true;
        transfer_user(out, token, found->new);
    }
    for (size_t i = 0; i < map.n; i++)
        if (!map.at[i].used)
            transfer_say(out, TRANSFER_LOST, 0, "line %zu of the map fits no token",
                         map.at[i].line);

out:
    free(map.at);
    secret_free(&copy);
}
