# One bounded libpq connection, and the state of a role; for the daemon, pgsignet-mfa and the sync.
noinst_LTLIBRARIES += libpgconn.la
libpgconn_la_SOURCES = common/pgconn.c common/pgconn.h \
	common/pgconn_hosts.c common/pgconn_hosts.h \
	common/pgconn_pipe.c common/pgconn_pipe.h common/role.c common/role.h
libpgconn_la_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
libpgconn_la_LIBADD = libcommon.la $(PQ_LIBS)
