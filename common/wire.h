/*
 * wire.h - the one protocol between pam_pgsignet.so and pgsignetd, written down.
 *
 * One request and one reply over a SOCK_SEQPACKET Unix socket, each exactly one datagram of at most
 * WIRE_MAX bytes.  This file and wire.c are compiled into both sides, so they use libc alone.
 *
 *   request   u8 version   u8 kind      u16 zero   u64 deadline   nonce[16]   field*
 *   reply     u8 version   u8 verdict   u16 zero   u64 event      nonce[16]   field*
 *   field     u8 tag       u16 length   bytes[length]
 *
 * Integers are big-endian.  Fields may come in any order, each at most once; an unknown tag, a
 * repeated tag, a length beyond the datagram or beyond the field's limit, non-zero reserved bits and
 * trailing bytes all refuse the whole datagram.  Absent and empty are the same.
 */
#ifndef PGSIGNET_WIRE_H
#define PGSIGNET_WIRE_H

#include "common/bytes.h"
#include "common/reason.h"

#define WIRE_VERSION  1
#define WIRE_MAX      8192 /* bytes, either direction */
#define WIRE_HEADER   28   /* bytes before the first field */
#define WIRE_NONCE    16   /* bytes */

/* Limits of each field, in bytes. */
#define WIRE_POLICY_MAX  64
#define WIRE_SERVICE_MAX 256
#define WIRE_USER_MAX    512
#define WIRE_RHOST_MAX   256
#define WIRE_SECRET_MAX  512 /* PAM_MAX_RESP_SIZE */

enum wire_kind {
    WIRE_AUTHENTICATE = 1, /* the string is judged: code, password, account, groups */
    WIRE_ACCOUNT = 2,      /* another module judged the password: account, groups, role only */
};

struct wire_request {
    enum wire_kind kind;
    uint64_t deadline;          /* CLOCK_MONOTONIC of this host, milliseconds */
    uint8_t nonce[WIRE_NONCE];  /* echoed by the reply; a reply with another one is garbage */
    struct bytes policy;        /* name from the module's policy= argument, or empty */
    struct bytes service;       /* PAM_SERVICE */
    struct bytes user;          /* PAM_USER: the role's name */
    struct bytes rhost;         /* PAM_RHOST, or empty (local socket) */
    struct bytes secret;        /* what the client typed: password and code in one string */
};

struct wire_reply {
    enum verdict verdict;
    uint64_t event;             /* id of the audit event, printed as 16 hex digits */
    uint8_t nonce[WIRE_NONCE];
    struct bytes authtok;       /* the password with the code cut off, for policies with `stack` */
};

enum wire_fault {
    WIRE_OK = 0,
    WIRE_SHORT,       /* ends before the header or inside a field */
    WIRE_LONG,        /* more than WIRE_MAX bytes, or a field over its limit */
    WIRE_BAD_VERSION,
    WIRE_BAD_VALUE,   /* unknown kind or verdict, reserved bits set */
    WIRE_BAD_FIELD,   /* unknown or repeated tag, or one that the kind does not carry */
};

/*
 * Write a datagram into buf[0..cap).  Returns its length, or 0 when a field is over its limit, a
 * kind or verdict is not of its enum, or cap is too small; buf is then wiped.
 */
size_t wire_encode_request(const struct wire_request *request, uint8_t *buf, size_t cap);
size_t wire_encode_reply(const struct wire_reply *reply, uint8_t *buf, size_t cap);

/*
 * Read a datagram.  On WIRE_OK the slices in *request or *reply point into buf, which must outlive
 * them; on any fault *request or *reply is all zero.
 */
enum wire_fault wire_decode_request(const uint8_t *buf, size_t len, struct wire_request *request);
enum wire_fault wire_decode_reply(const uint8_t *buf, size_t len, struct wire_reply *reply);

/* A few words for the operator ("wrong version"); static, never NULL. */
const char *wire_fault_text(enum wire_fault fault);

#endif
