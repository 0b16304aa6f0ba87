/*
 * conninfo.h - what is wrong with a libpq connection string that a file or a command line holds.  Pure; without libpq.
 *
 * It explains a mistake early, and keeps passwords out of places that others read; libpq parses for itself.
 */
#ifndef PGSIGNET_CONNINFO_H
#define PGSIGNET_CONNINFO_H

/*
 * A libpq connection string, either key=value or a postgresql:// URI.  Returns NULL if it is well
 * formed and holds no secret, else a static phrase: "what is wrong; what to write".
 */
const char *conninfo_fault(const char *conninfo);

#endif
