/* Where it is deployed to: what is there, judged, and written over. */
#include "config.h"

#include "pki/crl_plan.h"
#include "pki/deploy.h"
#include "pki/place.h"
#include "pki/place_path.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const deploy_names[DEPLOY_FILES] = {
    [DEPLOY_CA] = "ca.crt",
    [DEPLOY_KEY] = "server.key",
    [DEPLOY_CERTIFICATE] = "server.crt",
    [DEPLOY_CRL] = "crl.pem",
};
const char *const deploy_settings[DEPLOY_FILES] = {
    [DEPLOY_CA] = "ssl_ca_file",
    [DEPLOY_KEY] = "ssl_key_file",
    [DEPLOY_CERTIFICATE] = "ssl_cert_file",
    [DEPLOY_CRL] = "ssl_crl_file",
};

/* --- what is there --- */

static bool same_content(const struct deploy *deploy, enum deploy_name name)
{
    const struct deploy_file *file = &deploy->files[name];
    GByteArray *there = g_byte_array_new();
    char why[PLACE_WHY];
    bool same = place_load(deploy->folder_fd, deploy_names[name], false, DEPLOY_FILE_MAX, there,
                           why, sizeof why) &&
                there->len == file->content->len &&
                memcmp(there->data, file->content->data, there->len) == 0;

    if (there->len > 0)
        secret_wipe(there->data, there->len);
    g_byte_array_unref(there);
    return same;
}

static struct crl_target crl_target(const struct deploy *deploy)
{
    const struct deploy_file *file = &deploy->files[DEPLOY_CRL];

    return (struct crl_target){
        .file = file->path, .set_owner = deploy->set_owner, .uid = file->uid, .gid = file->gid};
}

/* A worse CRL than the one that is there is refused before anything is written. */
static bool judge_crl(struct deploy *deploy)
{
    const struct crl_target target = crl_target(deploy);
    struct crl_plan plan;

    crl_plan_init(&plan, session_now_s());
    bool good =
        crl_plan_own(deploy->session, &plan) && crl_plan_file(deploy->session, &target, &plan);
    deploy->files[DEPLOY_CRL].changes = plan.writes->len > 0;
    crl_plan_clear(&plan);
    return good;
}

static bool trusts(const GPtrArray *certificates, const X509 *one)
{
    for (guint i = 0; i < certificates->len; i++) {
        if (X509_cmp(g_ptr_array_index(certificates, i), one) == 0)
            return true;
    }
    return false;
}

/* Other CAs that the server has trusted until now: whoever has a certificate of theirs is shut out. */
static void say_what_is_trusted_no_more(const struct deploy *deploy)
{
    const GByteArray *ours = deploy->files[DEPLOY_CA].content;
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY];
    GPtrArray *there = NULL, *wanted = NULL;

    if (place_load(deploy->folder_fd, deploy_names[DEPLOY_CA], false, DEPLOY_FILE_MAX, text, why,
                   sizeof why)) {
        there = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
        wanted = certificate_read_all(bytes_of(ours->data, ours->len), why, sizeof why);
    }
    for (guint i = 0; there != NULL && wanted != NULL && i < there->len; i++) {
        char *dn = deploy_dn(g_ptr_array_index(there, i));
        if (!trusts(wanted, g_ptr_array_index(there, i)))
            log_warning("%s trusts \"%s\", and will no more: certificates that it has signed are "
                        "refused then",
                        deploy->files[DEPLOY_CA].path, dn != NULL ? dn : "?");
        g_free(dn);
    }
    if (there != NULL)
        g_ptr_array_unref(there);
    if (wanted != NULL)
        g_ptr_array_unref(wanted);
    g_byte_array_unref(text);
}

static const struct authority *dropped_issuer(const struct session *session, X509 *certificate)
{
    for (size_t i = 0; i < session->n_authorities; i++) {
        const struct authority *authority = &session->authorities[i];
        if (authority->row.state == AUTHORITY_DROPPED &&
            certificate_is_signed_by(certificate, authority->certificate))
            return authority;
    }
    return NULL;
}

/* The way from a CA that was dropped to the one that signs: whoever trusts the former alone has none then. */
static void say_what_is_sent_no_more(const struct deploy *deploy)
{
    const GByteArray *ours = deploy->files[DEPLOY_CERTIFICATE].content;
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY];
    GPtrArray *there = NULL, *wanted = NULL;

    if (place_load(deploy->folder_fd, deploy_names[DEPLOY_CERTIFICATE], false, DEPLOY_FILE_MAX,
                   text, why, sizeof why)) {
        there = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
        wanted = certificate_read_all(bytes_of(ours->data, ours->len), why, sizeof why);
    }
    for (guint i = 1; there != NULL && wanted != NULL && i < there->len; i++) {
        X509 *sent = g_ptr_array_index(there, i);
        const struct authority *issuer = dropped_issuer(deploy->session, sent);
        if (issuer != NULL && !trusts(wanted, sent))
            log_warning("%s sends along what leads from %s to its successor, and will no more: "
                        "clients that trust the former alone are refused then, and need %s/%s",
                        deploy->files[DEPLOY_CERTIFICATE].path, issuer->row.file,
                        deploy->session->folder, layout_trust(false));
    }
    if (there != NULL)
        g_ptr_array_unref(there);
    if (wanted != NULL)
        g_ptr_array_unref(wanted);
    g_byte_array_unref(text);
}

/* A program that was killed between two renames, or somebody's hand: no restart would work until this is through. */
static void say_whether_the_pair_fits(const struct deploy *deploy)
{
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY];
    GPtrArray *chain = NULL;
    struct key *key = NULL;

    if (place_load(deploy->folder_fd, deploy_names[DEPLOY_CERTIFICATE], false, DEPLOY_FILE_MAX,
                   text, why, sizeof why))
        chain = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why);
    if (chain != NULL && place_load(deploy->folder_fd, deploy_names[DEPLOY_KEY], false,
                                    DEPLOY_FILE_MAX, text, why, sizeof why)) {
        key = key_read(bytes_of(text->data, text->len), bytes_of(NULL, 0), why, sizeof why);
        secret_wipe(text->data, text->len);
    }
    if (key != NULL && chain->len > 0 &&
        !key_fits(key, X509_get0_pubkey(g_ptr_array_index(chain, 0))))
        log_warning("%s is not the key of %s: a server that is started with them fails, until they "
                    "are replaced",
                    deploy->files[DEPLOY_KEY].path, deploy->files[DEPLOY_CERTIFICATE].path);
    key_free(key);
    if (chain != NULL)
        g_ptr_array_unref(chain);
    g_byte_array_unref(text);
}

static bool judge_place(struct deploy *deploy, enum deploy_name name)
{
    struct deploy_file *file = &deploy->files[name];
    struct stat st;

    if (fstatat(deploy->folder_fd, deploy_names[name], &st, AT_SYMLINK_NOFOLLOW) != 0) {
        file->changes = true;
        if (errno == ENOENT)
            return true;
        log_error("cannot look at %s: %s", file->path, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        log_error("%s is %s, not a file: it is left alone; look who put it there, and remove it",
                  file->path, S_ISLNK(st.st_mode) ? "a symbolic link" : "something else");
        return false;
    }
    file->changes = (st.st_mode & 07777) != file->mode || st.st_uid != file->uid ||
                    (deploy->set_owner && st.st_gid != file->gid) ||
                    (file->content != NULL && !same_content(deploy, name));
    return true;
}

/* Its name stays as it was given: PostgreSQL's user may turn parts of it into links, and what is opened is what counts. */
static bool open_folder(struct deploy *deploy, const char *folder)
{
    char why[PLACE_WHY];
    struct stat there, own;

    deploy->folder = g_canonicalize_filename(folder, NULL);
    deploy->folder_fd = place_open_folder(deploy->folder, why, sizeof why);
    if (deploy->folder_fd < 0) {
        log_error("%s; --to is a folder that is there, named without links of others", why);
        return false;
    }
    if (fstat(deploy->folder_fd, &there) == 0 && fstat(deploy->session->folder_fd, &own) == 0 &&
        there.st_dev == own.st_dev && there.st_ino == own.st_ino) {
        log_error("%s is the CA's own folder, whose ca.crt is not what a server needs: name "
                  "another with --to",
                  deploy->folder);
        return false;
    }
    for (size_t i = 0; i < DEPLOY_FILES; i++)
        deploy->files[i].path = g_build_filename(deploy->folder, deploy_names[i], NULL);
    return true;
}

bool deploy_prepare(struct deploy *deploy, struct session *session, const char *name,
                    const char *folder)
{
    *deploy = (struct deploy){.session = session, .folder_fd = -1};
    if (!open_folder(deploy, folder) || !deploy_make(deploy, name))
        return false;
    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        if (!judge_place(deploy, (enum deploy_name)i))
            return false;
    }
    const struct deploy_file *key = &deploy->files[DEPLOY_KEY];
    if (key->content == NULL && key->changes)
        log_warning("%s was made there and is left as it is; it should have mode %04o, or "
                    "PostgreSQL refuses it",
                    key->path, (unsigned)key->mode);
    say_whether_the_pair_fits(deploy);
    say_what_is_trusted_no_more(deploy);
    say_what_is_sent_no_more(deploy);
    return judge_crl(deploy);
}

/* --- writing --- */

/* Somebody may have renewed or revoked it, or deployed here, since it was looked at.  Under the ledger's lock. */
static bool judge_again(struct deploy *deploy)
{
    struct ledger_row now = {0};
    bool same = ledger_get(deploy->session->ledger, deploy->row.id, &now) == LEDGER_OK;

    if (!same) {
        log_error("%s", ledger_error(deploy->session->ledger));
    } else if (now.revoked_s != deploy->row.revoked_s ||
               now.replaced_by != deploy->row.replaced_by) {
        log_error("the certificate of %s was %s meanwhile, and is not put into %s: deploy again",
                  deploy->row.name, now.revoked_s != deploy->row.revoked_s ? "revoked" : "replaced",
                  deploy->folder);
        same = false;
    }
    ledger_row_clear(&now);
    for (size_t i = 0; same && i < DEPLOY_FILES; i++)
        same = i == DEPLOY_CRL || judge_place(deploy, (enum deploy_name)i);
    return same;
}

static bool write_files(struct deploy *deploy, bool *changed)
{
    struct place_file list[DEPLOY_FILES];
    char why[PLACE_WHY] = "";
    size_t n = 0;

    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        const struct deploy_file *file = &deploy->files[i];
        if (!file->changes || file->content == NULL)
            continue;
        list[n++] = (struct place_file){
            .path = deploy_names[i],
            .mode = file->mode,
            .set_owner = deploy->set_owner,
            .uid = file->uid,
            .gid = file->gid,
            .content = bytes_of(file->content->data, file->content->len),
            .replace = true,
        };
    }
    *changed = n > 0;
    if (n == 0 || place_write(deploy->folder_fd, list, n, why, sizeof why))
        return true;
    log_error("cannot write to %s: %s", deploy->folder, why);
    return false;
}

/*
 * First: a server that is restarted in between has CRLs for all CAs that it trusts then.  The ledger remembers that a
 * reload is due until deploy_settle.
 */
static bool write_crl(struct deploy *deploy, bool *changed)
{
    const struct crl_target target = crl_target(deploy);
    struct crl_published published = {0};

    if (!crl_publish(deploy->session, &target, &published))
        return false;
    *changed = published.file_changed;
    return true;
}

/* Who serves a certificate that was put there just now has read the CRL with it; PgBouncer never reads one. */
static bool is_read(const struct deploy *deploy)
{
    bool shows = deploy->files[DEPLOY_CERTIFICATE].changes || !deploy->files[DEPLOY_CRL].changes;

    for (guint i = 0; deploy->servers != NULL && i < deploy->servers->len; i++) {
        const struct deploy_server *server =
            &g_array_index(deploy->servers, struct deploy_server, i);
        if (server->reloaded || (shows && server->proof == PROOF_GIVEN))
            return true;
    }
    return false;
}

bool deploy_settle(struct deploy *deploy)
{
    struct ledger *ledger = deploy->session->ledger;
    char *file = NULL;
    bool done = true;

    if (is_read(deploy) && ledger_word(ledger, CRL_RELOAD, &file) == LEDGER_OK &&
        strcmp(file, deploy->files[DEPLOY_CRL].path) == 0)
        done = ledger_set_word(ledger, CRL_RELOAD, NULL) == LEDGER_OK;
    if (!done)
        log_error("the server has reloaded, but the ledger does not take it: %s",
                  ledger_error(ledger));
    g_free(file);
    return done;
}

static bool record(struct deploy *deploy)
{
    const struct ledger_event event = {
        .event = "deploy",
        .result = "done",
        .name = bytes_str(deploy->row.name),
        .serial = bytes_of(deploy->row.serial, deploy->row.serial_len),
        .object = deploy->folder,
    };
    struct ledger *ledger = deploy->session->ledger;

    if (ledger_record(ledger, &event) == LEDGER_OK && ledger_commit(ledger) == LEDGER_OK)
        return true;
    log_error("the files are in place, but the ledger did not take that down: %s",
              ledger_error(ledger));
    return false;
}

/* Two at once, or one beside a rekey, must not leave the key of one and the certificate of the other. */
bool deploy_write(struct deploy *deploy, bool *changed)
{
    struct ledger *ledger = deploy->session->ledger;
    bool crl_changed = false, files_changed = false, done;

    *changed = false;
    if (!write_crl(deploy, &crl_changed))
        return false;
    if (ledger_begin(ledger) != LEDGER_OK) {
        log_error("%s", ledger_error(ledger));
        return false;
    }
    done = judge_again(deploy) && write_files(deploy, &files_changed);
    deploy->files[DEPLOY_CRL].changes = crl_changed;
    *changed = crl_changed || files_changed;
    done = done && (!*changed || record(deploy));
    ledger_rollback(ledger);
    return done;
}

void deploy_clear(struct deploy *deploy)
{
    for (size_t i = 0; i < DEPLOY_FILES; i++) {
        GByteArray *content = deploy->files[i].content;
        if (content != NULL) {
            secret_wipe(content->data, content->len);
            g_byte_array_unref(content);
        }
        g_free(deploy->files[i].path);
    }
    if (deploy->servers != NULL)
        g_array_unref(deploy->servers);
    if (deploy->folder_fd >= 0)
        close(deploy->folder_fd);
    g_free(deploy->folder);
    ledger_row_clear(&deploy->row);
    *deploy = (struct deploy){.folder_fd = -1};
}
