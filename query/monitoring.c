#include "query/monitoring.h"

#include "common/base/clock.h"
#include "common/codec/json_write.h"
#include "common/io/http_server.h"
#include "query/counts.h"
#include "query/lags.h"
#include "query/reads.h"

enum { MONITORING_ANSWER_MAX_BYTES = 1024 * 1024 }; /* more than COUNTS_WINDOWS_MAX rows */

struct monitoring {
    struct reading reading; /* first */
    struct counts_request wanted;
    struct counts counts;
    struct lags_waiter waiter;
    bool has_counts, has_lags;
};

static void answer_if_complete(struct monitoring *monitoring)
{
    const struct lags *lags = monitoring->reading.owner;
    AUTO_BUF json = {0};

    if (!monitoring->has_counts || !monitoring->has_lags)
        return;
    buf_append_byte(&json, '{');
    json_write_i64_member(&json, "total_count", (int64_t)monitoring->counts.total);
    lag_write(&json, "consumption_lag", lags_of(lags, LAGS_CONSUMPTION));
    lag_write(&json, "post_processing_lag", lags_of(lags, LAGS_POST_PROCESSING));
    counts_write_points(&json, &monitoring->counts);
    buf_append_byte(&json, '}');
    reads_answer(&monitoring->reading, buf_slice(&json));
}

static void on_counts(struct reading *reading, struct slice rows)
{
    struct monitoring *monitoring = (struct monitoring *)reading;

    if (!counts_read(rows, &monitoring->wanted, &reading->arena, &monitoring->counts)) {
        reads_refuse_unreadable(reading);
        return;
    }
    monitoring->has_counts = true;
    answer_if_complete(monitoring);
}

static void on_lags(void *owner)
{
    struct monitoring *monitoring = owner;

    monitoring->has_lags = true;
    answer_if_complete(monitoring);
}

static void ask(struct reading *reading)
{
    struct monitoring *monitoring = (struct monitoring *)reading;
    struct question question = {.arena = &reading->arena};

    counts_ask(&reading->scope, &monitoring->wanted, &question);
    reads_ask(reading, &question, MONITORING_ANSWER_MAX_BYTES, on_counts);
    monitoring->waiter = (struct lags_waiter){.on_lags = on_lags, .owner = monitoring};
    lags_ask(reading->owner, &monitoring->waiter);
}

static bool read_request(struct reading *reading, struct parameter_problem *out_problem)
{
    return counts_request_read(http_request_query(reading->request), clock_wall_us(), &reading->arena,
                               &((struct monitoring *)reading)->wanted, out_problem);
}

static void done(struct reading *reading)
{
    lags_cancel(&((struct monitoring *)reading)->waiter);
}

static const struct read_kind monitoring_kind = {
    .size_bytes = sizeof(struct monitoring),
    .read = read_request,
    .ask = ask,
    .done = done,
};

void monitoring_answer(struct reads *reads, struct lags *lags, struct http_request *request)
{
    reads_begin(reads, &monitoring_kind, request, lags);
}
