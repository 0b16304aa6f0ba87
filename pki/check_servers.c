/* check: what servers serve and read. */
#include "config.h"

#include "pki/check.h"

#include "pki/online.h"
#include "pki/place.h"
#include "pki/publish.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX 1048576 /* bytes */

static char *serial_of(X509 *certificate)
{
    struct certificate_facts facts = {0};
    GString *text = g_string_new(NULL);

    if (certificate_facts(certificate, &facts))
        certificate_serial_text(facts.serial, text);
    certificate_facts_clear(&facts);
    return g_string_free(text, FALSE);
}

/* The first certificate of a server's file; NULL when it cannot be read from here. */
static X509 *read_file(const char *path)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    char why[PLACE_WHY];
    GPtrArray *all = NULL;
    X509 *first = NULL;

    if (place_load(AT_FDCWD, path, true, FILE_MAX, text, why, sizeof why))
        all = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
    if (all != NULL) {
        X509_up_ref(first = g_ptr_array_index(all, 0));
        g_ptr_array_unref(all);
    }
    return first;
}

/* Against the ledger: what it serves may be replaced, revoked, or at its end. */
static void judge_served(struct check *check, const char *server, X509 *served)
{
    struct certificate_facts facts = {0};
    struct ledger_row row = {0};
    char ends[CLOCK_TEXT_MAX];

    if (!certificate_facts(served, &facts))
        return;
    if (facts.not_after <= check->now_s + check->window_s) {
        publish_time(facts.not_after, ends);
        findings_add(&check->findings,
                     facts.not_after <= check->now_s ? FINDING_EXPIRED : FINDING_EXPIRING, server,
                     "the certificate that it serves %s %s",
                     facts.not_after <= check->now_s ? "ended" : "ends", ends);
    }
    if (ledger_by_fingerprint(check->session->ledger, facts.fingerprint, &row) == LEDGER_OK) {
        if (row.revoked_s != 0)
            findings_add(&check->findings, FINDING_SERVED_DIFFERS, server,
                         "it serves a certificate that was revoked");
        else if (row.replaced_by != 0)
            findings_add(&check->findings, FINDING_SERVED_DIFFERS, server,
                         "it serves a certificate of \"%s\" that was replaced by a newer one",
                         row.name);
    }
    ledger_row_clear(&row);
    certificate_facts_clear(&facts);
}

/* A handshake; NULL after a finding. */
static X509 *handshake(struct check *check, const char *label, const char *host, int port)
{
    struct online_probe probe = {0};
    char why[ONLINE_WHY] = "";
    X509 *served = NULL;

    if (!online_probe(host, port, NULL, NULL, NULL, &probe, why, sizeof why))
        findings_add(&check->findings, FINDING_SERVER_SILENT, label, "%s", why);
    else if (probe.verdict == PROBE_NO_TLS)
        findings_add(&check->findings, FINDING_SERVER_SILENT, label, "it does not speak TLS");
    else if (probe.server != NULL)
        served = certificate_read(bytes_of(probe.server->data, probe.server->len), why, sizeof why);
    online_probe_clear(&probe);
    if (served != NULL)
        judge_served(check, label, served);
    return served;
}

static void compare_served(struct check *check, const char *label, X509 *served, X509 *file,
                           const char *path)
{
    if (X509_cmp(served, file) == 0)
        return;
    g_autofree char *serves = serial_of(served), *holds = serial_of(file);
    findings_add(&check->findings, FINDING_SERVED_DIFFERS, label,
                 "it serves the certificate of serial %s, but %s holds serial %s", serves, path,
                 holds);
}

/* As the server looks at it when it starts (be-secure-common.c, check_ssl_key_file_permissions). */
static void check_key(struct check *check, const char *path, X509 *certificate)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    char why[PLACE_WHY];
    struct key *key = NULL;
    struct stat st;

    if (stat(path, &st) != 0)
        return; /* of another user, or in another container */
    if ((st.st_mode & (st.st_uid == 0 ? 0037 : 0077)) != 0)
        findings_add(&check->findings, FINDING_MODES, path,
                     "others can get at the server's key (mode %04o): the server refuses it",
                     (unsigned)(st.st_mode & 07777));
    if (!place_load(AT_FDCWD, path, true, FILE_MAX, text, why, sizeof why))
        return;
    if (memmem(text->data, text->len, "ENCRYPTED", 9) == NULL)
        key = key_read(bytes_of(text->data, text->len), bytes_of(NULL, 0), why, sizeof why);
    if (key != NULL && !key_fits(key, X509_get0_pubkey(certificate)))
        findings_add(&check->findings, FINDING_KEY_MISMATCH, path,
                     "it is not the key of the certificate that the server reads");
    key_free(key);
    OPENSSL_cleanse(text->data, text->len);
}

static void check_settings(struct check *check, const char *label, const struct online_server *is)
{
    X509 *file = is->local ? read_file(is->cert_file) : NULL, *served = NULL;

    if (!is->ssl) {
        findings_add(&check->findings, FINDING_SERVER_SILENT, label, "its setting ssl is off");
        goto out;
    }
    if (is->ca_file[0] != '\0' && is->crl_file[0] == '\0' && is->crl_dir[0] == '\0')
        findings_add(&check->findings, FINDING_CRL_NOT_PUBLISHED, label,
                     "it takes certificates and reads no CRL: ssl_crl_file and ssl_crl_dir are "
                     "empty");
    if (is->hosts[0] != '\0')
        served = handshake(check, label, is->hosts, is->port);
    if (served != NULL && file != NULL)
        compare_served(check, label, served, file, is->cert_file);
    if (file != NULL)
        check_key(check, is->key_file, file);
out:
    X509_free(served);
    X509_free(file);
}

/* Roles are added; false when it did not answer. */
static bool check_server(struct check *check, const char *conninfo, GPtrArray *roles)
{
    g_autofree char *label = publish_label(conninfo);
    struct online_server is = {0};
    char why[ONLINE_WHY] = "";
    char **names = NULL;
    size_t n = 0;

    if (!online_server(conninfo, &is, why, sizeof why) ||
        !online_roles(conninfo, &names, &n, why, sizeof why)) {
        findings_add(&check->findings,
                     online_is_up(conninfo) ? FINDING_SERVER_REFUSES : FINDING_SERVER_SILENT, label,
                     "%s", why);
        online_server_clear(&is);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        g_ptr_array_add(roles, names[i]);
    g_free(names); /* the names are the array's now */
    check_settings(check, label, &is);
    online_server_clear(&is);
    return true;
}

static void check_door(struct check *check, const char *door)
{
    char *host = NULL;
    int port = 0;
    const char *fault = online_address(door, &host, &port);

    if (fault != NULL)
        findings_add(&check->findings, FINDING_SERVER_SILENT, door, "the address %s", fault);
    else
        X509_free(handshake(check, door, host, port));
    g_free(host);
}

void check_servers(struct check *check)
{
    const struct settings_strings *bouncers = &check->session->ca.pgbouncer;
    GPtrArray *roles = g_ptr_array_new_with_free_func(g_free);
    const char *const *texts = NULL;
    size_t n = publish_servers(check->session, &texts);
    bool all = n > 0;

    for (size_t i = 0; i < n; i++)
        all = check_server(check, texts[i], roles) && all;
    n = options_list(OPT_PROBE, &texts);
    for (size_t i = 0; i < n; i++)
        check_door(check, texts[i]);
    for (size_t i = 0; i < bouncers->n; i++)
        check_door(check, bouncers->at[i]);
    check_roles(check, roles, all);
    g_ptr_array_unref(roles);
}
