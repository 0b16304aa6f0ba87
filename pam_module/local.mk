# The PAM module.  It lives in other people's processes: libc and libpam only, so what it shares with
# the daemon is compiled in again instead of linked from libcommon (which needs libcrypto).
pam_LTLIBRARIES = pam_pgsignet.la
pam_pgsignet_la_SOURCES = \
	common/bytes.h common/reason.h \
	common/clock.c common/clock.h \
	common/number.c common/number.h \
	common/wire.c common/wire.h \
	pam_module/args.c pam_module/args.h \
	pam_module/exchange.c pam_module/exchange.h \
	pam_module/outcome.c pam_module/outcome.h \
	pam_module/pam_pgsignet.c \
	pam_module/prompt.c pam_module/prompt.h \
	pam_module/remember.c pam_module/remember.h
# Own flags, so that the shared sources get objects of their own.
pam_pgsignet_la_CFLAGS = $(AM_CFLAGS)
pam_pgsignet_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-Wl,--version-script=$(srcdir)/pam_module/pam_pgsignet.map
pam_pgsignet_la_LIBADD = $(PAM_LIBS)
pam_pgsignet_la_DEPENDENCIES = pam_module/pam_pgsignet.map
EXTRA_DIST += pam_module/pam_pgsignet.map

# PAM loads the .so by name; the .la is of no use to anybody.
# pamdir is none of the folders that install-exec fills.
install-data-hook:
	rm -f $(DESTDIR)$(pamdir)/pam_pgsignet.la
uninstall-hook:
	rm -f $(DESTDIR)$(pamdir)/pam_pgsignet.so
