/*
 * template_map.h - the files of |map: (template.h).
 */
#ifndef PGSIGNET_SYNC_TEMPLATE_MAP_H
#define PGSIGNET_SYNC_TEMPLATE_MAP_H

#include <glib.h>

/* OLD -> NEW; NULL with a sentence in why (size bytes).  The caller's to unref. */
GHashTable *template_map_read(const char *path, char *why, gsize size);

#endif
