# What the directory says: rules, templates, and when it says something new.
noinst_LTLIBRARIES += libsyncdir.la
libsyncdir_la_SOURCES = \
	ldap_sync/notify.c ldap_sync/notify.h \
	ldap_sync/notify_listen.c ldap_sync/notify_listen.h \
	ldap_sync/rules.c ldap_sync/rules.h ldap_sync/rules_scan.h \
	ldap_sync/rules_chain.c \
	ldap_sync/rules_edges.c \
	ldap_sync/rules_groups.c \
	ldap_sync/rules_nested.c \
	ldap_sync/rules_options.c \
	ldap_sync/rules_people.c \
	ldap_sync/rules_persons.c ldap_sync/rules_persons.h \
	ldap_sync/rules_prepare.c \
	ldap_sync/rules_roles.c \
	ldap_sync/rules_search.c \
	ldap_sync/rules_trace.c \
	ldap_sync/rules_unseen.c \
	ldap_sync/rules_urls.c \
	ldap_sync/rules_values.c \
	ldap_sync/template.c ldap_sync/template.h \
	ldap_sync/template_map.c ldap_sync/template_map.h
libsyncdir_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(LDAP_CFLAGS) $(LBER_CFLAGS)
libsyncdir_la_LIBADD = libsyncplan.la libldapc.la libcommon.la $(GLIB_LIBS) $(LDAP_LIBS) $(LBER_LIBS)
