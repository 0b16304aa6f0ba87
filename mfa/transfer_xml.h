/*
 * transfer_xml.h - what a reader asks of a parsed element: its children, its text, its attributes.
 *
 * Names are local names.  A NULL element is one that is not there: it has no children and no text.
 * Texts of several lines come without the white space around them.
 */
#ifndef PGSIGNET_MFA_TRANSFER_XML_H
#define PGSIGNET_MFA_TRANSFER_XML_H

#include <libxml/tree.h>

#include "common/bytes.h"
#include "common/secret.h"

/* The first child of that name, or NULL. */
const xmlNode *xml_child(const xmlNode *node, const char *name);

/* The first of that name at any depth: what XML encryption nests differs by version. */
const xmlNode *xml_below(const xmlNode *node, const char *name);

/* The text, as a slice into *held, which the caller frees also when the slice is empty. */
struct bytes xml_text(const xmlNode *node, struct secret *held);
struct bytes xml_attribute(const xmlNode *node, const char *name, struct secret *held);

/* The text as a number of 0..max, or decoded from base64 (the caller frees it).  False if it is none. */
bool xml_number(const xmlNode *node, int64_t max, int64_t *out);
bool xml_base64(const xmlNode *node, struct secret *out);

#endif
