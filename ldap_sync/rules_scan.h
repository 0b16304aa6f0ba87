/*
 * rules_scan.h - inside of rules.h: one reading of the directory, and the steps it takes in turn.
 *
 *   prepare   the rules' templates, and which attributes they need
 *   groups    one search for each (base, scope, filter, members), then AD's further ranges
 *   members   what these groups hold beside persons: nested groups, AD's in-chain rule, memberURL
 *   edges     who is in which rule by which group
 *   people    one search for everybody's entry, where some rule needs entries
 *   roles     names, options and grants, and what the guards say
 *   unseen    what may be a group that is out of sight
 *
 * A step returns REASON_GRANTED also where an answer was not whole: that is a finding (INCOMPLETE),
 * and the others are read all the same, so that an operator sees all of them at once.
 */
#ifndef PGSIGNET_SYNC_RULES_SCAN_H
#define PGSIGNET_SYNC_RULES_SCAN_H

#include "common/directory_entry.h"
#include "common/directory_link.h"
#include "ldap_sync/rules.h"
#include "ldap_sync/rules_persons.h"
#include "ldap_sync/template.h"

/* How a group's members are found: enum settings_sync_members, and: */
#define MEMBERS_IN_CHAIN (SYNC_MEMBER_URL + 1) /* AD follows nested groups */
#define MEMBERS_NESTED   (SYNC_MEMBER_URL + 2) /* we do: member and uniqueMember */

struct rule {
    const struct settings_sync_rule *settings;
    unsigned number; /* its place in sync.rules, from 1 */
    int members;
    bool needs_entry; /* templates read it, or memberUid names it; see rule_needs_entry */
    struct template *role, *limit, *until, *comment; /* owned; NULL where nothing is said */
    GPtrArray *set_names;                            /* of names: the settings, in order of bytes */
    GPtrArray *set_values;                           /* struct template, owned, in the same order */
    bool names_by_group;                             /* `role` reads the group */
    bool fixed_options; /* no template among the options reads anything */
    int64_t rows[2];    /* in wanted.options: made last, without and with the default setting; -1 */
    GPtrArray *grants;  /* of names: governed roles, in order of bytes, each once */
    guint search;       /* place in scan.searches */
    size_t given;       /* persons that became roles by it */
};

/* One search for groups (or, with memberOf, for people); rules that say the same share it. */
struct group_search {
    const struct rule *rule; /* the first that says it */
    GArray *found;           /* guint: places in scan.groups; with memberOf of persons */
    bool whole;
};

struct group {
    const char *dn;      /* as the server wrote it; of wanted.names */
    const char **values; /* owned: of group_attributes; NULL = none, or one with NUL */
    GArray *list;        /* uint32_t: places of persons, some of them groups themselves */
    GPtrArray *urls;     /* owned texts: memberURL; else NULL */
    char *range;         /* owned: "member;range=1500-*" is still to be asked for; NULL = whole */
    int64_t range_from;
    uint32_t person; /* its DN's place */
    int members;
    bool read;
    guint walk; /* the last walk that passed it */
    guint from; /* ... and which group led there: place + 1; 0 = it was the first */
};

/* Why a person is in; his edges are a list, in the order of sources. */
struct edge {
    uint32_t next;   /* place + 1; 0 = the last */
    uint32_t source; /* place in wanted.sources */
};

/* People's attributes that the scan itself looks at; those of templates follow. */
enum entry_slot {
    ENTRY_CONTROL,
    ENTRY_EXPIRES,
    ENTRY_NS_LOCK,
    ENTRY_SHADOW,
    ENTRY_PWD_LOCKED,
    ENTRY_UID,
    ENTRY_PRIMARY,
    ENTRY_SLOTS
};
#define ENTRY_ATTRIBUTES_MAX 64

/* An entry while its message is there: nothing is copied, nothing ends in NUL. */
struct entry {
    struct berval dn;
    struct berval *values[ENTRY_ATTRIBUTES_MAX]; /* by place in entry_attributes; NULL = none */
    unsigned n[ENTRY_ATTRIBUTES_MAX];
};

struct scan {
    const struct rules_request *request;
    const struct settings_ldap *ldap;
    const struct settings_sync *sync;
    struct directory *directory;
    struct directory **others; /* by place in ldap.uris: for references; NULL until needed */
    struct settings_ldap *other_settings;
    struct wanted *wanted;
    GArray *rules;               /* struct rule */
    GArray *searches;            /* struct group_search */
    GPtrArray *group_attributes; /* for templates; not owned */
    GPtrArray *entry_attributes; /* not owned; the first are those of enum entry_slot */
    struct persons persons;
    GPtrArray *groups;     /* struct group, owned */
    GHashTable *group_of;  /* person and members -> place in groups + 1 */
    GArray *edges;         /* struct edge */
    GArray *source_groups; /* guint for each of wanted.sources: place in groups + 1; 0 = none */
    guint walks;
    bool groups_have_sid;  /* it is an AD */
    char *root_context;    /* owned: the AD's defaultNamingContext, once asked for */
    struct naming *naming; /* of rules_roles.c */
};

static inline struct rule *scan_rule(const struct scan *scan, guint i)
{
    return &g_array_index(scan->rules, struct rule, i);
}

static inline struct group *scan_group(const struct scan *scan, guint i)
{
    return g_ptr_array_index(scan->groups, i);
}

static inline struct edge *scan_edge(const struct scan *scan, uint32_t i)
{
    return &g_array_index(scan->edges, struct edge, i);
}

/* --- rules_prepare.c --- */

/* Parses the rules.  False with a sentence in why. */
bool scan_prepare(struct scan *scan, char *why, size_t size);
void scan_forget_rules(struct scan *scan);
int rules_scope(int64_t scope); /* enum settings_sync_scope as LDAP_SCOPE_* */

/* AD leaves disabled accounts in their groups, and its primary group is found by entries alone. */
bool rule_needs_entry(const struct scan *scan, const struct rule *rule);

/* --- rules_search.c --- */

/* One search in pages, run again from its beginning when a connection is lost. */
struct rules_search {
    const char *what; /* "searching groups": for messages */
    unsigned rule;    /* for messages; 0 = none */
    const char *base;
    int scope;
    const char *filter;
    const char *const *attributes;
    void (*begin)(void *context); /* a try begins: an earlier one does not count; may be NULL */
    bool (*each)(LDAP *ld, LDAPMessage *entry, void *context); /* as ldapc_search */
    void *context;
    bool lenient;   /* what the server refuses is no finding */
    bool whole;     /* set: nothing is missing; if something is, there is a finding */
    size_t entries; /* set: how many each was given */
};

enum reason scan_search(struct scan *scan, struct rules_search *search);

/* Adds a finding.  name may be NULL; both texts are copied. */
void scan_finding(struct scan *scan, enum sync_guard guard, const char *name, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* The place in ldap.uris of the server that an LDAP URL names, or -1. */
int scan_server(const struct scan *scan, const char *url);

/* --- rules_groups.c --- */

void scan_init_groups(struct scan *scan);

/* Runs the rules' searches, then asks for what ranges left out. */
enum reason scan_groups(struct scan *scan);

/* Reads entries as groups: context of group_read_entry and group_read_begin. */
struct group_read {
    struct scan *scan;
    int members;
    GArray *found;    /* guint, gets their places; may be NULL */
    GHashTable *only; /* of places of persons + 1: others are passed over; NULL = all */
};
bool group_read_entry(LDAP *ld, LDAPMessage *entry, void *context);
void group_read_begin(void *context);

/* The attributes that are read, NULL at the end; the caller frees the array alone (g_free). */
const char **group_attributes(const struct scan *scan, int members);

/* In group.values: the attribute has several. */
extern const char group_several[];

/* Asks for the rest of groups that came in ranges, from that place in scan.groups on. */
enum reason scan_ranges(struct scan *scan, guint from);

/* The place + 1 of that person's group, or 0. */
guint group_find(const struct scan *scan, uint32_t person, int members);

void group_add(struct group *group, const struct person *person); /* NULL is nobody */

/* Those whose primary group it is: values of objectSid. */
void group_add_primary(struct scan *scan, struct group *group, const struct berval *values);

/* "0-1499" or "1500-*" (*to is -1). */
bool group_parse_range(const char *text, size_t len, int64_t *from, int64_t *to);

/* --- rules_nested.c, rules_chain.c, rules_urls.c: what groups hold beside persons --- */

enum reason scan_nested(struct scan *scan);
enum reason scan_in_chain(struct scan *scan);
enum reason scan_urls(struct scan *scan);

extern const char nested_group_filter[];

/* Appends (cn=NAME) by the first RDN: an entry has the values that its name is made of. */
void nested_append_rdn(GString *filter, const struct person *person);

/* --- rules_edges.c --- */

void scan_edges(struct scan *scan);

/*
 * Passes the rule's group and, if it is nested, those in it, each once; each group's `from` tells
 * the way. visit may be NULL.
 */
typedef void edges_visit(struct scan *scan, struct group *group, void *context);
void edges_walk(struct scan *scan, const struct rule *rule, guint place, edges_visit *visit,
                void *context);

/* --- rules_people.c --- */

/* The searches of memberOf rules. */
enum reason scan_member_of(struct scan *scan);

/* Everybody's entry, if a rule needs them; gives those that are in their roles. */
enum reason scan_people(struct scan *scan);

/* --- rules_roles.c --- */

void scan_init_roles(struct scan *scan);
void scan_free_roles(struct scan *scan);

/* What the edges of n persons, who are one entry, give; entry may be NULL where it was not read. */
void roles_give(struct scan *scan, struct person *const *persons, size_t n,
                const struct entry *entry);

/* Those that no entry was needed for, the static rules, the guards. */
void scan_roles(struct scan *scan);

/* --- rules_unseen.c --- */

/*
 * Members of nested groups that are neither a person nor a group as far as was seen: what they are.
 * After scan_roles.
 */
enum reason scan_unseen(struct scan *scan);

/* --- rules_values.c --- */

/* What templates are filled with. */
struct values {
    const struct scan *scan;
    const struct entry *entry;   /* NULL = not read */
    const struct person *person; /* NULL with an entry */
    const struct group *group;   /* NULL = none */
    char *owned;                 /* the last value of a DN */
    const char *several; /* an attribute that was asked for and has several values; or NULL */
};
bool values_get(void *context, enum template_from from, const char *attribute, const char **value,
                size_t *len);
void values_clear(struct values *values);

/* --- rules_options.c --- */

/*
 * The row of wanted.options for one role by one rule.  default_set: of dbrole_admin.  False with a
 * sentence in why when a value is there and cannot be used.
 */
bool options_row(struct scan *scan, struct rule *rule, struct values *values, bool default_set,
                 uint32_t *row, char *why, size_t size);

/* FILETIME, GeneralizedTime, a day (its end), infinity.  Pure. */
bool options_until(const char *text, size_t len, int64_t *out);

/* --- rules_trace.c --- */

static inline bool tracing(const struct scan *scan)
{
    return scan->request->trace != NULL;
}

/* A line for `explain`. */
void trace_line(struct scan *scan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Why one entry or member gives the traced name nothing, or what. */
void trace_edges(struct scan *scan, struct person *const *persons, size_t n,
                 const struct entry *entry, const char *why_not);
void trace_entry(struct scan *scan, const struct entry *entry); /* that is in no group */
void trace_rest(struct scan *scan); /* at the end: who has no entry, static rules, guards */

#endif
