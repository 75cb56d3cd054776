/*
 * list.h - GET /v1/events: a page of events, and how many there are, asked for side by side. Loop thread
 * only; nothing blocks.
 */
#ifndef MILLRACE_LIST_H
#define MILLRACE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct api;
struct clickhouse;
struct http_request;
struct list;
struct loop;
struct metrics;

/* Lists that ask ClickHouse at a time: each asks two questions, on a connection each. */
enum { LIST_ACTIVE_MAX = 16 };

struct list_settings {
    struct loop *loop; /* the four: keeps */
    struct api *api;
    struct clickhouse *clickhouse;
    struct metrics *metrics;
    uint64_t rows_read_max;
    uint64_t memory_max_bytes;
    uint64_t timeout_ms; /* from the request to its answer */
};

struct list *list_new(const struct list_settings *settings);

/* Refuses what is still open. Before clickhouse_free and api_stop. */
void list_free(struct list **list);

/* Those that wait are refused; those under way end by themselves. */
void list_drain(struct list *list);

/* Answers the request, later. */
void list_events(struct list *list, struct http_request *request);

/* "12 reads answered, 1 under way, 0 waiting". */
void list_write_status(const struct list *list, char *text, size_t size);

#endif
