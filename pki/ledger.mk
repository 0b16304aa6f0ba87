# The record, files that get into place, where they lie.
noinst_LTLIBRARIES += libcaledger.la
libcaledger_la_SOURCES = \
	pki/layout.c pki/layout.h \
	pki/ledger.c pki/ledger.h \
	pki/ledger_adopt.c \
	pki/ledger_authority.c \
	pki/ledger_body.c \
	pki/ledger_certificate.c \
	pki/ledger_clock.c \
	pki/ledger_copy.c \
	pki/ledger_crl.c \
	pki/ledger_events.c \
	pki/ledger_file.c \
	pki/ledger_inside.h \
	pki/ledger_process.c \
	pki/ledger_query.c \
	pki/ledger_row.c \
	pki/ledger_rules.c \
	pki/ledger_schema.c \
	pki/ledger_statements.h \
	pki/ledger_trail.c \
	pki/ledger_verify.c \
	pki/ledger_words.c \
	pki/pin_memory.c pki/pin_memory.h \
	pki/place.c pki/place.h \
	pki/place_path.c pki/place_path.h
libcaledger_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
libcaledger_la_LIBADD = libcakeys.la libcanames.la libcommon.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS)
