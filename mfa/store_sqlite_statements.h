/*
 * store_sqlite_statements.h - every statement of the SQLite engine, prepared once a process.
 */
#ifndef PGSIGNET_MFA_STORE_SQLITE_STATEMENTS_H
#define PGSIGNET_MFA_STORE_SQLITE_STATEMENTS_H

/* clang-format off */
#define SQ_TOKEN_COLUMNS                                                                           \
    "t.id, t.user, t.name, t.state, t.algorithm, t.digits, t.period, t.created_s, "                \
    "t.confirmed_s, t.last_used_s, t.last_address, t.last_step, t.version, t.secret, t.kind, "     \
    "t.clock_offset, t.drift, t.synced_s, t.expires_s"

#define SQ_USER_COLUMNS                                                                            \
    "u.id, u.name, u.floor_s, u.locked_s, u.lock_reason, k.data_key, k.sealed"

#define SQ_BREAK_GLASS_COLUMNS                                                                     \
    "name, salt, iterations, hash, created_s, armed_until_s, reason, armed_by"

#define SQ_MOST_FAILURES "2147483647"

/*    name            text */
#define SQ_TABLE(X)                                                                                \
    X(SQ_BEGIN_READ, "BEGIN")                                                                      \
    X(SQ_BEGIN_WRITE, "BEGIN IMMEDIATE")                                                           \
    X(SQ_SCHEMA_COOKIE, "PRAGMA schema_version")                                                   \
    X(SQ_COMMIT, "COMMIT")                                                                         \
    X(SQ_ROLLBACK, "ROLLBACK")                                                                     \
    X(SQ_IDENTITY, "SELECT id, hash_data_key, audit, bucket FROM store")                           \
    X(SQ_WRAPS, "SELECT data_key, kek_id, wrapped FROM data_key_wrap ORDER BY data_key, kek_id")   \
    X(SQ_STATE, "SELECT floor_s, moved, home FROM store")                                          \
    X(SQ_STATE_SET, "UPDATE store SET floor_s = max(floor_s, ?1), moved = ?2, home = ?3")          \
    X(SQ_DATA_KEY_ADD, "INSERT INTO data_key (id) VALUES (?1) ON CONFLICT (id) DO NOTHING")        \
    X(SQ_WRAP_ADD, "INSERT OR REPLACE INTO data_key_wrap (data_key, kek_id, wrapped) "             \
                   "VALUES (?1, ?2, ?3)")                                                          \
    X(SQ_WRAP_REMOVE, "DELETE FROM data_key_wrap WHERE data_key = ?1 AND kek_id = ?2")             \
    X(SQ_DATA_KEY_REMOVE, "DELETE FROM data_key WHERE id = ?1")                                    \
    X(SQ_DATA_KEY_USES, "SELECT (SELECT count(*) FROM user_key WHERE data_key = ?1) + "            \
                        "(SELECT count(*) FROM store WHERE hash_data_key = ?1)")                   \
    X(SQ_HASH_KEYS_SET, "UPDATE store SET hash_data_key = ?1, audit = ?2, bucket = ?3")            \
    X(SQ_LOOK_USER, "SELECT " SQ_USER_COLUMNS ", s.floor_s, s.moved, b.name IS NOT NULL "          \
                    "FROM store s LEFT JOIN user u ON u.name = ?1 "                                \
                    "LEFT JOIN user_key k ON k.user = u.id "                                       \
                    "LEFT JOIN break_glass b ON b.name = ?1")                                      \
    X(SQ_LOOK_SUBJECT, "SELECT s.slot, s.failures, s.touched_ms, a.subject IS NOT NULL, "          \
                       "a.failures, a.last_failure_ms, a.last_success_ms FROM subject s "          \
                       "LEFT JOIN address a ON a.subject = s.id AND a.address = ?2 "               \
                       "WHERE s.id = ?1")                                                          \
    X(SQ_USER_FIND, "SELECT " SQ_USER_COLUMNS " FROM user u "                                      \
                    "LEFT JOIN user_key k ON k.user = u.id WHERE u.name = ?1")                     \
    X(SQ_USER_PAGE, "SELECT " SQ_USER_COLUMNS " FROM user u "                                      \
                    "LEFT JOIN user_key k ON k.user = u.id WHERE u.id > ?1 ORDER BY u.id LIMIT ?2") \
    X(SQ_USER_SCAN, "SELECT u.name, u.locked_s, count(*) FILTER (WHERE t.state = 0), "             \
                    "count(*) FILTER (WHERE t.state = 1), count(*) FILTER (WHERE t.state = 2), "   \
                    "(SELECT count(*) FROM recovery_code c WHERE c.user = u.id AND c.used_s = 0) " \
                    "FROM user u LEFT JOIN token t ON t.user = u.id GROUP BY u.name")              \
    X(SQ_USER_ADD, "INSERT INTO user (id, name, floor_s, locked_s, lock_reason) "                  \
                   "VALUES (?1, ?2, ?3, ?4, ?5)")                                                  \
    X(SQ_USER_KEY_PUT, "INSERT OR REPLACE INTO user_key (user, data_key, sealed) "                 \
                       "VALUES (?1, ?2, ?3)")                                                      \
    X(SQ_USER_KEY_REMOVE, "DELETE FROM user_key WHERE user = ?1")                                  \
    X(SQ_USER_RAISE_FLOOR, "UPDATE user SET floor_s = ?2 WHERE id = ?1 AND floor_s < ?2")          \
    X(SQ_USER_SET_LOCK, "UPDATE user SET locked_s = ?2, lock_reason = ?3 WHERE id = ?1")           \
    X(SQ_USER_RENAME, "UPDATE OR IGNORE user SET name = ?2 WHERE id = ?1")                         \
    X(SQ_USER_REMOVE, "DELETE FROM user WHERE id = ?1")                                            \
    X(SQ_USER_TOKENS_REMOVE, "DELETE FROM token WHERE user = ?1")                                  \
    X(SQ_COUNT_USERS, "SELECT count(*), count(*) FILTER (WHERE locked_s <> 0), "                   \
                      "(SELECT count(*) FROM subject WHERE length(id) > 2 AND failures >= ?1), "   \
                      "(SELECT count(*) FROM subject WHERE failures > 0), "                        \
                      "(SELECT count(*) FROM data_key), "                                          \
                      "(SELECT count(*) FROM recovery), "                                          \
                      "(SELECT count(*) FROM recovery_code WHERE used_s = 0) FROM user")           \
    X(SQ_COUNT_TOKENS, "SELECT count(*) FILTER (WHERE state = 0), "                                \
                       "count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2), "    \
                       "count(*) FILTER (WHERE kind = 1), "                                        \
                       "count(*) FILTER (WHERE state = 1 AND "                                     \
                       "max(last_used_s, confirmed_s, created_s) < ?1), "                          \
                       "count(*) FILTER (WHERE state = 0 AND expires_s <> 0 AND "                  \
                       "expires_s <= ?2) FROM token")                                              \
    X(SQ_TOKEN_LIST, "SELECT " SQ_TOKEN_COLUMNS " FROM token t WHERE user = ?1 "                   \
                     "ORDER BY name LIMIT 9")                                                      \
    X(SQ_TOKEN_SCAN, "SELECT " SQ_TOKEN_COLUMNS ", u.name FROM user u JOIN token t "               \
                     "ON t.user = u.id ORDER BY u.name, t.name")                                   \
    X(SQ_TOKEN_PAGE, "SELECT " SQ_TOKEN_COLUMNS " FROM token t WHERE id > ?1 ORDER BY id LIMIT ?2") \
    X(SQ_TOKEN_ADD, "INSERT INTO token (id, user, name, state, algorithm, digits, period, "        \
                    "created_s, confirmed_s, last_used_s, last_address, last_step, version, "      \
                    "secret, kind, clock_offset, drift, synced_s, expires_s) VALUES (?1, ?2, ?3, " \
                    "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)")   \
    X(SQ_ANY_TOKEN, "SELECT 1 FROM token UNION ALL SELECT 1 FROM recovery LIMIT 1")                \
    X(SQ_USED_SINCE, "SELECT max(last_used_s) FROM token HAVING max(last_used_s) >= ?1")           \
    X(SQ_ACCEPTED, "SELECT last_step FROM token WHERE id = ?1 "                                    \
                   "UNION ALL SELECT used_s FROM recovery_code WHERE id = ?1 "                     \
                   "UNION ALL SELECT changes FROM store WHERE ?1 = 0")                             \
    X(SQ_COUNT_CHANGE, "UPDATE store SET changes = max(changes, ?1) + 1 RETURNING changes")        \
    X(SQ_TOKEN_REMOVE, "DELETE FROM token WHERE id = ?1")                                          \
    X(SQ_TOKEN_BURN, "UPDATE token SET last_step = ?2, last_used_s = ?3, last_address = ?4, "      \
                     "drift = ?5 WHERE id = ?1 AND last_step < ?2 AND state = 1")                  \
    X(SQ_TOKEN_BURN_FIRST, "UPDATE token SET last_step = ?2, last_used_s = ?3, "                   \
                           "last_address = ?4, drift = ?5, state = 1, confirmed_s = ?3, "          \
                           "synced_s = ?3, expires_s = 0 "                                         \
                           "WHERE id = ?1 AND last_step < ?2 AND state = 0")                       \
    X(SQ_TOKEN_RESTORE, "UPDATE token SET last_step = ?3 WHERE id = ?1 AND last_step = ?2")        \
    X(SQ_TOKEN_ACTIVATE, "UPDATE token SET state = 1, last_step = ?2, confirmed_s = ?3, "          \
                         "synced_s = ?3, expires_s = 0 "                                           \
                         "WHERE id = ?1 AND last_step < ?2 AND state = 0")                         \
    X(SQ_TOKEN_SET_STATE, "UPDATE token SET state = ?3 WHERE id = ?1 AND state = ?2")              \
    X(SQ_TOKEN_RENAME, "UPDATE OR IGNORE token SET name = ?2 WHERE id = ?1")                       \
    X(SQ_TOKEN_RESYNC, "UPDATE token SET last_step = ?2, clock_offset = ?3, drift = 0, "           \
                       "synced_s = ?4 WHERE id = ?1 AND last_step < ?2")                           \
    X(SQ_TOKEN_RESEAL, "UPDATE token SET version = ?2, secret = ?3 "                               \
                       "WHERE id = ?1 AND version = ?2 - 1")                                       \
    X(SQ_RECOVERY_FIND, "SELECT salt, iterations, created_s FROM recovery WHERE user = ?1")        \
    X(SQ_RECOVERY_PAGE, "SELECT salt, iterations, created_s, user FROM recovery WHERE user > ?1 "  \
                        "ORDER BY user LIMIT ?2")                                                  \
    X(SQ_RECOVERY_CODES, "SELECT id, hash, used_s FROM recovery_code WHERE user = ?1 "             \
                         "ORDER BY id LIMIT 21")                                                   \
    X(SQ_RECOVERY_ADD, "INSERT INTO recovery (user, salt, iterations, created_s) "                 \
                       "VALUES (?1, ?2, ?3, ?4)")                                                  \
    X(SQ_RECOVERY_CODE_ADD, "INSERT INTO recovery_code (id, user, hash, used_s) "                  \
                            "VALUES (?1, ?2, ?3, ?4)")                                             \
    X(SQ_RECOVERY_REMOVE, "DELETE FROM recovery WHERE user = ?1")                                  \
    X(SQ_RECOVERY_BURN, "UPDATE recovery_code SET used_s = ?2 WHERE id = ?1 AND used_s = 0")       \
    X(SQ_RECOVERY_RESTORE, "UPDATE recovery_code SET used_s = 0 WHERE id = ?1 AND used_s = ?2")    \
    X(SQ_BREAK_GLASS_FIND, "SELECT " SQ_BREAK_GLASS_COLUMNS " FROM break_glass WHERE name = ?1")   \
    X(SQ_BREAK_GLASS_SCAN, "SELECT " SQ_BREAK_GLASS_COLUMNS " FROM break_glass ORDER BY name")     \
    X(SQ_BREAK_GLASS_PUT, "INSERT OR REPLACE INTO break_glass (" SQ_BREAK_GLASS_COLUMNS ") "       \
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                               \
    X(SQ_BREAK_GLASS_REMOVE, "DELETE FROM break_glass WHERE name = ?1")                            \
    X(SQ_FAILURE_WHO, "INSERT INTO subject (id, slot, failures, touched_ms) "                      \
                      "VALUES (?1, ?2, 1, ?3) ON CONFLICT (id) DO UPDATE SET failures = "          \
                      "CASE WHEN ?4 > 0 AND (touched_ms > ?3 OR ?3 - touched_ms > ?4) THEN 1 "     \
                      "ELSE min(failures + 1, " SQ_MOST_FAILURES ") END, touched_ms = ?3")         \
    X(SQ_FAILURE_FROM, "INSERT INTO address (subject, address, failures, last_failure_ms, "        \
                       "last_success_ms) VALUES (?1, ?2, 1, ?3, 0) "                               \
                       "ON CONFLICT (subject, address) DO UPDATE SET "                             \
                       "failures = min(failures + 1, " SQ_MOST_FAILURES "), last_failure_ms = ?3") \
    X(SQ_SUCCESS_WHO, "INSERT INTO subject (id, slot, failures, touched_ms) "                      \
                      "VALUES (?1, NULL, 0, ?3) ON CONFLICT (id) DO UPDATE SET slot = NULL, "      \
                      "failures = max(0, subject.failures - coalesce((SELECT a.failures "          \
                      "FROM address a WHERE a.subject = ?1 AND a.address = ?2), 0)), "             \
                      "touched_ms = ?3")                                                           \
    X(SQ_SUCCESS_FROM, "INSERT INTO address (subject, address, failures, last_failure_ms, "        \
                       "last_success_ms) VALUES (?1, ?2, 0, 0, ?4) "                               \
                       "ON CONFLICT (subject, address) DO UPDATE SET failures = 0, "               \
                       "last_success_ms = CASE WHEN ?3 THEN ?4 ELSE last_success_ms END")          \
    X(SQ_SUBJECT_FIND, "SELECT slot, failures, touched_ms FROM subject WHERE id = ?1")             \
    X(SQ_SUBJECT_EVICT, "DELETE FROM subject WHERE slot = ?1 AND id <> ?2")                        \
    X(SQ_SUBJECT_DISLODGE, "UPDATE subject SET slot = NULL WHERE slot = ?1 AND id <> ?2")          \
    X(SQ_SUBJECT_PUT, "INSERT INTO subject (id, slot, failures, touched_ms) "                      \
                      "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET "                    \
                      "slot = ?2, failures = ?3, touched_ms = ?4")                                 \
    X(SQ_SUBJECT_PAGE, "SELECT slot, failures, touched_ms, id FROM subject WHERE id > ?1 "          \
                       "ORDER BY id LIMIT ?2")                                                     \
    X(SQ_SUBJECT_REMOVE, "DELETE FROM subject WHERE id = ?1")                                      \
    X(SQ_ADDRESS_FIND, "SELECT failures, last_failure_ms, last_success_ms FROM address "           \
                       "WHERE subject = ?1 AND address = ?2")                                      \
    X(SQ_ADDRESS_LIST, "SELECT failures, last_failure_ms, last_success_ms, address "               \
                       "FROM address WHERE subject = ?1 LIMIT 256")                                \
    X(SQ_ADDRESS_PAGE, "SELECT failures, last_failure_ms, last_success_ms, address, subject "      \
                       "FROM address WHERE (subject, address) > (?1, ?2) "                         \
                       "ORDER BY subject, address LIMIT ?3")                                       \
    X(SQ_ADDRESS_PUT, "INSERT INTO address (subject, address, failures, last_failure_ms, "         \
                      "last_success_ms) VALUES (?1, ?2, ?3, ?4, ?5) "                              \
                      "ON CONFLICT (subject, address) DO UPDATE SET "                              \
                      "failures = ?3, last_failure_ms = ?4, last_success_ms = ?5")                 \
    X(SQ_ADDRESS_REMOVE, "DELETE FROM address WHERE subject = ?1 AND address = ?2")                \
    X(SQ_ADDRESS_FORGIVE, "UPDATE address SET failures = 0 WHERE subject = ?1")
/* clang-format on */

enum sq_statement {
#define SQ_CONSTANT(name, text) name,
    SQ_TABLE(SQ_CONSTANT)
#undef SQ_CONSTANT
        SQ_COUNT
};

#endif
