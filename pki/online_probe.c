/*
 * One TLS handshake with a PostgreSQL port, as a client that logs in would make it - up to the point where it
 * would say who it is.
 *
 * With TLS 1.3 a client is through before the server has looked at its certificate, so that only the first bytes
 * after the handshake tell.  A startup message without a user makes the server speak: it refuses it, before any
 * authentication.  If the server has refused the certificate, that message may reach a socket that is closed
 * already, and the reset that answers it may overtake the alert; then it is tried again, saying nothing but that
 * nothing will follow: no reset, and the alert gets here.
 */
#include "config.h"

#include "pki/online_job.h"
#include "pki/online_text.h"

#include "common/clock.h"
#include "common/secret.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES 6 /* of both kinds in turn */

static const uint8_t ssl_request[8] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}; /* 80877103 */
static const uint8_t startup_of_nobody[9] = {0, 0, 0, 9, 0, 3, 0, 0, 0};    /* 3.0, no parameters */

enum outcome {
    HANDSHAKE_ACCEPTED,
    HANDSHAKE_ALERT,
    HANDSHAKE_NO_TLS,
    HANDSHAKE_UNKNOWN, /* the connection was lost without a word */
    HANDSHAKE_FAILED,  /* job->why is set */
};

struct probe {
    struct online_job *job;
    char *host, *port, *name; /* owned */
    SSL_CTX *context;         /* owned */
    int fd;                   /* of the try; -1 = none */
    SSL *ssl;                 /* of the try */
    bool asked;
    int alert; /* description; -1 = none came */
    X509 *served;
};

static enum outcome failed(struct probe *probe, const char *came_back, const char *advice)
{
    online_job_fail(probe->job, "cannot probe %s port %s: %s; %s", probe->host, probe->port,
                    came_back, advice);
    return HANDSHAKE_FAILED;
}

static enum outcome late(struct probe *probe)
{
    char text[64];

    snprintf(text, sizeof text, "no answer within %d s", (int)probe->job->timeout_s);
    return failed(probe, text, "check that a PostgreSQL listens there, and the network");
}

/* False when the deadline has come. */
static bool wait_for(const struct probe *probe, short events)
{
    struct pollfd fd = {.fd = probe->fd, .events = events};
    int ready;

    do {
        int64_t left_ms = probe->job->deadline_ms - clock_mono_ms();
        ready = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;
    } while (ready < 0 && errno == EINTR && clock_mono_ms() < probe->job->deadline_ms);
    return ready > 0;
}

/* --- the connection --- */

/* 0, or why not (errno); ETIMEDOUT is our own deadline. */
static int connect_one(struct probe *probe, const struct addrinfo *address)
{
    int fault = 0;
    socklen_t len = sizeof fault;

    probe->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0)
        return errno;
    if (connect(probe->fd, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    fault = errno;
    if (fault == EINPROGRESS) {
        fault = ETIMEDOUT;
        if (wait_for(probe, POLLOUT) &&
            getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &fault, &len) != 0)
            fault = errno;
    }
    if (fault != 0) {
        close(probe->fd);
        probe->fd = -1;
    }
    return fault;
}

static enum outcome connect_any(struct probe *probe)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int fault = getaddrinfo(probe->host, probe->port, &hints, &all);

    if (fault != 0)
        return failed(probe, gai_strerror(fault), "check the name, or give an address");
    for (const struct addrinfo *at = all; at != NULL && probe->fd < 0; at = at->ai_next)
        fault = connect_one(probe, at);
    freeaddrinfo(all);
    if (probe->fd >= 0)
        return HANDSHAKE_ACCEPTED;
    if (clock_mono_ms() >= probe->job->deadline_ms)
        return late(probe);
    return failed(probe, strerror(fault), "check that the server runs and listens there");
}

/* The server's one byte.  Not one more is read: what follows it is TLS's. */
static enum outcome ask_for_tls(struct probe *probe)
{
    char byte = 0;
    ssize_t n;

    if (send(probe->fd, ssl_request, sizeof ssl_request, MSG_NOSIGNAL) != sizeof ssl_request)
        return HANDSHAKE_UNKNOWN;
    do {
        if (!wait_for(probe, POLLIN))
            return late(probe);
        n = read(probe->fd, &byte, 1);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    if (n <= 0)
        return HANDSHAKE_UNKNOWN;
    if (byte == 'N')
        return HANDSHAKE_NO_TLS;
    if (byte != 'S')
        return failed(probe, "the answer to a request for TLS is neither S nor N",
                      "check that a PostgreSQL or a PgBouncer listens there");
    return HANDSHAKE_ACCEPTED;
}

/* --- TLS --- */

static void note_alert(const SSL *ssl, int where, int ret)
{
    struct probe *probe = SSL_get_app_data(ssl);

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (ret >> 8) == SSL3_AL_FATAL)
        probe->alert = ret & 0xff;
}

/* Is called when the server asks for a certificate; the one to send was set before. */
static int note_asked(SSL *ssl, void *arg)
{
    (void)arg;
    ((struct probe *)SSL_get_app_data(ssl))->asked = true;
    return 1;
}

static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* The leaf, then the CAs of its chain. */
static bool load_certificates(SSL_CTX *context, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    bool good = certificate != NULL && SSL_CTX_use_certificate(context, certificate) == 1;

    X509_free(certificate);
    while (good && (certificate = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) != NULL) {
        good = SSL_CTX_add1_chain_cert(context, certificate) == 1;
        X509_free(certificate);
    }
    BIO_free(in);
    return good;
}

static bool load_key(SSL_CTX *context, const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    bool good = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1 &&
                SSL_CTX_check_private_key(context) == 1;

    EVP_PKEY_free(key);
    BIO_free(in);
    return good;
}

static bool make_context(struct probe *probe, const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    probe->context = context;
    if (context == NULL) {
        failed(probe, "memory is short", "stop what takes it");
        return false;
    }
    /* Whatever is served is looked at, not trusted: an adopted key of 1024 bits as well. */
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_info_callback(context, note_alert);
    SSL_CTX_set_cert_cb(context, note_asked, NULL);
    if (certificate != NULL &&
        (key == NULL || !load_certificates(context, certificate) || !load_key(context, key))) {
        failed(probe, "the client certificate and its key cannot be used",
               "check that both are PEM, of one pair, and that the key is not encrypted");
        return false;
    }
    return true;
}

/* What a call to OpenSSL that did not succeed means; HANDSHAKE_ACCEPTED: it can be called again. */
static enum outcome judge(struct probe *probe, int returned)
{
    int error = SSL_get_error(probe->ssl, returned);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return wait_for(probe, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT) ? HANDSHAKE_ACCEPTED
                                                                                : late(probe);
    if (probe->alert >= 0)
        return HANDSHAKE_ALERT;
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    if (error == SSL_ERROR_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING &&
        reason != NULL)
        return failed(probe, reason, "check that a PostgreSQL or a PgBouncer listens there");
    return HANDSHAKE_UNKNOWN;
}

static enum outcome shake_hands(struct probe *probe)
{
    enum outcome outcome = HANDSHAKE_ACCEPTED;
    unsigned char address[16];
    int done;

    probe->ssl = SSL_new(probe->context);
    if (probe->ssl == NULL || SSL_set_app_data(probe->ssl, probe) != 1 ||
        SSL_set_fd(probe->ssl, probe->fd) != 1)
        return failed(probe, "memory is short", "stop what takes it");
    if (inet_pton(AF_INET, probe->name, address) != 1 &&
        inet_pton(AF_INET6, probe->name, address) != 1)
        SSL_set_tlsext_host_name(probe->ssl, probe->name);
    do {
        ERR_clear_error();
        done = SSL_connect(probe->ssl);
        if (done != 1)
            outcome = judge(probe, done);
    } while (done != 1 && outcome == HANDSHAKE_ACCEPTED);
    X509 *served = SSL_get1_peer_certificate(probe->ssl);
    if (served != NULL) {
        X509_free(probe->served);
        probe->served = served;
    }
    return outcome;
}

/* What the server says once it has seen the client's certificate. */
static enum outcome listen_for_verdict(struct probe *probe, bool speak)
{
    enum outcome outcome = HANDSHAKE_ACCEPTED;
    char byte;
    int n = 0;

    while (speak && n <= 0 && outcome == HANDSHAKE_ACCEPTED) {
        ERR_clear_error();
        n = SSL_write(probe->ssl, startup_of_nobody, sizeof startup_of_nobody);
        if (n <= 0)
            outcome = judge(probe, n);
    }
    if (!speak)
        shutdown(probe->fd, SHUT_WR);
    /* A write that failed: the alert may be there to be read. */
    if (outcome == HANDSHAKE_UNKNOWN)
        outcome = HANDSHAKE_ACCEPTED;
    n = 0;
    while (n <= 0 && outcome == HANDSHAKE_ACCEPTED) {
        ERR_clear_error();
        n = SSL_read(probe->ssl, &byte, 1);
        if (n <= 0)
            outcome = judge(probe, n);
    }
    return outcome;
}

static void end_try(struct probe *probe)
{
    SSL_free(probe->ssl);
    probe->ssl = NULL;
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
    ERR_clear_error();
}

static enum outcome try_once(struct probe *probe, bool speak)
{
    enum outcome outcome = connect_any(probe);

    probe->alert = -1;
    if (outcome == HANDSHAKE_ACCEPTED)
        outcome = ask_for_tls(probe);
    if (outcome == HANDSHAKE_ACCEPTED)
        outcome = shake_hands(probe);
    if (outcome == HANDSHAKE_ACCEPTED)
        outcome = listen_for_verdict(probe, speak);
    end_try(probe);
    return outcome;
}

/* --- the answer --- */

static json_t *served_json(X509 *served)
{
    unsigned char *der = NULL;
    int len = served != NULL ? i2d_X509(served, &der) : 0;
    json_t *value = len > 0 ? online_text_binary(bytes_of(der, (size_t)len)) : json_null();

    OPENSSL_free(der);
    return value;
}

static json_t *answer_of(struct probe *probe, enum outcome outcome)
{
    const char *verdict = "accepted";
    const char *alert = NULL;

    if (outcome == HANDSHAKE_NO_TLS) {
        verdict = "no-tls";
    } else if (outcome == HANDSHAKE_ALERT) {
        alert = SSL_alert_desc_string_long(probe->alert);
        verdict = probe->alert == SSL_AD_CERTIFICATE_REVOKED ? "revoked" : "refused";
    }
    return json_pack("{s:s,s:o,s:o,s:b}", "verdict", verdict, "alert", online_text_string(alert),
                     "served", served_json(probe->served), "asked", probe->asked);
}

static json_t *probe_server(struct probe *probe)
{
    enum outcome outcome = HANDSHAKE_UNKNOWN;

    for (int i = 0; i < TRIES && outcome == HANDSHAKE_UNKNOWN; i++)
        outcome = try_once(probe, i % 2 == 0);
    if (outcome == HANDSHAKE_FAILED)
        return NULL;
    if (outcome == HANDSHAKE_UNKNOWN) {
        failed(probe, "the connection was closed without a word",
               "look into the server's log; is it starting or out of connections?");
        return NULL;
    }
    return answer_of(probe, outcome);
}

json_t *online_answer_probe(struct online_job *job)
{
    json_int_t port = json_integer_value(json_object_get(job->request, "port"));
    char *certificate = online_job_text(job, "certificate"), *key = online_job_text(job, "key");
    struct probe probe = {.job = job,
                          .host = online_job_text(job, "host"),
                          .name = online_job_text(job, "name"),
                          .port = g_strdup_printf("%d", (int)port),
                          .fd = -1,
                          .alert = -1};
    json_t *answer = NULL;

    if (probe.host == NULL || probe.name == NULL || port < 1 || port > 65535)
        online_job_fail(job, "the request names no host and no port");
    else if (make_context(&probe, certificate, key))
        answer = probe_server(&probe);
    X509_free(probe.served);
    SSL_CTX_free(probe.context);
    if (key != NULL)
        secret_wipe(key, strlen(key));
    g_free(key);
    g_free(certificate);
    g_free(probe.host);
    g_free(probe.name);
    g_free(probe.port);
    return answer;
}
