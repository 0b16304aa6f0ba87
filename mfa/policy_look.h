/*
 * policy_look.h - what would be asked of a user, found out without asking him.
 *
 * The same questions in the same order as a login (authd/decide.c), all of them asked though an earlier
 * one may have settled it, and nothing counted or burnt.
 */
#ifndef PGSIGNET_MFA_POLICY_LOOK_H
#define PGSIGNET_MFA_POLICY_LOOK_H

#include "common/role.h"
#include "mfa/breakglass.h"
#include "mfa/cli.h"

struct policy_ask {
    struct bytes user;
    struct bytes address; /* empty = local socket */
    const char *policy;   /* the module's policy=, or NULL */
    const char *service;  /* the PAM service, or "" */
};

/* One question: REASON_COUNT = the policy has no such question. */
struct policy_look {
    enum reason expected; /* how a login would end if password and code were right */

    const struct settings_policy *policy; /* not owned; NULL: none applies, and the rest is empty */
    const struct settings_exempt *exempt; /* not owned; that holds now, or NULL */
    bool code_due;
    bool is_proxy; /* the address is one of throttle.proxies */
    bool burst;    /* a string that was accepted may open more connections */

    enum reason refusal; /* _GRANTED, _LOCKED, _THROTTLED, _CAPPED, or trouble of the store */
    struct user_info user;
    struct token_info *tokens; /* owned */
    size_t n_tokens;
    size_t
        usable; /* that a code could be of now: active, and pending ones a first login may prove */

    bool has_glass; /* a break-glass account of that name; armed: its passphrase alone admits */
    struct glass_info glass;

    enum reason account; /* entry found and in good standing */
    char *dn;            /* owned; of the entry, or NULL */
    enum reason groups;
    char *group; /* owned; that matched, or NULL */
    char directory_error[512];

    enum reason verifier; /* for password: scram */
    enum reason role;     /* for check_role */
    char role_error[512];
};

/* Fills *look; policy_look_clear is due.  False after a message when the store did not answer. */
bool policy_look(struct cli *cli, const struct policy_ask *ask, struct policy_look *look);
void policy_look_clear(struct policy_look *look);

#endif
