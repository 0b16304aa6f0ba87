/* A name with several addresses, as a domain has its controllers': one that says nothing is not the end. */
#include "config.h"

#include "common/clock.h"
#include "common/ldap_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SILENT "127.0.0.2"
#define HEARD  "127.0.0.1"
#define FILL   8 /* connections; the second finds the queue full already */

/* In place of the C library's: the silent address first. */
__attribute__((visibility("default"))) int getaddrinfo(const char *restrict node,
                                                       const char *restrict service,
                                                       const struct addrinfo *restrict hints,
                                                       struct addrinfo **restrict result);
__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *result);

static struct answer {
    struct addrinfo info;
    struct sockaddr_in address;
} answers[2];

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    static const char *const texts[] = {SILENT, HEARD};

    (void)node;
    if (service == NULL) /* libldap asks for this machine's own name */
        return EAI_NONAME;
    for (size_t i = 0; i < 2; i++) {
        answers[i].address =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service))};
        inet_pton(AF_INET, texts[i], &answers[i].address.sin_addr);
        answers[i].info =
            (struct addrinfo){.ai_family = AF_INET,
                              .ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM,
                              .ai_addr = (struct sockaddr *)&answers[i].address,
                              .ai_addrlen = sizeof answers[i].address,
                              .ai_next = i == 0 ? &answers[1].info : NULL};
    }
    *result = &answers[0].info;
    return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
    (void)result;
}

/* Listens at an address; *port 0: at any port.  -1 when that one is taken. */
static int listen_at(const char *text, int backlog, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, backlog) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Takes all there is room for: what comes later is not answered, as by a machine that is off. */
static void fill(uint16_t port, int fds[FILL])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    assert_int_equal(inet_pton(AF_INET, SILENT, &address.sin_addr), 1);
    for (size_t i = 0; i < FILL; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        if (connect(fds[i], (struct sockaddr *)&address, sizeof address) != 0)
            assert_int_equal(errno, EINPROGRESS);
    }
}

static void a_silent_address_leaves_time_for_the_next(void **state)
{
    int silent = -1, heard = -1, fds[FILL];
    uint16_t port = 0;
    char uri[64], why[LDAPC_WHY_MAX] = "";
    struct ldapc *connection = NULL;

    (void)state;
    while (heard < 0) {
        port = 0;
        silent = listen_at(SILENT, 0, &port);
        assert_true(silent >= 0);
        heard = listen_at(HEARD, 4, &port);
        if (heard < 0)
            close(silent);
    }
    fill(port, fds);
    snprintf(uri, sizeof uri, "ldap://directory.example:%u", port);
    const struct ldapc_target target = {.uri = uri};
    enum ldapc_status status = ldapc_open(&target, clock_mono_ms() + 6000, &connection, why);
    if (status != LDAPC_OK)
        fail_msg("status %d: %s", (int)status, why);
    /* And with time left: a socket that came at the limit would be shut down. */
    int peer = accept4(heard, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    assert_int_equal(recv(peer, why, sizeof why, MSG_DONTWAIT), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
    close(peer);
    ldapc_close(connection);
    for (size_t i = 0; i < FILL; i++)
        close(fds[i]);
    close(silent);
    close(heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_silent_address_leaves_time_for_the_next)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
