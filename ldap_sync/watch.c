#include "config.h"

#include "ldap_sync/watch.h"

#include "common/clock.h"
#include "common/log.h"
#include "ldap_sync/cli.h"
#include "ldap_sync/notify.h"

#include <poll.h>
#include <signal.h>

#define LONGEST_MS (60 * 1000) /* between two runs: times pass, and servers are changed by hand */
#define RETRY_MS   (10 * 1000) /* after a run that failed */
#define SLICE_MS   1000        /* a signal that comes just before a wait is seen after this */

static volatile sig_atomic_t stopping;

static void stop(int signo)
{
    (void)signo;
    stopping = 1;
}

static void catch_signals(void)
{
    struct sigaction act = {.sa_handler = stop, .sa_flags = SA_RESTART}; /* poll returns anyway */

    sigemptyset(&act.sa_mask);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
}

/* Without a directory only time passes. */
static enum notify_event wait_slice(struct notify *notify, int64_t until_ms)
{
    int64_t now_ms = clock_mono_ms(), slice_ms = now_ms + SLICE_MS;

    if (slice_ms > until_ms)
        slice_ms = until_ms;
    if (notify != NULL)
        return notify_wait(notify, slice_ms);
    poll(NULL, 0, slice_ms > now_ms ? (int)(slice_ms - now_ms) : 0);
    return NOTIFY_QUIET;
}

static void wait_for_news(struct notify *notify, int64_t until_ms)
{
    while (!stopping && clock_mono_ms() < until_ms)
        if (wait_slice(notify, until_ms) == NOTIFY_CHANGED)
            return;
}

static void say_how(const struct session *session, const struct notify *notify)
{
    if (notify == NULL)
        return;
    if (session->verbose)
        log_info("waiting for changes of the directory: %s", notify_how(notify));
    if (notify_error(notify)[0] != '\0')
        log_warning("waiting for changes of the directory: %s", notify_error(notify));
}

int watch(struct session *session, const struct run_wish *wish)
{
    struct notify *notify = NULL;
    int code = COMMAND_DONE; /* told to stop before the first run: nothing has failed */

    catch_signals();
    if (session->directory != NULL)
        notify = notify_open(session->settings);
    say_how(session, notify);
    while (!stopping) {
        if (!session_open_audit(session)) {
            code = COMMAND_FAILED;
            break;
        }
        code = run_once(session, wish);
        fflush(stdout);
        session->again = true;
        wait_for_news(notify, clock_mono_ms() + (code == COMMAND_FAILED ? RETRY_MS : LONGEST_MS));
    }
    notify_close(notify);
    return code;
}
