/* The bundle: one tar with what a person, or the administrator of a server, needs, and what to do with it. */
#include "config.h"

#include "pki/output_own.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

#define FOLDER_MOST 80     /* bytes; ustar has 100 for folder and file */
#define TAR_BLOCKS  (8192) /* bytes that headers and padding of all files take at most */

static const char client_readme[] =
    "The certificate of the PostgreSQL role \"%s\"\n"
    "\n"
    "Valid from %s to %s; serial %s.\n"
    "Whoever has postgresql.key (postgresql.pk8%s) can log in as this role until then: keep them\n"
    "to yourself, and say so at once if you cannot be sure of it, so that the certificate is "
    "revoked.\n"
    "\n"
    "psql, libpq, psycopg, and what is built upon them: copy three files to where libpq looks\n"
    "(Windows: %%APPDATA%%\\postgresql\\ instead of ~/.postgresql/).\n"
    "\n"
    "    mkdir -p -m 0700 ~/.postgresql\n"
    "    install -m 0600 postgresql.crt postgresql.key root.crt ~/.postgresql/\n"
    "    psql \"%s\"\n"
    "\n"
    "Java (pgjdbc): copy postgresql.pk8 too; pgjdbc reads it instead of postgresql.key.\n"
    "\n"
    "    install -m 0600 postgresql.pk8 ~/.postgresql/\n"
    "    %s\n"
    "\n"
    ".NET (Npgsql): reads the same files as libpq.%s\n"
    "\n"
    "    %s\n"
    "\n"
    "In other places, files are named by sslcert, sslkey and sslrootcert (libpq, pgjdbc), or by\n"
    "SSL Certificate, SSL Key and Root Certificate (Npgsql).\n";

static const char server_readme[] =
    "The certificate of the PostgreSQL server \"%s\"\n"
    "\n"
    "Valid from %s to %s; serial %s.\n"
    "\n"
    "Copy the files to the server's data directory, where only its own user may read the key:\n"
    "\n"
    "    install -o postgres -g postgres -m 0600 server.key \"$PGDATA/\"\n"
    "    install -o postgres -g postgres -m 0644 server.crt ca.crt%s \"$PGDATA/\"\n"
    "\n"
    "postgresql.conf, then SELECT pg_reload_conf():\n"
    "\n"
    "    ssl = on\n"
    "    ssl_cert_file = 'server.crt'\n"
    "    ssl_key_file = 'server.key'\n"
    "    ssl_ca_file = 'ca.crt'\n"
    "%s"
    "\n"
    "ca.crt is what clients' certificates are judged by.\n"
    "%s";

/* Of the above, with the lists and without. */
static const struct {
    const char *file, *setting, *text;
} crl_texts[] = {
    {"", "",
     "Revocation lists (ssl_crl_file) are not in here, because they must be kept fresh: see\n"
     "pgsignet-ca crl --publish.\n"},
    {" crl.pem", "    ssl_crl_file = 'crl.pem'\n",
     "crl.pem must be kept fresh: bring the CA's crl.pem here each time a new one was made\n"
     "(pgsignet-ca crl), and reload.  When one of its lists has expired, every client that "
     "presents\n"
     "a certificate is refused.\n"},
};

struct member {
    const char *name;
    struct bytes content;
    mode_t mode;
};

struct facts {
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
    char serial[2 * CERTIFICATE_SERIAL + 1];
};

static void day(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    clock_text(unix_s * 1000, out);
    out[10] = '\0'; /* YYYY-MM-DD */
}

static bool read_facts(struct bytes der, struct facts *facts)
{
    const unsigned char *at = der.ptr;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    struct certificate_facts all = {0};
    bool done = certificate != NULL && certificate_facts(certificate, &all);

    if (done) {
        g_autoptr(GString) serial = g_string_new(NULL);

        certificate_serial_text(all.serial, serial);
        g_strlcpy(facts->serial, serial->str, sizeof facts->serial);
        day(all.not_before, facts->from);
        day(all.not_after, facts->to);
    }
    certificate_facts_clear(&all);
    X509_free(certificate);
    return done;
}

static void put_client_readme(const struct output_leaf *leaf, const struct facts *facts, bool pfx,
                              GString *out)
{
    const struct output_login login = {
        .host = leaf->host, .database = leaf->database, .name = leaf->name};
    g_autoptr(GString) libpq = g_string_new(NULL);
    g_autoptr(GString) jdbc = g_string_new(NULL);
    g_autoptr(GString) npgsql = g_string_new(NULL);

    output_libpq(&login, libpq);
    output_jdbc(&login, jdbc);
    output_npgsql(&login, npgsql);
    g_string_printf(out, client_readme, leaf->name, facts->from, facts->to, facts->serial,
                    pfx ? ", postgresql.p12" : "", libpq->str, jdbc->str,
                    pfx ? "  Or SSL Certificate=postgresql.p12;SSL Password=..." : "", npgsql->str);
}

static void put_server_readme(const struct output_leaf *leaf, const struct facts *facts,
                              GString *out)
{
    size_t with = leaf->crls.len > 0;

    g_string_printf(out, server_readme, leaf->name, facts->from, facts->to, facts->serial,
                    crl_texts[with].file, crl_texts[with].setting, crl_texts[with].text);
}

/* The folder in the archive.  Two names that are cut alike are in two archives. */
static char *folder_of(const char *name)
{
    char *folder = name_file(bytes_str(name));

    if (strlen(folder) > FOLDER_MOST)
        folder[FOLDER_MOST] = '\0';
    return folder;
}

static bool pack(const struct output_leaf *leaf, const struct member *members, size_t n,
                 int64_t now_s, struct secret *out)
{
    g_autofree char *folder = folder_of(leaf->name);
    g_autofree char *top = g_strconcat(folder, "/", NULL);
    size_t room = TAR_BLOCKS;
    bool done;

    for (size_t i = 0; i < n; i++)
        room += members[i].content.len;
    /* All room at once: an array that grows leaves copies of the key behind. */
    GByteArray *tar = g_byte_array_sized_new((guint)room);
    done = output_tar_add(tar, top, 0700, now_s, (struct bytes){0});
    for (size_t i = 0; done && i < n; i++) {
        g_autofree char *name = g_strconcat(folder, "/", members[i].name, NULL);

        if (members[i].content.len > 0)
            done = output_tar_add(tar, name, members[i].mode, now_s, members[i].content);
    }
    output_tar_end(tar);
    done = done && secret_copy(out, bytes_of(tar->data, tar->len));
    secret_wipe(tar->data, tar->len);
    g_byte_array_unref(tar);
    return done;
}

bool output_bundle(const struct output_leaf *leaf, struct bytes pfx, int64_t now_s,
                   struct secret *out, char *why, size_t size)
{
    g_autoptr(GString) chain = g_string_new(NULL);
    g_autoptr(GString) readme = g_string_new(NULL);
    struct secret pem = {0}, pk8 = {0};
    struct facts facts;
    bool done = false;

    if (!read_facts(leaf->der, &facts)) {
        snprintf(why, size, "the certificate cannot be read again");
        return false;
    }
    if (leaf->key == NULL || !key_write_pem(leaf->key, (struct bytes){0}, &pem, why, size) ||
        !key_write_der(leaf->key, &pk8, why, size))
        goto out;
    output_put_chain(leaf, chain);
    if (leaf->client)
        put_client_readme(leaf, &facts, pfx.len > 0, readme);
    else
        put_server_readme(leaf, &facts, readme);
    const struct bytes crt = bytes_of(chain->str, chain->len);
    const struct member client[] = {
        {"README.txt", bytes_of(readme->str, readme->len), 0644},
        {"postgresql.crt", crt, 0644},
        {"postgresql.key", secret_bytes(&pem), 0600},
        {"postgresql.pk8", secret_bytes(&pk8), 0600},
        {"postgresql.p12", pfx, 0600},
        {"root.crt", leaf->trust, 0644},
    };
    const struct member server[] = {
        {"README.txt", bytes_of(readme->str, readme->len), 0644},
        {"server.crt", crt, 0644},
        {"server.key", secret_bytes(&pem), 0600},
        {"ca.crt", leaf->trust, 0644},
        {"crl.pem", leaf->crls, 0644},
    };
    done = leaf->client ? pack(leaf, client, G_N_ELEMENTS(client), now_s, out)
                        : pack(leaf, server, G_N_ELEMENTS(server), now_s, out);
    if (!done)
        snprintf(why, size, "the bundle could not be put together: memory is short");
out:
    secret_free(&pem);
    secret_free(&pk8);
    return done;
}
