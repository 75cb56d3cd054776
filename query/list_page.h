/*
 * list_page.h - rows of ClickHouse become the page that a client gets. Pure.
 */
#ifndef MILLRACE_LIST_PAGE_H
#define MILLRACE_LIST_PAGE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "query/list_request.h"

struct list_row {
    struct slice id, external_customer_id, customer_id, event_name;
    int64_t timestamp_us;
    struct slice properties; /* JSON, as stored */
    struct slice source;
    uint64_t tie; /* orders the events that share time and id */
};

struct list_page {
    const struct list_row *rows; /* in the order of the scan; in the arena, texts in the answer */
    size_t row_count;
    const struct list_row *before, *behind; /* the neighbours that are not shown; NULL: none, or not read */
};

/* The rows of list_sql_rows. False when the bytes are not such rows. Borrows body. */
bool list_page_read(struct slice body, const struct list_request *request, struct arena *arena,
                    struct list_page *out_page);

/* What list_sql_count answers. */
bool list_count_read(struct slice body, uint64_t *out_count);

/* Appends the answer; total_count NULL: not counted. */
void list_page_write(struct buf *out, const struct list_page *page, const struct list_request *request,
                     const char *environment_id, const uint64_t *total_count);

#endif
