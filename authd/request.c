#include "config.h"

#include "authd/request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "authd/event.h"
#include "common/clock.h"
#include "common/guard.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/text.h"

/* The module sends right after it connects; whoever does not is in the way of others. */
#define REQUEST_WAIT_MS  1000
/* The longest a request may ask for: the module's largest timeout. */
#define REQUEST_MOST_MS  50000
/* Kept for the event and the way back, so that the answer arrives before the module gives up. */
#define REPLY_MARGIN_MS  100
/* Refused peers make at most one event in this time. */
#define REFUSAL_QUIET_MS 1000
/* So do logins as the daemon's own role in the log; each of them is an event. */
#define OWN_ROLE_QUIET_MS 1000

static bool peer_of(int fd, struct ucred *peer)
{
    socklen_t size = sizeof *peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0 && size == sizeof *peer;
}

static void refuse_peer(struct worker *worker, const struct ucred *peer)
{
    int64_t now = clock_mono_ms();

    if (worker->refusal_logged_ms != 0 && now - worker->refusal_logged_ms < REFUSAL_QUIET_MS) {
        worker->refusals_unlogged++;
        return;
    }
    log_warning(
        "refused a request of uid %d, pid %d: not in daemon.clients (%llu more like it went "
        "unlogged)",
        (int)peer->uid, (int)peer->pid, (unsigned long long)worker->refusals_unlogged);
    event_refused_peer(worker->audit, audit_new_id(), peer->uid, peer->pid);
    worker->refusal_logged_ms = now;
    worker->refusals_unlogged = 0;
}

/* The datagram's length, or -1 when there is none to answer. */
static ssize_t receive(int fd, uint8_t *buf, size_t size)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};

    /* An asker who has gone (deadline, cancelled login) is dropped unread: his code stays unused. */
    if (poll(&wait, 1, REQUEST_WAIT_MS) != 1 || (wait.revents & (POLLRDHUP | POLLHUP | POLLERR)))
        return -1;
    return recv(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
}

static void fill_slot(struct slot *slot, const struct login *login, uint64_t event,
                      const struct ucred *peer)
{
    const struct wire_request *r = login->request;
    size_t user_len = r->user.len < sizeof slot->user ? r->user.len : sizeof slot->user;

    slot->gave_up = 0;
    slot->event = event;
    slot->started_ms = login->now_ms;
    slot->burn = (struct mfa_burn){0};
    memcpy(slot->user, r->user.len > 0 ? r->user.ptr : (const uint8_t *)"", user_len);
    slot->user_len = user_len;
    slot->user_known = false;
    slot->user_hash[0] = '\0';
    snprintf(slot->address, sizeof slot->address, "%.*s", (int)r->rhost.len,
             r->rhost.len > 0 ? (const char *)r->rhost.ptr : "");
    snprintf(slot->service, sizeof slot->service, "%.*s", (int)r->service.len,
             r->service.len > 0 ? (const char *)r->service.ptr : "");
    slot->backend = peer->pid;
    slot->uid = peer->uid;
    slot->busy = 1;
}

static void send_reply(int fd, const struct login *login, uint64_t event)
{
    uint8_t buf[WIRE_MAX];
    enum verdict verdict = reason_verdict(login->reason);
    struct wire_reply reply = {.verdict = verdict, .event = event};

    memcpy(reply.nonce, login->request->nonce, WIRE_NONCE);
    if ((verdict == VERDICT_GRANTED || verdict == VERDICT_CONTINUE) && login->policy != NULL &&
        login->policy->password == PASSWORD_STACK)
        reply.authtok = login->password;
    size_t len = wire_encode_reply(&reply, buf, sizeof buf);
    if (len == 0 || send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
        log_notice("event %016llx: the asker was gone before the answer (%s)",
                   (unsigned long long)event, len == 0 ? "too long" : strerror(errno));
    secret_wipe(buf, sizeof buf);
}

/* What the store or a server said to a login that could not be decided, or "". */
static const char *trouble_of(const struct login *login)
{
    const struct providers *p = login->providers;

    switch (login->reason) {
    case REASON_STORE_UNAVAILABLE:
    case REASON_KEY_UNAVAILABLE:
        return p->mfa != NULL ? mfa_error(p->mfa) : p->mfa_why;
    case REASON_DIRECTORY_UNAVAILABLE:
    case REASON_DIRECTORY_ANSWER:
        return p->directory != NULL ? directory_error(p->directory) : "";
    case REASON_POSTGRES_UNAVAILABLE:
        return p->roles != NULL ? role_source_error(p->roles) : "";
    default:
        return "";
    }
}

/* The log has it as well as the event: whoever looks there first finds it. */
static void log_trouble(const struct login *login, uint64_t event, const char *words)
{
    if (reason_verdict(login->reason) == VERDICT_UNAVAILABLE)
        log_warning("event %016llx: login answered UNAVAILABLE, %s%s%s", (unsigned long long)event,
                    reason_name(login->reason), words[0] != '\0' ? ": " : "", words);
}

static void log_own_role(struct worker *worker, const struct login *login, uint64_t event)
{
    int64_t now = clock_mono_ms();
    char name[256];

    if (login->reason != REASON_OWN_ROLE ||
        (worker->own_role_logged_ms != 0 && now - worker->own_role_logged_ms < OWN_ROLE_QUIET_MS))
        return;
    worker->own_role_logged_ms = now;
    text_escape(name, sizeof name, login->request->user);
    log_warning("event %016llx: refused a login as role %s through PAM, because this daemon itself "
                "connects as it and cannot wait for its own answer; if that was the daemon, put "
                "above the pam lines of pg_hba.conf: local all %s peer, or: hostssl all %s ADDRESS "
                "scram-sha-256 (or cert)",
                (unsigned long long)event, name, name, name);
}

static void answer(struct worker *worker, int fd, const struct wire_request *request,
                   const struct ucred *peer)
{
    int64_t start_us = clock_mono_us();
    int64_t now = start_us / 1000;
    int64_t asked = request->deadline > INT64_MAX ? INT64_MAX : (int64_t)request->deadline;
    int64_t deadline = asked > now + REQUEST_MOST_MS ? now + REQUEST_MOST_MS : asked;
    uint64_t event = audit_new_id();
    struct login login = {
        .providers = &worker->providers,
        .request = request,
        .slot = worker->slot,
        .now_ms = clock_wall_ms(),
        .boot_s = clock_boot_s(),
        .up_ms = clock_since_boot_ms(),
        .deadline_ms = deadline - REPLY_MARGIN_MS,
    };

    fill_slot(worker->slot, &login, event, peer);
    guard_arm(login.deadline_ms);
    if (login.deadline_ms <= now)
        login.reason = REASON_DEADLINE;
    else
        decide(&login);
    guard_disarm();
    const char *trouble = trouble_of(&login);
    log_trouble(&login, event, trouble);
    log_own_role(worker, &login, event);

    int64_t total_us = clock_mono_us() - start_us;
    if (!event_login(worker->audit, &login, event, peer->uid, peer->pid, total_us, trouble) &&
        reason_verdict(login.reason) != VERDICT_DENIED &&
        reason_verdict(login.reason) != VERDICT_UNAVAILABLE) {
        /* Nobody enters unrecorded. */
        log_error("event %016llx could not be recorded anywhere: the login is refused",
                  (unsigned long long)event);
        decide_withdraw(&login, REASON_AUDIT_UNAVAILABLE);
    }
    decide_begin_burst(&login);
    worker->slot->busy = 0;
    send_reply(fd, &login, event);
    decide_clear(&login);
}

void request_serve(struct worker *worker, int fd)
{
    uint8_t buf[WIRE_MAX + 1]; /* one more than allowed, so that "too long" shows */
    struct wire_request request;
    struct ucred peer;
    ssize_t len;

    if (!peer_of(fd, &peer))
        return;
    if (!clients_may_ask(&worker->clients, peer.uid)) {
        refuse_peer(worker, &peer);
        return;
    }
    len = receive(fd, buf, sizeof buf);
    if (len <= 0)
        return;
    enum wire_fault fault =
        len > WIRE_MAX ? WIRE_LONG : wire_decode_request(buf, (size_t)len, &request);
    if (fault == WIRE_OK) {
        answer(worker, fd, &request, &peer);
    } else {
        log_error("damaged request of uid %d, pid %d: %s; are module and daemon of one version?",
                  (int)peer.uid, (int)peer.pid, wire_fault_text(fault));
        event_bad_request(worker->audit, audit_new_id(), peer.uid, peer.pid,
                          wire_fault_text(fault));
    }
    secret_wipe(buf, sizeof buf);
}

void request_settle(struct worker *worker)
{
    struct slot *slot = worker->slot;
    bool gave_back = false;

    if (!slot->busy)
        return;
    /* Only the deadline gives a code back.  After a crash it stays burnt: a request that could crash
     * a worker must not buy a second guess (invariant 1). */
    struct mfa_burn burn = slot->burn;
    slot->burn = (struct mfa_burn){0}; /* first: never given back twice */
    if (slot->gave_up && burn.token != 0 && worker->providers.mfa != NULL &&
        returns_allow(worker->providers.returns, &burn))
        gave_back =
            mfa_give_back(worker->providers.mfa, &burn, clock_mono_ms() + REQUEST_WAIT_MS);
    event_lost(worker->audit, slot, slot->gave_up ? REASON_DEADLINE : REASON_INTERNAL, gave_back);
    slot->gave_up = 0;
    slot->busy = 0;
}
