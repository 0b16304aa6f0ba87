# mfa
include mfa/cli.mk
include mfa/transfer.mk
include mfa/engine.mk
include mfa/store_pg.mk
