#include "config.h"

#include "common/pgconn_hosts.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

/* Item i of a list with commas; of a list of one, that one for all (as libpq reads ports). */
static struct bytes item(const char *list, size_t i, bool one_for_all)
{
    if (one_for_all && strchr(list, ',') == NULL)
        return bytes_str(list);
    for (; i > 0; i--) {
        list = strchr(list, ',');
        if (list == NULL)
            return bytes_of(NULL, 0);
        list++;
    }
    return bytes_of(list, strcspn(list, ","));
}

static size_t count(const char *list)
{
    size_t n = list[0] != '\0' ? 1 : 0;

    for (; *list != '\0'; list++)
        n += *list == ',';
    return n;
}

static bool copy(char out[PGCONN_HOSTS_TEXT], const char *value)
{
    return snprintf(out, PGCONN_HOSTS_TEXT, "%s", value != NULL ? value : "") < PGCONN_HOSTS_TEXT;
}

void pgconn_hosts_begin(struct pgconn_hosts *hosts)
{
    hosts->left_out = 0;
}

static void append(char out[PGCONN_HOSTS_TEXT], struct bytes text, bool first)
{
    size_t used = strlen(out);

    /* Fits: it is the list it was made of in another order, ports of one host repeated at most. */
    snprintf(out + used, PGCONN_HOSTS_TEXT - used, "%s%.*s", first ? "" : ",", (int)text.len,
             text.len > 0 ? (const char *)text.ptr : "");
}

void pgconn_hosts_order(struct pgconn_hosts *hosts, struct pgconn_order *order)
{
    *order = (struct pgconn_order){.host = ""};
    hosts->listed = hosts->n;
    if (hosts->n == 0 || (hosts->silent | hosts->left_out) == 0)
        return;
    hosts->listed = 0;
    for (int silent = 0; silent < 2; silent++) {
        for (size_t i = 0; i < hosts->n; i++) {
            if ((hosts->left_out >> i & 1) != 0 || (int)(hosts->silent >> i & 1) != silent)
                continue;
            append(order->host, item(hosts->host, i, false), hosts->listed == 0);
            append(order->hostaddr, item(hosts->hostaddr, i, false), hosts->listed == 0);
            append(order->port, item(hosts->port, i, true), hosts->listed == 0);
            hosts->listed++;
        }
    }
    /* A list that was not given stays so. */
    if (hosts->host[0] == '\0')
        order->host[0] = '\0';
    if (hosts->hostaddr[0] == '\0')
        order->hostaddr[0] = '\0';
    if (hosts->port[0] == '\0')
        order->port[0] = '\0';
}

static void learn(struct pgconn_hosts *hosts, PGconn *pg)
{
    PQconninfoOption *options = PQconninfo(pg); /* with what service file and environment added */
    bool fits = options != NULL;

    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (strcmp(o->keyword, "host") == 0)
            fits = copy(hosts->host, o->val) && fits;
        else if (strcmp(o->keyword, "hostaddr") == 0)
            fits = copy(hosts->hostaddr, o->val) && fits;
        else if (strcmp(o->keyword, "port") == 0)
            fits = copy(hosts->port, o->val) && fits;
    }
    PQconninfoFree(options);
    size_t n = count(hosts->hostaddr[0] != '\0' ? hosts->hostaddr : hosts->host);
    /* A port for each, where one stands for all, must fit as well. */
    if (fits && n > 1 && n <= PGCONN_HOSTS_MAX && n * 6 < PGCONN_HOSTS_TEXT)
        hosts->n = hosts->listed = n;
}

void pgconn_hosts_started(struct pgconn_hosts *hosts, PGconn *pg)
{
    if (hosts->n == 0)
        learn(hosts, pg);
    hosts->current = hosts->n;
    hosts->seen = 0;
}

static bool is_at(const struct pgconn_hosts *hosts, size_t i, const char *host, const char *port)
{
    struct bytes name = item(hosts->host, i, false), at = item(hosts->port, i, true);

    if (name.len == 0)
        name = item(hosts->hostaddr, i, false);
    /* A port that is not given is libpq's default, whatever that is. */
    return bytes_equal(name, bytes_str(host)) && (at.len == 0 || bytes_equal(at, bytes_str(port)));
}

/* Which of them the connection is at; n when that cannot be told. */
static size_t find(const struct pgconn_hosts *hosts, PGconn *pg)
{
    const char *host = PQhost(pg), *port = PQport(pg);

    if (host == NULL || port == NULL)
        return hosts->n;
    if (hosts->current < hosts->n && is_at(hosts, hosts->current, host, port))
        return hosts->current;
    for (size_t i = 0; i < hosts->n; i++)
        if ((hosts->left_out >> i & 1) == 0 && is_at(hosts, i, host, port))
            return i;
    return hosts->n;
}

int64_t pgconn_hosts_until(struct pgconn_hosts *hosts, PGconn *pg, int64_t limit_ms)
{
    int64_t now = clock_mono_ms();
    size_t at = find(hosts, pg);

    if (at == hosts->n)
        return limit_ms;
    if (at != hosts->current) {
        hosts->current = at;
        hosts->seen++;
        hosts->until_ms = hosts->seen < hosts->listed ? now + (limit_ms - now) / 2 : limit_ms;
    }
    return hosts->until_ms < limit_ms ? hosts->until_ms : limit_ms;
}

bool pgconn_hosts_leave_out(struct pgconn_hosts *hosts)
{
    if (hosts->current >= hosts->n)
        return false;
    hosts->silent |= UINT32_C(1) << hosts->current;
    hosts->left_out |= UINT32_C(1) << hosts->current;
    return hosts->left_out != (UINT32_C(1) << hosts->n) - 1;
}

struct bytes pgconn_hosts_silent(const struct pgconn_hosts *hosts)
{
    for (size_t i = 0; i < hosts->n; i++) {
        if ((hosts->left_out >> i & 1) != 0) {
            struct bytes name = item(hosts->host, i, false);
            return name.len > 0 ? name : item(hosts->hostaddr, i, false);
        }
    }
    return bytes_of(NULL, 0);
}

void pgconn_hosts_answered(struct pgconn_hosts *hosts)
{
    if (hosts->current < hosts->n)
        hosts->silent &= ~(UINT32_C(1) << hosts->current);
}
