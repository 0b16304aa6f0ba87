# tests
include tests/role.mk
include tests/integration/directory.mk
include tests/unit/module.mk
include tests/fuzz/module.mk
include tests/harness.mk
include tests/unit/mfa_cli.mk
include tests/unit/authd.mk
