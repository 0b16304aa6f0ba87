/*
 * args.h - the words behind pam_pgsignet.so in a PAM service file.
 *
 *   socket=PATH  policy=NAME  timeout=SECONDS  use_first_pass  try_first_pass  debug
 *
 * Nothing is guessed or ignored: an argument that is unknown, malformed or given twice refuses the
 * whole line, so that a typing error never weakens a login.
 */
#ifndef PGSIGNET_MODULE_ARGS_H
#define PGSIGNET_MODULE_ARGS_H

#include <stdbool.h>

#define MODULE_SOCKET          RUNSTATEDIR "/pgsignet/pgsignet.sock"
#define MODULE_TIMEOUT_DEFAULT 10 /* seconds */
#define MODULE_TIMEOUT_MAX     50 /* seconds; below PostgreSQL's authentication_timeout of 60 */

struct module_args {
    const char *socket;  /* absolute path; never NULL */
    const char *policy;  /* "" when the daemon is to choose by the service's name; never NULL */
    int timeout;         /* seconds, 1..MODULE_TIMEOUT_MAX */
    bool use_first_pass; /* take PAM_AUTHTOK, never prompt */
    bool try_first_pass; /* take PAM_AUTHTOK if it is there, else prompt */
    bool debug;          /* log each step, never a secret */
};

struct module_args_fault {
    const char *argument; /* the word at fault, as it stands in the file */
    const char *problem;  /* what is wrong with it and what to write; static */
};

/*
 * Reads the words.  The strings in *args point into argv.  Returns false with *fault filled at the
 * first fault; *args must then not be used.
 */
bool module_args_parse(int argc, const char *const *argv, struct module_args *args,
                       struct module_args_fault *fault);

#endif
