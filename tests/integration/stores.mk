# Both engines of the token store: what runs on the one runs on the other, and one becomes the other.
dist_check_SCRIPTS += tests/integration/both_stores.sh tests/integration/migrate.sh
