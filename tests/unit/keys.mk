# Key custody: providers, the one place of algorithms.
check_PROGRAMS += tests/unit/key_test
TESTS += tests/unit/key_test
tests_unit_key_test_SOURCES = tests/unit/key_test.c
tests_unit_key_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_key_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/key_pkcs11_test
TESTS += tests/unit/key_pkcs11_test
tests_unit_key_pkcs11_test_SOURCES = tests/unit/key_pkcs11_test.c
tests_unit_key_pkcs11_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_key_pkcs11_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/crypto_test
TESTS += tests/unit/crypto_test
tests_unit_crypto_test_SOURCES = tests/unit/crypto_test.c
tests_unit_crypto_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_crypto_test_CFLAGS = $(ENGINE_TEST_FLAGS)

TESTS += tests/unit/crypto_places.sh
dist_check_SCRIPTS += tests/unit/crypto_places.sh

check_PROGRAMS += tests/unit/settings_keys_test
TESTS += tests/unit/settings_keys_test
tests_unit_settings_keys_test_SOURCES = tests/unit/settings_keys_test.c
tests_unit_settings_keys_test_LDADD = libcommon.la $(CMOCKA_LIBS)
tests_unit_settings_keys_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)

REKEY_SCENE = tests/unit/rekey_scene.c tests/unit/rekey_scene.h

check_PROGRAMS += tests/unit/rekey_test
TESTS += tests/unit/rekey_test
tests_unit_rekey_test_SOURCES = tests/unit/rekey_test.c $(REKEY_SCENE)
tests_unit_rekey_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_rekey_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/rekey_beside_test
TESTS += tests/unit/rekey_beside_test
tests_unit_rekey_beside_test_SOURCES = tests/unit/rekey_beside_test.c $(REKEY_SCENE)
tests_unit_rekey_beside_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_rekey_beside_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/unit/fsck_test
TESTS += tests/unit/fsck_test
tests_unit_fsck_test_SOURCES = tests/unit/fsck_test.c $(REKEY_SCENE)
tests_unit_fsck_test_LDADD = $(ENGINE_TEST_LIBS)
tests_unit_fsck_test_CFLAGS = $(ENGINE_TEST_FLAGS)

check_PROGRAMS += tests/integration/rekey_load
tests_integration_rekey_load_SOURCES = tests/integration/rekey_load.c
tests_integration_rekey_load_LDADD = $(ENGINE_TEST_LIBS)
tests_integration_rekey_load_CFLAGS = $(ENGINE_TEST_FLAGS)

dist_check_SCRIPTS += tests/integration/rekey.sh
