/*
 * counts_test.c - counts of events, as a whole and by windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/codec/rowbinary.h"
#include "query/counts.h"

/* 2026-11-21T00:00:00Z, and a day. */
#define NOW_US INT64_C(1795219200000000)
#define DAY_US (INT64_C(86400) * 1000000)

static const struct question_scope scope = {"t", "e"};

static bool read_query(const char *query, struct counts_request *request, struct parameter_problem *problem)
{
    struct arena arena = {0};
    bool is_read = counts_request_read(slice_from(query), NOW_US, &arena, request, problem);

    arena_done(&arena);
    return is_read;
}

static void the_last_24_hours_are_counted_unless_told_otherwise(void **state)
{
    struct counts_request request;
    struct parameter_problem problem;

    (void)state;
    assert_true(read_query("", &request, &problem));
    assert_int_equal(request.start_us, NOW_US - DAY_US);
    assert_int_equal(request.end_us, NOW_US);
    assert_int_equal(request.window, 0);
    assert_true(
        read_query("start_time=2026-11-01T00:00:00Z&end_time=2026-11-03T00:00:00Z&window_size=15MIN&x=1",
                   &request, &problem));
    assert_int_equal(request.end_us - request.start_us, 2 * DAY_US);
    assert_string_equal(counts_windows[request.window], "15MIN");
}

static void a_bad_parameter_is_named(void **state)
{
    static const struct {
        const char *query, *parameter;
    } rows[] = {
        {"window_size=YEAR", "window_size"},
        {"window_size=minute", "window_size"},
        {"window_size=MINUTE&start_time=2026-11-01T00:00:00Z", "window_size"}, /* too many */
        {"start_time=yesterday", "start_time"},
        {"end_time=2026-11-20T00:00:00", "end_time"},
        {"start_time=2026-11-22T00:00:00Z", "end_time"},
        {"start_time=2026-11-20T00:00:00Z&start_time=2026-11-20T00:00:00Z", "start_time"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct counts_request request;
        struct parameter_problem problem;
        assert_false(read_query(rows[i].query, &request, &problem));
        assert_string_equal(problem.parameter, rows[i].parameter);
    }
}

static void every_window_has_its_question(void **state)
{
    static const char *const intervals[] = {"1 MINUTE", "15 MINUTE", "30 MINUTE", "1 HOUR", "3 HOUR",
                                            "6 HOUR",   "12 HOUR",   "1 DAY",     "1 WEEK", "1 MONTH"};

    (void)state;
    for (uint32_t i = 0; counts_windows[i] != NULL; i++) {
        const struct counts_request request = {.start_us = 10, .end_us = 20, .window = i};
        struct arena arena = {0};
        struct question question = {.arena = &arena};
        counts_ask(&scope, &request, &question);
        assert_non_null(strstr(question.text, " FROM events FINAL WHERE tenant_id = {tenant:String}"));
        assert_non_null(strstr(question.text, "timestamp < "));
        assert_int_equal(strstr(question.text, "GROUP BY") != NULL, i > 0);
        if (i > 0)
            assert_non_null(strstr(question.text, intervals[i - 1]));
        arena_done(&arena);
    }
}

static void windows_add_up_to_the_total(void **state)
{
    const struct counts_request by_window = {.window = 1};
    const struct counts_request whole = {.window = 0};
    struct arena arena = {0};
    AUTO_BUF rows = {0};
    AUTO_BUF json = {0};
    struct counts counts;

    (void)state;
    rowbinary_write_i64(&rows, 0);
    rowbinary_write_u64(&rows, 3);
    rowbinary_write_i64(&rows, 60000000);
    rowbinary_write_u64(&rows, 4);
    assert_true(counts_read(buf_slice(&rows), &by_window, &arena, &counts));
    assert_int_equal(counts.total, 7);
    counts_write_points(&json, &counts);
    assert_string_equal(buf_text(&json),
                        ",\"points\":[{\"timestamp\":\"1970-01-01T00:00:00Z\",\"event_count\":3},"
                        "{\"timestamp\":\"1970-01-01T00:01:00Z\",\"event_count\":4}]");
    assert_true(counts_read(slice_of(rows.data, 16), &whole, &arena, &counts));
    assert_int_equal(counts.total, 3);
    buf_clear(&json);
    counts_write_points(&json, &counts);
    assert_int_equal(json.length, 0);
    assert_false(counts_read(slice_of(rows.data, 17), &whole, &arena, &counts));
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_24_hours_are_counted_unless_told_otherwise),
        cmocka_unit_test(a_bad_parameter_is_named),
        cmocka_unit_test(every_window_has_its_question),
        cmocka_unit_test(windows_add_up_to_the_total),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
