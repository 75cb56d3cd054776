#include "query/list_sql.h"

#include "common/base/bug.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define HOUR_US (INT64_C(3600) * 1000000)

/* Tells apart events that share time and id, the same way in every question: by what else makes a row. */
#define TIE "sipHash64(external_customer_id, event_name)"

/* ---- windows ---- */

static struct list_window whole_window(const struct list_request *request)
{
    struct list_window window = {request->start_us, request->end_us};

    if (request->has_newer && request->newer.us > window.from_us)
        window.from_us = request->newer.us;
    if (request->has_older && request->older.us < window.to_us)
        window.to_us = request->older.us;
    return window;
}

/* An id is in one place, and an offset counts from the beginning. */
static bool is_read_at_once(const struct list_request *request)
{
    return !slice_is_empty(request->event_id) || request->has_offset;
}

bool list_window(const struct list_request *request, uint32_t step, struct list_window *out_window)
{
    static const int64_t spans_us[] = {HOUR_US, 24 * HOUR_US};
    struct list_window whole = whole_window(request);
    uint32_t spans = is_read_at_once(request) ? 0 : sizeof(spans_us) / sizeof(spans_us[0]);

    while (spans > 0 && whole.to_us - whole.from_us <= spans_us[spans - 1])
        spans--;
    if (step > spans)
        return false;
    if (step < spans && list_scans_upwards(request))
        whole.to_us = whole.from_us + spans_us[step];
    else if (step < spans)
        whole.from_us = whole.to_us - spans_us[step];
    *out_window = whole;
    return true;
}

uint32_t list_rows_before(const struct list_request *request)
{
    return request->offset > 0 && request->sort == LIST_BY_TIMESTAMP ? 1 : 0;
}

bool list_scans_upwards(const struct list_request *request)
{
    if (request->has_newer != request->has_older)
        return request->has_newer;
    return request->is_ascending;
}

/* ---- text ---- */

struct writer {
    struct arena *arena;
    struct buf text;
    struct list_sql *sql;
    size_t parameter_count;
};

static void write_text(struct writer *writer, const char *piece)
{
    buf_append_text(&writer->text, piece);
}

static void add_parameter(struct writer *writer, const char *name, const char *value)
{
    BUG_ON(writer->parameter_count == LIST_SQL_PARAMETERS_MAX);
    writer->sql->parameters[writer->parameter_count++] = (struct clickhouse_pair){name, value};
    writer->sql->parameters[writer->parameter_count] = (struct clickhouse_pair){NULL, NULL};
}

static void add_formatted(struct writer *writer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_formatted(struct writer *writer, const char *name, const char *format, ...)
{
    char text[24];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add_parameter(writer, name, arena_copy(writer->arena, slice_of(text, (size_t)length + 1)).data);
}

static void add_number(struct writer *writer, const char *name, int64_t value)
{
    add_formatted(writer, name, "%" PRId64, value);
}

static void add_unsigned(struct writer *writer, const char *name, uint64_t value)
{
    add_formatted(writer, name, "%" PRIu64, value);
}

/* condition names the parameter `name`. */
static void filter(struct writer *writer, const char *condition, const char *name, struct slice value)
{
    if (slice_is_empty(value))
        return;
    write_text(writer, condition);
    add_parameter(writer, name, value.data);
}

static void write_filters(struct writer *writer, const struct list_scope *scope,
                          const struct list_request *request, const struct list_window *window)
{
    write_text(
        writer,
        " FROM events FINAL WHERE tenant_id = {tenant:String} AND environment_id = {environment:String}");
    add_parameter(writer, "tenant", scope->tenant_id);
    add_parameter(writer, "environment", scope->environment_id);
    filter(writer, " AND external_customer_id = {customer:String}", "customer",
           request->external_customer_id);
    filter(writer, " AND event_name = {name:String}", "name", request->event_name);
    filter(writer, " AND id = {id:String}", "id", request->event_id);
    filter(writer, " AND source = {source:String}", "source", request->source);
    write_text(writer, " AND timestamp >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')"
                       " AND timestamp <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')");
    add_number(writer, "from", window->from_us);
    add_number(writer, "to", window->to_us);
}

/* One end of the page: the condition, without and with a tie, and the names of its parameters. */
struct page_end {
    const char *condition, *tie_condition;
    const char *us_name, *id_name, *tie_name;
};

static const struct page_end newer_end = {
    " AND (timestamp, id) > (fromUnixTimestamp64Micro({newer:Int64}, 'UTC'), {newer_id:String})",
    " AND (timestamp, id, " TIE ") > (fromUnixTimestamp64Micro({newer:Int64}, 'UTC'),"
    " {newer_id:String}, {newer_tie:UInt64})",
    "newer",
    "newer_id",
    "newer_tie",
};

static const struct page_end older_end = {
    " AND (timestamp, id) < (fromUnixTimestamp64Micro({older:Int64}, 'UTC'), {older_id:String})",
    " AND (timestamp, id, " TIE ") < (fromUnixTimestamp64Micro({older:Int64}, 'UTC'),"
    " {older_id:String}, {older_tie:UInt64})",
    "older",
    "older_id",
    "older_tie",
};

/* The windows end at the cursors' microseconds; among the events of those the rest of the cursor decides. */
static void write_page_end(struct writer *writer, const struct page_end *end, const struct cursor *cursor)
{
    write_text(writer, cursor->has_tie ? end->tie_condition : end->condition);
    add_number(writer, end->us_name, cursor->us);
    add_parameter(writer, end->id_name, cursor->id.data);
    if (cursor->has_tie)
        add_unsigned(writer, end->tie_name, cursor->tie);
}

static void write_order(struct writer *writer, const struct list_request *request)
{
    bool is_upwards = list_scans_upwards(request);

    if (request->sort == LIST_BY_EVENT_NAME)
        write_text(writer, is_upwards ? " ORDER BY event_name ASC, timestamp DESC, id DESC, tie DESC"
                                      : " ORDER BY event_name DESC, timestamp DESC, id DESC, tie DESC");
    else
        write_text(writer, is_upwards ? " ORDER BY timestamp ASC, id ASC, tie ASC"
                                      : " ORDER BY timestamp DESC, id DESC, tie DESC");
}

/* One row more than the page shows whether there are more; the one before it, whether a tie is torn there. */
static void write_limit(struct writer *writer, const struct list_request *request)
{
    uint32_t before = list_rows_before(request);

    write_text(writer, " LIMIT {limit:UInt64}");
    add_unsigned(writer, "limit", before + request->page_size + 1);
    if (!request->has_offset)
        return;
    write_text(writer, " OFFSET {offset:UInt64}");
    add_unsigned(writer, "offset", request->offset - before);
}

static void finish(struct writer *writer)
{
    write_text(writer, " FORMAT RowBinary");
    buf_append_byte(&writer->text, '\0');
    writer->sql->text = arena_copy(writer->arena, buf_slice(&writer->text)).data;
    buf_done(&writer->text);
}

void list_sql_rows(const struct list_scope *scope, const struct list_request *request,
                   const struct list_window *window, struct arena *arena, struct list_sql *out_sql)
{
    struct writer writer = {.arena = arena, .sql = out_sql};

    write_text(&writer, "SELECT id, external_customer_id, customer_id, event_name,"
                        " toUnixTimestamp64Micro(timestamp), properties, source, " TIE " AS tie");
    write_filters(&writer, scope, request, window);
    if (request->has_newer)
        write_page_end(&writer, &newer_end, &request->newer);
    if (request->has_older)
        write_page_end(&writer, &older_end, &request->older);
    write_order(&writer, request);
    write_limit(&writer, request);
    finish(&writer);
}

void list_sql_count(const struct list_scope *scope, const struct list_request *request, struct arena *arena,
                    struct list_sql *out_sql)
{
    const struct list_window window = {request->start_us, request->end_us};
    struct writer writer = {.arena = arena, .sql = out_sql};

    write_text(&writer, "SELECT count()");
    write_filters(&writer, scope, request, &window);
    finish(&writer);
}
