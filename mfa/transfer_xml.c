#include "config.h"

#include "mfa/transfer_xml.h"

#include "mfa/transfer.h"

const xmlNode *xml_child(const xmlNode *node, const char *name)
{
    for (const xmlNode *at = node != NULL ? node->children : NULL; at != NULL; at = at->next)
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
            return at;
    return NULL;
}

const xmlNode *xml_below(const xmlNode *node, const char *name)
{
    const xmlNode *at = node != NULL ? node->children : NULL;

    while (at != NULL && at != node) {
        if (at->type == XML_ELEMENT_NODE && strcmp((const char *)at->name, name) == 0)
            return at;
        if (at->type == XML_ELEMENT_NODE && at->children != NULL) {
            at = at->children;
            continue;
        }
        while (at != node && at->next == NULL)
            at = at->parent;
        if (at != node)
            at = at->next;
    }
    return NULL;
}

/* White space around a text is a printer's when there is a line end in it; else it may be a name's. */
static struct bytes trimmed(struct bytes text)
{
    if (text.len == 0 || memchr(text.ptr, '\n', text.len) == NULL)
        return text;
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL)
        text = bytes_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    return text;
}

struct bytes xml_text(const xmlNode *node, struct secret *held)
{
    xmlChar *text = node != NULL ? xmlNodeGetContent(node) : NULL;

    *held = (struct secret){0};
    if (text != NULL) {
        secret_copy(held, bytes_str((const char *)text));
        secret_wipe(text, strlen((const char *)text));
        xmlFree(text);
    }
    return trimmed(secret_bytes(held));
}

struct bytes xml_attribute(const xmlNode *node, const char *name, struct secret *held)
{
    for (const xmlAttr *at = node != NULL ? node->properties : NULL; at != NULL; at = at->next)
        if (strcmp((const char *)at->name, name) == 0)
            return xml_text((const xmlNode *)at, held);
    *held = (struct secret){0};
    return bytes_of(NULL, 0);
}

bool xml_number(const xmlNode *node, int64_t max, int64_t *out)
{
    struct secret held;
    bool good = transfer_number(xml_text(node, &held), 0, max, out);

    secret_free(&held);
    return good;
}

bool xml_base64(const xmlNode *node, struct secret *out)
{
    struct secret held;
    bool good = transfer_base64(xml_text(node, &held), out);

    secret_free(&held);
    return good;
}
