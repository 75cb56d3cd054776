#include "query/list_request.h"

#include "common/event/event.h"

#define DEFAULT_RANGE_US (INT64_C(7) * 86400 * 1000000)

enum {
    EXTERNAL_CUSTOMER_ID,
    EVENT_NAME,
    EVENT_ID,
    SOURCE,
    START_TIME,
    END_TIME,
    PAGE_SIZE,
    ITER_FIRST_KEY,
    ITER_LAST_KEY,
    OFFSET,
    SORT,
    ORDER,
    COUNT_TOTAL,
    PROPERTY_FILTERS,
    PARAMETER_COUNT,
};

static const struct parameter table[PARAMETER_COUNT] = {
    [EXTERNAL_CUSTOMER_ID] = {"external_customer_id", EVENT_CUSTOMER_MAX_BYTES, PARAMETER_TEXT},
    [EVENT_NAME] = {"event_name", EVENT_NAME_MAX_BYTES, PARAMETER_TEXT},
    [EVENT_ID] = {"event_id", EVENT_ID_MAX_BYTES, PARAMETER_TEXT},
    [SOURCE] = {"source", EVENT_SOURCE_MAX_BYTES, PARAMETER_TEXT},
    [START_TIME] = {"start_time", 64, PARAMETER_TEXT},
    [END_TIME] = {"end_time", 64, PARAMETER_TEXT},
    [PAGE_SIZE] = {"page_size", 20, PARAMETER_NUMBER},
    [ITER_FIRST_KEY] = {"iter_first_key", CURSOR_MAX_BYTES, PARAMETER_TEXT},
    [ITER_LAST_KEY] = {"iter_last_key", CURSOR_MAX_BYTES, PARAMETER_TEXT},
    [OFFSET] = {"offset", 20, PARAMETER_NUMBER},
    [SORT] = {"sort", 32, PARAMETER_TEXT},
    [ORDER] = {"order", 32, PARAMETER_TEXT},
    [COUNT_TOTAL] = {"count_total", 32, PARAMETER_BOOL},
    [PROPERTY_FILTERS] = {"property_filters", LIST_FILTERS_MAX_BYTES, PARAMETER_OBJECT},
};

static bool read_cursor(struct parameters *parameters, size_t index, bool *out_has, struct cursor *out)
{
    *out_has = parameters_has(parameters, index);
    return !*out_has || cursor_read(parameters->values[index].text, out) ||
           parameters_refuse(parameters, index,
                             "must be a key from an earlier answer: <unix ns>::<event id>");
}

static bool read_order(struct parameters *parameters, struct list_request *request)
{
    static const char *const sorts[] = {"timestamp", "event_name", NULL};
    static const char *const orders[] = {"desc", "asc", NULL};
    static const char *const counts[] = {"true", "false", NULL};
    uint32_t sort, order, count;

    if (!parameters_choice(parameters, SORT, sorts, &sort) ||
        !parameters_choice(parameters, ORDER, orders, &order) ||
        !parameters_choice(parameters, COUNT_TOTAL, counts, &count))
        return false;
    request->sort = sort == 0 ? LIST_BY_TIMESTAMP : LIST_BY_EVENT_NAME;
    request->is_ascending = order == 1;
    request->wants_count = count == 0;
    return true;
}

/* A key says where a list by time goes on, and nothing else. */
static bool check_paging(struct parameters *parameters, const struct list_request *request)
{
    if (!request->has_newer && !request->has_older)
        return true;
    if (request->has_offset)
        return parameters_refuse(parameters, OFFSET, "can't go with iter_first_key or iter_last_key");
    return request->sort == LIST_BY_TIMESTAMP ||
           parameters_refuse(parameters, SORT, "can't be event_name with iter_first_key or iter_last_key");
}

static bool read_paging(struct parameters *parameters, uint32_t page_max, struct list_request *request)
{
    if (!parameters_number(parameters, PAGE_SIZE, 1, page_max, &request->page_size) ||
        !parameters_number(parameters, OFFSET, 0, LIST_OFFSET_MAX, &request->offset) ||
        !read_cursor(parameters, ITER_FIRST_KEY, &request->has_newer, &request->newer) ||
        !read_cursor(parameters, ITER_LAST_KEY, &request->has_older, &request->older))
        return false;
    request->has_offset = parameters_has(parameters, OFFSET);
    return true;
}

static bool read_filters(struct parameters *parameters, struct json_reader *json,
                         struct list_request *request)
{
    struct slice text = parameters->values[PROPERTY_FILTERS].text;
    struct list_filters *filters = arena_take(parameters->arena, sizeof(*filters));
    struct err err;

    if (!(parameters->is_json ? list_filters_read_json(json, text, parameters->arena, filters, &err)
                              : list_filters_read_text(text, parameters->arena, filters, &err)))
        return parameters_refuse(parameters, PROPERTY_FILTERS, "%s", err.text);
    request->filters = filters;
    return true;
}

static bool read_all(struct parameters *parameters, const struct list_reader *reader, uint32_t page_max,
                     struct list_request *out_request)
{
    const struct parameter_span span = {START_TIME, END_TIME, reader->now_us, DEFAULT_RANGE_US};
    struct list_request request = {.page_size = LIST_PAGE_DEFAULT};

    if (!parameters_span(parameters, &span, &request.start_us, &request.end_us) ||
        !read_paging(parameters, page_max, &request) || !read_order(parameters, &request) ||
        !check_paging(parameters, &request))
        return false;
    if (parameters_has(parameters, PROPERTY_FILTERS) && !read_filters(parameters, reader->json, &request))
        return false;
    request.has_offset |= request.sort != LIST_BY_TIMESTAMP;
    request.external_customer_id = parameters->values[EXTERNAL_CUSTOMER_ID].text;
    request.event_name = parameters->values[EVENT_NAME].text;
    request.event_id = parameters->values[EVENT_ID].text;
    request.source = parameters->values[SOURCE].text;
    *out_request = request;
    return true;
}

bool list_request_from_query(const struct list_reader *reader, struct slice query,
                             struct list_request *out_request, struct parameter_problem *out_problem)
{
    struct parameters parameters = {
        .table = table, .count = PARAMETER_COUNT, .arena = reader->arena, .problem = out_problem};

    return parameters_from_query(&parameters, query) &&
           read_all(&parameters, reader, LIST_PAGE_MAX, out_request);
}

bool list_request_from_body(const struct list_reader *reader, struct slice body,
                            struct list_request *out_request, struct parameter_problem *out_problem)
{
    struct parameters parameters = {
        .table = table, .count = PARAMETER_COUNT, .arena = reader->arena, .problem = out_problem};

    return parameters_from_body(&parameters, reader->json, body) &&
           read_all(&parameters, reader, LIST_PAGE_BODY_MAX, out_request);
}
