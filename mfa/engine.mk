# The token engine: what the daemon and pgsignet-mfa both stand on.
noinst_LTLIBRARIES += libmfa.la
libmfa_la_SOURCES = \
	mfa/attempt.c \
	mfa/engine.c mfa/engine.h \
	mfa/init.c \
	mfa/key_file.c mfa/key_file.h \
	mfa/key_provider.c mfa/key_provider.h \
	mfa/keyring.c mfa/keyring.h \
	mfa/new_file.c mfa/new_file.h \
	mfa/owner.c mfa/owner.h \
	mfa/seal.c mfa/seal.h \
	mfa/split.c mfa/split.h \
	mfa/store.c mfa/store.h \
	mfa/store_sqlite.c mfa/store_sqlite.h \
	mfa/store_sqlite_failures.c \
	mfa/store_sqlite_file.c \
	mfa/store_sqlite_tokens.c \
	mfa/subject.c mfa/subject.h \
	mfa/throttle.c mfa/throttle.h \
	mfa/tokens.c mfa/tokens.h \
	mfa/totp.c mfa/totp.h \
	mfa/verify.h
libmfa_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(OATH_CFLAGS) $(SQLITE_CFLAGS)
libmfa_la_LIBADD = libcommon.la $(CRYPTO_LIBS) $(OATH_LIBS) $(SQLITE_LIBS)
