# The ledger of pgsignet-ca, files that get into place, layouts.
check_LTLIBRARIES += tests/unit/libledgerfixture.la
tests_unit_libledgerfixture_la_SOURCES = \
	tests/unit/pki_ledger_fixture.c tests/unit/pki_ledger_fixture.h
tests_unit_libledgerfixture_la_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_libledgerfixture_la_LIBADD = libcaledger.la $(SQLITE_LIBS) $(CMOCKA_LIBS)
LEDGER_TEST_LIBS = tests/unit/libledgerfixture.la libcaledger.la $(GLIB_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) \
	$(CRYPTO_LIBS) $(CMOCKA_LIBS)

LEDGER_TESTS = tests/unit/pki_ledger_test tests/unit/pki_ledger_file_test tests/unit/pki_ledger_revocation_test \
	tests/unit/pki_ledger_rules_test tests/unit/pki_ledger_keys_test tests/unit/pki_ledger_clock_test \
	tests/unit/pki_ledger_events_test tests/unit/pki_place_test tests/unit/pki_layout_test
check_PROGRAMS += $(LEDGER_TESTS)
TESTS += $(LEDGER_TESTS)
tests_unit_pki_ledger_test_SOURCES = tests/unit/pki_ledger_test.c
tests_unit_pki_ledger_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_file_test_SOURCES = tests/unit/pki_ledger_file_test.c
tests_unit_pki_ledger_file_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_file_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_revocation_test_SOURCES = tests/unit/pki_ledger_revocation_test.c
tests_unit_pki_ledger_revocation_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_revocation_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_rules_test_SOURCES = tests/unit/pki_ledger_rules_test.c
tests_unit_pki_ledger_rules_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_rules_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_keys_test_SOURCES = tests/unit/pki_ledger_keys_test.c
tests_unit_pki_ledger_keys_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_keys_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_clock_test_SOURCES = tests/unit/pki_ledger_clock_test.c
tests_unit_pki_ledger_clock_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_clock_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_ledger_events_test_SOURCES = tests/unit/pki_ledger_events_test.c
tests_unit_pki_ledger_events_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_ledger_events_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_place_test_SOURCES = tests/unit/pki_place_test.c
tests_unit_pki_place_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_place_test_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_pki_layout_test_SOURCES = tests/unit/pki_layout_test.c
tests_unit_pki_layout_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_layout_test_LDADD = $(LEDGER_TEST_LIBS)
