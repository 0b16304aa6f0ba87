/* What is wrong with the certificates of a CA that somebody else made. */
#include "config.h"

#include "pki/adopt.h"

#include <openssl/x509v3.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY          86400
#define NAMED_MOST   20  /* of those that have one key */
#define LONGEST_DAYS 825 /* what browsers took for long until 2020; a leaf of ours has 398 */

const char *adopt_unfit(const struct adopted *leaf)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf->certificate);

    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
        return "its serial is negative, so no CRL can name it to everybody";
    if (leaf->facts.serial.len > CERTIFICATE_SERIAL)
        return "its serial has more than 20 octets";
    return NULL;
}

/* --- each certificate by itself --- */

/* Rules of the lint that have a finding of their own here, or are ours and not the RFC's. */
static bool is_said_otherwise(const char *rule)
{
    static const char *const rules[] = {
        "sub_cert_eku_missing",       "validity_too_long",           "ca_key_usage_missing",
        "ext_key_usage_not_critical", "ca_key_usage_beyond_signing", "validity_outlives_issuer",
        "serial_number_low_entropy",
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i], rule) == 0)
            return true;
    return false;
}

/* How often each rule was broken, and where first. */
struct broken {
    const struct lint_finding *rule;
    const char *file;
    size_t times;
};

static void count_rule(GArray *all, const struct lint_finding *finding, const char *file)
{
    for (guint i = 0; i < all->len; i++) {
        struct broken *broken = &g_array_index(all, struct broken, i);
        if (strcmp(broken->rule->rule, finding->rule) == 0) {
            broken->times++;
            return;
        }
    }
    struct broken first = {g_memdup2(finding, sizeof *finding), file, 1};
    g_array_append_val(all, first);
}

static void lint(struct bytes der, enum lint_use use, struct bytes issuer, const char *file,
                 GArray *all)
{
    struct lint_context context = {.use = use, .issuer = issuer};
    struct lint_finding found[LINT_FINDINGS];
    size_t n = lint_certificate(der, &context, found);

    for (size_t i = 0; i < n; i++)
        if (!is_said_otherwise(found[i].rule))
            count_rule(all, &found[i], file);
}

GArray *adopt_rules_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(struct broken));
}

void adopt_rules_say(GArray *all, struct findings *findings)
{
    for (guint i = 0; i < all->len; i++) {
        struct broken *broken = &g_array_index(all, struct broken, i);
        char *object = broken->times > 1
                           ? g_strdup_printf("%s and %zu more", broken->file, broken->times - 1)
                           : g_strdup(broken->file);
        findings_add(findings, FINDING_LINT, object, "%s (%s, %s)", broken->rule->text,
                     broken->rule->rule, broken->rule->source);
        g_free(object);
        g_free((void *)(uintptr_t)broken->rule);
    }
    g_array_unref(all);
}

static struct bytes der_of(const GByteArray *der)
{
    return bytes_of(der->data, der->len);
}

/* The key of one of the CAs: a cross-certificate, which signs nothing that they do not sign. */
static bool is_of_ca(const struct adopt_tree *tree, const struct adopted *leaf)
{
    uint8_t id[KEY_ID];

    for (size_t i = 0; i < tree->n_founded; i++)
        if (key_id(X509_get0_pubkey(tree->founded[i].certificate), id) &&
            memcmp(id, leaf->facts.key_id, sizeof id) == 0)
            return true;
    return false;
}

/* What `check` finds in any certificate. */
static void judge_place(const struct adopt_tree *tree, const struct adopted *leaf,
                        struct findings *findings)
{
    const struct certificate_facts *facts = &leaf->facts;
    const struct founded *ca = &tree->founded[leaf->authority];
    const char *unfit = adopt_unfit(leaf);

    if (unfit != NULL)
        findings_add(findings, FINDING_LINT, leaf->file, "it cannot be in the ledger: %s", unfit);
    if (facts->is_ca && !is_of_ca(tree, leaf))
        findings_add(findings, FINDING_SUB_CA, leaf->file,
                     "it is a CA below %s: what it signs is not in the ledger, nor on its CRLs",
                     ca->row.file);
    if (facts->not_after > ca->row.not_after)
        findings_add(findings, FINDING_OUTLIVES_CA, leaf->file, "it ends after its CA %s",
                     ca->row.file);
}

void adopt_judge_leaf(const struct ledger_authority *ca, const struct adopted *leaf, GArray *rules,
                      struct findings *findings)
{
    const struct certificate_facts *facts = &leaf->facts;
    int64_t days = (facts->not_after - facts->not_before) / DAY;

    if (!facts->is_ca && !facts->has_eku)
        findings_add(findings, FINDING_NO_EKU, leaf->file,
                     "it does not say what it is for: whoever has its key logs in as \"%s\"",
                     facts->common_name != NULL ? facts->common_name : "");
    if (!facts->is_ca && days > LONGEST_DAYS)
        findings_add(findings, FINDING_LONG_LEAF, leaf->file, "it is valid for %" PRId64 " days",
                     days);
    lint(der_of(leaf->der),
         facts->is_ca                ? LINT_CA
         : leaf->kind == KIND_CLIENT ? LINT_CLIENT
                                     : LINT_SERVER,
         der_of(ca->der), leaf->file, rules);
}

void adopt_judge_ca(const struct ledger_authority *ca, X509 *certificate, struct bytes issuer,
                    GArray *rules, struct findings *findings)
{
    int at = X509_get_ext_by_NID(certificate, NID_key_usage, -1);

    if (at < 0)
        findings_add(findings, FINDING_CA_KEY_USAGE, ca->file, "the CA has no keyUsage");
    else if (X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 0)
        findings_add(findings, FINDING_CA_KEY_USAGE, ca->file,
                     "keyUsage of the CA is not critical");
    if (at >= 0 &&
        (X509_get_key_usage(certificate) & ~(uint32_t)(KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
        findings_add(findings, FINDING_CA_KEY_USAGE, ca->file,
                     "keyUsage of the CA has more than keyCertSign and cRLSign");
    lint(der_of(ca->der), LINT_CA, issuer, ca->file, rules);
}

/* --- together --- */

/* One key for several names: whoever has it is all of them, and it cannot be replaced for one. */
void adopt_judge_keys(const GPtrArray *leaves, int64_t now_s, struct findings *findings)
{
    GHashTable *by_key =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    GPtrArray *lists =
        g_ptr_array_new(); /* of GPtrArray of struct adopted, in the order of files */

    for (guint i = 0; i < leaves->len; i++) {
        struct adopted *leaf = g_ptr_array_index(leaves, i);
        GBytes *id = g_bytes_new(leaf->facts.key_id, KEY_ID);
        GPtrArray *same = g_hash_table_lookup(by_key, id);

        if (leaf->facts.not_after < now_s) {
            g_bytes_unref(id);
            continue;
        }
        if (same == NULL) {
            same = g_ptr_array_new();
            g_ptr_array_add(lists, same);
            g_hash_table_insert(by_key, id, same);
        } else {
            g_bytes_unref(id);
        }
        g_ptr_array_add(same, leaf);
    }
    for (guint i = 0; i < lists->len; i++) {
        GPtrArray *same = g_ptr_array_index(lists, i);
        GString *files = g_string_new(NULL);

        for (guint k = 1; k < same->len && k <= NAMED_MOST; k++)
            g_string_append_printf(files, "%s%s", k > 1 ? ", " : "",
                                   ((struct adopted *)g_ptr_array_index(same, k))->file);
        if (same->len > NAMED_MOST + 1)
            g_string_append_printf(files, " and %u more", same->len - NAMED_MOST - 1);
        if (same->len > 1)
            findings_add(findings, FINDING_SHARED_KEY,
                         ((struct adopted *)g_ptr_array_index(same, 0))->file,
                         "it has the same key as %s", files->str);
        g_string_free(files, TRUE);
        g_ptr_array_unref(same);
    }
    g_ptr_array_unref(lists);
    g_hash_table_destroy(by_key);
}

static void judge_mode(int folder_fd, const char *file, struct findings *findings)
{
    struct stat st;

    if (fstatat(folder_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 077) != 0)
        findings_add(findings, FINDING_MODES, file, "others can get at the key (mode %04o)",
                     (unsigned)(st.st_mode & 07777));
}

void adopt_judge(const struct adopt_tree *tree, int folder_fd, int64_t now_s,
                 struct findings *findings)
{
    GArray *rules = adopt_rules_new();

    for (size_t i = 0; i < tree->n_founded; i++) {
        const struct founded *ca = &tree->founded[i];

        adopt_judge_ca(&ca->row, ca->certificate,
                       ca->under != NULL ? der_of(ca->under->row.der) : (struct bytes){0}, rules,
                       findings);
        if (strncmp(ca->row.key, "file:", strlen("file:")) == 0)
            judge_mode(folder_fd, ca->row.key + strlen("file:"), findings);
    }
    for (guint i = 0; i < tree->leaves->len; i++) {
        const struct adopted *leaf = g_ptr_array_index(tree->leaves, i);

        if (leaf->facts.not_after < now_s)
            continue; /* nobody takes it any more */
        judge_place(tree, leaf, findings);
        adopt_judge_leaf(&tree->founded[leaf->authority].row, leaf, rules, findings);
        if (leaf->has_key) {
            char *key = g_strdup_printf("%.*s.key", (int)strlen(leaf->file) - 4, leaf->file);
            judge_mode(folder_fd, key, findings);
            g_free(key);
        }
    }
    adopt_judge_keys(tree->leaves, now_s, findings);
    adopt_rules_say(rules, findings);
}
