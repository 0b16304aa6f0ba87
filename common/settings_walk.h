/*
 * settings_walk.h - carries a document into settings by the table, noting every fault.
 *
 * Internal to common/settings*.c.
 */
#ifndef PGSIGNET_SETTINGS_WALK_H
#define PGSIGNET_SETTINGS_WALK_H

#include "common/settings.h"
#include "common/settings_notes.h"

#include <yaml.h>

/*
 * Fills settings, whose fields have their defaults, with what concerns the reader.  What is faulty is
 * noted and left as it was.
 */
void settings_walk(yaml_document_t *document, enum settings_reader reader,
                   struct settings *settings, struct settings_notes *notes);

#endif
