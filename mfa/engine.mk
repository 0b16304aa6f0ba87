# The token engine: what the daemon and pgsignet-mfa both stand on.
noinst_LTLIBRARIES += libmfa.la
libmfa_la_SOURCES = \
	mfa/addresses.c \
	mfa/as_owner.c mfa/as_owner.h \
	mfa/attempt.c \
	mfa/breakglass.c mfa/breakglass.h \
	mfa/change.c mfa/change.h \
	mfa/counts.c \
	mfa/engine.c mfa/engine.h \
	mfa/fsck.c mfa/fsck.h \
	mfa/init.c \
	mfa/evp_code.c mfa/evp_code.h \
	mfa/key_command.c mfa/key_command.h \
	mfa/key_credential.c mfa/key_credential.h \
	mfa/key_file.c mfa/key_file.h \
	mfa/key_pkcs11.c mfa/key_pkcs11.h \
	mfa/key_pkcs11_find.c mfa/key_pkcs11_find.h \
	mfa/key_provider.c mfa/key_provider.h \
	mfa/key_raw.c mfa/key_raw.h \
	mfa/keyring.c mfa/keyring.h \
	mfa/letters.c mfa/letters.h \
	mfa/migrate.c mfa/migrate.h \
	mfa/migrate_pass.c mfa/migrate_pass.h \
	mfa/migrate_rows.c mfa/migrate_rows.h \
	mfa/new_file.c mfa/new_file.h \
	mfa/otp.c mfa/otp.h \
	mfa/owner.c mfa/owner.h \
	mfa/proof.c mfa/proof.h \
	mfa/recovery.c mfa/recovery.h \
	mfa/resync.c \
	mfa/rekey.c mfa/rekey.h \
	mfa/rekey_file.c mfa/rekey_file.h \
	mfa/seal.c mfa/seal.h \
	mfa/split.c mfa/split.h \
	mfa/store.c mfa/store.h \
	mfa/store_queue.c mfa/store_queue.h \
	mfa/store_sqlite.c mfa/store_sqlite.h \
	mfa/store_sqlite_failures.c \
	mfa/store_sqlite_file.c \
	mfa/store_sqlite_identity.c \
	mfa/store_sqlite_log.c \
	mfa/store_sqlite_look.c \
	mfa/store_sqlite_recovery.c \
	mfa/store_sqlite_schema.c \
	mfa/store_sqlite_statements.h \
	mfa/store_sqlite_tokens.c \
	mfa/store_sqlite_users.c \
	mfa/store_sqlite_witness.c \
	mfa/subject.c mfa/subject.h \
	mfa/throttle.c mfa/throttle.h \
	mfa/tokens.h \
	mfa/tokens_create.c \
	mfa/tokens_life.c \
	mfa/tokens_list.c \
	mfa/users.c \
	mfa/verify.h \
	mfa/witness.c mfa/witness.h
libmfa_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(OATH_CFLAGS) $(SQLITE_CFLAGS) \
	$(P11KIT_CFLAGS)
libmfa_la_LIBADD = libpkcs11.la libcommon.la $(CRYPTO_LIBS) $(OATH_LIBS) $(SQLITE_LIBS) $(P11KIT_LIBS)
