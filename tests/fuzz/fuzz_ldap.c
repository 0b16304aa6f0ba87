/*
 * Names and DNs from an attacker: whatever goes in, one filter value or one DN value comes out.
 */
#include "config.h"

#include "common/ldap_dn.h"
#include "common/ldap_escape.h"
#include "common/ldap_uri.h"

#include <stdlib.h>

#include <ldap.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A name put into a DN is read back as the same bytes and adds no RDN. */
static void check_dn_value(struct bytes name)
{
    char *text = ldapc_dn_expand("uid=%u,dc=x", name);
    LDAPDN dn = NULL;

    if (name.len > 0) {
        if (ldap_str2dn(text, &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || dn[0] == NULL ||
            dn[0][1] != NULL || dn[1] == NULL || dn[2] != NULL ||
            dn[0][0]->la_value.bv_len != name.len ||
            memcmp(dn[0][0]->la_value.bv_val, name.ptr, name.len) != 0)
            abort();
        ldap_dnfree(dn);
    }
    free(text);
}

/* A name put into a filter leaves no byte that a filter would act on. */
static void check_filter_value(struct bytes name)
{
    char *text = ldapc_filter_escape(name);

    if (strpbrk(text, "*()") != NULL || strspn(text, "\\") > 1)
        abort();
    free(text);
}

/* The normal form of a normal form is itself. */
static void check_normal_form(const char *text)
{
    char *once = ldapc_dn_normalise(text), *twice;

    /* Escaping may make it longer than a DN may be. */
    if (once != NULL && strlen(once) <= LDAPC_DN_MAX && strstr(once, "=#") == NULL) {
        twice = ldapc_dn_normalise(once);
        if (twice == NULL || strcmp(once, twice) != 0)
            abort();
        free(twice);
    }
    free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct ldapc_uri uri;

    check_dn_value(bytes_of(data, size));
    check_filter_value(bytes_of(data, size));
    check_normal_form(text);
    ldapc_uri_parse(text, &uri);
    free(text);
    return 0;
}
