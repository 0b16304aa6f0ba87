/*
 * settings_yaml.h - from bytes to one small, plain YAML document, or to faults.
 *
 * Internal to common/settings*.c.  What a configuration does not need is refused before a tree is
 * built: aliases, anchors and tags (so that nothing can grow), several documents, deep nesting, bytes
 * that are not printable UTF-8.
 */
#ifndef PGSIGNET_SETTINGS_YAML_H
#define PGSIGNET_SETTINGS_YAML_H

#include "common/settings_notes.h"

#include <yaml.h>

#define SETTINGS_DEPTH_MAX 12 /* levels of maps and lists; the schema needs 5 */

/*
 * Loads the document.  True when *document was built: it is then the caller's to give to
 * yaml_document_delete.  False after at least one fault was noted.
 */
bool settings_yaml_load(struct settings_notes *notes, const char *text, size_t len,
                        yaml_document_t *document);

#endif
