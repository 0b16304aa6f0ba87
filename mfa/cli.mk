# pgsignet-mfa.  Its pure pieces are a library of their own, for the unit tests.
noinst_LTLIBRARIES += libmfacli.la
libmfacli_la_SOURCES = \
	mfa/arguments.h mfa/options.c \
	mfa/escape.c mfa/escape.h \
	mfa/otpauth.c mfa/otpauth.h \
	mfa/page.c mfa/page.h \
	mfa/qr.c mfa/qr.h \
	mfa/qr_image.c mfa/qr_image.h \
	mfa/terminal.c mfa/terminal.h
libmfacli_la_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS)
libmfacli_la_CFLAGS += $(PNG_CFLAGS)
libmfacli_la_LIBADD = $(OATH_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS) $(PNG_LIBS)

bin_PROGRAMS += pgsignet-mfa
pgsignet_mfa_SOURCES = \
	mfa/main.c mfa/cli.h \
	mfa/commands.c \
	mfa/ask.c mfa/ask.h \
	mfa/cmd_breakglass.c mfa/cmd_confirm.c mfa/cmd_disable.c mfa/cmd_enroll.c mfa/cmd_init.c mfa/cmd_list.c \
	mfa/cmd_fsck.c mfa/cmd_rekey.c \
	mfa/cmd_lock.c mfa/cmd_policy.c mfa/cmd_purge.c mfa/cmd_recovery.c mfa/cmd_remove.c \
	mfa/cmd_rename.c mfa/cmd_resync.c mfa/cmd_show.c mfa/cmd_stats.c mfa/cmd_unlock.c \
	mfa/cmd_migrate.c \
	mfa/cmd_verify.c \
	mfa/policy_look.c mfa/policy_look.h \
	mfa/unenrolled.c mfa/unenrolled.h \
	mfa/display.c mfa/display.h \
	mfa/enroll.c mfa/enroll.h mfa/enroll_many.c \
	mfa/page_folder.c mfa/page_folder.h \
	mfa/roster.c mfa/roster.h \
	mfa/handover.c mfa/handover.h \
	mfa/prove.c mfa/prove.h \
	mfa/session.c mfa/session.h
# Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignet_mfa_SOURCES += common/heap.c
endif
endif
pgsignet_mfa_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PQ_CFLAGS)
pgsignet_mfa_LDADD = libmfacli.la libldapc.la libpgconn.la libmfa.la libcommon.la $(JANSSON_LIBS)
EXTRA_DIST += docs/enrolment.md
