/*
 * Drives rules.h from the command line: reads a configuration and the directory, and prints what is
 * wanted.
 *
 *   sync_directory_probe CONFIG [explain ROLE | measure | watch SECONDS]
 *
 * A role is a line `role NAME GRANT[,GRANT...] [limit=N] [until=N|infinity] [comment=TEXT] [set
 * NAME=VALUE]... (GROUP, rule N)`, in order of bytes, foreign bytes escaped; a grant with options
 * that are not the default has them behind, as dbrole_admin/admin.  A finding is `finding GUARD
 * NAME|-: TEXT`.  `measure` prints figures alone.  `watch` reads nothing: it says how it listens,
 * again when that is otherwise, and `changed` for each change. Exits 0 when the directory was read,
 * 2 with findings, 1 when it could not be read, which is said.
 */
#include "config.h"

#include "common/clock.h"
#include "common/directory.h"
#include "common/ldap_memory.h"
#include "common/text.h"
#include "ldap_sync/notify.h"
#include "ldap_sync/rules.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void print_text(const char *before, const char *text)
{
    size_t size = strlen(text) * 4 + 1;
    char *clean = g_malloc(size);

    text_escape(clean, size, bytes_str(text));
    printf("%s%s", before, clean);
    g_free(clean);
}

static void print_options(const struct wanted *wanted, const struct wanted_options *options)
{
    if (options->has_limit)
        printf(" limit=%lld", (long long)options->limit);
    if (options->has_until && options->until_s == UNTIL_INFINITY)
        printf(" until=infinity");
    else if (options->has_until)
        printf(" until=%lld", (long long)options->until_s);
    if (options->comment != NULL)
        print_text(" comment=", options->comment);
    for (uint32_t i = 0; i < options->n_settings; i++) {
        const struct wanted_setting *setting =
            &g_array_index(wanted->settings, struct wanted_setting, options->setting + i);

        print_text(" set ", setting->name);
        print_text("=", setting->value);
    }
}

static void print_role(const struct wanted *wanted, const struct wanted_role *role)
{
    const struct wanted_source *source =
        &g_array_index(wanted->sources, struct wanted_source, role->source);

    print_text("role ", role->name);
    for (uint32_t i = 0; i < role->n_grants; i++) {
        const struct wanted_grant *grant =
            &g_array_index(wanted->grants, struct wanted_grant, role->grant + i);

        print_text(i == 0 ? " " : ",", grant->role);
        printf("%s%s%s", grant->admin ? "/admin" : "", grant->inherit ? "" : "/noinherit",
               grant->set ? "" : "/noset");
    }
    print_options(wanted, &g_array_index(wanted->options, struct wanted_options, role->options));
    print_text(" (", source->group != NULL ? source->group : "static");
    printf(", rule %u)\n", source->rule);
}

static int by_name(const void *a, const void *b)
{
    const struct wanted_role *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static void print_all(struct wanted *wanted)
{
    g_array_sort(wanted->roles, by_name);
    for (guint i = 0; i < wanted->roles->len; i++)
        print_role(wanted, &g_array_index(wanted->roles, struct wanted_role, i));
}

static void print_findings(const struct wanted *wanted)
{
    for (guint i = 0; i < wanted->findings->len; i++) {
        const struct sync_finding *finding =
            &g_array_index(wanted->findings, struct sync_finding, i);

        printf("finding %s ", sync_guard_rows[finding->guard].name);
        print_text("", finding->name != NULL ? finding->name : "-");
        print_text(": ", finding->text);
        putchar('\n');
    }
}

static void print_figures(const struct wanted *wanted, int64_t started_us)
{
    struct rusage usage;
    struct mallinfo2 heap = mallinfo2();

    getrusage(RUSAGE_SELF, &usage);
    printf("roles %u grants %u ms %lld cpu_ms %lld rss_kib %ld heap_kib %zu\n", wanted->roles->len,
           wanted->grants->len, (long long)(clock_mono_us() - started_us) / 1000,
           (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000,
           usage.ru_maxrss, (heap.uordblks + heap.hblkhd) / 1024);
}

static void watch(const struct settings *settings, const char *seconds)
{
    struct notify *notify = notify_open(settings);
    int64_t end = clock_mono_ms() + strtol(seconds, NULL, 10) * 1000;
    const char *how = "";

    while (clock_mono_ms() < end) {
        if (how != notify_how(notify))
            printf("%s %s\n", notify_how(notify), notify_error(notify));
        how = notify_how(notify);
        if (notify_wait(notify, MIN(end, clock_mono_ms() + 500)) == NOTIFY_CHANGED)
            puts("changed");
        fflush(stdout);
    }
    notify_close(notify);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[2] : "";
    bool explain = strcmp(mode, "explain") == 0 && argc > 3, measure = strcmp(mode, "measure") == 0;
    struct rules_trace trace = {.role = explain ? argv[3] : "", .text = g_string_new(NULL)};
    GStringChunk *names = g_string_chunk_new(65536);
    struct rules_request request = {.trace = explain ? &trace : NULL};
    int64_t started = clock_mono_us();
    struct settings *settings;
    struct directory *directory;
    struct wanted wanted;
    enum reason reason;
    char why[512];
    int result = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: sync_directory_probe CONFIG [explain ROLE | measure | watch SECONDS]\n");
        return 64;
    }
    ldapc_prepare_heeding_environment();
    settings = settings_load(argv[1], SETTINGS_FOR_SYNC, stderr);
    if (settings == NULL || !rules_check(settings, why, sizeof why)) {
        if (settings != NULL)
            printf("%s\n", why);
        return 64;
    }
    if (strcmp(mode, "watch") == 0 && argc > 3) {
        watch(settings, argv[3]);
        settings_free(settings);
        return 0;
    }
    directory = directory_new(&settings->ldap, NULL);
    request.settings = settings;
    request.directory = directory;
    request.now_s = clock_wall_ms() / 1000;
    request.deadline_ms = clock_mono_ms() + settings->sync.read_timeout * 1000;
    wanted_init(&wanted, names);
    reason = rules_read(&request, &wanted);
    if (reason != REASON_GRANTED) {
        printf("not read: %s: %s\n", reason_name(reason), directory_error(directory));
    } else {
        if (measure)
            print_figures(&wanted, started);
        else if (explain)
            fputs(trace.text->str, stdout);
        else
            print_all(&wanted);
        if (!explain)
            print_findings(&wanted);
        result = wanted.findings->len > 0 ? 2 : 0;
    }
    wanted_clear(&wanted);
    g_string_chunk_free(names);
    g_string_free(trace.text, TRUE);
    directory_free(directory);
    settings_free(settings);
    return result;
}
