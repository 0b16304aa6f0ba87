#include "config.h"

#include "ldap_sync/notify.h"

#include "common/clock.h"
#include "ldap_sync/notify_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define QUIET_MS      100 /* changes that come closer together than this are one */
#define TOGETHER_MS   500 /* ... but no longer than this after the first */
#define BACK_OFF_MS   1000
#define BACK_OFF_MOST 30000
#define KEEP_ALIVE_S  30

struct notify {
    struct listener *listener;
    const struct settings_sync *sync;
    int64_t last_ms;     /* when the last change was told, or it was opened */
    int64_t first_ms;    /* of changes that are not told yet: the first; 0 = none */
    int64_t latest_ms;   /* ... and the latest */
    int64_t retry_ms;    /* when to connect again */
    int64_t back_off_ms; /* the next pause */
};

/* A server that vanished without a word would be listened to for hours. */
static void keep_alive(int fd)
{
    const int on = 1, idle = KEEP_ALIVE_S, probes = 3, interval = 10;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
}

static void connect_again(struct notify *notify)
{
    bool heard = listener_begin(notify->listener, notify->sync->read_timeout * 1000);
    int64_t now = clock_mono_ms();

    if (heard) {
        notify->back_off_ms = BACK_OFF_MS;
        keep_alive(listener_socket(notify->listener));
        return;
    }
    notify->retry_ms = now + notify->back_off_ms;
    notify->back_off_ms = MIN(notify->back_off_ms * 2, BACK_OFF_MOST);
}

struct notify *notify_open(const struct settings *settings)
{
    struct notify *notify = g_new0(struct notify, 1);

    notify->sync = &settings->sync;
    notify->listener = listener_new(settings);
    notify->back_off_ms = BACK_OFF_MS;
    connect_again(notify);
    notify->last_ms = clock_mono_ms();
    return notify;
}

void notify_close(struct notify *notify)
{
    if (notify == NULL)
        return;
    listener_free(notify->listener);
    g_free(notify);
}

static void note_change(struct notify *notify, int64_t now)
{
    notify->latest_ms = now;
    if (notify->first_ms == 0)
        notify->first_ms = now;
}

/* When there is a change to tell if nothing else happens. */
static int64_t due_ms(const struct notify *notify)
{
    int64_t due = notify->last_ms + NOTIFY_LONGEST_S * 1000;

    if (listener_way(notify->listener) == LISTEN_POLLING)
        due = MIN(due, notify->last_ms + notify->sync->poll * 1000);
    if (notify->first_ms != 0) {
        int64_t settled = MIN(notify->latest_ms + QUIET_MS, notify->first_ms + TOGETHER_MS);

        due = MIN(due, MAX(settled, notify->last_ms + NOTIFY_GAP_MS));
    }
    return due;
}

/* Sleeps until then, a signal, or something to read.  False after a signal. */
static bool sleep_until(const struct notify *notify, int64_t end_ms)
{
    struct pollfd fd = {.fd = listener_socket(notify->listener), .events = POLLIN};
    int64_t left = end_ms - clock_mono_ms();

    /* poll() passes over a socket of -1 */
    return poll(&fd, 1, left < 0 ? 0 : (int)MIN(left, 60000)) >= 0 || errno != EINTR;
}

enum notify_event notify_wait(struct notify *notify, int64_t until_ms)
{
    for (;;) {
        int64_t now = clock_mono_ms(), due;

        if (listener_way(notify->listener) == LISTEN_NOT && now >= notify->retry_ms) {
            connect_again(notify);
            now = clock_mono_ms();
            if (listener_way(notify->listener) != LISTEN_NOT)
                note_change(notify, now);
        }
        switch (listener_hear(notify->listener)) {
        case HEARD_NOTHING:
            break;
        case HEARD_CHANGE:
            note_change(notify, now);
            break;
        case HEARD_END:
            notify->retry_ms = now + notify->back_off_ms;
            break;
        }
        due = due_ms(notify);
        if (now >= due && listener_way(notify->listener) != LISTEN_NOT) {
            notify->last_ms = now;
            notify->first_ms = 0;
            return NOTIFY_CHANGED;
        }
        if (now >= until_ms)
            return NOTIFY_QUIET;
        if (listener_way(notify->listener) == LISTEN_NOT)
            due = notify->retry_ms;
        if (!sleep_until(notify, MIN(due, until_ms)))
            return NOTIFY_QUIET;
    }
}

const char *notify_how(const struct notify *notify)
{
    static const char *const ways[] = {
        [LISTEN_NOT] = "not connected",
        [LISTEN_PERSIST] = "refresh and persist (RFC 4533)",
        [LISTEN_AD] = "change notification (AD)",
        [LISTEN_POLLING] = "polling",
    };

    return ways[listener_way(notify->listener)];
}

const char *notify_error(const struct notify *notify)
{
    return listener_error(notify->listener);
}
