#include "config.h"

#include "ldap_sync/notify_listen.h"

#include "common/clock.h"
#include "common/directory_link.h"
#include "common/directory_people.h"
#include "common/ldap_dn.h"
#include "common/ldap_search.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_AD_NOTIFICATION "1.2.840.113556.1.4.528" /* LDAP_SERVER_NOTIFICATION_OID */
#define REFRESH_AND_PERSIST     3
#define ANSWER_MAX              ((size_t)16 * 1024 * 1024) /* bytes of one message: DNs alone */

struct listener {
    const struct settings *settings;
    struct directory *directory;
    enum listener_way way;
    GPtrArray *bases; /* owned texts */
    GArray *searches; /* int: message ids of those that have not ended */
    guint refreshing; /* how many have not yet told all that is there */
    bool persist, ad; /* what the server offers */
    char *root;       /* owned: the AD's defaultNamingContext */
    int code;         /* of a search that ended */
    char error[LDAPC_WHY_MAX];
};

/* --- where --- */

/* Adds a base unless one above it is there; those below it go. */
static void add_base(GPtrArray *bases, const char *base)
{
    char *mine = base != NULL ? ldapc_dn_normalise(base) : NULL;
    bool covered = mine == NULL;

    for (guint i = bases->len; !covered && i > 0; i--) {
        char *its = ldapc_dn_normalise(g_ptr_array_index(bases, i - 1));

        if (its != NULL && ldapc_dn_is_below(mine, its))
            covered = true;
        else if (its != NULL && ldapc_dn_is_below(its, mine))
            g_ptr_array_remove_index_fast(bases, i - 1);
        free(its);
    }
    if (!covered)
        g_ptr_array_add(bases, g_strdup(base));
    free(mine);
}

GPtrArray *listener_bases(const struct settings *settings)
{
    GPtrArray *bases = g_ptr_array_new_with_free_func(g_free);
    char *people, *filter;
    int scope;

    for (size_t i = 0; i < settings->sync.n_rules; i++) {
        const struct settings_sync_rule *rule = &settings->sync.rules[i];

        if (!rule->has_search)
            continue;
        add_base(bases, rule->search.base);
        if (rule->nested != NESTED_NO)
            add_base(bases, settings->ldap.group_base);
    }
    if (bases->len > 0 && directory_people_search(&settings->ldap, &people, &scope, &filter)) {
        add_base(bases, people);
        free(people);
        free(filter);
    }
    return bases;
}

/* --- beginning --- */

static bool read_root(LDAP *ld, LDAPMessage *message, void *context)
{
    struct listener *listener = context;
    struct berval **controls = ldap_get_values_len(ld, message, "supportedControl");
    struct berval **contexts = ldap_get_values_len(ld, message, "defaultNamingContext");

    for (size_t i = 0; controls != NULL && controls[i] != NULL; i++) {
        struct bytes oid = bytes_of(controls[i]->bv_val, controls[i]->bv_len);

        listener->persist = listener->persist || bytes_equal(oid, bytes_str(LDAP_CONTROL_SYNC));
        listener->ad = listener->ad || bytes_equal(oid, bytes_str(CONTROL_AD_NOTIFICATION));
    }
    if (contexts != NULL && contexts[0] != NULL) {
        g_free(listener->root);
        listener->root = g_strndup(contexts[0]->bv_val, contexts[0]->bv_len);
    }
    ldap_value_free_len(controls);
    ldap_value_free_len(contexts);
    return true;
}

static enum ldapc_status ask_root(struct listener *listener, struct ldapc *connection,
                                  int64_t limit_ms, char why[LDAPC_WHY_MAX])
{
    static const char *const attributes[] = {"supportedControl", "defaultNamingContext", NULL};
    const struct ldapc_search search = {.base = "",
                                        .scope = LDAP_SCOPE_BASE,
                                        .filter = "(objectClass=*)",
                                        .attributes = attributes,
                                        .max_entries = 1,
                                        .each = read_root,
                                        .context = listener};
    struct ldapc_search_answer answer;

    listener->persist = listener->ad = false;
    return ldapc_search(connection, &search, limit_ms, &answer, why);
}

/* A search that does not end, with a critical control: a server that does not know it says so. */
static bool send_search(struct listener *listener, LDAP *ld, const char *base)
{
    LDAPControl control = {.ldctl_iscritical = 1}, *controls[] = {&control, NULL};
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    char sync_oid[] = LDAP_CONTROL_SYNC,
         ad_oid[] = CONTROL_AD_NOTIFICATION; /* libldap reads them only */
    char nothing[] = LDAP_NO_ATTRS, *attributes[] = {nothing, NULL};
    int id = -1, code = LDAP_NO_MEMORY;

    if (ber == NULL)
        return false;
    if (listener->way == LISTEN_PERSIST) {
        control.ldctl_oid = sync_oid;
        if (ber_printf(ber, "{e}", (ber_int_t)REFRESH_AND_PERSIST) != -1 &&
            ber_flatten2(ber, &control.ldctl_value, 0) != -1)
            code = LDAP_SUCCESS;
    } else {
        control.ldctl_oid = ad_oid;
        code = LDAP_SUCCESS;
    }
    if (code == LDAP_SUCCESS)
        code = ldap_search_ext(ld, base, LDAP_SCOPE_SUBTREE, "(objectClass=*)", attributes, 0,
                               controls, NULL, NULL, 0, &id);
    ber_free(ber, 1);
    if (code == LDAP_SUCCESS)
        g_array_append_val(listener->searches, id);
    return code == LDAP_SUCCESS;
}

/* --- messages --- */

/* syncInfoValue (RFC 4533 2.5): whether it ends the refresh. */
static bool ends_refresh(const struct berval *info, bool *ids)
{
    struct berval copy = *info, cookie;
    BerElement *ber = ber_init(&copy);
    ber_int_t done = 1; /* DEFAULT TRUE */
    ber_len_t len;
    ber_tag_t tag;

    if (ber == NULL)
        return false;
    tag = ber_peek_tag(ber, &len);
    *ids = tag == LDAP_TAG_SYNC_ID_SET;
    if (tag == LDAP_TAG_SYNC_REFRESH_DELETE || tag == LDAP_TAG_SYNC_REFRESH_PRESENT) {
        ber_scanf(ber, "{");
        if (ber_peek_tag(ber, &len) == LDAP_TAG_SYNC_COOKIE)
            ber_scanf(ber, "m", &cookie);
        if (ber_peek_tag(ber, &len) == LDAP_TAG_REFRESHDONE)
            ber_scanf(ber, "b", &done);
    } else {
        done = 0;
    }
    ber_free(ber, 1);
    return done != 0;
}

static enum listener_heard take_info(struct listener *listener, LDAP *ld, LDAPMessage *message)
{
    struct berval *data = NULL;
    char *oid = NULL;
    bool ids = false;

    if (ldap_parse_intermediate(ld, message, &oid, &data, NULL, 0) == LDAP_SUCCESS && oid != NULL &&
        strcmp(oid, LDAP_SYNC_INFO) == 0 && data != NULL && ends_refresh(data, &ids) &&
        listener->refreshing > 0)
        listener->refreshing--;
    ldap_memfree(oid);
    ber_bvfree(data);
    return ids && listener->refreshing == 0 ? HEARD_CHANGE : HEARD_NOTHING;
}

static enum listener_heard take(struct listener *listener, LDAP *ld, LDAPMessage *message)
{
    char *diagnostic = NULL;

    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        return listener->refreshing == 0 ? HEARD_CHANGE : HEARD_NOTHING;
    case LDAP_RES_INTERMEDIATE:
        return take_info(listener, ld, message);
    case LDAP_RES_SEARCH_RESULT:
        if (ldap_parse_result(ld, message, &listener->code, NULL, &diagnostic, NULL, NULL, 0) !=
            LDAP_SUCCESS)
            listener->code = LDAP_OTHER;
        g_snprintf(listener->error, sizeof listener->error, "the server ended it: %s (%s)",
                   ldap_err2string(listener->code),
                   diagnostic != NULL && *diagnostic != '\0' ? diagnostic : "no details");
        ldap_memfree(diagnostic);
        return HEARD_END;
    default:
        return HEARD_NOTHING;
    }
}

/* --- the connection --- */

static void forget(struct listener *listener, enum listener_way way)
{
    ldapc_close(listener->directory->searches.connection);
    listener->directory->searches.connection = NULL;
    g_array_set_size(listener->searches, 0);
    listener->way = way;
}

static enum ldapc_status send_all(struct listener *listener, LDAP *ld, char why[LDAPC_WHY_MAX])
{
    bool good = true;

    /* An AD takes the whole of a tree at its root alone. */
    if (listener->way == LISTEN_AD && listener->root != NULL)
        good = send_search(listener, ld, listener->root);
    else
        for (guint i = 0; good && i < listener->bases->len; i++)
            good = send_search(listener, ld, g_ptr_array_index(listener->bases, i));
    if (!good)
        g_snprintf(why, LDAPC_WHY_MAX, "the search could not be sent");
    return good ? LDAPC_OK : LDAPC_DOWN;
}

/* All that is there, of every search. */
static enum ldapc_status pass_refresh(struct listener *listener, struct ldapc *connection,
                                      int64_t limit_ms, char why[LDAPC_WHY_MAX])
{
    LDAP *ld = ldapc_handle(connection);
    enum ldapc_status status = LDAPC_OK;

    listener->refreshing = listener->way == LISTEN_PERSIST ? listener->searches->len : 0;
    ldapc_step(connection, limit_ms);
    while (status == LDAPC_OK && listener->refreshing > 0) {
        LDAPMessage *message = NULL;

        status = ldapc_wait(connection, LDAP_RES_ANY, limit_ms, &message, why);
        if (status == LDAPC_OK && take(listener, ld, message) == HEARD_END) {
            /* It is refused, and will be again: no fault of the connection. */
            listener->way = LISTEN_POLLING;
            listener->refreshing = 0;
        }
        ldap_msgfree(message);
    }
    if (ldapc_step_end() && status == LDAPC_DOWN) {
        g_snprintf(why, LDAPC_WHY_MAX, "no answer in time");
        status = LDAPC_TIMEOUT;
    }
    return status;
}

struct begin {
    struct listener *listener;
    int64_t deadline_ms;
};

static enum ldapc_status call_begin(struct directory_link *link, int64_t limit_ms, void *context,
                                    char why[LDAPC_WHY_MAX])
{
    struct begin *begin = context;
    struct listener *listener = begin->listener;
    enum ldapc_status status = ask_root(listener, link->connection, limit_ms, why);

    g_array_set_size(listener->searches, 0);
    if (status != LDAPC_OK)
        return status;
    listener->way = listener->persist ? LISTEN_PERSIST : listener->ad ? LISTEN_AD : LISTEN_POLLING;
    if (listener->way == LISTEN_POLLING)
        return LDAPC_OK;
    status = send_all(listener, ldapc_handle(link->connection), why);
    return status == LDAPC_OK ? pass_refresh(listener, link->connection, begin->deadline_ms, why)
                              : status;
}

bool listener_begin(struct listener *listener, int64_t limit_ms)
{
    struct begin begin = {listener, clock_mono_ms() + limit_ms};
    enum reason reason;

    listener->error[0] = '\0';
    if (listener->bases->len == 0) {
        listener->way = LISTEN_POLLING;
        return true;
    }
    reason = directory_run(listener->directory, &listener->directory->searches, "listening",
                           begin.deadline_ms, call_begin, &begin);
    if (reason != REASON_GRANTED) {
        g_snprintf(listener->error, sizeof listener->error, "%s",
                   directory_error(listener->directory));
        forget(listener, LISTEN_NOT);
    } else if (listener->way == LISTEN_POLLING) {
        forget(listener, LISTEN_POLLING);
    }
    return reason == REASON_GRANTED;
}

enum listener_heard listener_hear(struct listener *listener)
{
    struct ldapc *connection = listener->directory->searches.connection;
    enum listener_heard heard = HEARD_NOTHING;
    struct timeval now = {0};
    int type = 1;

    while (connection != NULL && type > 0 && heard != HEARD_END) {
        LDAPMessage *message = NULL;
        enum listener_heard one;

        /* What has begun to come must come whole. */
        ldapc_step(connection, clock_mono_ms() + listener->settings->ldap.timeout * 1000);
        type = ldap_result(ldapc_handle(connection), LDAP_RES_ANY, LDAP_MSG_ONE, &now, &message);
        ldapc_step_end();
        if (type < 0) {
            g_snprintf(listener->error, sizeof listener->error, "the connection was lost");
            heard = HEARD_END;
        } else if (type > 0) {
            one = take(listener, ldapc_handle(connection), message);
            heard = one != HEARD_NOTHING ? one : heard;
        }
        ldap_msgfree(message);
    }
    /* A notification that was refused would be refused again. */
    if (heard == HEARD_END)
        forget(listener, listener->way == LISTEN_AD && type > 0 && listener->code != LDAP_SUCCESS &&
                                 listener->code != LDAP_BUSY && listener->code != LDAP_UNAVAILABLE
                             ? LISTEN_POLLING
                             : LISTEN_NOT);
    return heard;
}

/* --- */

struct listener *listener_new(const struct settings *settings)
{
    struct listener *listener = g_new0(struct listener, 1);

    listener->settings = settings;
    listener->directory = directory_new(&settings->ldap, NULL);
    if (listener->directory == NULL)
        g_error("memory is short");
    listener->directory->answer_max = ANSWER_MAX;
    listener->bases = listener_bases(settings);
    listener->searches = g_array_new(FALSE, FALSE, sizeof(int));
    return listener;
}

void listener_free(struct listener *listener)
{
    directory_free(listener->directory);
    g_ptr_array_unref(listener->bases);
    g_array_unref(listener->searches);
    g_free(listener->root);
    g_free(listener);
}

enum listener_way listener_way(const struct listener *listener)
{
    return listener->way;
}

int listener_socket(const struct listener *listener)
{
    const struct ldapc *connection = listener->directory->searches.connection;

    return connection != NULL ? ldapc_socket(connection) : -1;
}

const char *listener_error(const struct listener *listener)
{
    return listener->error;
}
