# pgsignetd: decides logins.
sbin_PROGRAMS += pgsignetd
noinst_LTLIBRARIES += libauthd.la

# Everything but main(), so that the tests can link it.
libauthd_la_SOURCES = \
	authd/burst.c authd/burst.h \
	authd/clients.c authd/clients.h \
	authd/decide.c authd/decide.h \
	authd/event.c authd/event.h \
	authd/listen.c authd/listen.h \
	authd/master.c authd/master.h \
	authd/named_files.c authd/named_files.h \
	authd/request.c authd/request.h \
	authd/returns.c authd/returns.h \
	authd/shared.c authd/shared.h \
	authd/verifier.c authd/verifier.h \
	authd/worker.c authd/worker.h
libauthd_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(CRYPTO_CFLAGS)
libauthd_la_LIBADD = librole.la libldapc.la libmfa.la libcommon.la $(SYSTEMD_LIBS)

pgsignetd_SOURCES = authd/main.c
# Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignetd_SOURCES += common/heap.c
endif
endif
pgsignetd_LDADD = libauthd.la
pgsignetd_LDFLAGS = $(AM_LDFLAGS) -pie
pgsignetd_CFLAGS = $(AM_CFLAGS) -fPIE

include authd/role.mk
