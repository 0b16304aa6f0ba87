/* The three functions that PAM calls; everything that is decided, pgsignetd decides. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "common/clock.h"
#include "pam_module/args.h"
#include "pam_module/exchange.h"
#include "pam_module/outcome.h"
#include "pam_module/prompt.h"
#include "pam_module/remember.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv);
EXPORTED int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv);
EXPORTED int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv);

/* Owned by libpam; read after the prompt, which may last a minute. */
struct login {
    const char *user;    /* never NULL or empty */
    const char *service; /* never NULL */
    const char *rhost;   /* never NULL; "" for a local socket */
};

static const char *item_text(pam_handle_t *pamh, int item)
{
    const void *value = NULL;

    return pam_get_item(pamh, item, &value) == PAM_SUCCESS && value != NULL ? value : "";
}

/* Not pam_get_user(): where the application has named nobody, that one prompts with ECHO_ON. */
static bool read_login(pam_handle_t *pamh, struct login *login)
{
    login->user = item_text(pamh, PAM_USER);
    login->service = item_text(pamh, PAM_SERVICE);
    login->rhost = item_text(pamh, PAM_RHOST);
    if (strcmp(login->rhost, "unix") == 0) /* what PgBouncer says for its local socket */
        login->rhost = "";
    if (login->user[0] != '\0' && strlen(login->user) <= WIRE_USER_MAX)
        return true;
    pam_syslog(pamh, LOG_ERR, "refused: the application gave no user name, or one over %d bytes",
               WIRE_USER_MAX);
    return false;
}

static bool read_args(pam_handle_t *pamh, int argc, const char **argv, struct module_args *args)
{
    struct module_args_fault fault;

    if (module_args_parse(argc, argv, args, &fault))
        return true;
    pam_syslog(pamh, LOG_ERR, "refused: argument \"%s\" %s; correct it in the PAM service file",
               fault.argument, fault.problem);
    return false;
}

/* Never the user's name: an unknown one may be a mistyped password.  The audit event has it. */
static void log_verdict(pam_handle_t *pamh, const struct module_args *args,
                        const struct wire_reply *reply)
{
    const char *policy = args->policy[0] != '\0' ? args->policy : "by service";

    if (reply->verdict == VERDICT_DENIED)
        pam_syslog(pamh, LOG_NOTICE,
                   "denied (policy %s), event %016" PRIx64 "; see the audit log of pgsignetd",
                   policy, reply->event);
    else if (reply->verdict == VERDICT_UNAVAILABLE)
        pam_syslog(pamh, LOG_ERR,
                   "refused: pgsignetd at %s could not decide (policy %s), event %016" PRIx64
                   "; see the audit log of pgsignetd",
                   args->socket, policy, reply->event);
    else if (args->debug)
        pam_syslog(pamh, LOG_DEBUG, "%s (policy %s), event %016" PRIx64,
                   reply->verdict == VERDICT_GRANTED ? "granted" : "left to the other modules",
                   policy, reply->event);
}

static void log_exchange(pam_handle_t *pamh, const struct module_args *args, enum exchange exchange,
                         const struct exchange_detail *detail)
{
    const char *because = exchange == EXCHANGE_GARBAGE ? wire_fault_text(detail->fault) : "";
    bool failed_call = detail->error != 0;

    errno = detail->error; /* for %m: strerror() is not for threads */
    if (failed_call)
        pam_syslog(pamh, LOG_ERR, "refused: asking pgsignetd at %s within %d s: %s: %m; %s",
                   args->socket, args->timeout, exchange_what(exchange), exchange_advice(exchange));
    else
        pam_syslog(pamh, LOG_ERR, "refused: asking pgsignetd at %s within %d s: %s%s%s; %s",
                   args->socket, args->timeout, exchange_what(exchange), because[0] ? ": " : "",
                   because, exchange_advice(exchange));
}

/* Policies with `password: stack`: the next module finds the password without the code. */
static int hand_on_password(pam_handle_t *pamh, struct bytes authtok)
{
    char text[WIRE_SECRET_MAX + 1];
    int code;

    if (authtok.len == 0)
        return PAM_SUCCESS;
    if (!module_secret_is_sound(authtok)) {
        pam_syslog(pamh, LOG_ERR,
                   "refused: pgsignetd handed on what cannot be a password; "
                   "install module and pgsignetd of one version");
        return PAM_AUTHINFO_UNAVAIL;
    }
    memcpy(text, authtok.ptr, authtok.len);
    text[authtok.len] = '\0';
    code = pam_set_item(pamh, PAM_AUTHTOK, text);
    explicit_bzero(text, sizeof text);
    return code == PAM_SUCCESS ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* What a verdict other than a refusal leaves behind in the handle. */
static int keep(pam_handle_t *pamh, const struct module_args *args, const struct login *login,
                const struct wire_reply *reply)
{
    int code = hand_on_password(pamh, reply->authtok);

    if (code != PAM_SUCCESS)
        return code;
    if (!module_remember(pamh, args, login->user, login->service, reply->verdict))
        return PAM_BUF_ERR;
    return PAM_SUCCESS;
}

static int ask(pam_handle_t *pamh, const struct module_args *args, const struct login *login,
               enum wire_kind kind, struct bytes secret)
{
    struct wire_request request = {
        .kind = kind,
        .deadline = (uint64_t)(clock_mono_ms() + (int64_t)args->timeout * 1000),
        .policy = bytes_str(args->policy),
        .service = bytes_str(login->service),
        .user = bytes_str(login->user),
        .rhost = bytes_str(login->rhost),
        .secret = secret,
    };
    struct exchange_detail detail;
    struct wire_reply reply;
    uint8_t buf[WIRE_MAX];
    enum exchange exchange;
    int code;

    if (args->debug)
        pam_syslog(pamh, LOG_DEBUG, "asking pgsignetd at %s, at most %d s", args->socket,
                   args->timeout);
    exchange = exchange_run(args->socket, &request, buf, &reply, &detail);
    if (exchange != EXCHANGE_DONE) {
        log_exchange(pamh, args, exchange, &detail);
        return module_exchange_code(exchange); /* buf is wiped already */
    }
    log_verdict(pamh, args, &reply);
    code = module_verdict_code(kind, reply.verdict);
    if (kind == WIRE_AUTHENTICATE && (code == PAM_SUCCESS || code == PAM_IGNORE)) {
        int kept = keep(pamh, args, login, &reply);

        if (kept != PAM_SUCCESS)
            code = kept;
    }
    explicit_bzero(buf, sizeof buf);
    return code;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct module_args args;
    struct module_secret secret;
    struct login login;
    int code;

    (void)flags; /* PAM_SILENT: nothing is ever shown; PAM_DISALLOW_NULL_AUTHTOK: always */
    if (!read_args(pamh, argc, argv, &args))
        return PAM_SERVICE_ERR;
    if (!module_forget(pamh))
        return PAM_BUF_ERR;
    code = module_secret_get(pamh, &args, &secret);
    if (code == PAM_AUTH_ERR)
        pam_syslog(pamh, LOG_NOTICE,
                   "denied without asking pgsignetd: the password is missing, empty, "
                   "over %d bytes or holds a control byte",
                   WIRE_SECRET_MAX);
    else if (code != PAM_SUCCESS && args.debug)
        pam_syslog(pamh, LOG_DEBUG, "the conversation failed; the client has probably gone");
    if (code == PAM_SUCCESS)
        code = read_login(pamh, &login)
                   ? ask(pamh, &args, &login, WIRE_AUTHENTICATE, bytes_of(secret.at, secret.len))
                   : module_refusal_code(WIRE_AUTHENTICATE);
    explicit_bzero(&secret, sizeof secret);
    return code;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct module_args args;
    struct login login;
    enum verdict known;

    (void)flags;
    if (!read_args(pamh, argc, argv, &args))
        return PAM_SERVICE_ERR;
    if (!read_login(pamh, &login))
        return module_refusal_code(WIRE_ACCOUNT);
    known = module_recall(pamh, &args, login.user, login.service);
    if (known == VERDICT_UNAVAILABLE)
        return ask(pamh, &args, &login, WIRE_ACCOUNT, bytes_of(NULL, 0));
    if (args.debug)
        pam_syslog(pamh, LOG_DEBUG, "the account was judged with the password");
    return module_verdict_code(WIRE_ACCOUNT, known);
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
