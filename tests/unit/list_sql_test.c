/*
 * list_sql_test.c - which question is asked for which request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "query/list_sql.h"

#define HOUR_US (INT64_C(3600) * 1000000)

static const struct question_scope scope = {"t", "e"};
static const struct list_window window = {10, 20};

static const char *parameter(const struct question *sql, const char *name)
{
    for (const struct clickhouse_pair *pair = sql->parameters; pair->name != NULL; pair++)
        if (strcmp(pair->name, name) == 0)
            return pair->value;
    return NULL;
}

static struct list_request plain_request(void)
{
    return (struct list_request){.start_us = 0, .end_us = 100, .page_size = 50};
}

static void tenant_and_environment_stand_in_every_question(void **state)
{
    struct list_request request = plain_request();
    struct arena arena = {0};
    struct question sql[2] = {{.arena = &arena}, {.arena = &arena}};

    (void)state;
    list_sql_rows(&scope, &request, &window, &sql[0]);
    list_sql_count(&scope, &request, &sql[1]);
    for (int i = 0; i < 2; i++) {
        assert_non_null(strstr(sql[i].text, "FROM events FINAL WHERE tenant_id = {tenant:String} AND "
                                            "environment_id = {environment:String} AND "));
        assert_string_equal(parameter(&sql[i], "tenant"), "t");
        assert_string_equal(parameter(&sql[i], "environment"), "e");
    }
    arena_done(&arena);
}

static void values_are_parameters_and_never_text(void **state)
{
    struct list_request request = plain_request();
    struct arena arena = {0};
    struct question sql = {.arena = &arena};

    (void)state;
    request.external_customer_id = SLICE("' OR 1=1 --customer");
    request.event_name = SLICE("' OR 1=1 --name");
    request.event_id = SLICE("' OR 1=1 --id");
    request.source = SLICE("' OR 1=1 --source");
    request.has_newer = request.has_older = true;
    request.newer = (struct cursor){.us = 12, .id = SLICE("' OR 1=1 --newer")};
    request.older = (struct cursor){18, SLICE("' OR 1=1 --older"), true, UINT64_MAX};
    list_sql_rows(&scope, &request, &window, &sql);
    assert_null(strstr(sql.text, "1=1"));
    assert_string_equal(parameter(&sql, "customer"), "' OR 1=1 --customer");
    assert_string_equal(parameter(&sql, "name"), "' OR 1=1 --name");
    assert_string_equal(parameter(&sql, "id"), "' OR 1=1 --id");
    assert_string_equal(parameter(&sql, "source"), "' OR 1=1 --source");
    assert_string_equal(parameter(&sql, "newer"), "12");
    assert_string_equal(parameter(&sql, "newer_id"), "' OR 1=1 --newer");
    assert_string_equal(parameter(&sql, "older"), "18");
    assert_string_equal(parameter(&sql, "older_id"), "' OR 1=1 --older");
    assert_string_equal(parameter(&sql, "older_tie"), "18446744073709551615");
    assert_null(parameter(&sql, "newer_tie"));
    assert_string_equal(parameter(&sql, "from"), "10");
    assert_string_equal(parameter(&sql, "to"), "20");
    assert_string_equal(parameter(&sql, "limit"), "51");
    arena_done(&arena);
}

static void properties_are_compared_with_parameters(void **state)
{
    struct list_request request = plain_request();
    struct list_filters filters = {
        .items = {{SLICE("' OR 1=1 --name"), 0, 2}, {SLICE("b"), 2, 1}},
        .count = 2,
        .values = {SLICE("' OR 1=1 --value"), SLICE("second"), SLICE("third")},
        .value_count = 3,
    };
    struct arena arena = {0};
    struct question sql[2] = {{.arena = &arena}, {.arena = &arena}};

    (void)state;
    request.filters = &filters;
    list_sql_rows(&scope, &request, &window, &sql[0]);
    list_sql_count(&scope, &request, &sql[1]);
    for (int i = 0; i < 2; i++) {
        assert_null(strstr(sql[i].text, "1=1"));
        assert_non_null(strstr(sql[i].text,
                               "if(mapContains(exact, {property0:String}), exact[{property0:String}], "
                               "JSONExtractString(properties, {property0:String})) IN ({value0:String}, "
                               "{value1:String}) AND "));
        assert_string_equal(parameter(&sql[i], "property0"), "' OR 1=1 --name");
        assert_string_equal(parameter(&sql[i], "value0"), "' OR 1=1 --value");
        assert_string_equal(parameter(&sql[i], "property1"), "b");
        assert_string_equal(parameter(&sql[i], "value2"), "third");
    }
    arena_done(&arena);
}

static void the_most_that_a_request_can_hold_fits_a_question(void **state)
{
    struct list_request request = plain_request();
    struct list_filters filters = {.count = LIST_FILTERS_MAX, .value_count = LIST_FILTER_VALUES_MAX};
    struct arena arena = {0};
    struct question sql = {.arena = &arena};

    (void)state;
    for (size_t i = 0; i < LIST_FILTER_VALUES_MAX; i++)
        filters.values[i] = SLICE("v");
    for (size_t i = 0; i < LIST_FILTERS_MAX; i++)
        filters.items[i] = (struct list_filter){SLICE("p"), i * 5, 5};
    request.filters = &filters;
    request.external_customer_id = request.event_name = request.event_id = request.source = SLICE("x");
    request.has_newer = request.has_older = request.has_offset = true;
    request.newer = request.older = (struct cursor){.us = 1, .id = SLICE("x"), true, 1};
    list_sql_rows(&scope, &request, &window, &sql);
    assert_string_equal(parameter(&sql, "value99"), "v");
    assert_non_null(parameter(&sql, "bytes"));
    arena_done(&arena);
}

static void only_given_filters_are_in_the_question(void **state)
{
    struct list_request request = plain_request();
    struct arena arena = {0};
    struct question sql = {.arena = &arena};

    (void)state;
    request.event_name = SLICE("n");
    list_sql_rows(&scope, &request, &window, &sql);
    assert_non_null(strstr(sql.text, "event_name = {name:String}"));
    assert_null(strstr(sql.text, "{customer:"));
    assert_null(strstr(sql.text, "{id:"));
    assert_null(strstr(sql.text, "{source:"));
    assert_null(strstr(sql.text, "{older:"));
    arena_done(&arena);
}

static void the_order_follows_the_request(void **state)
{
    static const struct {
        bool has_newer, has_older, is_ascending, has_offset;
        enum list_sort sort;
        const char *order;
    } rows[] = {
        {false, false, false, false, LIST_BY_TIMESTAMP,
         "ORDER BY timestamp DESC, id DESC, tie DESC LIMIT {limit:UInt64}) QUALIFY"},
        {false, false, true, false, LIST_BY_TIMESTAMP,
         "ORDER BY timestamp ASC, id ASC, tie ASC LIMIT {limit:UInt64}) QUALIFY"},
        {true, false, false, false, LIST_BY_TIMESTAMP, "ORDER BY timestamp ASC, id ASC, tie ASC LIMIT"},
        {false, true, true, false, LIST_BY_TIMESTAMP, "ORDER BY timestamp DESC, id DESC, tie DESC LIMIT"},
        {true, true, false, false, LIST_BY_TIMESTAMP, "ORDER BY timestamp DESC, id DESC, tie DESC LIMIT"},
        {false, false, false, true, LIST_BY_TIMESTAMP,
         "ORDER BY timestamp DESC, id DESC, tie DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}) QUALIFY"},
        {false, false, true, true, LIST_BY_EVENT_NAME,
         "ORDER BY event_name ASC, timestamp DESC, id DESC, tie DESC LIMIT {limit:UInt64} OFFSET "},
        {false, false, false, true, LIST_BY_EVENT_NAME,
         "ORDER BY event_name DESC, timestamp DESC, id DESC, tie DESC LIMIT {limit:UInt64} OFFSET "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct list_request request = plain_request();
        struct arena arena = {0};
        struct question sql = {.arena = &arena};
        request.newer.id = request.older.id = SLICE("x");
        request.has_newer = rows[i].has_newer;
        request.has_older = rows[i].has_older;
        request.is_ascending = rows[i].is_ascending;
        request.has_offset = rows[i].has_offset;
        request.sort = rows[i].sort;
        list_sql_rows(&scope, &request, &window, &sql);
        assert_non_null(strstr(sql.text, rows[i].order));
        arena_done(&arena);
    }
}

static void an_offset_reads_one_row_before_the_page_where_keys_need_it(void **state)
{
    static const struct {
        enum list_sort sort;
        uint32_t offset;
        const char *limit, *sql_offset;
    } rows[] = {
        {LIST_BY_TIMESTAMP, 0, "51", "0"},
        {LIST_BY_TIMESTAMP, 100, "52", "99"},
        {LIST_BY_EVENT_NAME, 100, "51", "100"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct list_request request = plain_request();
        struct arena arena = {0};
        struct question sql = {.arena = &arena};
        request.has_offset = true;
        request.offset = rows[i].offset;
        request.sort = rows[i].sort;
        list_sql_rows(&scope, &request, &window, &sql);
        assert_string_equal(parameter(&sql, "limit"), rows[i].limit);
        assert_string_equal(parameter(&sql, "offset"), rows[i].sql_offset);
        arena_done(&arena);
    }
}

static void the_count_is_of_the_whole_range(void **state)
{
    struct list_request request = plain_request();
    struct arena arena = {0};
    struct question sql = {.arena = &arena};

    (void)state;
    request.has_older = true;
    request.older = (struct cursor){.us = 50, .id = SLICE("x")};
    list_sql_count(&scope, &request, &sql);
    assert_null(strstr(sql.text, "older"));
    assert_null(strstr(sql.text, "LIMIT"));
    assert_string_equal(parameter(&sql, "from"), "0");
    assert_string_equal(parameter(&sql, "to"), "100");
    arena_done(&arena);
}

static void the_beginning_of_a_list_is_looked_at_first(void **state)
{
    static const struct {
        int64_t start_us, end_us;
        bool is_ascending;
        struct list_window steps[3]; /* ends at one of 0, 0 */
    } rows[] = {
        {0,
         100 * HOUR_US,
         false,
         {{99 * HOUR_US, 100 * HOUR_US}, {76 * HOUR_US, 100 * HOUR_US}, {0, 100 * HOUR_US}}},
        {0, 100 * HOUR_US, true, {{0, HOUR_US}, {0, 24 * HOUR_US}, {0, 100 * HOUR_US}}},
        {0, 24 * HOUR_US, false, {{23 * HOUR_US, 24 * HOUR_US}, {0, 24 * HOUR_US}}},
        {HOUR_US, 2 * HOUR_US, false, {{HOUR_US, 2 * HOUR_US}}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct list_request request = {
            .start_us = rows[i].start_us, .end_us = rows[i].end_us, .is_ascending = rows[i].is_ascending};
        uint32_t step = 0;
        struct list_window seen;
        while (step < 3 && rows[i].steps[step].to_us != 0) {
            assert_true(list_window(&request, step, &seen));
            assert_int_equal(seen.from_us, rows[i].steps[step].from_us);
            assert_int_equal(seen.to_us, rows[i].steps[step].to_us);
            step++;
        }
        assert_false(list_window(&request, step, &seen));
    }
}

static void a_window_ends_at_the_cursor(void **state)
{
    struct list_request request = {.start_us = 0, .end_us = 100 * HOUR_US, .has_older = true};
    struct list_window seen;

    (void)state;
    request.older = (struct cursor){.us = 50 * HOUR_US, .id = SLICE("x")};
    assert_true(list_window(&request, 0, &seen));
    assert_int_equal(seen.from_us, 49 * HOUR_US);
    assert_int_equal(seen.to_us, 50 * HOUR_US);
    assert_true(list_window(&request, 2, &seen));
    assert_int_equal(seen.from_us, 0);
    request.older.us = 200 * HOUR_US;
    assert_true(list_window(&request, 0, &seen));
    assert_int_equal(seen.to_us, 100 * HOUR_US);
}

static void an_id_or_an_offset_is_asked_for_at_once(void **state)
{
    struct list_request by_id = {.end_us = 100 * HOUR_US, .event_id = SLICE("x")};
    struct list_request by_offset = {.end_us = 100 * HOUR_US, .has_offset = true};
    struct list_window seen;

    (void)state;
    assert_true(list_window(&by_id, 0, &seen));
    assert_int_equal(seen.from_us, 0);
    assert_int_equal(seen.to_us, 100 * HOUR_US);
    assert_false(list_window(&by_id, 1, &seen));
    assert_true(list_window(&by_offset, 0, &seen));
    assert_int_equal(seen.from_us, 0);
    assert_false(list_window(&by_offset, 1, &seen));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenant_and_environment_stand_in_every_question),
        cmocka_unit_test(values_are_parameters_and_never_text),
        cmocka_unit_test(properties_are_compared_with_parameters),
        cmocka_unit_test(the_most_that_a_request_can_hold_fits_a_question),
        cmocka_unit_test(only_given_filters_are_in_the_question),
        cmocka_unit_test(the_order_follows_the_request),
        cmocka_unit_test(an_offset_reads_one_row_before_the_page_where_keys_need_it),
        cmocka_unit_test(the_count_is_of_the_whole_range),
        cmocka_unit_test(the_beginning_of_a_list_is_looked_at_first),
        cmocka_unit_test(a_window_ends_at_the_cursor),
        cmocka_unit_test(an_id_or_an_offset_is_asked_for_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
