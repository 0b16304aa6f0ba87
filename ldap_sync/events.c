#include "config.h"

#include "ldap_sync/events.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdio.h>

/* A line on standard error is no record, unless there is to be no file. */
static bool is_recorded(struct session *session, enum audit_written written)
{
    if (written == AUDIT_IN_FILE || (written == AUDIT_ON_STDERR && session->trail.file[0] == '\0'))
        return true;
    if (!session->audit_failed)
        log_error(
            "the audit file %s does not take the events of changes that were made; repair it: "
            "standard output has the changes",
            session->trail.file);
    session->audit_failed = true;
    return false;
}

static bool write_event(struct session *session, const struct cluster *cluster,
                        struct audit_event *event)
{
    event->time_ms = clock_wall_ms();
    event->id = audit_new_id();
    event->user_known = true; /* from the directory, not from where people type passwords */
    event->cluster = cluster != NULL ? cluster->label : NULL;
    return is_recorded(session, audit_write(session->audit, event));
}

void events_hold(struct session *session)
{
    audit_hold(session->audit);
}

bool events_release(struct session *session)
{
    return is_recorded(session, audit_release(session->audit));
}

static bool write_change(struct session *session, const struct cluster *cluster,
                         const struct change *change, const char *result, const char *detail)
{
    char name[32];
    struct audit_event event = {
        .event = name,
        .result = result,
        .user = bytes_str(change->role),
        .object = change->object,
        .group = change->source != NULL ? change->source->group : NULL,
        .detail = detail,
    };

    snprintf(name, sizeof name, "sync-%s", plan_kind_name(change->kind));
    return write_event(session, cluster, &event);
}

bool event_change(struct session *session, const struct cluster *cluster,
                  const struct change *change)
{
    GString *line = g_string_sized_new(160);
    bool done;

    plan_describe(change, line);
    done = write_change(session, cluster, change, "done", line->str);
    g_string_free(line, TRUE);
    return done;
}

bool event_trouble(struct session *session, const struct cluster *cluster,
                   const struct change *change, const char *text)
{
    return write_change(session, cluster, change, "failed", text);
}

bool event_finding(struct session *session, const struct cluster *cluster,
                   const struct sync_finding *finding)
{
    struct audit_event event = {
        .event = "sync-guard",
        .result = finding->forced ? "forced" : "refused",
        .severity = SEVERITY_ALERT,
        .user = bytes_str(finding->name),
        .object = sync_guard_rows[finding->guard].name,
        .detail = finding->text,
    };

    return write_event(session, cluster, &event);
}

bool event_rules(struct session *session, const char *text)
{
    struct audit_event event = {
        .event = "sync-rules",
        .result = "failed",
        .severity = SEVERITY_ALERT,
        .detail = text,
    };

    return write_event(session, NULL, &event);
}

bool event_unknown(struct session *session, const struct cluster *cluster, const char *text)
{
    struct audit_event event = {
        .event = "sync-commit",
        .result = "unknown",
        .severity = SEVERITY_ALERT,
        .detail = text,
    };

    return write_event(session, cluster, &event);
}
