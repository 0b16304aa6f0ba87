# Names, DER, lint: pure.
noinst_LTLIBRARIES += libcanames.la
libcanames_la_SOURCES = \
	pki/der.c pki/der.h \
	pki/der_write.c \
	pki/lint.h pki/lint_rules.c pki/lint_rules.h \
	pki/lint_certificate.c \
	pki/lint_crl.c \
	pki/lint_extensions.c \
	pki/lint_key.c \
	pki/lint_names.c \
	pki/lint_read.c \
	pki/name.c pki/name.h \
	pki/name_san.c
libcanames_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
libcanames_la_LIBADD = libcommon.la $(GLIB_LIBS)
