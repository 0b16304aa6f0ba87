/* show: all about a certificate, and how to connect with it. */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/output.h"
#include "pki/publish.h"
#include "pki/rows.h"
#include "pki/server_trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char *hex(const uint8_t *octets, size_t len)
{
    GString *out = g_string_sized_new(2 * len + 1);

    for (size_t i = 0; i < len; i++)
        g_string_append_printf(out, "%02x", octets[i]);
    return g_string_free(out, FALSE);
}

static bool is_there(const struct session *session, const char *path, const char *ending)
{
    g_autofree char *whole = g_strconcat(path, ending, NULL);
    struct stat st;

    return fstatat(session->folder_fd, whole, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The files of a row that are there, with their whole paths. */
static json_t *files(const struct session *session, const struct ledger_row *row)
{
    static const char *const endings[] = {".crt", ".key", ".pk8", ".p12", ".tar"};
    json_t *list = json_array();

    for (size_t i = 0; row->path[0] != '\0' && i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *name = g_strconcat(row->path, endings[i], NULL);
        g_autofree char *whole = g_path_is_absolute(name)
                                     ? g_strdup(name)
                                     : g_build_filename(session->folder, name, NULL);

        if (is_there(session, row->path, endings[i]))
            json_array_append_new(list, rows_text_json(whole));
    }
    return list;
}

static void put_strings(const struct session *session, const struct ledger_row *row, json_t *object)
{
    const struct arguments *arguments = session->arguments;
    g_autofree char *path = g_path_is_absolute(row->path)
                                ? g_strdup(row->path)
                                : g_build_filename(session->folder, row->path, NULL);
    g_autofree char *root = server_trust_path(session);
    const struct output_login login = {
        .host = arguments->given[OPT_HOST] ? arguments->text[OPT_HOST] : NULL,
        .database = arguments->given[OPT_DATABASE] ? arguments->text[OPT_DATABASE] : NULL,
        .name = row->name,
        .path = path,
        .root = root,
    };
    g_autoptr(GString) libpq = g_string_new(NULL);
    g_autoptr(GString) jdbc = g_string_new(NULL);
    g_autoptr(GString) npgsql = g_string_new(NULL);

    output_libpq(&login, libpq);
    json_object_set_new(object, "libpq", rows_text_json(libpq->str));
    if (is_there(session, row->path, ".pk8")) {
        output_jdbc(&login, jdbc);
        json_object_set_new(object, "jdbc", rows_text_json(jdbc->str));
    }
    output_npgsql(&login, npgsql);
    json_object_set_new(object, "npgsql", rows_text_json(npgsql->str));
    server_trust_remark(session);
}

/* The serial of another row; null when there is none. */
static json_t *serial_of(struct session *session, int64_t id)
{
    struct ledger_row row = {0};
    json_t *text = json_null();

    if (id != 0 && ledger_get(session->ledger, id, &row) == LEDGER_OK) {
        g_autoptr(GString) serial = g_string_new(NULL);

        certificate_serial_text(bytes_of(row.serial, row.serial_len), serial);
        text = json_string(serial->str);
    }
    ledger_row_clear(&row);
    return text;
}

static json_t *describe(struct session *session, const struct ledger_row *row, int64_t now_s)
{
    json_t *object = rows_json(session, row, now_s);
    g_autofree char *decimal = certificate_serial_decimal(bytes_of(row->serial, row->serial_len));
    g_autofree char *key = hex(row->key_id, sizeof row->key_id);
    g_autofree char *print = hex(row->fingerprint, sizeof row->fingerprint);
    char created[CLOCK_TEXT_MAX];

    publish_time(row->created_s, created);
    json_object_set_new(object, "serial_decimal", json_string(decimal));
    json_object_set_new(object, "key_sha256", json_string(key));
    json_object_set_new(object, "created", json_string(created));
    json_object_set_new(object, "adopted", json_boolean(row->adopted));
    json_object_set_new(object, "replaces", serial_of(session, row->replaces));
    json_object_set_new(object, "replaced_by", serial_of(session, row->replaced_by));
    json_object_set_new(object, "files", files(session, row));
    if (row->der != NULL) {
        g_autoptr(GString) pem = g_string_new(NULL);

        certificate_pem(bytes_of(row->der->data, row->der->len), pem);
        json_object_set_new(object, "sha256", json_string(print));
        json_object_set_new(object, "pem", json_string(pem->str));
    }
    if (row->kind == KIND_CLIENT && row->path[0] != '\0' && row->has_key)
        put_strings(session, row, object);
    return object;
}

/* Which members are printed for people, under which words; lists are printed line by line. */
static const struct {
    const char *member, *word;
} lines[] = {
    {"serial", "serial"},     {"serial_decimal", "decimal"},
    {"state", "state"},       {"revoked", "revoked"},
    {"reason", "reason"},     {"not_before", "from"},
    {"not_after", "until"},   {"ca", "CA"},
    {"sans", "names"},        {"key_sha256", "key"},
    {"sha256", "SHA-256"},    {"created", "created"},
    {"replaces", "replaces"}, {"replaced_by", "replaced by"},
    {"files", "files"},       {"libpq", "libpq"},
    {"jdbc", "jdbc"},         {"npgsql", "npgsql"},
};

static void print_line(const char *word, const char *value)
{
    g_autofree char *shown = rows_printable(value);

    printf("  %-11s  %s\n", word, shown);
}

static void print_one(const json_t *object)
{
    g_autofree char *name = rows_printable(json_string_value(json_object_get(object, "name")));

    printf("%s \"%s\"\n", json_string_value(json_object_get(object, "kind")), name);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        const json_t *value = json_object_get(object, lines[i].member);

        if (json_is_string(value))
            print_line(lines[i].word, json_string_value(value));
        for (size_t k = 0; json_is_array(value) && k < json_array_size(value); k++)
            print_line(k == 0 ? lines[i].word : "", json_string_value(json_array_get(value, k)));
    }
}

int cmd_show(const struct arguments *arguments)
{
    struct session session;
    json_t *all = json_array();
    GArray *rows = NULL;
    bool done = session_open(&session, arguments, NEEDS_LOOK);

    if (done)
        rows = cli_find(&session, arguments->operand[0]);
    for (guint i = 0; rows != NULL && i < rows->len; i++)
        json_array_append_new(
            all, describe(&session, &g_array_index(rows, struct ledger_row, i), session_now_s()));
    done = rows != NULL;
    if (done && session.json) {
        done = session_print(json_pack("{s:O}", "certificates", all));
    } else {
        for (size_t i = 0; i < json_array_size(all); i++)
            print_one(json_array_get(all, i));
    }
    json_decref(all);
    if (rows != NULL)
        g_array_unref(rows);
    session_close(&session);
    return done ? COMMAND_DONE : COMMAND_FAILED;
}
