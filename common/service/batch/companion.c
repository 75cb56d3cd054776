#include "common/service/batch/companion.h"

#include "common/base/bug.h"
#include "common/base/buf.h"

enum { COMPANION_FIRST_RETRY_MS = 100, COMPANION_HIGHEST_RETRY_MS = 5000 };

static void on_result(void *owner, const struct clickhouse_result *result)
{
    struct companion *companion = owner;

    companion->call = NULL;
    if (result->outcome != CLICKHOUSE_DONE) {
        companion->has_problem = true;
        companion->problem = result->err;
        err_prefix(&companion->problem, "table %s", companion->table->name);
        loop_timer_start(&companion->timer, backoff_jittered_ms(&companion->backoff));
        return;
    }
    companion->has_problem = false;
    companion->rows = NULL;
    backoff_reset(&companion->backoff);
    companion->on_written(companion->owner);
}

static void send(void *owner)
{
    struct companion *companion = owner;

    companion->call = stage_table_write(companion->table, buf_slice(companion->rows), on_result, companion);
}

void companion_init(struct companion *companion, struct loop *loop, const struct stage_table *table,
                    void (*on_written)(void *owner), void *owner)
{
    *companion = (struct companion){
        .table = table,
        .backoff = {.first_ms = COMPANION_FIRST_RETRY_MS, .highest_ms = COMPANION_HIGHEST_RETRY_MS},
        .on_written = on_written,
        .owner = owner,
    };
    loop_timer_init(&companion->timer, loop, send, companion);
}

void companion_write(struct companion *companion, const struct buf *rows)
{
    BUG_ON(companion_is_writing(companion));
    if (rows->length == 0)
        return;
    companion->rows = rows;
    send(companion);
}

void companion_cancel(struct companion *companion)
{
    if (companion->call != NULL)
        clickhouse_cancel(companion->call);
    companion->call = NULL;
    loop_timer_stop(&companion->timer);
    companion->rows = NULL;
    companion->has_problem = false;
}
