/*
 * The query string of a list, up to the questions that it becomes.
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

static void check_sql(const struct list_sql *sql)
{
    const struct clickhouse_query query = {.sql = sql->text, .parameters = sql->parameters};
    AUTO_BUF url = {0};
    AUTO_BUF place = {0};

    for (const struct clickhouse_pair *pair = sql->parameters; pair->name != NULL; pair++) {
        buf_clear(&place);
        buf_printf(&place, "{%s:", pair->name);
        EXPECT(strstr(sql->text, buf_text(&place)) != NULL);
    }
    clickhouse_write_url(&url, "http://localhost", "millrace", &query);
    for (size_t i = 0; i < url.length; i++)
        EXPECT(url.data[i] > ' ' && url.data[i] <= '~');
}

static void ask(const struct list_request *request, struct arena *arena)
{
    const struct list_scope scope = {"acme", "live"};
    struct list_window window;
    struct list_sql sql;

    for (uint32_t step = 0; list_window(request, step, &window); step++) {
        EXPECT(step < 3); /* a window is empty when a key lies outside of the range */
        list_sql_rows(&scope, request, &window, arena, &sql);
        check_sql(&sql);
    }
    list_sql_count(&scope, request, arena, &sql);
    check_sql(&sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct list_request request;
    struct list_problem problem;

    if (list_request_read(slice_of(data, size), NOW_US, &arena, &request, &problem)) {
        EXPECT(request.page_size >= 1 && request.page_size <= LIST_PAGE_MAX);
        EXPECT(request.start_us >= 0 && request.start_us <= request.end_us);
        if (request.has_newer)
            check_cursor(&request.newer);
        if (request.has_older)
            check_cursor(&request.older);
        ask(&request, &arena);
    } else
        EXPECT(problem.parameter != NULL && problem.text[0] != '\0');
    arena_done(&arena);
    return 0;
}
