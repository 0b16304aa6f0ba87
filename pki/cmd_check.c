/* check: what is wrong, or will be soon. */
#include "config.h"

#include "pki/check.h"
#include "pki/cli.h"

#include <stdio.h>

static void (*const parts[])(struct check *check) = {
    check_ledger, check_dates, check_files, check_adopted, check_crls, check_servers,
};

/* A ledger that cannot be opened is what was found. */
static bool open_ledger(struct check *check)
{
    if (session_open_ledger(check->session, true))
        return true;
    findings_add(&check->findings, FINDING_LEDGER, LEDGER_FILE,
                 "it cannot be read: see the message");
    return false;
}

static int report(const struct check *check)
{
    guint n = check->findings.at->len;

    if (check->session->json) {
        if (!session_print(json_pack("{s:o}", "findings", findings_json(&check->findings))))
            return COMMAND_FAILED;
    } else if (n > 0) {
        findings_print(&check->findings);
    } else if (!check->session->quiet) {
        printf("Nothing was found.\n");
    }
    return n > 0 ? COMMAND_DIFFERS : COMMAND_DONE;
}

int cmd_check(const struct arguments *arguments)
{
    struct session session;
    struct check check = {.session = &session, .chain = g_byte_array_new()};
    int code = COMMAND_FAILED;

    findings_init(&check.findings);
    if (session_open(&session, arguments, NEEDS_NOTHING) &&
        session_open_folder(&session, NEEDS_LOOK)) {
        check.now_s = session_now_s();
        check.window_s =
            arguments->given[OPT_WINDOW] ? arguments->number[OPT_WINDOW] : session.ca.renew;
        if (open_ledger(&check))
            for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
                parts[i](&check);
        code = report(&check);
    }
    findings_clear(&check.findings);
    g_byte_array_unref(check.chain);
    session_close(&session);
    return code;
}
