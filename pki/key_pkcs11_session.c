/* How the CA enters a token, and when it does not try. */
#include "config.h"

#include "pki/key_pkcs11_session.h"

#include "common/guard.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct pkcs11_words key_token_words = {
    .cannot_use = "cannot use the PKCS#11 token",
    .setting = "",
    .holds_pin = "it holds a PIN, which others can read: write pin-source=file:/PATH instead",
    .pin_source = "the URI, or give it as the passphrase",
    .pin_owner = "the CA's owner",
};

/* In signal context. */
static void say_stuck(void)
{
    static const char text[] = "pgsignet-ca: error: the PKCS#11 module did not answer in time; "
                               "nothing was signed\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

/*
 * A token counts wrong PINs and locks itself.  A timer tries without end, so with a PIN from a file none is tried
 * once the token says that the last one was wrong; the last try of all is left to other tools.
 */
static bool may_try(const CK_TOKEN_INFO *info, bool from_file, char *why, size_t size)
{
    CK_FLAGS bad = CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;

    if (from_file)
        bad |= CKF_USER_PIN_COUNT_LOW;
    if ((info->flags & bad) == 0)
        return true;
    snprintf(why, size,
             "the PKCS#11 token was given a wrong PIN, and more would lock it (or it is locked): "
             "nothing is tried; see to the PIN, then log in once by hand (pkcs11-tool --login "
             "--list-objects)");
    return false;
}

/*
 * The token that refused a PIN in this run.  Each CA of a folder has its key opened, as a rule with one PIN, and three
 * wrong ones lock a token: so it is not tried again, with whatever PIN.
 */
static struct {
    bool is;
    bool last; /* it was the last login that was tried */
    CK_TOKEN_INFO info;
} refused;

bool key_pkcs11_pin_refused(void)
{
    return refused.last;
}

static bool was_refused(const CK_TOKEN_INFO *info, char *why, size_t size)
{
    if (!refused.is ||
        memcmp(info->serialNumber, refused.info.serialNumber, sizeof info->serialNumber) != 0 ||
        memcmp(info->label, refused.info.label, sizeof info->label) != 0)
        return false;
    snprintf(why, size,
             "the PKCS#11 token refused the PIN a moment ago: it is not tried again in this run, "
             "for a few wrong ones lock the token");
    return true;
}

/* A refused login, as a sentence; always false. */
static bool say_refused(const struct pkcs11 *p, CK_RV rv, char *why, size_t size)
{
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED && rv != CKR_PIN_INVALID &&
        rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_EXPIRED)
        return pkcs11_say(p, why, size, "it refuses the login", rv);
    refused.is = refused.last = true;
    refused.info = p->token;
    return pkcs11_say(p, why, size,
                      "it refuses the login (one try was made, and no more are in this run, for a "
                      "few wrong ones lock the token)",
                      rv);
}

/* The token, and the PIN that was given; empty = it is in a file. */
struct login {
    struct key_token *token;
    struct bytes given;
};

static bool log_in(struct pkcs11 *p, void *context, bool *again, char *why, size_t size)
{
    const struct login *login = context;
    struct secret *pin = &login->token->pin;
    bool from_file = login->given.len == 0;

    refused.last = false;
    if (was_refused(&p->token, why, size) || !may_try(&p->token, from_file, why, size))
        return false;
    if (pin->len == 0 &&
        !(from_file ? pkcs11_read_pin(p, pin, why, size) : secret_copy(pin, login->given)))
        return false;
    CK_RV rv = pkcs11_try_pin(p, pin, again);
    return rv == CKR_OK || say_refused(p, rv, why, size);
}

bool key_token_enter(struct key_token *token, const char *uri, struct bytes pin, bool to_write,
                     char *why, size_t size)
{
    struct login login = {token, pin};

    refused.last = false;
    token->p.words = &key_token_words;
    token->p.timeout_ms = KEY_TOKEN_WAIT_MS;
    token->p.uri = pkcs11_uri(&key_token_words, uri, why, size);
    if (token->p.uri == NULL)
        return false;
    guard_on_exit(say_stuck);
    return pkcs11_enter(&token->p, to_write ? CKF_RW_SESSION : 0, log_in, &login, why, size);
}

void key_token_leave(struct key_token *token)
{
    pkcs11_leave(&token->p);
    secret_free(&token->pin);
    *token = (struct key_token){0};
}
