/* Who is in a group of the directory. */
#include "config.h"

#include "pki/online_job.h"
#include "pki/online_text.h"

#include "common/directory_members.h"
#include "common/log.h"
#include "common/settings.h"

#include <stdio.h>

static json_t *take_members(const struct directory_members *members)
{
    json_t *names = json_array();

    for (size_t i = 0; i < members->n; i++)
        json_array_append_new(names,
                              online_text(bytes_of(members->at[i].name, members->at[i].name_len)));
    return json_pack("{s:o}", "members", names);
}

static json_t *ask_directory(struct online_job *job, const struct settings *settings,
                             const char *group)
{
    struct directory_members members = {0};
    struct directory *directory = directory_new(&settings->ldap, NULL);
    json_t *answer = NULL;

    if (directory == NULL)
        return online_job_fail(job, "memory is short");
    enum reason reason = directory_members(directory, group, job->deadline_ms, &members);
    if (reason != REASON_GRANTED) {
        online_job_fail(job, "cannot read the members of %s: %s", group,
                        *directory_error(directory) != '\0' ? directory_error(directory)
                                                            : reason_name(reason));
        goto out;
    }
    if (members.unknown > 0)
        log_warning("left out: %zu members that are neither people with a role's name nor (with "
                    "ldap.nested) groups, such as %s",
                    members.unknown, members.an_unknown);
    answer = take_members(&members);
out:
    directory_members_free(&members);
    directory_free(directory);
    return answer;
}

json_t *online_answer_group(struct online_job *job)
{
    char *path = online_job_text(job, "config"), *group = online_job_text(job, "group");
    struct settings *settings = NULL;
    json_t *answer = NULL;

    if (path == NULL || group == NULL)
        online_job_fail(job, "the request names no group and no configuration");
    else if ((settings = settings_load(path, SETTINGS_FOR_CA, stderr)) == NULL)
        online_job_fail(job, "cannot ask the directory: %s has the faults above", path);
    else if (!settings->has_ldap)
        online_job_fail(job, "cannot ask the directory: %s has no ldap section", path);
    else if (settings->ldap.user_base == NULL)
        online_job_fail(job,
                        "cannot ask the directory: %s has no ldap.user_base, below which the "
                        "members of groups are looked up",
                        path);
    else
        answer = ask_directory(job, settings, group);
    settings_free(settings);
    g_free(path);
    g_free(group);
    return answer;
}
