/* What publishing would change: ours, judged against what is in ssl_crl_file. */
#include "config.h"

#include "pki/crl_plan.h"

#include "common/log.h"
#include "pki/crl_take.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CRL_MODE 0644 /* it is public; PostgreSQL asks for no mode */

static void clear_own(void *at)
{
    g_byte_array_unref(((struct crl_own *)at)->der);
}

static void clear_write(void *at)
{
    struct crl_write *write = at;

    g_free(write->path);
    g_byte_array_unref(write->content);
}

static void clear_tidy(void *at)
{
    struct crl_tidy *tidy = at;

    g_free(tidy->path);
    g_free(tidy->from);
}

void crl_plan_init(struct crl_plan *plan, int64_t now_s)
{
    *plan = (struct crl_plan){.own = g_array_new(FALSE, TRUE, sizeof(struct crl_own)),
                              .writes = g_array_new(FALSE, TRUE, sizeof(struct crl_write)),
                              .tidies = g_array_new(FALSE, TRUE, sizeof(struct crl_tidy)),
                              .vanished = g_array_new(FALSE, TRUE, sizeof(struct crl_vanished)),
                              .now_s = now_s};
    g_array_set_clear_func(plan->own, clear_own);
    g_array_set_clear_func(plan->writes, clear_write);
    g_array_set_clear_func(plan->tidies, clear_tidy);
}

void crl_plan_clear(struct crl_plan *plan)
{
    g_array_unref(plan->own);
    g_array_unref(plan->writes);
    g_array_unref(plan->tidies);
    g_array_unref(plan->vanished);
}

static struct bytes over(const GByteArray *array)
{
    return bytes_of(array->data, array->len);
}

bool crl_plan_own(struct session *session, struct crl_plan *plan)
{
    for (size_t i = 0; i < session->n_authorities; i++) {
        struct crl_own own = {.authority = &session->authorities[i]};
        if (own.authority->row.state == AUTHORITY_DROPPED)
            continue;
        own.der = g_byte_array_new();
        if (!crl_load(session, own.authority, own.der)) {
            g_byte_array_unref(own.der);
            return false;
        }
        /* It has signed nothing yet, and must not hold up the others. */
        if (own.der->len == 0 && own.authority->row.state == AUTHORITY_NEXT) {
            log_warning("there is no CRL of the new CA %s yet: run pgsignet-ca crl",
                        own.authority->row.file);
            g_byte_array_unref(own.der);
            continue;
        }
        g_array_append_val(plan->own, own);
        if (own.der->len == 0) {
            log_error("there is no CRL of %s yet, and PostgreSQL wants one of every CA: run "
                      "pgsignet-ca crl",
                      own.authority->row.file);
            return false;
        }
    }
    return true;
}

const struct authority *crl_plan_author(const struct session *session, struct bytes der)
{
    for (size_t i = 0; i < session->n_authorities; i++)
        if (crl_is_of(der, session->authorities[i].certificate))
            return &session->authorities[i];
    return NULL;
}

static bool is_to_come(const struct crl_plan *plan, int64_t id)
{
    for (guint i = 0; plan->to_come != NULL && i < plan->to_come->len; i++)
        if (g_array_index(plan->to_come, int64_t, i) == id)
            return true;
    return false;
}

bool crl_plan_judge(struct crl_plan *plan, const struct crl_own *own, struct bytes there,
                    const char *place)
{
    if (is_to_come(plan, own->authority->row.id))
        return true;
    const char *worse = crl_worse(over(own->der), there, own->authority->certificate, plan->now_s);

    if (worse == NULL && there.len > 0 && !bytes_equal(over(own->der), there) &&
        crl_signed_by(there, own->authority->certificate))
        crl_take_find(plan, own, there);
    if (worse == NULL)
        return true;
    if (bytes_equal(over(own->der), there)) {
        log_error("%s has a CRL of %s that is worth nothing: %s; make a new one: pgsignet-ca crl",
                  place, own->authority->row.file, worse);
        plan->worthless = true;
        return true;
    }
    log_error("the CRL of %s is not put into %s: %s; nothing was published; pgsignet-ca crl makes "
              "a new one",
              own->authority->row.file, place, worse);
    return false;
}

bool crl_plan_is_as_wanted(const char *path, const struct crl_target *target, struct bytes there,
                           const GByteArray *wanted)
{
    struct stat st;

    return bytes_equal(there, over(wanted)) && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & 07777) == CRL_MODE &&
           (!target->set_owner || (st.st_uid == target->uid && st.st_gid == target->gid));
}

void crl_plan_write(struct crl_plan *plan, const char *path, GByteArray *content)
{
    struct crl_write write = {.path = g_strdup(path), .content = g_byte_array_ref(content)};

    g_array_append_val(plan->writes, write);
}

static bool load_file(struct session *session, const char *path, GByteArray *out)
{
    struct stat st;
    char why[PLACE_WHY];

    if (lstat(path, &st) != 0 && errno == ENOENT)
        return true;
    if (place_load(session->folder_fd, path, false, CRL_FILE_MAX, out, why, sizeof why))
        return true;
    log_error("cannot look at the CRLs that are in %s: %s; nothing was published", path, why);
    return false;
}

/* One CRL that is there: judged when it is of ours, kept when it is foreign. */
static bool take_there(struct session *session, struct crl_plan *plan, const char *path,
                       struct bytes der, struct bytes text, GByteArray *foreign)
{
    const struct authority *author = crl_plan_author(session, der);

    if (author == NULL) {
        g_byte_array_append(foreign, text.ptr, (guint)text.len);
        g_byte_array_append(foreign, (const guint8 *)"\n", 1);
        return true;
    }
    for (guint i = 0; i < plan->own->len; i++) {
        struct crl_own *own = &g_array_index(plan->own, struct crl_own, i);
        if (own->authority != author)
            continue;
        own->judged = true;
        return crl_plan_judge(plan, own, der, path);
    }
    return true; /* of a CA that was dropped: it goes */
}

static bool read_there(struct session *session, struct crl_plan *plan, const char *path,
                       struct bytes there, GByteArray *foreign)
{
    GByteArray *der = g_byte_array_new();
    struct bytes rest = there, text;
    size_t found = 0;
    int next;

    while ((next = crl_pem_next(&rest, der, &text)) == 1) {
        found++;
        if (!take_there(session, plan, path, over(der), text, foreign))
            break;
    }
    g_byte_array_unref(der);
    if (next == 1)
        return false;
    if (next == 0 && (found > 0 || there.len == 0))
        return true;
    log_error("%s holds something that is no CRL: nothing was published; if nobody needs it, move "
              "it away and publish again",
              path);
    return false;
}

bool crl_plan_file(struct session *session, const struct crl_target *target, struct crl_plan *plan)
{
    GByteArray *there = g_byte_array_new(), *foreign = g_byte_array_new();
    GByteArray *wanted = g_byte_array_new();
    bool done = false;

    if (!load_file(session, target->file, there) ||
        !read_there(session, plan, target->file, over(there), foreign))
        goto out;
    for (guint i = 0; i < plan->own->len; i++) {
        const struct crl_own *own = &g_array_index(plan->own, struct crl_own, i);
        /* One that is new there must be good for itself. */
        if (!own->judged && !crl_plan_judge(plan, own, bytes_of(NULL, 0), target->file))
            goto out;
        crl_pem(over(own->der), wanted);
    }
    if (foreign->len > 0)
        g_byte_array_append(wanted, foreign->data, foreign->len);
    if (!crl_plan_is_as_wanted(target->file, target, over(there), wanted))
        crl_plan_write(plan, target->file, wanted);
    done = true;
out:
    g_byte_array_unref(wanted);
    g_byte_array_unref(foreign);
    g_byte_array_unref(there);
    return done;
}
