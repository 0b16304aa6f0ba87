#include "config.h"

#include "common/reason.h"

static const struct {
    enum verdict verdict;
    const char *name;
} reasons[REASON_COUNT] = {
#define REASON_ROW(constant, verdict, name) [constant] = {VERDICT_##verdict, name},
    REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

enum verdict reason_verdict(enum reason reason)
{
    if ((unsigned)reason >= REASON_COUNT)
        return VERDICT_UNAVAILABLE;
    return reasons[reason].verdict;
}

const char *reason_name(enum reason reason)
{
    if ((unsigned)reason >= REASON_COUNT)
        return "internal";
    return reasons[reason].name;
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_GRANTED:
        return "granted";
    case VERDICT_CONTINUE:
        return "continue";
    case VERDICT_DENIED:
        return "denied";
    case VERDICT_UNAVAILABLE:
        break;
    }
    return "unavailable";
}
