#include "config.h"

#include "common/log.h"
#include "pki/archive_folder.h"
#include "pki/cli.h"
#include "pki/place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

static void say_damage(void *context, const char *sentence)
{
    (void)context;
    log_error("the ledger is damaged, and a backup would keep that: %s", sentence);
}

/* Nobody completes a certificate between the files and the ledger: it is locked for the moment this takes. */
static bool collect(struct session *session, struct archive *archive)
{
    GByteArray *copy = NULL;
    struct secret content = {0};
    char why[LEDGER_WHY];
    bool ok = false;

    if (!ledger_verify(session->ledger, say_damage, NULL))
        return false;
    if (ledger_begin(session->ledger) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    if (!archive_read_folder(session->folder_fd, archive, why, sizeof why)) {
        log_error("%s", why);
        goto out;
    }
    if (ledger_head(session->ledger, &archive->seq, archive->head) != LEDGER_OK ||
        (copy = ledger_copy(session->ledger)) == NULL) {
        log_error("%s", ledger_error(session->ledger));
        goto out;
    }
    ok = secret_copy(&content, bytes_of(copy->data, copy->len)) &&
         archive_add(archive, LEDGER_FILE, 0600, &content);
    if (!ok)
        log_error("memory is short");
out:
    ledger_rollback(session->ledger);
    if (copy != NULL)
        g_byte_array_unref(copy);
    return ok;
}

/* Absolute, since places are relative to the CA's folder. */
static char *absolute(const char *path)
{
    char *here, *whole;

    if (path[0] == '/')
        return g_strdup(path);
    here = g_get_current_dir();
    whole = g_strdup_printf("%s/%s", here, path);
    g_free(here);
    return whole;
}

static bool same(const struct archive *a, const struct archive *b)
{
    if (a->files->len != b->files->len || a->seq != b->seq || memcmp(a->head, b->head, 32) != 0)
        return false;
    for (guint i = 0; i < a->files->len; i++) {
        const struct archive_file *x = &g_array_index(a->files, struct archive_file, i);
        const struct archive_file *y = &g_array_index(b->files, struct archive_file, i);

        if (strcmp(x->path, y->path) != 0 || x->mode != y->mode ||
            !bytes_equal(secret_bytes(&x->content), secret_bytes(&y->content)))
            return false;
    }
    return true;
}

/* A backup that was not read again is a hope. */
static bool write_and_read_again(const char *path, const struct archive *archive,
                                 const GByteArray *sealed, struct bytes passphrase)
{
    struct place_file file = {
        .path = path, .mode = 0600, .content = bytes_of(sealed->data, sealed->len)};
    GByteArray *text = g_byte_array_new();
    struct archive again = {0};
    char why[LEDGER_WHY];
    bool ok = false;

    if (!place_write(AT_FDCWD, &file, 1, why, sizeof why)) {
        log_error("no backup was made: %s", why);
        goto out;
    }
    if (!place_load(AT_FDCWD, path, false, (size_t)ARCHIVE_MAX + 4096, text, why, sizeof why) ||
        !archive_open(bytes_of(text->data, text->len), passphrase, &again, why, sizeof why)) {
        log_error("the backup %s was written, but cannot be read again: %s", path, why);
        goto out;
    }
    ok = same(archive, &again);
    if (!ok)
        log_error(
            "the backup %s was written, but holds something else than the CA; do not rely on it",
            path);
out:
    archive_clear(&again);
    g_byte_array_unref(text);
    return ok;
}

static bool report(struct session *session, const char *path, const struct archive *archive,
                   size_t bytes)
{
    if (session->json)
        return session_print(json_pack(
            "{s:s, s:i, s:I, s:I, s:b}", "file", path, "files", (int)archive->files->len, "bytes",
            (json_int_t)bytes, "event", (json_int_t)archive->seq, "dry_run", session->dry_run));
    if (session->dry_run)
        printf("%s would hold %u files of the CA, up to event %" PRId64 ".\n", path,
               archive->files->len, archive->seq);
    else if (!session->quiet)
        printf("%s holds %u files of the CA, up to event %" PRId64
               ", in %zu bytes; it was read again.\n",
               path, archive->files->len, archive->seq, bytes);
    return true;
}

static void warn_of_tokens(const struct session *session)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (g_str_has_prefix(session->authorities[i].row.key, "pkcs11:"))
            log_warning(
                "the key of %s is in a PKCS#11 token and not in the backup; the token needs "
                "one of its own",
                session->authorities[i].row.file);
}

int cmd_backup(const struct arguments *arguments)
{
    struct session session = {0};
    struct archive archive;
    struct secret passphrase = {0};
    GByteArray *sealed = g_byte_array_new();
    char *path = absolute(arguments->operand[0]), why[LEDGER_WHY];
    int code = COMMAND_FAILED;

    archive_init(&archive);
    if (!session_open(&session, arguments, NEEDS_WORK) || !collect(&session, &archive))
        goto out;
    if (session.dry_run) {
        code = report(&session, path, &archive, 0) ? COMMAND_DONE : COMMAND_FAILED;
        goto out;
    }
    if (!session_other_passphrase(&session, OPT_OTHER_PASSPHRASE_FILE, OPT_OTHER_PASSPHRASE_FD,
                                  "for the backup", true, &passphrase))
        goto out;
    if (passphrase.len < ARCHIVE_PASSPHRASE_MIN) {
        log_error("the passphrase of a backup needs %d bytes at least: whoever has the file may "
                  "guess for as long as he likes",
                  ARCHIVE_PASSPHRASE_MIN);
        goto out;
    }
    archive.made_s = session_now_s();
    if (!archive_seal(&archive, secret_bytes(&passphrase), sealed, why, sizeof why)) {
        log_error("no backup was made: %s", why);
        goto out;
    }
    if (!write_and_read_again(path, &archive, sealed, secret_bytes(&passphrase)))
        goto out;
    warn_of_tokens(&session);
    if (ledger_record(session.ledger, &(struct ledger_event){.event = "backup",
                                                             .result = "done",
                                                             .object = path}) != LEDGER_OK) {
        log_error("the backup %s is made, but the ledger did not take the event: %s", path,
                  ledger_error(session.ledger));
        goto out;
    }
    code = report(&session, path, &archive, sealed->len) ? COMMAND_DONE : COMMAND_FAILED;
out:
    archive_clear(&archive);
    secret_free(&passphrase);
    g_byte_array_unref(sealed);
    g_free(path);
    session_close(&session);
    return code;
}
