#include "config.h"

#include "mfa/transfer.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/text.h"
#include "mfa/cli.h"

#define NOTE_SIZE 400 /* bytes */

static const struct {
    const char *name;
    void (*read)(const struct transfer_input *input, struct transfer *out);
} formats[TRANSFER_FORMATS] = {
    [TRANSFER_GOOGLE] = {"google-authenticator", transfer_read_google},
    [TRANSFER_OATH] = {"oath", transfer_read_oath},
    [TRANSFER_PSKC] = {"pskc", transfer_read_pskc},
    [TRANSFER_OTPAUTH] = {"otpauth", transfer_read_otpauth},
    [TRANSFER_CSV] = {"csv", transfer_read_csv},
};

const char *transfer_format_name(enum transfer_format format)
{
    return formats[format].name;
}

bool transfer_format_read(const char *text, enum transfer_format *format)
{
    for (size_t i = 0; i < TRANSFER_FORMATS; i++) {
        if (strcmp(text, formats[i].name) == 0) {
            *format = (enum transfer_format)i;
            return true;
        }
    }
    return false;
}

void transfer_read(enum transfer_format format, const struct transfer_input *input,
                   struct transfer *out)
{
    if (input->text.len > TRANSFER_FILE_MAX)
        transfer_say(out, TRANSFER_FAULT, 0, "the file has more than %d bytes", TRANSFER_FILE_MAX);
    else if (input->user.len > MFA_USER_MAX)
        transfer_say(out, TRANSFER_FAULT, 0, "a user's name has 1 to %d bytes", MFA_USER_MAX);
    else
        formats[format].read(input, out);
}

/* Room for one more; the elements hold pointers to secrets, never secrets. */
static void *grown(void *at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return at;
    size_t wanted = *room == 0 ? 16 : *room + *room / 2;
    void *moved = reallocarray(at, wanted, size);
    if (moved != NULL)
        *room = wanted;
    return moved;
}

void transfer_say(struct transfer *out, enum transfer_weight weight, size_t line,
                  const char *format, ...)
{
    char draft[NOTE_SIZE], clean[NOTE_SIZE];
    va_list arguments;

    if (weight == TRANSFER_FAULT)
        out->faults++;
    struct transfer_note *notes =
        out->n_notes < TRANSFER_NOTES_MAX
            ? grown(out->notes, out->n_notes, &out->notes_room, sizeof *notes)
            : NULL;
    if (notes == NULL) {
        out->uncited++;
        return;
    }
    out->notes = notes;
    va_start(arguments, format);
    vsnprintf(draft, sizeof draft, format, arguments);
    va_end(arguments);
    text_clean(clean, sizeof clean, bytes_str(draft));
    char *text = strdup(clean);
    if (text == NULL)
        out->uncited++;
    else
        notes[out->n_notes++] =
            (struct transfer_note){.line = line, .weight = weight, .text = text};
}

struct transfer_token *transfer_add(struct transfer *out, size_t line, struct bytes user)
{
    if (out->n >= TRANSFER_TOKENS_MAX) {
        transfer_say(out, TRANSFER_FAULT, line, "there are more than %d tokens",
                     TRANSFER_TOKENS_MAX);
        return NULL;
    }
    struct transfer_token *tokens = grown(out->tokens, out->n, &out->room, sizeof *tokens);
    if (tokens == NULL) {
        transfer_say(out, TRANSFER_FAULT, line, "memory is short");
        return NULL;
    }
    out->tokens = tokens;
    struct transfer_token *token = &tokens[out->n++];
    *token = (struct transfer_token){.line = line, .digits = 6, .period = 30};
    if (!transfer_user(out, token, user)) {
        transfer_drop(out);
        return NULL;
    }
    return token;
}

bool transfer_user(struct transfer *out, struct transfer_token *token, struct bytes user)
{
    uint8_t *copy = NULL;

    if (user.len > TRANSFER_USER_MAX || (user.len > 0 && memchr(user.ptr, 0, user.len) != NULL)) {
        transfer_say(out, TRANSFER_FAULT, token->line, "the user's name is too long, or has NUL");
        return false;
    }
    if (user.len > 0) {
        copy = malloc(user.len);
        if (copy == NULL) {
            transfer_say(out, TRANSFER_FAULT, token->line, "memory is short");
            return false;
        }
        memcpy(copy, user.ptr, user.len);
    }
    free(token->user);
    token->user = copy;
    token->user_len = user.len;
    return true;
}

void transfer_drop(struct transfer *out)
{
    struct transfer_token *token = &out->tokens[--out->n];

    secret_free(&token->secret);
    free(token->user);
}

bool transfer_check(struct transfer *out, const struct transfer_token *token)
{
    size_t len = token->secret.len, before = out->faults;

    if (len < TRANSFER_SECRET_MIN || len > TRANSFER_SECRET_MAX)
        transfer_say(out, TRANSFER_FAULT, token->line,
                     "the secret has %zu bytes; %d to %d are taken", len, TRANSFER_SECRET_MIN,
                     TRANSFER_SECRET_MAX);
    else if (len < TRANSFER_SECRET_FIT)
        transfer_say(out, TRANSFER_LOST, token->line,
                     "the secret has %zu bits, and RFC 4226 demands 128: it is taken as it is; "
                     "give this user a new token soon",
                     len * 8);
    if (token->digits < 6 || token->digits > 8)
        transfer_say(out, TRANSFER_FAULT, token->line, "codes have %u digits; 6 to 8 are taken",
                     token->digits);
    if (token->kind == TOKEN_TOTP &&
        (token->period < TRANSFER_PERIOD_MIN || token->period > TRANSFER_PERIOD_MAX))
        transfer_say(out, TRANSFER_FAULT, token->line, "codes live %u seconds; %d to %d are taken",
                     token->period, TRANSFER_PERIOD_MIN, TRANSFER_PERIOD_MAX);
    return out->faults == before;
}

void transfer_free(struct transfer *out)
{
    while (out->n > 0)
        transfer_drop(out);
    for (size_t i = 0; i < out->n_notes; i++)
        free(out->notes[i].text);
    free(out->tokens);
    free(out->notes);
    *out = (struct transfer){0};
}

/* --- what can be judged only when all is read --- */

static int by_user_and_name(const void *a, const void *b)
{
    const struct transfer_token *x = *(struct transfer_token *const *)a;
    const struct transfer_token *y = *(struct transfer_token *const *)b;
    size_t shorter = x->user_len < y->user_len ? x->user_len : y->user_len;

    int order = shorter > 0 ? memcmp(x->user, y->user, shorter) : 0;
    if (order == 0 && x->user_len != y->user_len)
        order = x->user_len < y->user_len ? -1 : 1;
    if (order == 0)
        order = strcmp(x->name, y->name);
    if (order == 0)
        order = x->line < y->line ? -1 : x->line > y->line;
    return order;
}

static bool same_user(const struct transfer_token *a, const struct transfer_token *b)
{
    return bytes_equal(bytes_of(a->user, a->user_len), bytes_of(b->user, b->user_len));
}

static bool name_is_taken(struct transfer_token *const *of_user, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(of_user[i]->name, name) == 0)
            return true;
    return false;
}

/* The tokens of one user, ordered by name: those without one first. */
static void finish_user(struct transfer *out, struct transfer_token *const *of_user, size_t n)
{
    unsigned number = 1;

    if (of_user[0]->user_len == 0) {
        for (size_t i = 0; i < n; i++)
            transfer_say(out, TRANSFER_FAULT, of_user[i]->line,
                         "nothing says whose token this is; see --user and --map");
        return;
    }
    if (of_user[0]->user_len > MFA_USER_MAX) {
        for (size_t i = 0; i < n; i++)
            transfer_say(out, TRANSFER_FAULT, of_user[i]->line,
                         "the user's name has %zu bytes; %d is the most (see --map)",
                         of_user[i]->user_len, MFA_USER_MAX);
        return;
    }
    if (n > MFA_TOKENS_PER_USER) {
        transfer_say(out, TRANSFER_FAULT, of_user[n - 1]->line,
                     "this user has %zu tokens; %d is the most", n, MFA_TOKENS_PER_USER);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char name[sizeof CLI_TOKEN_NAME + 12] = CLI_TOKEN_NAME;
        if (of_user[i]->name[0] != '\0') {
            if (i > 0 && strcmp(of_user[i]->name, of_user[i - 1]->name) == 0)
                transfer_say(out, TRANSFER_FAULT, of_user[i]->line,
                             "this user has a token of this name on line %zu already",
                             of_user[i - 1]->line);
            continue;
        }
        while (name_is_taken(of_user, n, name))
            snprintf(name, sizeof name, "%s-%u", CLI_TOKEN_NAME, ++number);
        memcpy(of_user[i]->name, name, strlen(name) + 1);
    }
}

void transfer_finish(struct transfer *out)
{
    if (out->n == 0) {
        if (out->faults == 0)
            transfer_say(out, TRANSFER_FAULT, 0, "there is no token in it");
        return;
    }
    struct transfer_token **order = calloc(out->n, sizeof *order);
    if (order == NULL) {
        transfer_say(out, TRANSFER_FAULT, 0, "memory is short");
        return;
    }
    for (size_t i = 0; i < out->n; i++)
        order[i] = &out->tokens[i];
    qsort(order, out->n, sizeof *order, by_user_and_name);
    for (size_t from = 0, to; from < out->n; from = to) {
        for (to = from + 1; to < out->n && same_user(order[from], order[to]); to++)
            ;
        finish_user(out, order + from, to - from);
    }
    free(order);
}
