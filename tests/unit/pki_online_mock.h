/*
 * pki_online_mock.h - a stand-in for pgsignet-ca-online.
 *
 * The test runs as a copy of itself in a folder of its own, beside which a mock of pgsignet-ca-online lies: a
 * shell script that keeps the request, and prints the answer that the test wrote.
 */
#ifndef PGSIGNET_TESTS_PKI_ONLINE_MOCK_H
#define PGSIGNET_TESTS_PKI_ONLINE_MOCK_H

#include "pki/online.h"

#include <jansson.h>
#include <sys/types.h>

extern const char *folder;
extern char why[ONLINE_WHY]; /* for whatever says what went wrong */

/* Writes a file into the folder. */
void put(const char *name, const char *content, mode_t mode);
/* What the mock prints from now on. */
void answer_is(const char *text);
/* What the mock was asked last; json_decref. */
json_t *last_request(void);

/*
 * To be called first in main: in the copy it sets folder and gives -1; otherwise it runs the copy, clears its folder
 * away, and gives what main has to return.
 */
int mock_run_beside(char **argv);

#endif
