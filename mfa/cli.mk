# pgsignet-mfa.  Its pure pieces are a library of their own, for the unit tests.
noinst_LTLIBRARIES += libmfacli.la
libmfacli_la_SOURCES = \
	mfa/escape.c mfa/escape.h \
	mfa/otpauth.c mfa/otpauth.h \
	mfa/qr.c mfa/qr.h \
	mfa/table.c mfa/table.h \
	mfa/terminal.c mfa/terminal.h
libmfacli_la_CFLAGS = $(AM_CFLAGS) $(OATH_CFLAGS) $(JANSSON_CFLAGS) $(QRENCODE_CFLAGS)
libmfacli_la_LIBADD = $(OATH_LIBS) $(JANSSON_LIBS) $(QRENCODE_LIBS)

bin_PROGRAMS += pgsignet-mfa
pgsignet_mfa_SOURCES = \
	mfa/main.c mfa/cli.h \
	mfa/arguments.c mfa/arguments.h \
	mfa/cmd_confirm.c mfa/cmd_enroll.c mfa/cmd_init.c mfa/cmd_list.c \
	mfa/cmd_remove.c mfa/cmd_show.c mfa/cmd_unlock.c \
	mfa/display.c mfa/display.h \
	mfa/handover.c mfa/handover.h \
	mfa/prove.c mfa/prove.h \
	mfa/session.c mfa/session.h
# Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignet_mfa_SOURCES += common/heap.c
endif
endif
pgsignet_mfa_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
pgsignet_mfa_LDADD = libmfacli.la libmfa.la libcommon.la $(JANSSON_LIBS)
EXTRA_DIST += docs/enrolment.md
