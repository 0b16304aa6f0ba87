# authd
include authd/role.mk
# pgsignetd: decides logins.
