#include "query/list_sql.h"

#include "common/base/alloc.h"

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

/* ---- conditions ---- */

/* condition names the parameter `name`. */
static void filter(struct question *question, const char *condition, const char *name, struct slice value)
{
    if (slice_is_empty(value))
        return;
    question_add(question, condition);
    question_text(question, name, value.data);
}

/* The names of its parameters: "property3", "value3_0", ... */
static const char *numbered(struct question *question, const char *kind, size_t number)
{
    AUTO_STRING name = xasprintf("%s%zu", kind, number);

    return arena_text(question->arena, slice_from(name)).data;
}

/* `exact` has the properties whose text JSON functions would change; they read the others as the client wrote
 * them. What is neither text, nor number, nor true or false never matches. */
static void write_property(struct question *question, const struct list_filters *filters, size_t number)
{
    const struct list_filter *item = &filters->items[number];
    const char *name = numbered(question, "property", number);

    question_printf(question,
                    " AND (mapContains(exact, {%s:String})"
                    " OR JSONType(properties, {%s:String}) NOT IN ('Null', 'Object', 'Array'))"
                    " AND if(mapContains(exact, {%s:String}), exact[{%s:String}],"
                    " JSONExtractString(properties, {%s:String})) IN (",
                    name, name, name, name, name);
    question_text(question, name, item->name.data);
    for (size_t i = item->first_value; i < item->first_value + item->values; i++) {
        const char *value = numbered(question, "value", i);
        question_printf(question, "%s{%s:String}", i > item->first_value ? ", " : "", value);
        question_text(question, value, filters->values[i].data);
    }
    question_add(question, ")");
}

static void write_filters(struct question *question, const struct question_scope *scope,
                          const struct list_request *request, const struct list_window *window)
{
    question_from(question, "events", scope);
    filter(question, " AND external_customer_id = {customer:String}", "customer",
           request->external_customer_id);
    filter(question, " AND event_name = {name:String}", "name", request->event_name);
    filter(question, " AND id = {id:String}", "id", request->event_id);
    filter(question, " AND source = {source:String}", "source", request->source);
    question_add(question, " AND timestamp >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')"
                           " AND timestamp <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')");
    question_i64(question, "from", window->from_us);
    question_i64(question, "to", window->to_us);
    for (size_t i = 0; request->filters != NULL && i < request->filters->count; i++)
        write_property(question, request->filters, i);
}

/* ---- pages ---- */

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
static void write_page_end(struct question *question, const struct page_end *end, const struct cursor *cursor)
{
    question_add(question, cursor->has_tie ? end->tie_condition : end->condition);
    question_i64(question, end->us_name, cursor->us);
    question_text(question, end->id_name, cursor->id.data);
    if (cursor->has_tie)
        question_u64(question, end->tie_name, cursor->tie);
}

static const char *order_of(const struct list_request *request)
{
    bool is_upwards = list_scans_upwards(request);

    if (request->sort == LIST_BY_EVENT_NAME)
        return is_upwards ? "ORDER BY event_name ASC, timestamp DESC, id DESC, tie DESC"
                          : "ORDER BY event_name DESC, timestamp DESC, id DESC, tie DESC";
    return is_upwards ? "ORDER BY timestamp ASC, id ASC, tie ASC"
                      : "ORDER BY timestamp DESC, id DESC, tie DESC";
}

/* One row more than the page shows whether there are more; the one before it, whether a tie is torn there. */
static void write_limit(struct question *question, const struct list_request *request)
{
    uint32_t before = list_rows_before(request);

    question_add(question, " LIMIT {limit:UInt64}");
    question_u64(question, "limit", before + request->page_size + 1);
    if (!request->has_offset)
        return;
    question_add(question, " OFFSET {offset:UInt64}");
    question_u64(question, "offset", request->offset - before);
}

/* The rows up to the one behind the first that goes beyond the page's bytes. */
static void write_bound(struct question *question, const char *order)
{
    question_printf(question,
                    " QUALIFY sum(length(properties)) OVER (%s ROWS BETWEEN UNBOUNDED PRECEDING AND"
                    " 2 PRECEDING) <= {bytes:UInt64} %s",
                    order, order);
    question_u64(question, "bytes", LIST_PAGE_PROPERTIES_MAX_BYTES);
}

void list_sql_rows(const struct question_scope *scope, const struct list_request *request,
                   const struct list_window *window, struct question *question)
{
    const char *order = order_of(request);

    question_add(question, "SELECT id, external_customer_id, customer_id, event_name,"
                           " toUnixTimestamp64Micro(timestamp), properties, source, tie FROM"
                           " (SELECT id, external_customer_id, customer_id, event_name, timestamp,"
                           " properties, source, " TIE " AS tie");
    write_filters(question, scope, request, window);
    if (request->has_newer)
        write_page_end(question, &newer_end, &request->newer);
    if (request->has_older)
        write_page_end(question, &older_end, &request->older);
    question_printf(question, " %s", order);
    write_limit(question, request);
    question_add(question, ")");
    write_bound(question, order);
    question_finish(question);
}

void list_sql_count(const struct question_scope *scope, const struct list_request *request,
                    struct question *question)
{
    const struct list_window window = {request->start_us, request->end_us};

    question_add(question, "SELECT count()");
    write_filters(question, scope, request, &window);
    question_finish(question);
}
