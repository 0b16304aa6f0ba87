# tests
include tests/role.mk
