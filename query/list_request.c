#include "query/list_request.h"

#include "common/base/number.h"
#include "common/codec/rfc3339.h"
#include "common/event/event.h"
#include "query/query_string.h"

#include <stdarg.h>
#include <stdio.h>

#define DEFAULT_RANGE_US (INT64_C(7) * 86400 * 1000000)

enum parameter {
    PARAMETER_EXTERNAL_CUSTOMER_ID,
    PARAMETER_EVENT_NAME,
    PARAMETER_EVENT_ID,
    PARAMETER_SOURCE,
    PARAMETER_START_TIME,
    PARAMETER_END_TIME,
    PARAMETER_PAGE_SIZE,
    PARAMETER_ITER_FIRST_KEY,
    PARAMETER_ITER_LAST_KEY,
    PARAMETER_OFFSET,
    PARAMETER_SORT,
    PARAMETER_ORDER,
    PARAMETER_COUNT_TOTAL,
    PARAMETER_PROPERTY_FILTERS,
    PARAMETER_COUNT,
};

static const struct {
    const char *name;
    size_t max_bytes;
} parameters[PARAMETER_COUNT] = {
    [PARAMETER_EXTERNAL_CUSTOMER_ID] = {"external_customer_id", EVENT_CUSTOMER_MAX_BYTES},
    [PARAMETER_EVENT_NAME] = {"event_name", EVENT_NAME_MAX_BYTES},
    [PARAMETER_EVENT_ID] = {"event_id", EVENT_ID_MAX_BYTES},
    [PARAMETER_SOURCE] = {"source", EVENT_SOURCE_MAX_BYTES},
    [PARAMETER_START_TIME] = {"start_time", 64},
    [PARAMETER_END_TIME] = {"end_time", 64},
    [PARAMETER_PAGE_SIZE] = {"page_size", 20},
    [PARAMETER_ITER_FIRST_KEY] = {"iter_first_key", 32 + EVENT_ID_MAX_BYTES},
    [PARAMETER_ITER_LAST_KEY] = {"iter_last_key", 32 + EVENT_ID_MAX_BYTES},
    [PARAMETER_OFFSET] = {"offset", 20},
    [PARAMETER_SORT] = {"sort", 32},
    [PARAMETER_ORDER] = {"order", 32},
    [PARAMETER_COUNT_TOTAL] = {"count_total", 32},
    [PARAMETER_PROPERTY_FILTERS] = {"property_filters", 8192},
};

/* The decoded texts; empty: absent. */
struct values {
    struct slice texts[PARAMETER_COUNT];
    bool is_given[PARAMETER_COUNT];
    struct list_problem *problem;
};

static bool __attribute__((format(printf, 3, 4)))
refuse(struct values *values, enum parameter parameter, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(values->problem->text, sizeof(values->problem->text), format, args);
    va_end(args);
    values->problem->parameter = parameters[parameter].name;
    values->problem->is_not_implemented = false;
    return false;
}

/* ---- texts ---- */

static enum parameter find(struct slice name)
{
    int i = 0;

    while (i < PARAMETER_COUNT && !slice_equals_text(name, parameters[i].name))
        i++;
    return (enum parameter)i;
}

static bool take(struct values *values, struct arena *arena, enum parameter parameter, struct slice raw)
{
    struct slice *text = &values->texts[parameter];

    if (values->is_given[parameter])
        return refuse(values, parameter, "is given more than once");
    values->is_given[parameter] = true;
    if (!query_string_decode(arena, raw, text))
        return refuse(values, parameter, "is not percent-encoded UTF-8 text without NUL");
    if (text->length > parameters[parameter].max_bytes)
        return refuse(values, parameter, "is longer than %zu bytes", parameters[parameter].max_bytes);
    return true;
}

static bool take_all(struct values *values, struct arena *arena, struct slice query)
{
    struct slice raw_name, name, raw;

    while (query_string_next(&query, &raw_name, &raw)) {
        if (!query_string_decode(arena, raw_name, &name))
            continue; /* no name of ours */
        enum parameter parameter = find(name);
        if (parameter != PARAMETER_COUNT && !take(values, arena, parameter, raw))
            return false;
    }
    return true;
}

static bool is_absent(const struct values *values, enum parameter parameter)
{
    return slice_is_empty(values->texts[parameter]);
}

/* ---- values ---- */

static bool read_time(struct values *values, enum parameter parameter, int64_t absent_us, int64_t *out_us)
{
    int64_t us = absent_us;

    if (!is_absent(values, parameter) && !rfc3339_parse(values->texts[parameter], &us))
        return refuse(values, parameter,
                      "must be RFC 3339 with a zone, like 2026-11-21T00:00:00Z (a '+' is written %%2B)");
    *out_us = us > EVENT_TIME_MAX_US ? EVENT_TIME_MAX_US : us;
    return true;
}

static bool read_range(struct values *values, int64_t now_us, struct list_request *request)
{
    if (!read_time(values, PARAMETER_END_TIME, now_us, &request->end_us))
        return false;
    int64_t default_start_us = request->end_us > DEFAULT_RANGE_US ? request->end_us - DEFAULT_RANGE_US : 0;
    if (!read_time(values, PARAMETER_START_TIME, default_start_us, &request->start_us))
        return false;
    return request->end_us >= request->start_us ||
           refuse(values, PARAMETER_END_TIME, "must not be before start_time");
}

static bool read_number(struct values *values, enum parameter parameter, uint32_t least, uint32_t most,
                        uint32_t *number)
{
    uint64_t value = *number;

    if (!is_absent(values, parameter) &&
        (!number_u64(values->texts[parameter], &value) || value < least || value > most))
        return refuse(values, parameter, "must be a number from %u to %u", least, most);
    *number = (uint32_t)value;
    return true;
}

static bool read_cursor(struct values *values, enum parameter parameter, bool *out_has, struct cursor *out)
{
    *out_has = !is_absent(values, parameter);
    return !*out_has || cursor_read(values->texts[parameter], out) ||
           refuse(values, parameter, "must be a key from an earlier answer: <unix ns>::<event id>");
}

/* One of two words; the first is the default. */
static bool read_choice(struct values *values, enum parameter parameter, const char *const words[2],
                        bool *out_is_second)
{
    struct slice text = values->texts[parameter];
    bool is_second = slice_equals_text(text, words[1]);

    if (!slice_is_empty(text) && !is_second && !slice_equals_text(text, words[0]))
        return refuse(values, parameter, "must be %s or %s", words[0], words[1]);
    *out_is_second = is_second;
    return true;
}

static bool read_paging(struct values *values, struct list_request *request)
{
    static const char *const sorts[] = {"timestamp", "event_name"};
    static const char *const orders[] = {"desc", "asc"};
    static const char *const counts[] = {"true", "false"};
    bool is_by_name = false;
    bool is_uncounted = false;

    if (!read_number(values, PARAMETER_PAGE_SIZE, 1, LIST_PAGE_MAX, &request->page_size) ||
        !read_number(values, PARAMETER_OFFSET, 0, LIST_OFFSET_MAX, &request->offset) ||
        !read_cursor(values, PARAMETER_ITER_FIRST_KEY, &request->has_newer, &request->newer) ||
        !read_cursor(values, PARAMETER_ITER_LAST_KEY, &request->has_older, &request->older) ||
        !read_choice(values, PARAMETER_SORT, sorts, &is_by_name) ||
        !read_choice(values, PARAMETER_ORDER, orders, &request->is_ascending) ||
        !read_choice(values, PARAMETER_COUNT_TOTAL, counts, &is_uncounted))
        return false;
    request->sort = is_by_name ? LIST_BY_EVENT_NAME : LIST_BY_TIMESTAMP;
    request->wants_count = !is_uncounted;
    request->has_offset = !is_absent(values, PARAMETER_OFFSET);
    return true;
}

/* A key says where a list by time goes on, and nothing else. */
static bool check_paging(struct values *values, const struct list_request *request)
{
    bool has_cursor = request->has_newer || request->has_older;

    if (has_cursor && request->has_offset)
        return refuse(values, PARAMETER_OFFSET, "can't go with iter_first_key or iter_last_key");
    return !has_cursor || request->sort == LIST_BY_TIMESTAMP ||
           refuse(values, PARAMETER_SORT, "can't be event_name with iter_first_key or iter_last_key");
}

bool list_request_read(struct slice query, int64_t now_us, struct arena *arena,
                       struct list_request *out_request, struct list_problem *out_problem)
{
    struct values values = {.problem = out_problem};
    struct list_request request = {.page_size = LIST_PAGE_MAX};

    if (!take_all(&values, arena, query))
        return false;
    if (!is_absent(&values, PARAMETER_PROPERTY_FILTERS)) {
        (void)refuse(&values, PARAMETER_PROPERTY_FILTERS, "is not implemented yet");
        out_problem->is_not_implemented = true;
        return false;
    }
    if (!read_range(&values, now_us, &request) || !read_paging(&values, &request) ||
        !check_paging(&values, &request))
        return false;
    request.has_offset |= request.sort != LIST_BY_TIMESTAMP;
    request.external_customer_id = values.texts[PARAMETER_EXTERNAL_CUSTOMER_ID];
    request.event_name = values.texts[PARAMETER_EVENT_NAME];
    request.event_id = values.texts[PARAMETER_EVENT_ID];
    request.source = values.texts[PARAMETER_SOURCE];
    *out_request = request;
    return true;
}
