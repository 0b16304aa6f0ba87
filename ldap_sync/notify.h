/*
 * notify.h - waits until the directory may have changed, for --watch.
 *
 * A connection of its own listens to everything below the bases of the rules and of people: by RFC
 * 4533 (refresh and persist) where the server offers it, by AD's change notification, else not at
 * all: then there is a change every sync.poll seconds.  What has changed is not looked at: a whole
 * new reading is simple, and right.
 *
 * There is a change also after each time that listening began anew, for nobody knows what was
 * missed, and every NOTIFY_LONGEST_S, for accounts expire without any change.  Changes that come
 * together are one; between two of them lies NOTIFY_GAP_MS.
 */
#ifndef PGSIGNET_SYNC_NOTIFY_H
#define PGSIGNET_SYNC_NOTIFY_H

#include "common/settings.h"

#define NOTIFY_LONGEST_S 300
#define NOTIFY_GAP_MS    1000

struct notify;

enum notify_event {
    NOTIFY_QUIET,   /* until_ms has come, or a signal */
    NOTIFY_CHANGED, /* read the directory again */
};

/*
 * Begins to listen, within sync.read_timeout, if the server can be reached: what changes from here
 * on is told by notify_wait, so the first reading comes after this.  settings must outlive it.
 */
struct notify *notify_open(const struct settings *settings);
void notify_close(struct notify *notify); /* NULL is allowed */

/*
 * Waits for a change, but not after until_ms (CLOCK_MONOTONIC).  A connection that is lost is made
 * anew, after 1 s and then longer and longer, to 30 s; until then it is quiet, as a reading would
 * fail as well.
 */
enum notify_event notify_wait(struct notify *notify, int64_t until_ms);

/*
 * How it listens: "refresh and persist (RFC 4533)", "change notification (AD)", "polling"; "not
 * connected".
 */
const char *notify_how(const struct notify *notify);

/*
 * Why it is not connected, or why it polls a server that offers more; "" when there is nothing to
 * say.
 */
const char *notify_error(const struct notify *notify);

#endif
