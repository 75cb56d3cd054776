#include "query/list.h"

#include "common/base/clock.h"
#include "common/io/http_server.h"
#include "query/list_page.h"
#include "query/list_sql.h"
#include "query/reads.h"

enum {
    /* The properties of a page, two events more, and up to a KiB of other texts for each of its events. */
    LIST_ANSWER_MAX_BYTES = 32 * 1024 * 1024,
    LIST_COUNT_MAX_BYTES = 4096,
};

struct listing {
    struct reading reading; /* first */
    struct list_request wanted;
    uint32_t step;   /* of list_window */
    struct buf rows; /* what ClickHouse answered */
    struct list_page page;
    bool has_page;
    uint64_t total_count;
    bool has_count;
};

static void answer_if_complete(struct listing *listing)
{
    AUTO_BUF json = {0};

    if (!listing->has_page || (listing->wanted.wants_count && !listing->has_count))
        return;
    /* Counted beside the list, perhaps a moment before it: never less than what is shown. */
    uint64_t shown = listing->wanted.offset + listing->page.row_count;
    if (listing->has_count && listing->total_count < shown && listing->page.row_count > 0)
        listing->total_count = shown;
    list_page_write(&json, &listing->page, &listing->wanted, listing->reading.scope.environment_id,
                    listing->has_count ? &listing->total_count : NULL);
    reads_answer(&listing->reading, buf_slice(&json));
}

static bool ask_rows(struct listing *listing);

static void on_rows(struct reading *reading, struct slice rows)
{
    struct listing *listing = (struct listing *)reading;

    buf_clear(&listing->rows);
    buf_append_slice(&listing->rows, rows);
    if (!list_page_read(buf_slice(&listing->rows), &listing->wanted, &reading->arena, &listing->page)) {
        reads_refuse_unreadable(reading);
        return;
    }
    listing->step++;
    if (listing->page.behind == NULL && ask_rows(listing))
        return; /* the page is not full: in a wider window */
    listing->has_page = true;
    answer_if_complete(listing);
}

static void on_count(struct reading *reading, struct slice rows)
{
    struct listing *listing = (struct listing *)reading;

    if (!list_count_read(rows, &listing->total_count)) {
        reads_refuse_unreadable(reading);
        return;
    }
    listing->has_count = true;
    answer_if_complete(listing);
}

/* False behind the last window. */
static bool ask_rows(struct listing *listing)
{
    struct question question = {.arena = &listing->reading.arena};
    struct list_window window;

    if (!list_window(&listing->wanted, listing->step, &window))
        return false;
    list_sql_rows(&listing->reading.scope, &listing->wanted, &window, &question);
    reads_ask(&listing->reading, &question, LIST_ANSWER_MAX_BYTES, on_rows);
    return true;
}

static void ask(struct reading *reading)
{
    struct listing *listing = (struct listing *)reading;
    struct question question = {.arena = &reading->arena};

    (void)ask_rows(listing); /* there is always a first window */
    if (!listing->wanted.wants_count)
        return;
    list_sql_count(&reading->scope, &listing->wanted, &question);
    reads_ask(reading, &question, LIST_COUNT_MAX_BYTES, on_count);
}

static bool read_request(struct reading *reading, struct parameter_problem *out_problem)
{
    struct listing *listing = (struct listing *)reading;
    const struct list_reader reader = {reads_json(reading->reads), &reading->arena, clock_wall_us()};

    return http_request_method(reading->request) == HTTP_POST
               ? list_request_from_body(&reader, http_request_body(reading->request), &listing->wanted,
                                        out_problem)
               : list_request_from_query(&reader, http_request_query(reading->request), &listing->wanted,
                                         out_problem);
}

static void done(struct reading *reading)
{
    buf_done(&((struct listing *)reading)->rows);
}

static const struct read_kind list_kind = {
    .size_bytes = sizeof(struct listing),
    .read = read_request,
    .ask = ask,
    .done = done,
};

void list_events(struct reads *reads, struct http_request *request)
{
    reads_begin(reads, &list_kind, request, NULL);
}
