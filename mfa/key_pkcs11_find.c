#include "config.h"

#include "mfa/key_pkcs11_find.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/guard.h"
#include "common/secret.h"
#include "common/text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_MAX 64
#define FIELD_MAX 96 /* bytes of CKA_ID and CKA_LABEL that are looked at */
#define PIN_MAX   256
#define NAME_SIZE 200 /* bytes of a label, escaped */
#define PAUSE_MS  320 /* before the last try to enter a token that another process is changing */

void pkcs11_call_begins(const struct pkcs11_key *p)
{
    guard_step(clock_mono_ms() + p->timeout_ms);
}

void pkcs11_call_ends(void)
{
    (void)guard_step_end();
}

static bool say(char *why, size_t size, const char *what, CK_RV rv)
{
    snprintf(why, size, "cannot use the key in the PKCS#11 token (keys.pkcs11): %s: %s", what,
             p11_kit_strerror(rv));
    return false;
}

static bool read_uri(struct pkcs11_key *p, const char *text, char *why, size_t size)
{
    p->uri = p11_kit_uri_new();
    int rc = p->uri == NULL ? P11_KIT_URI_UNEXPECTED
                            : p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, p->uri);
    const char *fault = rc != P11_KIT_URI_OK ? p11_kit_uri_message(rc) : NULL;

    if (fault == NULL && p11_kit_uri_any_unrecognized(p->uri))
        fault = "it has a part that is not known";
    else if (fault == NULL && p11_kit_uri_get_pin_value(p->uri) != NULL)
        fault = "it holds a PIN";
    else if (fault == NULL && p11_kit_uri_get_module_path(p->uri) == NULL)
        fault = "it has no module-path";
    if (fault == NULL)
        return true;
    snprintf(why, size, "cannot use the PKCS#11 URI (keys.pkcs11): %s", fault);
    return false;
}

static bool load(struct pkcs11_key *p, char *why, size_t size)
{
    const char *path = p11_kit_uri_get_module_path(p->uri);

    pkcs11_call_begins(p);
    p->module = p11_kit_module_load(path, 0);
    pkcs11_call_ends();
    if (p->module == NULL) {
        const char *message = p11_kit_message();
        snprintf(why, size, "cannot load the PKCS#11 module %s (keys.pkcs11): %s", path,
                 message != NULL ? message : "it is no such library");
        return false;
    }
    return true;
}

static bool start(struct pkcs11_key *p, char *why, size_t size)
{
    pkcs11_call_begins(p);
    if (p->initialized)
        p11_kit_module_finalize(p->module);
    p->has_session = false;
    CK_RV rv = p11_kit_module_initialize(p->module);
    pkcs11_call_ends();
    p->initialized = rv == CKR_OK;
    return p->initialized || say(why, size, "the module does not start", rv);
}

/* The one token that fits the URI. */
static bool find_token(const struct pkcs11_key *p, CK_SLOT_ID *slot, CK_TOKEN_INFO *info, char *why,
                       size_t size)
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
        *info = here;
        found++;
    }
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return say(why, size, "the module names no slots", rv);
    if (found == 1)
        return true;
    snprintf(
        why, size,
        "cannot use the key in the PKCS#11 token (keys.pkcs11): %s of the module fits the URI; "
        "see `p11tool --list-tokens` or `softhsm2-util --show-slots` for what is there",
        found == 0 ? "no token" : "more than one token");
    return false;
}

/* Reads the PIN's file; a line end after the PIN does not count. */
static bool read_pin(const struct pkcs11_key *p, struct secret *pin, char *why, size_t size)
{
    const char *source = p11_kit_uri_get_pin_source(p->uri);

    *pin = (struct secret){0};
    if (source == NULL || strncmp(source, "file:/", 6) != 0) {
        snprintf(why, size,
                 "cannot log in to the PKCS#11 token: it asks for a PIN; write "
                 "pin-source=file:/PATH into keys.pkcs11");
        return false;
    }
    const char *path = source + 5;
    if (strncmp(path, "//", 2) == 0)
        path += 2; /* file:///PATH */
    const char *fault = secret_read_file(pin, path, PIN_MAX);
    if (fault == NULL && (pin->len == 0 || pin->ptr[0] == '\n')) {
        errno = 0;
        fault = "is empty";
        secret_free(pin);
    }
    if (fault == NULL)
        return true;
    int error = errno;
    snprintf(why, size,
             "cannot log in to the PKCS#11 token: the PIN's file %s %s%s%s; it must belong to "
             "daemon.user, with mode 0400",
             path, fault, error ? ": " : "", error ? strerror(error) : "");
    return false;
}

/*
 * A token counts wrong PINs and locks itself.  Programs try without end, so none tries once the token
 * says that the last try was wrong.  *again: it failed by no fault of the PIN.
 */
static bool log_in(const struct pkcs11_key *p, const CK_TOKEN_INFO *info, bool *again, char *why,
                   size_t size)
{
    struct secret pin;

    *again = false;
    if ((info->flags & CKF_LOGIN_REQUIRED) == 0)
        return true;
    if ((info->flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)) !=
        0) {
        snprintf(why, size,
                 "the PKCS#11 token was given a wrong PIN, and more would lock it: nothing is "
                 "tried; correct the pin-source's file, then log in once by hand (pkcs11-tool "
                 "--login --list-objects)");
        return false;
    }
    if (!read_pin(p, &pin, why, size))
        return false;
    size_t len = pin.len - (pin.ptr[pin.len - 1] == '\n' ? 1 : 0);
    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_Login(p->session, CKU_USER, pin.ptr, len);
    pkcs11_call_ends();
    secret_free(&pin);
    /* The last is what SoftHSM says of a file that is being written: it finds no PIN in it. */
    *again = rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR ||
             rv == CKR_USER_PIN_NOT_INITIALIZED;
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ||
           say(why, size, "the token refuses the login (pin-source)", rv);
}

static bool find_key(struct pkcs11_key *p, char *why, size_t size)
{
    CK_ATTRIBUTE wanted[8];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_OBJECT_HANDLE found[2];
    CK_ULONG n_wanted = 0, n = 0;
    const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_ID};

    wanted[n_wanted++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof class};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(p->uri, types[i]);
        if (attribute != NULL)
            wanted[n_wanted++] = *attribute;
    }
    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_FindObjectsInit(p->session, wanted, n_wanted);
    if (rv == CKR_OK) {
        rv = p->module->C_FindObjects(p->session, found, 2, &n);
        p->module->C_FindObjectsFinal(p->session);
    }
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return say(why, size, "it cannot be searched", rv);
    if (n == 1) {
        p->key = found[0];
        return true;
    }
    if (n == 0)
        snprintf(why, size,
                 "the PKCS#11 token has no such secret key (keys.pkcs11); make one: pkcs11-tool "
                 "--module %s --login --token-label LABEL --keygen --key-type AES:32 --sensitive "
                 "--label NAME --id 01",
                 p11_kit_uri_get_module_path(p->uri));
    else
        snprintf(why, size,
                 "the PKCS#11 token has several such keys; add id=%%NN to keys.pkcs11 so that it "
                 "names one");
    return false;
}

/* The key's properties, and the fields that make its id. */
static bool inspect(const struct pkcs11_key *p, const CK_TOKEN_INFO *info, char id[KEK_ID_MAX],
                    char *why, size_t size)
{
    CK_KEY_TYPE type = 0;
    CK_ULONG length = 0;
    CK_BBOOL extractable = CK_TRUE, sensitive = CK_FALSE;
    uint8_t key_id[FIELD_MAX], label[FIELD_MAX], digest[CRYPTO_SHA256];
    CK_ATTRIBUTE attributes[] = {
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &length, sizeof length},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_ID, key_id, sizeof key_id},
        {CKA_LABEL, label, sizeof label},
    };
    struct seal_place fields;

    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_GetAttributeValue(p->session, p->key, attributes,
                                              sizeof attributes / sizeof attributes[0]);
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return say(why, size, "the key's attributes cannot be read", rv);
    const char *fault = type != CKK_AES || length != SEAL_KEY ? "is no AES key of 256 bits"
                        : extractable != CK_FALSE || sensitive != CK_TRUE
                            ? "can be read out of it (CKA_EXTRACTABLE, CKA_SENSITIVE)"
                            : NULL;
    if (fault != NULL) {
        snprintf(why, size,
                 "the key in the PKCS#11 token (keys.pkcs11) %s; make one that is not "
                 "extractable: pkcs11-tool --keygen --key-type AES:32 --sensitive",
                 fault);
        return false;
    }
    seal_place_begin(&fields, "pgsignet kek id pkcs11");
    seal_place_bytes(&fields, bytes_of(info->serialNumber, sizeof info->serialNumber));
    seal_place_bytes(&fields, bytes_of(key_id, attributes[4].ulValueLen));
    seal_place_bytes(&fields, bytes_of(label, attributes[5].ulValueLen));
    if (fields.overflow || !crypto_sha256(bytes_of(fields.at, fields.len), digest)) {
        snprintf(why, size, "cannot identify the PKCS#11 key: SHA-256 fails in OpenSSL");
        return false;
    }
    for (size_t i = 0; i < 8; i++)
        snprintf(id + 2 * i, 3, "%02x", (unsigned)digest[i]);
    return true;
}

/* Starts the module and logs in to the token.  *again: it may do so a moment later. */
static bool open_session(struct pkcs11_key *p, CK_TOKEN_INFO *info, bool *again, char *why,
                         size_t size)
{
    CK_SLOT_ID slot = 0;

    *again = false;
    if (!start(p, why, size))
        return false;
    *again = true;
    if (!find_token(p, &slot, info, why, size))
        return false;
    pkcs11_call_begins(p);
    CK_RV rv = p->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &p->session);
    pkcs11_call_ends();
    if (rv != CKR_OK)
        return say(why, size, "no session can be opened", rv);
    p->has_session = true;
    return log_in(p, info, again, why, size);
}

/*
 * SoftHSM writes a token's file anew at each login; a process that starts it in that moment does not see
 * the token, or cannot log in, until it starts it again.  All workers start at one moment; so they wait
 * for each other, and longer each time.
 */
static bool open_session_in_turn(struct pkcs11_key *p, CK_TOKEN_INFO *info, char *why, size_t size)
{
    bool again;

    for (int pause_ms = 10; !open_session(p, info, &again, why, size); pause_ms *= 2) {
        if (!again || pause_ms > PAUSE_MS)
            return false;
        poll(NULL, 0, pause_ms + getpid() % pause_ms); /* not all again at one moment */
    }
    return true;
}

bool pkcs11_enter(struct pkcs11_key *p, const char *uri, char id[KEK_ID_MAX], char *why,
                  size_t size)
{
    CK_TOKEN_INFO info = {.flags = 0};

    return read_uri(p, uri, why, size) && load(p, why, size) &&
           open_session_in_turn(p, &info, why, size) && find_key(p, why, size) &&
           inspect(p, &info, id, why, size);
}

void pkcs11_leave(struct pkcs11_key *p)
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
    *p = (struct pkcs11_key){0};
}
