# SCRAM verifiers; the roles that have them are in libpgconn.
noinst_LTLIBRARIES += librole.la
librole_la_SOURCES = \
	authd/own_role.c authd/own_role.h \
	authd/saslprep.c authd/saslprep.h \
	authd/scram.c authd/scram.h
librole_la_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS) $(IDN_CFLAGS) $(CRYPTO_CFLAGS)
librole_la_LIBADD = libpgconn.la libcommon.la $(IDN_LIBS) $(CRYPTO_LIBS)

dist_pkgdata_DATA += authd/pgsignet.sql
