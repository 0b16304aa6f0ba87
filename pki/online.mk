# What talks to PostgreSQL, to a directory and to TLS ports, away from the CA's keys.
pkglibexec_PROGRAMS = pgsignet-ca-online
pgsignet_ca_online_SOURCES = \
	pki/online_main.c pki/online_job.h pki/online.h \
	pki/online_dn.c \
	pki/online_group.c \
	pki/online_postgres.c \
	pki/online_probe.c \
	pki/online_text.c pki/online_text.h \
	pki/online_up.c
# Passwords and keys do not stay in memory that was freed.  Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignet_ca_online_SOURCES += common/heap.c
endif
endif
pgsignet_ca_online_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JANSSON_CFLAGS) $(PQ_CFLAGS) $(SSL_CFLAGS) $(CRYPTO_CFLAGS)
pgsignet_ca_online_LDADD = libldapc.la libpgconn.la libcommon.la $(GLIB_LIBS) $(JANSSON_LIBS) $(PQ_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)
