#include "config.h"

#include "mfa/store.h"

#include "mfa/store_sqlite.h"

static const struct store_engine *const engines[] = {
    [STORE_ENGINE_SQLITE] = &store_sqlite_engine,
};

const struct store_engine *store_engine(const struct settings_store *settings)
{
    return engines[settings->engine];
}
