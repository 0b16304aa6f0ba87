# Roles and verifiers: authd/role, authd/scram, common/pgconn; and the throw-away PostgreSQL.
EXTRA_DIST += \
	tests/integration/postgres.sh \
	tests/integration/report.sh
