/*
 * A loopback LDAP server for the answers that a real one does not give on demand.
 *
 *   sync_fake_ldap MODE LOG        prints its port, then serves until it is killed
 *
 * It knows ou=groups,dc=f with the group cn=big, and ou=people,dc=f with uid=p0 to uid=p6, in pages
 * of two whatever is asked. cn=big's member comes in ranges of three, as AD gives it.  Each search
 * is a line of LOG: BASE ATTRIBUTE. What goes wrong depends on MODE:
 *   good          nothing
 *   range-half    the second range is asked for, and not there
 *   range-skips   the second range begins later than asked
 *   range-again   the second range is the first again
 *   size-limit    the second page of people is a size limit
 *   size-entries  ... and comes with entries before it
 *   drop          the second page of people is a closed connection
 *   drop-once     ... once, then never again
 *   drop-entry    ... in the middle of an entry, once
 *   busy          searches are answered: busy
 *   slow          each message takes 300 ms
 *   hang          searches are not answered
 */
#include "config.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lber.h>
#include <ldap.h>

#define PEOPLE 7
#define PAGE   2
#define RANGE  3

static const char *mode;
static FILE *log_file;
static int *dropped; /* shared by all connections */

struct request {
    ber_int_t id;
    struct berval base, *attributes;
    int from; /* of the page: its cookie */
    bool paged;
};

static bool is(const char *name)
{
    return strcmp(mode, name) == 0;
}

static void pause_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&span, NULL);
}

/* --- writing --- */

static void send_ber(Sockbuf *socket, BerElement *ber)
{
    if (is("slow"))
        pause_ms(300);
    ber_flush2(socket, ber, LBER_FLUSH_FREE_ALWAYS);
}

static void send_result(Sockbuf *socket, const struct request *request, ber_tag_t type, int code,
                        int next)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER), *value = ber_alloc_t(LBER_USE_DER);
    struct berval cookie = {0}, packed;
    char text[12];

    ber_printf(ber, "{it{ess}", request->id, type, code, "", "");
    if (request->paged) {
        if (next > 0) {
            cookie.bv_len = (ber_len_t)snprintf(text, sizeof text, "%d", next);
            cookie.bv_val = text;
        }
        ber_printf(value, "{iO}", 0, &cookie);
        ber_flatten2(value, &packed, 0);
        ber_printf(ber, "t{{sO}}", (ber_tag_t)LDAP_TAG_CONTROLS, LDAP_CONTROL_PAGEDRESULTS,
                   &packed);
    }
    ber_printf(ber, "}");
    send_ber(socket, ber);
    ber_free(value, 1);
}

static void send_person(Sockbuf *socket, const struct request *request, int number)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    char dn[64], uid[16];

    snprintf(dn, sizeof dn, "uid=p%d,ou=people,dc=f", number);
    snprintf(uid, sizeof uid, "p%d", number);
    ber_printf(ber, "{it{s{{s[s]}}}}", request->id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, dn, "uid",
               uid);
    send_ber(socket, ber);
}

/* cn=big with members [from, from + RANGE), as the attribute "member;range=SHOWN-...". */
static void send_group(Sockbuf *socket, const struct request *request, int from, int shown)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    bool last = from + RANGE >= PEOPLE;
    char attribute[64], dn[64];

    if (last)
        snprintf(attribute, sizeof attribute, "member;range=%d-*", shown);
    else
        snprintf(attribute, sizeof attribute, "member;range=%d-%d", shown, shown + RANGE - 1);
    ber_printf(ber, "{it{s{", request->id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY,
               "cn=big,ou=groups,dc=f");
    if (from == 0)
        ber_printf(ber, "{s[]}", "member");
    if (from >= 0) {
        ber_printf(ber, "{s[", attribute);
        for (int i = from; i < from + RANGE && i < PEOPLE; i++) {
            snprintf(dn, sizeof dn, "uid=p%d,ou=people,dc=f", i);
            ber_printf(ber, "s", dn);
        }
        ber_printf(ber, "]}");
    }
    ber_printf(ber, "}}}");
    send_ber(socket, ber);
}

/* --- answers --- */

static void answer_group(Sockbuf *socket, const struct request *request)
{
    const char *range = NULL;
    int from = 0;

    for (size_t i = 0; request->attributes[i].bv_val != NULL; i++)
        if (strncasecmp(request->attributes[i].bv_val, "member;range=", 13) == 0)
            range = request->attributes[i].bv_val + 13;
    if (range != NULL)
        from = (int)strtol(range, NULL, 10);
    if (range == NULL || is("good"))
        send_group(socket, request, from, from);
    else if (is("range-half"))
        send_group(socket, request, -1, 0);
    else if (is("range-skips"))
        send_group(socket, request, from + 1, from + 1);
    else if (is("range-again"))
        send_group(socket, request, 0, 0);
    else
        send_group(socket, request, from, from);
    send_result(socket, request, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, 0);
}

/* False: the connection is to be closed. */
static bool answer_people(Sockbuf *socket, ber_socket_t fd, const struct request *request)
{
    static const unsigned char half[] = {0x30, 0x40, 0x02, 0x01};
    int last = request->from + PAGE, next = last < PEOPLE ? last : 0;
    bool second = request->from == PAGE;
    int code = LDAP_SUCCESS;

    if (second && is("drop"))
        return false;
    if (second && (is("drop-once") || is("drop-entry")) && (*dropped)++ == 0) {
        if (is("drop-entry")) {
            send_person(socket, request, request->from);
            (void)!write(fd, half, sizeof half);
        }
        return false;
    }
    if (second && (is("size-limit") || is("size-entries"))) {
        code = LDAP_SIZELIMIT_EXCEEDED;
        next = 0;
    }
    for (int i = request->from; i < last && i < PEOPLE && !(second && is("size-limit")); i++)
        send_person(socket, request, i);
    send_result(socket, request, LDAP_RES_SEARCH_RESULT, code, next);
    return true;
}

static bool answer_search(Sockbuf *socket, ber_socket_t fd, const struct request *request)
{
    fprintf(log_file, "%s %s\n", request->base.bv_val,
            request->attributes[0].bv_val != NULL ? request->attributes[0].bv_val : "*");
    fflush(log_file);
    if (is("hang"))
        return true;
    if (is("busy")) {
        send_result(socket, request, LDAP_RES_SEARCH_RESULT, LDAP_BUSY, 0);
        return true;
    }
    if (strcasestr(request->base.bv_val, "ou=people") != NULL)
        return answer_people(socket, fd, request);
    answer_group(socket, request);
    return true;
}

/* --- reading --- */

/* The cookie of the paging control, if there is one. */
static void read_controls(BerElement *ber, struct request *request)
{
    char *end;
    ber_len_t len;

    if (ber_peek_tag(ber, &len) != LDAP_TAG_CONTROLS)
        return;
    for (ber_tag_t tag = ber_first_element(ber, &len, &end); tag != LBER_DEFAULT;
         tag = ber_next_element(ber, &len, end)) {
        struct berval oid, value = {0}, cookie = {0};
        ber_int_t size, critical;
        BerElement *inner;

        ber_scanf(ber, "{m", &oid);
        if (ber_peek_tag(ber, &len) == LBER_BOOLEAN)
            ber_scanf(ber, "b", &critical);
        if (ber_peek_tag(ber, &len) == LBER_OCTETSTRING)
            ber_scanf(ber, "m", &value);
        if (strcmp(oid.bv_val, LDAP_CONTROL_PAGEDRESULTS) != 0)
            continue;
        request->paged = true;
        inner = ber_init(&value);
        if (ber_scanf(inner, "{im", &size, &cookie) != LBER_ERROR && cookie.bv_len > 0)
            request->from = atoi(cookie.bv_val);
        ber_free(inner, 1);
    }
}

/* False: the connection is to be closed. */
static bool serve(Sockbuf *socket, ber_socket_t fd, BerElement *ber)
{
    struct request request = {0};
    ber_int_t scope, deref, size, seconds, types;
    struct berval filter;
    ber_len_t len;
    bool good = true;

    if (ber_get_int(ber, &request.id) == LBER_ERROR)
        return false;
    switch (ber_peek_tag(ber, &len)) {
    case LDAP_REQ_BIND:
        send_result(socket, &request, LDAP_RES_BIND, LDAP_SUCCESS, 0);
        return true;
    case LDAP_REQ_SEARCH:
        if (ber_scanf(ber, "{meeiib", &request.base, &scope, &deref, &size, &seconds, &types) ==
                LBER_ERROR ||
            ber_skip_element(ber, &filter) == LBER_ERROR ||
            ber_scanf(ber, "{W}}", &request.attributes) == LBER_ERROR)
            return false;
        read_controls(ber, &request);
        good = answer_search(socket, fd, &request);
        ber_bvarray_free(request.attributes);
        return good;
    case LDAP_REQ_UNBIND:
        return false;
    default:
        return true;
    }
}

static void serve_connection(ber_socket_t fd)
{
    Sockbuf *socket = ber_sockbuf_alloc();
    bool good = true;

    ber_sockbuf_add_io(socket, &ber_sockbuf_io_tcp, LBER_SBIOD_LEVEL_PROVIDER, &fd);
    while (good) {
        BerElement *ber = ber_alloc_t(LBER_USE_DER);
        ber_len_t len;

        good = ber_get_next(socket, &len, ber) == LDAP_TAG_MESSAGE && serve(socket, fd, ber);
        ber_free(ber, 1);
    }
    ber_sockbuf_free(socket);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    if (argc != 3 || (log_file = fopen(argv[2], "ae")) == NULL) {
        fprintf(stderr, "usage: sync_fake_ldap MODE LOG\n");
        return 64;
    }
    mode = argv[1];
    dropped =
        mmap(NULL, sizeof *dropped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (listener < 0 || dropped == MAP_FAILED ||
        bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (fork() == 0) {
            close(listener);
            serve_connection(fd);
            _exit(0);
        }
        close(fd);
    }
    return 1;
}
