#!/usr/bin/env bash
# Keys change under logins without one failing, by the tool and a real daemon; fsck finds what is wrong.
# time: 400
set -uo pipefail
# shellcheck source=tests/integration/stack.sh
. "$(dirname "$0")/stack.sh"
# shellcheck source=tests/integration/report.sh
. "$(dirname "$0")/report.sh"
trap stack_stop EXIT
trap 'exit 130' INT TERM HUP

seconds=${REKEY_SECONDS:-8}
[ -z "${PGSIGNET_SOAK:-}" ] || seconds=60

mfa()
{
    "$STACK_BIN/pgsignet-mfa" --config "$STACK_CONFIG" "$@"
}

# A login of alice by the daemon that runs.
log_in()
{
    stack_code alice && [ "$(stack_psql alice "PW-alice$STACK_CODE" 'SELECT 1' 2>&1)" = 1 ] || {
        echo "alice is refused: $(stack_last_reason)"
        return 1
    }
}

test_load()
{
    # A store of its own, in another database of the same server.
    if [ "${STACK_STORE_ENGINE:-sqlite}" != sqlite ]; then
        stack_store_sql 'CREATE DATABASE load' || return 1
        PGSIGNET_TEST_CONNINFO="$(. "$STACK_DIR/store/server" && echo "host=$PG_SOCKET_DIR port=$PG_PORT") dbname=load user=postgres"
        export PGSIGNET_TEST_CONNINFO
    fi
    "$PGSIGNET_BUILD/tests/integration/rekey_load" "$seconds"
}

test_kek()
{
    local before after
    before=$(sha256sum <"$STACK_KEK")
    mfa rekey --kek && log_in && stack_daemon_restart && log_in || return 1
    after=$(sha256sum <"$STACK_KEK")
    [ "$before" != "$after" ] || { echo "the key file is the same"; return 1; }
    [ "$(stat -c '%U %a' "$STACK_KEK")" = "pgsignet 400" ] || { stat "$STACK_KEK"; return 1; }
    [ "$(find "$STACK_DIR/etc" -name 'kek*' | wc -l)" = 1 ] || { ls -l "$STACK_DIR/etc"; return 1; }
    grep -q '"event":"rekey".*holds a new KEK' "$STACK_AUDIT"
}

test_dek()
{
    mfa rekey --dek && log_in || return 1
    mfa --json rekey --dek | jq -e '.done | test("seals everything")' >/dev/null && log_in || return 1
    grep -q '"event":"rekey".*sealed anew' "$STACK_AUDIT"
}

# From the file to a command that prints the key, as with a key management service.
test_to()
{
    local to=$STACK_DIR/etc/to.yaml command=$STACK_DIR/etc/print-key
    (umask 077 && openssl rand -hex 32 >"$STACK_DIR/etc/kms-key") &&
        chown pgsignet "$STACK_DIR/etc/kms-key" || return 1
    printf '#!/bin/sh\ncat "%s"\n' "$STACK_DIR/etc/kms-key" >"$command" && chmod 755 "$command" || return 1
    sed "s|^  path: $STACK_KEK\$|  provider: command\n  command: [$command]|" "$STACK_CONFIG" >"$to" || return 1
    ! mfa rekey --kek --retire --to "$to" 2>/dev/null || return 1
    mfa rekey --kek --to "$to" && log_in || return 1
    ! mfa rekey --dek 2>"$STACK_DIR/said" || { echo "two changes at one time"; return 1; }
    grep -q 'a change of the KEK has not ended' "$STACK_DIR/said" || { cat "$STACK_DIR/said"; return 1; }
    chgrp pgsignet "$to" && chmod 640 "$to" && cp "$STACK_CONFIG" "$STACK_CONFIG.file" &&
        cat "$to" >"$STACK_CONFIG" && kill -HUP "$STACK_DAEMON" && log_in || return 1
    mfa rekey --kek --retire && log_in || return 1
    # what one command cannot change is said
    ! mfa rekey --kek 2>"$STACK_DIR/said" && grep -q 'keys.provider is command' "$STACK_DIR/said" || return 1
    mv "$STACK_CONFIG.file" "$STACK_CONFIG" || return 1
    ! mfa fsck 2>"$STACK_DIR/said" || { echo "the retired key opens the store"; return 1; }
    grep -q 'restore the right key' "$STACK_DIR/said" || { cat "$STACK_DIR/said"; return 1; }
    cat "$to" >"$STACK_CONFIG"
}

# As whoever writes to the store past the program.
change_rows()
{
    if [ "${STACK_STORE_ENGINE:-sqlite}" = sqlite ]; then
        sqlite3 "$STACK_STORE" "$1"
    else
        stack_store_sql "SET search_path = pgsignet_mfa; $1"
    fi
}

test_fsck()
{
    local code
    mfa fsck && [ "$(mfa --json fsck | jq .faults)" = 0 ] || return 1
    change_rows 'UPDATE token SET drift = 5' || return 1
    mfa fsck >"$STACK_DIR/said"
    code=$?
    [ "$code" = 2 ] && grep -q '^token of user "alice".*drift' "$STACK_DIR/said" || { cat "$STACK_DIR/said"; return 1; }
    ! mfa --json fsck >"$STACK_DIR/said" &&
        sed -n 1p "$STACK_DIR/said" | jq -e '.kind == "token" and .user == "alice"' >/dev/null || return 1
    change_rows 'UPDATE token SET drift = 0' && mfa fsck >/dev/null
}

# check in this shell, which remembers the codes that it has used.
check_here()
{
    local name=$1
    shift
    if "$@" >"$STACK_DIR/output" 2>&1; then
        ok "$name"
    else
        not_ok "$name" "$(cat "$STACK_DIR/output")"
    fi
}

stack_start || exit 1
stack_role alice && stack_enroll alice || exit 1
check_here "logins go on while keys change and changers are killed ($seconds s)" test_load
check_here "rekey --kek: one command, the old key is gone" test_kek
check_here "rekey --dek under a running daemon" test_dek
check_here "rekey --kek --to, --retire: from a file to a command" test_to
check_here "fsck: clean, and each fault a line" test_fsck
report_end
