/* Of a server that answered no question: why, and whether it is there. */
#include "config.h"

#include "pki/online_job.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* What everybody meets first: a map is wanted, for we are another user than the role. */
void online_fail_as_said(struct online_job *job, const char *said)
{
    const struct passwd *user = NULL;

    if (strstr(said, "Peer authentication failed") != NULL)
        user = getpwuid(geteuid());
    if (user == NULL)
        online_job_fail(job, "%s", said);
    else
        online_job_fail(job,
                        "%s; this program runs as the OS user %s: peer needs map=NAME in "
                        "pg_hba.conf, and NAME, %s and the role on a line of pg_ident.conf",
                        said, user->pw_name, user->pw_name);
}

/* libpq needs to be let in by nobody for this. */
json_t *online_answer_up(struct online_job *job)
{
    char *conninfo = online_job_text(job, "conninfo");
    bool up = conninfo != NULL && PQping(conninfo) == PQPING_OK;

    g_free(conninfo);
    return json_pack("{s:b}", "up", up);
}
