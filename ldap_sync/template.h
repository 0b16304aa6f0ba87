/*
 * template.h - texts made of attributes: "{sAMAccountName|lower}", "ldap_{dn.uid}",
 * "{group.cn|strip_prefix:pg-}".
 *
 * {ATTR} and {member.ATTR} are of the member's entry, {dn.ATTR} of the RDNs of the member's DN,
 * {group.ATTR} of the group's entry ({group.dn.ATTR}: of its DN).  Of a DN counts the RDN nearest
 * to the entry that has the attribute.  Then any of |lower |upper (ASCII; other bytes stay)
 * |strip_prefix:X (a text that does not begin with X stays) |map:FILE.  "{{" is a brace.  An
 * attribute with no value, or several, gives no text.
 *
 * The file of |map: has a line OLD,NEW for each text that is to become another; what is not in it
 * stays. The last comma of a line counts, so OLD may hold commas.  Empty lines, and those that
 * begin with '#', say nothing.
 */
#ifndef PGSIGNET_SYNC_TEMPLATE_H
#define PGSIGNET_SYNC_TEMPLATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_MAP_MAX (16 * 1024 * 1024) /* bytes of a file of |map: */

enum template_from { FROM_TEXT, FROM_MEMBER, FROM_MEMBER_DN, FROM_GROUP, FROM_GROUP_DN };

struct template; /* parsed */

/* NULL with a sentence in why (size bytes).  Reads the files of |map: once. */
struct template *template_parse(const char *text, char *why, size_t size);
void template_free(struct template *template); /* NULL is allowed */

/* Visits what it needs: so the readers know which attributes to ask for. */
typedef void template_visit(void *context, enum template_from from, const char *attribute);
void template_needs(const struct template *template, template_visit *visit, void *context);

/* The one value of an attribute; false when there is none, or several. */
typedef bool template_value(void *context, enum template_from from, const char *attribute,
                            const char **value, size_t *len);

/*
 * Appends the text; false when a value is missing (*missing names the attribute; out then holds a
 * part). Values are any bytes, and so is what is appended: NUL too.
 */
bool template_expand(const struct template *template, template_value *value, void *context,
                     GString *out, const char **missing);

#endif
