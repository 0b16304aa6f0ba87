# pgsignetd: decides logins.
include authd/role.mk
