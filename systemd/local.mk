# Units, the system user and the folders.  They name /run, /var and /etc as systemd does.
systemdsystemunit_DATA = systemd/pgsignetd.socket systemd/pgsignetd.service \
	systemd/pgsignet-ldap-sync.service systemd/pgsignet-ldap-sync.timer \
	systemd/pgsignet-ca.service systemd/pgsignet-ca.timer \
	systemd/pgsignet-ca-renew.service systemd/pgsignet-ca-renew.timer
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
EXTRA_DIST += systemd/pgsignetd.socket systemd/pgsignetd.service.in systemd/pgsignet.sysusers \
	systemd/pgsignet.tmpfiles systemd/pgsignet-ldap-sync.service.in systemd/pgsignet-ldap-sync.timer \
	systemd/pgsignet-ca.service.in systemd/pgsignet-ca.timer \
	systemd/pgsignet-ca-renew.service.in systemd/pgsignet-ca-renew.timer
CLEANFILES += systemd/pgsignetd.service systemd/pgsignet-ldap-sync.service \
	systemd/pgsignet-ca.service systemd/pgsignet-ca-renew.service

make_unit = $(AM_V_GEN)$(MKDIR_P) systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	  -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@

systemd/pgsignetd.service: $(srcdir)/systemd/pgsignetd.service.in Makefile
	$(make_unit)

systemd/pgsignet-ldap-sync.service: $(srcdir)/systemd/pgsignet-ldap-sync.service.in Makefile
	$(make_unit)

systemd/pgsignet-ca.service: $(srcdir)/systemd/pgsignet-ca.service.in Makefile
	$(make_unit)

systemd/pgsignet-ca-renew.service: $(srcdir)/systemd/pgsignet-ca-renew.service.in Makefile
	$(make_unit)

# Under the names that systemd looks for.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/systemd/pgsignet.sysusers '$(DESTDIR)$(sysusersdir)/pgsignet.conf'
	$(INSTALL_DATA) $(srcdir)/systemd/pgsignet.tmpfiles '$(DESTDIR)$(tmpfilesdir)/pgsignet.conf'

uninstall-local:
	rm -f '$(DESTDIR)$(sysusersdir)/pgsignet.conf' '$(DESTDIR)$(tmpfilesdir)/pgsignet.conf'
