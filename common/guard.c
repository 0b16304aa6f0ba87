#include "config.h"

#include "common/guard.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

static volatile sig_atomic_t watched_fd = -1;
static volatile sig_atomic_t fired;
static void (*on_exit_words)(void);
static timer_t timer;
static pid_t timer_owner; /* whose timer it is: a fork does not inherit it */
static int64_t outer_ms;  /* deadline of guard_arm; only if armed */
static bool armed;
static bool stepping; /* the timer runs for a step, not for outer_ms */

static void handle_alarm(int signo)
{
    int saved = errno;

    (void)signo;
    if (fired) {
        if (on_exit_words != NULL)
            on_exit_words();
        _exit(GUARD_EXIT);
    }
    fired = 1;
    if (watched_fd >= 0)
        shutdown(watched_fd, SHUT_RDWR);
    errno = saved;
}

static bool make_timer(void)
{
    struct sigaction act = {.sa_handler = handle_alarm}; /* no SA_RESTART: poll returns EINTR */
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

    if (timer_owner == getpid())
        return true;
    sigemptyset(&act.sa_mask);
    if (sigaction(SIGALRM, &act, NULL) != 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return false;
    timer_owner = getpid();
    return true;
}

static void set_timer(int64_t deadline_ms)
{
    int64_t now = clock_mono_ms();
    /* From a time in the past the kernel would count the periods, and the second could end at once. */
    int64_t first_ms = deadline_ms > now ? deadline_ms : now + 1;
    /* Fires again every GRACE: the second time ends the process. */
    struct itimerspec spec = {
        .it_value.tv_sec = first_ms / 1000,
        .it_value.tv_nsec = (first_ms % 1000) * 1000000,
        .it_interval.tv_nsec = GUARD_GRACE_MS * 1000000L,
    };

    fired = 0;
    /* Without a timer nothing may wait without a limit, so there is no going on. */
    if (!make_timer() || timer_settime(timer, TIMER_ABSTIME, &spec, NULL) != 0)
        _exit(GUARD_EXIT);
}

void guard_arm(int64_t deadline_ms)
{
    set_timer(deadline_ms);
    outer_ms = deadline_ms;
    armed = true;
    stepping = false;
}

bool guard_disarm(void)
{
    struct itimerspec off = {0};

    if (timer_owner == getpid())
        timer_settime(timer, 0, &off, NULL);
    armed = stepping = false;
    return fired != 0;
}

void guard_step(int64_t limit_ms)
{
    /* A step that may last until the guard's own end needs no timer of its own. */
    if (armed && outer_ms <= limit_ms)
        return;
    set_timer(limit_ms);
    stepping = true;
}

bool guard_step_end(void)
{
    bool was_fired = fired != 0;

    if (!stepping)
        return was_fired;
    if (armed)
        guard_arm(outer_ms);
    else
        guard_disarm();
    return was_fired;
}

void guard_watch(int fd)
{
    watched_fd = fd;
    /* A socket made after the timer fired would not be shut down by it. */
    if (fd >= 0 && fired)
        shutdown(fd, SHUT_RDWR);
}

void guard_on_exit(void (*last_words)(void))
{
    on_exit_words = last_words;
}
