# mfa
include mfa/cli.mk
include mfa/engine.mk
