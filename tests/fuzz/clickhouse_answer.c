/*
 * What ClickHouse, or something in its place, answers: statuses and exception texts, and every answer in
 * RowBinary that a program reads. The first two bytes are the HTTP status.
 */
#include "tests/fuzz/fuzz.h"

#include "common/io/clickhouse_text.h"
#include "common/io/http_client.h"
#include "common/service/batch/stage_table.h"
#include "query/list_page.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t total;

    if (size < 2)
        return 0;
    struct slice body = slice_of(data + 2, size - 2);
    read_result(data[0] << 8 | data[1], body);
    read_stage_table(body);
    (void)list_count_read(body, &total);
    read_page(body, &(struct list_request){.page_size = 2});
    read_page(body, &(struct list_request){.page_size = 2, .is_ascending = true, .has_newer = true});
    read_page(body, &(struct list_request){.page_size = 3, .has_offset = true, .sort = LIST_BY_EVENT_NAME});
    return 0;
}
