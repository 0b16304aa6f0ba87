#include "config.h"

#include "common/settings_check.h"

#include <stdlib.h>
#include <string.h>

/* The line of a value, or of the section it should stand in. */
static size_t line_of(const struct settings_notes *notes, const struct settings_keys *keys,
                      const void *field)
{
    size_t line = notes_line(notes, NOTES_VALUE, field);

    return line > 0 ? line : notes_line(notes, NOTES_CONTAINER, keys);
}

static void check_credential(const struct settings_keys *keys, struct settings_notes *notes)
{
    const char *name = keys->credential;

    if (strchr(name, '/') != NULL || name[0] == '.')
        notes_fault(notes, line_of(notes, keys, &keys->credential),
                    "keys.credential \"%s\" is no name of a credential; write the name that the "
                    "unit's LoadCredentialEncrypted= gives it, without '/' and no '.' in front",
                    name);
}

/* Names under which programs are given secrets; a file's name is none. */
static bool names_a_secret(const char *name, size_t len)
{
    static const char *const endings[] = {"TOKEN", "SECRET", "PASSWORD", "PASSPHRASE", "_KEY"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i]);
        if (len >= n && strncasecmp(name + len - n, endings[i], n) == 0)
            return true;
    }
    return false;
}

static void check_variable(const char *const *entry, struct settings_notes *notes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    const char *text = *entry;
    size_t len = strspn(text, letters);
    size_t line = notes_line(notes, NOTES_VALUE, entry);

    if (len == 0 || text[len] != '=' || (text[0] >= '0' && text[0] <= '9'))
        notes_fault(notes, line, "keys.environment has an entry that is not NAME=value");
    else if (strncmp(text, "LD_", 3) == 0)
        notes_fault(notes, line,
                    "keys.environment sets %.*s, which changes the code that is run; remove it",
                    (int)len, text);
    else if (names_a_secret(text, len))
        notes_fault(notes, line,
                    "keys.environment sets %.*s, which sounds like a secret; no secret stands in "
                    "this file: let the command read it from a file of its own",
                    (int)len, text);
}

static void check_command(const struct settings_keys *keys, struct settings_notes *notes)
{
    if (keys->command.n == 0 && notes_sound(notes, &keys->command))
        notes_fault(notes, line_of(notes, keys, &keys->command),
                    "keys.command is empty; write [/PATH/PROGRAM, argument...]");
    if (keys->command.n > 0 && keys->command.at[0][0] != '/')
        notes_fault(notes, notes_line(notes, NOTES_VALUE, &keys->command.at[0]),
                    "keys.command begins with \"%s\", which is no absolute path; write the whole "
                    "path: nothing is searched and no shell is run",
                    keys->command.at[0]);
    for (size_t i = 0; i < keys->environment.n; i++)
        check_variable((const char *const *)&keys->environment.at[i], notes);
}

/* The value of an attribute of an RFC 7512 URI, or NULL; as it stands, not decoded. */
static const char *uri_attribute(const char *uri, const char *name, size_t *len)
{
    size_t n = strlen(name);

    for (const char *at = strchr(uri, ':'); at != NULL; at = strpbrk(at, ";?&")) {
        at++;
        if (strncmp(at, name, n) == 0 && at[n] == '=') {
            *len = strcspn(at + n + 1, ";?&");
            return at + n + 1;
        }
    }
    return NULL;
}

static void check_pkcs11(const struct settings_keys *keys, struct settings_notes *notes)
{
    static const char source[] = "file:/", path[] = "/";
    const char *uri = keys->pkcs11;
    size_t line = line_of(notes, keys, &keys->pkcs11);
    size_t len = 0;

    if (strncmp(uri, "pkcs11:", 7) != 0) {
        notes_fault(notes, line,
                    "keys.pkcs11 does not begin with pkcs11:; write a URI of RFC 7512");
        return;
    }
    if (uri_attribute(uri, "pin-value", &len) != NULL)
        notes_fault(notes, line,
                    "keys.pkcs11 has a pin-value; no secret stands in this file: write the PIN "
                    "to a file and pin-source=file:/PATH");
    const char *pin = uri_attribute(uri, "pin-source", &len);
    if (pin != NULL && strncmp(pin, source, strlen(source)) != 0)
        notes_fault(notes, line,
                    "keys.pkcs11 has a pin-source that is no file; write pin-source=file:/PATH");
    const char *module = uri_attribute(uri, "module-path", &len);
    if (module == NULL || strncmp(module, path, strlen(path)) != 0)
        notes_fault(notes, line,
                    "keys.pkcs11 says no module-path; write module-path=/PATH of the library");
    if (uri_attribute(uri, "token", &len) == NULL && uri_attribute(uri, "serial", &len) == NULL)
        notes_fault(notes, line, "keys.pkcs11 says no token; write token=LABEL or serial=NUMBER");
    if (uri_attribute(uri, "object", &len) == NULL && uri_attribute(uri, "id", &len) == NULL)
        notes_fault(notes, line, "keys.pkcs11 says no key; write object=LABEL or id=%%01");
}

void settings_check_keys(const struct settings *settings, struct settings_notes *notes)
{
    static const char *const names[] = {
        [KEY_PROVIDER_FILE] = "file",
        [KEY_PROVIDER_CREDENTIAL] = "credential",
        [KEY_PROVIDER_COMMAND] = "command",
        [KEY_PROVIDER_PKCS11] = "pkcs11",
    };
    const struct settings_keys *keys = &settings->keys;
    const unsigned file = 1u << KEY_PROVIDER_FILE, credential = 1u << KEY_PROVIDER_CREDENTIAL,
                   command = 1u << KEY_PROVIDER_COMMAND, pkcs11 = 1u << KEY_PROVIDER_PKCS11;
    const struct {
        const char *name;
        const void *field;
        unsigned of;   /* providers it belongs to */
        unsigned must; /* providers that need it */
    } rows[] = {
        {"path", &keys->path, file, 0},
        {"credential", &keys->credential, credential, credential},
        {"command", &keys->command, command, command},
        {"environment", &keys->environment, command, 0},
        {"pkcs11", &keys->pkcs11, pkcs11, pkcs11},
        {"timeout", &keys->timeout, command | pkcs11, 0},
    };
    unsigned chosen = 1u << keys->provider;

    if (notes_broken(notes, &keys->provider))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool said = notes_line(notes, NOTES_VALUE, rows[i].field) > 0;
        if (said && (rows[i].of & chosen) == 0)
            notes_fault(notes, line_of(notes, keys, rows[i].field),
                        "keys.%s means nothing with provider: %s; remove it", rows[i].name,
                        names[keys->provider]);
        if (!said && (rows[i].must & chosen) != 0)
            notes_fault(notes, line_of(notes, keys, &keys->provider),
                        "keys.provider is %s, but there is no keys.%s; write one",
                        names[keys->provider], rows[i].name);
    }
    if (keys->provider == KEY_PROVIDER_CREDENTIAL && keys->credential != NULL)
        check_credential(keys, notes);
    if (keys->provider == KEY_PROVIDER_COMMAND)
        check_command(keys, notes);
    if (keys->provider == KEY_PROVIDER_PKCS11 && keys->pkcs11 != NULL)
        check_pkcs11(keys, notes);
}
