# One bounded libpq connection; for the daemon and the sync.
noinst_LTLIBRARIES += libpgconn.la
libpgconn_la_SOURCES = common/pgconn.c common/pgconn.h
libpgconn_la_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
libpgconn_la_LIBADD = libcommon.la $(PQ_LIBS)
