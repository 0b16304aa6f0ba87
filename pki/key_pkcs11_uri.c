/* What a PKCS#11 URI says of its token alone, and of the file with the PIN. */
#include "config.h"

#include "pki/key_pkcs11_session.h"

#include <stdlib.h>
#include <string.h>

char *key_pkcs11_token(const char *text)
{
    static const CK_ATTRIBUTE_TYPE of_objects[] = {CKA_LABEL, CKA_ID, CKA_CLASS};
    char why[256], *formatted = NULL, *out = NULL;
    P11KitUri *uri = pkcs11_uri(&key_token_words, text, why, sizeof why);

    if (uri == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof of_objects / sizeof of_objects[0]; i++)
        (void)p11_kit_uri_clear_attribute(uri, of_objects[i]);
    p11_kit_uri_set_pin_source(uri, NULL);
    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &formatted) == P11_KIT_URI_OK)
        out = g_strdup(formatted);
    free(formatted);
    p11_kit_uri_free(uri);
    return out;
}

char *key_pkcs11_pin_file(const char *text)
{
    char why[256];
    P11KitUri *uri = pkcs11_uri(&key_token_words, text, why, sizeof why);
    char *file = uri != NULL ? g_strdup(pkcs11_pin_file(uri)) : NULL;

    if (uri != NULL)
        p11_kit_uri_free(uri);
    return file;
}
