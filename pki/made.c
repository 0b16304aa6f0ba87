#include "config.h"

#include "pki/made.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/table.h"
#include "common/text.h"
#include "pki/server_trust.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 1024 /* bytes of a path or name on a terminal */

struct strings {
    GString *libpq, *jdbc, *npgsql; /* owned; jdbc NULL: there is no key that it reads */
};

static char *absolute(const struct session *session, const char *path)
{
    return path[0] == '/' ? g_strdup(path) : g_build_filename(session->folder, path, NULL);
}

/* Or would be, in a dry run.  Those of a batch that another one's refusal held up were not. */
static bool was_made(const struct issue_made *made, const struct issue_options *options)
{
    return made->refused == NULL && made->path != NULL && (options->dry_run || made->der != NULL);
}

static void time_text(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    clock_text(unix_s * 1000, out);
    memcpy(out + 19, "Z", 2); /* without the milliseconds */
}

static void make_strings(const struct session *session, const char *name, const char *path,
                         const struct issue_made *made, const struct issue_options *options,
                         struct strings *out)
{
    g_autofree char *root = server_trust_path(session);
    const struct output_login login = {.host = options->host,
                                       .database = options->database,
                                       .name = name,
                                       .path = path,
                                       .root = root};

    *out = (struct strings){.libpq = g_string_new(NULL), .npgsql = g_string_new(NULL)};
    output_libpq(&login, out->libpq);
    output_npgsql(&login, out->npgsql);
    if ((made->output >> OUTPUT_PK8 & 1u) != 0) {
        out->jdbc = g_string_new(NULL);
        output_jdbc(&login, out->jdbc);
    }
}

static void clear_strings(struct strings *strings)
{
    g_string_free(strings->libpq, TRUE);
    g_string_free(strings->npgsql, TRUE);
    if (strings->jdbc != NULL)
        g_string_free(strings->jdbc, TRUE);
}

/* Those that a key of ours was written for. */
static bool has_strings(const struct issue_wish *wish, const struct issue_made *made)
{
    return wish->kind == KIND_CLIENT && wish->key == NULL && made->path[0] != '\0';
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static json_t *text_json(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* a path is of any bytes */

    return json_string(valid);
}

static json_t *time_json(int64_t unix_s)
{
    char text[CLOCK_TEXT_MAX];

    time_text(unix_s, text);
    return json_string(text);
}

static json_t *files_json(const struct issue_wish *wish, const struct issue_made *made,
                          const char *path)
{
    json_t *files = json_array();
    struct output_files places;

    output_places(path, wish->key == NULL, made->output, &places);
    for (size_t i = 0; i < places.n; i++)
        json_array_append_new(files, text_json(places.at[i].path));
    output_clear(&places);
    return files;
}

static void put_strings(json_t *object, const struct strings *strings)
{
    json_object_set_new(object, "libpq", text_json(strings->libpq->str));
    if (strings->jdbc != NULL)
        json_object_set_new(object, "jdbc", text_json(strings->jdbc->str));
    json_object_set_new(object, "npgsql", text_json(strings->npgsql->str));
}

static json_t *one_json(const struct session *session, const struct issue_wish *wish,
                        const struct issue_made *made, const struct issue_options *options)
{
    json_t *object = json_object();

    json_object_set_new(object, "kind", json_string(ledger_kind_names[wish->kind]));
    json_object_set_new(object, "name", text_json(wish->name));
    if (!was_made(made, options)) {
        json_object_set_new(object, "refused",
                            made->refused != NULL ? text_json(made->refused) : json_null());
        return object;
    }
    if (made->serial_len > 0) {
        struct bytes serial = bytes_of(made->serial, made->serial_len);
        g_autofree char *decimal = certificate_serial_decimal(serial);
        g_autoptr(GString) hex = g_string_new(NULL);

        certificate_serial_text(serial, hex);
        json_object_set_new(object, "serial", json_string(hex->str));
        json_object_set_new(object, "serial_decimal", json_string(decimal));
    }
    json_object_set_new(object, "not_before", time_json(made->not_before));
    json_object_set_new(object, "not_after", time_json(made->not_after));
    if (made->path[0] != '\0') {
        g_autofree char *path = absolute(session, made->path);

        json_object_set_new(object, "files", files_json(wish, made, path));
        if (has_strings(wish, made)) {
            struct strings strings;

            make_strings(session, wish->name, path, made, options, &strings);
            put_strings(object, &strings);
            clear_strings(&strings);
        }
    }
    return object;
}

static bool print_json(const struct session *session, const struct issue_wish *wishes,
                       const struct issue_made *made, size_t n, const struct issue_options *options)
{
    json_t *document = json_object(), *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, one_json(session, &wishes[i], &made[i], options));
    json_object_set_new(document, "dry_run", json_boolean(options->dry_run));
    json_object_set_new(document, "certificates", all);
    return session_print(document);
}

/* --- text ------------------------------------------------------------------------------------------------- */

static const char *shown(const char *text, char out[SHOWN])
{
    text_clean(out, SHOWN, bytes_str(text));
    return out;
}

static void serial_shown(const struct issue_made *made, GString *out)
{
    if (made->serial_len > 0)
        certificate_serial_text(bytes_of(made->serial, made->serial_len), out);
    else
        g_string_append(out, "(dry run)");
}

static void print_files(const struct issue_wish *wish, const struct issue_made *made,
                        const char *path)
{
    struct output_files places;
    char text[SHOWN];

    output_places(path, wish->key == NULL, made->output, &places);
    for (size_t i = 0; i < places.n; i++) /* the certificate first, which is written last */
        printf("  %-7s %s\n", i == 0 ? "files" : "",
               shown(places.at[(i + places.n - 1) % places.n].path, text));
    output_clear(&places);
}

static void print_strings(const struct session *session, const struct issue_wish *wish,
                          const struct issue_made *made, const char *path,
                          const struct issue_options *options)
{
    struct strings strings;
    char text[4 * SHOWN];

    make_strings(session, wish->name, path, made, options, &strings);
    text_clean(text, sizeof text, bytes_str(strings.libpq->str));
    printf("  libpq   %s\n", text);
    if (strings.jdbc != NULL) {
        text_clean(text, sizeof text, bytes_str(strings.jdbc->str));
        printf("  jdbc    %s\n", text);
    }
    text_clean(text, sizeof text, bytes_str(strings.npgsql->str));
    printf("  npgsql  %s\n", text);
    clear_strings(&strings);
}

static void print_one(const struct session *session, const struct issue_wish *wish,
                      const struct issue_made *made, const struct issue_options *options)
{
    g_autoptr(GString) serial = g_string_new(NULL);
    char text[SHOWN], from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];

    serial_shown(made, serial);
    time_text(made->not_before, from);
    time_text(made->not_after, to);
    printf("%s \"%s\"%s\n", ledger_kind_names[wish->kind], shown(wish->name, text),
           options->dry_run ? " could be issued; nothing was done" : "");
    printf("  serial  %s\n  valid   %s to %s\n", serial->str, from, to);
    if (made->path[0] == '\0')
        return;
    g_autofree char *path = absolute(session, made->path);
    print_files(wish, made, path);
    if (has_strings(wish, made))
        print_strings(session, wish, made, path, options);
}

static bool print_table(const struct session *session, const struct issue_wish *wishes,
                        const struct issue_made *made, size_t n,
                        const struct issue_options *options)
{
    static const char *const headings[] = {"KIND", "NAME", "SERIAL", "UNTIL", "FILES"};
    struct table *table = table_new(headings, G_N_ELEMENTS(headings));
    bool done = table != NULL;

    for (size_t i = 0; i < n && done; i++) {
        char name[SHOWN], file[SHOWN], until[CLOCK_TEXT_MAX];
        g_autoptr(GString) serial = g_string_new(NULL);

        if (!was_made(&made[i], options))
            continue;
        g_autofree char *path = absolute(session, made[i].path);
        g_autofree char *files = g_strconcat(path, ".crt", NULL);
        serial_shown(&made[i], serial);
        time_text(made[i].not_after, until);
        const char *cells[] = {ledger_kind_names[wishes[i].kind], shown(wishes[i].name, name),
                               serial->str, until,
                               made[i].path[0] != '\0' ? shown(files, file) : ""};
        done = table_add(table, cells);
    }
    if (done)
        table_print(table, stdout);
    else
        log_error("the table cannot be printed: memory is short");
    table_free(table);
    if (options->dry_run)
        puts("Nothing was done: this was a dry run.");
    return done;
}

bool made_print(struct session *session, const struct issue_wish *wishes,
                const struct issue_made *made, size_t n, const struct issue_options *options)
{
    size_t some = 0, last = 0;
    bool strings = false;

    for (size_t i = 0; i < n; i++) {
        if (was_made(&made[i], options)) {
            some++;
            last = i;
            strings = strings || has_strings(&wishes[i], &made[i]);
        }
    }
    if (strings)
        server_trust_remark(session);
    if (session->json)
        return print_json(session, wishes, made, n, options);
    if (session->quiet || some == 0)
        return true;
    if (some > 1)
        return print_table(session, wishes, made, n, options);
    print_one(session, &wishes[last], &made[last], options);
    return true;
}

void made_free(struct issue_made *made, size_t n)
{
    for (size_t i = 0; i < n; i++)
        issue_made_clear(&made[i]);
    g_free(made);
}
