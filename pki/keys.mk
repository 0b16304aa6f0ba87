# Keys, certificates, and the files they are given away in.
noinst_LTLIBRARIES += libcakeys.la
libcakeys_la_SOURCES = \
	pki/certificate.c pki/certificate.h \
	pki/certificate_facts.c \
	pki/certificate_write.c pki/certificate_write.h \
	pki/key.c pki/key.h \
	pki/key_encoding.c pki/key_encoding.h \
	pki/key_pkcs11.c pki/key_pkcs11_session.c pki/key_pkcs11_session.h pki/key_pkcs11_uri.c pki/key_token.h \
	pki/output.c pki/output.h pki/output_own.h \
	pki/output_bundle.c pki/output_pkcs12.c pki/output_strings.c pki/output_tar.c
libcakeys_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(P11KIT_CFLAGS)
libcakeys_la_LIBADD = libcanames.la libpkcs11.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(P11KIT_LIBS)
