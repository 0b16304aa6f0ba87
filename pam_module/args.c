#include "config.h"

#include "pam_module/args.h"

#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "common/number.h"
#include "common/wire.h"

/* Each takes the text behind '=' (NULL for a word without one); returns what is wrong, or NULL. */
static const char *set_socket(struct module_args *args, const char *value)
{
    if (value[0] != '/')
        return "is not an absolute path";
    if (strlen(value) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return "is longer than a Unix socket's path may be (107 bytes)";
    args->socket = value;
    return NULL;
}

static const char *set_policy(struct module_args *args, const char *value)
{
    if (value[0] == '\0')
        return "is empty; name a policy of pgsignet.yaml or leave the argument out";
    if (strlen(value) > WIRE_POLICY_MAX)
        return "is longer than a policy's name may be (64 bytes)";
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at <= 0x20 || *at == 0x7f)
            return "holds a blank or a control byte";
    args->policy = value;
    return NULL;
}

static const char *set_timeout(struct module_args *args, const char *value)
{
    int64_t seconds;

    if (number_parse(value, strlen(value), 1, MODULE_TIMEOUT_MAX, &seconds) != NUMBER_OK)
        return "is not a whole number of seconds from 1 to 50";
    args->timeout = (int)seconds;
    return NULL;
}

static const char *set_use_first_pass(struct module_args *args, const char *value)
{
    (void)value;
    args->use_first_pass = true;
    return args->try_first_pass ? "contradicts try_first_pass; keep one of them" : NULL;
}

static const char *set_try_first_pass(struct module_args *args, const char *value)
{
    (void)value;
    args->try_first_pass = true;
    return args->use_first_pass ? "contradicts use_first_pass; keep one of them" : NULL;
}

static const char *set_debug(struct module_args *args, const char *value)
{
    (void)value;
    args->debug = true;
    return NULL;
}

static const struct option {
    const char *name; /* with '=' when a value follows */
    const char *(*set)(struct module_args *args, const char *value);
} options[] = {
    {"socket=",        set_socket        },
    {"policy=",        set_policy        },
    {"timeout=",       set_timeout       },
    {"use_first_pass", set_use_first_pass},
    {"try_first_pass", set_try_first_pass},
    {"debug",          set_debug         },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

/* The row that a word belongs to, and the text behind its '='; N_OPTIONS when there is none. */
static size_t find_option(const char *word, const char **value)
{
    size_t i;

    for (i = 0; i < N_OPTIONS; i++) {
        size_t len = strlen(options[i].name);
        bool takes_value = options[i].name[len - 1] == '=';

        if (strncmp(word, options[i].name, len) == 0 && (takes_value || word[len] == '\0')) {
            *value = takes_value ? word + len : NULL;
            break;
        }
    }
    return i;
}

bool module_args_parse(int argc, const char *const *argv, struct module_args *args,
                       struct module_args_fault *fault)
{
    unsigned seen = 0; /* one bit a row of options */

    *args = (struct module_args){
        .socket = MODULE_SOCKET,
        .policy = "",
        .timeout = MODULE_TIMEOUT_DEFAULT,
    };
    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        size_t row = find_option(argv[i], &value);

        fault->argument = argv[i];
        if (row == N_OPTIONS)
            fault->problem = "is not known; see pam_pgsignet(8)";
        else if (seen & 1u << row)
            fault->problem = "is given twice";
        else
            fault->problem = options[row].set(args, value);
        if (fault->problem != NULL)
            return false;
        seen |= 1u << row;
    }
    return true;
}
