#include "query/counts.h"

#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"
#include "common/codec/rowbinary.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)

const char *const counts_windows[] = {"",      "MINUTE", "15MIN", "30MIN", "HOUR",  "3HOUR",
                                      "6HOUR", "12HOUR", "DAY",   "WEEK",  "MONTH", NULL};

static const struct {
    const char *interval;
    int64_t least_us;
} windows[] = {
    {NULL, 1},
    {"1 MINUTE", 60 * SECOND_US},
    {"15 MINUTE", 900 * SECOND_US},
    {"30 MINUTE", 1800 * SECOND_US},
    {"1 HOUR", HOUR_US},
    {"3 HOUR", 3 * HOUR_US},
    {"6 HOUR", 6 * HOUR_US},
    {"12 HOUR", 12 * HOUR_US},
    {"1 DAY", DAY_US},
    {"1 WEEK", 7 * DAY_US},
    {"1 MONTH", 28 * DAY_US},
};

enum { START_TIME, END_TIME, WINDOW_SIZE, PARAMETER_COUNT };

static const struct parameter table[PARAMETER_COUNT] = {
    [START_TIME] = {"start_time", 64, PARAMETER_TEXT},
    [END_TIME] = {"end_time", 64, PARAMETER_TEXT},
    [WINDOW_SIZE] = {"window_size", 16, PARAMETER_TEXT},
};

bool counts_request_read(struct slice query, int64_t now_us, struct arena *arena,
                         struct counts_request *out_request, struct parameter_problem *out_problem)
{
    const struct parameter_span span = {START_TIME, END_TIME, now_us, DAY_US};
    struct parameters parameters = {
        .table = table, .count = PARAMETER_COUNT, .arena = arena, .problem = out_problem};
    struct counts_request request;

    if (!parameters_from_query(&parameters, query) ||
        !parameters_span(&parameters, &span, &request.start_us, &request.end_us) ||
        !parameters_choice(&parameters, WINDOW_SIZE, counts_windows, &request.window))
        return false;
    if (request.window > 0 &&
        (request.end_us - request.start_us) / windows[request.window].least_us >= COUNTS_WINDOWS_MAX)
        return parameters_refuse(&parameters, WINDOW_SIZE, "would make more than %d windows",
                                 COUNTS_WINDOWS_MAX);
    *out_request = request;
    return true;
}

void counts_ask(const struct question_scope *scope, const struct counts_request *request,
                struct question *question)
{
    if (request->window > 0)
        question_printf(question,
                        "SELECT toUnixTimestamp64Micro(toDateTime64(toStartOfInterval(timestamp,"
                        " INTERVAL %s, 'UTC'), 6, 'UTC')) AS start, count()",
                        windows[request->window].interval);
    else
        question_add(question, "SELECT toInt64(0), count()");
    question_from(question, "events", scope);
    question_add(question, " AND timestamp >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')"
                           " AND timestamp < fromUnixTimestamp64Micro({to:Int64}, 'UTC')");
    question_i64(question, "from", request->start_us);
    question_i64(question, "to", request->end_us);
    if (request->window > 0)
        question_add(question, " GROUP BY start ORDER BY start");
    question_finish(question);
}

bool counts_read(struct slice rows, const struct counts_request *request, struct arena *arena,
                 struct counts *out_counts)
{
    size_t count = rows.length / (sizeof(int64_t) + sizeof(uint64_t));
    struct count_point *points = arena_take(arena, count * sizeof(*points));
    struct counts counts = {.points = points};

    for (size_t i = 0; i < count; i++) {
        if (!rowbinary_read_i64(&rows, &points[i].start_us) || points[i].start_us < 0 ||
            points[i].start_us > RFC3339_MAX_US || !rowbinary_read_u64(&rows, &points[i].count))
            return false;
        counts.total += points[i].count;
    }
    if (!slice_is_empty(rows))
        return false;
    counts.point_count = request->window > 0 ? count : 0;
    *out_counts = counts;
    return true;
}

void counts_write_points(struct buf *out, const struct counts *counts)
{
    if (counts->point_count == 0)
        return;
    buf_append_text(out, ",\"points\":[");
    for (size_t i = 0; i < counts->point_count; i++) {
        buf_append_text(out, i > 0 ? ",{" : "{");
        json_write_time_member(out, "timestamp", counts->points[i].start_us);
        json_write_i64_member(out, "event_count", (int64_t)counts->points[i].count);
        buf_append_byte(out, '}');
    }
    buf_append_byte(out, ']');
}
