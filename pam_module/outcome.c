#include "config.h"

#include "pam_module/outcome.h"

#include <security/_pam_types.h>

int module_refusal_code(enum wire_kind kind)
{
    return kind == WIRE_ACCOUNT ? PAM_PERM_DENIED : PAM_AUTH_ERR;
}

int module_verdict_code(enum wire_kind kind, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_GRANTED:
        return PAM_SUCCESS;
    case VERDICT_CONTINUE:
        return PAM_IGNORE;
    case VERDICT_DENIED:
        return module_refusal_code(kind);
    case VERDICT_UNAVAILABLE:
        break;
    }
    return PAM_AUTHINFO_UNAVAIL;
}

int module_exchange_code(enum exchange exchange)
{
    return exchange == EXCHANGE_NO_REQUEST ? PAM_SYSTEM_ERR : PAM_AUTHINFO_UNAVAIL;
}
