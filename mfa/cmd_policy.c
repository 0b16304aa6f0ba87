/* pgsignet-mfa policy: what would be asked of a user, and why. */
#include "config.h"

#include "mfa/cli.h"

#include "common/address.h"
#include "common/clock.h"
#include "common/log.h"
#include "mfa/display.h"
#include "mfa/policy_look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define DETAIL_MAX 512 /* bytes of an answer's text that are shown */

bool check_policy(const struct arguments *arguments)
{
    return arguments_one_of(arguments, OPT_BIT(OPT_SERVICE) | OPT_BIT(OPT_POLICY));
}

static const char *const password_names[] = {
    [PASSWORD_LDAP] = "ldap",
    [PASSWORD_SCRAM] = "scram",
    [PASSWORD_STACK] = "stack",
    [PASSWORD_NONE] = "none",
};

static const char *const password_meanings[] = {
    [PASSWORD_LDAP] = "that of the directory",
    [PASSWORD_SCRAM] = "that of the role in PostgreSQL",
    [PASSWORD_STACK] = "left to the next PAM module",
    [PASSWORD_NONE] = "none",
};

/* --- as text: a line a question, the configuration's key in brackets --- */

static void line(const char *topic, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void line(const char *topic, const char *key, const char *format, ...)
{
    va_list args;

    printf("%-10s ", topic);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    if (key != NULL)
        printf("  [%s]", key);
    putchar('\n');
}

/* The keys of a policy, as `policies.NAME.KEY`. */
static const char *key_of(const struct cli *cli, const struct policy_look *look, const char *key,
                          char out[DISPLAY_TOKEN_SIZE])
{
    char name[ESCAPE_SIZE(64)];

    escape_text(bytes_str(look->policy->name), cli->utf8, name, sizeof name);
    snprintf(out, DISPLAY_TOKEN_SIZE, "policies.%.128s.%s", name, key);
    return out;
}

static void print_code(const struct cli *cli, const struct policy_look *look)
{
    char key[DISPLAY_TOKEN_SIZE], until[CLOCK_TEXT_MAX], reason[512];

    if (look->policy->code == CODE_OFF) {
        line("code:", key_of(cli, look, "code", key), "not asked for");
    } else if (look->exempt != NULL) {
        escape_text(bytes_of(look->exempt->reason, strnlen(look->exempt->reason, 100)), cli->utf8,
                    reason, sizeof reason);
        line("code:", key_of(cli, look, "exempt", key), "exempt until %s: %s",
             display_time(look->exempt->until, until), reason);
    } else if (look->policy->password == PASSWORD_NONE) {
        line("code:", key_of(cli, look, "code", key), "required, and all that is typed");
    } else {
        bool first = look->policy->order == ORDER_CODE_THEN_PASSWORD;
        line("code:", key_of(cli, look, "order", key), "required, typed %s the password",
             first ? "before" : "behind");
    }
    line("tokens:", NULL, "%zu usable of %zu; %zu recovery code%s", look->usable, look->n_tokens,
         look->user.recovery_codes, look->user.recovery_codes == 1 ? "" : "s");
}

static void print_refusal(const struct cli *cli, const struct policy_look *look)
{
    char when[CLOCK_TEXT_MAX], reason[ESCAPE_SIZE(sizeof look->user.lock_reason)];

    if (look->user.locked_s != 0)
        line("lock:", "pgsignet-mfa lock", "locked since %s: %s",
             display_time(look->user.locked_s, when),
             escape_text(bytes_str(look->user.lock_reason), cli->utf8, reason, sizeof reason));
    else
        line("lock:", NULL, "none");
    if (look->refusal == REASON_THROTTLED)
        line("throttle:", "throttle.after, .first, .longest", "this address is refused now");
    else
        line("throttle:", NULL, "this address is not refused");
    line("cap:", "throttle.cap, .recent", "%" PRId64 " of %" PRId64 " failures%s",
         look->user.failures, cli->settings->throttle.cap,
         !look->user.capped                ? ""
         : look->refusal == REASON_CAPPED  ? ": refused"
         : look->refusal == REASON_GRANTED ? "; this address is spared, by a recent success"
                                           : "");
}

static void print_burst(const struct cli *cli, const struct policy_look *look)
{
    const struct settings *settings = cli->settings;
    char key[DISPLAY_TOKEN_SIZE];

    if (look->burst)
        line("burst:", "burst", "the same string opens %" PRId64 " more within %" PRId64 " s",
             settings->burst.connections, settings->burst.seconds);
    else if (settings->has_burst && look->policy->strict)
        line("burst:", key_of(cli, look, "strict", key), "never");
    else
        line("burst:", "burst", "no: each connection needs a code of its own");
}

static bool is_armed(const struct policy_look *look)
{
    return look->has_glass && look->glass.armed_until_s > clock_wall_ms() / 1000;
}

static void print_glass(const struct cli *cli, const struct policy_look *look)
{
    char until[CLOCK_TEXT_MAX], reason[ESCAPE_SIZE(sizeof look->glass.reason)];

    if (is_armed(look))
        line("glass:", "pgsignet-mfa breakglass", "armed until %s, the passphrase alone admits: %s",
             display_time(look->glass.armed_until_s, until),
             escape_text(bytes_str(look->glass.reason), cli->utf8, reason, sizeof reason));
    else if (look->has_glass)
        line("glass:", "pgsignet-mfa breakglass", "a break-glass account, not armed");
}

static void print_asked(const struct cli *cli, const char *topic, const char *key,
                        enum reason reason, const char *detail, const char *error)
{
    char text[ESCAPE_SIZE(DETAIL_MAX)];

    if (reason == REASON_COUNT)
        return;
    bool failed = reason_verdict(reason) == VERDICT_UNAVAILABLE;
    escape_text(bytes_of(failed ? error : detail, strnlen(failed ? error : detail, DETAIL_MAX)),
                cli->utf8, text, sizeof text);
    line(topic, key, "%s%s%s", reason == REASON_GRANTED ? "good" : reason_name(reason),
         text[0] ? ": " : "", text);
}

/* A group that is misspelt is one nobody is in: so those that were looked for are named. */
static const char *none_of(const struct settings_strings *groups, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "in none of ");

    for (size_t i = 0; i < groups->n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? "; " : "",
                                 groups->at[i]);
    return text;
}

static void print_text(const struct cli *cli, const struct policy_ask *ask,
                       const struct policy_look *look)
{
    char user[DISPLAY_USER_SIZE], address[ESCAPE_SIZE(ADDRESS_MAX)], key[DISPLAY_TOKEN_SIZE];
    char groups[DETAIL_MAX];
    struct bytes from = ask->address.len > 0 ? ask->address : bytes_str("local");
    enum verdict verdict = reason_verdict(look->expected);

    line("user:", NULL, "%s", display_user(cli, ask->user, user));
    line("from:", look->is_proxy ? "throttle.proxies" : NULL, "%s%s",
         escape_text(from, cli->utf8, address, sizeof address), look->is_proxy ? ", a proxy" : "");
    if (look->policy == NULL) {
        line("policy:", "policies", "none applies, and there is no default");
    } else {
        const struct settings_policy *policy = look->policy;
        escape_text(bytes_str(policy->name), cli->utf8, user, sizeof user);
        line("policy:", NULL, "%s, %s", user,
             ask->policy != NULL                       ? "by policy="
             : strcmp(policy->name, ask->service) == 0 ? "named after the PAM service"
                                                       : "as nothing names another");
        line("password:", key_of(cli, look, "password", key), "%s",
             password_meanings[policy->password]);
        print_code(cli, look);
        print_glass(cli, look);
        if (look->code_due)
            print_burst(cli, look);
        print_refusal(cli, look);
        print_asked(cli, "verifier:", "postgres", look->verifier, "", look->role_error);
        print_asked(cli, "account:", "ldap", look->account, look->dn ? look->dn : "",
                    look->directory_error);
        const char *group = look->group ? look->group : "";
        if (look->groups == REASON_NOT_IN_GROUP)
            group = none_of(&policy->require_groups, groups, sizeof groups);
        print_asked(cli, "groups:", key_of(cli, look, "require_groups", key), look->groups, group,
                    look->directory_error);
        print_asked(cli, "role:", key_of(cli, look, "check_role", key), look->role, "",
                    look->role_error);
    }
    if (verdict == VERDICT_GRANTED)
        line("result:", NULL, "%s, if what is asked for is right", reason_name(look->expected));
    else
        line("result:", NULL, "%s (%s), whatever is typed", verdict_name(verdict),
             reason_name(look->expected));
}

/* --- as JSON --- */

static json_t *reason_json(enum reason reason)
{
    return reason == REASON_COUNT ? json_null() : json_string(reason_name(reason));
}

static json_t *with_optional(json_t *object, const char *key, const char *text)
{
    return text ? display_with_text(object, key, bytes_str(text))
                : display_with(object, key, json_null());
}

static json_t *policy_json(json_t *object, const struct policy_look *look)
{
    const struct settings_policy *policy = look->policy;
    const char *code = policy->code == CODE_OFF ? "off" : look->exempt ? "exempt" : "required";
    bool first = policy->order == ORDER_CODE_THEN_PASSWORD;

    object = display_with_text(object, "policy", bytes_str(policy->name));
    object = display_with(object, "password", json_string(password_names[policy->password]));
    object = display_with(object, "code", json_string(code));
    object = display_with(object, "order",
                          json_string(first ? "code_then_password" : "password_then_code"));
    object = display_with(object, "proxy", json_boolean(look->is_proxy));
    object = display_with(object, "burst", json_boolean(look->burst));
    object = display_with(object, "exempt_until",
                          display_json_time(look->exempt ? look->exempt->until : 0));
    object = with_optional(object, "exempt_reason", look->exempt ? look->exempt->reason : NULL);
    object = display_with(object, "tokens", json_integer((json_int_t)look->n_tokens));
    object = display_with(object, "tokens_usable", json_integer((json_int_t)look->usable));
    object =
        display_with(object, "recovery_codes", json_integer((json_int_t)look->user.recovery_codes));
    object = display_with(object, "break_glass", json_boolean(look->has_glass));
    object = display_with(object, "armed_until",
                          display_json_time(is_armed(look) ? look->glass.armed_until_s : 0));
    object = display_with(object, "locked", display_json_time(look->user.locked_s));
    object = display_with(object, "failures", json_integer(look->user.failures));
    object = display_with(object, "refusal", reason_json(look->refusal));
    object = display_with(object, "verifier", reason_json(look->verifier));
    object = display_with(object, "account", reason_json(look->account));
    object = with_optional(object, "dn", look->dn);
    object = display_with(object, "groups", reason_json(look->groups));
    object = with_optional(object, "group", look->group);
    return display_with(object, "role", reason_json(look->role));
}

static bool print_json(const struct policy_ask *ask, const struct policy_look *look)
{
    struct bytes from = ask->address.len > 0 ? ask->address : bytes_str("local");
    json_t *object = display_with_text(display_change(ask->user, NULL), "address", from);

    object = look->policy ? policy_json(object, look) : display_with(object, "policy", json_null());
    object =
        display_with(object, "verdict", json_string(verdict_name(reason_verdict(look->expected))));
    return display_print(display_with(object, "reason", reason_json(look->expected)));
}

int cmd_policy(struct cli *cli, const struct arguments *arguments)
{
    const struct policy_ask ask = {
        .user = bytes_str(arguments->operand[0]),
        .address = bytes_str(arguments->text[OPT_ADDRESS]),
        .policy = arguments->text[OPT_POLICY],
        .service = arguments->given[OPT_SERVICE] ? arguments->text[OPT_SERVICE] : "",
    };
    struct policy_look look;
    int code = COMMAND_FAILED;

    if (policy_look(cli, &ask, &look)) {
        enum verdict verdict = reason_verdict(look.expected);
        bool printed = true;
        if (cli->json)
            printed = print_json(&ask, &look);
        else
            print_text(cli, &ask, &look);
        code = !printed || verdict == VERDICT_UNAVAILABLE ? COMMAND_FAILED
               : verdict == VERDICT_DENIED                ? COMMAND_DIFFERS
                                                          : COMMAND_DONE;
        if (verdict == VERDICT_UNAVAILABLE)
            log_error("not everything could be asked; see above");
    }
    policy_look_clear(&look);
    return code;
}
