/*
 * What a list is asked for, as a query string and as JSON, up to the questions that it becomes.
 */
#include "tests/fuzz/fuzz.h"

#include "common/io/clickhouse_text.h"
#include "query/list_sql.h"

/* 2026-11-21T12:00:00Z */
#define NOW_US INT64_C(1795262400000000)

static void check_cursor(const struct cursor *cursor)
{
    AUTO_BUF text = {0};
    struct cursor again;

    if (slice_is_empty(cursor->id))
        return; /* a place between two microseconds: no event's own */
    cursor_write(&text, cursor);
    EXPECT(cursor_read(buf_slice(&text), &again));
    EXPECT(again.us == cursor->us && slice_equals(again.id, cursor->id));
    EXPECT(again.has_tie == cursor->has_tie && again.tie == cursor->tie);
}

static void check_question(const struct question *question)
{
    const struct clickhouse_query query = {.sql = question->text, .parameters = question->parameters};
    AUTO_BUF url = {0};
    AUTO_BUF place = {0};

    for (const struct clickhouse_pair *pair = question->parameters; pair->name != NULL; pair++) {
        buf_clear(&place);
        buf_printf(&place, "{%s:", pair->name);
        EXPECT(strstr(question->text, buf_text(&place)) != NULL);
    }
    clickhouse_write_url(&url, "http://localhost", "millrace", &query);
    for (size_t i = 0; i < url.length; i++)
        EXPECT(url.data[i] > ' ' && url.data[i] <= '~');
}

static void ask(const struct list_request *request, struct arena *arena)
{
    const struct question_scope scope = {"acme", "live"};
    struct question count = {.arena = arena};
    struct list_window window;

    for (uint32_t step = 0; list_window(request, step, &window); step++) {
        EXPECT(step < 3); /* a window is empty when a key lies outside of the range */
        struct question rows = {.arena = arena};
        list_sql_rows(&scope, request, &window, &rows);
        check_question(&rows);
    }
    list_sql_count(&scope, request, &count);
    check_question(&count);
}

static void check(const struct list_request *request, uint32_t page_max, struct arena *arena)
{
    EXPECT(request->page_size >= 1 && request->page_size <= page_max);
    EXPECT(request->start_us >= 0 && request->start_us <= request->end_us);
    if (request->has_newer)
        check_cursor(&request->newer);
    if (request->has_older)
        check_cursor(&request->older);
    ask(request, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct json_reader *json = json_reader_new(&json_limits_default);
    const struct list_reader reader = {json, &arena, NOW_US};
    struct list_request request;
    struct parameter_problem problem;

    if (list_request_from_query(&reader, slice_of(data, size), &request, &problem))
        check(&request, LIST_PAGE_MAX, &arena);
    else
        EXPECT(problem.parameter != NULL && problem.text[0] != '\0');
    if (list_request_from_body(&reader, slice_of(data, size), &request, &problem))
        check(&request, LIST_PAGE_BODY_MAX, &arena);
    else
        EXPECT(problem.parameter != NULL && problem.text[0] != '\0');
    json_reader_free(&json);
    arena_done(&arena);
    return 0;
}
