#include "config.h"

#include "mfa/display.h"

#include "common/log.h"
#include "mfa/otpauth.h"

#include <stdio.h>

const char *display_user(const struct cli *cli, struct bytes user, char out[DISPLAY_USER_SIZE])
{
    return escape_text(user, cli->utf8, out, DISPLAY_USER_SIZE);
}

const char *display_token(const struct cli *cli, const char *token, char out[DISPLAY_TOKEN_SIZE])
{
    return escape_text(bytes_str(token), cli->utf8, out, DISPLAY_TOKEN_SIZE);
}

const char *display_time(int64_t unix_s, char out[CLOCK_TEXT_MAX])
{
    if (unix_s == 0) {
        snprintf(out, CLOCK_TEXT_MAX, "never");
        return out;
    }
    clock_text(unix_s > INT64_MAX / 1000 ? -1 : unix_s * 1000, out);
    char *fraction = strchr(out, '.'); /* always ".000Z" */
    if (fraction != NULL)
        memcpy(fraction, "Z", 2);
    return out;
}

const char *display_state(enum token_state state)
{
    static const char *const names[] = {
        [TOKEN_PENDING] = "pending",
        [TOKEN_ACTIVE] = "active",
        [TOKEN_DISABLED] = "disabled",
    };

    return (size_t)state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

const char *display_kind(enum token_kind kind)
{
    return kind == TOKEN_HOTP ? "hotp" : "totp";
}

const char *display_parameters(const struct token_info *info, char out[DISPLAY_KIND_SIZE])
{
    const char *algorithm = otpauth_algorithm(info->algorithm);

    if (info->kind == TOKEN_HOTP)
        snprintf(out, DISPLAY_KIND_SIZE, "%s/%u/HOTP", algorithm, info->digits);
    else
        snprintf(out, DISPLAY_KIND_SIZE, "%s/%u/%u", algorithm, info->digits, info->period);
    return out;
}

int64_t display_drift_s(const struct token_info *info)
{
    return info->kind == TOKEN_HOTP ? 0 : (info->offset + info->drift) * (int64_t)info->period;
}

struct bytes display_owner(const struct token_info *info)
{
    return bytes_of(info->user, info->user_len);
}

json_t *display_json_time(int64_t unix_s)
{
    char text[CLOCK_TEXT_MAX];

    return unix_s == 0 ? json_null() : json_string(display_time(unix_s, text));
}

json_t *display_with(json_t *object, const char *key, json_t *value)
{
    if (object == NULL) {
        json_decref(value);
        return NULL;
    }
    if (json_object_set_new(object, key, value) == 0) /* takes value, refuses NULL */
        return object;
    json_decref(object);
    return NULL;
}

json_t *display_with_text(json_t *object, const char *key, struct bytes text)
{
    if (object == NULL || escape_json(object, key, text))
        return object;
    json_decref(object);
    return NULL;
}

json_t *display_change(struct bytes user, const char *token)
{
    json_t *object = display_with_text(json_object(), "user", user);

    return token ? display_with_text(object, "name", bytes_str(token)) : object;
}

json_t *display_json(const struct token_info *info)
{
    bool hotp = info->kind == TOKEN_HOTP;
    const char *address = info->last_address;
    json_t *object = display_change(display_owner(info), info->name);

    object = display_with(object, "state", json_string(display_state(info->state)));
    object = display_with(object, "kind", json_string(display_kind(info->kind)));
    object = display_with(object, "algorithm", json_string(otpauth_algorithm(info->algorithm)));
    object = display_with(object, "digits", json_integer((json_int_t)info->digits));
    object =
        display_with(object, "period", hotp ? json_null() : json_integer((json_int_t)info->period));
    object =
        display_with(object, "counter", hotp ? json_integer(info->last_step + 1) : json_null());
    object =
        display_with(object, "offset",
                     hotp ? json_null() : json_integer(info->offset * (json_int_t)info->period));
    object =
        display_with(object, "drift", hotp ? json_null() : json_integer(display_drift_s(info)));
    object = display_with(object, "created", display_json_time(info->created_s));
    object = display_with(object, "confirmed", display_json_time(info->confirmed_s));
    object = display_with(object, "synced", display_json_time(info->synced_s));
    object = display_with(object, "expires", display_json_time(info->expires_s));
    object = display_with(object, "last_used", display_json_time(info->last_used_s));
    return display_with(object, "last_address", address[0] ? json_string(address) : json_null());
}

bool display_print(json_t *document)
{
    bool done = document != NULL && json_dumpf(document, stdout, JSON_COMPACT) == 0 &&
                fputc('\n', stdout) != EOF && fflush(stdout) == 0;

    json_decref(document);
    if (!done)
        log_error("cannot write to standard output");
    return done;
}

int display_end(json_t *document)
{
    return display_print(document) ? COMMAND_DONE : COMMAND_FAILED;
}
