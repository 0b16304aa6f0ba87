/* What an operand means: a serial, a name, or a file with a certificate. */
#include "config.h"

#include "pki/cli.h"

#include "common/log.h"
#include "pki/der.h"
#include "pki/place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (1024 * 1024) /* bytes */

static void clear_row(void *row)
{
    ledger_row_clear(row);
}

static GArray *new_rows(void)
{
    GArray *rows = g_array_new(FALSE, TRUE, sizeof(struct ledger_row));

    g_array_set_clear_func(rows, clear_row);
    return rows;
}

/* The live ones of exactly this name, not replaced; *others counts the rest of that name.  False after a message. */
static bool find_named(struct session *session, const char *name, GArray *rows, size_t *others)
{
    const struct ledger_filter filter = {.name = name, .with_der = true};
    int64_t now_s = session_now_s();
    GArray *all = NULL;

    if (ledger_list(session->ledger, &filter, &all) != LEDGER_OK) {
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
    for (guint i = 0; i < all->len; i++) {
        struct ledger_row *row = &g_array_index(all, struct ledger_row, i);

        if (strcmp(row->name, name) != 0)
            continue;
        if (row->revoked_s != 0 || row->not_after <= now_s || row->replaced_by != 0) {
            ++*others;
            continue;
        }
        g_array_append_val(rows, *row); /* what it holds is then no longer the list's */
        *row = (struct ledger_row){0};
    }
    g_array_unref(all);
    return true;
}

/* At most one; false after a message. */
static bool find_serial(struct session *session, const char *text, GArray *rows)
{
    uint8_t serial[CERTIFICATE_SERIAL];
    struct ledger_row row = {0};
    size_t len;

    if (!certificate_serial_parse(text, serial, &len))
        return true;
    switch (ledger_by_serial(session->ledger, bytes_of(serial, len), &row)) {
    case LEDGER_OK:
        g_array_append_val(rows, row);
        return true;
    case LEDGER_NONE:
        return true;
    default:
        log_error("%s", ledger_error(session->ledger));
        return false;
    }
}

/* The first certificate of a file: what follows are its issuers. */
static X509 *read_first(const char *path)
{
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY] = "";
    GPtrArray *all = NULL;
    X509 *first = NULL;

    if (!place_load(AT_FDCWD, path, true, FILE_MAX, text, why, sizeof why)) {
        log_error("%s", why);
        goto out;
    }
    if (text->len > 0 && text->data[0] == DER_SEQUENCE)
        first = certificate_read(bytes_of(text->data, text->len), why, sizeof why);
    else if ((all = certificate_read_all(bytes_of(text->data, text->len), why, sizeof why)) != NULL)
        X509_up_ref(first = g_ptr_array_index(all, 0));
    if (first == NULL)
        log_error("cannot read a certificate in %s: %s", path, why);
out:
    if (all != NULL)
        g_ptr_array_unref(all);
    g_byte_array_unref(text);
    return first;
}

static struct authority *issuer_of(struct session *session, X509 *certificate)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (certificate_is_signed_by(certificate, session->authorities[i].certificate))
            return &session->authorities[i];
    return NULL;
}

/* Why is it not in the ledger?  Some that are ours cannot be, because of their serials. */
static void say_unknown(struct session *session, const char *path, X509 *certificate,
                        struct bytes serial)
{
    const struct authority *issuer = issuer_of(session, certificate);
    bool negative = ASN1_STRING_type(X509_get0_serialNumber(certificate)) == V_ASN1_NEG_INTEGER;
    g_autoptr(GString) text = g_string_new(negative ? "-" : "");
    struct ledger_row other = {0};

    certificate_serial_text(serial, text);
    if (issuer == NULL)
        log_error("the certificate in %s (serial %s) is not in the ledger of %s: another CA has "
                  "signed it",
                  path, text->str, session->folder);
    else if (negative || serial.len > CERTIFICATE_SERIAL)
        log_error(
            "the certificate in %s (serial %s) was signed by %s, and is not in the ledger: no "
            "CRL can have this serial; if it has to be refused, replace the CA (rotate)",
            path, text->str, issuer->row.file);
    else if (ledger_by_serial(session->ledger, serial, &other) == LEDGER_OK &&
             other.authority == issuer->row.id)
        log_error(
            "the certificate in %s (serial %s) was signed by %s, and is not in the ledger: "
            "another one, of \"%s\", has the same serial; name the serial, and both are meant",
            path, text->str, issuer->row.file, other.name);
    else
        log_error(
            "the certificate in %s (serial %s) was signed by %s, and is not in the ledger: "
            "was it made by another tool, or after the backup that was restored? If it has to "
            "be refused, replace the CA (rotate)",
            path, text->str, issuer->row.file);
    ledger_row_clear(&other);
}

/* One row, or false after a message. */
static bool find_file(struct session *session, const char *path, GArray *rows)
{
    X509 *certificate = read_first(path);
    struct certificate_facts facts = {0};
    struct ledger_row row = {0};
    enum ledger_result result = LEDGER_FAILED;

    if (certificate == NULL)
        return false;
    if (!certificate_facts(certificate, &facts)) {
        log_error("cannot read the certificate in %s: it is damaged", path);
        X509_free(certificate);
        return false;
    }
    result = ledger_by_fingerprint(session->ledger, facts.fingerprint, &row);
    if (result == LEDGER_OK) {
        g_array_append_val(rows, row);
    } else if (result == LEDGER_NONE) {
        say_unknown(session, path, certificate, facts.serial);
    } else {
        log_error("%s", ledger_error(session->ledger));
    }
    certificate_facts_clear(&facts);
    X509_free(certificate);
    return result == LEDGER_OK;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void say_none(const struct session *session, const char *operand, size_t others)
{
    if (others > 0)
        log_error(
            "no certificate of \"%s\" is live and not replaced; %zu other%s, and `pgsignet-ca "
            "list --all --name` has the serial%s, which %s taken here as well",
            operand, others, others == 1 ? " is there" : "s are there", others == 1 ? "" : "s",
            others == 1 ? "is" : "are");
    else
        log_error("\"%s\" is no serial and no name in the ledger of %s, and no file", operand,
                  session->folder);
}

GArray *cli_find(struct session *session, const char *operand)
{
    GArray *named = new_rows(), *numbered = new_rows(), *found = NULL;
    size_t others = 0;

    if (strchr(operand, '/') != NULL) { /* no name has one */
        if (find_file(session, operand, named))
            found = named;
    } else if (find_named(session, operand, named, &others) &&
               find_serial(session, operand, numbered)) {
        if (numbered->len > 0 && named->len + others > 0)
            log_error("\"%s\" is a name and a serial: say the serial as decimal:N, or the name by "
                      "its file",
                      operand);
        else if (numbered->len > 0)
            found = numbered;
        else if (named->len > 0)
            found = named;
        else if (others == 0 && is_file(operand) && find_file(session, operand, named))
            found = named;
        else if (others > 0 || !is_file(operand))
            say_none(session, operand, others);
    }
    if (found != named)
        g_array_unref(named);
    if (found != numbered)
        g_array_unref(numbered);
    return found;
}
