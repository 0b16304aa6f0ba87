#include "config.h"

#include "common/audit.h"

#include "common/clock.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>

/* Longest foreign text that is shown whole, in bytes; halved until the line fits. */
#define SHOWN_MAX   1024
#define SHOWN_LEAST 8

static const char *const factor_names[] = {
    [FACTOR_OK] = "ok",
    [FACTOR_WRONG] = "wrong",
    [FACTOR_USED] = "used",
    [FACTOR_MISSING] = "missing",
    [FACTOR_EXEMPT] = "exempt",
    [FACTOR_OFF] = "off",
    [FACTOR_REFUSED] = "refused",
    [FACTOR_UNAVAILABLE] = "unavailable",
    [FACTOR_LEFT_TO_STACK] = "left-to-stack",
    [FACTOR_BURST] = "burst",
    [FACTOR_BREAK_GLASS] = "break-glass",
};

const char *audit_factor_name(enum audit_factor factor)
{
    if ((unsigned)factor >= sizeof factor_names / sizeof factor_names[0])
        return NULL;
    return factor_names[factor];
}

/*
 * The line under construction, written straight away: a tree of objects in between was a tenth of what a
 * login cost the daemon.  What does not fit is noticed once, at the end.
 */
struct sheet {
    char *at;
    size_t len, cap;
    size_t shown; /* bytes of a foreign text that may be shown */
    bool full;
};

static void add(struct sheet *sheet, const char *text, size_t n)
{
    if (sheet->full || n > sheet->cap - sheet->len) {
        sheet->full = true;
        return;
    }
    memcpy(sheet->at + sheet->len, text, n);
    sheet->len += n;
}

/* RFC 8259, 7: quotation mark, backslash and C0 controls. */
static void add_escaped(struct sheet *sheet, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    const char brief[] = {'\\', known != NULL ? to[known - from] : '\0'};
    const char full[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    if (known != NULL)
        add(sheet, brief, sizeof brief);
    else
        add(sheet, full, sizeof full);
}

/* text is UTF-8. */
static void add_string(struct sheet *sheet, struct bytes text)
{
    const char *p = (const char *)text.ptr;
    size_t from = 0;

    add(sheet, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x20 && text.ptr[i] != '"' && text.ptr[i] != '\\')
            continue;
        add(sheet, p + from, i - from);
        add_escaped(sheet, text.ptr[i]);
        from = i + 1;
    }
    if (text.len > from)
        add(sheet, p + from, text.len - from);
    add(sheet, "\"", 1);
}

static void add_key(struct sheet *sheet, const char *key)
{
    if (sheet->at[sheet->len - 1] != '{')
        add(sheet, ",", 1);
    add_string(sheet, bytes_str(key));
    add(sheet, ":", 1);
}

/* A number, true, false or null. */
static void put_word(struct sheet *sheet, const char *key, const char *word)
{
    add_key(sheet, key);
    add(sheet, word, strlen(word));
}

static void put_number(struct sheet *sheet, const char *key, int64_t number)
{
    char word[24];

    snprintf(word, sizeof word, "%" PRId64, number);
    put_word(sheet, key, word);
}

static void put_string(struct sheet *sheet, const char *key, const char *text)
{
    add_key(sheet, key);
    add_string(sheet, bytes_str(text));
}

/* An object in the line; where it began is for close_object, which takes an empty one back. */
static size_t open_object(struct sheet *sheet, const char *key)
{
    size_t began = sheet->len;

    add_key(sheet, key);
    add(sheet, "{", 1);
    return began;
}

static void close_object(struct sheet *sheet, size_t began)
{
    if (sheet->at[sheet->len - 1] == '{')
        sheet->len = began;
    else
        add(sheet, "}", 1);
}

/*
 * A foreign text.  What is UTF-8 and tame goes in as it is (C0 controls escaped as JSON does); all else
 * goes in as \xNN text under KEY_escaped, so that no reader takes it for the name itself.
 */
static void put_bytes(struct sheet *sheet, const char *key, struct bytes text)
{
    char escaped[SHOWN_MAX * 4 + 4], other_key[64];
    struct bytes shown = text;

    if (text.len == 0)
        return;
    /* Some readers of JSON, PostgreSQL's jsonb for one, refuse a NUL even when it is escaped. */
    if (text.len <= sheet->shown && text_is_plain(text, true) &&
        memchr(text.ptr, '\0', text.len) == NULL) {
        add_key(sheet, key);
        add_string(sheet, text);
        return;
    }
    if (shown.len > sheet->shown)
        shown.len = sheet->shown;
    text_escape(escaped, sizeof escaped - 3, shown);
    if (shown.len < text.len)
        strcat(escaped, "...");
    snprintf(other_key, sizeof other_key, "%s_escaped", key);
    put_string(sheet, other_key, escaped);
}

static void put_user(struct sheet *sheet, const struct audit_event *event,
                     enum settings_unknown_names unknown_names)
{
    const char *hash = event->user_hash;

    if (event->user.len == 0)
        return;
    if (event->user_known || unknown_names == UNKNOWN_NAMES_PLAIN) {
        put_bytes(sheet, "user", event->user);
        put_word(sheet, "user_known", event->user_known ? "true" : "false");
        return;
    }
    if (hash != NULL && hash[0] != '\0')
        put_string(sheet, "user_hash", hash);
    else
        put_word(sheet, "user_hash", "null");
    put_word(sheet, "user_known", "false");
}

/* A certificate's serial, which has 20 octets at most (RFC 5280 4.1.2.2); of a longer one the first. */
static void put_serial(struct sheet *sheet, struct bytes serial)
{
    char hex[2 * 20 + 1];
    size_t n = serial.len < 20 ? serial.len : 20;

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02X", serial.ptr[i]);
    put_string(sheet, "serial", hex);
}

static void put_factors(struct sheet *sheet, const struct audit_factors *factors)
{
    const struct {
        const char *key;
        enum audit_factor result;
    } rows[] = {
        {"throttle", factors->throttle},
        {"code",     factors->code    },
        {"password", factors->password},
        {"account",  factors->account },
        {"group",    factors->group   },
        {"role",     factors->role    },
    };
    size_t began = open_object(sheet, "factors");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = audit_factor_name(rows[i].result);

        if (name != NULL)
            put_string(sheet, rows[i].key, name);
    }
    close_object(sheet, began);
}

/* In milliseconds, as a number with a point: a reader takes the same type each time. */
static void put_ms(struct sheet *sheet, const char *key, int64_t us)
{
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    char word[32];

    int n = snprintf(word, sizeof word, "%s%" PRIu64 ".%03u", us < 0 ? "-" : "", size / 1000,
                     (unsigned)(size % 1000));
    for (int zeros = 0; zeros < 2 && word[n - 1] == '0'; zeros++)
        word[--n] = '\0';
    put_word(sheet, key, word);
}

static void put_steps(struct sheet *sheet, const struct audit_steps *steps)
{
    const struct {
        const char *key;
        int64_t us;
    } rows[] = {
        {"code",     steps->code_us    },
        {"password", steps->password_us},
        {"account",  steps->account_us },
        {"groups",   steps->groups_us  },
        {"role",     steps->role_us    },
        {"total",    steps->total_us   },
    };
    size_t began = open_object(sheet, "ms");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].us != 0)
            put_ms(sheet, rows[i].key, rows[i].us);
    close_object(sheet, began);
}

static void fill(struct sheet *sheet, const struct audit_event *event,
                 enum settings_unknown_names unknown_names)
{
    char time[CLOCK_TEXT_MAX], id[17], detail[SHOWN_MAX + 1];
    bool judged = event->result == NULL;

    clock_text(event->time_ms, time);
    snprintf(id, sizeof id, "%016" PRIx64, event->id);
    put_string(sheet, "time", time);
    put_string(sheet, "id", id);
    put_bytes(sheet, "event", bytes_str(event->event));
    if (judged) {
        put_string(sheet, "verdict", verdict_name(reason_verdict(event->reason)));
        put_string(sheet, "reason", reason_name(event->reason));
    } else {
        put_bytes(sheet, "result", bytes_str(event->result));
    }
    if (event->severity == SEVERITY_ALERT)
        put_string(sheet, "severity", "alert");
    put_user(sheet, event, unknown_names);
    put_bytes(sheet, "subject", event->subject);
    put_serial(sheet, event->serial);
    put_bytes(sheet, "address",
              event->address.len == 0 && judged ? bytes_str("local") : event->address);
    put_bytes(sheet, "service", event->service);
    put_bytes(sheet, "policy", event->policy);
    put_factors(sheet, &event->factors);
    put_bytes(sheet, "group", bytes_str(event->group));
    put_bytes(sheet, "cluster", bytes_str(event->cluster));
    put_bytes(sheet, "object", bytes_str(event->object));
    put_bytes(sheet, "token", bytes_str(event->token));
    put_bytes(sheet, "exempt_reason", bytes_str(event->exempt_reason));
    put_bytes(sheet, "break_glass_reason", bytes_str(event->break_glass_reason));
    put_steps(sheet, &event->steps);
    if (event->backend_pid != 0)
        put_number(sheet, "backend_pid", event->backend_pid);
    if (event->has_uid)
        put_number(sheet, "uid", event->uid);
    if (event->detail != NULL && event->detail[0] != '\0') {
        text_clean(detail, sheet->shown + 1, bytes_str(event->detail));
        put_string(sheet, "detail", detail);
    }
}

size_t audit_render(const struct audit_event *event, enum settings_unknown_names unknown_names,
                    char line[AUDIT_LINE_MAX + 1])
{
    size_t length = 0;

    for (size_t shown = SHOWN_MAX; shown >= SHOWN_LEAST && length == 0; shown /= 2) {
        struct sheet sheet = {.at = line, .cap = AUDIT_LINE_MAX - 1 - event->room, .shown = shown};

        add(&sheet, "{", 1);
        fill(&sheet, event, unknown_names);
        add(&sheet, "}", 1);
        if (!sheet.full)
            length = sheet.len;
    }
    if (length > 0)
        line[length++] = '\n';
    line[length] = '\0';
    return length;
}
