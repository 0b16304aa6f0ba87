# The states, the planner and its writers: no network.
noinst_LTLIBRARIES += libsyncplan.la
libsyncplan_la_SOURCES = \
	ldap_sync/guards.c ldap_sync/guards.h \
	ldap_sync/states.c ldap_sync/wanted.h ldap_sync/actual.h \
	ldap_sync/plan.c ldap_sync/plan.h \
	ldap_sync/plan_scope.c ldap_sync/plan_governed.c ldap_sync/plan_scope.h \
	ldap_sync/plan_people.c ldap_sync/plan_members.c ldap_sync/plan_settings.c \
	ldap_sync/plan_left.c ldap_sync/plan_order.c ldap_sync/plan_role.h \
	ldap_sync/plan_sql.c ldap_sync/plan_print.c ldap_sync/plan_json.c
libsyncplan_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS)
libsyncplan_la_LIBADD = libcommon.la $(GLIB_LIBS) $(JANSSON_LIBS)
