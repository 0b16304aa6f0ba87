# mfa
include mfa/cli.mk
