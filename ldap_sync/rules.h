/*
 * rules.h - reads the directory by the rules of sync.rules: what is wanted.
 *
 * Few searches: one paged search for each different (base, filter) of the rules, one for each level
 * of nested groups (climb: many groups a search) and one more page for each AD range; one paged
 * search for all people, only where some rule needs their entries (names, options, disabled
 * accounts).  Never one per member. A name by {dn.ATTR} costs no search, and then whether the entry
 * exists, or is disabled, is not known: only that its DN is below ldap.user_base.  Where a group
 * has an objectSid (Active Directory) entries are always read, for disabled accounts stay in their
 * groups there, and the primary group is found by them alone.
 *
 * An account that is disabled, expired, or locked for good becomes no role.  One that wrong
 * passwords have locked for a time keeps its role: else anybody could end anybody's sessions.
 */
#ifndef PGSIGNET_SYNC_RULES_H
#define PGSIGNET_SYNC_RULES_H

#include "common/directory.h"
#include "common/settings.h"
#include "ldap_sync/wanted.h"

/* What one reading found out about one person, for `explain`; NULL where nobody asks. */
struct rules_trace {
    const char *role; /* whose name is traced */
    GString *text;    /* lines: each rule, the group and nesting path that gave it, or why not */
};

/* Called now and then during long readings; NULL is allowed. */
typedef void rules_progress(void *context, const char *what, size_t done);

#define RULES_FAULT_MAX 768 /* bytes: a sentence with a path in it */

struct rules_request {
    const struct settings *settings; /* ldap and sync */
    struct directory *directory;     /* NULL is allowed where no rule searches */
    int64_t now_s;
    int64_t deadline_ms; /* CLOCK_MONOTONIC: of the whole reading */
    char *fault;         /* set: what is wrong with the rules; may be NULL */
    size_t fault_size;
    struct rules_trace *trace;
    rules_progress *progress;
    void *progress_context;
};

/*
 * Whether rules_read can use the rules: their templates, and what ldap says.  False with a sentence
 * in why.
 */
bool rules_check(const struct settings *settings, char *why, size_t size);

/*
 * Fills wanted (after wanted_init).  REASON_GRANTED: read, and findings say what may keep it from
 * being used (EMPTY, INCOMPLETE, NAMES).  REASON_RULES_UNUSABLE: not read, and fault says why.
 * REASON_DIRECTORY_UNAVAILABLE, _DEADLINE, _INTERNAL: not read; directory_error says why.
 */
enum reason rules_read(const struct rules_request *request, struct wanted *wanted);

#endif
