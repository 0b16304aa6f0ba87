#include "config.h"

#include "mfa/store.h"

#include "mfa/store_pg.h"
#include "mfa/store_sqlite.h"

static const struct store_engine *const engines[] = {
    [STORE_ENGINE_SQLITE] = &store_sqlite_engine,
    [STORE_ENGINE_POSTGRESQL] = &store_pg_engine,
};

static struct outage *shared_outage;
static struct store_queue *shared_queue;

void store_share_outage(struct outage *outage)
{
    shared_outage = outage;
}

struct outage *store_outage(void)
{
    return shared_outage;
}

void store_share_queue(struct store_queue *queue)
{
    shared_queue = queue;
}

struct store_queue *store_shared_queue(void)
{
    return shared_queue;
}

const struct store_engine *store_engine(const struct settings_store *settings)
{
    return engines[settings->engine];
}

bool store_in_bucket(const struct store_ask *ask, const struct store_view *view)
{
    return ask->bucket_without_token && view->n_tokens == 0 && !view->has_recovery &&
           !view->has_break_glass;
}

const char *store_where(const struct settings_store *settings)
{
    return settings->engine == STORE_ENGINE_SQLITE ? settings->path : "in PostgreSQL";
}

const char *store_sql(const struct settings_store *settings)
{
    return settings->engine == STORE_ENGINE_POSTGRESQL ? store_pg_sql : NULL;
}
