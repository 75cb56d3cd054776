#include "query/store_watch.h"

#include "common/base/alloc.h"
#include "common/io/clickhouse.h"
#include "common/io/loop.h"
#include "common/service/health.h"

#include <stdlib.h>

enum { ASK_AGAIN_MS = 2000, ASK_TIMEOUT_MS = 5000 };

struct store_watch {
    struct clickhouse *clickhouse;
    struct health_check *check;
    struct loop_timer timer;
    struct clickhouse_call *call; /* NULL: not asking */
};

static void on_result(void *owner, const struct clickhouse_result *result)
{
    struct store_watch *watch = owner;

    watch->call = NULL;
    if (result->outcome == CLICKHOUSE_DONE)
        health_set(watch->check, HEALTH_UP, "%s", "");
    else
        health_set(watch->check, HEALTH_DOWN, "events can't be read: %s", result->err.text);
    loop_timer_start(&watch->timer, ASK_AGAIN_MS);
}

static void ask(void *owner)
{
    struct store_watch *watch = owner;
    const struct clickhouse_query query = {
        .sql = "SELECT id FROM events LIMIT 0 FORMAT RowBinary",
        .timeout_ms = ASK_TIMEOUT_MS,
        .answer_max_bytes = 4096,
        .on_result = on_result,
        .owner = watch,
    };

    watch->call = clickhouse_ask(watch->clickhouse, &query);
}

struct store_watch *store_watch_start(struct loop *loop, struct clickhouse *clickhouse, struct health *health)
{
    struct store_watch *watch = xcalloc(1, sizeof(*watch));

    watch->clickhouse = clickhouse;
    watch->check = health_check_new(health, "clickhouse");
    loop_timer_init(&watch->timer, loop, ask, watch);
    ask(watch);
    return watch;
}

void store_watch_stop(struct store_watch **watch)
{
    if (*watch == NULL)
        return;
    loop_timer_stop(&(*watch)->timer);
    if ((*watch)->call != NULL)
        clickhouse_cancel((*watch)->call);
    free(*watch);
    *watch = NULL;
}
