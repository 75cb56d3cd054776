#include "query/read_fault.h"

/* Codes of ClickHouse. */
enum {
    TOO_MANY_ROWS = 158,
    TIMEOUT_EXCEEDED = 159,
    TOO_SLOW = 160,
    MEMORY_LIMIT_EXCEEDED = 241,
};

struct read_fault read_fault_of(const struct clickhouse_result *result)
{
    int code = result->outcome == CLICKHOUSE_REFUSED ? result->code : 0;

    switch (code) {
    case TOO_MANY_ROWS:
        return (struct read_fault){
            .error = {.code = HTTP_ERROR_VALIDATION,
                      .message = "too many events would have to be read (query.rows_read_max): narrow the "
                                 "time range, or name an external_customer_id",
                      .detail_field = "start_time",
                      .detail_text = "must be nearer to end_time"},
        };
    case TIMEOUT_EXCEEDED:
    case TOO_SLOW:
        return (struct read_fault){
            .error = {.code = HTTP_ERROR_SERVICE_UNAVAILABLE,
                      .message = "reading took too long (clickhouse.query_timeout): narrow the time range, "
                                 "name an external_customer_id, or try again"},
        };
    case MEMORY_LIMIT_EXCEEDED:
        return (struct read_fault){
            .error = {.code = HTTP_ERROR_SERVICE_UNAVAILABLE,
                      .message = "reading needs too much memory (query.memory_max): narrow the time range, "
                                 "name an external_customer_id, or try again"},
        };
    default:
        return (struct read_fault){
            .error = {.code = HTTP_ERROR_SERVICE_UNAVAILABLE,
                      .message = "events can't be read now: ClickHouse does not answer; try again"},
            .is_ours = true,
        };
    }
}
