/* All files of one certificate. */
#include "config.h"

#include "pki/output_own.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

const char *const output_names[OUTPUT_FORMS] = {
    [OUTPUT_PK8] = "pk8", [OUTPUT_PKCS12] = "p12", [OUTPUT_BUNDLE] = "tar"};

/*
 * In the order in which they are written.  The certificate is the last: where its part is whole, so are the others
 * (see issue_mend.c).
 */
enum file { FILE_KEY, FILE_PK8, FILE_PKCS12, FILE_BUNDLE, FILE_CERTIFICATE, FILES };
static const struct {
    const char *suffix;
    mode_t mode;
    int form; /* enum output_form; -1 = always */
    bool has_key;
} file_rows[FILES] = {
    [FILE_KEY] = {".key", 0600, -1, true},
    [FILE_PK8] = {".pk8", 0600, OUTPUT_PK8, true},
    [FILE_PKCS12] = {".p12", 0600, OUTPUT_PKCS12, true},
    [FILE_BUNDLE] = {".tar", 0600, OUTPUT_BUNDLE, true},
    [FILE_CERTIFICATE] = {".crt", 0644, -1, false},
};

static bool is_wanted(enum file file, bool has_key, unsigned forms)
{
    int form = file_rows[file].form;

    return (has_key || !file_rows[file].has_key) && (form < 0 || (forms >> form & 1u) != 0);
}

bool output_is_root(X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) ==
           0;
}

static void put_certificate(X509 *certificate, GString *out)
{
    GByteArray *der = certificate_der(certificate);

    certificate_pem(bytes_of(der->data, der->len), out);
    g_byte_array_unref(der);
}

void output_put_chain(const struct output_leaf *leaf, GString *out)
{
    certificate_pem(leaf->der, out);
    for (size_t i = 0; i < leaf->n_chain; i++)
        if (!output_is_root(leaf->chain[i]))
            put_certificate(leaf->chain[i], out);
}

static bool put_file(enum file file, const struct output_leaf *leaf, int64_t now_s,
                     struct secret contents[FILES], char *why, size_t size)
{
    struct secret *out = &contents[file];

    switch (file) {
    case FILE_KEY:
        return key_write_pem(leaf->key, (struct bytes){0}, out, why, size);
    case FILE_PK8:
        return key_write_der(leaf->key, out, why, size);
    case FILE_PKCS12:
        return output_pkcs12(leaf, out, why, size);
    case FILE_BUNDLE:
        return output_bundle(leaf, secret_bytes(&contents[FILE_PKCS12]), now_s, out, why, size);
    default: { /* FILE_CERTIFICATE */
        g_autoptr(GString) text = g_string_new(NULL);

        output_put_chain(leaf, text);
        if (secret_copy(out, bytes_of(text->str, text->len)))
            return true;
        snprintf(why, size, "memory is short");
        return false;
    }
    }
}

static void add(struct output_files *files, const char *path, enum file file, bool replace)
{
    files->at[files->n++] = (struct place_file){
        .path = g_strconcat(path, file_rows[file].suffix, NULL),
        .mode = file_rows[file].mode,
        .replace = replace,
    };
}

bool output_make(const struct output_leaf *leaf, const char *path, unsigned forms, bool replace,
                 int64_t now_s, struct output_files *out, char *why, size_t size)
{
    struct secret contents[FILES] = {0};

    *out = (struct output_files){.at = g_new0(struct place_file, FILES)};
    for (enum file file = 0; file < FILES; file++) {
        if (!is_wanted(file, leaf->key != NULL, forms) || (file == FILE_KEY && leaf->keep_key))
            continue;
        if (!put_file(file, leaf, now_s, contents, why, size)) {
            secret_free(&contents[file]);
            output_clear(out);
            return false;
        }
        add(out, path, file, replace);
        /* From here on the file's, which output_clear wipes. */
        out->at[out->n - 1].content = secret_bytes(&contents[file]);
    }
    return true;
}

void output_places(const char *path, bool has_key, unsigned forms, struct output_files *out)
{
    *out = (struct output_files){.at = g_new0(struct place_file, FILES)};
    for (enum file file = 0; file < FILES; file++)
        if (is_wanted(file, has_key, forms))
            add(out, path, file, true);
}

void output_clear(struct output_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        struct secret content = {.ptr = (uint8_t *)files->at[i].content.ptr,
                                 .len = files->at[i].content.len};

        secret_free(&content);
        g_free((char *)files->at[i].path);
    }
    g_free(files->at);
    *files = (struct output_files){0};
}
