# A session on a PKCS#11 token; for the token engine and the CA.
noinst_LTLIBRARIES += libpkcs11.la
libpkcs11_la_SOURCES = common/pkcs11.c common/pkcs11.h
libpkcs11_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS)
libpkcs11_la_LIBADD = libcommon.la $(P11KIT_LIBS)
