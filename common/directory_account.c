#include "config.h"

#include "common/directory.h"

#include "common/directory_entry.h"
#include "common/number.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define AD_ACCOUNT_DISABLED     0x2  /* userAccountControl: ADS_UF_ACCOUNTDISABLE */
#define AD_LOCKED               0x10 /* msDS-User-Account-Control-Computed: ADS_UF_LOCKOUT */
#define FILETIME_EPOCH_S        INT64_C(11644473600) /* from 1601 to 1970 */
#define FILETIME_PER_S          10000000
#define FILETIME_NEVER          INT64_MAX
#define SECONDS_PER_DAY         86400
#define DS389_LOCKED_FOR_GOOD   0 /* passwordUnlock: off */
#define PPOLICY_LOCKED_FOR_GOOD "000001010000Z"

/* What a judge is given besides the value. */
struct moment {
    int64_t now_s;
    bool password_was_checked;
};

static bool read_number(const struct directory_value *value, int64_t min, int64_t max, int64_t *out)
{
    return number_parse(value->text, strlen(value->text), min, max, out) == NUMBER_OK;
}

static enum reason judge_user_control(const struct directory_value *value, struct moment moment)
{
    int64_t bits;

    (void)moment;
    if (!read_number(value, INT32_MIN, UINT32_MAX, &bits) || (bits & AD_ACCOUNT_DISABLED))
        return REASON_ACCOUNT_DISABLED;
    return REASON_GRANTED;
}

static enum reason judge_computed(const struct directory_value *value, struct moment moment)
{
    int64_t bits;

    (void)moment;
    if (!read_number(value, INT32_MIN, UINT32_MAX, &bits) || (bits & AD_LOCKED))
        return REASON_ACCOUNT_LOCKED;
    return REASON_GRANTED;
}

/* Stays set when a timed lock is over, so only the bind (or the computed attribute) knows. */
static enum reason judge_lockout_time(const struct directory_value *value, struct moment moment)
{
    int64_t since;

    if (!read_number(value, 0, INT64_MAX, &since))
        return REASON_ACCOUNT_LOCKED;
    return since == 0 || moment.password_was_checked ? REASON_GRANTED : REASON_ACCOUNT_LOCKED;
}

static enum reason judge_account_expires(const struct directory_value *value, struct moment moment)
{
    int64_t at;

    if (!read_number(value, 0, INT64_MAX, &at))
        return REASON_ACCOUNT_EXPIRED;
    if (at == 0 || at == FILETIME_NEVER)
        return REASON_GRANTED;
    return moment.now_s >= at / FILETIME_PER_S - FILETIME_EPOCH_S ? REASON_ACCOUNT_EXPIRED
                                                                  : REASON_GRANTED;
}

static enum reason judge_ns_lock(const struct directory_value *value, struct moment moment)
{
    (void)moment;
    return strcasecmp(value->text, "false") == 0 ? REASON_GRANTED : REASON_ACCOUNT_DISABLED;
}

/* Days since 1970; shadow(5): -1 or nothing is never. */
static enum reason judge_shadow_expire(const struct directory_value *value, struct moment moment)
{
    int64_t day;

    if (*value->text == '\0' || strcmp(value->text, "-1") == 0)
        return REASON_GRANTED;
    if (!read_number(value, 0, INT32_MAX, &day))
        return REASON_ACCOUNT_EXPIRED;
    return moment.now_s / SECONDS_PER_DAY >= day ? REASON_ACCOUNT_EXPIRED : REASON_GRANTED;
}

/* A GeneralizedTime (RFC 4517 3.3.13) in UTC, down to the hour at least, as servers write it. */
static bool is_utc_time(const char *text)
{
    size_t digits = strspn(text, "0123456789"), fraction = 0;

    if (digits != 10 && digits != 12 && digits != 14)
        return false;
    text += digits;
    if (*text == '.' || *text == ',') {
        fraction = strspn(++text, "0123456789");
        if (fraction == 0)
            return false;
        text += fraction;
    }
    return strcmp(text, "Z") == 0;
}

static enum reason judge_pwd_locked_time(const struct directory_value *value, struct moment moment)
{
    if (strcmp(value->text, PPOLICY_LOCKED_FOR_GOOD) == 0 || !is_utc_time(value->text))
        return REASON_ACCOUNT_LOCKED;
    return moment.password_was_checked ? REASON_GRANTED : REASON_ACCOUNT_LOCKED;
}

/* A time as 389 Directory Server writes it, in seconds since 1970; false for any other. */
static bool read_utc_seconds(const char *text, int64_t *out)
{
    struct tm tm = {0};
    const char *end;

    if (strspn(text, "0123456789") != 14 || strcmp(text + 14, "Z") != 0)
        return false;
    end = strptime(text, "%Y%m%d%H%M%SZ", &tm);
    if (end == NULL || *end != '\0')
        return false;
    *out = timegm(&tm);
    return true;
}

/* Until when 389 Directory Server has locked the account; the entry keeps a time that is past. */
static enum reason judge_unlock_time(const struct directory_value *value, struct moment moment)
{
    int64_t until;

    if (!read_utc_seconds(value->text, &until) || until == DS389_LOCKED_FOR_GOOD)
        return REASON_ACCOUNT_LOCKED;
    return moment.password_was_checked || moment.now_s >= until ? REASON_GRANTED
                                                                : REASON_ACCOUNT_LOCKED;
}

/* Whether the password must be changed is the bind's to say; here only damage counts. */
static enum reason judge_pwd_reset(const struct directory_value *value, struct moment moment)
{
    (void)moment;
    return strcasecmp(value->text, "true") == 0 || strcasecmp(value->text, "false") == 0
               ? REASON_GRANTED
               : REASON_ACCOUNT_DISABLED;
}

static const struct {
    enum reason if_damaged;
    enum reason (*judge)(const struct directory_value *value, struct moment moment);
} judges[ACCOUNT_ATTRIBUTES] = {
    [ACCOUNT_USER_CONTROL] = {REASON_ACCOUNT_DISABLED, judge_user_control},
    [ACCOUNT_USER_CONTROL_COMPUTED] = {REASON_ACCOUNT_LOCKED, judge_computed},
    [ACCOUNT_LOCKOUT_TIME] = {REASON_ACCOUNT_LOCKED, judge_lockout_time},
    [ACCOUNT_EXPIRES] = {REASON_ACCOUNT_EXPIRED, judge_account_expires},
    [ACCOUNT_NS_LOCK] = {REASON_ACCOUNT_DISABLED, judge_ns_lock},
    [ACCOUNT_SHADOW_EXPIRE] = {REASON_ACCOUNT_EXPIRED, judge_shadow_expire},
    [ACCOUNT_PWD_LOCKED_TIME] = {REASON_ACCOUNT_LOCKED, judge_pwd_locked_time},
    [ACCOUNT_PWD_RESET] = {REASON_ACCOUNT_DISABLED, judge_pwd_reset},
    [ACCOUNT_UNLOCK_TIME] = {REASON_ACCOUNT_LOCKED, judge_unlock_time},
};

enum reason directory_account(const struct directory_entry *entry, int64_t now_s,
                              bool password_was_checked)
{
    struct moment moment = {.now_s = now_s, .password_was_checked = password_was_checked};
    size_t i;

    for (i = 0; i < ACCOUNT_ATTRIBUTES; i++) {
        const struct directory_value *value = &entry->account[i];
        enum reason reason;

        if (!value->present)
            continue;
        /* The computed attribute knows whether a lock is over; lockoutTime does not. */
        if (i == ACCOUNT_LOCKOUT_TIME && !value->damaged &&
            entry->account[ACCOUNT_USER_CONTROL_COMPUTED].present)
            moment.password_was_checked = true;
        else
            moment.password_was_checked = password_was_checked;
        reason = value->damaged ? judges[i].if_damaged : judges[i].judge(value, moment);
        if (reason != REASON_GRANTED)
            return reason;
    }
    return REASON_GRANTED;
}
