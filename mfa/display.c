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
    return state == TOKEN_ACTIVE ? "active" : "pending";
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

json_t *display_json(const struct token_info *info)
{
    json_t *object = json_object();

    if (object == NULL)
        return NULL;
    const char *address = info->last_address;
    if (escape_json(object, "user", display_owner(info)) &&
        escape_json(object, "name", bytes_str(info->name)) &&
        json_object_set_new(object, "state", json_string(display_state(info->state))) == 0 &&
        json_object_set_new(object, "algorithm", json_string(otpauth_algorithm(info->algorithm))) ==
            0 &&
        json_object_set_new(object, "digits", json_integer((json_int_t)info->digits)) == 0 &&
        json_object_set_new(object, "period", json_integer((json_int_t)info->period)) == 0 &&
        json_object_set_new(object, "created", display_json_time(info->created_s)) == 0 &&
        json_object_set_new(object, "confirmed", display_json_time(info->confirmed_s)) == 0 &&
        json_object_set_new(object, "last_used", display_json_time(info->last_used_s)) == 0 &&
        json_object_set_new(object, "last_address",
                            address[0] ? json_string(address) : json_null()) == 0)
        return object;
    json_decref(object);
    return NULL;
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
