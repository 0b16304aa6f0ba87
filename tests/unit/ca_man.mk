# The manual page and the guide against the program.
TESTS += tests/unit/ca_man.sh
dist_check_SCRIPTS += tests/unit/ca_man.sh tests/integration/pki_backup.sh tests/integration/pki_rotate.sh
