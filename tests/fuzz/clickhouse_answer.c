/*
 * What ClickHouse, or something in its place, answers: statuses and exception texts, and every answer in
 * RowBinary that a program reads. The first two bytes are the HTTP status.
 */
#include "tests/fuzz/fuzz.h"

#include "common/io/clickhouse_text.h"
#include "common/io/http_client.h"
#include "common/service/batch/stage_table.h"
#include "query/counts.h"
#include "query/list_page.h"
#include "query/trace.h"

#include <stdlib.h>

static void read_result(int status, struct slice body)
{
    struct http_answer answer = {.has_answer = true, .status = status, .body = body};
    struct clickhouse_result result;

    (void)slice_cut(&body, '\n', &answer.exception_code);
    clickhouse_read_answer(&answer, &result);
    EXPECT(result.outcome != CLICKHOUSE_DONE || (status == 200 && result.code == 0));
    EXPECT(result.outcome == CLICKHOUSE_DONE || result.err.text[0] != '\0');
}

static void read_stage_table(struct slice body)
{
    struct stage_newest newest;
    uint64_t *offsets = NULL;
    size_t count;
    struct err err;

    if (stage_table_read_offsets(body, &offsets, &count, &err))
        EXPECT(count * sizeof(*offsets) == body.length);
    free(offsets);
    if (stage_table_read_newest(body, &newest, &err))
        EXPECT(!newest.has_row || (newest.offset >= 0 && newest.id.length <= body.length));
}

static void read_page(struct slice body, const struct list_request *request)
{
    struct arena arena = {0};
    struct list_page page;
    AUTO_BUF out = {0};

    if (list_page_read(body, request, &arena, &page)) {
        EXPECT(page.row_count <= request->page_size);
        list_page_write(&out, &page, request, "live", NULL);
        EXPECT(out.data[out.length - 1] == '}');
    }
    arena_done(&arena);
}

static void read_counts(struct slice body, uint32_t window)
{
    const struct counts_request request = {.window = window};
    struct arena arena = {0};
    struct counts counts;
    AUTO_BUF out = {0};

    if (counts_read(body, &request, &arena, &counts)) {
        EXPECT(window > 0 || counts.point_count == 0);
        counts_write_points(&out, &counts);
    }
    arena_done(&arena);
}

static enum trace_forwarded was_forwarded(void *owner, const struct trace_place *place,
                                          const char **out_reason)
{
    (void)owner;
    *out_reason = "nobody knows";
    return place->offset % 2 == 0 ? TRACE_FORWARDED : TRACE_UNKNOWN;
}

static void write_trace(const struct trace *trace)
{
    static const struct trace_topics topics = {"events", "events_post_processing", was_forwarded, NULL};
    const struct trace_request request = {.id = SLICE("e1")};
    AUTO_BUF out = {0};

    if (trace->event_count + trace->outcome_count > 0)
        trace_write(&out, &request, trace, &topics);
}

static void read_trace(struct slice body)
{
    struct arena arena = {0};
    struct trace with_events = {0}, with_outcomes = {0};

    if (trace_read_events(body, &arena, &with_events))
        write_trace(&with_events);
    if (trace_read_outcomes(body, &arena, &with_outcomes))
        write_trace(&with_outcomes);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t total;

    if (size < 2)
        return 0;
    struct slice body = slice_of(data + 2, size - 2);
    read_result(data[0] << 8 | data[1], body);
    read_stage_table(body);
    (void)list_count_read(body, &total);
    read_counts(body, 0);
    read_counts(body, 1);
    read_trace(body);
    read_page(body, &(struct list_request){.page_size = 2});
    read_page(body, &(struct list_request){.page_size = 2, .is_ascending = true, .has_newer = true});
    read_page(body, &(struct list_request){.page_size = 3, .has_offset = true, .sort = LIST_BY_EVENT_NAME});
    return 0;
}
