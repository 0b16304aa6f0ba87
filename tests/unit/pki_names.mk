# Names, DER and the lint of pgsignet-ca; what its queries say.
check_PROGRAMS += tests/unit/pki_name_test tests/unit/pki_der_test tests/unit/pki_lint_test tests/unit/pki_rows_test
TESTS += tests/unit/pki_name_test tests/unit/pki_der_test tests/unit/pki_lint_test tests/unit/pki_rows_test
tests_unit_pki_name_test_SOURCES = tests/unit/pki_name_test.c
tests_unit_pki_name_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_name_test_LDADD = $(CA_NAMES_TEST_LIBS)
tests_unit_pki_der_test_SOURCES = tests/unit/pki_der_test.c
tests_unit_pki_der_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_der_test_LDADD = $(CA_NAMES_TEST_LIBS)
tests_unit_pki_lint_test_SOURCES = tests/unit/pki_lint_test.c tests/unit/pki_lint_cases.h
tests_unit_pki_lint_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_lint_test_LDADD = $(CA_NAMES_TEST_LIBS)
tests_unit_pki_rows_test_SOURCES = tests/unit/pki_rows_test.c
tests_unit_pki_rows_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_rows_test_LDADD = $(CA_TEST_LIBS)
dist_check_SCRIPTS += tests/integration/pki_check.sh
