/* Proves that other programs read what a certificate is given away in: tar, openssl, libpq's parser. */
#include "config.h"

#include "pki/output.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW      INT64_C(1800000000)
#define ROLE     "O'Brien \\ \xc3\xbc,a"
#define PASSWORD "g\xc3\xbcltig 1"

static char why[512];
static char folder[] = "/tmp/pki_output_test.XXXXXX";
static struct key *ca_key, *leaf_key;
static X509 *root, *chain[2];
static GByteArray *leaf_der;
static GString *trust;

/* --- a CA and a leaf ----------------------------------------------------------------------------------- */

static X509 *make(struct certificate_wish wish, X509 *issuer, struct key *signer, GByteArray *der)
{
    uint8_t serial[CERTIFICATE_SERIAL];
    size_t len = 0;

    assert_true(certificate_serial(serial, &len));
    wish.serial = bytes_of(serial, len);
    if (!certificate_sign(&wish, NULL, issuer, signer, der, why, sizeof why))
        fail_msg("%s", why);
    X509 *certificate = certificate_read(bytes_of(der->data, der->len), why, sizeof why);
    assert_non_null(certificate);
    return certificate;
}

static int make_all(void **state)
{
    GByteArray *root_der = g_byte_array_new(), *middle_der = g_byte_array_new();
    struct name_san urn = {.kind = NAME_URI, .text = name_role_urn(bytes_str(ROLE))};
    struct key *middle_key = key_generate(KEY_P256, why, sizeof why);

    (void)state;
    leaf_der = g_byte_array_new();
    trust = g_string_new(NULL);
    ca_key = key_generate(KEY_P256, why, sizeof why);
    leaf_key = key_generate(KEY_P256, why, sizeof why);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || ca_key == NULL || leaf_key == NULL ||
        middle_key == NULL)
        return -1;
    struct certificate_wish wish = {.use = LINT_CA,
                                    .common_name = bytes_str("root"),
                                    .organisation = "pgsignet",
                                    .key = key_public(ca_key),
                                    .not_before = NOW - 1000,
                                    .not_after = NOW + CERTIFICATE_CA_S,
                                    .path_length = 1};
    root = make(wish, NULL, ca_key, root_der);
    wish.common_name = bytes_str("middle");
    wish.key = key_public(middle_key);
    wish.path_length = 0;
    chain[0] = make(wish, root, ca_key, middle_der);
    chain[1] = root;
    wish = (struct certificate_wish){.use = LINT_CLIENT,
                                     .common_name = bytes_str(ROLE),
                                     .sans = &urn,
                                     .n_sans = 1,
                                     .key = key_public(leaf_key),
                                     .not_before = NOW - 300,
                                     .not_after = NOW + CERTIFICATE_LEAF_S,
                                     .path_length = -1,
                                     .client_auth = true};
    X509_free(make(wish, chain[0], middle_key, leaf_der));
    certificate_pem(bytes_of(root_der->data, root_der->len), trust);
    name_san_clear(&urn);
    key_free(middle_key);
    g_byte_array_unref(root_der);
    g_byte_array_unref(middle_der);
    return 0;
}

static int free_all(void **state)
{
    char *command = g_strdup_printf("rm -rf %s", folder);
    int status = system(command);

    (void)state;
    g_free(command);
    key_free(ca_key);
    key_free(leaf_key);
    X509_free(chain[0]);
    X509_free(root);
    g_byte_array_unref(leaf_der);
    g_string_free(trust, TRUE);
    return status;
}

static struct output_leaf leaf(void)
{
    return (struct output_leaf){.name = ROLE,
                                .host = "db.example.com",
                                .client = true,
                                .der = bytes_of(leaf_der->data, leaf_der->len),
                                .key = leaf_key,
                                .chain = chain,
                                .n_chain = 2,
                                .trust = bytes_of(trust->str, trust->len),
                                .pkcs12_passphrase = bytes_str(PASSWORD)};
}

static void write_file(const char *path, struct bytes content)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(content.ptr, 1, content.len, file), content.len);
    assert_int_equal(fclose(file), 0);
}

static void write_all(const struct output_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        write_file(files->at[i].path, files->at[i].content);
}

/* What a command prints; it must succeed. */
static char *output_of(const char *command)
{
    FILE *pipe = popen(command, "r");
    GString *text = g_string_new(NULL);
    char some[4096];
    size_t n;

    assert_non_null(pipe);
    while ((n = fread(some, 1, sizeof some, pipe)) > 0)
        g_string_append_len(text, some, (gssize)n);
    if (pclose(pipe) != 0)
        fail_msg("%s: %s", command, text->str);
    return g_string_free(text, FALSE);
}

static void assert_says(const char *command, const char *expected)
{
    char *text = output_of(command);

    if (strstr(text, expected) == NULL)
        fail_msg("%s: no \"%s\" in: %s", command, expected, text);
    g_free(text);
}

/* --- the files --------------------------------------------------------------------------------------------- */

static void files_have_their_modes_and_the_certificate_comes_last(void **state)
{
    static const struct {
        const char *path;
        mode_t mode;
    } expected[] = {{"x/a.key", 0600},
                    {"x/a.pk8", 0600},
                    {"x/a.p12", 0600},
                    {"x/a.tar", 0600},
                    {"x/a.crt", 0644}};
    const struct output_leaf all = leaf();
    struct output_files files, places;

    (void)state;
    assert_true(output_make(&all, "x/a", 7, false, NOW, &files, why, sizeof why));
    output_places("x/a", true, 7, &places);
    assert_int_equal(files.n, 5);
    assert_int_equal(places.n, 5);
    for (size_t i = 0; i < files.n; i++) {
        assert_string_equal(files.at[i].path, expected[i].path);
        assert_string_equal(places.at[i].path, expected[i].path);
        assert_int_equal(files.at[i].mode, expected[i].mode);
        assert_true(files.at[i].content.len > 0);
        assert_false(files.at[i].replace);
    }
    output_clear(&files);
    output_clear(&places);
}

static void without_a_key_there_is_the_certificate_alone(void **state)
{
    struct output_leaf request = leaf();
    struct output_files files;

    (void)state;
    request.key = NULL;
    assert_true(output_make(&request, "a", 7, true, NOW, &files, why, sizeof why));
    assert_int_equal(files.n, 1);
    assert_string_equal(files.at[0].path, "a.crt");
    assert_true(files.at[0].replace);
    output_clear(&files);
}

static void a_renewal_leaves_the_key_file_alone(void **state)
{
    struct output_leaf renewed = leaf();
    struct output_files files;

    (void)state;
    renewed.keep_key = true;
    assert_true(output_make(&renewed, "a", 1u << OUTPUT_PK8, true, NOW, &files, why, sizeof why));
    assert_int_equal(files.n, 2);
    assert_string_equal(files.at[0].path, "a.pk8");
    assert_string_equal(files.at[1].path, "a.crt");
    output_clear(&files);
}

static void the_certificate_file_holds_the_chain_without_its_root(void **state)
{
    const struct output_leaf all = leaf();
    struct output_files files;

    (void)state;
    assert_true(output_make(&all, "chain", 0, false, NOW, &files, why, sizeof why));
    GPtrArray *read = certificate_read_all(files.at[1].content, why, sizeof why);
    assert_non_null(read);
    assert_int_equal(read->len, 2);
    assert_int_equal(X509_cmp(g_ptr_array_index(read, 1), chain[0]), 0);
    g_ptr_array_unref(read);
    output_clear(&files);
}

static void openssl_reads_the_key_in_both_forms(void **state)
{
    const struct output_leaf all = leaf();
    struct output_files files;

    (void)state;
    assert_true(output_make(&all, "k", 1u << OUTPUT_PK8, false, NOW, &files, why, sizeof why));
    write_all(&files);
    output_clear(&files);
    char *of_certificate = output_of("openssl x509 -in k.crt -noout -pubkey");
    char *of_pem = output_of("openssl pkey -in k.key -pubout");
    char *of_der = output_of("openssl pkey -inform DER -in k.pk8 -pubout");
    assert_string_equal(of_certificate, of_pem);
    assert_string_equal(of_certificate, of_der);
    g_free(of_certificate);
    g_free(of_pem);
    g_free(of_der);
}

/* --- PKCS#12 -------------------------------------------------------------------------------------------------- */

static void openssl_reads_the_pkcs12_file_and_its_algorithms_are_todays(void **state)
{
    const struct output_leaf all = leaf();
    struct output_files files;

    (void)state;
    assert_true(output_make(&all, "p", 1u << OUTPUT_PKCS12, false, NOW, &files, why, sizeof why));
    write_all(&files);
    write_file("pass", bytes_str(PASSWORD "\n"));
    output_clear(&files);
    static const char info[] =
        "openssl pkcs12 -in p.p12 -passin file:pass -nodes -info 2>&1 >/dev/null";
    assert_says(info, "MAC: sha256, Iteration 100000");
    assert_says(info, "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256");
    char *text = output_of("openssl pkcs12 -in p.p12 -passin file:pass -nodes 2>&1");
    size_t certificates = 0;
    for (const char *at = text; (at = strstr(at, "BEGIN CERTIFICATE")) != NULL; at++)
        certificates++;
    assert_int_equal(certificates, 3);
    g_free(text);
    assert_says("openssl pkcs12 -in p.p12 -passin pass:wrong -nodes 2>&1 || true",
                "invalid password");
}

static void pkcs12_without_a_passphrase_is_refused(void **state)
{
    struct output_leaf all = leaf();
    struct output_files files;

    (void)state;
    all.pkcs12_passphrase = (struct bytes){0};
    assert_false(output_make(&all, "p", 1u << OUTPUT_PKCS12, false, NOW, &files, why, sizeof why));
    assert_non_null(strstr(why, "passphrase"));
    all.pkcs12_passphrase = bytes_of("a\0b", 3);
    assert_false(output_make(&all, "p", 1u << OUTPUT_PKCS12, false, NOW, &files, why, sizeof why));
}

/* --- tar -------------------------------------------------------------------------------------------------------- */

static void tar_reads_the_bundle_and_it_has_a_readme_with_strings(void **state)
{
    const struct output_leaf all = leaf();
    struct output_files files;

    (void)state;
    assert_true(output_make(&all, "b", 1u << OUTPUT_BUNDLE, false, NOW, &files, why, sizeof why));
    write_all(&files);
    output_clear(&files);
    assert_says("tar -xvf b.tar 2>&1", "README.txt");
    char *name = name_file(bytes_str(ROLE));
    assert_int_equal(chdir(name), 0);
    g_free(name);
    assert_says("ls", "README.txt\npostgresql.crt\npostgresql.key\npostgresql.pk8\nroot.crt\n");
    assert_says("stat -c %a README.txt postgresql.crt postgresql.key postgresql.pk8 root.crt",
                "644\n644\n600\n600\n644\n");
    assert_says("openssl verify -CAfile root.crt -untrusted postgresql.crt -attime 1800000000 "
                "-purpose sslclient postgresql.crt",
                "OK");
    assert_says("cat README.txt", "host=db.example.com dbname=postgres user='O\\'Brien \\\\");
    assert_says("cat README.txt", "jdbc:postgresql://db.example.com/postgres?user=O%27Brien%20%5C");
    assert_says("cat README.txt", "Username=\"O'Brien \\");
    assert_int_equal(chdir(folder), 0);
}

static void a_bundle_for_a_server_says_what_goes_into_postgresql_conf(void **state)
{
    struct output_leaf server = leaf();
    struct output_files files;

    (void)state;
    server.client = false;
    server.name = "db1.example.com";
    assert_true(
        output_make(&server, "s", 1u << OUTPUT_BUNDLE, false, NOW, &files, why, sizeof why));
    write_all(&files);
    output_clear(&files);
    assert_says("tar -xvf s.tar 2>&1", "db1.example.com/server.key");
    assert_says("cat db1.example.com/README.txt", "ssl_cert_file = 'server.crt'");
    assert_says("cat db1.example.com/README.txt", "ssl_ca_file = 'ca.crt'");
    assert_says("ls db1.example.com; grep -c crl.pem db1.example.com/README.txt || true",
                "README.txt\nca.crt\nserver.crt\nserver.key\n0\n");
    server.crls = bytes_str("lists\n");
    assert_true(output_make(&server, "s", 1u << OUTPUT_BUNDLE, true, NOW, &files, why, sizeof why));
    write_all(&files);
    output_clear(&files);
    assert_says("tar -xvf s.tar 2>&1", "db1.example.com/crl.pem");
    assert_says("cat db1.example.com/README.txt", "ssl_crl_file = 'crl.pem'");
    assert_says("cat db1.example.com/README.txt", "must be kept fresh");
    assert_says("cat db1.example.com/crl.pem", "lists\n");
}

static void tar_reads_long_names_and_any_length(void **state)
{
    GByteArray *tar = g_byte_array_new();
    uint8_t content[1025];
    char name[300];

    (void)state;
    memset(content, 'x', sizeof content);
    static const size_t lengths[] = {0, 1, 511, 512, 513, 1024, 1025};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        snprintf(name, sizeof name, "t/%zu", lengths[i]);
        assert_true(output_tar_add(tar, name, 0640, NOW, bytes_of(content, lengths[i])));
    }
    /* 155 bytes, a slash, 100 bytes: the most there is. */
    memset(name, 'a', sizeof name);
    name[1] = '/';
    name[155] = '/';
    name[256] = '\0';
    assert_true(output_tar_add(tar, name, 0600, NOW, bytes_str("long")));
    name[256] = 'a';
    name[257] = '\0';
    assert_false(output_tar_add(tar, name, 0600, NOW, bytes_str("longer")));
    name[155] = 'a';
    assert_false(output_tar_add(tar, name, 0600, NOW, bytes_str("no slash in time")));
    assert_false(output_tar_add(tar, "", 0600, NOW, bytes_str("nameless")));
    output_tar_end(tar);
    write_file("t.tar", bytes_of(tar->data, tar->len));
    g_byte_array_unref(tar);
    assert_says("tar -tvf t.tar 2>&1 | wc -l", "8\n");
    assert_says("tar -tvf t.tar 2>&1 | head -n 3", "-rw-r----- 0/0             511 2027-01-15");
    assert_says("tar -xf t.tar 2>&1; wc -c < t/1025; cat a/*/*", "1025\nlong");
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

static const char *const hard[] = {"app",       "O'Brien",  "back\\slash", "two words", "=",
                                   "a=b c='d'", "\xc3\xbc", "\"q\"",       "\\'",       "%41",
                                   "",          "a;b",      "-",           "?x=1&y#z"};

static const char *value_of(PQconninfoOption *options, const char *key)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, key) == 0)
            return options->val;
    return NULL;
}

static void libpq_reads_back_what_the_string_was_made_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        char *path = g_strconcat("/tmp/", hard[i], NULL);
        const struct output_login login = {.host = "2001:db8::1",
                                           .database = hard[i],
                                           .name = hard[i],
                                           .path = path,
                                           .root = path};
        GString *text = g_string_new("");
        char *error = NULL;

        output_libpq(&login, text);
        PQconninfoOption *options = PQconninfoParse(text->str, &error);
        if (options == NULL)
            fail_msg("%s: %s", text->str, error);
        assert_string_equal(value_of(options, "user"), hard[i]);
        assert_string_equal(value_of(options, "dbname"), hard[i][0] ? hard[i] : "postgres");
        assert_string_equal(value_of(options, "host"), "2001:db8::1");
        assert_string_equal(value_of(options, "sslrootcert"), path);
        assert_memory_equal(value_of(options, "sslkey"), path, strlen(path));
        assert_string_equal(value_of(options, "sslkey") + strlen(path), ".key");
        assert_string_equal(value_of(options, "sslmode"), "verify-full");
        PQconninfoFree(options);
        g_string_free(text, TRUE);
        g_free(path);
    }
}

static void without_places_the_strings_leave_files_to_the_driver(void **state)
{
    const struct output_login login = {.name = "app"};
    GString *text = g_string_new("psql: ");

    (void)state;
    output_libpq(&login, text);
    assert_string_equal(text->str, "psql: host=HOST dbname=postgres user=app sslmode=verify-full");
    g_string_truncate(text, 0);
    output_jdbc(&login, text);
    assert_string_equal(text->str, "jdbc:postgresql://HOST/postgres?user=app&sslmode=verify-full");
    g_string_truncate(text, 0);
    output_npgsql(&login, text);
    assert_string_equal(text->str, "Host=HOST;Database=postgres;Username=app;SSL Mode=VerifyFull;");
    g_string_free(text, TRUE);
}

static void jdbc_and_npgsql_strings_are_quoted(void **state)
{
    const struct output_login login = {.host = "::1",
                                       .database = "a/b",
                                       .name = "x&y=+\"z\"",
                                       .path = "/p q/a",
                                       .root = "/r;s.crt"};
    GString *text = g_string_new(NULL);

    (void)state;
    output_jdbc(&login, text);
    assert_string_equal(text->str,
                        "jdbc:postgresql://[::1]/a%2Fb?user=x%26y%3D%2B%22z%22&sslmode=verify-full"
                        "&sslcert=/p%20q/a.crt&sslkey=/p%20q/a.pk8&sslrootcert=/r%3Bs.crt");
    g_string_truncate(text, 0);
    output_npgsql(&login, text);
    assert_string_equal(text->str,
                        "Host=::1;Database=a/b;Username=\"x&y=+\"\"z\"\"\";SSL Mode=VerifyFull;"
                        "SSL Certificate=\"/p q/a.crt\";SSL Key=\"/p q/a.key\";"
                        "Root Certificate=\"/r;s.crt\";");
    g_string_free(text, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_have_their_modes_and_the_certificate_comes_last),
        cmocka_unit_test(without_a_key_there_is_the_certificate_alone),
        cmocka_unit_test(a_renewal_leaves_the_key_file_alone),
        cmocka_unit_test(the_certificate_file_holds_the_chain_without_its_root),
        cmocka_unit_test(openssl_reads_the_key_in_both_forms),
        cmocka_unit_test(openssl_reads_the_pkcs12_file_and_its_algorithms_are_todays),
        cmocka_unit_test(pkcs12_without_a_passphrase_is_refused),
        cmocka_unit_test(tar_reads_the_bundle_and_it_has_a_readme_with_strings),
        cmocka_unit_test(a_bundle_for_a_server_says_what_goes_into_postgresql_conf),
        cmocka_unit_test(tar_reads_long_names_and_any_length),
        cmocka_unit_test(libpq_reads_back_what_the_string_was_made_of),
        cmocka_unit_test(without_places_the_strings_leave_files_to_the_driver),
        cmocka_unit_test(jdbc_and_npgsql_strings_are_quoted),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
