/*
 * directory_password.h - inside of directory.h: what an answer to a user's bind means (pure).
 */
#ifndef PGSIGNET_DIRECTORY_PASSWORD_H
#define PGSIGNET_DIRECTORY_PASSWORD_H

#include "common/ldap_connect.h"
#include "common/reason.h"

/* One of the reasons of directory_check_password; _DIRECTORY_ANSWER for what is not known. */
enum reason directory_judge_bind(const struct ldapc_bind_answer *answer);

#endif
