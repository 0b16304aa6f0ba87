#include "config.h"

#include "pki/wishes.h"

#include "common/log.h"
#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_SHOWN 256 /* bytes of a name in a message */

static void clear_wish(void *wish)
{
    issue_wish_clear(wish);
}

void wishes_init(struct wishes *wishes, enum ledger_kind kind, int64_t lasts_s)
{
    *wishes = (struct wishes){.kind = kind, .lasts_s = lasts_s};
    wishes->at = g_array_new(FALSE, TRUE, sizeof(struct issue_wish));
    g_array_set_clear_func(wishes->at, clear_wish);
    wishes->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void wishes_clear(struct wishes *wishes)
{
    g_clear_pointer(&wishes->at, g_array_unref);
    g_clear_pointer(&wishes->seen, g_hash_table_unref);
}

static bool fault(struct wishes *wishes, const char *source, struct bytes name, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
static bool fault(struct wishes *wishes, const char *source, struct bytes name, const char *format,
                  ...)
{
    char shown[NAME_SHOWN];
    va_list args;

    if (wishes->faults++ >= WISHES_FAULTS)
        return false;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    text_escape(shown, sizeof shown, name);
    log_error("%s%s\"%s\" %s", source != NULL ? source : "", source != NULL ? ": " : "", shown,
              text);
    return false;
}

/* --- one ---------------------------------------------------------------------------------------------- */

static bool add_sans(struct wishes *wishes, struct issue_wish *wish, const struct bytes *sans,
                     size_t n_sans, const char *source)
{
    if (n_sans > NAME_SANS_MAX)
        return fault(wishes, source, bytes_str(wish->name), "has %zu further names; %d is the most",
                     n_sans, NAME_SANS_MAX);
    wish->sans = g_new0(struct name_san, MAX(n_sans, 1));
    for (size_t i = 0; i < n_sans; i++) {
        const char *why = name_san_parse(sans[i], &wish->sans[wish->n_sans]);

        if (why != NULL)
            return fault(wishes, source, sans[i], "%s; write a host name or an address", why);
        wish->n_sans++;
    }
    return true;
}

/* Once only, regardless of case: PgBouncer would not tell them apart. */
static bool is_first(struct wishes *wishes, struct bytes name, const char *source)
{
    char *folded = name_fold(name);
    const char *other = folded != NULL ? g_hash_table_lookup(wishes->seen, folded) : NULL;

    if (other != NULL) {
        g_free(folded);
        return fault(wishes, source, name, "was named before%s%s", other[0] != '\0' ? ", at " : "",
                     other);
    }
    if (folded != NULL)
        g_hash_table_insert(wishes->seen, folded, g_strdup(source != NULL ? source : ""));
    return true;
}

bool wishes_add(struct wishes *wishes, struct bytes name, const struct bytes *sans, size_t n_sans,
                const char *source)
{
    bool client = wishes->kind == KIND_CLIENT;
    const char *why = client ? name_role_fault(name) : name_common_fault(name, true);
    struct issue_wish wish = {.kind = wishes->kind, .lasts_s = wishes->lasts_s};

    if (why != NULL)
        return fault(wishes, source, name, "%s", why);
    if (client && n_sans > 0)
        return fault(wishes, source, name,
                     "is a client, which takes no further names: PgBouncer would let it log in as "
                     "them");
    wish.name = g_strndup((const char *)name.ptr, name.len);
    wish.source = g_strdup(source);
    if (!add_sans(wishes, &wish, sans, n_sans, source) || !is_first(wishes, name, source)) {
        issue_wish_clear(&wish);
        return false;
    }
    g_array_append_val(wishes->at, wish);
    return true;
}

/* --- a file --------------------------------------------------------------------------------------------- */

/* Takes what stands before sep (or the end) off *rest. */
static struct bytes take(struct bytes *rest, char sep)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->ptr, sep, rest->len) : NULL;
    struct bytes part = bytes_of(rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len);
    size_t gone = part.len + (end != NULL ? 1 : 0);

    *rest = bytes_of(rest->ptr + gone, rest->len - gone);
    return part;
}

static struct bytes trimmed(struct bytes text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = bytes_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* "a ""b""" off *rest, with the comma behind it.  False when it does not end so. */
static bool take_quoted(struct bytes *rest, GString *name)
{
    size_t at = 1;

    for (; at < rest->len; at++) {
        if (rest->ptr[at] != '"')
            g_string_append_c(name, (char)rest->ptr[at]);
        else if (at + 1 < rest->len && rest->ptr[at + 1] == '"')
            g_string_append_c(name, (char)rest->ptr[at++]);
        else
            break;
    }
    if (at == rest->len || (at + 1 < rest->len && rest->ptr[at + 1] != ','))
        return false;
    at = MIN(at + 2, rest->len);
    *rest = bytes_of(rest->ptr + at, rest->len - at);
    return true;
}

static void parse_line(struct wishes *wishes, struct bytes line, const char *source)
{
    struct bytes sans[NAME_SANS_MAX + 1] = {{0}}, rest = line, name;
    g_autoptr(GString) quoted = g_string_new(NULL);
    size_t n = 0;

    if (line.ptr[0] == '"') {
        if (!take_quoted(&rest, quoted)) {
            fault(wishes, source, line, "has quotes that do not end before a comma");
            return;
        }
        name = bytes_of(quoted->str, quoted->len);
    } else {
        name = take(&rest, ',');
    }
    while (rest.len > 0 && n < G_N_ELEMENTS(sans))
        sans[n++] = trimmed(take(&rest, ','));
    wishes_add(wishes, name, sans, n, source);
}

void wishes_parse(struct wishes *wishes, struct bytes text, const char *file)
{
    size_t number = 0;

    while (text.len > 0) {
        struct bytes line = take(&text, '\n');
        g_autofree char *source = g_strdup_printf("%s:%zu", file, ++number);

        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (trimmed(line).len == 0 || line.ptr[0] == '#')
            continue;
        parse_line(wishes, line, source);
    }
    if (wishes->faults > WISHES_FAULTS)
        log_error("%s: and %zu faults more", file, wishes->faults - WISHES_FAULTS);
}

bool wishes_read(struct wishes *wishes, const char *file)
{
    bool standard = strcmp(file, "-") == 0;
    FILE *stream = standard ? stdin : fopen(file, "re");
    GByteArray *text = g_byte_array_new();
    uint8_t some[16384];
    bool done = false;
    size_t n;

    if (stream == NULL) {
        log_error("cannot read %s: %s", file, strerror(errno));
        goto out;
    }
    while (text->len <= WISHES_FILE_MOST && (n = fread(some, 1, sizeof some, stream)) > 0)
        g_byte_array_append(text, some, (guint)n);
    if (ferror(stream) != 0)
        log_error("cannot read %s: %s", file, strerror(errno));
    else if (text->len > WISHES_FILE_MOST)
        log_error("%s has over %d bytes, the most that is read at once", file, WISHES_FILE_MOST);
    else
        done = true;
out:
    if (stream != NULL && !standard)
        fclose(stream);
    if (done)
        wishes_parse(wishes, bytes_of(text->data, text->len), standard ? "standard input" : file);
    g_byte_array_unref(text);
    return done;
}
