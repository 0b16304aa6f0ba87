# What is asked of networks, from the side that asks; the lines that deploy prints.
check_PROGRAMS += tests/unit/pki_online_test tests/unit/pki_online_child_test tests/unit/pki_deploy_test
TESTS += tests/unit/pki_online_test tests/unit/pki_online_child_test tests/unit/pki_deploy_test
tests_unit_pki_online_test_SOURCES = tests/unit/pki_online_test.c pki/online_dn.c \
	tests/unit/pki_online_mock.c tests/unit/pki_online_mock.h
tests_unit_pki_online_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_online_test_LDADD = $(CA_TEST_LIBS)
tests_unit_pki_online_child_test_SOURCES = tests/unit/pki_online_child_test.c \
	tests/unit/pki_online_mock.c tests/unit/pki_online_mock.h
tests_unit_pki_online_child_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_online_child_test_LDADD = $(CA_TEST_LIBS)
tests_unit_pki_deploy_test_SOURCES = tests/unit/pki_deploy_test.c
tests_unit_pki_deploy_test_CFLAGS = $(CA_TEST_FLAGS)
tests_unit_pki_deploy_test_LDADD = $(CA_TEST_LIBS)
