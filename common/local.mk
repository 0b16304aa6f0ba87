# What two programs need.  libcommon knows no program and no network; libldapc adds LDAP.
noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	common/audit.h \
	common/bytes.h \
	common/clock.c common/clock.h \
	common/guard.c common/guard.h \
	common/log.c common/log.h \
	common/number.c common/number.h \
	common/outage.c common/outage.h \
	common/reason.c common/reason.h \
	common/secret.c common/secret.h \
	common/text.c common/text.h \
	common/wire.c common/wire.h
libcommon_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
libcommon_la_LIBADD = $(CRYPTO_LIBS)
