#include "config.h"

#include "ldap_sync/tiers_rows.h"

#include <string.h>

const struct tiers_role tiers_roles[TIERS] = {
    {"dbrole_readonly", {NULL}, "role for global read-only access"},
    {"dbrole_offline", {NULL}, "role for restricted read-only access"},
    {"dbrole_readwrite", {"dbrole_readonly"}, "role for global read-write access"},
    {"dbrole_admin", {"pg_monitor", "dbrole_readwrite"}, "role for object creation"},
};

const struct tiers_default tiers_defaults[TIERS_DEFAULTS] = {
    {"n", "dbrole_readonly", "USAGE"},   {"n", "dbrole_offline", "USAGE"},
    {"n", "dbrole_admin", "CREATE"},     {"r", "dbrole_readonly", "SELECT"},
    {"r", "dbrole_offline", "SELECT"},   {"r", "dbrole_readwrite", "INSERT"},
    {"r", "dbrole_readwrite", "UPDATE"}, {"r", "dbrole_readwrite", "DELETE"},
    {"r", "dbrole_admin", "TRUNCATE"},   {"r", "dbrole_admin", "REFERENCES"},
    {"r", "dbrole_admin", "TRIGGER"},    {"S", "dbrole_readonly", "SELECT"},
    {"S", "dbrole_offline", "SELECT"},   {"S", "dbrole_readwrite", "USAGE"},
    {"S", "dbrole_readwrite", "UPDATE"}, {"f", "dbrole_readonly", "EXECUTE"},
    {"f", "dbrole_offline", "EXECUTE"},
};

const struct tiers_connect tiers_of_closed[TIERS_OF_CLOSED] = {
    {"replicator", "false"},
    {"dbuser_monitor", "false"},
    {"dbuser_dba", "true"},
};

const char *tiers_objects(const char *object)
{
    static const struct {
        const char *letter, *word;
    } rows[] = {{"n", "SCHEMAS"}, {"r", "TABLES"}, {"S", "SEQUENCES"}, {"f", "FUNCTIONS"}};
    size_t i = 0;

    while (i < sizeof rows / sizeof rows[0] - 1 && strcmp(rows[i].letter, object) != 0)
        i++;
    return rows[i].word;
}
