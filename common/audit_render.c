#include "config.h"

#include "common/audit.h"

#include "common/clock.h"
#include "common/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

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
};

const char *audit_factor_name(enum audit_factor factor)
{
    if ((unsigned)factor >= sizeof factor_names / sizeof factor_names[0])
        return NULL;
    return factor_names[factor];
}

/* The line under construction.  Any failure is memory; it is noticed once, at the end. */
struct sheet {
    json_t *root;
    size_t shown; /* bytes of a foreign text that may be shown */
    bool failed;
};

static void put(struct sheet *sheet, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        sheet->failed = true;
}

/*
 * A foreign text.  What is UTF-8 and tame goes in as it is (jansson escapes C0 controls); all else
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
        put(sheet, sheet->root, key, json_stringn((const char *)text.ptr, text.len));
        return;
    }
    if (shown.len > sheet->shown)
        shown.len = sheet->shown;
    text_escape(escaped, sizeof escaped - 3, shown);
    if (shown.len < text.len)
        strcat(escaped, "...");
    snprintf(other_key, sizeof other_key, "%s_escaped", key);
    put(sheet, sheet->root, other_key, json_string(escaped));
}

static void put_user(struct sheet *sheet, const struct audit_event *event,
                     enum settings_unknown_names unknown_names)
{
    const char *hash = event->user_hash;

    if (event->user.len == 0)
        return;
    if (event->user_known || unknown_names == UNKNOWN_NAMES_PLAIN) {
        put_bytes(sheet, "user", event->user);
        put(sheet, sheet->root, "user_known", json_boolean(event->user_known));
        return;
    }
    put(sheet, sheet->root, "user_hash",
        hash != NULL && hash[0] != '\0' ? json_string(hash) : json_null());
    put(sheet, sheet->root, "user_known", json_false());
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
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = audit_factor_name(rows[i].result);

        if (name != NULL)
            put(sheet, object, rows[i].key, json_string(name));
    }
    if (json_object_size(object) > 0)
        put(sheet, sheet->root, "factors", json_incref(object));
    json_decref(object);
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
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].us != 0)
            put(sheet, object, rows[i].key, json_real((double)rows[i].us / 1000.0));
    if (json_object_size(object) > 0)
        put(sheet, sheet->root, "ms", json_incref(object));
    json_decref(object);
}

static void fill(struct sheet *sheet, const struct audit_event *event,
                 enum settings_unknown_names unknown_names)
{
    char time[CLOCK_TEXT_MAX], id[17], detail[SHOWN_MAX + 1];
    bool judged = event->result == NULL;

    clock_text(event->time_ms, time);
    snprintf(id, sizeof id, "%016" PRIx64, event->id);
    put(sheet, sheet->root, "time", json_string(time));
    put(sheet, sheet->root, "id", json_string(id));
    put_bytes(sheet, "event", bytes_str(event->event));
    if (judged) {
        put(sheet, sheet->root, "verdict",
            json_string(verdict_name(reason_verdict(event->reason))));
        put(sheet, sheet->root, "reason", json_string(reason_name(event->reason)));
    } else {
        put_bytes(sheet, "result", bytes_str(event->result));
    }
    put_user(sheet, event, unknown_names);
    put_bytes(sheet, "address",
              event->address.len == 0 && judged ? bytes_str("local") : event->address);
    put_bytes(sheet, "service", event->service);
    put_bytes(sheet, "policy", event->policy);
    put_factors(sheet, &event->factors);
    put_bytes(sheet, "group", bytes_str(event->group));
    put_bytes(sheet, "token", bytes_str(event->token));
    put_bytes(sheet, "exempt_reason", bytes_str(event->exempt_reason));
    put_steps(sheet, &event->steps);
    if (event->backend_pid != 0)
        put(sheet, sheet->root, "backend_pid", json_integer(event->backend_pid));
    if (event->has_uid)
        put(sheet, sheet->root, "uid", json_integer(event->uid));
    if (event->detail != NULL && event->detail[0] != '\0') {
        text_clean(detail, sheet->shown + 1, bytes_str(event->detail));
        put(sheet, sheet->root, "detail", json_string(detail));
    }
}

size_t audit_render(const struct audit_event *event, enum settings_unknown_names unknown_names,
                    char line[AUDIT_LINE_MAX + 1])
{
    size_t length = 0;

    for (size_t shown = SHOWN_MAX; shown >= SHOWN_LEAST && length == 0; shown /= 2) {
        struct sheet sheet = {.root = json_object(), .shown = shown};
        size_t n = 0;

        fill(&sheet, event, unknown_names);
        if (!sheet.failed)
            n = json_dumpb(sheet.root, line, AUDIT_LINE_MAX - 1,
                           JSON_COMPACT | JSON_REAL_PRECISION(12));
        if (n > 0 && n <= AUDIT_LINE_MAX - 1)
            length = n;
        json_decref(sheet.root);
        if (n == 0)
            break;
    }
    if (length > 0)
        line[length++] = '\n';
    line[length] = '\0';
    return length;
}
