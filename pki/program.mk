# The program.  What has no main() is a library, for the unit tests.
noinst_LTLIBRARIES += libca.la
libca_la_SOURCES = \
	pki/archive.c pki/archive.h \
	pki/archive_folder.c pki/archive_folder.h \
	pki/adopt.h pki/adopt_authorities.c pki/adopt_judge.c pki/adopt_tree.c \
	pki/authority.c \
	pki/canary.c pki/canary.h \
	pki/check.h pki/check_adopted.c pki/check_crls.c pki/check_files.c pki/check_ledger.c pki/check_roles.c pki/check_servers.c \
	pki/crl.h pki/crl_due.c pki/crl_judge.c pki/crl_make.c pki/crl_pem.c pki/crl_plan.c pki/crl_plan.h \
	pki/crl_plan_dir.c pki/crl_publish.c pki/crl_read.c pki/crl_take.c pki/crl_take.h pki/crl_write.c \
	pki/deploy.h pki/deploy_lines.c \
	pki/findings.c pki/findings.h \
	pki/founding.c pki/founding.h pki/founding_folder.c \
	pki/issue.c pki/issue.h pki/issue_own.h \
	pki/issue_again.c pki/issue_batch.c pki/issue_mend.c pki/issue_prepare.c \
	pki/made.c pki/made.h \
	pki/online.h \
	pki/online_ask.c \
	pki/online_calls.c \
	pki/online_signal.c \
	pki/online_text.c pki/online_text.h \
	pki/options.c pki/options.h \
	pki/publish.c pki/publish.h \
	pki/publish_places.c pki/publish_places.h \
	pki/revoke.c pki/revoke.h pki/revoke_canary.c pki/revoke_doors.c pki/revoke_proof.c pki/revoke_report.c \
	pki/passphrase.c pki/passphrase.h \
	pki/rotate.c pki/rotate.h \
	pki/rows.c pki/rows.h \
	pki/rotate_cross.c \
	pki/rotate_make.c pki/rotate_make.h \
	pki/rotate_world.c pki/rotate_world.h \
	pki/server_trust.c pki/server_trust.h \
	pki/session.c pki/session.h \
	pki/wishes.c pki/wishes.h
libca_la_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS)
libca_la_LIBADD = libcaledger.la libcarequest.la libcakeys.la libcanames.la libcommon.la \
	$(GLIB_LIBS) $(CRYPTO_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS)

bin_PROGRAMS += pgsignet-ca
pgsignet_ca_SOURCES = \
	pki/main.c pki/cli.h \
	pki/cli_find.c \
	pki/cli_issue.c pki/cli_issue.h \
	pki/commands.c \
	pki/cmd_adopt.c pki/cmd_backup.c pki/cmd_check.c pki/cmd_clock.c pki/cmd_crl.c pki/cmd_deploy.c pki/cmd_events.c \
	pki/cmd_init.c pki/cmd_issue.c pki/cmd_list.c pki/cmd_metrics.c pki/cmd_renew.c pki/cmd_restore.c \
	pki/cmd_revoke.c pki/revoke_find.c pki/cmd_rotate.c pki/cmd_show.c pki/cmd_sign.c \
	pki/deploy_files.c pki/deploy_make.c pki/deploy_server.c
# Passphrases and keys do not stay in memory that was freed.  Sanitizers bring a free() of their own.
if !SANITIZERS
if !FUZZING
pgsignet_ca_SOURCES += common/heap.c
endif
endif
pgsignet_ca_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS)
pgsignet_ca_LDADD = libca.la
