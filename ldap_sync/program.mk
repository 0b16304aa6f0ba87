# The program.  What needs neither directory nor server is a library of its own, for the unit tests.
noinst_LTLIBRARIES += libsyncprogram.la
libsyncprogram_la_SOURCES = \
	ldap_sync/events.c ldap_sync/events.h \
	ldap_sync/metrics.c ldap_sync/metrics.h \
	ldap_sync/options.c ldap_sync/options.h \
	ldap_sync/outcome.c ldap_sync/outcome.h \
	ldap_sync/report.c ldap_sync/report.h
libsyncprogram_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS)
libsyncprogram_la_LIBADD = libsyncplan.la libcommon.la $(GLIB_LIBS) $(JANSSON_LIBS)

bin_PROGRAMS += pgsignet-ldap-sync
pgsignet_ldap_sync_SOURCES = \
	ldap_sync/main.c ldap_sync/cli.h \
	ldap_sync/commands.c \
	ldap_sync/cmd_explain.c ldap_sync/cmd_plan.c ldap_sync/cmd_roles.c ldap_sync/cmd_run.c \
	ldap_sync/reading.c ldap_sync/reading.h \
	ldap_sync/run.c ldap_sync/run.h \
	ldap_sync/session.c ldap_sync/session.h \
	ldap_sync/watch.c ldap_sync/watch.h
# The bind password does not stay in memory that was freed.  Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignet_ldap_sync_SOURCES += common/heap.c
endif
endif
pgsignet_ldap_sync_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS) $(PQ_CFLAGS)
pgsignet_ldap_sync_LDADD = libsyncprogram.la libsyncserver.la libsyncdir.la libsyncplan.la \
	libldapc.la libpgconn.la libcommon.la $(GLIB_LIBS) $(JANSSON_LIBS) $(PQ_LIBS)
