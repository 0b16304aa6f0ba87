# The archive of a CA, and the states of a rotation: both pure.
check_PROGRAMS += tests/unit/pki_archive_test tests/unit/pki_rotate_test
TESTS += tests/unit/pki_archive_test tests/unit/pki_rotate_test
tests_unit_pki_archive_test_SOURCES = tests/unit/pki_archive_test.c
tests_unit_pki_archive_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_archive_test_LDADD = $(CA_TEST_LIBS)
tests_unit_pki_rotate_test_SOURCES = tests/unit/pki_rotate_test.c
tests_unit_pki_rotate_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_rotate_test_LDADD = $(CA_TEST_LIBS)
