/* Requests: what is taken has a key, names fit for a certificate, and reads the same again as PEM. */
#include "config.h"

#include "common/text.h"
#include "pki/request.h"

#include <openssl/pem.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_names(const struct request *request, enum request_use use)
{
    const char *name = request->common_name;

    if (request->key == NULL || request->n_sans > NAME_SANS_MAX)
        abort();
    if (name != NULL && (use == REQUEST_CLIENT ? name_role_fault(bytes_str(name))
                                               : name_common_fault(bytes_str(name), true)) != NULL)
        abort();
    if (use == REQUEST_CLIENT && request->n_sans != 0)
        abort();
    for (size_t i = 0; i < request->n_sans; i++) {
        struct name_san again = {NAME_DNS, NULL};
        GString *text = g_string_new(NULL);

        name_san_write(&request->sans[i], text);
        if (request->sans[i].kind == NAME_URI ||
            name_san_parse(bytes_of(text->str, text->len), &again) != NULL ||
            strcmp(again.text, request->sans[i].text) != 0)
            abort();
        name_san_clear(&again);
        g_string_free(text, TRUE);
    }
}

static void read_again(const struct request *request, enum request_use use)
{
    BIO *out = BIO_new(BIO_s_mem());
    struct request again;
    char *text, why[512];
    long len;

    PEM_write_bio(out, PEM_STRING_X509_REQ, "", request->der, (long)request->der_len);
    len = BIO_get_mem_data(out, &text);
    if (len <= REQUEST_MAX &&
        (!request_read(bytes_of(text, (size_t)len), use, &again, why, sizeof why) ||
         !bytes_equal(bytes_of(again.der, again.der_len),
                      bytes_of(request->der, request->der_len))))
        abort();
    if (len <= REQUEST_MAX)
        request_clear(&again);
    BIO_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum request_use uses[] = {REQUEST_SERVER, REQUEST_CLIENT};

    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        struct request request;
        char why[512] = "";

        if (request_read(bytes_of(data, size), uses[i], &request, why, sizeof why)) {
            judge_names(&request, uses[i]);
            read_again(&request, uses[i]);
        } else if (why[0] == '\0') {
            abort();
        }
        request_clear(&request);
    }
    return 0;
}
