/*
 * pgconn_hosts.h - the hosts of one connection string, and which of them is tried when.
 *
 * libpq goes on to the next host when one refuses.  One that does not answer at all (switched off, cut off,
 * frozen) would keep it for ever: connect_timeout counts in PQconnectdb alone, not in a loop of
 * PQconnectPoll.  So each host gets half of the time that is left, the last one all of it; one that let it
 * pass is left out of the rest of that call, and comes last in later ones until it answers.
 *
 * Internal to common/pgconn*.c.
 */
#ifndef PGSIGNET_PGCONN_HOSTS_H
#define PGSIGNET_PGCONN_HOSTS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define PGCONN_HOSTS_MAX                                                                           \
    16 /* with more, and with one, libpq's own order and no limit but the call's */
#define PGCONN_HOSTS_TEXT 512 /* bytes of a list of them */

struct pgconn_hosts {
    size_t n; /* 0: not known yet, or not more than one */
    char host[PGCONN_HOSTS_TEXT], hostaddr[PGCONN_HOSTS_TEXT], port[PGCONN_HOSTS_TEXT];
    uint32_t silent;   /* a bit each: did not answer when last tried */
    uint32_t left_out; /* of this call */

    /* the connection that is being made */
    size_t listed;  /* hosts it was given */
    size_t current; /* which one it is at; n when none was seen yet */
    size_t seen;    /* hosts it came to, this one included */
    int64_t until_ms;
};

/* Values for PQconnectStartParams that put the hosts in order; empty where the list is right as it is. */
struct pgconn_order {
    char host[PGCONN_HOSTS_TEXT], hostaddr[PGCONN_HOSTS_TEXT], port[PGCONN_HOSTS_TEXT];
};

/* A call begins. */
void pgconn_hosts_begin(struct pgconn_hosts *hosts);

/* The order of the next connection. */
void pgconn_hosts_order(struct pgconn_hosts *hosts, struct pgconn_order *order);

/* A connection was begun with that order: learns the list from the first one. */
void pgconn_hosts_started(struct pgconn_hosts *hosts, PGconn *pg);

/* Until when the host that the connection is at may take (CLOCK_MONOTONIC), at most limit_ms. */
int64_t pgconn_hosts_until(struct pgconn_hosts *hosts, PGconn *pg, int64_t limit_ms);

/* The host let its time pass.  Is there another one to try? */
bool pgconn_hosts_leave_out(struct pgconn_hosts *hosts);

/* The first host that was left out of this call, for messages; empty: none was. */
struct bytes pgconn_hosts_silent(const struct pgconn_hosts *hosts);

/* It is connected. */
void pgconn_hosts_answered(struct pgconn_hosts *hosts);

#endif
