# One PostgreSQL server: read, changed, its tiers.
noinst_LTLIBRARIES += libsyncserver.la
libsyncserver_la_SOURCES = \
	ldap_sync/server.h \
	ldap_sync/server_link.c ldap_sync/server_link.h \
	ldap_sync/server_read.c \
	ldap_sync/server_rows.c ldap_sync/server_rows.h \
	ldap_sync/apply.c \
	ldap_sync/apply_turns.c ldap_sync/apply_turns.h \
	ldap_sync/drop.c \
	ldap_sync/tiers.c ldap_sync/tiers.h \
	ldap_sync/tiers_grants.c \
	ldap_sync/tiers_rows.c ldap_sync/tiers_rows.h
libsyncserver_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(PQ_CFLAGS)
libsyncserver_la_LIBADD = libsyncplan.la libcommon.la $(GLIB_LIBS) $(PQ_LIBS)
