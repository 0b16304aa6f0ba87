/*
 * What publishing would change in ssl_crl_dir.  OpenSSL reads HASH.r0, HASH.r1 ... up to the first that is missing or
 * is no CRL, so ours take the place of what they follow, and no hole is left when something is taken away.
 */
#include "config.h"

#include "pki/crl_plan.h"
#include "pki/place_path.h"

#include "common/crypto.h"
#include "common/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MAX 1000 /* files of one hash */

/* What HASH.rN holds. */
struct slot {
    bool is_there;
    bool goes;           /* is of no more use */
    GByteArray *content; /* owned; NULL = nothing */
    GByteArray *der;     /* owned; of the first CRL in it; NULL = is none */
};

static char *slot_path(const struct crl_target *target, unsigned long hash, size_t n)
{
    return g_strdup_printf("%s/%08lx.r%zu", target->dir, hash, n);
}

static void clear_slot(void *at)
{
    struct slot *slot = at;

    if (slot->content != NULL)
        g_byte_array_unref(slot->content);
    if (slot->der != NULL)
        g_byte_array_unref(slot->der);
}

static bool load_slot(struct session *session, const char *path, struct slot *slot)
{
    char why[PLACE_WHY];
    struct bytes rest;

    slot->is_there = true;
    slot->content = g_byte_array_new();
    slot->der = g_byte_array_new();
    if (!place_load(session->folder_fd, path, false, CRL_FILE_MAX, slot->content, why,
                    sizeof why)) {
        log_error("cannot look at the CRL %s: %s; nothing was published (openssl rehash makes "
                  "links: take them away, pgsignet-ca writes files)",
                  path, why);
        return false;
    }
    rest = bytes_of(slot->content->data, slot->content->len);
    if (crl_pem_next(&rest, slot->der, NULL) != 1) {
        g_byte_array_unref(slot->der);
        slot->der = NULL;
    }
    return true;
}

/* All of one hash, up to the first that is missing.  NULL after a message. */
static GArray *load_slots(struct session *session, const struct crl_target *target,
                          unsigned long hash)
{
    GArray *slots = g_array_new(FALSE, TRUE, sizeof(struct slot));

    g_array_set_clear_func(slots, clear_slot);
    for (size_t n = 0; n < SLOTS_MAX; n++) {
        char *path = slot_path(target, hash, n);
        struct slot slot = {0};
        struct stat st;
        bool is_there = lstat(path, &st) == 0 || errno != ENOENT;
        bool done = !is_there || load_slot(session, path, &slot);
        g_free(path);
        if (!is_there)
            break;
        g_array_append_val(slots, slot);
        if (!done) {
            g_array_unref(slots);
            return NULL;
        }
    }
    return slots;
}

static struct bytes over(const GByteArray *array)
{
    return bytes_of(array->data, array->len);
}

/* The lowest slot that this CRL follows in; others of its CA go.  false after a message. */
static bool find_place(struct crl_plan *plan, const struct crl_target *target,
                       const struct crl_own *own, unsigned long hash, GArray *slots, size_t *place)
{
    *place = SIZE_MAX;
    for (guint n = 0; n < slots->len; n++) {
        struct slot *slot = &g_array_index(slots, struct slot, n);
        if (slot->goes || slot->der == NULL ||
            !crl_is_of(over(slot->der), own->authority->certificate))
            continue;
        char *path = slot_path(target, hash, n);
        bool fit = crl_plan_judge(plan, own, over(slot->der), path);
        g_free(path);
        if (!fit)
            return false;
        if (*place == SIZE_MAX)
            *place = n;
        else
            slot->goes = true;
    }
    /* What is no CRL hides all that is behind it: a good place for one. */
    for (guint n = 0; n < slots->len && *place == SIZE_MAX; n++)
        if (g_array_index(slots, struct slot, n).der == NULL)
            *place = n;
    if (*place == SIZE_MAX) {
        struct slot added = {0};
        *place = slots->len;
        g_array_append_val(slots, added);
        return crl_plan_judge(plan, own, bytes_of(NULL, 0), target->dir);
    }
    return true;
}

static bool plan_own(struct crl_plan *plan, const struct crl_target *target,
                     const struct crl_own *own, unsigned long hash, GArray *slots)
{
    GByteArray *wanted = g_byte_array_new();
    size_t place;
    bool done = find_place(plan, target, own, hash, slots, &place);

    if (done) {
        struct slot *slot = &g_array_index(slots, struct slot, place);
        char *path = slot_path(target, hash, place);
        crl_pem(over(own->der), wanted);
        struct bytes there = slot->is_there ? over(slot->content) : bytes_of(NULL, 0);
        if (!crl_plan_is_as_wanted(path, target, there, wanted))
            crl_plan_write(plan, path, wanted);
        if (slot->der == NULL)
            slot->der = g_byte_array_new();
        g_byte_array_set_size(slot->der, 0);
        g_byte_array_append(slot->der, own->der->data, own->der->len);
        g_free(path);
    }
    g_byte_array_unref(wanted);
    return done;
}

/* The last one moves into each hole. */
static void plan_tidies(struct crl_plan *plan, const struct crl_target *target, unsigned long hash,
                        const GArray *slots)
{
    size_t end = slots->len;

    for (size_t n = slots->len; n-- > 0;) {
        const struct slot *slot = &g_array_index(slots, struct slot, n);
        if (!slot->goes && slot->der != NULL)
            continue;
        end--;
        if (!slot->goes)
            log_notice("%s/%08lx.r%zu is no CRL, and goes: OpenSSL reads none that are behind it",
                       target->dir, hash, n);
        struct crl_tidy tidy = {.path = slot_path(target, hash, n),
                                .from = n == end ? NULL : slot_path(target, hash, end)};
        g_array_append_val(plan->tidies, tidy);
    }
}

static unsigned long hash_of(const struct authority *authority)
{
    int done = 0;
    unsigned long hash = X509_NAME_hash_ex(X509_get_subject_name(authority->certificate),
                                           crypto_library(), crypto_query(), &done);

    return done == 1 ? hash : 0;
}

static bool plan_hash(struct session *session, const struct crl_target *target,
                      struct crl_plan *plan, unsigned long hash)
{
    GArray *slots = load_slots(session, target, hash);
    bool done = slots != NULL;

    if (!done)
        return false;
    for (guint n = 0; n < slots->len; n++) {
        struct slot *slot = &g_array_index(slots, struct slot, n);
        const struct authority *author =
            slot->der != NULL ? crl_plan_author(session, over(slot->der)) : NULL;
        slot->goes = author != NULL && author->row.state == AUTHORITY_DROPPED;
    }
    for (guint i = 0; done && i < plan->own->len; i++) {
        const struct crl_own *own = &g_array_index(plan->own, struct crl_own, i);
        if (hash_of(own->authority) == hash)
            done = plan_own(plan, target, own, hash, slots);
    }
    if (done)
        plan_tidies(plan, target, hash, slots);
    g_array_unref(slots);
    return done;
}

static bool is_first(const struct session *session, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (hash_of(&session->authorities[before]) == hash_of(&session->authorities[i]))
            return false;
    return true;
}

bool crl_plan_dir(struct session *session, const struct crl_target *target, struct crl_plan *plan)
{
    char why[PLACE_WHY];
    int fd = place_open_folder(target->dir, why, sizeof why);

    if (fd < 0) {
        log_error("cannot publish CRLs: %s%s", why,
                  errno == ENOENT ? "; make it, as the server's user, and set ssl_crl_dir to it"
                                  : "");
        return false;
    }
    close(fd);
    for (size_t i = 0; i < session->n_authorities; i++)
        if (is_first(session, i) &&
            !plan_hash(session, target, plan, hash_of(&session->authorities[i])))
            return false;
    return true;
}
