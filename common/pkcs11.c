#include "config.h"

#include "common/pkcs11.h"

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

void pkcs11_call_begins(const struct pkcs11 *p)
{
    guard_step(clock_mono_ms() + p->timeout_ms);
}

void pkcs11_call_ends(void)
{
    (void)guard_step_end();
}

bool pkcs11_say(const struct pkcs11 *p, char *why, size_t size, const char *what, CK_RV rv)
{
    snprintf(why, size, "%s: %s: %s", p->words->cannot_use, what, p11_kit_strerror(rv));
    return false;
}

P11KitUri *pkcs11_uri(const struct pkcs11_words *words, const char *text, char *why, size_t size)
{
    P11KitUri *uri = p11_kit_uri_new();
    int rc =
        uri == NULL ? P11_KIT_URI_UNEXPECTED : p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    const char *fault = rc != P11_KIT_URI_OK ? p11_kit_uri_message(rc) : NULL;

    if (fault == NULL && p11_kit_uri_any_unrecognized(uri))
        fault = "it has a part that is not known";
    else if (fault == NULL && p11_kit_uri_get_pin_value(uri) != NULL)
        fault = words->holds_pin;
    else if (fault == NULL && p11_kit_uri_get_module_path(uri) == NULL)
        fault = "it has no module-path";
    if (fault == NULL)
        return uri;
    snprintf(why, size, "cannot use the PKCS#11 URI%s: %s", words->setting, fault);
    p11_kit_uri_free(uri);
    return NULL;
}

/* --- the PIN --- */

const char *pkcs11_pin_file(P11KitUri *uri)
{
    const char *source = p11_kit_uri_get_pin_source(uri);

    if (source == NULL || strncmp(source, "file:/", 6) != 0)
        return NULL;
    return strncmp(source + 5, "//", 2) == 0 ? source + 7 : source + 5; /* file:///PATH */
}

bool pkcs11_read_pin(const struct pkcs11 *p, struct secret *pin, char *why, size_t size)
{
    const char *path = pkcs11_pin_file(p->uri);
    struct secret whole = {0};

    *pin = (struct secret){0};
    if (path == NULL) {
        snprintf(why, size,
                 "cannot log in to the PKCS#11 token: it asks for a PIN; write "
                 "pin-source=file:/PATH into %s",
                 p->words->pin_source);
        return false;
    }
    const char *fault = secret_read_file(&whole, path, PIN_MAX);
    int error = fault != NULL ? errno : 0;
    if (fault == NULL && (whole.len == 0 || whole.ptr[0] == '\n'))
        fault = "is empty";
    if (fault == NULL &&
        !secret_copy(pin,
                     bytes_of(whole.ptr, whole.len - (whole.ptr[whole.len - 1] == '\n' ? 1 : 0))))
        fault = "cannot be kept: memory is short";
    secret_free(&whole);
    if (fault == NULL)
        return true;
    snprintf(why, size,
             "cannot log in to the PKCS#11 token: the PIN's file %s %s%s%s; it must belong to %s, "
             "with mode 0400",
             path, fault, error != 0 ? ": " : "", error != 0 ? strerror(error) : "",
             p->words->pin_owner);
    return false;
}

CK_RV pkcs11_try_pin(const struct pkcs11 *p, const struct secret *pin, bool *again)
{
    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_Login(p->session, CKU_USER, pin->ptr, pin->len);
    pkcs11_call_ends();
    /* The last is what SoftHSM says of a file that is being written: it finds no PIN in it. */
    *again = rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
             rv == CKR_USER_PIN_NOT_INITIALIZED;
    return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

/* --- sessions --- */

static bool load(struct pkcs11 *p, char *why, size_t size)
{
    const char *path = p11_kit_uri_get_module_path(p->uri);

    pkcs11_call_begins(p);
    p->module = p11_kit_module_load(path, 0);
    pkcs11_call_ends();
    if (p->module == NULL) {
        const char *message = p11_kit_message();
        snprintf(why, size, "cannot load the PKCS#11 module %s%s: %s", path, p->words->setting,
                 message != NULL ? message : "it is no such library");
        return false;
    }
    return true;
}

static bool start(struct pkcs11 *p, char *why, size_t size)
{
    pkcs11_call_begins(p);
    if (p->initialized)
        p11_kit_module_finalize(p->module);
    p->has_session = false;
    CK_RV rv = p11_kit_module_initialize(p->module);
    pkcs11_call_ends();
    p->initialized = rv == CKR_OK;
    return p->initialized || pkcs11_say(p, why, size, "the module does not start", rv);
}

/* The one token that fits the URI. */
static bool find_token(struct pkcs11 *p, CK_SLOT_ID *slot, char *why, size_t size)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    size_t found = 0;

    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_GetSlotList(CK_TRUE, slots, &n);
    for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
        CK_TOKEN_INFO here;
        if (p->module->C_GetTokenInfo(slots[i], &here) != CKR_OK ||
            p11_kit_uri_match_token_info(p->uri, &here) != 1)
            continue;
        *slot = slots[i];
        p->token = here;
        found++;
    }
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return pkcs11_say(p, why, size, "the module names no slots", rv);
    if (found == 1)
        return true;
    snprintf(why, size,
             "%s: %s of the module fits the URI; see `p11tool --list-tokens` or `softhsm2-util "
             "--show-slots` for what is there",
             p->words->cannot_use, found == 0 ? "no token" : "more than one token");
    return false;
}

static bool open_session(struct pkcs11 *p, CK_FLAGS more_flags, pkcs11_log_in *log_in,
                         void *context, bool *again, char *why, size_t size)
{
    CK_SLOT_ID slot = 0;

    *again = false;
    if (!start(p, why, size))
        return false;
    *again = true;
    if (!find_token(p, &slot, why, size))
        return false;
    pkcs11_call_begins(p);
    CK_RV rv =
        p->module->C_OpenSession(slot, CKF_SERIAL_SESSION | more_flags, NULL, NULL, &p->session);
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return pkcs11_say(p, why, size, "no session can be opened", rv);
    p->has_session = true;
    *again = false;
    return (p->token.flags & CKF_LOGIN_REQUIRED) == 0 || log_in(p, context, again, why, size);
}

/*
 * SoftHSM writes a token's file anew at each login; a process that starts it in that moment does not see the token, or
 * cannot log in, until it starts it again.  All workers of a daemon start at one moment; so they wait for each other,
 * and longer each time.
 */
bool pkcs11_enter(struct pkcs11 *p, CK_FLAGS more_flags, pkcs11_log_in *log_in, void *context,
                  char *why, size_t size)
{
    bool again;

    if (!load(p, why, size))
        return false;
    for (int pause_ms = 10; !open_session(p, more_flags, log_in, context, &again, why, size);
         pause_ms *= 2) {
        if (!again || pause_ms > PAUSE_MS)
            return false;
        poll(NULL, 0, pause_ms + getpid() % pause_ms); /* not all again at one moment */
    }
    return true;
}

void pkcs11_leave(struct pkcs11 *p)
{
    if (p->module != NULL)
        pkcs11_call_begins(p);
    if (p->has_session) /* logs out as well: it is the only one */
        p->module->C_CloseSession(p->session);
    if (p->initialized)
        p11_kit_module_finalize(p->module);
    if (p->module != NULL) {
        p11_kit_module_release(p->module);
        pkcs11_call_ends();
    }
    p11_kit_uri_free(p->uri);
    *p = (struct pkcs11){0};
}

/* --- objects --- */

CK_ULONG pkcs11_wanted(const struct pkcs11 *p, CK_ATTRIBUTE wanted[2])
{
    const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_ID};
    CK_ULONG n = 0;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(p->uri, types[i]);
        if (attribute != NULL)
            wanted[n++] = *attribute;
    }
    return n;
}

bool pkcs11_find(const struct pkcs11 *p, CK_ATTRIBUTE *wanted, CK_ULONG n_wanted,
                 CK_OBJECT_HANDLE found[2], CK_ULONG *n, char *why, size_t size)
{
    *n = 0;
    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_FindObjectsInit(p->session, wanted, n_wanted);
    if (rv == CKR_OK) {
        rv = p->module->C_FindObjects(p->session, found, 2, n);
        p->module->C_FindObjectsFinal(p->session);
    }
    pkcs11_call_ends();
    return rv == CKR_OK || pkcs11_say(p, why, size, "it cannot be searched", rv);
}
