/* Two states in, changes out: each row is a case (the notation is in sync_plan_world.h). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sync_plan_world.h"

#include <string.h>

#define DBA     "  (cn=pg-dba, rule 1)\n"
#define READ    "  (cn=pg-read, rule 2)\n"
#define STATIC  "  (static, rule 3)\n"
#define NONE    "  (no rule gives it)\n"
#define GONE    "  (no rule names it)\n"
#define NOW     "2026-11-29T05:00:00Z"
#define LEFT    "comment='" LEFT_PREFIX "2026-11-01T05:00:00Z | Alice A'"
#define LONG_63 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghi"

struct row {
    const char *what, *how, *wanted, *server, *plan;
};

static const struct row joiners[] = {
    {"a new role is made in the marker and granted", "", "alice : dbrole_admin@1", "",
     "create alice" DBA "grant dbrole_admin to alice" DBA},
    {"limit and end are of its making, the rest follows", "",
     "alice@1 limit=10 until=1800000000 comment='Alice A' set:role=dbrole_admin : dbrole_admin@1",
     "",
     "create alice, connection limit 10, valid until 2027-01-15T08:00:00Z" DBA
     "set role of alice to dbrole_admin" DBA "set comment of alice to Alice A" DBA
     "grant dbrole_admin to alice" DBA},
    {"without grants it is made all the same", "", "alice@3", "", "create alice" STATIC},
    {"each grant has its own reason", "",
     "alice@1 : dbrole_admin@1 dbrole_readonly@2 dbrole_readwrite@3", "",
     "create alice" DBA "grant dbrole_admin to alice" DBA "grant dbrole_readonly to alice" READ
     "grant dbrole_readwrite to alice" STATIC},
    {"sorted by kind, granted role and name", "",
     "zoe : dbrole_readonly@2\nbob : dbrole_admin@1\nAnn : dbrole_readonly@2", "",
     "create Ann" READ "create bob" DBA "create zoe" READ "grant dbrole_admin to bob" DBA
     "grant dbrole_readonly to Ann" READ "grant dbrole_readonly to zoe" READ},
    {"a comment that looks like the mark of a leaver is not set", "",
     "alice comment='" LEFT_PREFIX "1999-01-01T00:00:00Z' : dbrole_admin@1", "",
     "create alice" DBA "grant dbrole_admin to alice" DBA},
    {"admin option, on 15", "", "alice : dbrole_admin@1+admin-inherit-set", "",
     "create alice" DBA "grant dbrole_admin to alice with admin" DBA},
    {"options, on 16", "version=16", "alice : dbrole_admin@1+admin-inherit-set", "",
     "create alice" DBA "grant dbrole_admin to alice with admin without inherit without set" DBA},
};

static const struct row movers[] = {
    {"nothing to do", "", "alice : dbrole_admin@1", "alice* : dbrole_admin", ""},
    {"nothing to do, by another grantor on 16", "version=16", "alice : dbrole_admin@1",
     "alice* : dbrole_admin/postgres", ""},
    {"a grant more", "", "alice : dbrole_admin@1 dbrole_readonly@2", "alice* : dbrole_admin",
     "grant dbrole_readonly to alice" READ},
    {"a grant less ends the sessions", "", "alice : dbrole_readonly@2",
     "alice* sessions=2 : dbrole_admin dbrole_readonly",
     "revoke dbrole_admin from alice" NONE "end sessions of alice  (2 seen)\n"},
    {"also those that nobody saw", "", "alice : dbrole_readonly@2",
     "alice* : dbrole_admin dbrole_readonly",
     "revoke dbrole_admin from alice" NONE "end sessions of alice  (0 seen)\n"},
    {"or spares them, if configured so", "keep_movers", "alice : dbrole_readonly@2",
     "alice* sessions=2 : dbrole_admin dbrole_readonly", "revoke dbrole_admin from alice" NONE},
    {"what no rule grants is not looked at", "", "alice : dbrole_admin@1",
     "alice* : dbrole_admin by_hand pg_monitor", ""},
    {"admin option is added", "", "alice : dbrole_admin@1+admin", "alice* : dbrole_admin",
     "grant dbrole_admin to alice with admin" DBA},
    {"and taken away by itself, which ends no session", "", "alice : dbrole_admin@1",
     "alice* : dbrole_admin+admin", "revoke admin option on dbrole_admin from alice" NONE},
    {"16: inherit is given", "version=16", "alice : dbrole_admin@1",
     "alice* : dbrole_admin-inherit", "grant dbrole_admin to alice" DBA},
    {"16: inherit is taken", "version=16", "alice : dbrole_admin@1-inherit",
     "alice* : dbrole_admin", "grant dbrole_admin to alice without inherit" DBA},
    {"16: who loses SET loses his sessions, he may have used it", "version=16",
     "alice : dbrole_admin@1-set", "alice* : dbrole_admin",
     "grant dbrole_admin to alice without set" DBA "end sessions of alice  (0 seen)\n"},
    {"15 knows neither", "", "alice : dbrole_admin@1-inherit-set", "alice* : dbrole_admin", ""},
};

static const struct row grantors[] = {
    {"each membership is revoked as its grantor's", "version=16 super", "alice@1",
     "alice* : dbrole_admin/postgres dbrole_admin/zed\nzed",
     "revoke dbrole_admin from alice, granted by postgres" NONE
     "revoke dbrole_admin from alice, granted by zed" NONE "end sessions of alice  (0 seen)\n"},
    {"before 16 the grantor is of no account", "", "alice@1", "alice* : dbrole_admin/zed\nzed",
     "revoke dbrole_admin from alice" NONE "end sessions of alice  (0 seen)\n"},
    {"what a superuser granted is out of reach: reported, and the rest goes on", "version=16",
     "alice@1 : dbrole_readonly@2", "alice* sessions=1 : dbrole_admin/postgres",
     "grant dbrole_readonly to alice" READ "! foreign alice\n"},
    {"or tried, by force", "version=16 force=foreign", "alice@1", "alice* : dbrole_admin/postgres",
     "revoke dbrole_admin from alice, granted by postgres" NONE
     "end sessions of alice  (0 seen)\n~ foreign alice\n"},
    {"a grantor whose rights the runner inherits is its own", "version=16", "alice@1",
     "alice* : dbrole_admin/helper\nhelper\nsync : pgsignet_managed+admin helper/postgres",
     "revoke dbrole_admin from alice, granted by helper" NONE "end sessions of alice  (0 seen)\n"},
    {"one of two grants stays: no session ends, no setting goes", "version=16", "alice@1",
     "alice* set:role=dbrole_admin : dbrole_admin dbrole_admin/postgres",
     "revoke dbrole_admin from alice, granted by sync" NONE "! foreign alice\n"},
    {"an option too many of another's grant takes that grant, and ours comes", "version=16 super",
     "alice : dbrole_admin@1-set", "alice* : dbrole_admin/zed\nzed",
     "revoke dbrole_admin from alice, granted by zed" NONE
     "grant dbrole_admin to alice without set" DBA "end sessions of alice  (0 seen)\n"},
    {"its admin option is taken by itself", "version=16 super", "alice : dbrole_admin@1",
     "alice* : dbrole_admin/zed+admin\nzed",
     "revoke admin option on dbrole_admin from alice, granted by zed" NONE},
    {"what a managed role granted is granted anew, as it ends with that role's", "version=16",
     "alice : dbrole_admin@1+admin\nbob : dbrole_admin@1",
     "alice* : dbrole_admin+admin\nbob* : dbrole_admin/alice", "grant dbrole_admin to bob" DBA},
    {"who passed a role on to managed ones loses it with them", "version=16",
     "bob : dbrole_admin@1",
     "alice* nologin " LEFT " : dbrole_admin+admin\nbob* : dbrole_admin/alice\n"
     "sync : pgsignet_managed+admin alice/postgres+admin",
     "revoke dbrole_admin from alice, granted by sync, and from whom it passed it on to" NONE
     "grant dbrole_admin to bob" DBA "end sessions of alice  (0 seen)\n"},
    {"and another role, which it passed on too, is another matter", "version=16",
     "alice : dbrole_readonly@2+admin",
     "alice* : dbrole_admin+admin dbrole_readonly+admin\ncarol : dbrole_readonly/alice",
     "revoke dbrole_admin from alice, granted by sync" NONE "end sessions of alice  (0 seen)\n"},
    {"who passed it on to others keeps it", "version=16", "",
     "alice* nologin " LEFT " : dbrole_admin+admin\ncarol : dbrole_admin/alice\n"
     "sync : pgsignet_managed+admin alice/postgres+admin",
     "! foreign alice\n"},
    {"also when it went through managed hands", "version=16", "bob@1",
     "alice* nologin " LEFT " : dbrole_admin+admin\nbob* : dbrole_admin/alice+admin\n"
     "carol : dbrole_admin/bob\nsync : pgsignet_managed+admin alice/postgres+admin",
     "! foreign alice\n! foreign bob\n"},
    {"without ADMIN OPTION on a role there are grants and no options", "version=16",
     "alice limit=5 : dbrole_admin@1", "alice*",
     "grant dbrole_admin to alice" DBA "! foreign alice\n"},
    {"nor is it locked, but it loses the rest", "version=16", "",
     "alice* sessions=1 : dbrole_admin",
     "revoke dbrole_admin from alice, granted by sync" NONE
     "end sessions of alice  (1 seen)\n! foreign alice\n"},
    {"of one that is locked already there is nothing to say", "version=16", "",
     "alice* nologin " LEFT, ""},
    {"with it there are", "version=16", "alice limit=5 : dbrole_admin@1",
     "alice*\nsync : pgsignet_managed+admin alice/postgres+admin-inherit-set",
     "set connection limit of alice to 5" DBA "grant dbrole_admin to alice" DBA},
};

static const struct row options[] = {
    {"only where they differ", "", "alice limit=5 until=1000 comment='A B' set:work_mem=1GB@1",
     "alice* limit=5 until=1000 comment='A B' set:work_mem=1GB@1", ""},
    {"all that differ", "", "alice limit=6 until=infinity comment='A C' set:work_mem=2GB",
     "alice* limit=5 until=1000 comment='A B' set:work_mem=1GB",
     "set connection limit of alice to 6" DBA "set valid until of alice to infinity" DBA
     "set work_mem of alice to 2GB" DBA "set comment of alice to A C" DBA},
    {"what no rule says is left alone", "", "alice",
     "alice* limit=5 until=1000 comment='A B' set:work_mem=1GB", ""},
    {"no end is infinity", "", "alice until=infinity", "alice*", ""},
    {"beyond what PostgreSQL can hold is infinity", "", "alice until=99999999999999", "alice*", ""},
    {"limits below none are none", "", "alice limit=-7", "alice*", ""},
    {"an empty comment takes the comment away", "", "alice comment=''", "alice* comment=x",
     "set comment of alice to nothing" DBA},
    {"and is no change where there is none", "", "alice comment=''", "alice*", ""},
    {"names of settings in any case", "", "alice set:timezone=UTC", "alice* set:TimeZone=UTC", ""},
    {"lists are compared by their elements", "", "alice set:search_path='app,\"A b\" , Public'",
     "alice* set:search_path='app, \"A b\", public'", ""},
    {"what is none is one element, as the server keeps it", "",
     "alice set:search_path='Human Resources'", "alice* set:search_path='\"Human Resources\"'", ""},
    {"in order", "", "alice set:search_path='b, a'", "alice* set:search_path='a, b'",
     "set search_path of alice to b, a" DBA},
    {"other values byte by byte", "", "alice set:datestyle='iso,dmy'",
     "alice* set:datestyle='iso, dmy'", "set datestyle of alice to iso,dmy" DBA},
    {"of two settings that differ in case alone the first counts", "",
     "alice set:work_mem=1GB set:Work_Mem=2GB", "alice* set:work_mem=1GB", ""},
    {"a setting that its rule no longer names stays", "", "alice : dbrole_readonly@2",
     "alice* set:work_mem=64MB : dbrole_readonly", ""},
    {"but goes with the grant that it came with", "keep_movers", "alice@1",
     "alice* set:work_mem=64MB : dbrole_readonly",
     "revoke dbrole_readonly from alice" NONE "reset work_mem of alice, which was 64MB" NONE},
    {"an admin's own value does not", "keep_movers", "alice@1",
     "alice* set:work_mem=65MB : dbrole_readonly", "revoke dbrole_readonly from alice" NONE},
    {"nor one that another rule wants", "keep_movers", "alice@1 set:work_mem=64MB",
     "alice* set:work_mem=64MB : dbrole_readonly", "revoke dbrole_readonly from alice" NONE},
    {"nor that of another grant", "keep_movers", "alice@1 : dbrole_readonly@2",
     "alice* set:work_mem=64MB : dbrole_admin dbrole_readonly",
     "revoke dbrole_admin from alice" NONE},
    {"nor one that only looks like role", "keep_movers", "alice@1",
     "alice* set:app.tier=dbrole_readwrite : dbrole_readwrite",
     "revoke dbrole_readwrite from alice" NONE},
    {"role goes with the role that it names", "keep_movers", "alice@1",
     "alice* set:role=dbrole_readwrite : dbrole_readwrite",
     "revoke dbrole_readwrite from alice" NONE
     "reset role of alice, which was dbrole_readwrite" NONE},
};

static const struct row leavers[] = {
    {"are locked, lose what rules grant, their sessions, and get a mark", "", "",
     "alice* sessions=1 comment='Alice A' set:role=dbrole_admin : dbrole_admin by_hand",
     "lock alice" GONE "revoke dbrole_admin from alice" NONE
     "reset role of alice, which was dbrole_admin" NONE "set comment of alice to " LEFT_PREFIX NOW
     " | Alice A" GONE "end sessions of alice  (1 seen)\n"},
    {"without a comment", "no_terminate", "", "alice*",
     "lock alice" GONE "set comment of alice to " LEFT_PREFIX NOW GONE},
    {"that are not to be locked are marked", "lock=never no_terminate", "", "alice*",
     "set comment of alice to " LEFT_PREFIX NOW GONE},
    {"once", "lock=never", "", "alice* " LEFT, ""},
    {"have left for good", "", "", "alice* nologin " LEFT, ""},
    {"whose sessions are still there lose them again", "", "", "alice* sessions=3 nologin " LEFT,
     "end sessions of alice  (3 seen)\n"},
    {"that were granted to by hand lose that again", "", "",
     "alice* nologin " LEFT " : dbrole_admin",
     "revoke dbrole_admin from alice" NONE "end sessions of alice  (0 seen)\n"},
    {"that an admin unlocked leave anew, and keep their comment", "drop=60", "", "alice* " LEFT,
     "lock alice" GONE "set comment of alice to " LEFT_PREFIX NOW " | Alice A" GONE
     "end sessions of alice  (0 seen)\n"},
    {"whom an admin locked before get a mark that says so", "drop=60", "",
     "alice* nologin comment='Alice A'",
     "set comment of alice to " LEFT_PREFIX NOW ", was locked | Alice A" GONE
     "end sessions of alice  (0 seen)\n"},
    {"once too", "", "", "alice* nologin comment='" LEFT_PREFIX "2026-11-01T05:00:00Z, was locked'",
     ""},
    {"and are dropped like others", "drop=60", "",
     "alice* nologin comment='" LEFT_PREFIX "2026-11-01T05:00:00Z, was locked | Alice A'",
     "drop alice  (left 2026-11-01T05:00:00Z)\n"},
    {"whose mark cannot be read too", "drop=60", "",
     "alice* nologin comment='" LEFT_PREFIX "long ago | Alice | A'",
     "set comment of alice to " LEFT_PREFIX NOW " | Alice | A" GONE
     "end sessions of alice  (0 seen)\n"},
    {"with a day that there is not", "no_terminate", "",
     "alice* nologin comment='" LEFT_PREFIX "2026-02-30T05:00:00Z'",
     "set comment of alice to " LEFT_PREFIX NOW GONE},
    {"are dropped when their time is over", "drop=2419200", "", "alice* nologin " LEFT,
     "drop alice  (left 2026-11-01T05:00:00Z)\n"},
    {"and not a second before", "drop=2419201", "", "alice* nologin " LEFT, ""},
    {"nor ever by default", "", "", "alice* nologin comment='" LEFT_PREFIX "1999-01-01T00:00:00Z'",
     ""},
    {"and not when clocks differ", "drop=1", "",
     "alice* nologin comment='" LEFT_PREFIX "2999-01-01T00:00:00Z'", ""},
    {"come back: LOGIN and comment as before", "", "alice : dbrole_admin@1", "alice* nologin " LEFT,
     "unlock alice" DBA "set comment of alice to Alice A" DBA "grant dbrole_admin to alice" DBA},
    {"with the comment of their rule", "", "alice@1 comment='Alice B'", "alice* nologin " LEFT,
     "unlock alice" DBA "set comment of alice to Alice B" DBA},
    {"with none when they had none", "", "alice@1",
     "alice* nologin comment='" LEFT_PREFIX "2026-11-01T05:00:00Z'",
     "unlock alice" DBA "set comment of alice to nothing" DBA},
    {"marked twice, without any mark", "", "alice@1",
     "alice* nologin comment='" LEFT_PREFIX "x | " LEFT_PREFIX "y | A'",
     "unlock alice" DBA "set comment of alice to A" DBA},
    {"whom an admin had locked before they left stay locked", "", "alice@1",
     "alice* nologin comment='" LEFT_PREFIX "2026-11-01T05:00:00Z, was locked | Alice A'",
     "set comment of alice to Alice A" DBA},
    {"whom an admin locked stay locked", "", "alice : dbrole_admin@1", "alice* nologin",
     "grant dbrole_admin to alice" DBA},
};

static const struct row untouched[] = {
    {"unmanaged and not wanted", "", "", "alice sessions=1 : dbrole_admin", ""},
    {"unmanaged and wanted: the guard", "", "alice : dbrole_readonly@2", "alice : dbrole_admin",
     "! unmanaged alice\n"},
    {"or adopted, by force", "force=unmanaged", "alice : dbrole_readonly@2",
     "alice nologin : dbrole_admin",
     "revoke dbrole_admin from alice" NONE "adopt alice into pgsignet_managed" READ
     "grant dbrole_readonly to alice" READ "end sessions of alice  (0 seen)\n~ unmanaged alice\n"},
    {"protected, managed and not wanted", "protect=al*", "", "alice* : dbrole_admin", ""},
    {"protected and wanted", "protect=alice", "alice : dbrole_admin@1", "alice*", ""},
    {"protected and not there", "protect=*ic*", "alice : dbrole_admin@1", "", ""},
    {"protected by a name that only starts alike is not", "protect=ali", "alice : dbrole_admin@1",
     "", "create alice" DBA "grant dbrole_admin to alice" DBA},
    {"even by force", "protect=al* force=unmanaged force=privileged", "alice : dbrole_admin@1",
     "alice super", ""},
    {"a superuser that is wanted", "", "alice : dbrole_admin@1", "alice* super",
     "! privileged alice\n"},
    {"a replication role", "", "alice : dbrole_admin@1", "alice* repl", "! privileged alice\n"},
    {"one that bypasses RLS", "", "alice : dbrole_admin@1", "alice* bypass",
     "! privileged alice\n"},
    {"one that administers the marker", "", "alice : dbrole_admin@1",
     "alice : pgsignet_managed+admin", "! privileged alice\n"},
    {"by force is granted to, and loses nothing", "force=privileged",
     "alice limit=5 : dbrole_admin@1", "alice* super sessions=1 : dbrole_readonly",
     "grant dbrole_admin to alice" DBA "~ privileged alice\n"},
    {"an unmanaged one needs both", "force=privileged", "alice : dbrole_admin@1", "alice super",
     "~ privileged alice\n! unmanaged alice\n"},
    {"and then is adopted", "force=privileged force=unmanaged", "alice : dbrole_admin@1",
     "alice super",
     "adopt alice into pgsignet_managed" DBA "grant dbrole_admin to alice" DBA
     "~ privileged alice\n~ unmanaged alice\n"},
    {"a superuser that has left is reported, whatever is forced", "force=privileged", "",
     "alice* super : dbrole_admin", "! privileged alice\n"},
    {"who administers the marker never leaves", "", "",
     "alice : pgsignet_managed+admin dbrole_admin", ""},
    {"who may create roles does", "no_terminate", "", "alice* createrole",
     "lock alice" GONE "set comment of alice to " LEFT_PREFIX NOW GONE},
    {"the runner, the marker, the governed, the system's: whatever is forced",
     "force=privileged force=unmanaged",
     "sync : dbrole_admin@1\npostgres : dbrole_admin@1\ndbrole_admin : dbrole_readonly@2\n"
     "pgsignet_managed : dbrole_admin@1",
     "dbrole_admin* nologin",
     "! privileged dbrole_admin\n! privileged pgsignet_managed\n! privileged postgres\n"
     "! privileged sync\n"},
    {"the governed even when they are not there", "without=dbrole_admin", "dbrole_admin@3", "",
     "! names dbrole_admin\n! missing dbrole_admin\n"},
};

static const struct row guards[] = {
    {"a name of 63 bytes is one", "", LONG_63 "@1", "", "create " LONG_63 DBA},
    {"of 64 it is not", "", LONG_63 "x@1", "", "! names " LONG_63 "x\n"},
    {"nor is an empty one", "", "''@1", "", "! names \n"},
    {"nor bytes that are not UTF-8", "", "al\xff@1", "", "! names al\xff\n"},
    {"nor the names that PostgreSQL keeps", "", "pg_monitor2@1\npublic@1\nnone@1", "",
     "! names none\n! names pg_monitor2\n! names public\n"},
    {"nor one for two, who keeps what he has", "", "bob@1\nbob@2 : dbrole_admin@1",
     "bob* : dbrole_readonly", "! names bob\n"},
    {"also when it would be new", "", "bob@1\nbob@2\nbob@3", "", "! names bob\n"},
    {"without the marker nothing goes", "without=pgsignet_managed", "alice : dbrole_admin@1",
     "bob : dbrole_admin", "! missing all\n"},
    {"nor when the marker makes superusers", "", "alice : dbrole_admin@1",
     "pgsignet_managed nologin : postgres", "! privileged all\n"},
    {"a governed role that is missing is left out", "without=dbrole_admin",
     "alice : dbrole_admin@1 dbrole_readonly@2", "",
     "create alice" DBA "grant dbrole_readonly to alice" READ "! missing dbrole_admin\n"},
    {"one that all who are managed have is said, and the rest goes on", "",
     "alice : dbrole_readonly@2",
     "pgsignet_managed nologin : middle\nmiddle nologin : dbrole_admin\nbob* : dbrole_admin",
     "lock bob" GONE "revoke dbrole_admin from bob" NONE "create alice" READ
     "set comment of bob to " LEFT_PREFIX NOW GONE "grant dbrole_readonly to alice" READ
     "end sessions of bob  (0 seen)\n! privileged dbrole_admin\n"},
    {"one that is a superuser too", "", "alice : dbrole_admin@1", "dbrole_admin nologin super",
     "create alice" DBA "! privileged dbrole_admin\n"},
    {"or is in one", "", "alice : dbrole_admin@1\nbob : dbrole_admin@1",
     "dbrole_admin nologin : middle\nmiddle nologin : root\nroot super\nbob* : dbrole_admin",
     "create alice" DBA "! privileged dbrole_admin\n"},
    {"be it by SET alone", "version=16", "alice : dbrole_admin@1",
     "dbrole_admin nologin : root-inherit\nroot super",
     "create alice" DBA "! privileged dbrole_admin\n"},
    {"but not by a membership that gives nothing", "version=16", "alice : dbrole_admin@1",
     "dbrole_admin nologin : root-inherit-set\nroot super",
     "create alice" DBA "grant dbrole_admin to alice" DBA},
    {"or writes files", "grant=pg_write_server_files", "alice : pg_write_server_files@4",
     "pg_write_server_files nologin system",
     "create alice  (cn=pg-more, rule 4)\n! privileged pg_write_server_files\n"},
    {"or is granted by force", "force=privileged", "alice : dbrole_admin@1",
     "dbrole_admin nologin : root\nroot super",
     "create alice" DBA "grant dbrole_admin to alice" DBA "~ privileged dbrole_admin\n"},
    {"a predefined role as such is none", "grant=pg_monitor", "alice : pg_monitor@4",
     "pg_monitor nologin system",
     "create alice  (cn=pg-more, rule 4)\ngrant pg_monitor to alice  (cn=pg-more, rule 4)\n"},
};

/* Each case on a world of its own. */
static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct world world;
        struct plan plan;

        world_init(&world);
        world_read(&world, rows[i].how, rows[i].wanted, rows[i].server);
        world_plan(&world, &plan);
        char *text = world_text(&plan);
        if (strcmp(text, rows[i].plan) != 0) {
            print_error("%s\n--- is to be\n%s--- is\n%s", rows[i].what, rows[i].plan, text);
            fail_msg("%s", rows[i].what);
        }
        g_free(text);
        plan_clear(&plan);
        world_clear(&world);
    }
}

static void joiners_are_made_and_granted(void **state)
{
    (void)state;
    check(joiners, G_N_ELEMENTS(joiners));
}

static void movers_get_and_lose_what_rules_grant(void **state)
{
    (void)state;
    check(movers, G_N_ELEMENTS(movers));
}

static void memberships_of_several_grantors_are_told_apart(void **state)
{
    (void)state;
    check(grantors, G_N_ELEMENTS(grantors));
}

static void options_change_where_they_differ(void **state)
{
    (void)state;
    check(options, G_N_ELEMENTS(options));
}

static void leavers_go_and_come_back(void **state)
{
    (void)state;
    check(leavers, G_N_ELEMENTS(leavers));
}

static void whom_no_rule_or_guard_allows_is_not_touched(void **state)
{
    (void)state;
    check(untouched, G_N_ELEMENTS(untouched));
}

static void what_cannot_be_meant_is_left_out(void **state)
{
    (void)state;
    check(guards, G_N_ELEMENTS(guards));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joiners_are_made_and_granted),
        cmocka_unit_test(movers_get_and_lose_what_rules_grant),
        cmocka_unit_test(memberships_of_several_grantors_are_told_apart),
        cmocka_unit_test(options_change_where_they_differ),
        cmocka_unit_test(leavers_go_and_come_back),
        cmocka_unit_test(whom_no_rule_or_guard_allows_is_not_touched),
        cmocka_unit_test(what_cannot_be_meant_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
