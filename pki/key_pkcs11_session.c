/* From a URI to a session on a token. */
#include "config.h"

#include "pki/key_pkcs11_session.h"

#include "common/clock.h"
#include "common/guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_MAX 64
#define PIN_MAX   256
#define PAUSE_MS  320 /* before the last try to enter a token that another process is changing */

/* In signal context. */
static void say_stuck(void)
{
    static const char text[] = "pgsignet-ca: error: the PKCS#11 module did not answer in time; "
                               "nothing was signed\n";

    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

void pkcs11_call_begins(void)
{
    guard_step(clock_mono_ms() + KEY_TOKEN_WAIT_MS);
}

void pkcs11_call_ends(void)
{
    (void)guard_step_end();
}

bool pkcs11_say(char *why, size_t size, const char *what, CK_RV rv)
{
    snprintf(why, size, "cannot use the PKCS#11 token: %s: %s", what, p11_kit_strerror(rv));
    return false;
}

P11KitUri *pkcs11_uri(const char *text, char *why, size_t size)
{
    P11KitUri *uri = p11_kit_uri_new();
    int rc =
        uri == NULL ? P11_KIT_URI_UNEXPECTED : p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    const char *fault = rc != P11_KIT_URI_OK ? p11_kit_uri_message(rc) : NULL;

    if (fault == NULL && p11_kit_uri_any_unrecognized(uri))
        fault = "it has a part that is not known";
    else if (fault == NULL && p11_kit_uri_get_pin_value(uri) != NULL)
        fault = "it holds a PIN, which others can read: write pin-source=file:/PATH instead";
    else if (fault == NULL && p11_kit_uri_get_module_path(uri) == NULL)
        fault = "it has no module-path";
    if (fault == NULL)
        return uri;
    snprintf(why, size, "cannot use the PKCS#11 URI: %s", fault);
    p11_kit_uri_free(uri);
    return NULL;
}

static bool load(struct key_token *token, char *why, size_t size)
{
    const char *path = p11_kit_uri_get_module_path(token->uri);

    guard_on_exit(say_stuck);
    pkcs11_call_begins();
    token->module = p11_kit_module_load(path, 0);
    pkcs11_call_ends();
    if (token->module == NULL) {
        const char *message = p11_kit_message();
        snprintf(why, size, "cannot load the PKCS#11 module %s: %s", path,
                 message != NULL ? message : "it is no such library");
        return false;
    }
    return true;
}

static bool start(struct key_token *token, char *why, size_t size)
{
    pkcs11_call_begins();
    if (token->initialized)
        p11_kit_module_finalize(token->module);
    token->has_session = false;
    CK_RV rv = p11_kit_module_initialize(token->module);
    pkcs11_call_ends();
    token->initialized = rv == CKR_OK;
    return token->initialized || pkcs11_say(why, size, "the module does not start", rv);
}

/* The one token that fits the URI. */
static bool find_token(const struct key_token *token, CK_SLOT_ID *slot, CK_TOKEN_INFO *info,
                       char *why, size_t size)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    size_t found = 0;

    pkcs11_call_begins();
    CK_RV rv = token->module->C_GetSlotList(CK_TRUE, slots, &n);
    for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
        CK_TOKEN_INFO here;
        if (token->module->C_GetTokenInfo(slots[i], &here) != CKR_OK ||
            p11_kit_uri_match_token_info(token->uri, &here) != 1)
            continue;
        *slot = slots[i];
        *info = here;
        found++;
    }
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return pkcs11_say(why, size, "the module names no slots", rv);
    if (found == 1)
        return true;
    snprintf(why, size,
             "cannot use the PKCS#11 token: %s of the module fits the URI; see `p11tool "
             "--list-tokens` or `softhsm2-util --show-slots` for what is there",
             found == 0 ? "no token" : "more than one token");
    return false;
}

/* --- the PIN --- */

/* Reads the PIN's file; a line end after the PIN does not count. */
static bool read_pin(const struct key_token *token, struct secret *pin, char *why, size_t size)
{
    const char *path = pkcs11_pin_file(token->uri);
    struct secret whole;

    if (path == NULL) {
        snprintf(why, size,
                 "cannot log in to the PKCS#11 token: it asks for a PIN; write "
                 "pin-source=file:/PATH into the URI, or give it as the passphrase");
        return false;
    }
    const char *fault = secret_read_file(&whole, path, PIN_MAX);
    int error = fault != NULL ? errno : 0;
    size_t len = whole.len - (whole.len > 0 && whole.ptr[whole.len - 1] == '\n' ? 1 : 0);
    if (fault == NULL && (len == 0 || !secret_copy(pin, bytes_of(whole.ptr, len))))
        fault = "is empty";
    secret_free(&whole);
    if (fault == NULL)
        return true;
    snprintf(why, size,
             "cannot log in to the PKCS#11 token: the PIN's file %s %s%s%s; it must belong to the "
             "CA's owner, with mode 0400",
             path, fault, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    return false;
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
static bool say_refused(const CK_TOKEN_INFO *info, CK_RV rv, char *why, size_t size)
{
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED && rv != CKR_PIN_INVALID &&
        rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_EXPIRED)
        return pkcs11_say(why, size, "it refuses the login", rv);
    refused.is = refused.last = true;
    refused.info = *info;
    return pkcs11_say(why, size,
                      "it refuses the login (one try was made, and no more are in this run, for a "
                      "few wrong ones lock the token)",
                      rv);
}

/* *again: it failed by no fault of the PIN. */
static bool log_in(struct key_token *token, const CK_TOKEN_INFO *info, struct bytes given,
                   bool *again, char *why, size_t size)
{
    *again = refused.last = false;
    if ((info->flags & CKF_LOGIN_REQUIRED) == 0)
        return true;
    if (was_refused(info, why, size) || !may_try(info, given.len == 0, why, size))
        return false;
    if (token->pin.len == 0 && !(given.len > 0 ? secret_copy(&token->pin, given)
                                               : read_pin(token, &token->pin, why, size)))
        return false;
    pkcs11_call_begins();
    CK_RV rv = token->module->C_Login(token->session, CKU_USER, token->pin.ptr, token->pin.len);
    pkcs11_call_ends();
    /* The last is what SoftHSM says of a file that is being written: it finds no PIN in it. */
    *again = rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
             rv == CKR_USER_PIN_NOT_INITIALIZED;
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || say_refused(info, rv, why, size);
}

/* --- sessions --- */

static bool open_session(struct key_token *token, struct bytes pin, bool to_write, bool *again,
                         char *why, size_t size)
{
    CK_TOKEN_INFO info = {.flags = 0};
    CK_SLOT_ID slot = 0;

    *again = false;
    if (!start(token, why, size))
        return false;
    *again = true;
    if (!find_token(token, &slot, &info, why, size))
        return false;
    pkcs11_call_begins();
    CK_RV rv = token->module->C_OpenSession(
        slot, CKF_SERIAL_SESSION | (to_write ? CKF_RW_SESSION : 0), NULL, NULL, &token->session);
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return pkcs11_say(why, size, "no session can be opened", rv);
    token->has_session = true;
    return log_in(token, &info, pin, again, why, size);
}

/*
 * SoftHSM writes a token's file anew at each login; a process that starts it in that moment does not see the token, or
 * cannot log in, until it starts it again.
 */
bool pkcs11_enter(struct key_token *token, struct bytes pin, bool to_write, char *why, size_t size)
{
    bool again;

    if (!load(token, why, size))
        return false;
    for (int pause_ms = 10; !open_session(token, pin, to_write, &again, why, size); pause_ms *= 2) {
        if (!again || pause_ms > PAUSE_MS)
            return false;
        poll(NULL, 0, pause_ms + getpid() % pause_ms); /* not all again at one moment */
    }
    return true;
}

void pkcs11_leave(struct key_token *token)
{
    if (token->module != NULL)
        pkcs11_call_begins();
    if (token->has_session) /* logs out as well: it is the only one */
        token->module->C_CloseSession(token->session);
    if (token->initialized)
        p11_kit_module_finalize(token->module);
    if (token->module != NULL) {
        p11_kit_module_release(token->module);
        pkcs11_call_ends();
    }
    secret_free(&token->pin);
    p11_kit_uri_free(token->uri);
    *token = (struct key_token){0};
}
