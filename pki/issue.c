/* Many certificates: in batches, each all or nothing; judged all at once before the first is made. */
#include "config.h"

#include "pki/issue_own.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/progress.h"

#include <string.h>

void issue_wish_clear(struct issue_wish *wish)
{
    for (size_t i = 0; i < wish->n_sans; i++)
        name_san_clear(&wish->sans[i]);
    g_free(wish->sans);
    g_free(wish->name);
    g_free(wish->path);
    g_free(wish->source);
    EVP_PKEY_free(wish->key);
    key_free(wish->own_key);
    *wish = (struct issue_wish){0};
}

void issue_made_clear(struct issue_made *made)
{
    g_clear_pointer(&made->der, g_byte_array_unref);
    key_free(made->key);
    g_free(made->path);
    g_free(made->refused);
    *made = (struct issue_made){0};
}

void issue_say_refused(const struct issue_wish *wish, const char *sentence, bool goes_on)
{
    log_error("%s%s%s%s", wish->source != NULL ? wish->source : "",
              wish->source != NULL ? ": " : "", sentence, goes_on ? " (it is left out)" : "");
}

/* --- one batch ------------------------------------------------------------------------------------- */

static void clear_item(struct issue_item *item)
{
    for (size_t i = 0; i < item->n_sans; i++)
        name_san_clear(&item->sans[i]);
    g_free(item->sans);
    output_clear(&item->files);
}

/* Those wishes of [from, to) that were not refused yet; judged, and made unless it is a rehearsal. */
static bool run_slice(struct issue_batch *batch, const struct issue_wish *wishes,
                      struct issue_made *made, size_t from, size_t to)
{
    bool keep_going = batch->options->keep_going, done = true, failed = false;

    batch->n = 0;
    batch->at = g_new0(struct issue_item, to - from);
    batch->rows = g_new0(struct ledger_row, to - from);
    batch->now_s = session_now_s();
    for (size_t i = from; i < to && done; i++) {
        struct issue_item *item = &batch->at[batch->n];
        struct ledger_row *row = &batch->rows[batch->n];

        if (made[i].refused != NULL)
            continue;
        issue_made_clear(&made[i]); /* of a rehearsal */
        item->wish = &wishes[i];
        item->made = &made[i];
        if (issue_prepare(batch, item, row, &failed)) {
            batch->n++;
            continue;
        }
        if (!failed)
            issue_say_refused(item->wish, made[i].refused, keep_going);
        done = !failed && keep_going;
        clear_item(item);
        ledger_row_clear(row);
        *item = (struct issue_item){0};
        *row = (struct ledger_row){0};
    }
    done = done && (batch->n == 0 || issue_run_batch(batch));
    for (size_t i = 0; i < batch->n; i++) {
        clear_item(&batch->at[i]);
        ledger_row_clear(&batch->rows[i]);
    }
    g_clear_pointer(&batch->at, g_free);
    g_clear_pointer(&batch->rows, g_free);
    return done;
}

/* --- all of them ------------------------------------------------------------------------------------ */

/* Roles matter to servers under a CA that signs logins too. */
static bool needs_roles(struct session *session, const struct issue_wish *wishes, size_t n,
                        bool *needs)
{
    *needs = false;
    for (size_t i = 0; i < n; i++) {
        if (wishes[i].kind != KIND_SERVER)
            continue;
        const struct authority *authority = session_signer(session, KIND_SERVER);

        *needs = authority != NULL && authority->row.purpose == PURPOSE_ALL;
        return authority != NULL;
    }
    return true;
}

static bool has_host(const struct ledger_row *row, const struct name_san *san)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (san->kind != NAME_DNS || g_strcmp0(san->text, row->name) == 0)
        return true;
    name_san_write(san, text);
    g_auto(GStrv) pieces = g_strsplit(row->sans != NULL ? row->sans : "", ",", -1);
    return g_strv_contains((const char *const *)pieces, text->str);
}

/* Has the one that it replaces all its host names?  False after a message. */
static bool keeps_hosts(struct session *session, const struct issue_wish *wish, bool *keeps)
{
    struct ledger_row old = {0};

    *keeps = false;
    if (wish->replaces == 0)
        return true;
    if (ledger_get(session->ledger, wish->replaces, &old) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    *keeps = old.kind == KIND_SERVER && g_strcmp0(old.name, wish->name) == 0;
    for (size_t i = 0; i < wish->n_sans && *keeps; i++)
        *keeps = has_host(&old, &wish->sans[i]);
    ledger_row_clear(&old);
    return true;
}

/*
 * A server that is down must not end renewals: among them may be the certificate that it waits for.  What keeps its host
 * names is no more of a login than it was; the rest is refused.
 */
static bool refuse_new_hosts(struct session *session, const struct issue_wish *wishes, size_t n,
                             bool keep_going, struct issue_made *made)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool keeps;

        if (wishes[i].kind != KIND_SERVER)
            continue;
        if (!keeps_hosts(session, &wishes[i], &keeps))
            return false;
        if (keeps) {
            kept++;
            continue;
        }
        made[i].refused = g_strdup_printf(
            "\"%s\": one of its host names could be a login for a role of the server that does not "
            "answer; try again once it does, or name those that do with --postgres",
            wishes[i].name);
        issue_say_refused(&wishes[i], made[i].refused, keep_going);
        if (!keep_going)
            return false;
    }
    if (kept > 0)
        log_notice("no roles are needed for the %zu that keep the host names of the one before",
                   kept);
    return true;
}

static bool run_all(struct issue_batch *batch, const struct issue_wish *wishes, size_t n,
                    struct issue_made *made)
{
    struct progress progress;
    bool done = true;

    progress_start(&progress, stderr, "Issuing", n, clock_mono_ms());
    for (size_t from = 0; from < n && done; from += ISSUE_BATCH) {
        done = run_slice(batch, wishes, made, from, MIN(n, from + ISSUE_BATCH));
        progress_at(&progress, MIN(n, from + ISSUE_BATCH), clock_mono_ms());
    }
    progress_end(&progress);
    return done;
}

static bool all_made(const struct issue_made *made, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (made[i].refused != NULL)
            return false;
    return true;
}

bool issue_many(struct session *session, const struct issue_wish *wishes, size_t n,
                const struct issue_options *options, struct issue_made *made)
{
    struct issue_batch batch = {.session = session, .options = options};
    bool done, needs;

    if (n == 0)
        return true;
    if (!needs_roles(session, wishes, n, &needs))
        return false;
    done = !needs || session_roles(session, &batch.roles, &batch.n_roles) ||
           refuse_new_hosts(session, wishes, n, options->keep_going, made);
    if (!done)
        goto out;
    /* A refusal in the last batch is to be found before the first one is made. */
    if (options->dry_run || (n > ISSUE_BATCH && !options->keep_going)) {
        batch.rehearsal = true;
        done = options->keep_going ? run_all(&batch, wishes, n, made)
                                   : run_slice(&batch, wishes, made, 0, n);
        batch.rehearsal = batch.first_taken = false;
    }
    if (done && !options->dry_run)
        done = run_all(&batch, wishes, n, made);
out:
    g_strfreev(batch.roles);
    return done && all_made(made, n);
}
