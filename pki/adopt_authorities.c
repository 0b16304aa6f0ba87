/* The CAs of a tree that somebody else made, and their keys. */
#include "config.h"

#include "pki/adopt.h"

#include "common/log.h"
#include "pki/place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATE_MAX 65536 /* bytes of a CA's file */
#define FILE_KEY        "file:"

struct reading {
    struct session *session;
    enum layout layout;
    struct adopt_tree *tree;
};

static bool is_there(const struct session *session, const char *path)
{
    struct stat st;

    return fstatat(session->folder_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Reads the certificate of one, if it is there: 1 = is, 0 = is not, -1 after a message. */
static int read_authority(struct reading *reading, enum ledger_purpose purpose)
{
    struct session *session = reading->session;
    struct founded *founded = &reading->tree->founded[reading->tree->n_founded];
    char *stem = layout_authority(reading->layout, purpose, 1), why[PLACE_WHY] = "";
    GByteArray *text = g_byte_array_new();
    struct certificate_facts facts = {0};
    int found = 0;

    founded->row.file = g_strconcat(stem, ".crt", NULL);
    founded->row.key = g_strconcat("file:", stem, ".key", NULL);
    if (!is_there(session, founded->row.file))
        goto out;
    found = -1;
    if (!place_load(session->folder_fd, founded->row.file, false, CERTIFICATE_MAX, text, why,
                    sizeof why) ||
        (founded->certificate =
             certificate_read(bytes_of(text->data, text->len), why, sizeof why)) == NULL) {
        log_error("cannot read the CA's certificate %s/%s: %s", session->folder, founded->row.file,
                  why);
        goto out;
    }
    if (!certificate_facts(founded->certificate, &facts) || !facts.is_ca) {
        log_error("%s/%s is no certificate of a CA: it does not say CA:TRUE", session->folder,
                  founded->row.file);
        goto out;
    }
    founded->row.der = certificate_der(founded->certificate);
    founded->row.purpose = purpose;
    founded->row.generation = 1;
    founded->row.state = AUTHORITY_CURRENT;
    founded->row.not_before = facts.not_before;
    founded->row.not_after = facts.not_after;
    found = founded->row.der != NULL ? 1 : -1;
out:
    certificate_facts_clear(&facts);
    if (found == 1)
        reading->tree->n_founded++;
    else
        founded_clear(founded);
    g_byte_array_unref(text);
    g_free(stem);
    return found;
}

static bool has_key_file(const struct reading *reading, const struct founded *founded)
{
    return is_there(reading->session, founded->row.key + strlen(FILE_KEY));
}

/*
 * With --pkcs11 the keys are in a token, beside each other as `init` names them.  A root's is a file, or away: then the
 * CA below it does its work alone, and the root's CRL is the one that was found.  False after a message.
 */
static bool find_key(struct reading *reading, struct founded *founded)
{
    const struct arguments *arguments = reading->session->arguments;
    bool is_client = founded->row.purpose == PURPOSE_CLIENT;
    char why[PLACE_WHY] = "", *uri;

    if (!arguments->given[OPT_PKCS11] || founded->row.purpose == PURPOSE_ROOT)
        return true;
    if (has_key_file(reading, founded)) {
        log_error("the key of %s is in %s/%s, and --pkcs11 says that it is in a token: move the "
                  "file away, or leave out the option",
                  founded->row.file, reading->session->folder, founded->row.key + strlen(FILE_KEY));
        return false;
    }
    /* Also judges the URI. */
    uri = key_pkcs11_beside(arguments->text[OPT_PKCS11], is_client ? FOUNDING_CLIENTS : "", why,
                            sizeof why);
    if (uri == NULL) {
        log_error("%s", why);
        return false;
    }
    g_free(founded->row.key);
    founded->row.key = is_client ? g_strdup(uri) : g_strdup(arguments->text[OPT_PKCS11]);
    g_free(uri);
    return true;
}

static bool is_away(const struct reading *reading, const struct founded *founded)
{
    return founded->row.purpose == PURPOSE_ROOT && !has_key_file(reading, founded);
}

/* The key must be the certificate's: a tool that makes one where the other is missing leaves a pair that is none. */
static bool unlock(struct reading *reading, struct founded *founded)
{
    struct authority authority = {.row = founded->row, .certificate = founded->certificate};

    if (!find_key(reading, founded))
        return false;
    if (is_away(reading, founded)) {
        reading->tree->root_is_away = true;
        return true;
    }
    authority.row = founded->row;
    if (!authority_unlock(reading->session, &authority)) {
        if (!reading->session->arguments->given[OPT_PKCS11] && !has_key_file(reading, founded))
            log_error("if the key is in a PKCS#11 token, name it: --pkcs11 URI");
        return false;
    }
    founded->key = authority.key;
    return true;
}

static bool read_authorities(struct reading *reading)
{
    struct adopt_tree *tree = reading->tree;
    int root = read_authority(reading, PURPOSE_ROOT);
    int own = root >= 0 ? read_authority(reading, PURPOSE_ALL) : -1;
    int clients = own >= 0 ? read_authority(reading, PURPOSE_CLIENT) : -1;

    if (root < 0 || own < 0 || clients < 0)
        return false;
    if (own == 0) {
        log_error("there is no CA in %s: %s is missing; name another folder, or another --layout",
                  reading->session->folder,
                  reading->layout == LAYOUT_SEED ? "ca.crt" : "ca/ca.crt");
        return false;
    }
    struct founded *ca = &tree->founded[root];
    if (clients == 1)
        ca->row.purpose = PURPOSE_SERVER;
    if (root == 1 && certificate_is_signed_by(ca->certificate, tree->founded[0].certificate))
        ca->under = &tree->founded[0];
    for (size_t i = 0; i < tree->n_founded; i++) {
        struct founded *founded = &tree->founded[i];
        if (founded->under == NULL &&
            !certificate_is_signed_by(founded->certificate, founded->certificate)) {
            log_error("%s/%s was signed by another CA, whose certificate has to be there as "
                      "%s.crt, and its newest CRL anywhere: clients trust it, and servers want a "
                      "CRL of every CA in the chain",
                      reading->session->folder, founded->row.file,
                      reading->layout == LAYOUT_SEED ? "root" : "ca/root");
            return false;
        }
        if (!unlock(reading, founded))
            return false;
    }
    return true;
}

bool adopt_authorities(struct session *session, enum layout layout, struct adopt_tree *tree)
{
    struct reading reading = {.session = session, .layout = layout, .tree = tree};

    return read_authorities(&reading);
}
