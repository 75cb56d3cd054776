/*
 * clickhouse-launcher: ClickHouse's server out of libchdb.so, for the local stack.
 *
 * The library carries the whole server behind the entry point of clickhouse-local. That program ends with its
 * last query, so the launcher has it open the HTTP port and then run a query that never ends. It takes the
 * options of clickhouse-local: --config-file=, --path=, --listen_host=, --http_port=, --log-level=.
 *
 * Returns only when ClickHouse could not start: the reason is on standard error, the exit code is 1. SIGTERM
 * ends it at once, as a kill would; what an insert was answered for is on disk by then.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* No header ships with the library: this is its struct local_result_v2. */
struct local_result_v2 {
    char *buf;
    size_t len;
    void *vector;
    double elapsed;
    uint64_t rows_read;
    uint64_t bytes_read;
    char *error_message; /* NULL: no error */
};

struct local_result_v2 *query_stable_v2(int argc, char **argv);

/* One row every 3 seconds, for 95 years. */
static char serve_query[] = "--query=SYSTEM START LISTEN HTTP;"
                            "SELECT sleepEachRow(3) FROM numbers(1000000000) FORMAT Null"
                            " SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0";

int main(int argc, char **argv)
{
    char **options = calloc((size_t)argc + 2, sizeof *options);
    if (options == NULL) {
        perror("clickhouse-launcher");
        return 1;
    }
    for (int i = 0; i < argc; i++)
        options[i] = argv[i];
    options[argc] = serve_query;

    const struct local_result_v2 *result = query_stable_v2(argc + 1, options);
    const char *reason = result && result->error_message ? result->error_message : "ended without a reason";
    (void)fprintf(stderr, "clickhouse-launcher: %s\n", reason);
    free(options);
    return 1;
}
