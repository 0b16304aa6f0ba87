# mfa
