# A mock of a PostgreSQL port that misbehaves, for pki_online.sh.
check_PROGRAMS += tests/integration/pki_mock_server
tests_integration_pki_mock_server_SOURCES = tests/integration/pki_mock_server.c
