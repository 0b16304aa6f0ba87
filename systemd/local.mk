# Units, the system user and the folders.  They name /run, /var and /etc as systemd does.
systemdsystemunit_DATA = systemd/pgsignetd.socket systemd/pgsignetd.service
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
EXTRA_DIST += systemd/pgsignetd.socket systemd/pgsignetd.service.in systemd/pgsignet.sysusers \
	systemd/pgsignet.tmpfiles
CLEANFILES += systemd/pgsignetd.service

systemd/pgsignetd.service: $(srcdir)/systemd/pgsignetd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	  $(srcdir)/systemd/pgsignetd.service.in >$@.tmp && mv $@.tmp $@

# Under the names that systemd looks for.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/systemd/pgsignet.sysusers '$(DESTDIR)$(sysusersdir)/pgsignet.conf'
	$(INSTALL_DATA) $(srcdir)/systemd/pgsignet.tmpfiles '$(DESTDIR)$(tmpfilesdir)/pgsignet.conf'

uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/pgsignet.conf' '$(DESTDIR)$(tmpfilesdir)/pgsignet.conf'
