/*
 * der.h - reading and writing DER (X.690 10, 11), strictly.
 *
 * The reader takes no indefinite and no longer-than-needed lengths, and never looks outside of its slice.
 * The writer appends; what holds other things is begun and ended, and gets its length then.
 */
#ifndef PGSIGNET_PKI_DER_H
#define PGSIGNET_PKI_DER_H

#include "common/bytes.h"

#include <glib.h>

#define DER_DEPTH_MAX 32 /* levels; our certificates have 8 */

enum der_tag { /* identifier octets, low-tag-number form alone */
               DER_BOOLEAN = 0x01,
               DER_INTEGER = 0x02,
               DER_BIT_STRING = 0x03,
               DER_OCTET_STRING = 0x04,
               DER_NULL = 0x05,
               DER_OID = 0x06,
               DER_ENUMERATED = 0x0a,
               DER_UTF8_STRING = 0x0c,
               DER_PRINTABLE_STRING = 0x13,
               DER_IA5_STRING = 0x16,
               DER_UTC_TIME = 0x17,
               DER_GENERALIZED_TIME = 0x18,
               DER_SEQUENCE = 0x30,
               DER_SET = 0x31,
               DER_CONTEXT = 0x80,             /* + n: [n] IMPLICIT, primitive */
               DER_CONTEXT_CONSTRUCTED = 0xa0, /* + n */
};

/* One element: all of it, and its content. */
struct der_item {
    uint8_t tag;
    struct bytes whole, content;
};

/* Takes the first element off *rest.  False when there is none, or it is not DER; *rest then stays. */
bool der_next(struct bytes *rest, struct der_item *item);
/* The same, of that tag alone. */
bool der_next_of(struct bytes *rest, uint8_t tag, struct der_item *item);
/* Is the next element of that tag? */
bool der_is(struct bytes rest, uint8_t tag);

/*
 * Is text one element and nothing behind it, DER on every level, no deeper than DER_DEPTH_MAX?  Looks into
 * constructed elements, not into OCTET STRINGs.
 */
bool der_is_whole(struct bytes text);

/* An INTEGER's content as serial: positive, minimal, at most 20 octets.  NULL, else a static phrase. */
const char *der_serial_fault(struct bytes content);
/* UTCTime or GeneralizedTime in the one form of RFC 5280 4.1.2.5 (Z, seconds, right type for its year). */
const char *der_time_fault(const struct der_item *item, int64_t *unix_s);

/* --- writing: GByteArray (owned by the caller), begun elements end in the order of a stack --- */

void der_put(GByteArray *out, uint8_t tag, struct bytes content);
size_t der_begin(GByteArray *out, uint8_t tag); /* returns the mark for der_end */
void der_end(GByteArray *out, size_t mark);
void der_put_whole(GByteArray *out, struct bytes element);
void der_put_unsigned(GByteArray *out, uint8_t tag,
                      struct bytes magnitude); /* big-endian; 0 in front if needed */
void der_put_number(GByteArray *out, uint8_t tag, uint64_t number);
void der_put_oid(GByteArray *out, const char *dotted); /* of ours: aborts when it is none */
void der_put_time(GByteArray *out, int64_t unix_s);    /* UTCTime to 2049, then GeneralizedTime */

#endif
