#include "common/service/batch/stage_view.h"

#include "common/base/alloc.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/io/loop.h"
#include "common/service/batch/context.h"
#include "common/service/batch/partition.h"
#include "common/service/health.h"
#include "common/service/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VIEW_DEBT_ALARM_SECONDS = 60, VIEW_STALL_MS = 30000 };

/* The series of one partition, in this order. */
enum series {
    SERIES_LAG_RECORDS,
    SERIES_LAG_SECONDS,
    SERIES_DEBT_RECORDS,
    SERIES_DEBT_SECONDS,
    SERIES_COUNT
};

static const struct {
    const char *name;
    const char *help;
} series_texts[SERIES_COUNT] = {
    {"millrace_lag_records", "Records in the log that are not stored yet."},
    {"millrace_lag_seconds", "Age of the oldest record at hand that is not stored yet."},
    {"millrace_forward_debt_records",
     "Records stored and not yet forwarded (an upper bound while they wait)."},
    {"millrace_forward_debt_seconds", "Since when records wait to be forwarded."},
};

struct partition_view {
    struct partition *partition;
    struct metric *series[SERIES_COUNT];
    int64_t position; /* and since when it stands there with records behind it; monotonic, 0: it moves */
    uint64_t stands_since_ms;
};

struct stage_view {
    struct batch_context *context;
    struct metrics *metrics;
    struct health_check *group_check;
    struct health_check *store_check;
    struct health_check *forward_check;
    struct partition_view *partitions;
    size_t partition_count;
    struct metric *held_bytes;

    uint64_t stored_before;
    uint64_t refreshed_at_ms;
    uint64_t stored_per_s;
    uint64_t lag_records;
    bool is_lag_known;
    uint64_t debt_records;
};

struct stage_view *stage_view_new(struct batch_context *context, struct metrics *metrics,
                                  struct health *health)
{
    struct stage_view *view = xcalloc(1, sizeof(*view));

    view->context = context;
    view->metrics = metrics;
    view->group_check = health_check_new(health, "consumer-group");
    view->store_check = health_check_new(health, "storing");
    if (context->stage->forward_topic != NULL)
        view->forward_check = health_check_new(health, "forwarding");
    context->stored_rows =
        metrics_counter(metrics, "millrace_rows_stored_total", "", "Rows stored by this worker.");
    context->forwarded_records = metrics_counter(metrics, "millrace_records_forwarded_total", "",
                                                 "Records forwarded and acknowledged.");
    context->insert_seconds = metrics_histogram(metrics, "millrace_insert_seconds", "",
                                                "Time of an insert into ClickHouse.", 0.001, 16);
    context->batch_records =
        metrics_histogram(metrics, "millrace_batch_records", "", "Records of a batch.", 1, 18);
    view->held_bytes = metrics_gauge(metrics, "millrace_held_bytes", "",
                                     "Memory of records, from Kafka to the last acknowledgement.");
    return view;
}

void stage_view_free(struct stage_view **view)
{
    if (*view == NULL)
        return;
    free((*view)->partitions);
    free(*view);
    *view = NULL;
}

static void make_series(struct stage_view *view, struct partition_view *shown)
{
    AUTO_BUF labels = {0};

    buf_printf(&labels, "topic=\"%s\",partition=\"%" PRId32 "\"", view->context->stage->source_topic,
               partition_number(shown->partition));
    for (int i = 0; i < SERIES_COUNT; i++)
        shown->series[i] =
            metrics_gauge(view->metrics, series_texts[i].name, buf_text(&labels), series_texts[i].help);
}

void stage_view_set_partitions(struct stage_view *view, struct partition **partitions, size_t count)
{
    for (size_t i = 0; i < view->partition_count; i++)
        for (int s = 0; s < SERIES_COUNT; s++)
            metrics_remove(view->metrics, view->partitions[i].series[s]);
    free(view->partitions);
    view->partitions = xcalloc(count, sizeof(*view->partitions));
    view->partition_count = count;
    for (size_t i = 0; i < count; i++) {
        view->partitions[i].partition = partitions[i];
        make_series(view, &view->partitions[i]);
    }
    if (partitions == NULL)
        health_set(view->group_check, HEALTH_UNKNOWN, "no assignment from the group (yet)");
    else
        health_set(view->group_check, HEALTH_UP, "%s", "");
    stage_view_refresh(view);
}

static void refresh_partition(struct stage_view *view, struct partition_view *shown)
{
    uint64_t lag;

    if (partition_lag_records(shown->partition, &lag)) {
        metric_set(shown->series[SERIES_LAG_RECORDS], (double)lag);
        metric_set(shown->series[SERIES_LAG_SECONDS],
                   partition_lag_seconds(shown->partition, clock_wall_us()));
        view->lag_records += lag;
    } else {
        metric_set_unknown(shown->series[SERIES_LAG_RECORDS]);
        metric_set_unknown(shown->series[SERIES_LAG_SECONDS]);
        view->is_lag_known = false;
    }
    uint64_t debt = partition_debt_records(shown->partition);
    view->debt_records += debt;
    metric_set(shown->series[SERIES_DEBT_RECORDS], (double)debt);
    metric_set(shown->series[SERIES_DEBT_SECONDS], partition_debt_seconds(shown->partition));
}

/* Whatever the reason: records wait, or nobody knows, and the position does not move. */
static bool is_stalled(struct stage_view *view, struct partition_view *shown, struct err *out_err)
{
    uint64_t now_ms = loop_now_ms(view->context->loop);
    uint64_t lag;
    bool is_behind = !partition_lag_records(shown->partition, &lag) || lag > 0;
    int64_t position = partition_position(shown->partition);

    if (!is_behind || position != shown->position || shown->stands_since_ms == 0)
        shown->stands_since_ms = is_behind ? now_ms : 0;
    shown->position = position;
    if (!is_behind || now_ms - shown->stands_since_ms < VIEW_STALL_MS)
        return false;
    err_set(out_err, ERR_RETRY, "%s[%d] stands at offset %lld for %" PRIu64 " s",
            view->context->stage->source_topic, (int)partition_number(shown->partition), (long long)position,
            (now_ms - shown->stands_since_ms) / 1000);
    return true;
}

static bool has_problem(struct stage_view *view, struct partition_view *shown, struct err *out_err,
                        bool *out_needs_person)
{
    bool stalled = is_stalled(view, shown, out_err);

    return partition_has_problem(shown->partition, out_err, out_needs_person) || stalled;
}

/* One partition that does not get on is enough: its customers' events are not stored. One that needs a
 * person is told first. */
static void refresh_store_check(struct stage_view *view)
{
    struct err found;
    bool is_found = false;
    bool needs_person = false;

    for (size_t i = 0; i < view->partition_count; i++) {
        struct err err;
        bool this_needs_person = false;
        if (!has_problem(view, &view->partitions[i], &err, &this_needs_person) ||
            (is_found && !this_needs_person) || needs_person)
            continue;
        found = err;
        is_found = true;
        needs_person = this_needs_person;
    }
    if (is_found)
        health_set(view->store_check, HEALTH_DOWN, "%s", found.text);
    else
        health_set(view->store_check, HEALTH_UP, "%s", "");
}

static void refresh_forward_check(struct stage_view *view)
{
    for (size_t i = 0; i < view->partition_count; i++) {
        const struct partition *partition = view->partitions[i].partition;
        const struct err *problem = partition_forward_problem(partition);
        if (problem == NULL && partition_debt_seconds(partition) < VIEW_DEBT_ALARM_SECONDS)
            continue;
        health_set(view->forward_check, HEALTH_DEGRADED, "to %s[%d]: %s", view->context->stage->forward_topic,
                   (int)partition_number(partition),
                   problem != NULL ? problem->text : "records wait for more than a minute");
        return;
    }
    health_set(view->forward_check, HEALTH_UP, "%s", "");
}

static void refresh_rate(struct stage_view *view)
{
    uint64_t now_ms = loop_now_ms(view->context->loop);
    uint64_t stored = metric_count(view->context->stored_rows);

    if (now_ms - view->refreshed_at_ms < 500)
        return;
    view->stored_per_s = (stored - view->stored_before) * 1000 / (now_ms - view->refreshed_at_ms);
    view->stored_before = stored;
    view->refreshed_at_ms = now_ms;
}

void stage_view_refresh(struct stage_view *view)
{
    view->lag_records = 0;
    view->debt_records = 0;
    view->is_lag_known = true;
    for (size_t i = 0; i < view->partition_count; i++)
        refresh_partition(view, &view->partitions[i]);
    metric_set(view->held_bytes,
               (double)(view->context->load->held_bytes + view->context->load->forward_held_bytes));
    refresh_store_check(view);
    if (view->forward_check != NULL)
        refresh_forward_check(view);
    refresh_rate(view);
}

void stage_view_write_status(const struct stage_view *view, char *text, size_t size)
{
    if (view->is_lag_known)
        (void)snprintf(text, size,
                       "%zu partitions, %" PRIu64 " rows/s, lag %" PRIu64 " records, %" PRIu64 " to forward",
                       view->partition_count, view->stored_per_s, view->lag_records, view->debt_records);
    else
        (void)snprintf(text, size, "%zu partitions, %" PRIu64 " rows/s, lag unknown, %" PRIu64 " to forward",
                       view->partition_count, view->stored_per_s, view->debt_records);
}
