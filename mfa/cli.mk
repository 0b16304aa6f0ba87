# pgsignet-mfa.  Its pure pieces are a library of their own, for the unit tests.
noinst_LTLIBRARIES += libmfacli.la
libmfacli_la_SOURCES = \
	mfa/escape.c mfa/escape.h \
	mfa/otpauth.c mfa/otpauth.h \
	mfa/qr.c mfa/qr.h \
	mfa/table.c mfa/table.h \
	mfa/terminal.c mfa/terminal.h
libmfacli_la_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS)
libmfacli_la_LIBADD = $(OATH_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS)
