# What two programs need.  libcommon knows no program and no network; libldapc adds LDAP.
noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	common/address.c common/address.h \
	common/arguments.c common/arguments.h \
	common/audit.c common/audit.h \
	common/audit_render.c \
	common/bytes.h \
	common/clock.c common/clock.h \
	common/command.c common/command.h \
	common/conninfo.c common/conninfo.h \
	common/crypto.c common/crypto.h \
	common/guard.c common/guard.h \
	common/log.c common/log.h \
	common/number.c common/number.h \
	common/outage.c common/outage.h \
	common/progress.c common/progress.h \
	common/reason.c common/reason.h \
	common/secret.c common/secret.h \
	common/settings.c common/settings.h \
	common/settings_check.c common/settings_check.h \
	common/settings_check_ca.c \
	common/settings_check_keys.c \
	common/settings_check_ldap.c \
	common/settings_check_store.c \
	common/settings_check_sync.c \
	common/settings_fields.c common/settings_fields.h \
	common/settings_notes.c common/settings_notes.h \
	common/settings_schema.c common/settings_schema.h \
	common/settings_syntax.c common/settings_syntax.h \
	common/settings_walk.c common/settings_walk.h \
	common/settings_yaml.c common/settings_yaml.h \
	common/table.c common/table.h \
	common/text.c common/text.h \
	common/wire.c common/wire.h \
	common/write_all.c common/write_all.h
libcommon_la_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(YAML_CFLAGS) $(JANSSON_CFLAGS)
libcommon_la_LIBADD = $(CRYPTO_LIBS) $(YAML_LIBS) $(JANSSON_LIBS)

include common/pgconn.mk
include common/pkcs11.mk
