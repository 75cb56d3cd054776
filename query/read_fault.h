/*
 * read_fault.h - what a client is told when ClickHouse did not answer its question. Pure.
 */
#ifndef MILLRACE_READ_FAULT_H
#define MILLRACE_READ_FAULT_H

#include "common/io/clickhouse.h"
#include "common/io/http_error.h"

struct read_fault {
    struct http_error error; /* texts last forever */
    bool is_ours;            /* no fault of the request: to be logged, and shown in health */
};

/* result: not CLICKHOUSE_DONE. ClickHouse's own text is not for clients. */
struct read_fault read_fault_of(const struct clickhouse_result *result);

#endif
