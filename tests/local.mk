# tests
include tests/role.mk
include tests/integration/directory.mk
