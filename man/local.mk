# man
dist_man_MANS += man/pgsignetd.8
include man/settings.mk
dist_man_MANS += man/pam_pgsignet.8
dist_man_MANS += man/pgsignet-mfa.8
dist_man_MANS += man/pgsignet-ldap-sync.8
dist_man_MANS += man/pgsignet-ca.8
