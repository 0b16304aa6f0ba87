/*
 * ledger_statements.h - the ledger's SQL: one row a statement.  Prepared when first used.
 *
 * LQ_LIVE is live for the rules: a certificate on hold can come back, and one that is being made will be there.
 */
#ifndef PGSIGNET_PKI_LEDGER_STATEMENTS_H
#define PGSIGNET_PKI_LEDGER_STATEMENTS_H

/* clang-format off */

/* The order that ledger_read_row reads; a DER, or NULL, follows. */
#define LQ_ROW                                                                                     \
    "c.id, c.authority, c.kind, c.state, c.serial, c.name, c.sans, c.not_before, c.not_after, "    \
    "c.key_id, c.fingerprint, c.path, c.has_key, c.replaces, c.replaced_by, c.created_s, "         \
    "c.revoked_s, c.reason, c.adopted, c.process"
#define LQ_BARE  "SELECT " LQ_ROW ", NULL FROM certificate c "
#define LQ_WHOLE "SELECT " LQ_ROW ", b.der FROM certificate c LEFT JOIN body b ON b.certificate = c.id "
/* ?2 is now. */
#define LQ_LIVE  "c.state <> 2 AND (c.revoked_s = 0 OR c.reason = 6) AND c.not_after > ?2 "
/* Those that the row ?3 stands in line with. */
#define LQ_LINE                                                                                    \
    "(WITH RECURSIVE line (id) AS (SELECT ifnull(?3, 0) UNION SELECT p.replaces FROM certificate p "          \
    "JOIN line ON p.id = line.id WHERE p.replaces IS NOT NULL) SELECT id FROM line) "

#define LQ_TABLE(X)                                                                                \
    X(LQ_BEGIN, "BEGIN IMMEDIATE")                                                                 \
    X(LQ_BEGIN_READ, "BEGIN")                                                                      \
    X(LQ_COMMIT, "COMMIT")                                                                         \
    X(LQ_ROLLBACK, "ROLLBACK")                                                                     \
    X(LQ_MARK, "SAVEPOINT step")                                                                   \
    X(LQ_MARK_KEEP, "RELEASE step")                                                                \
    X(LQ_MARK_UNDO, "ROLLBACK TO step")                                                            \
    X(LQ_AUTHORITY_ADD,                                                                            \
      "INSERT INTO authority (purpose, generation, state, parent, file, key, key_id, der, "        \
      "not_before, not_after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")                   \
    X(LQ_AUTHORITY_STATE, "UPDATE authority SET state = ?2 WHERE id = ?1")                         \
    X(LQ_AUTHORITY_LIST,                                                                           \
      "SELECT id, purpose, generation, state, parent, file, key, der, not_before, not_after, "     \
      "crl_number, crl_this_s, crl_next_s FROM authority ORDER BY id")                             \
    X(LQ_AUTHORITY_BRIEF, "SELECT purpose, state, not_before, file FROM authority WHERE id = ?1")  \
    X(LQ_AUTHORITY_KEY, "SELECT file FROM authority WHERE key_id = ?1")                            \
    X(LQ_ROW_ADD,                                                                                  \
      "INSERT INTO certificate (authority, kind, state, serial, name, folded, sans, not_before, "  \
      "not_after, key_id, fingerprint, path, has_key, replaces, created_s, revoked_s, reason, "    \
      "adopted, process) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "    \
      "?15, ?16, ?17, ?18, ?19)")                                                                  \
    X(LQ_HOST_ADD, "INSERT OR IGNORE INTO host (name, certificate) VALUES (?1, ?2)")               \
    X(LQ_BODY_ADD, "INSERT INTO body (certificate, der) VALUES (?1, ?2)")                          \
    X(LQ_ROW_DONE,                                                                                 \
      "UPDATE certificate SET state = 1, fingerprint = ?2, process = '' "                          \
      "WHERE id = ?1 AND state = 0")                                                               \
    X(LQ_ROW_ABANDON,                                                                              \
      "UPDATE certificate SET state = 2, process = '' WHERE id = ?1 AND state = 0")                \
    X(LQ_ROW_REPLACED, "UPDATE certificate SET replaced_by = ?2 WHERE id = ?1")                    \
    X(LQ_ROW_REVOKE, "UPDATE certificate SET revoked_s = ?2, reason = ?3 WHERE id = ?1")           \
    X(LQ_LEFT_OVER, LQ_BARE "INDEXED BY certificate_reserved WHERE c.state = 0 ORDER BY c.id")     \
    X(LQ_BY_ID, LQ_WHOLE "WHERE c.id = ?1")                                                        \
    X(LQ_BY_SERIAL, LQ_WHOLE "WHERE c.serial = ?1 ORDER BY c.id")                                  \
    X(LQ_BY_FINGERPRINT, LQ_WHOLE "WHERE c.fingerprint = ?1")                                      \
    X(LQ_NEWEST,                                                                                   \
      "SELECT created_s FROM certificate WHERE id > ifnull((SELECT CAST(value AS INTEGER) "        \
      "FROM word WHERE key = 'clock.rows'), 0) ORDER BY id DESC LIMIT 1")                          \
    X(LQ_LAST_ROW, "SELECT max(id) FROM certificate")                                              \
    X(LQ_LAST_CRL, "SELECT max(crl_this_s) FROM authority")                                        \
    X(LQ_SAME_ROLE,                                                                                \
      LQ_BARE "WHERE c.folded = ?1 AND +c.kind = 1 AND " LQ_LIVE "AND c.id NOT IN " LQ_LINE)        \
    X(LQ_SAME_PATH,                                                                                \
      LQ_BARE "WHERE c.path = ?1 AND c.path <> '' AND " LQ_LIVE                                    \
              "AND c.replaced_by IS NULL AND c.id IS NOT ?3")                                      \
    X(LQ_SAME_KEY, LQ_BARE "WHERE c.key_id = ?1 AND c.state <> 2 ORDER BY c.id")                   \
    X(LQ_IN_LINE, "SELECT ?1 IN " LQ_LINE)                                                         \
    X(LQ_CLIENT, LQ_BARE "WHERE c.folded = ?1 AND +c.kind = 1 AND " LQ_LIVE)                        \
    X(LQ_CLIENTS,                                                                                  \
      "SELECT c.id, c.folded FROM certificate c INDEXED BY certificate_client "                    \
      "WHERE c.kind = 1 AND " LQ_LIVE)                                                             \
    X(LQ_HOST,                                                                                     \
      LQ_BARE "JOIN host h ON h.certificate = c.id WHERE h.name = ?1 AND c.kind <> 1 AND " LQ_LIVE) \
    X(LQ_CLIENT_HOST,                                                                              \
      LQ_BARE "JOIN host h ON h.certificate = c.id WHERE h.name = ?1 AND +c.kind = 1 "              \
              "AND c.folded <> ?1 AND " LQ_LIVE "AND c.id NOT IN " LQ_LINE)                         \
    X(LQ_COUNT_ROWS,                                                                               \
      "SELECT kind, state, revoked_s > 0, not_after > ?1, count(*), "                              \
      "min(CASE WHEN replaced_by IS NULL THEN not_after END) "                                     \
      "FROM certificate INDEXED BY certificate_kind GROUP BY 1, 2, 3, 4")                          \
    X(LQ_REVOKED,                                                                                  \
      "SELECT c.serial, c.revoked_s, c.reason FROM certificate c INDEXED BY certificate_revoked "  \
      "WHERE c.authority = ?1 AND c.revoked_s > 0 "                                                \
      "AND c.not_after >= (SELECT crl_before_s FROM authority WHERE id = ?1) "                     \
      "ORDER BY length(c.serial), c.serial")                                                       \
    X(LQ_CRL, "SELECT crl_number, crl_this_s, file FROM authority WHERE id = ?1")                  \
    X(LQ_CRL_NEXT,                                                                                 \
      "UPDATE authority SET crl_number = ?2, crl_before_s = crl_this_s, crl_this_s = ?3, "         \
      "crl_next_s = ?4 WHERE id = ?1")                                                             \
    X(LQ_CRL_BACK,                                                                                 \
      "UPDATE authority SET crl_this_s = iif(crl_this_s > ?1, ?2, crl_this_s), "                   \
      "crl_before_s = iif(crl_before_s > ?1, ?2, crl_before_s)")                                   \
    X(LQ_CRL_PASS_OVER, "UPDATE authority SET crl_number = crl_number + ?1")                       \
    X(LQ_WORD, "SELECT value FROM word WHERE key = ?1")                                            \
    X(LQ_WORD_SET, "INSERT OR REPLACE INTO word (key, value) VALUES (?1, ?2)")                     \
    X(LQ_WORD_REMOVE, "DELETE FROM word WHERE key = ?1")                                           \
    X(LQ_HEAD, "SELECT seq, time_s, hash FROM event ORDER BY seq DESC LIMIT 1")                    \
    X(LQ_EVENT_ADD, "INSERT INTO event (seq, time_s, line, hash) VALUES (?1, ?2, ?3, ?4)")         \
    X(LQ_EVENT_HASH, "SELECT hash FROM event WHERE seq = ?1")                                      \
    X(LQ_EVENTS, "SELECT seq, line, hash, time_s FROM event WHERE seq >= ?1 ORDER BY seq")
/* clang-format on */

enum lq_statement {
#define LQ_CONSTANT(name, text) name,
    LQ_TABLE(LQ_CONSTANT)
#undef LQ_CONSTANT
        LQ_COUNT
};

#endif
