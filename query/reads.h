/*
 * reads.h - requests that are answered from ClickHouse: whose events, whose turn, within which bounds of
 * time, rows and memory, and what a client is told when it fails. Each kind of read says what it asks and
 * makes of the rows. Loop thread only; nothing blocks.
 *
 *     reads_begin -> the kind's read -> (in line) -> the kind's ask -> answers -> reads_answer or
 * reads_refuse
 */
#ifndef MILLRACE_READS_H
#define MILLRACE_READS_H

#include "common/io/http_error.h"
#include "query/line.h"
#include "query/parameters.h"
#include "query/question.h"

struct api;
struct http_request;
struct loop;
struct metrics;
struct reads;
struct reading;

enum {
    READS_ACTIVE_MAX = 16, /* reads that ask ClickHouse at a time */
    READ_CALLS_MAX = 3,    /* questions of one read at a time, on a connection each */
};

struct reads_settings {
    struct loop *loop; /* the four: keeps */
    struct api *api;
    struct clickhouse *clickhouse;
    struct metrics *metrics;
    uint64_t rows_read_max;
    uint64_t memory_max_bytes;
    uint64_t timeout_ms; /* from the request to its answer */
};

/* A kind of read. */
struct read_kind {
    size_t size_bytes; /* of its struct, which begins with a struct reading, zeroed */

    /* What does the client ask for? False fills out_problem. */
    bool (*read)(struct reading *reading, struct parameter_problem *out_problem);

    /* Its turn has come: asks. */
    void (*ask)(struct reading *reading);

    /* Frees what it holds outside of its arena; NULL: nothing. */
    void (*done)(struct reading *reading);
};

typedef void read_on_rows(struct reading *reading, struct slice rows);

struct read_call {
    struct reading *reading;
    struct clickhouse_call *call; /* NULL: free */
    read_on_rows *on_rows;
};

/* One request under way. For its kind: request, arena and scope. */
struct reading {
    struct line_place place; /* first */
    struct reads *reads;
    const struct read_kind *kind;
    struct http_request *request;
    void *owner; /* of the kind */
    struct arena arena;
    struct question_scope scope; /* in the arena */
    struct read_call calls[READ_CALLS_MAX];
};

struct reads *reads_new(const struct reads_settings *settings);

/* Refuses what is still open. Before clickhouse_free and api_stop. */
void reads_free(struct reads **reads);

/* Those that wait are refused; those under way end by themselves. */
void reads_drain(struct reads *reads);

/* Answers the request, later, for keys that may read events. owner: keeps. */
void reads_begin(struct reads *reads, const struct read_kind *kind, struct http_request *request,
                 void *owner);

/* The loop's time, and a reader of JSON for bodies. */
uint64_t reads_now_ms(const struct reads *reads);
struct json_reader *reads_json(const struct reads *reads);

/* on_rows gets the answer (borrows), unless the question failed: then the read has been refused. question:
 * finished. answer_max_bytes: of the rows. */
void reads_ask(struct reading *reading, const struct question *question, uint32_t answer_max_bytes,
               read_on_rows *on_rows);

/* Ends the read, which is gone then; its questions are cancelled. */
void reads_answer(struct reading *reading, struct slice json);
void reads_refuse(struct reading *reading, const struct http_error *error);

/* ClickHouse's rows are not what was asked for. Ends the read too. */
void reads_refuse_unreadable(struct reading *reading);

/* "12 reads answered, 1 under way, 0 waiting". */
void reads_write_status(const struct reads *reads, char *text, size_t size);

#endif
