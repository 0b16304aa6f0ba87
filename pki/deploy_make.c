/* What is deployed: which certificate, whose the files are, and what is in them. */
#include "config.h"

#include "pki/cli.h"
#include "pki/deploy.h"
#include "pki/place.h"

#include "common/log.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

/* --- which certificate --- */

static bool serves(const struct ledger_row *row)
{
    return (row->kind == KIND_SERVER || row->kind == KIND_OTHER) && row->state == LEDGER_ISSUED &&
           row->der != NULL;
}

static bool judge_row(const struct ledger_row *row, const char *name)
{
    int64_t now_s = session_now_s();

    if (row->revoked_s != 0)
        log_error("the certificate of %s is revoked; issue a new one", name);
    else if (row->not_after <= now_s)
        log_error("the certificate of %s has expired; renew it", name);
    else if (row->not_before > now_s)
        log_error("the certificate of %s is not valid yet: the clock of this machine is behind",
                  name);
    else
        return true;
    return false;
}

/* Of several with that name the one that lasts longest: they are in the order of their ends. */
static bool find_row(struct deploy *deploy, const char *name)
{
    GArray *rows = cli_find(deploy->session, name);
    struct ledger_row *best = NULL;

    if (rows == NULL)
        return false;
    for (guint i = 0; i < rows->len; i++) {
        struct ledger_row *row = &g_array_index(rows, struct ledger_row, i);
        if (serves(row) && (best == NULL || row->not_after >= best->not_after))
            best = row;
    }
    if (best == NULL) {
        log_error("%s has no server certificate; `pgsignet-ca issue server` makes one", name);
    } else {
        deploy->row = *best;
        memset(best, 0, sizeof *best); /* its texts are ours now */
    }
    g_array_unref(rows);
    return best != NULL && judge_row(&deploy->row, name);
}

/* --- whose the files are --- */

static bool find_user(const char *name, uid_t *uid, gid_t *gid)
{
    const struct passwd *user = getpwnam(name);

    if (user == NULL) {
        log_error("there is no user %s to own the files; name the one that PostgreSQL runs as with "
                  "--owner",
                  name);
        return false;
    }
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return true;
}

/*
 * PostgreSQL (be-secure-common.c) takes a key of its own user with 0600 or less, or one of root with 0640 or less.
 */
static bool choose_owners(struct deploy *deploy)
{
    const struct arguments *arguments = deploy->session->arguments;
    const char *group_name = arguments->text[OPT_GROUP_KEY];
    const char *owner =
        arguments->given[OPT_OWNER] ? arguments->text[OPT_OWNER] : deploy->session->ca.owner;
    struct deploy_file *key = &deploy->files[DEPLOY_KEY];
    uid_t uid = 0;
    gid_t gid = 0;

    if (group_name == NULL && !find_user(owner, &uid, &gid))
        return false;
    if (group_name == NULL && uid == 0) {
        log_error("a key that is root's with mode 0600 can be read by no PostgreSQL: name its user "
                  "with --owner, or its group with --group-key");
        return false;
    }
    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        deploy->files[i].mode = 0644;
        deploy->files[i].uid = uid;
        deploy->files[i].gid = gid;
    }
    key->mode = 0600;
    if (group_name != NULL) {
        const struct group *group = getgrnam(group_name);
        if (group == NULL) {
            log_error("there is no group %s (--group-key)", group_name);
            return false;
        }
        key->mode = 0640;
        key->gid = group->gr_gid;
    }
    deploy->set_owner = geteuid() == 0;
    if (!deploy->set_owner && (group_name != NULL || uid != geteuid())) {
        log_error("only root can give files to %s; run this as root, or as that user",
                  group_name != NULL ? "root and a group" : owner);
        return false;
    }
    return true;
}

/* --- what is in them --- */

static GByteArray *take(GString *text)
{
    GByteArray *content = g_byte_array_new();

    g_byte_array_append(content, (const guint8 *)text->str, (guint)text->len);
    g_string_free(text, TRUE);
    return content;
}

/* The leaf, then the CAs between it and the root, which clients do not have. */
static void make_certificate(struct deploy *deploy)
{
    const struct session *session = deploy->session;
    const struct authority *authority = session_authority(deploy->session, deploy->row.authority);
    GString *text = g_string_new(NULL);
    X509 *chain[4] = {NULL};
    size_t n;

    certificate_pem(bytes_of(deploy->row.der->data, deploy->row.der->len), text);
    n = authority != NULL ? session_chain(session, authority, chain) : 0;
    for (size_t i = 0; i < n; i++) {
        if (X509_self_signed(chain[i], 0) == 1)
            continue;
        GByteArray *der = certificate_der(chain[i]);
        if (der != NULL) {
            certificate_pem(bytes_of(der->data, der->len), text);
            g_byte_array_unref(der);
        }
    }
    deploy->files[DEPLOY_CERTIFICATE].content = take(text);
}

static void make_trust(struct deploy *deploy)
{
    GString *text = g_string_new(NULL);

    session_trust(deploy->session, true, text);
    deploy->files[DEPLOY_CA].content = take(text);
}

/* Is it the key of the certificate?  False after a message that calls it where. */
static bool key_is_right(const struct deploy *deploy, const GByteArray *text, const char *where)
{
    char why[LEDGER_WHY] = "";
    X509 *certificate =
        certificate_read(bytes_of(deploy->row.der->data, deploy->row.der->len), why, sizeof why);
    struct key *key = key_read(bytes_of(text->data, text->len), bytes_of(NULL, 0), why, sizeof why);
    bool fits = certificate != NULL && key != NULL && key_fits(key, X509_get0_pubkey(certificate));

    if (certificate == NULL || key == NULL)
        log_error("cannot use the key %s: %s", where, why);
    else if (!fits)
        log_error("the key %s is not the key of this certificate; nothing was written", where);
    key_free(key);
    X509_free(certificate);
    return fits;
}

/* From the CA's folder, or, where a request was signed, the one that is in its place already. */
static bool make_key(struct deploy *deploy)
{
    struct deploy_file *file = &deploy->files[DEPLOY_KEY];
    bool ours = deploy->row.has_key && deploy->row.path[0] != '\0';
    int folder_fd = ours ? deploy->session->folder_fd : deploy->folder_fd;
    char *path =
        ours ? g_strconcat(deploy->row.path, ".key", NULL) : g_strdup(deploy_names[DEPLOY_KEY]);
    char *where = g_build_filename(ours ? deploy->session->folder : deploy->folder, path, NULL);
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY] = "";
    bool good = false;

    if (place_load(folder_fd, path, false, DEPLOY_FILE_MAX, text, why, sizeof why))
        good = key_is_right(deploy, text, where);
    else
        log_error("cannot read the key %s: %s%s", where, why,
                  ours ? "" : "; it was made elsewhere, and has to be put there first");
    if (good && ours) {
        file->content = text;
        text = NULL;
    }
    if (text != NULL) {
        secret_wipe(text->data, text->len);
        g_byte_array_unref(text);
    }
    g_free(where);
    g_free(path);
    return good;
}

bool deploy_make(struct deploy *deploy, const char *name)
{
    if (!find_row(deploy, name) || !choose_owners(deploy))
        return false;
    make_certificate(deploy);
    make_trust(deploy);
    return make_key(deploy);
}
