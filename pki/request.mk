# The intake of requests: pure, and fuzzed.
noinst_LTLIBRARIES += libcarequest.la
libcarequest_la_SOURCES = \
	pki/request.c pki/request.h pki/request_parts.h \
	pki/request_extensions.c pki/request_key.c pki/request_names.c pki/request_pem.c pki/request_rsa.c \
	pki/request_shape.c pki/request_subject.c
libcarequest_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS)
libcarequest_la_LIBADD = libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS)
