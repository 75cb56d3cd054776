/*
 * list_request.h - what a client asks a list for: GET /v1/events in its query string, POST /v1/events/query
 * under the same names in its body. Pure.
 */
#ifndef MILLRACE_LIST_REQUEST_H
#define MILLRACE_LIST_REQUEST_H

#include "common/base/arena.h"
#include "query/cursor.h"
#include "query/list_filters.h"
#include "query/parameters.h"

enum {
    LIST_PAGE_DEFAULT = 50,
    LIST_PAGE_MAX = 50,        /* of GET */
    LIST_PAGE_BODY_MAX = 1000, /* of POST */
    LIST_OFFSET_MAX = 100000,
};

enum list_sort { LIST_BY_TIMESTAMP, LIST_BY_EVENT_NAME };

struct list_request {
    /* Only events with this text; empty: any. NUL-terminated, in the arena. */
    struct slice external_customer_id, event_name, event_id, source;
    const struct list_filters *filters; /* of properties; NULL: none */
    int64_t start_us, end_us;           /* both inclusive */
    uint32_t page_size;
    bool has_newer, has_older;
    struct cursor newer; /* only events behind it */
    struct cursor older; /* only events before it */
    bool has_offset;     /* never with a cursor; always by event_name, which no cursor knows */
    uint32_t offset;
    enum list_sort sort;
    bool is_ascending;
    bool wants_count;
};

/* Where the texts of a request go. */
struct list_reader {
    struct json_reader *json; /* the two: keeps */
    struct arena *arena;
    int64_t now_us; /* the default of end_time */
};

/* query: undecoded. False fills out_problem. */
bool list_request_from_query(const struct list_reader *reader, struct slice query,
                             struct list_request *out_request, struct parameter_problem *out_problem);

bool list_request_from_body(const struct list_reader *reader, struct slice body,
                            struct list_request *out_request, struct parameter_problem *out_problem);

#endif
