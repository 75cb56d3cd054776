/*
 * list_request.h - what GET /v1/events asks for, from its query string. Pure.
 */
#ifndef MILLRACE_LIST_REQUEST_H
#define MILLRACE_LIST_REQUEST_H

#include "common/base/arena.h"
#include "query/cursor.h"

enum {
    LIST_PAGE_MAX = 50,
    LIST_OFFSET_MAX = 100000,
    LIST_PROBLEM_TEXT_BYTES = 160,
};

enum list_sort { LIST_BY_TIMESTAMP, LIST_BY_EVENT_NAME };

struct list_request {
    /* Only events with this text; empty: any. NUL-terminated, in the arena. */
    struct slice external_customer_id, event_name, event_id, source;
    int64_t start_us, end_us; /* both inclusive */
    uint32_t page_size;       /* 1 to LIST_PAGE_MAX */
    bool has_newer, has_older;
    struct cursor newer; /* only events behind it */
    struct cursor older; /* only events before it */
    bool has_offset;     /* never with a cursor; always by event_name, which no cursor knows */
    uint32_t offset;
    enum list_sort sort;
    bool is_ascending;
    bool wants_count;
};

/* Why it can't be answered: the parameter, and a text that goes on from its name. */
struct list_problem {
    const char *parameter;
    char text[LIST_PROBLEM_TEXT_BYTES];
    bool is_not_implemented; /* 501 instead of 400 */
};

/* query: undecoded. An empty parameter is as good as none, an unknown one is ignored. now_us is the default
 * of end_time. False fills out_problem. */
bool list_request_read(struct slice query, int64_t now_us, struct arena *arena,
                       struct list_request *out_request, struct list_problem *out_problem);

#endif
