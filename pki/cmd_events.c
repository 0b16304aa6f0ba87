/* events: the audit trail that is in the ledger, printed, or its chain of hashes gone through. */
#include "config.h"

#include "pki/cli.h"

#include "common/crypto.h"
#include "common/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HASH_TEXT 64 /* hex digits */
#define TAIL      75 /* bytes of ,"hash":"HEX64"} */

struct walk {
    bool verify;
    json_t *list;               /* with --json: what is printed at the end */
    int64_t seq;                /* of the last event */
    char before[HASH_TEXT + 1]; /* its hash */
    char fault[128];            /* of the first event that does not fit; "" = none */
    bool unwritten;
};

static void hex_of(const uint8_t hash[CRYPTO_SHA256], char out[HASH_TEXT + 1])
{
    for (size_t i = 0; i < CRYPTO_SHA256; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* What the end of a line says of its place in the chain; see ledger.h. */
static bool fits(const struct walk *walk, int64_t seq, struct bytes line, char hash[HASH_TEXT + 1])
{
    uint8_t digest[CRYPTO_SHA256];
    g_autofree char *end = NULL;

    if (line.len <= TAIL || !crypto_sha256(bytes_of(line.ptr, line.len - TAIL), digest))
        return false;
    hex_of(digest, hash);
    end = g_strdup_printf(",\"seq\":%" PRId64 ",\"prev\":\"%s\",\"hash\":\"%s\"}", seq,
                          walk->before, hash);
    return line.len >= strlen(end) &&
           memcmp(line.ptr + line.len - strlen(end), end, strlen(end)) == 0;
}

static bool verify_event(struct walk *walk, int64_t seq, struct bytes line)
{
    char hash[HASH_TEXT + 1] = "";

    if (seq != walk->seq + 1)
        snprintf(walk->fault, sizeof walk->fault,
                 "event %" PRId64 " follows event %" PRId64 ": one is missing", seq, walk->seq);
    else if (!fits(walk, seq, line, hash))
        snprintf(walk->fault, sizeof walk->fault,
                 "event %" PRId64 " was changed, or what is before it", seq);
    walk->seq = seq;
    memcpy(walk->before, hash, sizeof hash);
    return walk->fault[0] == '\0';
}

static bool each(void *context, int64_t seq, struct bytes line)
{
    struct walk *walk = context;

    if (walk->verify)
        return verify_event(walk, seq, line);
    walk->seq = seq;
    if (walk->list != NULL) {
        json_array_append_new(walk->list, json_loadb((const char *)line.ptr, line.len, 0, NULL));
        return true;
    }
    walk->unwritten = fwrite(line.ptr, 1, line.len, stdout) != line.len || putchar('\n') == EOF;
    return !walk->unwritten;
}

static int report_verified(const struct session *session, const struct walk *walk)
{
    bool sound = walk->fault[0] == '\0';

    if (!sound)
        log_error("the chain of events is broken: %s; compare with the trail (ca.audit) and with a "
                  "backup",
                  walk->fault);
    if (session->json) {
        if (!session_print(json_pack("{s:b, s:I, s:s, s:s?}", "sound", sound, "events",
                                     (json_int_t)walk->seq, "hash", walk->before, "fault",
                                     sound ? NULL : walk->fault)))
            return COMMAND_FAILED;
    } else if (sound && !session->quiet) {
        printf("%" PRId64 " events, the chain is whole; the last hash is %s\n", walk->seq,
               walk->before);
    }
    return sound ? COMMAND_DONE : COMMAND_DIFFERS;
}

static int run(struct session *session, struct walk *walk)
{
    enum ledger_result result;

    memset(walk->before, '0', HASH_TEXT);
    if (session->json && !walk->verify)
        walk->list = json_array();
    result = ledger_each_event(session->ledger, 1, each, walk);
    if (result != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return COMMAND_FAILED;
    }
    if (walk->verify)
        return report_verified(session, walk);
    if (walk->list != NULL)
        return session_print(json_pack("{s:O}", "events", walk->list)) ? COMMAND_DONE
                                                                       : COMMAND_FAILED;
    if (walk->unwritten || fflush(stdout) != 0) {
        log_error("cannot write the events to standard output");
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

int cmd_events(const struct arguments *arguments)
{
    struct session session;
    struct walk walk = {.verify = arguments->given[OPT_VERIFY]};
    int code = COMMAND_FAILED;

    if (session_open(&session, arguments, NEEDS_LOOK))
        code = run(&session, &walk);
    json_decref(walk.list);
    session_close(&session);
    return code;
}
