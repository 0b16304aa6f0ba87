/*
 * named_files.h - whether the files that the configuration names are fit for the daemon.
 */
#ifndef PGSIGNET_NAMED_FILES_H
#define PGSIGNET_NAMED_FILES_H

#include <stdio.h>

#include "common/settings.h"

/*
 * Writes one line to out for each named file (and the configuration's own) with which this process could
 * not serve: missing, unreadable, a secret that is open to others, another's; returns how many.  Call it as
 * daemon.user, or the answer is another's.
 */
int named_files_report(const struct settings *settings, FILE *out);

#endif
