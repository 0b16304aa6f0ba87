/* Whatever is held against the rules: no finding without its words, and names that survive their own spelling. */
#include "config.h"

#include "common/text.h"
#include "pki/der.h"
#include "pki/lint.h"
#include "pki/name.h"

#include <openssl/x509.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_findings(const struct lint_finding *findings, size_t n)
{
    if (n > LINT_FINDINGS)
        abort();
    for (size_t i = 0; i < n; i++)
        if (findings[i].rule[0] == '\0' || findings[i].source[0] == '\0' ||
            findings[i].text[0] == '\0')
            abort();
}

/* What is clean is at least what others read. */
static void read_by_openssl(struct bytes der, bool crl)
{
    const unsigned char *at = der.ptr;
    X509 *certificate = crl ? NULL : d2i_X509(NULL, &at, (long)der.len);
    X509_CRL *list = crl ? d2i_X509_CRL(NULL, &at, (long)der.len) : NULL;

    if ((certificate == NULL && list == NULL) || at != der.ptr + der.len)
        abort();
    X509_free(certificate);
    X509_CRL_free(list);
}

/* The first element, held against the second one as its issuer if there is one. */
static void judge_lint(struct bytes text)
{
    struct lint_finding findings[LINT_FINDINGS];
    struct lint_context context = {.longest_s = INT64_C(400) * 86400};
    struct der_item item = {.whole = text};
    size_t n;

    context.issuer = der_next(&text, &item) ? text : bytes_of(NULL, 0);
    for (int use = 0; use < LINT_USES; use++) {
        context.use = (enum lint_use)use;
        judge_findings(findings, n = lint_certificate(item.whole, &context, findings));
        if (n == 0)
            read_by_openssl(item.whole, false);
    }
    judge_findings(findings, n = lint_crl(item.whole, &context, findings));
    if (n == 0 && context.issuer.len > 0)
        read_by_openssl(item.whole, true);
    /* Rules about the present, and an issuer that signs itself. */
    context.now_s = 1800000000;
    context.issuer = item.whole;
    judge_findings(findings, lint_certificate(item.whole, &context, findings));
    judge_findings(findings, lint_crl(item.whole, &context, findings));
}

static void judge_name(struct bytes text)
{
    char *file, *urn, *fold;

    if (name_role_fault(text) != NULL)
        return;
    file = name_file(text);
    urn = name_role_urn(text);
    fold = name_fold(text);
    if (text.len > NAME_ROLE_MAX || !text_is_plain(text, false) || file == NULL || urn == NULL ||
        fold == NULL || strchr(file, '/') != NULL || file[0] == '.' || file[0] == '\0' ||
        strlen(file) > 189)
        abort();
    g_free(file);
    g_free(urn);
    g_free(fold);
}

static void judge_san(struct bytes text)
{
    struct name_san san = {NAME_DNS, NULL}, again = {NAME_DNS, NULL};
    GString *written;

    if (name_san_parse(text, &san) != NULL)
        return;
    written = g_string_new(NULL);
    name_san_write(&san, written);
    if (name_san_parse(bytes_of(written->str, written->len), &again) != NULL ||
        again.kind != san.kind || strcmp(again.text, san.text) != 0)
        abort();
    g_string_free(written, TRUE);
    name_san_clear(&san);
    name_san_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = bytes_of(data, size);

    judge_lint(text);
    judge_name(text);
    judge_san(text);
    return 0;
}
