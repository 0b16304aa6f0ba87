/* What may not be signed: each rule looks at the rows of its index, and names the one that is in the way. */
#include "config.h"

#include "pki/ledger_inside.h"

#include "common/clock.h"

#include <stdio.h>

struct asked {
    struct ledger *ledger;
    const struct ledger_row *row;
    int64_t now_s;
    unsigned flags;
    const char *const *roles;
    size_t n_roles;
    enum ledger_purpose purpose; /* of its CA */
    char *folded;
};

/* "the client certificate app, serial 01AB, valid until 2027-01-01T00:00:00Z" */
static void describe(const struct ledger_row *row, char *out, size_t size)
{
    char end[CLOCK_TEXT_MAX], serial[LEDGER_SERIAL_TEXT];

    clock_text(row->not_after * 1000, end);
    ledger_serial_text(bytes_of(row->serial, row->serial_len), serial);
    snprintf(out, size, "the %s certificate \"%s\" (serial %s, until %.19sZ%s)",
             ledger_kind_names[row->kind], row->name, serial, end,
             row->state == LEDGER_RESERVED ? ", being made right now" : "");
}

static enum ledger_result strike(const struct asked *asked, const struct ledger_row *other,
                                 const char *rule, const char *advice)
{
    char text[320];

    describe(other, text, sizeof text);
    return ledger_say(asked->ledger, LEDGER_REFUSED, "\"%s\": %s %s; %s", asked->row->name, rule,
                      text, advice);
}

/* The first row that a statement with ?1, ?2 = now, ?3 = the row that is replaced, finds. */
static enum ledger_result find(const struct asked *asked, enum lq_statement which,
                               struct bytes what, bool blob, bool with_replaced,
                               struct ledger_row *other)
{
    sqlite3_stmt *statement = lq_take(asked->ledger, which);

    *other = (struct ledger_row){0};
    if (statement == NULL)
        return LEDGER_FAILED;
    if (blob)
        lq_bytes(statement, 1, what);
    else
        sqlite3_bind_text64(statement, 1, (const char *)what.ptr, what.len, SQLITE_STATIC,
                            SQLITE_UTF8);
    lq_number(statement, 2, asked->now_s);
    if (with_replaced)
        lq_maybe(statement, 3, asked->row->replaces);
    enum ledger_result result = lq_step(asked->ledger, statement, "look at the rules");
    if (result == LEDGER_OK)
        result = ledger_read_row(asked->ledger, statement, other);
    lq_end(statement);
    return result;
}

/* Runs a rule that strikes when there is such a row. */
static enum ledger_result unless_found(const struct asked *asked, enum lq_statement which,
                                       const char *what, bool with_replaced, const char *rule,
                                       const char *advice)
{
    struct ledger_row other;
    enum ledger_result result = find(asked, which, bytes_str(what), false, with_replaced, &other);

    if (result == LEDGER_OK)
        result = strike(asked, &other, rule, advice);
    else if (result == LEDGER_NONE)
        result = LEDGER_OK;
    ledger_row_clear(&other);
    return result;
}

/* --- keys --- */

static enum ledger_result is_no_cas_key(const struct asked *asked)
{
    sqlite3_stmt *statement = lq_take(asked->ledger, LQ_AUTHORITY_KEY);

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_bytes(statement, 1, bytes_of(asked->row->key_id, KEY_ID));
    enum ledger_result result = lq_step(asked->ledger, statement, "look at the CAs' keys");
    if (result == LEDGER_OK)
        result = ledger_say(asked->ledger, LEDGER_REFUSED,
                            "\"%s\": its key is the CA's own (%s); make a new one",
                            asked->row->name, (const char *)sqlite3_column_text(statement, 0));
    else if (result == LEDGER_NONE)
        result = LEDGER_OK;
    lq_end(statement);
    return result;
}

/* Is id one that the new row stands in line with: the row it replaces, the one before, ...? */
static enum ledger_result is_in_line(const struct asked *asked, int64_t id, bool *in_line)
{
    sqlite3_stmt *statement = lq_take(asked->ledger, LQ_IN_LINE);

    *in_line = false;
    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, id);
    lq_maybe(statement, 3, asked->row->replaces);
    enum ledger_result result = lq_step(asked->ledger, statement, "look at the rules");
    if (result == LEDGER_OK)
        *in_line = sqlite3_column_int(statement, 0) != 0;
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

static enum ledger_result judge_key_user(const struct asked *asked, const struct ledger_row *other)
{
    char *folded = ledger_fold(other->name);
    bool renewal = (asked->flags & LEDGER_SAME_KEY) != 0 && asked->row->replaces != 0;
    bool rekey = !renewal && asked->row->replaces != 0;
    bool same_name = other->kind == asked->row->kind && strcmp(folded, asked->folded) == 0;
    bool in_line = false;

    g_free(folded);
    enum ledger_result result =
        renewal || rekey ? is_in_line(asked, other->id, &in_line) : LEDGER_OK;
    if (result != LEDGER_OK)
        return result;
    /* Superseded says nothing against the key: `renew --revoke-old`. */
    if (other->revoked_s != 0 && !(in_line && other->reason == REVOKED_SUPERSEDED))
        return strike(asked, other, "its key was revoked with", "make a new key");
    if (rekey && in_line)
        return strike(asked, other, "its new key is the one that it had already, with",
                      "make a new key, or renew it, which keeps the key");
    /* A key that several names had before we took over may go on; a new name may not join. */
    if (!same_name && !renewal)
        return strike(asked, other, "its key is that of", "make a new key for each name");
    return LEDGER_OK;
}

static enum ledger_result key_rule(const struct asked *asked)
{
    sqlite3_stmt *statement;
    enum ledger_result result;

    if (asked->row->kind == KIND_CA || asked->row->kind == KIND_CROSS)
        return LEDGER_OK;
    result = is_no_cas_key(asked);
    if (result != LEDGER_OK)
        return result;
    if ((statement = lq_take(asked->ledger, LQ_SAME_KEY)) == NULL)
        return LEDGER_FAILED;
    lq_bytes(statement, 1, bytes_of(asked->row->key_id, KEY_ID));
    while ((result = lq_step(asked->ledger, statement, "look at the key's users")) == LEDGER_OK) {
        struct ledger_row other;
        result = ledger_read_row(asked->ledger, statement, &other);
        if (result == LEDGER_OK)
            result = judge_key_user(asked, &other);
        ledger_row_clear(&other);
        if (result != LEDGER_OK)
            break;
    }
    lq_end(statement);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

/* --- names --- */

static enum ledger_result second_rule(const struct asked *asked)
{
    if (asked->row->kind != KIND_CLIENT || (asked->flags & LEDGER_SECOND) != 0)
        return LEDGER_OK;
    return unless_found(asked, LQ_SAME_ROLE, asked->folded, true, "the role has",
                        "renew or revoke that, or ask for a second one (--second)");
}

static enum ledger_result path_rule(const struct asked *asked)
{
    const char *path = asked->row->path;

    if (path == NULL || path[0] == '\0')
        return LEDGER_OK;
    return unless_found(asked, LQ_SAME_PATH, path, true, "its files would take the place of",
                        "renew or revoke that, or give another place (--out)");
}

static const char host_words[] = "PgBouncer would let a server in as this role, by the name of";
static const char host_advice[] =
    "choose another name, or keep logins apart with a client CA (`pgsignet-ca init --client-ca`)";

/* One host name that is, or covers, the client's, of others: of servers under the same CA, and of clients that were adopted. */
static enum ledger_result one_host_rule(const struct asked *asked, const char *host)
{
    enum ledger_result result = LEDGER_OK;

    if (asked->purpose == PURPOSE_ALL)
        result = unless_found(asked, LQ_HOST, host, false, host_words, host_advice);
    if (result == LEDGER_OK)
        result = unless_found(asked, LQ_CLIENT_HOST, host, true,
                              "PgBouncer would let another in as this role, by a host name in",
                              "revoke that, or renew it: its successor has none");
    return result;
}

/* A client's name against the hosts: itself, and each wildcard that could cover it. */
static enum ledger_result host_rule(const struct asked *asked)
{
    enum ledger_result result = one_host_rule(asked, asked->folded);

    for (const char *dot = strchr(asked->folded, '.'); dot != NULL && result == LEDGER_OK;
         dot = strchr(dot + 1, '.')) {
        char *wildcard = g_strconcat("*", dot, NULL);
        if (name_covers(wildcard, asked->folded))
            result = one_host_rule(asked, wildcard);
        g_free(wildcard);
    }
    return result;
}

/* A wildcard against the names of all live clients. */
static enum ledger_result wildcard_rule(const struct asked *asked, const char *host)
{
    sqlite3_stmt *statement = lq_take(asked->ledger, LQ_CLIENTS);
    struct ledger_row other = {0};
    enum ledger_result result;
    int64_t found = 0;

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 2, asked->now_s);
    while ((result = lq_step(asked->ledger, statement, "look at the clients")) == LEDGER_OK) {
        const char *folded = (const char *)sqlite3_column_text(statement, 1);
        if (folded != NULL && name_covers(host, folded)) {
            found = sqlite3_column_int64(statement, 0);
            break;
        }
    }
    lq_end(statement);
    if (found != 0 && (result = ledger_find_row(asked->ledger, found, &other)) == LEDGER_OK)
        result = strike(asked, &other, "one of its host names is a login for", host_advice);
    ledger_row_clear(&other);
    return result == LEDGER_NONE ? LEDGER_OK : result;
}

static enum ledger_result judge_host(const struct asked *asked, const char *host)
{
    enum ledger_result result = LEDGER_OK;

    for (size_t i = 0; i < asked->n_roles && result == LEDGER_OK; i++) {
        char *role = ledger_fold(asked->roles[i]);
        if (strcmp(host, role) == 0 || name_covers(host, role))
            result = ledger_say(asked->ledger, LEDGER_REFUSED,
                                "\"%s\": its host name \"%s\" is a login for the role \"%s\"; %s",
                                asked->row->name, host, asked->roles[i], host_advice);
        g_free(role);
    }
    if (result == LEDGER_OK && host[0] == '*')
        return wildcard_rule(asked, host);
    if (result == LEDGER_OK)
        result = unless_found(asked, LQ_CLIENT, host, false, "one of its host names is a login for",
                              host_advice);
    return result;
}

static enum ledger_result hosts_rule(const struct asked *asked)
{
    GPtrArray *hosts = ledger_hosts(asked->row);
    enum ledger_result result = LEDGER_OK;

    for (guint i = 0; i < hosts->len && result == LEDGER_OK; i++)
        result = judge_host(asked, hosts->pdata[i]);
    g_ptr_array_unref(hosts);
    return result;
}

static enum ledger_result name_rule(const struct asked *asked)
{
    if (asked->row->kind == KIND_CLIENT)
        return host_rule(asked);
    if (asked->purpose != PURPOSE_ALL || asked->row->kind == KIND_CA ||
        asked->row->kind == KIND_CROSS)
        return LEDGER_OK;
    return hosts_rule(asked);
}

/* --- all of them --- */

static enum ledger_result read_purpose(struct asked *asked)
{
    sqlite3_stmt *statement = lq_take(asked->ledger, LQ_AUTHORITY_BRIEF);
    /* What is shown to servers to learn what they trust is of a CA that does not sign yet, or no more. */
    bool leaf = asked->row->kind == KIND_SERVER || asked->row->kind == KIND_CLIENT;

    if (statement == NULL)
        return LEDGER_FAILED;
    lq_number(statement, 1, asked->row->authority);
    enum ledger_result result = lq_step(asked->ledger, statement, "look up a CA");
    if (result == LEDGER_OK) {
        asked->purpose = (enum ledger_purpose)sqlite3_column_int(statement, 0);
        if (leaf && sqlite3_column_int(statement, 1) != AUTHORITY_CURRENT)
            result = ledger_say(asked->ledger, LEDGER_REFUSED,
                                "\"%s\": the CA %s signs no certificates now; if it was rotated "
                                "meanwhile, try again",
                                asked->row->name, (const char *)sqlite3_column_text(statement, 3));
    }
    lq_end(statement);
    return result;
}

enum ledger_result ledger_rules(struct ledger *ledger, const struct ledger_row *row, int64_t now_s,
                                unsigned flags, const char *const *roles, size_t n_roles)
{
    static enum ledger_result (*const rules[])(const struct asked *asked) = {
        key_rule,
        second_rule,
        name_rule,
        path_rule,
    };
    struct asked asked = {
        .ledger = ledger,
        .row = row,
        .now_s = now_s,
        .flags = flags,
        .roles = roles,
        .n_roles = n_roles,
    };

    enum ledger_result result = ledger_check_clock(ledger, row->authority, now_s);
    if (result == LEDGER_OK)
        result = read_purpose(&asked);
    asked.folded = ledger_fold(row->name != NULL ? row->name : "");
    for (size_t i = 0; i < G_N_ELEMENTS(rules) && result == LEDGER_OK; i++)
        result = rules[i](&asked);
    g_free(asked.folded);
    return result;
}
