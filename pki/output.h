/*
 * output.h - a certificate and its key in the forms that drivers read, and the strings that name them.
 */
#ifndef PGSIGNET_PKI_OUTPUT_H
#define PGSIGNET_PKI_OUTPUT_H

#include "pki/certificate.h"
#include "pki/place.h"

/* Each is a file beside PATH.crt and PATH.key, which are always written: PATH.crt holds the chain's CAs but roots. */
enum output_form {
    OUTPUT_PK8,    /* PATH.pk8: PKCS#8 DER, which libpq and pgjdbc both read */
    OUTPUT_PKCS12, /* PATH.p12: key, certificate, chain; needs a passphrase */
    OUTPUT_BUNDLE, /* PATH.tar: a folder NAME with all that a person needs, and a README */
    OUTPUT_FORMS
};
extern const char *const output_names[OUTPUT_FORMS]; /* "pk8", "p12", "tar" */

struct output_leaf {
    const char *name;            /* CN, for the bundle and the strings */
    const char *host, *database; /* for the strings in the bundle; NULL as in output_login */
    bool client;
    struct bytes der;
    const struct key *key; /* NULL: only the certificate */
    bool keep_key;         /* PATH.key is there, and stays as it is: a renewal */
    X509 *const *chain;    /* issuers, root last */
    size_t n_chain;
    struct bytes trust; /* PEM that a client of this server, or the server, has to trust */
    struct bytes crls;  /* PEM, for the bundle of a server; empty = they are not in it */
    struct bytes pkcs12_passphrase;
};

/* Contents of all files; owned, wiped by output_clear. */
struct output_files {
    struct place_file
        *at; /* owned array with owned paths and contents; modes 0644 and (keys) 0600 */
    size_t n;
};
/* forms: bits 1 << enum output_form.  path as in issue_wish.  False after why. */
bool output_make(const struct output_leaf *leaf, const char *path, unsigned forms, bool replace,
                 int64_t now_s, struct output_files *out, char *why, size_t size);
/* The places alone, of files that such a leaf has, in the order in which they are written: the certificate last. */

void output_places(const char *path, bool has_key, unsigned forms, struct output_files *out);
void output_clear(struct output_files *files);

/* What a connection string names. Nothing is owned. */
struct output_login {
    const char *host, *database; /* NULL: "HOST" to be replaced, "postgres" */
    const char *name;            /* the role */
    const char *path;            /* of its files, without .crt/.key */
    const char *root;            /* file with the CAs to trust */
};
/* Appended: "host=HOST dbname=... user=app sslmode=verify-full sslcert=... sslkey=... sslrootcert=...", values quoted
 * as conninfo needs; "jdbc:postgresql://HOST/...?user=...&sslkey=..pk8"; and Npgsql's with "PATH.crt;PATH.key". */
void output_libpq(const struct output_login *login, GString *out);
void output_jdbc(const struct output_login *login, GString *out);
void output_npgsql(const struct output_login *login, GString *out);

/* ustar (POSIX.1-1988): appends one file; output_tar_end the two empty blocks.  False: a name is too long. */
bool output_tar_add(GByteArray *tar, const char *name, mode_t mode, int64_t mtime_s,
                    struct bytes content);
void output_tar_end(GByteArray *tar);

#endif
