/* Certificates and CRLs, found in a tree. */
#include "config.h"

#include "pki/adopt.h"

#include "common/log.h"
#include "pki/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX 65536 /* bytes */

struct walk {
    int folder_fd;
    const char *folder;
    struct adopt_tree *tree;
    struct findings *findings;
    GHashTable *seen; /* fingerprints (owned slices) -> struct adopted */
};

static void adopted_free(void *at)
{
    struct adopted *leaf = at;

    certificate_facts_clear(&leaf->facts);
    X509_free(leaf->certificate);
    if (leaf->der != NULL)
        g_byte_array_unref(leaf->der);
    g_free(leaf->file);
    g_free(leaf);
}

void adopt_tree_init(struct adopt_tree *tree)
{
    *tree = (struct adopt_tree){.leaves = g_ptr_array_new_with_free_func(adopted_free)};
}

void adopt_tree_clear(struct adopt_tree *tree)
{
    for (size_t i = 0; i < FOUNDING_MOST; i++) {
        founded_clear(&tree->founded[i]);
        g_free(tree->crls[i].file);
        if (tree->crls[i].der != NULL)
            g_byte_array_unref(tree->crls[i].der);
    }
    if (tree->leaves != NULL)
        g_ptr_array_unref(tree->leaves);
    *tree = (struct adopt_tree){0};
}

/* --- one certificate --- */

/* Which CA signed it; n_founded = none. */
static size_t find_issuer(const struct adopt_tree *tree, X509 *certificate)
{
    for (size_t i = 0; i < tree->n_founded; i++)
        if (certificate_is_signed_by(certificate, tree->founded[i].certificate))
            return i;
    return tree->n_founded;
}

static bool is_authority(const struct adopt_tree *tree, X509 *certificate)
{
    for (size_t i = 0; i < tree->n_founded; i++)
        if (X509_cmp(tree->founded[i].certificate, certificate) == 0)
            return true;
    return false;
}

static bool is_below(const char *file, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(file, folder, len) == 0 && file[len] == '/';
}

/* One without an EKU is for everything; what it was meant for is told by where it lies and by its names. */
static enum ledger_kind guess_kind(const struct certificate_facts *facts, const char *file)
{
    if (facts->is_ca)
        return KIND_CA;
    if (facts->has_eku)
        return facts->server_auth ? KIND_SERVER : facts->client_auth ? KIND_CLIENT : KIND_OTHER;
    if (is_below(file, "misc") || is_below(file, "clients"))
        return KIND_CLIENT;
    for (size_t i = 0; i < facts->n_sans; i++)
        if (facts->sans[i].kind != NAME_URI)
            return KIND_SERVER;
    return KIND_CLIENT;
}

/* STEM.key beside STEM.crt: one that is sealed cannot be compared, and is taken for the right one. */
static bool has_key(struct walk *walk, const struct adopted *leaf)
{
    char *path = g_strndup(leaf->file, strlen(leaf->file) - 4), *file;
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY] = "";
    struct stat st;
    bool fits = false;

    file = g_strconcat(path, ".key", NULL);
    if (fstatat(walk->folder_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        place_load(walk->folder_fd, file, false, KEY_MAX, text, why, sizeof why)) {
        struct bytes slice = bytes_of(text->data, text->len);
        struct key *key = NULL;

        fits = key_is_sealed(slice);
        if (!fits && (key = key_read(slice, bytes_of(NULL, 0), why, sizeof why)) != NULL)
            fits = key_fits(key, X509_get0_pubkey(leaf->certificate));
        if (!fits)
            findings_add(walk->findings, FINDING_KEY_MISMATCH, file,
                         "it is not the key of the certificate beside it");
        key_free(key);
    }
    secret_wipe(text->data, text->len);
    g_byte_array_unref(text);
    g_free(file);
    g_free(path);
    return fits;
}

static void add_certificate(struct walk *walk, X509 *certificate, const char *file, bool first)
{
    struct adopt_tree *tree = walk->tree;
    struct adopted *leaf;

    if (is_authority(tree, certificate))
        return;
    size_t authority = find_issuer(tree, certificate);
    if (authority == tree->n_founded) {
        tree->foreign++;
        return;
    }
    leaf = g_new0(struct adopted, 1);
    leaf->certificate = certificate;
    X509_up_ref(certificate);
    leaf->der = certificate_der(certificate);
    leaf->authority = authority;
    leaf->file = g_strdup(file);
    if (leaf->der == NULL || !certificate_facts(certificate, &leaf->facts)) {
        log_warning("%s/%s: a certificate in it has a key that cannot be read; it is left out",
                    walk->folder, file);
        tree->unreadable++;
        adopted_free(leaf);
        return;
    }
    GBytes *fingerprint = g_bytes_new(leaf->facts.fingerprint, sizeof leaf->facts.fingerprint);
    struct adopted *before = g_hash_table_lookup(walk->seen, fingerprint);
    leaf->kind = guess_kind(&leaf->facts, file);
    leaf->has_stem = first && g_str_has_suffix(file, ".crt");
    leaf->has_key = leaf->has_stem && has_key(walk, leaf);
    if (before == NULL) {
        g_ptr_array_add(tree->leaves, leaf);
        g_hash_table_insert(walk->seen, fingerprint, leaf);
        return;
    }
    /* The same once more: where its key is, is where it lives. */
    if ((leaf->has_key && !before->has_key) || (leaf->has_stem && !before->has_stem)) {
        char *other = before->file;
        before->file = leaf->file;
        leaf->file = other;
        before->has_stem = leaf->has_stem;
        before->has_key = leaf->has_key;
        before->kind = leaf->kind;
    }
    g_bytes_unref(fingerprint);
    adopted_free(leaf);
}

/* --- CRLs --- */

static bool is_newer(const struct crl_facts *a, const struct crl_facts *b)
{
    int order = memcmp(a->number, b->number, sizeof a->number);

    return order != 0 ? order > 0 : a->this_s > b->this_s;
}

static void add_crl(struct walk *walk, struct bytes der, const char *file)
{
    struct adopt_tree *tree = walk->tree;
    struct crl_facts facts;

    if (crl_facts(der, &facts) != NULL)
        return;
    for (size_t i = 0; i < tree->n_founded; i++) {
        struct adopted_crl *kept = &tree->crls[i];
        if (!crl_is_of(der, tree->founded[i].certificate) ||
            !crl_signed_by(der, tree->founded[i].certificate) ||
            (kept->der != NULL && !is_newer(&facts, &kept->facts)))
            continue;
        if (kept->der == NULL)
            kept->der = g_byte_array_new();
        g_byte_array_set_size(kept->der, 0);
        g_byte_array_append(kept->der, der.ptr, (guint)der.len);
        (void)crl_facts(bytes_of(kept->der->data, kept->der->len), &kept->facts);
        g_free(kept->file);
        kept->file = g_strdup(file);
    }
}

/* --- files --- */

static bool holds(struct bytes text, const char *mark)
{
    return memmem(text.ptr, text.len, mark, strlen(mark)) != NULL;
}

static void read_pem(struct walk *walk, struct bytes text, const char *file)
{
    GByteArray *der = g_byte_array_new();
    struct bytes rest = text;
    char why[PLACE_WHY] = "";

    if (holds(text, "-----BEGIN CERTIFICATE-----")) {
        GPtrArray *all = certificate_read_all(text, why, sizeof why);
        for (guint i = 0; all != NULL && i < all->len; i++)
            add_certificate(walk, g_ptr_array_index(all, i), file, i == 0);
        if (all == NULL) {
            log_warning("%s/%s: %s; it is left out", walk->folder, file, why);
            walk->tree->unreadable++;
        } else {
            g_ptr_array_unref(all);
        }
    }
    if (holds(text, "-----BEGIN X509 CRL-----"))
        while (crl_pem_next(&rest, der, NULL) == 1)
            add_crl(walk, bytes_of(der->data, der->len), file);
    g_byte_array_unref(der);
}

static void read_file(struct walk *walk, const char *file)
{
    GByteArray *text = g_byte_array_new();
    char why[PLACE_WHY] = "";
    X509 *certificate;

    if (!place_load(walk->folder_fd, file, false, ADOPT_FILE_MAX, text, why, sizeof why)) {
        log_warning("cannot read %s/%s: %s; it is left out", walk->folder, file, why);
        walk->tree->unreadable++;
    } else if (text->len > 0 && text->data[0] == 0x30) { /* SEQUENCE: DER, or something else */
        struct bytes der = bytes_of(text->data, text->len);
        certificate = certificate_read(der, why, sizeof why);
        if (certificate != NULL)
            add_certificate(walk, certificate, file, true);
        else
            add_crl(walk, der, file);
        X509_free(certificate);
    } else if (text->len > 0) {
        read_pem(walk, bytes_of(text->data, text->len), file);
    }
    secret_wipe(text->data, text->len); /* a key, perhaps */
    g_byte_array_unref(text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder, in the order of bytes; NULL with errno.  fd is closed. */
static GPtrArray *list_folder(int fd)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        g_ptr_array_unref(names);
        return NULL;
    }
    while ((errno = 0, entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.')
            g_ptr_array_add(names, g_strdup(entry->d_name));
    int error = errno;
    closedir(stream);
    g_ptr_array_sort(names, compare_names);
    if (error != 0) {
        g_ptr_array_unref(names);
        names = NULL;
    }
    errno = error;
    return names;
}

static bool walk_folder(struct walk *walk, const char *path, int depth)
{
    GPtrArray *names = list_folder(openat(walk->folder_fd, path[0] != '\0' ? path : ".",
                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    bool done = names != NULL && depth <= ADOPT_DEPTH_MAX;

    if (!done)
        log_error("cannot read the folder %s/%s: %s", walk->folder, path,
                  names == NULL ? strerror(errno) : "it is too deep in the tree");
    for (guint i = 0; done && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        char *below = path[0] != '\0' ? g_strconcat(path, "/", name, NULL) : g_strdup(name);
        struct stat st;

        if (fstatat(walk->folder_fd, below, &st, AT_SYMLINK_NOFOLLOW) != 0)
            log_warning("cannot look at %s/%s: %s", walk->folder, below, strerror(errno));
        else if (S_ISDIR(st.st_mode))
            done = walk_folder(walk, below, depth + 1);
        else if (S_ISREG(st.st_mode) && strncmp(name, LEDGER_FILE, strlen(LEDGER_FILE)) != 0 &&
                 !g_str_has_suffix(name, ".key"))
            read_file(walk, below);
        g_free(below);
    }
    if (names != NULL)
        g_ptr_array_unref(names);
    return done;
}

bool adopt_read(int folder_fd, const char *folder, struct adopt_tree *tree,
                struct findings *findings)
{
    struct walk walk = {
        .folder_fd = folder_fd,
        .folder = folder,
        .tree = tree,
        .findings = findings,
        .seen =
            g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL),
    };
    bool done = walk_folder(&walk, "", 0);

    g_hash_table_destroy(walk.seen);
    return done;
}
