#include "common/io/http_limits.h"

const struct http_limits http_limits_default = {
    .header_timeout_ms = 5000,
    .idle_timeout_ms = 60000,
    .body_min_bytes_per_s = 1024,
    .rate_window_ms = 10000,
    .request_line_bytes = 8192,
    .header_bytes = 16384,
    .header_one_bytes = 8192,
    .header_count = 64,
    .body_bytes = 5 * 1024 * 1024,
    .held_bytes = 64 * 1024 * 1024,
    .unsent_bytes = 64 * 1024 * 1024,
    .pipelined_requests = 32,
    .connections = 10000,
    .connections_per_address = 2000,
};
