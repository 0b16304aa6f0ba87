/*
 * notify_listen.h - inside of notify.h: one connection that is told of changes.
 */
#ifndef PGSIGNET_SYNC_NOTIFY_LISTEN_H
#define PGSIGNET_SYNC_NOTIFY_LISTEN_H

#include "common/settings.h"

#include <glib.h>

struct listener;

enum listener_way {
    LISTEN_NOT,     /* not connected */
    LISTEN_PERSIST, /* RFC 4533 */
    LISTEN_AD,      /* [MS-ADTS] 3.1.1.3.4.1.9 */
    LISTEN_POLLING, /* the server offers neither, or refused; no connection is kept */
};

enum listener_heard { HEARD_NOTHING, HEARD_CHANGE, HEARD_END };

struct listener *listener_new(const struct settings *settings);
void listener_free(struct listener *listener);

/*
 * Connects, asks what the server offers and begins; with RFC 4533 all that is there is passed over
 * first. False when no server could be reached within limit_ms milliseconds.
 */
bool listener_begin(struct listener *listener, int64_t limit_ms);

/* Takes what has come, without waiting.  HEARD_END: the connection is gone, and closed. */
enum listener_heard listener_hear(struct listener *listener);

enum listener_way listener_way(const struct listener *listener);
int listener_socket(const struct listener *listener); /* -1 when there is none */
const char *listener_error(const struct listener *listener);

/*
 * What is listened to: the topmost of the rules' bases and people's; owned texts.  For tests too.
 */
GPtrArray *listener_bases(const struct settings *settings);

#endif
