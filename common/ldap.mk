# The LDAP client (ldap_*) and what a login asks of it (directory*).
noinst_LTLIBRARIES += libldapc.la
libldapc_la_SOURCES = \
	common/directory.c common/directory.h common/directory_entry.h \
	common/directory_account.c \
	common/directory_chain.c \
	common/directory_climb.c \
	common/directory_groups.c common/directory_groups.h \
	common/directory_link.c common/directory_link.h \
	common/directory_members.c common/directory_members.h \
	common/directory_people.c common/directory_people.h \
	common/directory_password.c common/directory_password.h \
	common/directory_primary.c \
	common/group_set.c common/group_set.h \
	common/ldap_connect.c common/ldap_connect.h \
	common/ldap_dn.c common/ldap_dn.h \
	common/ldap_escape.c common/ldap_escape.h \
	common/ldap_memory.c common/ldap_memory.h \
	common/ldap_sasl.c \
	common/ldap_search.c common/ldap_search.h \
	common/ldap_uri.c common/ldap_uri.h
libldapc_la_CFLAGS = $(AM_CFLAGS) $(LDAP_CFLAGS) $(LBER_CFLAGS) $(SASL_CFLAGS)
libldapc_la_LIBADD = libcommon.la $(LDAP_LIBS) $(LBER_LIBS)
