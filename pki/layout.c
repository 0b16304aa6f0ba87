/* The layouts. */
#include "config.h"

#include "pki/layout.h"

#include <string.h>

const char *const layout_names[LAYOUTS] = {
    [LAYOUT_SEED] = "seed",
    [LAYOUT_PIGSTY] = "pigsty",
};

/* Folders, with their slash. */
static const struct {
    const char *authority;
    const char *leaf[KINDS];
    const char *first; /* the first server's files; NULL = as the others' */
} layouts[LAYOUTS] = {
    [LAYOUT_SEED] =
        {
            .authority = "",
            .leaf =
                {
                    [KIND_SERVER] = "servers/",
                    [KIND_CLIENT] = "clients/",
                    [KIND_CA] = "cross/",
                    [KIND_CROSS] = "cross/",
                    [KIND_OTHER] = "other/",
                },
            .first = "server",
        },
    [LAYOUT_PIGSTY] =
        {
            .authority = "ca/",
            .leaf =
                {
                    [KIND_SERVER] = "pgsql/",
                    [KIND_CLIENT] = "misc/",
                    [KIND_CA] = "ca/cross/",
                    [KIND_CROSS] = "ca/cross/",
                    [KIND_OTHER] = "other/",
                },
        },
};

static const char *const authority_names[PURPOSES] = {
    [PURPOSE_ROOT] = "root",
    [PURPOSE_ALL] = "ca",
    [PURPOSE_SERVER] = "ca",
    [PURPOSE_CLIENT] = "client-ca",
};

char *layout_authority(enum layout layout, enum ledger_purpose purpose, int64_t generation)
{
    const char *folder = layouts[layout].authority, *name = authority_names[purpose];

    if (generation <= 1)
        return g_strconcat(folder, name, NULL);
    return g_strdup_printf("%s%s-g%lld", folder, name, (long long)generation);
}

char *layout_leaf(enum layout layout, enum ledger_kind kind, struct bytes name, bool first)
{
    if (first && kind == KIND_SERVER && layouts[layout].first != NULL)
        return g_strdup(layouts[layout].first);
    char *file = name_file(name);
    char *path = g_strconcat(layouts[layout].leaf[kind], file, NULL);
    g_free(file);
    return path;
}

char *layout_crl(const struct ledger_authority *authority)
{
    const char *slash = strrchr(authority->file, '/');
    const char *name = slash != NULL ? slash + 1 : authority->file;
    size_t len = strlen(name);

    if (g_str_has_suffix(name, ".crt"))
        len -= sizeof ".crt" - 1;
    return g_strdup_printf("crl/%.*s.crl", (int)len, name);
}

const char *layout_trust(bool client_ca)
{
    return client_ca ? "client-trust.crt" : "trust.crt";
}
