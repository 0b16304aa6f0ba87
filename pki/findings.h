/*
 * findings.h - what is not as it should be: of `check`, of `adopt`, in the metrics.
 */
#ifndef PGSIGNET_PKI_FINDINGS_H
#define PGSIGNET_PKI_FINDINGS_H

#include <glib.h>
#include <jansson.h>

/* Each has its row in findings.c: a word, what it means, what to do. */
enum finding {
    FINDING_EXPIRING,
    FINDING_EXPIRED,
    FINDING_CA_EXPIRING,
    FINDING_CRL_NEAR_END,
    FINDING_CRL_MISSING,
    FINDING_MODES,
    FINDING_KEY_MISMATCH,
    FINDING_KEY_AWAY,
    FINDING_SERVED_DIFFERS,
    FINDING_SERVER_SILENT,
    FINDING_SERVER_REFUSES,
    FINDING_NO_ROLE,
    FINDING_SAN_IS_ROLE,
    FINDING_OUTLIVES_CA,
    FINDING_LEDGER,
    FINDING_HALF_DONE,
    FINDING_CLOCK,
    FINDING_FILE_DIFFERS,
    FINDING_CRL_NOT_PUBLISHED,
    /* of what was adopted */
    FINDING_NO_EKU,
    FINDING_SHARED_KEY,
    FINDING_LONG_LEAF,
    FINDING_CA_KEY_USAGE,
    FINDING_SUB_CA,
    FINDING_LINT,
    FINDINGS
};
struct finding_row {
    const char *word;   /* "expiring" */
    const char *advice; /* a sentence */
};
extern const struct finding_row finding_rows[FINDINGS];

struct findings {
    GPtrArray *at; /* owned: of struct { enum finding; char *object; char *text; } */
};
struct finding_entry {
    enum finding finding;
    char *object; /* owned: file, name, server */
    char *text;   /* owned: what was found */
};
void findings_init(struct findings *findings);
void findings_clear(struct findings *findings);
void findings_add(struct findings *findings, enum finding finding, const char *object,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* As a table with advice below, or as JSON. */
void findings_print(const struct findings *findings);
json_t *findings_json(const struct findings *findings);

#endif
