#include "config.h"

#include "pki/server_trust.h"

#include "common/log.h"
#include "pki/place.h"

#include <fcntl.h>

#define FILE_MAX (4 * 1024 * 1024) /* bytes: the CAs of a whole distribution */

static const char *named(const struct session *session)
{
    const struct arguments *arguments = session->arguments;

    return arguments->given[OPT_SSLROOTCERT] ? arguments->text[OPT_SSLROOTCERT]
                                             : session->ca.sslrootcert;
}

char *server_trust_path(const struct session *session)
{
    const char *file = named(session);

    return file != NULL ? g_canonicalize_filename(file, NULL)
                        : g_build_filename(session->folder, layout_trust(false), NULL);
}

static bool read_certificates(const char *path, GString *out)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    char why[PLACE_WHY] = "";
    GPtrArray *all = NULL;
    bool done = true;

    if (place_load(AT_FDCWD, path, true, FILE_MAX, text, why, sizeof why))
        all = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
    for (guint i = 0; all != NULL && done && i < all->len; i++) {
        GByteArray *der = certificate_der(g_ptr_array_index(all, i));

        done = der != NULL;
        if (done) {
            certificate_pem(bytes_of(der->data, der->len), out);
            g_byte_array_unref(der);
        }
    }
    secret_wipe(text->data, text->len); /* a key may lie beside them */
    if (all == NULL || !done)
        log_error("cannot read the servers' CAs in %s (--sslrootcert, ca.sslrootcert): %s", path,
                  done ? why : "memory is short");
    if (all != NULL)
        g_ptr_array_unref(all);
    return all != NULL && done;
}

bool server_trust(const struct session *session, GString *out)
{
    if (named(session) == NULL) {
        session_trust(session, false, out);
        return true;
    }
    g_autofree char *path = server_trust_path(session);
    return read_certificates(path, out);
}

void server_trust_remark(const struct session *session)
{
    struct ledger_counts counts;

    if (session->quiet || named(session) != NULL ||
        ledger_count(session->ledger, session_now_s(), &counts) != LEDGER_OK ||
        counts.live[KIND_SERVER] + counts.expired[KIND_SERVER] + counts.revoked[KIND_SERVER] > 0)
        return;
    log_notice("sslrootcert is this CA's own trust.crt, and it has signed no server yet: where "
               "another CA signs the servers, name that one's certificate with --sslrootcert, or "
               "ca.sslrootcert");
}
