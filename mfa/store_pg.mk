# The token store in PostgreSQL.  Its schema is a file that people read, and a text in the program.
libmfa_la_SOURCES += \
	mfa/store_pg.c mfa/store_pg.h \
	mfa/store_pg_attempt.c mfa/store_pg_failures.c mfa/store_pg_home.c \
	mfa/store_pg_keys.c mfa/store_pg_recovery.c mfa/store_pg_rows.c \
	mfa/store_pg_schema.c mfa/store_pg_tokens.c mfa/store_pg_users.c
libmfa_la_CFLAGS += $(PQ_CFLAGS)
libmfa_la_LIBADD += libpgconn.la

dist_pkgdata_DATA += mfa/store_pg_schema.sql
CLEANFILES += mfa/store_pg_schema.inc
mfa/store_pg_schema.inc: mfa/store_pg_schema.sql
	$(AM_V_GEN)$(MKDIR_P) mfa && sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/    "&\\n"/' \
		$(srcdir)/mfa/store_pg_schema.sql >$@.tmp && mv $@.tmp $@
$(libmfa_la_OBJECTS): mfa/store_pg_schema.inc
