#include "config.h"

#include "ldap_sync/rules_scan.h"

#include "common/clock.h"
#include "common/directory_people.h"
#include "common/ldap_search.h"

#include <stdarg.h>
#include <strings.h>

#define PAGE              1000 /* entries: the most that AD gives */
#define REFERENCES_MAX    500  /* followed in one search, over all servers */
#define REFERENCES_LEVELS 5
#define TELL_EVERY_US     2000

/* What one search keeps over its pages. */
struct pass {
    struct scan *scan;
    struct directory *directory;
    struct rules_search *search;
    const char *base, *filter; /* of the search, or of the reference that is followed */
    int scope;
    size_t before; /* entries of servers that were read already */
    struct ldapc_search_answer answer;
    GPtrArray *references; /* char **, owned: the URIs of each */
    int64_t told_us;       /* when progress was told last */
};

void scan_finding(struct scan *scan, enum sync_guard guard, const char *name, const char *format,
                  ...)
{
    struct sync_finding finding = {.guard = guard};
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    finding.text = g_string_chunk_insert(scan->wanted->names, text);
    if (name != NULL)
        finding.name = g_string_chunk_insert_const(scan->wanted->names, name);
    g_array_append_val(scan->wanted->findings, finding);
    g_free(text);
}

static void incomplete(struct pass *pass, const char *what, const char *detail)
{
    struct rules_search *search = pass->search;
    char rule[32] = "";

    if (search->rule != 0)
        g_snprintf(rule, sizeof rule, ", rule %u", search->rule);
    search->whole = false;
    scan_finding(pass->scan, SYNC_GUARD_INCOMPLETE, NULL, "%s below %s%s: %s (%s)", search->what,
                 pass->base, rule, what, detail);
}

/* Often enough for a server that is read meanwhile not to wait with its socket full. */
static void tell_progress(struct pass *pass)
{
    const struct rules_request *request = pass->scan->request;
    int64_t now_us = clock_mono_us();

    if (request->progress == NULL || now_us - pass->told_us < TELL_EVERY_US)
        return;
    pass->told_us = now_us;
    request->progress(request->progress_context, pass->search->what, pass->search->entries);
}

static bool each_entry(LDAP *ld, LDAPMessage *message, void *context)
{
    struct pass *pass = context;

    pass->search->entries++;
    tell_progress(pass);
    return pass->search->each(ld, message, pass->search->context);
}

static bool each_reference(char *const *uris, void *context)
{
    struct pass *pass = context;

    g_ptr_array_add(pass->references, g_strdupv((char **)(uintptr_t)uris));
    return true;
}

static enum ldapc_status call_pages(struct directory_link *link, int64_t limit_ms, void *context,
                                    char why[LDAPC_WHY_MAX])
{
    struct pass *pass = context;
    const struct rules_request *request = pass->scan->request;
    struct ldapc_pages pages = {.size = PAGE};
    const struct ldapc_search search = {.base = pass->base,
                                        .scope = pass->scope,
                                        .filter = pass->filter,
                                        .attributes = pass->search->attributes,
                                        .max_entries = PAGE,
                                        .pages = &pages,
                                        .each = each_entry,
                                        .refer = each_reference,
                                        .context = pass};
    enum ldapc_status status;

    /*
     * References are followed only once a server has been read to its end, so a further try begins
     * alone.
     */
    if (pass->search->begin != NULL && pass->before == 0)
        pass->search->begin(pass->search->context);
    g_ptr_array_set_size(pass->references, 0);
    pass->search->entries = pass->before;
    do {
        status = ldapc_search(link->connection, &search, limit_ms, &pass->answer, why);
        limit_ms = directory_call_limit(pass->directory, request->deadline_ms);
    } while (status == LDAPC_OK && pass->answer.code == LDAP_SUCCESS && pages.more);
    return status;
}

/* --- references --- */

int scan_server(const struct scan *scan, const char *url)
{
    LDAPURLDesc *wanted = NULL, *own = NULL;
    int found = -1;

    if (ldap_url_parse(url, &wanted) != LDAP_URL_SUCCESS)
        return -1;
    for (size_t i = 0; found < 0 && i < scan->ldap->uris.n; i++) {
        if (ldap_url_parse(scan->ldap->uris.at[i], &own) != LDAP_URL_SUCCESS)
            continue;
        if (strcasecmp(own->lud_scheme, wanted->lud_scheme) == 0 && own->lud_host != NULL &&
            wanted->lud_host != NULL && strcasecmp(own->lud_host, wanted->lud_host) == 0 &&
            own->lud_port == wanted->lud_port)
            found = (int)i;
        ldap_free_urldesc(own);
    }
    ldap_free_urldesc(wanted);
    return found;
}

/* A connection of its own to one server of ldap.uris, kept for the scan. */
static struct directory *other_directory(struct scan *scan, int server)
{
    size_t n = scan->ldap->uris.n;
    struct settings_ldap *settings;

    if (scan->others == NULL) {
        scan->others = g_new0(struct directory *, n);
        scan->other_settings = g_new0(struct settings_ldap, n);
    }
    settings = &scan->other_settings[server];
    if (scan->others[server] == NULL) {
        *settings = *scan->ldap;
        settings->uris = (struct settings_strings){.at = &scan->ldap->uris.at[server], .n = 1};
        scan->others[server] = directory_new(settings, NULL);
        if (scan->others[server] != NULL)
            scan->others[server]->answer_max = scan->directory->answer_max;
    }
    return scan->others[server];
}

static enum reason run_pass(struct pass *pass, unsigned level, unsigned *followed);

/* One reference (RFC 4511 4.5.3): any of its URIs leads to the same. */
static enum reason follow(const struct pass *from, char **uris, unsigned level, unsigned *followed)
{
    struct pass pass = {.scan = from->scan,
                        .search = from->search,
                        .base = from->base,
                        .filter = from->filter,
                        .scope = from->scope,
                        .before = from->search->entries};
    LDAPURLDesc *url = NULL;
    enum reason reason = REASON_GRANTED;
    int server = -1;
    size_t i;

    for (i = 0; uris[i] != NULL && (server = scan_server(pass.scan, uris[i])) < 0; i++)
        ;
    if (server < 0 || level > REFERENCES_LEVELS || ++*followed > REFERENCES_MAX ||
        ldap_url_parse(uris[i], &url) != LDAP_URL_SUCCESS) {
        incomplete(&pass,
                   server < 0 ? "it goes on at a server that is not in ldap.uris"
                              : "it goes on from server to server",
                   uris[0] != NULL ? uris[0] : "an address that cannot be read");
        return REASON_GRANTED;
    }
    if (url->lud_dn != NULL && *url->lud_dn != '\0')
        pass.base = url->lud_dn;
    if (url->lud_filter != NULL)
        pass.filter = url->lud_filter;
    if (url->lud_scope != LDAP_SCOPE_DEFAULT)
        pass.scope = url->lud_scope;
    pass.directory = other_directory(pass.scan, server);
    if (pass.directory == NULL)
        reason = REASON_INTERNAL;
    else
        reason = run_pass(&pass, level, followed);
    if (reason != REASON_GRANTED && pass.directory != NULL)
        directory_bad_answer(pass.scan->directory, "following a reference: %s",
                             directory_error(pass.directory));
    ldap_free_urldesc(url);
    return reason;
}

/* --- one search --- */

static void judge(struct pass *pass)
{
    const struct ldapc_search_answer *answer = &pass->answer;

    if (pass->search->lenient)
        pass->search->whole = pass->search->whole && answer->code == LDAP_SUCCESS;
    else if (answer->code == LDAP_REFERRAL)
        incomplete(pass, "the base is on another server", answer->diagnostic);
    else if (answer->code != LDAP_SUCCESS)
        incomplete(pass, ldap_err2string(answer->code), directory_details(answer->diagnostic));
}

static enum reason run_pass(struct pass *pass, unsigned level, unsigned *followed)
{
    enum reason reason;

    pass->references = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    reason = directory_run(pass->directory, &pass->directory->searches, pass->search->what,
                           pass->scan->request->deadline_ms, call_pages, pass);
    if (reason == REASON_GRANTED)
        judge(pass);
    if (pass->scan->sync->references == REFERENCES_FOLLOW)
        for (guint i = 0; reason == REASON_GRANTED && i < pass->references->len; i++)
            reason = follow(pass, g_ptr_array_index(pass->references, i), level + 1, followed);
    g_ptr_array_unref(pass->references);
    return reason;
}

enum reason scan_search(struct scan *scan, struct rules_search *search)
{
    struct pass pass = {.scan = scan,
                        .directory = scan->directory,
                        .search = search,
                        .base = search->base,
                        .filter = search->filter,
                        .scope = search->scope};
    unsigned followed = 0;

    search->whole = true;
    search->entries = 0;
    return run_pass(&pass, 0, &followed);
}
