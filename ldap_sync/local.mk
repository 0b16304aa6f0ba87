# pgsignet-ldap-sync: pure parts, the reader of the directory, the server, the program.
include ldap_sync/plan.mk
include ldap_sync/directory.mk
include ldap_sync/server.mk
include ldap_sync/program.mk
