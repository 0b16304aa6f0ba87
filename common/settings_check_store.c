#include "config.h"

#include "common/settings_check.h"

#include "common/conninfo.h"

static void check_conninfo(const char *key, char *const *conninfo, struct settings_notes *notes)
{
    const char *fault = *conninfo != NULL ? conninfo_fault(*conninfo) : NULL;

    if (fault != NULL)
        notes_fault(notes, notes_line(notes, NOTES_VALUE, conninfo), "store.%s %s", key, fault);
}

/* What says nothing where it stands is refused: somebody who wrote it expects that it counts. */
void settings_check_store(const struct settings *settings, struct settings_notes *notes)
{
    const struct settings_store *store = &settings->store;
    bool is_postgresql = store->engine == STORE_ENGINE_POSTGRESQL;
    size_t line = notes_line(notes, NOTES_VALUE, &store->engine);
    const struct {
        const char *name;
        const void *field;
        bool postgresql;
    } keys[] = {
        {"path", &store->path, false},
        {"conninfo", &store->conninfo, true},
        {"admin_conninfo", &store->admin_conninfo, true},
        {"timeout", &store->timeout, true},
        {"retry_after", &store->retry_after, true},
        {"standby", &store->standby, true},
    };

    check_conninfo("conninfo", &store->conninfo, notes);
    check_conninfo("admin_conninfo", &store->admin_conninfo, notes);
    if (notes_broken(notes, &store->engine))
        return;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t at = notes_line(notes, NOTES_VALUE, keys[i].field);

        if (at > 0 && keys[i].postgresql != is_postgresql)
            notes_fault(notes, at,
                        "store.%s has no meaning with engine: %s; remove it, or write "
                        "engine: %s",
                        keys[i].name, is_postgresql ? "postgresql" : "sqlite",
                        is_postgresql ? "sqlite" : "postgresql");
    }
    if (is_postgresql && store->conninfo == NULL && !notes_broken(notes, &store->conninfo))
        notes_fault(notes, line,
                    "store.engine is postgresql, but there is no store.conninfo; write one like "
                    "\"host=db1,db2 target_session_attrs=read-write dbname=pgsignet "
                    "user=pgsignet_store\"");
}
