# authd
include authd/role.mk
