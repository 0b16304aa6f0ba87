/*
 * pkcs11.h - from an RFC 7512 URI to a session on the one PKCS#11 token that it names.
 *
 * Who uses it brings what differs: how it logs in, and the words that name its setting.  The module is loaded from
 * pkcs11_enter to pkcs11_leave and no longer.  Every function that can fail writes one sentence to why.
 */
#ifndef PGSIGNET_PKCS11_H
#define PGSIGNET_PKCS11_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "common/secret.h"

struct pkcs11_words {
    const char *cannot_use; /* what pkcs11_say begins with: "cannot use the PKCS#11 token" */
    const char *setting;    /* after the name of a thing: " (keys.pkcs11)", or "" */
    const char *holds_pin;  /* what is wrong with a URI that holds a PIN */
    const char *pin_source; /* the end of "write pin-source=file:/PATH into " */
    const char *pin_owner;  /* whom the PIN's file must belong to */
};

struct pkcs11 {
    const struct pkcs11_words *words;
    int64_t timeout_ms;       /* of one call into the module */
    P11KitUri *uri;           /* owned */
    CK_FUNCTION_LIST *module; /* loaded; NULL = not */
    bool initialized, has_session;
    CK_SESSION_HANDLE session;
    CK_TOKEN_INFO token; /* once there is a session */
};

/*
 * Parses a URI; NULL after why: it is none, has a part that is not known, holds a PIN, or has no module-path.
 * p11_kit_uri_free.
 */
P11KitUri *pkcs11_uri(const struct pkcs11_words *words, const char *text, char *why, size_t size);

/*
 * Logs in to p->token if it asks for that (CKF_LOGIN_REQUIRED); false after why.  Comes with *again false; true then
 * says that it failed by no fault of the PIN (pkcs11_try_pin knows), and is called again on a new session.
 */
typedef bool pkcs11_log_in(struct pkcs11 *p, void *context, bool *again, char *why, size_t size);

/*
 * Loads the module of p->uri, finds the one token that fits it, opens a session (more_flags: CKF_RW_SESSION or 0) and
 * logs in; a token that another process is changing is tried again for less than a second.  words, timeout_ms and uri
 * are set before, all else is zero; pkcs11_leave is due whatever is returned.
 */
bool pkcs11_enter(struct pkcs11 *p, CK_FLAGS more_flags, pkcs11_log_in *log_in, void *context,
                  char *why, size_t size);

/* Ends the session, finalizes and unloads the module, frees the URI; *p is zero then. */
void pkcs11_leave(struct pkcs11 *p);

/* The path of pin-source=file:/PATH, in the URI; NULL: there is none. */
const char *pkcs11_pin_file(P11KitUri *uri);

/* The PIN in the file of the URI's pin-source, without the line end after it.  secret_free. */
bool pkcs11_read_pin(const struct pkcs11 *p, struct secret *pin, char *why, size_t size);

/* One try of C_Login; CKR_OK also when the session is logged in already. */
CK_RV pkcs11_try_pin(const struct pkcs11 *p, const struct secret *pin, bool *again);

/* What of the URI names an object, its label and its id, into wanted; returns how many, at most 2. */
CK_ULONG pkcs11_wanted(const struct pkcs11 *p, CK_ATTRIBUTE wanted[2]);

/* The objects with all these attributes: the first two in found; *n is 0, 1, or 2 for more. */
bool pkcs11_find(const struct pkcs11 *p, CK_ATTRIBUTE *wanted, CK_ULONG n_wanted,
                 CK_OBJECT_HANDLE found[2], CK_ULONG *n, char *why, size_t size);

/* Around every call into the module: one that takes longer than timeout_ms ends the process (guard.h). */
void pkcs11_call_begins(const struct pkcs11 *p);
void pkcs11_call_ends(void);

/* Writes "CANNOT_USE: WHAT: what rv means" to why; always false. */
bool pkcs11_say(const struct pkcs11 *p, char *why, size_t size, const char *what, CK_RV rv);

#endif
