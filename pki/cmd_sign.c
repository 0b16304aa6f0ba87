/* pgsignet-ca sign: certificates for keys that were made elsewhere, by their requests. */
#include "config.h"

#include "pki/cli.h"
#include "pki/cli_issue.h"

#include "common/log.h"
#include "pki/made.h"
#include "pki/request.h"
#include "pki/wishes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY 1024 /* bytes of a sentence */

/* --- the command line --------------------------------------------------------------------------------- */

static bool is_client(const struct arguments *arguments)
{
    return strcmp(arguments->operand[0], ledger_kind_names[KIND_CLIENT]) == 0;
}

static bool check_operands(const struct arguments *arguments)
{
    int from_stdin = 0;

    if (!is_client(arguments) &&
        strcmp(arguments->operand[0], ledger_kind_names[KIND_SERVER]) != 0) {
        log_error("sign what? write `sign server REQUEST` or `sign client REQUEST`");
        return false;
    }
    for (int i = 1; i < arguments->operands; i++)
        from_stdin += strcmp(arguments->operand[i], "-") == 0;
    if (from_stdin > 1)
        log_error("standard input is one request: write \"-\" once");
    return from_stdin <= 1;
}

static bool check_names(const struct arguments *arguments)
{
    if (!arguments_one_of(arguments, OPT_BIT(OPT_NAME) | OPT_BIT(OPT_TAKE_NAMES)))
        return false;
    if (!arguments->given[OPT_NAME] && !arguments->given[OPT_TAKE_NAMES]) {
        log_error("whose certificate is it? Give --name NAME, or --take-names to take what the "
                  "request asks for");
        return false;
    }
    if (arguments->given[OPT_NAME] && arguments->operands > 2) {
        log_error("--name is for one request: give them one by one, or take --take-names");
        return false;
    }
    if (arguments->given[OPT_SAN] && is_client(arguments)) {
        log_error("--san is for servers: a client's certificate has its role's name alone");
        return false;
    }
    return arguments_needs(arguments, OPT_SAN, OPT_BIT(OPT_NAME));
}

static bool check_out(const struct arguments *arguments)
{
    const char *out = arguments->text[OPT_OUT];

    if (out == NULL || strcmp(out, "-") != 0)
        return cli_check_out(arguments, arguments->operands > 2);
    if (arguments->given[OPT_JSON])
        log_error("--out - prints the certificate, and --json a document: take one of them");
    return !arguments->given[OPT_JSON];
}

bool check_sign(const struct arguments *arguments)
{
    return check_operands(arguments) && check_names(arguments) && check_out(arguments);
}

/* --- requests ------------------------------------------------------------------------------------------------ */

/* All of it, and one octet more than may be: then request_read says so.  errno on failure. */
static bool read_all(int fd, GByteArray *text)
{
    guint used = 0;
    ssize_t n;

    g_byte_array_set_size(text, REQUEST_MAX + 1);
    do {
        n = read(fd, text->data + used, REQUEST_MAX + 1 - used);
        used += n > 0 ? (guint)n : 0;
    } while ((n > 0 && used <= REQUEST_MAX) || (n < 0 && errno == EINTR));
    g_byte_array_set_size(text, used);
    return n >= 0;
}

static bool load(const char *file, GByteArray *text)
{
    bool is_stdin = strcmp(file, "-") == 0, regular, done;
    /* O_NONBLOCK: the opening of a FIFO would wait for a writer. */
    int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        log_error("cannot open the request %s: %s", file, strerror(errno));
        return false;
    }
    regular = is_stdin || S_ISREG(st.st_mode);
    done = regular && read_all(fd, text);
    if (!regular)
        log_error("the request %s is no regular file; \"-\" reads standard input", file);
    else if (!done)
        log_error("cannot read the request %s: %s", file, strerror(errno));
    if (!is_stdin)
        close(fd);
    return done;
}

/* The names that a request asks for: its CN, or where a server has none, the first of its SANs. */
static bool take_names(struct wishes *wishes, const struct request *request, const char *source)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    g_autofree struct bytes *sans = g_new0(struct bytes, MAX(request->n_sans, 1));
    const char *name = request->common_name;

    for (size_t i = 0; i < request->n_sans; i++) {
        GString *text = g_string_new(NULL);

        name_san_write(&request->sans[i], text);
        sans[i] = bytes_of(text->str, text->len);
        g_ptr_array_add(texts, g_string_free(text, FALSE));
    }
    if (name == NULL && request->n_sans > 0)
        name = request->sans[0].text;
    if (name == NULL) {
        log_error("%s: the request names nobody: give --name NAME", source);
        wishes->faults++;
        return false;
    }
    return wishes_add(wishes, bytes_str(name), sans, request->n_sans, source);
}

static bool give_names(struct wishes *wishes, const struct arguments *arguments, const char *source)
{
    const char *const *texts = NULL;
    size_t n = options_list(OPT_SAN, &texts);
    g_autofree struct bytes *sans = g_new0(struct bytes, MAX(n, 1));

    for (size_t i = 0; i < n; i++)
        sans[i] = bytes_str(texts[i]);
    return wishes_add(wishes, bytes_str(arguments->text[OPT_NAME]), sans, n, source);
}

static void add_request(struct wishes *wishes, const struct arguments *arguments, const char *file)
{
    const char *source = strcmp(file, "-") == 0 ? "standard input" : file;
    enum request_use use = is_client(arguments) ? REQUEST_CLIENT : REQUEST_SERVER;
    g_autoptr(GByteArray) text = g_byte_array_new();
    struct request request = {0};
    char why[WHY] = "";

    if (!load(file, text)) {
        wishes->faults++;
    } else if (!request_read(bytes_of(text->data, text->len), use, &request, why, sizeof why)) {
        log_error("the request %s is refused: %s", source, why);
        wishes->faults++;
    } else if (arguments->given[OPT_NAME] ? give_names(wishes, arguments, source)
                                          : take_names(wishes, &request, source)) {
        struct issue_wish *wish =
            &g_array_index(wishes->at, struct issue_wish, wishes->at->len - 1);

        wish->key = request.key;
        request.key = NULL;
        wish->path = g_strcmp0(arguments->text[OPT_OUT], "-") == 0
                         ? g_strdup("")
                         : cli_out_path(arguments->text[OPT_OUT], wish->name);
    }
    request_clear(&request);
}

static bool collect(struct wishes *wishes, const struct arguments *arguments)
{
    for (int i = 1; i < arguments->operands; i++)
        add_request(wishes, arguments, arguments->operand[i]);
    if (wishes->faults == 0)
        return true;
    if (arguments->given[OPT_KEEP_GOING])
        return wishes->at->len > 0;
    if (arguments->operands > 2)
        log_error("nothing was signed, because of %zu fault%s", wishes->faults,
                  wishes->faults == 1 ? "" : "s");
    return false;
}

/* --- the command ---------------------------------------------------------------------------------------------- */

/* --out -: what would be in PATH.crt. */
static bool print_certificate(struct session *session, const struct issue_wish *wish,
                              const struct issue_made *made)
{
    struct authority *authority = session_signer(session, wish->kind);
    struct output_files files = {0};
    X509 *chain[4] = {NULL};
    char why[WHY] = "";
    bool done;

    if (authority == NULL)
        return false;
    const struct output_leaf leaf = {
        .name = wish->name,
        .client = wish->kind == KIND_CLIENT,
        .der = bytes_of(made->der->data, made->der->len),
        .chain = chain,
        .n_chain = session_chain(session, authority, chain),
    };
    done = output_make(&leaf, "stdout", 0, false, session_now_s(), &files, why, sizeof why);
    if (done)
        fwrite(files.at[0].content.ptr, 1, files.at[0].content.len, stdout);
    else
        log_error("the certificate of \"%s\" cannot be printed: %s", wish->name, why);
    output_clear(&files);
    return done;
}

static bool print_certificates(struct session *session, const struct issue_wish *wishes,
                               const struct issue_made *made, size_t n)
{
    bool done = true;

    for (size_t i = 0; i < n && done; i++)
        done = made[i].der == NULL || print_certificate(session, &wishes[i], &made[i]);
    return done;
}

static bool print(struct session *session, const struct issue_wish *wishes,
                  const struct issue_made *made, size_t n, const struct issue_options *options)
{
    if (g_strcmp0(session->arguments->text[OPT_OUT], "-") == 0 && !options->dry_run)
        return print_certificates(session, wishes, made, n);
    return made_print(session, wishes, made, n, options);
}

int cmd_sign(const struct arguments *arguments)
{
    struct session session = {.folder_fd = -1};
    struct issue_options options = {0};
    struct issue_made *made = NULL;
    struct secret unused = {0};
    struct wishes wishes;
    int code = COMMAND_FAILED;
    size_t n = 0;

    wishes_init(&wishes, is_client(arguments) ? KIND_CLIENT : KIND_SERVER,
                arguments->number[OPT_LASTS]);
    /* The session first: `fips: require` has a say in which keys are taken. */
    if (!session_open(&session, arguments, NEEDS_WORK) || !collect(&wishes, arguments) ||
        !cli_issue_options(&session, &options, &unused))
        goto out;
    n = wishes.at->len;
    const struct issue_wish *all = (const struct issue_wish *)(const void *)wishes.at->data;
    made = g_new0(struct issue_made, MAX(n, 1));
    bool done = issue_many(&session, all, n, &options, made);
    if (print(&session, all, made, n, &options) && done && wishes.faults == 0)
        code = COMMAND_DONE;
out:
    made_free(made, n);
    session_close(&session);
    secret_free(&unused);
    wishes_clear(&wishes);
    return code;
}
