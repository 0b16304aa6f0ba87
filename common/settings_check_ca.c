#include "config.h"

#include "common/settings_check.h"

#include "common/conninfo.h"
#include "common/number.h"

#include <inttypes.h>
#include <string.h>

/* The line of a value, or of the section it should stand in. */
static size_t line_of(const struct settings_notes *notes, const void *field,
                      const struct settings_ca *ca)
{
    size_t line = notes_line(notes, NOTES_VALUE, field);

    return line > 0 ? line : notes_line(notes, NOTES_CONTAINER, ca);
}

static bool is_host_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;

    return colon != NULL && colon > text && strpbrk(text, " /\t") == NULL &&
           number_parse(colon + 1, strlen(colon + 1), 1, 65535, &port) == NUMBER_OK;
}

static void check_servers(const struct settings_ca *ca, struct settings_notes *notes)
{
    for (size_t i = 0; i < ca->postgres.n; i++) {
        const char *fault = conninfo_fault(ca->postgres.at[i]);

        if (fault != NULL)
            notes_fault(notes, notes_line(notes, NOTES_VALUE, &ca->postgres.at[i]),
                        "ca.postgres %s", fault);
    }
    for (size_t i = 0; i < ca->pgbouncer.n; i++)
        if (!is_host_and_port(ca->pgbouncer.at[i]))
            notes_fault(notes, notes_line(notes, NOTES_VALUE, &ca->pgbouncer.at[i]),
                        "ca.pgbouncer: \"%s\" is no host and port; write one like db1:6432",
                        ca->pgbouncer.at[i]);
}

/* What is not written follows the other (settings_check), so both lines are there. */
static void check_times(const struct settings_ca *ca, struct settings_notes *notes)
{
    size_t crl_renew = notes_line(notes, NOTES_VALUE, &ca->crl_renew),
           renew = notes_line(notes, NOTES_VALUE, &ca->renew);

    if (crl_renew > 0 && ca->crl_renew >= ca->crl && !notes_broken(notes, &ca->crl) &&
        !notes_broken(notes, &ca->crl_renew))
        notes_fault(notes, crl_renew,
                    "ca.crl_renew (%" PRId64 " s) is not shorter than ca.crl (%" PRId64
                    " s), so that a CRL would be due as soon as it is made; write a shorter one",
                    ca->crl_renew, ca->crl);
    if (renew > 0 && ca->renew >= ca->leaf && !notes_broken(notes, &ca->leaf) &&
        !notes_broken(notes, &ca->renew))
        notes_fault(notes, renew,
                    "ca.renew (%" PRId64 " s) is not shorter than ca.leaf (%" PRId64
                    " s), so that a certificate would be due as soon as it is made; write a "
                    "shorter one",
                    ca->renew, ca->leaf);
}

void settings_check_ca(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_ca *ca = &settings->ca;

    check_servers(ca, notes);
    check_times(ca, notes);
    if (ca->metrics != NULL && !notes_broken(notes, &ca->metrics)) {
        size_t len = strlen(ca->metrics);

        if (len < 6 || strcmp(ca->metrics + len - 5, ".prom") != 0)
            notes_fault(
                notes, line_of(notes, &ca->metrics, ca),
                "ca.metrics: \"%s\" does not end in .prom, and node_exporter reads no "
                "other files; write one like /var/lib/prometheus/node-exporter/pgsignet-ca.prom",
                ca->metrics);
    }
}
